"""od(1): octal, decimal, hex, ASCII dump, on hexdump's engine (usr.bin/hexdump/odsyntax.c)."""

from __future__ import annotations

import re

from vshell.userland.getopt import Getopt
from vshell.userland.hexdump import skip_count
from vshell.userland.hexdump.display import Dump, Input
from vshell.userland.program import Program, program

USAGE = """\
usage: od [-aBbcDdeFfHhIiLlOosvXx] [-A base] [-j skip] [-N length] [-t type]
          [[+]offset[.][Bb]] [file ...]
"""
PADDING = '"         "'
SHORT = {
    "a": "a", "B": "o2", "o": "o2", "b": "o1", "c": "c", "d": "u2", "D": "u4", "e": "fD", "F": "fD", "f": "fF", "H": "x4",
    "X": "x4", "h": "x2", "x": "x2", "I": "dL", "L": "dL", "l": "dL", "i": "dI", "O": "o4", "s": "d2",
}  # fmt: skip
INTS = {"C": 1, "S": 2, "I": 4, "L": 8}
REALS = {"F": 4, "D": 8, "L": 16}
DIGITS = {4: 6, 8: 15, 16: 18}


class Types:
    """The -t types collected as hexdump formats."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.base = "o"
        self.formats: list[str] = []

    def add(self, text: str) -> None:
        """odformat()."""
        while text:
            c, text = text[0], text[1:]
            if c in "ac":
                self.formats.append(f'16/1 "%3_{"u" if c == "a" else "c"} " "\\n"')
            elif c in "ouxd":
                size, text = self.size(text, INTS, 4)
                if size not in (1, 2, 4, 8):
                    self.p.errx(1, f"unsupported int size {size}")
                digits = -(-8 * size // (4 if c == "x" else 3)) + (c == "d")
                zero = "" if c in "du" else "0"
                self.formats.append(f'{16 // size}/{size} "{" " * (4 * size - digits)}%{zero}{digits}{c}" "\\n"')
            elif c == "f":
                size, text = self.size(text, REALS, 8)
                if size not in DIGITS:
                    self.p.errx(1, f"unsupported floating point size {size}")
                digits = DIGITS[size]
                self.formats.append(f'{16 // size}/{size} " %{digits + 8}.{digits}e " "\\n"')
            else:
                self.p.errx(1, f"{c}: unrecognised format character")

    def size(self, text: str, letters: dict[str, int], default: int) -> tuple[int, str]:
        """The size behind a type."""
        if text[:1] in letters:
            return letters[text[0]], text[1:]
        m = re.match("[0-9]+", text)
        if not m:
            return default, text
        if int(m[0]) == 0:
            self.p.errx(1, f"{text}: invalid size")
        return int(m[0]), text[m.end() :]

    def sources(self) -> list[str]:
        """All formats, with the address in front of the first and padding in front of the others."""
        address = [f'"%07.7_A{self.base}\\n"', f'"%07.7_a{self.base}  "']
        if self.base == "n":
            address = ['""', PADDING]
        out = list(address)
        for i, one in enumerate(self.formats):
            out += [PADDING, one] if i else [one]
        return out


def old_offset(types: Types, args: list[str]) -> tuple[int, list[str]]:
    """odoffset(): the offset operand of old; (skip, files)."""
    text = args[0] if len(args) == 1 else args[1]
    if not text.startswith("+") and (len(args) < 2 or not re.match("[0-9]|x[0-9a-fA-F]", text)):
        return 0, args
    m = re.fullmatch(r"\+?(?:(?:x|0x)([0-9a-fA-F]+)|([0-9]+)(\.?))([Bb]?)", text)
    if not m:
        return 0, args
    if m[1]:
        skip, types.base = int(m[1], 16), "x"
    elif m[3]:
        skip, types.base = int(m[2]), "d"
    elif re.fullmatch("[0-7]+", m[2]):
        skip = int(m[2], 8)
    else:
        return 0, args
    return skip * {"": 1, "b": 512, "B": 1024}[m[4]], args[:1] if len(args) > 1 else []


@program("/usr/bin/od")
async def main(p: Program) -> int:
    """od [-aBbcDdeFfHhIiLlOosvXx] [-A base] [-j skip] [-N length] [-t type] [[+]offset[.][Bb]] [file ...]"""
    types = Types(p)
    skip, length, everything = 0, -1, False
    parsed = Getopt(p, "A:aBbcDdeFfHhIij:LlN:Oost:vXx")
    for letter, value in parsed:
        if letter == "A":
            if value[:1] not in ("d", "o", "x", "n"):
                p.errx(1, f"{value}: invalid address base")
            types.base = value[0]
        elif letter == "j":
            skip, rest = skip_count(value)
            if skip < 0 or len(rest) > 1:
                p.errx(1, f"{value}: invalid skip amount")
        elif letter == "N":
            m = re.match(r"\s*([+-]?[0-9]+)", value)
            length = int(m[1]) if m else 0
            if length <= 0:
                p.errx(1, f"{value}: invalid length")
        elif letter == "t":
            types.add(value)
        elif letter == "v":
            everything = True
        elif letter == "?":
            p.usage(USAGE)
        else:
            types.add(SHORT[letter])
    if not types.formats:
        types.add("oS")
    args = parsed.args
    if args:
        extra, args = old_offset(types, args)
        skip = extra or skip
    dump = Dump(p, types.sources(), od=True)
    dump.all = everything
    return await dump.run(Input(p, args, skip, length))
