"""Format strings of hexdump(1) and od(1): parsing and layout (usr.bin/hexdump/parse.c).

A dump has formats, a format has units ("8/2 "%04x ""), a unit has pieces: one conversion with the text before it, or the
text behind the last one.
"""

from __future__ import annotations

import re
from typing import NoReturn

from vshell.userland.program import Program

SPACES = " \t\n\v\f\r"
ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
SPEC = re.compile(r"%([#\-+ 0]*)([0-9]*)(\.[0-9]*)?")


class Piece:
    """`kind` is text, address, c (escaped), char, double, int, uint, p, str, u or pad."""

    __slots__ = ("conversion", "flags", "kind", "multibyte", "precision", "size", "text", "trim", "width")

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self.text = text
        """What stands before the conversion."""
        self.flags = self.width = self.precision = self.conversion = ""
        self.size = 0
        self.trim = False
        """The last repetition drops the blank at the end."""
        self.multibyte = 0
        """od: bytes of the current character still to come."""


class Unit:
    """One "iterations/bytes format"."""

    def __init__(self, reps: int, fixed: bool, size: int, text: str) -> None:
        self.reps = reps
        self.fixed = fixed
        self.size = size
        self.text = text
        self.at_end = False
        """Holds %_A: printed once, when everything is done."""
        self.pieces: list[Piece] = []


class Format:
    """One -e string."""

    def __init__(self, p: Program, source: str) -> None:
        self.p = p
        self.source = source
        self.units: list[Unit] = []
        self.size = 0
        self.parse()

    def bad(self) -> NoReturn:
        self.p.errx(1, f'"{self.source}": bad format')

    def parse(self) -> None:
        """add(): into units."""
        s, i = self.source, 0

        def blanks() -> None:
            nonlocal i
            while s[i : i + 1] and s[i] in SPACES:
                i += 1

        def number() -> int | None:
            nonlocal i
            m = re.compile("[0-9]+").match(s, i)
            if not m:
                return None
            i = m.end()
            return int(m[0])

        while True:
            blanks()
            if i >= len(s):
                return
            reps = number()
            if reps is not None:
                if s[i : i + 1] not in (*SPACES, "/") or i >= len(s):
                    self.bad()
                i += 1
                blanks()
            if s[i : i + 1] == "/":
                i += 1
                blanks()
            size = number()
            if size is not None:
                if i >= len(s) or s[i] not in SPACES:
                    self.bad()
                blanks()
            end = s.find('"', i + 1)
            if s[i : i + 1] != '"' or end < 0:
                self.bad()
            self.units.append(Unit(1 if reps is None else reps, reps is not None, size or 0, unescape(s[i + 1 : end])))
            i = end + 1

    def measure(self) -> int:
        """size(): bytes one pass of the format reads."""
        self.size = sum((unit.size or self.unit_size(unit.text)) * unit.reps for unit in self.units)
        return self.size

    def unit_size(self, text: str) -> int:
        total, i = 0, 0
        while (i := text.find("%", i)) >= 0:
            m = SPEC.match(text, i)
            assert m
            i = m.end()
            c = text[i : i + 1]
            if not c:
                self.p.errx(1, "missing conversion character")
            if c == "c" or (c == "_" and text[i + 1 : i + 2] in ("c", "p", "u")):
                total += 1
            elif c in "diouxX":
                total += 4
            elif c in "eEfgG":
                total += 8
            elif c == "s":
                total += int((m[3] or ".")[1:] or 0)
            i += 1
        return total

    def layout(self, block: int) -> None:
        """rewrite(): units into pieces; the last unit repeats to fill the block."""
        for unit in self.units:
            self.cut(unit)
            if not unit.size:
                unit.size = sum(piece.size for piece in unit.pieces)
        for unit in self.units:
            last = unit is self.units[-1]
            if last and self.size < block and not unit.fixed and unit.size:
                unit.reps += (block - self.size) // unit.size
            if unit.reps > 1 and unit.pieces:
                unit.pieces[-1].trim = True

    def cut(self, unit: Unit) -> None:
        text, i, conversions = unit.text, 0, 0
        while i < len(text):
            at = text.find("%", i)
            if at < 0:
                unit.pieces.append(Piece("text", text[i:]))
                return
            m = SPEC.match(text, at)
            assert m
            if m.end() >= len(text):
                self.p.errx(1, "missing conversion character")
            piece = Piece("", text[i:at])
            piece.flags, piece.width, piece.precision = m[1], m[2], m[3] or ""
            i = self.conversion(unit, piece, text, m.end())
            unit.pieces.append(piece)
            if piece.kind != "address" and unit.size:
                conversions += 1
                if conversions > 1:
                    self.p.errx(1, "byte count with multiple conversion characters")

    def conversion(self, unit: Unit, piece: Piece, text: str, i: int) -> int:
        """The letter at `i`; returns where the text goes on."""
        c, size = text[i], unit.size
        piece.conversion = c
        if c == "_":
            return self.special(unit, piece, text, i)
        if c == "c":
            self.sized(piece, "char", size, (1,), 1, c)
        elif c in "diouxX":
            self.sized(piece, "int" if c in "di" else "uint", size, (1, 2, 4, 8), 4, c)
        elif c in "eEfgG":
            self.sized(piece, "double", size, (4, 8, 16), 8, c)
        elif c == "s":
            if not size and not piece.precision:
                self.p.errx(1, "%s: requires a precision or a byte count")
            piece.kind, piece.size = "str", size or int(piece.precision[1:] or 0)
        else:
            self.p.errx(1, f"%{c}: bad conversion character")
        return i + 1

    def sized(self, piece: Piece, kind: str, size: int, allowed: tuple[int, ...], default: int, what: str) -> None:
        if size and size not in allowed:
            self.p.errx(1, f"{what}: bad byte count")
        piece.kind, piece.size = kind, size or default

    def special(self, unit: Unit, piece: Piece, text: str, i: int) -> int:
        """_a _A _c _p _u."""
        letter, base = text[i + 1 : i + 2], text[i + 2 : i + 3]
        if letter in ("a", "A"):
            if base not in ("d", "o", "x"):
                self.p.errx(1, f"%{text[i : i + 3]}: bad conversion character")
            unit.at_end = unit.at_end or letter == "A"
            piece.kind, piece.conversion = "address", base
            return i + 3
        if letter not in ("c", "p", "u") or not letter:
            self.p.errx(1, f"%{text[i : i + 2]}: bad conversion character")
        self.sized(piece, letter, unit.size, (1,), 1, text[i : i + 2])
        return i + 2


def unescape(text: str) -> str:
    """Backslashes in a unit's text."""
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), text, flags=re.DOTALL)
