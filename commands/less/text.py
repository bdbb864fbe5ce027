"""The lines of a file, read as they are asked for."""

from __future__ import annotations

from vshell.abi.errno import EISDIR, KError
from vshell.abi.fcntl import POLLIN, S_IFDIR, S_IFMT
from vshell.userland.program import Program
from vshell.userland.stdio import decode

CHUNK = 65536
BREAK = b"\x03"


class Interrupted(Exception):
    """Somebody pressed ^C while lines were read."""


class Text:
    """One file being looked at."""

    def __init__(self, p: Program, path: str, squeeze: bool, typed: bytearray) -> None:
        self.p = p
        self.typed = typed
        """Keys pressed while the text was read."""
        self.path = path
        self.squeeze = squeeze
        self.lines: list[str] = []
        self.error = ""
        self.ended = False
        self.size = 0
        """Bytes read."""
        self._rest = b""
        self._fd = 0
        self._blank = False
        if path != "-":
            try:
                if p.sys.stat(path).st_mode & S_IFMT == S_IFDIR:
                    raise KError(EISDIR)
                self._fd = p.sys.open(path)
            except KError as e:
                self.error = f"{path} is a directory" if e.errno == EISDIR else f"{path}: {e}"
                self.ended = True

    @property
    def title(self) -> str:
        """What the prompt calls it."""
        return "" if self.path == "-" else self.path

    def close(self) -> None:
        """The pager moves to another file."""
        if self._fd:
            self.p.sys.close(self._fd)
            self._fd = 0

    def _add(self, lines: list[bytes]) -> None:
        for raw in lines:
            line = decode(raw)
            if self.squeeze:
                blank = not line
                if blank and self._blank:
                    continue
                self._blank = blank
            self.lines.append(line)

    async def more(self, keys: int = -1) -> bool:
        """Read some more; False at the end of the file.  A ^C on `keys` interrupts the wait for a pipe."""
        if self.ended and self.path == "-":
            return False
        if self.error:
            return False
        sys = self.p.sys
        if keys >= 0 and self._fd == 0:
            await self._wait(keys)
        try:
            data = await sys.read(self._fd, CHUNK)
        except KError as e:
            self.error, data = f"read error: {e}", b""
        if not data:
            self.ended = True
            if self._rest:
                self._add([self._rest])
                self._rest = b""
            return False
        self.ended = False
        self.size += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._add(lines)
        return True

    async def _wait(self, keys: int) -> None:
        """For the pipe; keys pressed meanwhile are kept, ^C ends the wait."""
        sys = self.p.sys
        while True:
            ready = {fd for fd, _ in await sys.poll([(self._fd, POLLIN), (keys, POLLIN)], None)}
            if keys in ready:
                byte = await sys.read(keys, 1)
                if byte == BREAK:
                    raise Interrupted
                self.typed += byte
            if self._fd in ready:
                return

    async def line(self, number: int, keys: int = -1) -> str | None:
        """The line with that number (from 0); None after the last one."""
        while number >= len(self.lines):
            if self.ended or not await self.more(keys):
                return self.lines[number] if number < len(self.lines) else None
        return self.lines[number]

    async def read_all(self, keys: int = -1) -> int:
        """Read to the end; returns the number of lines."""
        while not self.ended:
            await self.more(keys)
        return len(self.lines)
