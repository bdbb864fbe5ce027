"""Open files and directories, and fifos by name (sys/kern/vfs_vnops.c, sys/fs/fifofs)."""

from __future__ import annotations

from vshell.abi.errno import EFBIG, EINVAL, EISDIR, ENXIO, KError
from vshell.abi.fcntl import (
    LOCK_EX,
    LOCK_UN,
    O_ACCMODE,
    O_APPEND,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOFOLLOW,
    O_NONBLOCK,
    O_RDONLY,
    O_TRUNC,
    O_WRONLY,
    SEEK_CUR,
    SEEK_END,
    SEEK_SET,
    Stat,
)
from vshell.abi.signal import SIGXFSZ
from vshell.kernel.kern.kern_descrip import File
from vshell.kernel.kern.kern_sig import psignal
from vshell.kernel.kern.kern_synch import tsleep
from vshell.kernel.kern.sys_pipe import PipeBuffer, PipeEnd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.vfs import DirVnode, FifoVnode, RegularVnode

OPEN_ONLY = O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW | O_DIRECTORY
"""Flags that matter while opening and are not kept."""


class VnodeFile(File):
    """A regular file or a directory, opened."""

    kind = "vnode"

    def __init__(self, vnode: RegularVnode | DirVnode, flags: int) -> None:
        super().__init__(flags & ~OPEN_ONLY)
        self.vnode = vnode
        self.offset = 0
        self.named: tuple[DirVnode, str] | None = None
        """Where a path led to it; a file that was made by opening it is not in the name cache."""

    def _regular(self) -> RegularVnode:
        if self.vnode.isdir:
            raise KError(EISDIR)
        return self.vnode  # type: ignore[return-value]

    async def read(self, td: Proc, size: int) -> bytes:
        """read(2)."""
        data = self._regular().read(self.offset, size)
        self.offset += len(data)
        return data

    def write_nowait(self, td: Proc, data: bytes) -> int:
        """write(2): a file takes everything."""
        vnode = self._regular()
        if self.flags & O_APPEND:
            self.offset = vnode.size()
        limit = td.limits["fsize"]
        if 0 <= limit < self.offset + len(data):
            if limit <= self.offset:
                psignal(td, SIGXFSZ)
                td.cursig(False)
                raise KError(EFBIG)
            data = data[: limit - self.offset]
        vnode.write(self.offset, data)
        self.offset += len(data)
        return len(data)

    async def write(self, td: Proc, data: bytes) -> int:
        """write(2): a file is never full, but there may be a limit on its size."""
        done = self.write_nowait(td, data)
        while done < len(data):
            done += self.write_nowait(td, data[done:])
        return done

    def stat(self, td: Proc) -> Stat:
        """fstat(2)."""
        return self.vnode.getattr()

    def lseek(self, td: Proc, offset: int, whence: int) -> int:
        """lseek(2)."""
        if whence == SEEK_CUR:
            offset += self.offset
        elif whence == SEEK_END:
            offset += self.vnode.size()
        elif whence != SEEK_SET:
            raise KError(EINVAL)
        if offset < 0:
            raise KError(EINVAL)
        self.offset = offset
        return offset

    def truncate(self, td: Proc, size: int) -> None:
        """ftruncate(2)."""
        if size < 0 or self.vnode.isdir:
            raise KError(EINVAL)
        self._regular().truncate(size)

    def advlock(self, operation: int) -> bool:
        """flock(2) without waiting: True if the lock is ours (or given up) now."""
        locks = self.vnode.mount.locks
        held = locks.setdefault(self.vnode, {})
        if operation & LOCK_UN:
            self._unlock()
            return True
        exclusive = bool(operation & LOCK_EX)
        for other, others_exclusive in held.items():
            if other is not self and (exclusive or others_exclusive):
                return False
        held[self] = exclusive
        self.wakeup_lockers()
        return True

    def wakeup_lockers(self) -> None:
        """A lock changed: let those who wait look again."""
        self.vnode.mount.lockchan.wakeup()

    def _unlock(self) -> None:
        locks = self.vnode.mount.locks
        held = locks.get(self.vnode)
        if held is not None and self in held:
            del held[self]
            if not held:
                del locks[self.vnode]
            self.wakeup_lockers()

    def close(self) -> None:
        """The last close gives up the lock."""
        if self.vnode.mount.locks:
            self._unlock()


class FifoEnd(PipeEnd):
    """A fifo, opened.

    DIFFERS: open(2) does not wait for the other side; `opened` does, or else the first read or write, which most
    programs cannot tell.
    """

    kind = "fifo"

    def __init__(self, vnode: FifoVnode, pipe: PipeBuffer, flags: int) -> None:
        super().__init__(pipe, flags)
        self.vnode = vnode
        self.connected = bool(self._others()) or flags & O_ACCMODE not in (O_RDONLY, O_WRONLY)

    def _others(self) -> list[PipeEnd]:
        return self.pipe.writers if self.flags & O_ACCMODE == O_RDONLY else self.pipe.readers

    async def connect(self, td: Proc) -> None:
        """Wait until the other side has been opened, or EINTR; a signal that comes after that is not the open's."""
        chan = self.rchan if self.flags & O_ACCMODE == O_RDONLY else self.wchan
        while not self.connected and not self.flags & O_NONBLOCK:
            try:
                await tsleep(td, chan, eintr=True)
            except KError:
                if not self.connected:
                    raise

    async def read(self, td: Proc, size: int) -> bytes:
        """Wait for the first writer, then as a pipe."""
        while not self.connected and not self.flags & O_NONBLOCK:
            await tsleep(td, self.rchan)
        return await super().read(td, size)

    def write_nowait(self, td: Proc, data: bytes) -> int:
        """Nothing fits before the first reader has come."""
        return super().write_nowait(td, data) if self.connected else 0

    def poll(self, events: int) -> int:
        """A fifo nobody has opened at the other side is not at its end."""
        return super().poll(events) if self.connected else 0

    def stat(self, td: Proc) -> Stat:
        """fstat(2)."""
        return self.vnode.getattr()

    def close(self) -> None:
        """The last close forgets what was not read."""
        super().close()
        if not self.pipe.readers and not self.pipe.writers:
            self.vnode.fifo = None


def fifo_open(vnode: FifoVnode, proc: Proc, flags: int) -> File:
    """Open a fifo and tell those who wait at the other side."""
    pipe = vnode.fifo
    if pipe is None:
        pipe = vnode.fifo = PipeBuffer()
    if flags & O_NONBLOCK and flags & O_ACCMODE == O_WRONLY and not pipe.readers:
        if not pipe.writers:
            vnode.fifo = None
        raise KError(ENXIO)
    end = FifoEnd(vnode, pipe, flags & ~OPEN_ONLY)
    for other in end._others():
        assert isinstance(other, FifoEnd)
        other.connected = True
    pipe.wakeup_readers()
    pipe.wakeup_writers()
    return end
