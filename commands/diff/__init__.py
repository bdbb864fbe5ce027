"""diff(1): differential file and directory comparator (usr.bin/diff).

lines.py finds the changes, output.py prints them.  Not here: -y, -D and --changed-group-format, which are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from vshell.abi.errno import ENOENT, KError
from vshell.abi.fcntl import S_IFDIR, S_IFMT, S_IFREG, Stat
from vshell.commands.diff import output
from vshell.commands.diff.lines import Change, changes
from vshell.userland.getopt_long import NO, OPTIONAL, REQUIRED, GetoptLong
from vshell.userland.humanize import strtonum
from vshell.userland.program import Program, program
from vshell.userland.regex import EXTENDED, Regex, RegexError, regcomp
from vshell.userland.stdio import decode
from vshell.userland.textfile import read_file

OPTSTRING = "0123456789A:aBbC:cdD:efF:HhI:iL:lnNPpqrS:sTtU:uwW:X:x:y"
LONGS = {
    "algorithm": (REQUIRED, "A"), "text": (NO, "a"), "ignore-space-change": (NO, "b"), "context": (OPTIONAL, "C"),
    "ifdef": (REQUIRED, "D"), "minimal": (NO, "d"), "ed": (NO, "e"), "forward-ed": (NO, "f"),
    "show-function-line": (REQUIRED, "F"), "speed-large-files": (NO, "H"), "ignore-blank-lines": (NO, "B"),
    "ignore-matching-lines": (REQUIRED, "I"), "ignore-case": (NO, "i"), "paginate": (NO, "l"), "label": (REQUIRED, "L"),
    "new-file": (NO, "N"), "rcs": (NO, "n"), "unidirectional-new-file": (NO, "P"), "show-c-function": (NO, "p"),
    "brief": (NO, "q"), "recursive": (NO, "r"), "report-identical-files": (NO, "s"), "starting-file": (REQUIRED, "S"),
    "expand-tabs": (NO, "t"), "initial-tab": (NO, "T"), "unified": (OPTIONAL, "U"), "ignore-all-space": (NO, "w"),
    "width": (REQUIRED, "W"), "exclude": (REQUIRED, "x"), "exclude-from": (REQUIRED, "X"), "side-by-side": (NO, "y"),
    "ignore-file-name-case": (NO, "fcase"), "help": (NO, "help"), "horizon-lines": (REQUIRED, "none"),
    "no-dereference": (NO, "none"), "no-ignore-file-name-case": (NO, "none"), "normal": (NO, "normal"),
    "strip-trailing-cr": (NO, "cr"), "tabsize": (REQUIRED, "none"), "changed-group-format": (REQUIRED, "D"),
    "suppress-common-lines": (NO, "none"), "color": (OPTIONAL, "none"), "version": (NO, "version"),
}  # fmt: skip
USAGE = """\
usage: diff [-aBbdilpTtw] [-c | -e | -f | -n | -q | -u] [--ignore-case]
            [--no-ignore-case] [--normal] [--strip-trailing-cr] [--tabsize]
            [-I pattern] [-F pattern] [-L label] file1 file2
       diff [-aBbdilpTtw] [-I pattern] [-L label] [--ignore-case]
            [--no-ignore-case] [--normal] [--strip-trailing-cr] [--tabsize]
            [-F pattern] -C number file1 file2
       diff [-aBbdiltw] [-I pattern] [--ignore-case] [--no-ignore-case]
            [--normal] [--strip-trailing-cr] [--tabsize] -D string file1 file2
       diff [-aBbdilpTtw] [-I pattern] [-L label] [--ignore-case]
            [--no-ignore-case] [--normal] [--tabsize] [--strip-trailing-cr]
            [-F pattern] -U number file1 file2
       diff [-aBbdilNPprsTtw] [-c | -e | -f | -n | -q | -u] [--ignore-case]
            [--no-ignore-case] [--normal] [--tabsize] [-I pattern] [-L label]
            [-F pattern] [-S name] [-X file] [-x pattern] dir1 dir2
       diff [-aBbditwW] [--expand-tabs] [--ignore-all-space]
            [--ignore-blank-lines] [--ignore-case] [--minimal]
            [--no-ignore-file-name-case] [--strip-trailing-cr]
            [--suppress-common-lines] [--tabsize] [--text] [--width]
            -y | --side-by-side file1 file2
       diff [--help] [--version]
