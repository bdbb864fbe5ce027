"""getopt_long(3): long options, abbreviations and permuted operands, with FreeBSD's messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vshell.userland.program import Program

NO, REQUIRED, OPTIONAL = 0, 1, 2


class GetoptLong:
    """An iteration over the options of `argv`: yields (key, argument); afterwards `args` are the operands.

    `longs` maps a long name to (argument kind, key); keys of short options are their letters.  Wrong options are
    reported and yielded as "?".  Operands may stand between options unless `optstring` begins with "+" or
    POSIXLY_CORRECT is set.
    """

    def __init__(self, p: Program, optstring: str, longs: Mapping[str, tuple[int, str]], argv: list[str] | None = None) -> None:
        self.p = p
        posix = "POSIXLY_CORRECT" in p.env
        self.permute = not optstring.startswith("+") and not posix
        self.invalid = "illegal" if posix else "invalid"
        self.optstring = optstring.lstrip("+")
        self.longs = longs
        self.argv = p.argv if argv is None else argv
        self.optind = 1
        self.word = 1
        """Index of the word the last yielded option stood in."""
        self._rest = ""
        self._skipped: list[str] = []
        self._done = False

    @property
    def args(self) -> list[str]:
        """The operands."""
        return self._skipped + self.argv[self.optind :]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self

    def __next__(self) -> tuple[str, str]:
        while not self._rest:
            if self._done or self.optind >= len(self.argv):
                raise StopIteration
            word = self.argv[self.optind]
            if not word.startswith("-") or word == "-":
                if not self.permute:
                    raise StopIteration
                self._skipped.append(word)
                self.optind += 1
                continue
            self.word = self.optind
            self.optind += 1
            if word == "--":
                self._done = True
                raise StopIteration
            if word.startswith("--"):
                return self._long(word[2:])
            self._rest = word[1:]
        return self._short()

    def _short(self) -> tuple[str, str]:
        letter, self._rest = self._rest[0], self._rest[1:]
        at = self.optstring.find(letter) if letter != ":" else -1
        if at < 0 or (letter == "-" and self._rest):
            self.p.warnx(f"{self.invalid} option -- {letter}")
            return "?", ""
        if self.optstring[at + 1 : at + 2] != ":":
            return letter, ""
        if self._rest or self.optstring[at + 1 : at + 3] == "::":
            value, self._rest = self._rest, ""
            return letter, value
        if self.optind >= len(self.argv):
            self.p.warnx(f"option requires an argument -- {letter}")
            return "?", ""
        self.optind += 1
        return letter, self.argv[self.optind - 1]

    def _long(self, text: str) -> tuple[str, str]:
        name, has_value, value = text.partition("=")
        if name in self.longs:
            found = [name]
        else:
            found = [n for n in self.longs if n.startswith(name)]
            if len({self.longs[n] for n in found}) > 1:
                self.p.warnx(f"option `--{name}' is ambiguous")
                return "?", ""
        if not found:
            self.p.warnx(f"unrecognized option `--{text}'")
            return "?", ""
        kind, key = self.longs[found[0]]
        if kind == NO and has_value:
            self.p.warnx(f"option `--{name}' doesn't allow an argument")
            return "?", ""
        if kind == REQUIRED and not has_value:
            if self.optind >= len(self.argv):
                self.p.warnx(f"option `--{text}' requires an argument")
                return "?", ""
            value = self.argv[self.optind]
            self.optind += 1
        return key, value
