"""nl(1): line numbering filter (usr.bin/nl/nl.c)."""

from __future__ import annotations

import re
from collections.abc import Callable

from vshell.abi.errno import KError
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.regex import RegexError, regcomp
from vshell.userland.stdio import decode
from vshell.userland.textfile import Lines, relieve

USAGE = """\
usage: nl [-p] [-b type] [-d delim] [-f type] [-h type] [-i incr] [-l num]
          [-n format] [-s sep] [-v startnum] [-w width] [file]
"""
FOOTER, BODY, HEADER = range(3)
NAMES = ("footer", "body", "header")


class Numbering:
    """The options, and the state of the page."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.tests: list[Callable[[str], object] | str] = ["n", "t", "n"]
        self.delim = "\\:"
        self.incr = self.start = 1
        self.blanks = 1
        self.format = "rn"
        self.restart = True
        self.sep = "\t"
        self.width = 6

    def number(self, text: str, what: str) -> int:
        if not re.fullmatch(r"\s*[+-]?\d+|", text):
            self.p.errx(1, f"invalid {what} -- {text}")
        return int(text or 0)

    def section(self, text: str, section: int) -> None:
        """-b, -f, -h."""
        kind = text[:1]
        if kind in ("a", "n", "t"):
            self.tests[section] = kind
        elif kind == "p":
            try:
                self.tests[section] = regcomp(text[1:]).test
            except RegexError as e:
                self.p.errx(1, f"{NAMES[section]} expr: {e} -- {text[1:]}")
        else:
            self.p.errx(1, f"illegal {NAMES[section]} line numbering type -- {text}")

    def option(self, letter: str, value: str) -> None:
        p = self.p
        if letter in "bfh":
            self.section(value, {"b": BODY, "f": FOOTER, "h": HEADER}[letter])
        elif letter == "d":
            if len(value) > 2:
                p.errx(1, f"invalid delim argument -- {value}")
            self.delim = value + self.delim[len(value) :]
        elif letter == "i":
            self.incr = self.number(value, "incr argument")
        elif letter == "l":
            self.blanks = self.number(value, "num argument")
        elif letter == "n":
            if value not in ("ln", "rn", "rz"):
                p.errx(1, f"illegal format -- {value}")
            self.format = value
        elif letter == "p":
            self.restart = False
        elif letter == "s":
            self.sep = value
        elif letter == "v":
            self.start = self.number(value, "startnum value")
        elif letter == "w":
            self.width = self.number(value, "width value")
            if self.width <= 0:
                p.errx(1, f"width argument must be > 0 -- {self.width}")
        else:
            p.usage(USAGE)

    def label(self, n: int) -> str:
        text = str(n)
        if self.format == "ln":
            text = text.ljust(self.width)
        elif self.format == "rn":
            text = text.rjust(self.width)
        else:
            text = text.zfill(self.width)
        return text[max(0, len(text) - self.width) :]

    async def run(self, lines: Lines) -> None:
        """Number the lines."""
        line, section, adjacent = self.start, BODY, 0
        sections = {self.delim * (n + 1) + "\n": n for n in range(3)}
        while text := decode(await lines.next()):
            if text in sections:
                section, adjacent = sections[text], 0
                line = self.start if self.restart else line
                continue
            test = self.tests[section]
            if test == "a":
                adjacent = adjacent + 1 if text == "\n" else 0
                wanted = adjacent == 0 or adjacent >= self.blanks
                adjacent = 0 if wanted else adjacent
            elif isinstance(test, str):
                wanted = test == "t" and text != "\n"
            else:
                wanted = bool(test(text.removesuffix("\n")))
            self.p.stdout.write((self.label(line) if wanted else " " * self.width) + self.sep + text)
            line += self.incr if wanted else 0
            await relieve(self.p)


@program("/usr/bin/nl")
async def main(p: Program) -> int:
    """nl [-p] [-b type] [-d delim] [-f type] [-h type] [-i incr] [-l num] ... [file]"""
    numbering = Numbering(p)
    parsed = Getopt(p, "pb:d:f:h:i:l:n:s:v:w:")
    for letter, value in parsed:
        numbering.option(letter, value)
    operands = parsed.args
    if len(operands) > 1:
        p.usage(USAGE)
    try:
        lines = Lines(p, operands[0] if operands and operands[0] != "-" else None)
    except KError as e:
        p.err(1, e, operands[0])
    try:
        await numbering.run(lines)
    except KError as e:
        p.err(1, e, "input error")
    return 0