"""
FORMATS = {"C": "context", "c": "context", "U": "unified", "u": "unified", "e": "ed", "f": "forward", "n": "rcs", "q": "brief"}
INT_MAX = 0x7FFFFFFF


class Diff:
    """Options, and the status so far."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.format = ""
        self.context = 3
        self.labels: list[str] = []
        self.ignore: list[str] = []
        self.exclude: list[str] = []
        self.start = ""
        self.status = 0
        self.header = ""
        self.ignore_regex: Regex | None = None

    def usage(self) -> None:
        """The usage text; exit 2."""
        self.p.usage(USAGE, 2)

    def set_format(self, name: str) -> None:
        if self.format not in ("", name):
            self.p.stderr.write("error: conflicting output format options.\n")
            self.usage()
        self.format = name

    async def parse(self) -> list[str]:
        """Options; returns the operands."""
        p = self.p
        getopt = GetoptLong(p, OPTSTRING, LONGS)
        last, last_word = "", 0
        for key, value in getopt:
            if key.isdigit():
                if getopt.word != last_word or not (last in "cu" or last.isdigit()):
                    self.usage()
                self.context = int(key) if last in "cu" else self.context * 10 + int(key)
            elif key == "X":
                await self.read_excludes(value)
            else:
                self.option(key, value)
            last, last_word = key, getopt.word
        args = getopt.args
        words = [w for w in p.argv[1 : len(p.argv) - len(args)] if w != "--"]
        self.header = " ".join(["diff", *words])
        return args

    def option(self, key: str, value: str) -> None:
        p = self.p
        if key in FORMATS:
            self.set_format(FORMATS[key])
            if value:
                self.context, error = strtonum(value, 0 if key in "Uu" else 1, INT_MAX)
                if error:
                    p.warnx(f"context size is {error}: {value}")
                    self.usage()
        elif key == "normal":
            self.set_format("normal")
        elif key in ("D", "y"):
            p.errx(2, f"-{key} is not supported")
        elif key == "L":
            self.labels.append(value)
            if len(self.labels) > 2:
                self.usage()
        elif key == "I":
            self.ignore.append(value)
        elif key == "x":
            self.exclude.append(value)
        elif key == "S":
            self.start = value
        elif key == "version":
            p.stdout.write("FreeBSD diff 20260206\n")
            p.exit(0)
        elif key == "help":
            p.stdout.write(USAGE)
            p.exit(0)
        elif key == "A":
            if value.lower() not in ("stone", "myers", "patience"):
                p.warnx(f"unknown algorithm: {value}")
                self.usage()
        elif key == "?":
            self.usage()
        else:
            self.flags.add(key)

    async def read_excludes(self, path: str) -> None:
        """-X."""
        try:
            data = await (self.p.stdin.read() if path == "-" else read_file(self.p, path))
        except KError as e:
            self.p.err(2, e, path)
        self.exclude += [line for line in decode(data).split("\n") if line]

    def prepare(self) -> None:
        """Settle what depends on several options."""
        if not self.format:
            self.format = "context" if "p" in self.flags else "normal"
        if self.ignore:
            pattern = "|".join(self.ignore)
            try:
                self.ignore_regex = regcomp(pattern, EXTENDED)
            except RegexError as e:
                self.p.errx(2, f"{pattern}: {e}")

    # comparing -------------------------------------------------------------------------------------------------
    def key(self) -> Callable[[str], str]:
        """What lines are compared by."""
        steps: list[Callable[[str], str]] = []
        if "cr" in self.flags:
            steps.append(lambda s: s.removesuffix("\r"))
        if "i" in self.flags:
            steps.append(str.lower)
        if "w" in self.flags:
            steps.append(lambda s: re.sub(r"\s+", "", s))
        elif "b" in self.flags:
            steps.append(lambda s: re.sub(r"\s+", " ", s).rstrip())

        def key(line: str) -> str:
            for step in steps:
                line = step(line)
            return line

        return key

    def wanted(self, change: Change, old: output.File, new: output.File) -> bool:
        """-B and -I: changes of nothing but such lines do not count."""
        lines = old.lines[change[0] : change[1]] + new.lines[change[2] : change[3]]
        if "B" in self.flags and all(not line for line in lines):
            return False
        regex = self.ignore_regex
        return regex is None or not all(regex.test(line) for line in lines)

    async def contents(self, path: str) -> bytes | None:
        """A file's bytes; None after a complaint."""
        try:
            return await (self.p.stdin.read() if path == "-" else read_file(self.p, path))
        except KError as e:
            if e.errno == ENOENT and "N" in self.flags:
                return b""
            self.p.stdout.flush()
            self.p.warn(e, path)
            self.status |= 2
            return None

    def label(self, index: int, path: str, st: Stat | None) -> str:
        """What stands behind --- and +++."""
        from vshell.userland.strftime import gmtime, strftime

        if index < len(self.labels):
            return self.labels[index]
        ns = st.st_mtime if st is not None else self.p.sys.clock_gettime()
        tm = gmtime(ns // 1_000_000_000)
        if self.format == "context":
            return f"{path}\t{strftime('%c', tm)}"
        return f"{path}\t{strftime('%Y-%m-%d %H:%M:%S', tm)}.{ns % 1_000_000_000:09d} {strftime('%z', tm)}"

    async def files(self, path1: str, path2: str, stats: tuple[Stat | None, Stat | None], header: bool) -> None:
        """diffreg and print_status of two files."""
        p = self.p
        data1 = await self.contents(path1)
        data2 = await self.contents(path2) if data1 is not None else None
        if data1 is None or data2 is None:
            return
        if data1 == data2:
            if "s" in self.flags:
                p.stdout.write(f"Files {path1} and {path2} are identical\n")
            return
        if "a" not in self.flags and (b"\0" in data1[:8192] or b"\0" in data2[:8192]):
            p.stdout.write(f"Binary files {path1} and {path2} differ\n")
            self.status |= 1
            return
        old = output.File(decode(data1), self.label(0, path1, stats[0]))
        new = output.File(decode(data2), self.label(1, path2, stats[1]))
        found = [c for c in self.compare(old, new) if self.wanted(c, old, new)]
        if not found:
            if "s" in self.flags:
                p.stdout.write(f"Files {path1} and {path2} are identical\n")
            return
        self.status |= 1
        if self.format == "brief":
            p.stdout.write(f"Files {path1} and {path2} differ\n")
            return
        if header:
            p.stdout.write(f"{self.header} {path1} {path2}\n")
        p.stdout.write(self.render(old, new, found))

    def compare(self, old: output.File, new: output.File) -> list[Change]:
        """The changes; a missing last newline is one too."""
        key = self.key()
        a, b = list(old.lines), list(new.lines)
        if old.newline != new.newline and not self.flags & {"b", "w"}:
            # A mark no line can contain keeps the last lines apart.
            for file, lines in ((old, a), (new, b)):
                if not file.newline and lines:
                    lines[-1] += "\n"
        return changes(a, b, key)

    def render(self, old: output.File, new: output.File, found: list[Change]) -> str:
        if self.format == "unified":
            return output.unified(old, new, found, self.context)
        if self.format == "context":
            return output.contexts(old, new, found, self.context)
        how = {"ed": output.ed, "forward": output.forward, "rcs": output.rcs}.get(self.format, output.normal)
        return how(old, new, found)

    # directories -----------------------------------------------------------------------------------------------
    def names(self, path: str) -> list[str] | None:
        """The entries to compare, sorted."""
        from fnmatch import fnmatchcase

        try:
            names = sorted(self.p.sys.listdir(path))
        except KError as e:
            if e.errno == ENOENT and "N" in self.flags:
                return []
            self.p.stdout.flush()
            self.p.warn(e, path)
            self.status |= 2
            return None
        return [n for n in names if n >= self.start and not any(fnmatchcase(n, x) for x in self.exclude)]

    async def directories(self, path1: str, path2: str) -> None:
        """diffdir."""
        path1, path2 = path1.rstrip("/") or "/", path2.rstrip("/") or "/"
        names1, names2 = self.names(path1), self.names(path2)
        if names1 is None or names2 is None:
            return
        only1, only2 = set(names1) - set(names2), set(names2) - set(names1)
        for name in sorted({*names1, *names2}):
            if name in only1 and "N" not in self.flags:
                self.only(path1, name)
            elif name in only2 and not self.flags & {"N", "P"}:
                self.only(path2, name)
            else:
                await self.pair(f"{path1.removesuffix('/')}/{name}", f"{path2.removesuffix('/')}/{name}")

    def only(self, path: str, name: str) -> None:
        self.p.stdout.write(f"Only in {path}: {name}\n")
        self.status |= 1

    def stat(self, path: str) -> Stat | None:
        try:
            return self.p.sys.stat(path)
        except KError as e:
            if e.errno != ENOENT:
                self.p.warn(e, path)
            return None

    async def pair(self, path1: str, path2: str) -> None:
        """diffit: two entries of the same name."""
        st1, st2 = self.stat(path1), self.stat(path2)
        kinds = [st.st_mode & S_IFMT if st is not None else 0 for st in (st1, st2)]
        kind1, kind2 = kinds[0] or kinds[1], kinds[1] or kinds[0]
        out = self.p.stdout
        if kind1 == S_IFDIR and kind2 == S_IFDIR:
            if "r" in self.flags:
                await self.directories(path1, path2)
            else:
                out.write(f"Common subdirectories: {path1} and {path2}\n")
        elif S_IFDIR in (kind1, kind2):
            one, two = ("directory", "regular file") if kind1 == S_IFDIR else ("regular file", "directory")
            out.write(f"File {path1} is a {one} while file {path2} is a {two}\n")
            self.status |= 1
        elif kind1 != S_IFREG or kind2 != S_IFREG:
            path = path1 if kind1 != S_IFREG else path2
            out.write(f"File {path} is not a regular file or directory and was skipped\n")
        else:
            await self.files(path1, path2, (st1, st2), True)


def is_directory(st: Stat | None) -> bool:
    """Does stat(2) say directory?"""
    return st is not None and st.st_mode & S_IFMT == S_IFDIR


@program("/usr/bin/diff")
async def main(p: Program) -> int:
    """diff [options] file1 file2"""
    d = Diff(p)
    args = await d.parse()
    if len(args) != 2:
        d.usage()
    d.prepare()
    stats: list[Stat | None] = []
    for path in args:
        try:
            stats.append(p.sys.fstat(0) if path == "-" else p.sys.stat(path))
        except KError as e:
            if "N" not in d.flags or e.errno != ENOENT:
                p.err(2, e, path)
            stats.append(None)
    if "-" in args and any(map(is_directory, stats)):
        p.errx(2, "can't compare - to a directory")
    if all(map(is_directory, stats)):
        await d.directories(args[0], args[1])
        return d.status
    for i in (0, 1):
        if is_directory(stats[i]):
            args[i] = args[i].rstrip("/") + "/" + args[1 - i].rpartition("/")[2]
            try:
                stats[i] = p.sys.stat(args[i])
            except KError as e:
                p.err(2, e, args[i])
    if args != ["-", "-"]:
        await d.files(args[0], args[1], (stats[0], stats[1]), False)
    return d.status
