"""fmt(1): fill and center lines of text (usr.bin/fmt/fmt.c)."""

from __future__ import annotations

from enum import IntEnum
from unicodedata import east_asian_width

from vshell.abi.errno import KError
from vshell.userland.cnumber import strtol
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.textfile import stream

USAGE = """usage:   fmt [-cmps] [-d chars] [-l num] [-t num]
             [-w width | -width | goal [maximum]] [file ...]
Options: -c     center each line instead of formatting
         -d <chars> double-space after <chars> at line end
         -l <n> turn each <n> spaces at start of line into a tab
         -m     try to make sure mail header lines stay separate
         -n     format lines beginning with a dot
         -p     allow indented paragraphs
         -s     coalesce whitespace inside lines
         -t <n> have tabs every <n> columns
         -w <n> set maximum width to <n>
         goal   set target width to goal"""
EX_USAGE, EX_NOINPUT = 64, 66
GOAL, SLACK = 65, 10


class Kind(IntEnum):
    """What a line is in a mail."""

    START = -1
    TEXT = 0
    HEADER = 1
    CONTINUATION = 2


class Fmt:
    """The settings, and the line that is being filled."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.goal = self.max = 0
        self.tab = self.output_tab = 8
        self.enders = ".?!"
        self.buffer = ""
        self.column = 0
        self.filled = 0
        """The column without the indentation."""
        self.pending = 0
        """Blanks before the next word."""
        self.begun = False
        """Has a line of the paragraph been written?"""

    @property
    def troff(self) -> bool:
        """Are lines with a dot as any other?"""
        return bool(self.flags & {"n", "c"})

    # lines -----------------------------------------------------------------------------------------------------
    def clean(self, raw: str) -> str:
        """get_line: without tabs, control characters, what was rubbed out, and blanks at the end."""
        out: list[str] = []
        blanks = column = 0
        verbatim = raw.startswith(".") and not self.troff
        for c in raw:
            if c == " ":
                blanks += 1
            elif verbatim or c.isprintable():
                out.append(" " * blanks + c)
                column += blanks + width_of(c)
                blanks = 0
            elif c == "\t":
                blanks += self.tab - (column + blanks) % self.tab
            elif c == "\b":
                text = "".join(out)
                out = [text[:-1]]
                column = max(column - 1, 0)
        return "".join(out)

    def center(self, line: str) -> None:
        """One line in the middle."""
        line = line.lstrip()
        blanks = max(self.goal - width_of(line) + 1, 0) // 2
        self.p.stdout.write(" " * blanks + line + "\n")

    def text(self, lines: list[str]) -> None:
        """process_stream: paragraphs are lines of the same indentation."""
        last = first = -1
        number = 0
        before = Kind.START
        for line in lines:
            indent = len(line) - len(line.lstrip(" "))
            kind = self._kind(line, indent, before)
            alone = not line or (line.startswith(".") and not self.troff)
            ends = kind is Kind.HEADER or (kind is Kind.TEXT and before > Kind.TEXT)
            moved = indent != last and kind is not Kind.CONTINUATION
            if alone or ends or (moved and not ("p" in self.flags and number == 1)):
                self.paragraph(last if self.begun else first, indent)
                number, first, last = 0, indent, indent
                if kind is Kind.HEADER:
                    last = 2
                if alone:
                    self.p.stdout.write(line + "\n")
                    before = Kind.START
                    continue
            elif moved:
                last = indent
            before = kind
            self._words(line[indent:], first, last)
            number += 1
        self.paragraph(last if self.begun else first, 0)

    def _kind(self, line: str, indent: int, before: Kind) -> Kind:
        if "m" in self.flags and before is not Kind.TEXT:
            if not indent and might_be_header(line):
                return Kind.HEADER
            if indent and before > Kind.TEXT:
                return Kind.CONTINUATION
        return Kind.TEXT

    def _words(self, line: str, first: int, last: int) -> None:
        at = 0
        while at < len(line):
            end = line.find(" ", at)
            end = len(line) if end < 0 else end
            rest = len(line) - len(line[end:].lstrip(" "))
            self.word(first, last, line[at:end], rest - end)
            at = rest

    # output ----------------------------------------------------------------------------------------------------
    def paragraph(self, old: int, indent: int) -> None:
        """Write what is left, and begin another paragraph."""
        if self.buffer:
            self.p.stdout.write(self.indentation(old) + self.buffer + "\n")
        self.column, self.filled, self.buffer, self.pending, self.begun = indent, 0, "", 0, False

    def indentation(self, size: int) -> str:
        """Blanks, as many of them as tabs as is wanted."""
        tabs, blanks = divmod(max(size, 0), self.output_tab) if self.output_tab else (0, max(size, 0))
        return "\t" * tabs + " " * blanks

    def word(self, first: int, last: int, word: str, blanks: int) -> None:
        """output_word: as near to the goal as can be without exceeding the maximum."""
        indent = last if self.begun else first
        width = width_of(word)
        column = self.column + self.pending + width
        if "s" in self.flags or not blanks:
            blanks = 2 if word[-1] in self.enders else 1
        if column <= self.goal:
            self.buffer += " " * self.pending + word
            self.filled += self.pending + width
            self.column = column
            self.pending = blanks
            return
        out = self.indentation(indent) + self.buffer
        nearer = self.column > self.goal or column - self.goal <= self.goal - self.column
        fits = nearer and column <= self.max
        if not self.filled or fits:
            self._alone(out + " " * self.pending + word, last)
        elif indent + width > self.max:
            self._alone(f"{out}\n{self.indentation(indent)}{word}", last)
        else:
            self.p.stdout.write(out + "\n")
            self.buffer, self.filled, self.column, self.pending = word, width, width + last, blanks
        self.begun = True

    def _alone(self, out: str, last: int) -> None:
        self.p.stdout.write(out + "\n")
        self.buffer, self.filled, self.column, self.pending = "", 0, last, 0


def width_of(text: str) -> int:
    """Columns; what has none counts as one."""
    return len(text) if text.isascii() else sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def might_be_header(line: str) -> bool:
    """Does it look like the header of a mail?"""
    name, colon, rest = line.partition(":")
    return name[:1].isupper() and name.replace("-", "a").isalnum() and bool(colon) and rest[:1].isspace()


def number(p: Program, text: str, complaint: str, low: int, fussy: bool = True) -> int:
    """get_positive, get_nonnegative: 0 for what is no number, unless that is wrong too."""
    value, rest, _ = strtol(text, 0)
    if rest and not fussy:
        return 0
    if rest or value < low:
        p.errx(EX_USAGE, complaint)
    return value


def options(p: Program, fmt: Fmt) -> list[str]:
    """The command line; what is left are files."""
    parsed = Getopt(p, "0123456789cd:hl:mnpst:w:")
    for letter, value in parsed:
        if letter == "d":
            fmt.enders = value
        elif letter == "l":
            fmt.output_tab = number(p, value, "output tab width must be non-negative", 0)
        elif letter == "t":
            fmt.tab = number(p, value, "tab width must be positive", 1)
        elif letter == "w":
            fmt.goal = fmt.max = number(p, value, "width must be positive", 1)
        elif letter.isdecimal():
            if not fmt.goal:
                word = parsed.argv[parsed.optind - 1]
                fmt.goal = fmt.max = number(p, word[1:], "width must be nonzero", 1)
        elif letter in "h?":
            p.usage(USAGE, 0 if letter == "h" else EX_USAGE)
        else:
            fmt.flags.add(letter)
    args = parsed.args
    if args and not fmt.goal:
        fmt.goal = number(p, args[0], "goal length must be positive", 1, fussy=False)
        args = args[1:] if fmt.goal else args
        if args and fmt.goal:
            fmt.max = number(p, args[0], "max length must be positive", 1, fussy=False)
            args = args[1:] if fmt.max else args
            if fmt.max and fmt.max < fmt.goal:
                p.errx(EX_USAGE, "max length must be >= goal length")
    fmt.goal = fmt.goal or GOAL
    fmt.max = fmt.max or fmt.goal + SLACK
    return args


@program("/usr/bin/fmt")
async def main(p: Program) -> int:
    """fmt [-cmnps] [-d chars] [-l num] [-t num] [-w width | -width | goal [maximum]] [file ...]"""
    fmt = Fmt(p)
    status = 0
    async for path, text in stream(p, options(p, fmt), dash=False):
        if isinstance(text, KError):
            p.warn(text, path)
            status = EX_NOINPUT
            continue
        raw = text.split("\n")
        if not raw[-1]:
            raw.pop()
        lines = [fmt.clean(line) for line in raw]
        if "c" in fmt.flags:
            for line in lines:
                fmt.center(line)
        else:
            fmt.text(lines)
    return status
