"""`vshell replay`: the command line of the replay."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from vshell.labs.replay import FileResult, Session, replay
from vshell.labs.report import as_json, as_junit, differences, summary

USAGE = """\
usage: vshell [--seed N] [--kernel novimage] replay [-q] [-j JOBS] [--json FILE] [--junit FILE] FILE ...

Runs the commands of each FILE (a .t recording, or a Markdown file with console blocks; a folder stands for all that
are in it) in a fresh machine and compares the answers with those in the file.

  -j JOBS        work on so many files at once (default: one for each processor)
  --json FILE    write all answers as JSON ("-" is standard output)
  --junit FILE   write the outcome as JUnit XML
  -q             no differences, only the summary
"""


class Options:
    """The parsed command line."""

    def __init__(self) -> None:
        self.jobs = 0
        self.json = ""
        self.junit = ""
        self.quiet = False
        self.paths: list[Path] = []


class Usage(Exception):
    """The command line makes no sense: the text says why ("" asks for help)."""


def parse(argv: Sequence[str]) -> Options:
    """The options of `vshell replay`."""
    o = Options()
    rest = list(argv)

    def value(name: str) -> str:
        if not rest:
            raise Usage(f"option {name} needs a value")
        return rest.pop(0)

    while rest:
        word = rest.pop(0)
        if word in ("-h", "--help"):
            raise Usage("")
        if word in ("--json", "--junit"):
            setattr(o, word[2:], value(word))
        elif word.startswith("-j"):
            number = word[2:] or value(word)
            if not number.isdecimal():
                raise Usage(f"not a number of jobs: {number}")
            o.jobs = int(number)
        elif word == "-q":
            o.quiet = True
        elif word.startswith("-") and word != "-":
            raise Usage(f"unknown option {word}")
        else:
            o.paths.append(Path(word))
    if not o.paths:
        raise Usage("which files?")
    return o


def expand(paths: Sequence[Path]) -> list[Path]:
    """The files meant: a folder stands for the transcripts in it."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(f for f in path.rglob("*") if f.suffix in (".t", ".md") and f.name != "README.md")
        else:
            files.append(path)
    return files


def run(files: Sequence[Path], open_session: Callable[[], Session], jobs: int = 0) -> Iterator[FileResult]:
    """Replay the files, several at once; results come in the order of the files."""
    jobs = min(jobs or len(os.sched_getaffinity(0)), len(files))
    work = partial(replay, open_session=open_session)
    if jobs <= 1:
        yield from map(work, files)
        return
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap(work, files)


class Progress:
    """A bar on standard error while that is a terminal."""

    WIDTH = 40

    def __init__(self, total: int) -> None:
        self.total = total
        self.on = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def show(self, done: int) -> None:
        """So many are done."""
        if self.on:
            full = self.WIDTH * done // max(self.total, 1)
            sys.stderr.write(f"\r[{'#' * full}{' ' * (self.WIDTH - full)}] {done}/{self.total}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Make room for other output."""
        if self.on:
            sys.stderr.write("\r" + " " * (self.WIDTH + 20) + "\r")
            sys.stderr.flush()


def write(path: str, text: str) -> None:
    """To a file, or to standard output for "-"."""
    if path == "-":
        sys.stdout.write(text)
    else:
        Path(path).write_text(text, "utf-8", "surrogateescape")


def main(argv: Sequence[str], open_session: Callable[[], Session]) -> int:
    """`vshell replay ARG...`; `open_session` boots a machine."""
    try:
        options = parse(argv)
    except Usage as e:
        if not str(e):
            sys.stdout.write(USAGE)
            return 0
        sys.stderr.write(f"vshell replay: {e}\n{USAGE}")
        return 2
    files = expand(options.paths)
    missing = [f for f in files if not f.is_file()]
    if missing:
        sys.stderr.write("".join(f"vshell replay: {f}: no such file\n" for f in missing))
        return 2
    return outcome(options, files, open_session)


def outcome(options: Options, files: Sequence[Path], open_session: Callable[[], Session]) -> int:
    """Replay and report; the exit status tells whether all was the same."""
    progress = Progress(len(files))
    progress.show(0)
    results: list[FileResult] = []
    for result in run(files, open_session, options.jobs):
        results.append(result)
        progress.clear()
        if not options.quiet and options.json != "-":
            for line in differences([result]):
                sys.stdout.write(line.encode("utf-8", "replace").decode() + "\n")
        progress.show(len(results))
    progress.clear()
    if options.json:
        write(options.json, as_json(results))
    if options.junit:
        write(options.junit, as_junit(results))
    (sys.stderr if options.json == "-" else sys.stdout).write(summary(results) + "\n")
    empty = [str(r.path) for r in results if not r.steps] or ([] if results else [str(p) for p in options.paths])
    for name in empty:
        sys.stderr.write(f"vshell replay: {name}: no commands found\n")
    return int(bool(empty) or any(r.different or r.panics for r in results))
