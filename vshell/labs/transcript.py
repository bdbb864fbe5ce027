"""Transcripts: commands with their recorded answers, in cram form (`.t`) or in the `console` blocks of Markdown.

Cram form: a line that starts with two blanks and `$ ` is a command, `> ` continues it, the other lines indented by
two are its output, `[N]` closes a command whose exit status was N (not 0); everything else is prose.  In Markdown
the same stands, without the indentation, in fenced blocks marked `console`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

NO_EOL = " (no-eol)"
STATUS = re.compile(r"\[(\d+|timeout)\]")
FENCE = re.compile(r"(`{3,}|~{3,})\s*([\w-]*)")


@dataclass(frozen=True)
class Step:
    """One command and the answer it must get; `status` is None if it never ended ("timeout")."""

    command: str
    output: str
    status: int | None
    line: int


@dataclass
class Transcript:
    """What a file holds."""

    steps: list[Step] = field(default_factory=list)
    title: str = ""


def load(path: Path) -> Transcript:
    """Read a transcript file of either form."""
    text = path.read_text("utf-8", "surrogateescape")
    return parse_markdown(text) if path.suffix in (".md", ".markdown") else parse_cram(text)


class _Collector:
    """Gathers the lines of one command after the other."""

    def __init__(self) -> None:
        self.transcript = Transcript()
        self._command: list[str] = []
        self._output: list[str] = []
        self._line = 0

    @property
    def open(self) -> bool:
        return bool(self._command)

    def body(self, text: str, line: int) -> None:
        """One line of a console, without indentation."""
        if text.startswith("$ "):
            self.close()
            self._command, self._line = [text[2:]], line
        elif text.startswith("> ") and self._command and not self._output:
            self._command.append(text[2:])
        elif self._command:
            self._output.append(text)

    def close(self) -> None:
        """The command that is open is complete."""
        if not self._command:
            return
        output, status = self._output, 0
        last = STATUS.fullmatch(output[-1]) if output else None
        timeout = last is not None and last[1] == "timeout"
        if last:
            output = output[:-1]
            status = 0 if timeout else int(last[1])
        text = "".join(line + "\n" for line in output)
        if text.endswith(NO_EOL + "\n"):
            text = text[: -len(NO_EOL) - 1]
        self.transcript.steps.append(Step("\n".join(self._command), text, None if timeout else status, self._line))
        self._command, self._output = [], []

    def prose(self, text: str) -> None:
        """A line outside any command."""
        self.close()
        if text.strip() and not self.transcript.title:
            self.transcript.title = text.strip("# \t")


def parse_cram(text: str) -> Transcript:
    """A `.t` file."""
    to = _Collector()
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("  ") and (to.open or line.startswith("  $ ")):
            to.body(line[2:], number)
        else:
            to.prose(line)
    to.close()
    return to.transcript


def parse_markdown(text: str) -> Transcript:
    """A Markdown file."""
    to = _Collector()
    fence = ""
    console = False
    for number, line in enumerate(text.splitlines(), 1):
        mark = FENCE.match(line)
        if fence:
            if mark and line.startswith(fence) and not mark[2]:
                to.close()
                fence = ""
            elif console:
                to.body(line, number)
        elif mark:
            fence, console = mark[1], mark[2] == "console"
        else:
            to.prose(line)
    to.close()
    return to.transcript
