"""Pipes and fifos (pipe(2), sys_pipe.c, fs/fifofs)."""

from __future__ import annotations

from vshell.abi.errno import EAGAIN, EPIPE, KError
from vshell.abi.fcntl import O_NONBLOCK, O_RDONLY, O_WRONLY, POLLHUP, POLLIN, POLLOUT, S_IFIFO, Stat
from vshell.kernel.kern.kern_descrip import File
from vshell.kernel.kern.kern_synch import tsleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel

PIPE_SIZE = 65536
"""Bytes a pipe holds before its writer waits (BIG_PIPE_SIZE)."""
PIPE_BUF = 512


class PipeBuffer:
    """What two ends share; also the body of a fifo."""

    __slots__ = ("data", "readers", "writers")

    def __init__(self) -> None:
        self.data = bytearray()
        self.readers: list[PipeEnd] = []
        self.writers: list[PipeEnd] = []

    def wakeup_readers(self) -> None:
        """There is data, or the last writer left."""
        for end in self.readers:
            end.rchan.wakeup()

    def wakeup_writers(self) -> None:
        """There is room, or the last reader left."""
        for end in self.writers:
            end.wchan.wakeup()


class PipeEnd(File):
    """One end of a pipe; a fifo opened for reading and writing is both."""

    kind = "pipe"

    def __init__(self, pipe: PipeBuffer, flags: int, now: int = 0) -> None:
        super().__init__(flags)
        self.pipe = pipe
        self.now = now
        if flags & 3 != O_WRONLY:
            pipe.readers.append(self)
        if flags & 3 != O_RDONLY:
            pipe.writers.append(self)

    async def read(self, td: Proc, size: int) -> bytes:
        """Wait for data or for the last writer to go."""
        pipe = self.pipe
        while not pipe.data:
            if not pipe.writers or not size:
                return b""
            if self.flags & O_NONBLOCK:
                raise KError(EAGAIN)
            await tsleep(td, self.rchan)
        data = bytes(pipe.data[:size])
        del pipe.data[:size]
        pipe.wakeup_writers()
        return data

    def write_nowait(self, td: Proc, data: bytes) -> int:
        """Up to PIPE_BUF bytes go whole or not at all."""
        pipe = self.pipe
        if not pipe.readers:
            raise KError(EPIPE)
        room = PIPE_SIZE - len(pipe.data)
        if len(data) > room:
            if len(data) <= PIPE_BUF or room <= 0:
                return 0
            data = data[:room]
        pipe.data += data
        pipe.wakeup_readers()
        return len(data)

    def poll(self, events: int) -> int:
        """Readable with data or without writers, writable with room or without readers."""
        pipe = self.pipe
        ready = 0
        if self in pipe.readers:
            if pipe.data or not pipe.writers:
                ready |= events & POLLIN
            if not pipe.writers:
                ready |= POLLHUP
        if self in pipe.writers:
            if not pipe.readers:
                ready |= POLLHUP
            elif PIPE_SIZE - len(pipe.data) >= PIPE_BUF:
                ready |= events & POLLOUT
        return ready

    def stat(self, td: Proc) -> Stat:
        """A pipe looks like a fifo without a name."""
        return Stat(0, 0, S_IFIFO | 0o600, 1, td.ucred.uid, td.ucred.gid, len(self.pipe.data), self.now, self.now, self.now)

    def close(self) -> None:
        """Tell the other end."""
        pipe = self.pipe
        if self in pipe.readers:
            pipe.readers.remove(self)
            if not pipe.readers:
                pipe.wakeup_writers()
        if self in pipe.writers:
            pipe.writers.remove(self)
            if not pipe.writers:
                pipe.wakeup_readers()


class PipeCalls:
    """System calls that make pipes."""

    proc: Proc
    kernel: Kernel

    def pipe(self) -> tuple[int, int]:
        """pipe(2): (read end, write end)."""
        buffer = PipeBuffer()
        now = self.kernel.clock.realtime()
        fd = self.proc.fd
        return fd.install(PipeEnd(buffer, O_RDONLY, now)), fd.install(PipeEnd(buffer, O_WRONLY, now))
