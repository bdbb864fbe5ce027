"""Lines as rows of a screen: tabs, control characters, overstriking, folding (contrib/less/line.c)."""

from __future__ import annotations

import re

from vshell.userland.regex import Regex

STANDOUT, NORMAL = "\x1b[7m", "\x1b[27m"
BOLD, UNBOLD = "\x1b[1m", "\x1b[22m"
UNDERLINE, UNUNDERLINE = "\x1b[4m", "\x1b[24m"
CLEAR, HOME, CLEAR_LINE = "\x1b[H\x1b[2J", "\x1b[H", "\r\x1b[K"
ENTER, LEAVE = "\x1b[?1049h\x1b[?1h\x1b=", "\x1b[?1l\x1b>\x1b[?1049l"
STYLES = {"s": (STANDOUT, NORMAL), "b": (BOLD, UNBOLD), "u": (UNDERLINE, UNUNDERLINE)}
SGR = re.compile(r"\x1b\[[0-9;:]*m")
ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
Cell = tuple[str, str, int]
"""What is shown, its style, its width."""


def control(char: str) -> str:
    """How a character that cannot be printed is shown."""
    code = ord(char)
    if code < 32:
        return "^" + chr(code + 64)
    if code == 127:
        return "^?"
    return f"<{code - 0xDC00:02X}>" if code >= 0xD800 else f"<U+{code:04X}>"


def width_of(char: str) -> int:
    """Columns that a character takes."""
    if char < "\u0300":
        return 1
    from unicodedata import combining, east_asian_width

    if combining(char):
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


class Format:
    """How lines become rows."""

    def __init__(self, columns: int, flags: set[str]) -> None:
        self.columns = max(columns, 10)
        self.chop = "S" in flags
        self.numbers = "N" in flags
        self.raw = bool(flags & {"r", "R"})
        self.shift = 0
        self.pattern: Regex | None = None

    def rows(self, line: str, number: int) -> list[str]:
        """The rows of a line; at least one."""
        room = self.columns - (8 if self.numbers else 0)
        if self._simple(line, room):
            rows = [line]
        else:
            rows = self._fold(self._cells(line), max(room, 2))
        if self.numbers:
            rows = [(f"{number + 1:7} " if i == 0 else " " * 8) + row for i, row in enumerate(rows)]
        return rows

    def _simple(self, line: str, room: int) -> bool:
        return len(line) <= room and line.isascii() and not self.shift and self.pattern is None and not ODD.search(line)

    def _marked(self, line: str) -> set[int]:
        """The characters that match what was searched for."""
        marked: set[int] = set()
        start = 0
        while self.pattern is not None and start <= len(line):
            found = self.pattern.find(line, start)
            if found is None:
                break
            a, b = found
            marked.update(range(a, b))
            start = max(b, a + 1)
        return marked

    def _cells(self, line: str) -> list[Cell]:
        marked = self._marked(line)
        cells: list[Cell] = []
        column = i = 0
        while i < len(line):
            char = line[i]
            style = "s" if i in marked else ""
            if self.raw and char == "\x1b" and (m := SGR.match(line, i)):
                cells.append((m[0], "", 0))
                i = m.end()
                continue
            if char == "\b" and cells and i + 1 < len(line):
                cells[-1] = self._overstrike(cells[-1], line[i + 1])
                i += 2
                continue
            cell = self._cell(char, style, column)
            cells.append(cell)
            column += cell[2]
            i += 1
        return cells

    @staticmethod
    def _overstrike(below: Cell, char: str) -> Cell:
        if below[0] == "_" and char != "_":
            return char, "u", 1
        return (char, "b", 1) if below[0] == char else (char, below[1] or "u" if char == "_" else below[1], 1)

    @staticmethod
    def _cell(char: str, style: str, column: int) -> Cell:
        if char == "\t":
            size = 8 - column % 8
            return " " * size, style, size
        if char == "\r":
            return "^M", "s", 2
        if ODD.match(char):
            shown = control(char)
            return shown, "s", len(shown)
        return char, style, width_of(char)

    def _fold(self, cells: list[Cell], room: int) -> list[str]:
        rows: list[str] = []
        row: list[Cell] = []
        used, skip = 0, self.shift
        for cell in cells:
            if skip > 0 and self.chop and cell[2]:
                skip -= cell[2]
                continue
            if used + cell[2] > room:
                if self.chop:
                    break
                rows.append(self._join(row))
                row, used = [], 0
            row.append(cell)
            used += cell[2]
        rows.append(self._join(row))
        return rows

    @staticmethod
    def _join(cells: list[Cell]) -> str:
        out: list[str] = []
        style = ""
        for text, wanted, _ in cells:
            if wanted != style:
                if style:
                    out.append(STYLES[style][1])
                if wanted:
                    out.append(STYLES[wanted][0])
                style = wanted
            out.append(text)
        if style:
            out.append(STYLES[style][1])
        return "".join(out)
