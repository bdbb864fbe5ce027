"""getopt(3) with FreeBSD's messages."""

from __future__ import annotations

from collections.abc import Iterator

from vshell.userland.program import Program


class Getopt:
    """An iteration over the options of `p.argv`: yields (letter, argument); afterwards `args` are the operands.

    A letter that is not in `optstring`, or lacks its argument, is reported on standard error and yielded as "?"
    (with a leading ":" in `optstring` nothing is reported and a missing argument yields ":").  `optopt` is the letter.
    """

    def __init__(self, p: Program, optstring: str, argv: list[str] | None = None) -> None:
        self.p = p
        self.quiet = optstring.startswith(":")
        self.optstring = optstring.lstrip(":+")
        self.argv = p.argv if argv is None else argv
        self.optind = 1
        self.optopt = ""
        self._rest = ""

    @property
    def args(self) -> list[str]:
        """The operands: what follows the options."""
        return self.argv[self.optind :]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self

    def __next__(self) -> tuple[str, str]:
        if not self._rest:
            if self.optind >= len(self.argv):
                raise StopIteration
            word = self.argv[self.optind]
            if not word.startswith("-") or word == "-":
                raise StopIteration
            self.optind += 1
            if word == "--":
                raise StopIteration
            self._rest = word[1:]
        letter, self._rest = self._rest[0], self._rest[1:]
        self.optopt = letter
        at = self.optstring.find(letter) if letter != ":" else -1
        if at < 0:
            if not self.quiet:
                self.p.warnx(f"illegal option -- {letter}")
            return "?", ""
        if self.optstring[at + 1 : at + 2] != ":":
            return letter, ""
        if self._rest or self.optstring[at + 1 : at + 3] == "::":
            value, self._rest = self._rest, ""
            return letter, value
        if self.optind >= len(self.argv):
            if not self.quiet:
                self.p.warnx(f"option requires an argument -- {letter}")
            return (":" if self.quiet else "?"), ""
        self.optind += 1
        return letter, self.argv[self.optind - 1]


def getopt(p: Program, optstring: str, argv: list[str] | None = None) -> tuple[list[tuple[str, str]], list[str]]:
    """All options at once, with the operands; for programs that do not act before the last option is read."""
    parsed = Getopt(p, optstring, argv)
    return list(parsed), parsed.args


def getopt_or_usage(p: Program, optstring: str, usage: str, status: int = 1) -> tuple[list[tuple[str, str]], list[str]]:
    """All options at once; the first wrong one prints the usage text and exits."""
    parsed = Getopt(p, optstring)
    options = []
    for letter, value in parsed:
        if letter == "?":
            p.usage(usage, status)
        options.append((letter, value))
    return options, parsed.args
