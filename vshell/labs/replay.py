"""Replay a transcript: run its commands in one fresh machine and compare every answer with the recorded one.

The commands of a file share one shell as they did when they were recorded: each runs under `eval` with its standard
output and error in one file and /dev/null as input, and `$?` reaches the next one as it does at a prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from vshell.labs.normalise import Normaliser
from vshell.labs.transcript import Step, load

MARK = "@@vshell@@"
PROLOGUE = "__r=0; __s() { return $1; }\n"


class Session(Protocol):
    """A shell that is fed commands one after the other (machine.Session)."""

    @property
    def panics(self) -> Sequence[str]:
        """Where the emulator itself failed so far."""
        ...

    def feed(self, text: str) -> bytes:
        """Run `text`; returns what the shell and its commands wrote to standard output meanwhile."""
        ...


@dataclass(frozen=True)
class StepResult:
    """How a command answered; `output` is None if it never came to an end."""

    index: int
    step: Step
    expected: str
    output: str | None
    status: int | None
    counted: bool

    @property
    def same(self) -> bool:
        """True if output and status are the recorded ones."""
        return self.output == self.expected and self.step.status in (None, self.status)


@dataclass
class FileResult:
    """How a file answered."""

    path: str
    title: str = ""
    steps: list[StepResult] = field(default_factory=list)
    seconds: float = 0.0
    panics: list[str] = field(default_factory=list)
    """Where the emulator itself failed: the text of each exception."""

    @property
    def counted(self) -> list[StepResult]:
        """The steps that are compared."""
        return [s for s in self.steps if s.counted]

    @property
    def different(self) -> list[StepResult]:
        """The steps that must be reported."""
        return [s for s in self.steps if s.counted and not s.same]


def quote(text: str) -> str:
    """`text` as one word of sh."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def script(command: str, number: int) -> str:
    """The lines that make a shell run one command and report on it."""
    return (
        "case $- in *e*) ;; *) __s $__r;; esac\n"
        f"command eval {quote(command)} >/tmp/.o 2>&1 </dev/null; __r=$?\n"
        f"printf '%s %d %d\\n' {MARK} {number} $__r; cat /tmp/.o; printf '\\n%s end\\n' {MARK}\n"
    )


def answer(raw: bytes, number: int) -> tuple[str | None, int | None]:
    """(output, status) out of what `script` made the shell print; (None, None) if it did not get that far."""
    text = raw.decode("utf-8", "replace")
    m = re.search(rf"^{MARK} {number} (\d+)\n(.*?)\n{MARK} end$", text, re.S | re.M)
    return (m[2], int(m[1])) if m else (None, None)


def uncounted(path: Path) -> frozenset[int]:
    """The commands of this file that two recordings of the same system did not answer alike."""
    table = path.resolve().parent.parent / "uncounted.txt"
    if not table.exists():
        return frozenset()
    name = f"{path.resolve().parent.name}/{path.name}"
    rows = (line.split() for line in table.read_text().splitlines())
    return frozenset(int(row[1]) for row in rows if row[:1] == [name])


def replay(path: Path, open_session: Callable[[], Session]) -> FileResult:
    """Run one file."""
    from time import perf_counter

    transcript = load(path)
    result = FileResult(str(path), transcript.title)
    skip = uncounted(path)
    want, got = Normaliser(), Normaliser()
    began = perf_counter()
    session = open_session()
    session.feed(PROLOGUE)
    for i, step in enumerate(transcript.steps):
        output, status = answer(session.feed(script(step.command, i)), i)
        expected = want(step.output)
        result.steps.append(StepResult(i, step, expected, None if output is None else got(output), status, i not in skip))
    result.seconds = perf_counter() - began
    result.panics = list(session.panics)
    return result
