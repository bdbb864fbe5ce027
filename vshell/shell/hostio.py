"""Files of the emulated machine that lead outside: the standard streams of vshell itself, and pipes a caller holds."""

from __future__ import annotations

import os

from vshell.abi.errno import EAGAIN, EIO, EPIPE, KError
from vshell.abi.fcntl import O_NONBLOCK, O_RDONLY, O_WRONLY, POLLIN, POLLOUT, S_IFCHR, S_IFIFO, Stat
from vshell.kernel.kern.kern_descrip import File
from vshell.kernel.kern.kern_synch import tsleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.kernel.kern.kern_proc import Proc


def _stat(td: Proc, mode: int) -> Stat:
    now = td.kernel.clock.realtime()
    return Stat(0, 0, mode, 1, 0, 0, 0, now, now, now)


class Output(File):
    """What is written goes to a function of the caller."""

    kind = "pipe"

    def __init__(self, put: Callable[[bytes], object]) -> None:
        super().__init__(O_WRONLY)
        self._put = put

    def write_nowait(self, td: Proc, data: bytes) -> int:
        """Takes everything."""
        self._put(data)
        return len(data)

    def poll(self, events: int) -> int:
        """Always writable."""
        return events & POLLOUT

    def stat(self, td: Proc) -> Stat:
        """It looks like a pipe."""
        return _stat(td, S_IFIFO | 0o600)


class HostOutput(Output):
    """A descriptor of the host, written to at once so that two streams in one file keep their order."""

    def __init__(self, fd: int) -> None:
        super().__init__(self._write)
        self.fd = fd
        self._tty = os.isatty(fd)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self.fd, data) :]
        except BrokenPipeError:
            raise KError(EPIPE) from None
        except OSError:
            raise KError(EIO) from None

    def isatty(self) -> bool:
        """True where the host's is a terminal: then output comes by lines."""
        return self._tty

    def stat(self, td: Proc) -> Stat:
        """A terminal or a pipe."""
        return _stat(td, S_IFCHR | 0o620 if self._tty else S_IFIFO | 0o600)


class HostInput(File):
    """A descriptor of the host; a read waits for the host, and virtual time stands still meanwhile."""

    kind = "pipe"

    def __init__(self, fd: int) -> None:
        super().__init__(O_RDONLY)
        self.fd = fd

    async def read(self, td: Proc, size: int) -> bytes:
        """Read from the host."""
        try:
            return os.read(self.fd, size)
        except OSError:
            raise KError(EIO) from None

    def poll(self, events: int) -> int:
        """As good as ready: a read gets what comes next."""
        return events & POLLIN

    def stat(self, td: Proc) -> Stat:
        """It looks like a pipe."""
        return _stat(td, S_IFCHR | 0o620 if os.isatty(self.fd) else S_IFIFO | 0o600)


class FedInput(File):
    """Input that a caller feeds piece by piece; a reader sleeps in between."""

    kind = "pipe"

    def __init__(self, data: bytes = b"", end: bool = False) -> None:
        super().__init__(O_RDONLY)
        self._buffer = bytearray(data)
        self._end = end

    @property
    def wanted(self) -> bool:
        """True if all was read and somebody waits for more."""
        return not self._buffer and not self._end and bool(self.rchan.sleepers)

    def feed(self, data: bytes) -> None:
        """More input."""
        self._buffer += data
        self.rchan.wakeup()

    def finish(self) -> None:
        """No more input comes."""
        self._end = True
        self.rchan.wakeup()

    async def read(self, td: Proc, size: int) -> bytes:
        """What was fed."""
        while not self._buffer and not self._end:
            if self.flags & O_NONBLOCK:
                raise KError(EAGAIN)
            await tsleep(td, self.rchan)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def poll(self, events: int) -> int:
        """Readable when something was fed."""
        return events & POLLIN if self._buffer or self._end else 0

    def stat(self, td: Proc) -> Stat:
        """It looks like a pipe."""
        return _stat(td, S_IFIFO | 0o600)
