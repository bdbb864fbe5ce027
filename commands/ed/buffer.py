"""The text being edited: lines, the current one, marks, and one step of undo (bin/ed/buf.c, undo.c)."""

from __future__ import annotations

PRINT, LIST, NUMBER, GLOBAL, ALL = 1, 2, 4, 8, 16
"""What a command asks for afterwards (p, l, n), and how a substitution goes on."""


class EdError(Exception):
    """A command failed; "" keeps the explanation of the failure before."""


class Quit(Exception):
    """The editor ends."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Unsaved(Exception):
    """The buffer was changed and not written: ask again."""


class Line:
    """One line; marks and global commands hold on to it, not to its number."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Buffer:
    """All lines."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.current = 0
        self.modified = False
        self.binary = False
        self.newline_added = False
        self.marks: dict[str, Line] = {}
        self.active: list[Line] = []
        """Lines that a global command has still to visit."""
        self._undo: tuple[list[Line], int] | None = None
        self._touched = False

    @property
    def last(self) -> int:
        """The number of the last line."""
        return len(self.lines)

    def number(self, line: Line | None) -> int:
        """Where a line is now."""
        for i, one in enumerate(self.lines):
            if one is line:
                return i + 1
        raise EdError("invalid address")

    # undo ------------------------------------------------------------------------------------------------------
    def checkpoint(self) -> None:
        """What comes now can be undone."""
        self._undo = (list(self.lines), self.current)
        self._touched = False

    def forget(self) -> None:
        """Nothing can be undone."""
        self._undo = None

    def undo(self) -> None:
        """Back to the checkpoint, and the other way round."""
        if self._undo is None:
            raise EdError("nothing to undo")
        if self._touched:
            self.modified = True
        now = (self.lines, self.current)
        (self.lines, self.current), self._undo = self._undo, now

    # changes ---------------------------------------------------------------------------------------------------
    def _drop(self, lines: list[Line]) -> None:
        """A global command does not visit lines that were deleted or moved."""
        if self.active:
            gone = {id(line) for line in lines}
            self.active = [line for line in self.active if id(line) not in gone]

    def _change(self) -> None:
        self.modified = self._touched = True

    def insert(self, texts: list[str]) -> None:
        """New lines after the current one; the last of them becomes current."""
        self.lines[self.current : self.current] = [Line(text) for text in texts]
        self.current += len(texts)
        self._touched = True

    def append(self, text: str) -> None:
        """One line typed."""
        self.insert([text])
        self.modified = True

    def delete(self, first: int, last: int) -> None:
        """The line before them becomes current."""
        self._drop(self.lines[first - 1 : last])
        del self.lines[first - 1 : last]
        self.current = first - 1
        self._change()

    def join(self, first: int, last: int) -> None:
        """Lines become one."""
        text = "".join(line.text for line in self.lines[first - 1 : last])
        self.delete(first, last)
        self.append(text)

    def move(self, first: int, last: int, to: int) -> None:
        """Behind another line."""
        moved = self.lines[first - 1 : last]
        if to in (first - 1, last):
            self.current = last
        else:
            del self.lines[first - 1 : last]
            at = to if to < first else to - len(moved)
            self.lines[at:at] = moved
            self.current = at + len(moved)
            self._touched = True
        self._drop(moved)
        self.modified = True

    def copy(self, first: int, last: int, to: int) -> None:
        """A copy behind another line."""
        texts = [line.text for line in self.lines[first - 1 : last]]
        self.current = to
        self.insert(texts)
        self.modified = True
