"""diff -y: two files side by side (usr.bin/diff/diffreg.c)."""

from __future__ import annotations

from vshell.commands.diff.lines import Change
from vshell.commands.diff.output import File
from vshell.userland.stdio import decode, encode

WIDTH = 130


def roundup(value: int, unit: int) -> int:
    """The next multiple."""
    return -(-value // unit) * unit


class Sides:
    """The layout of the columns."""

    def __init__(self, width: int, tab: int, expand: bool) -> None:
        self.tab, self.expand = tab, expand
        half = 0
        if expand or (width > 3 and width > tab):
            half = max((width - 3) // 2, 0)
        if half and not expand:
            while half > 0 and roundup(half + 3, tab) + half > width:
                half -= 1
            if width - (roundup(half + 3, tab) + half) < tab:
                width = roundup(half + 3, tab) + half
        self.half = half
        self.left = (width - half * 2 - 1) // 2
        self.right = (width - half * 2 - 1) - self.left

    def space(self, column: int, count: int) -> bytes:
        """Blanks from a column on, tabs if they are allowed."""
        end, out = column + count, b""
        if not self.expand:
            while (stop := roundup(column + 1, self.tab)) <= end:
                out += b"\t"
                column = stop
        return out + b" " * (end - column)

    def cell(self, file: File, index: int) -> tuple[bytes, int]:
        """A line, cut to the column, and its width."""
        line = encode(file.lines[index])
        room = len(line) + 1 if not self.half else min(len(line) + 1, self.half)
        out, column = bytearray(), 0
        for n, byte in enumerate(line):
            if n >= room or (self.half and column >= self.half):
                return bytes(out), column
            if byte != 9:
                out.append(byte)
                column += 1
                continue
            stop = roundup(column + 1, self.tab)
            if self.expand:
                stop = min(stop, self.half) if self.half else stop
                out += b" " * (stop - column)
            elif self.half and stop >= self.half:
                return bytes(out), column
            else:
                out += b"\t"
            column = stop
        if len(line) < room and file.unended(index, index + 1):
            out += b"\n\\ No newline at end of file\n"
        return bytes(out), column

    def row(self, old: File, new: File, mark: str, left: int, right: int) -> bytes:
        """One row; -1 stands for no line."""
        text, width = self.cell(old, left) if left >= 0 else (b"", 0)
        reset = b"\033[m" if old.colors and mark else b""
        if mark:
            code = old.colors.get(mark, "")
            start = f"\033[{code}m".encode() if code else b""
            out = start + text + (reset if left >= 0 else b"") + self.space(width, self.half - width + self.left)
            out += start + mark.encode() + (reset if mark == "<" else b"")
            out += self.space(self.half + self.left + 1, self.right)
            return out + (self.cell(new, right)[0] + reset if right >= 0 else b"") + b"\n"
        out = text + self.space(width, self.half - width + self.left + 1 + self.right)
        return out + (self.cell(new, right)[0] if right >= 0 else b"") + b"\n"


def side_by_side(old: File, new: File, found: list[Change], sides: Sides, suppress: bool) -> str:
    """-y; with `suppress` the changes only."""
    out: list[bytes] = []
    x = y = 0
    for a, b, c, d in [*found, (len(old.lines), len(old.lines), len(new.lines), len(new.lines))]:
        if not suppress:
            out += [sides.row(old, new, "", x + i, y + i) for i in range(min(a - x, c - y))]
        both = min(b - a, d - c)
        out += [sides.row(old, new, "|", a + i, c + i) for i in range(both)]
        out += [sides.row(old, new, "<", i, -1) for i in range(a + both, b)]
        out += [sides.row(old, new, ">", -1, i) for i in range(c + both, d)]
        x, y = b, d
    return decode(b"".join(out))
