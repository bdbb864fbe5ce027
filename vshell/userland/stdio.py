"""Buffered standard streams with the rules of C's stdio (setvbuf(3)).

Output to a terminal is line-buffered, to anything else block-buffered, standard error not at all; so in a file an error
may stand before output that was printed earlier.  A program that never awaits cannot wait for a full pipe: what does
not fit stays here and crt0 writes it out when `main` has returned.
"""

from __future__ import annotations

from vshell.abi.errno import EBADF, ENOMEM, KError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.abi.syscalls import Syscalls

BUFSIZ = 4096


def encode(text: str) -> bytes:
    """str to the bytes it stands for (UTF-8, undecodable bytes kept)."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """bytes to str, losing nothing."""
    return data.decode("utf-8", "surrogateescape")


class Writer:
    """An output stream on a descriptor."""

    __slots__ = ("_buffer", "_fd", "_mode", "_sys", "_try", "error")

    def __init__(self, sys: Syscalls, fd: int, buffered: bool = True) -> None:
        self._sys = sys
        self._fd = fd
        self._buffer = bytearray()
        self._mode = "" if buffered else "none"
        self._try = BUFSIZ
        """When so much is buffered it is time to write; more after a pipe was full, so that a growing rest costs little."""
        self.error: KError | None = None
        """The first write error (ferror(3))."""

    def fileno(self) -> int:
        """The descriptor."""
        return self._fd

    @property
    def pending(self) -> int:
        """How many bytes were not yet written."""
        return len(self._buffer)

    def isatty(self) -> bool:
        """True if the stream is a terminal."""
        return self._sys.isatty(self._fd)

    def write(self, text: str | bytes) -> None:
        """Add to the stream; goes out when the buffering mode says so."""
        self._buffer += text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        if not self._mode:
            self._mode = "line" if self.isatty() else "block"
        if self._mode == "block":
            # C fills the buffer and writes it out whole; what is left waits.
            if len(self._buffer) > self._try:
                self._put(len(self._buffer) - len(self._buffer) % BUFSIZ)
        elif self._mode == "none":
            self._put(len(self._buffer))
        else:
            end = self._buffer.rfind(b"\n") + 1
            if end:
                self._put(end)

    def setvbuf(self, mode: str) -> None:
        """Choose "none", "line" or "block"."""
        self._mode = mode

    def flush(self) -> None:
        """fflush(3), as far as it goes without waiting."""
        self._put(len(self._buffer))

    def discard(self) -> None:
        """Forget what was not yet written (fpurge(3))."""
        self._buffer.clear()

    def take(self) -> bytes:
        """Remove and return what was not yet written."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    async def drain(self) -> None:
        """fflush(3), waiting while a pipe is full.  A long-running producer must call it now and then."""
        if self._buffer:
            data = self.take()
            self._try = BUFSIZ
            try:
                while data:
                    data = data[await self._sys.write(self._fd, data) :]
            except KError as e:
                self.error = self.error or e

    def _put(self, size: int) -> None:
        if not size:
            return
        try:
            done = self._sys.write_nowait(self._fd, bytes(self._buffer[:size]))
        except KError as e:
            self.error = self.error or e
            done = size
        del self._buffer[:done]
        self._try = BUFSIZ if done == size else 2 * len(self._buffer)


MEMORY = 1 << 27
"""What a program may hold of one file; without a limit /dev/zero takes all there is."""


class Reader:
    """An input stream on a descriptor."""

    __slots__ = ("_buffer", "_eof", "_fd", "_sys")

    def __init__(self, sys: Syscalls, fd: int) -> None:
        self._sys = sys
        self._fd = fd
        self._buffer = bytearray()
        self._eof = False

    def fileno(self) -> int:
        """The descriptor."""
        return self._fd

    async def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes (all until end of file with -1); b"" at the end."""
        while not self._eof and (size < 0 or len(self._buffer) < size):
            if not await self._fill():
                break
        if size < 0:
            size = len(self._buffer)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    async def readline(self) -> bytes:
        """One line with its newline (the last may lack it); b"" at the end."""
        start = 0
        while (end := self._buffer.find(b"\n", start)) < 0:
            start = len(self._buffer)
            if self._eof or not await self._fill():
                end = len(self._buffer) - 1
                break
        data = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        return data

    def __aiter__(self) -> Reader:
        return self

    async def __anext__(self) -> bytes:
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line

    async def _fill(self) -> bool:
        try:
            data = await self._sys.read(self._fd, 65536)
        except KError as e:
            if e.errno != EBADF:
                raise
            data = b""
        self._buffer += data
        self._eof = not data
        if len(self._buffer) > MEMORY:
            self._buffer.clear()
            raise KError(ENOMEM)
        return bool(data)
