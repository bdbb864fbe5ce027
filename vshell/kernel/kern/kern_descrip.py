"""File descriptors: struct file, the per-process table, and the calls that work on any file (kern_descrip.c)."""

from __future__ import annotations

from vshell.abi.errno import (
    EAGAIN,
    EBADF,
    EINVAL,
    EMFILE,
    ENODEV,
    ENOTTY,
    EOPNOTSUPP,
    EPIPE,
    ESPIPE,
    KError,
)  # fmt: skip
from vshell.abi.fcntl import O_ACCMODE, O_NONBLOCK, O_RDONLY, O_WRONLY, POLLIN, POLLNVAL, POLLOUT, Stat
from vshell.abi.record import Record
from vshell.abi.signal import SIGPIPE
from vshell.kernel.kern.kern_sig import psignal
from vshell.kernel.kern.kern_synch import Wchan, tsleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel


class File:
    """An open file (struct file plus its fileops).  Shared by every descriptor that was dup'ed or inherited."""

    kind = "file"
    """What sockstat, fstat and procstat call it: "vnode", "socket", "pipe", "tty" ..."""

    def __init__(self, flags: int = 0) -> None:
        self.flags = flags
        """Open flags (O_ACCMODE, O_NONBLOCK, O_APPEND)."""
        self.refs = 0
        self.rchan = Wchan("read")
        """Woken when there may be something to read."""
        self.wchan = Wchan("write")
        """Woken when there may be room to write."""

    async def read(self, td: Proc, size: int) -> bytes:
        """Up to `size` bytes, b"" at the end of the file."""
        raise KError(ENODEV)

    def write_nowait(self, td: Proc, data: bytes) -> int:
        """Take as much of `data` as fits now."""
        raise KError(ENODEV)

    async def write(self, td: Proc, data: bytes) -> int:
        """Write all of `data`, sleeping while there is no room."""
        done = 0
        while True:
            try:
                done += self.write_nowait(td, data[done:] if done else data)
            except KError as e:
                if done and e.errno == EPIPE:
                    return done  # pipe_write: no EPIPE if any byte was written
                raise
            if done >= len(data):
                return done
            if self.flags & O_NONBLOCK:
                if done:
                    return done
                raise KError(EAGAIN)
            await tsleep(td, self.wchan)

    def poll(self, events: int) -> int:
        """Which of `events` hold now; anything that never blocks is always ready."""
        return events & (POLLIN | POLLOUT)

    def stat(self, td: Proc) -> Stat:
        """fstat(2)."""
        raise KError(EOPNOTSUPP)

    def lseek(self, td: Proc, offset: int, whence: int) -> int:
        """lseek(2)."""
        raise KError(ESPIPE)

    def truncate(self, td: Proc, size: int) -> None:
        """ftruncate(2)."""
        raise KError(EINVAL)

    def ioctl(self, td: Proc, request: Record) -> Any:
        """ioctl(2) with a typed request."""
        raise KError(ENOTTY)

    def isatty(self) -> bool:
        """True for a terminal."""
        return False

    def close(self) -> None:
        """The last descriptor went away."""


class FileDesc:
    """The descriptor table of a process."""

    __slots__ = ("cloexec", "files", "limits")

    def __init__(self, limits: dict[str, int]) -> None:
        self.files: dict[int, File] = {}
        self.cloexec: set[int] = set()
        self.limits = limits

    def get(self, fd: int) -> File:
        """The file behind a descriptor; EBADF."""
        try:
            return self.files[fd]
        except KeyError:
            raise KError(EBADF) from None

    def install(self, file: File, lowest: int = 0) -> int:
        """Put a file in the first free place from `lowest` on; EMFILE."""
        fd = lowest
        while fd in self.files:
            fd += 1
        limit = self.limits["nofile"]
        if 0 <= limit <= fd:
            raise KError(EMFILE)
        self.put(fd, file)
        return fd

    def put(self, fd: int, file: File) -> None:
        """Put a file in a place that is free."""
        file.refs += 1
        self.files[fd] = file
        self.cloexec.discard(fd)

    def close(self, fd: int) -> None:
        """close(2)."""
        file = self.get(fd)
        del self.files[fd]
        self.cloexec.discard(fd)
        fdrop(file)

    def copy(self, limits: dict[str, int]) -> FileDesc:
        """fdcopy: the table of a forked child, which has these limits."""
        new = FileDesc(limits)
        new.files = dict(self.files)
        new.cloexec = set(self.cloexec)
        for file in new.files.values():
            file.refs += 1
        return new

    def close_on_exec(self) -> None:
        """Close what is marked so."""
        for fd in sorted(self.cloexec):
            self.close(fd)

    def close_all(self) -> None:
        """fdescfree: at exit."""
        for fd in sorted(self.files):
            self.close(fd)


def fdrop(file: File) -> None:
    """Give up one reference."""
    file.refs -= 1
    if file.refs == 0:
        file.close()


MAXREAD = 1 << 26
"""What one read returns at most."""


class DescripCalls:
    """System calls on descriptors."""

    proc: Proc
    kernel: Kernel

    def close(self, fd: int) -> None:
        """close(2)."""
        self.proc.fd.close(fd)

    async def read(self, fd: int, size: int) -> bytes:
        """read(2)."""
        file = self.proc.fd.get(fd)
        if file.flags & O_ACCMODE == O_WRONLY:
            raise KError(EBADF)
        return await file.read(self.proc, size if size < MAXREAD else MAXREAD)

    def _writable(self, fd: int) -> File:
        file = self.proc.fd.get(fd)
        if file.flags & O_ACCMODE == O_RDONLY:
            raise KError(EBADF)
        return file

    async def write(self, fd: int, data: bytes) -> int:
        """write(2), all of it."""
        try:
            return await self._writable(fd).write(self.proc, data)
        except KError as e:
            await self._sigpipe(e)
            raise

    async def _sigpipe(self, e: KError) -> None:
        if e.errno == EPIPE:
            psignal(self.proc, SIGPIPE)
            if self.proc.siglist:
                self.proc.cursig(False)

    def write_nowait(self, fd: int, data: bytes) -> int:
        """See abi.syscalls.  The signal of a broken pipe ends even a program that never waits."""
        try:
            return self._writable(fd).write_nowait(self.proc, data)
        except KError as e:
            if e.errno == EPIPE:
                psignal(self.proc, SIGPIPE)
                self.proc.cursig(False)
            raise

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """lseek(2)."""
        return self.proc.fd.get(fd).lseek(self.proc, offset, whence)

    def ftruncate(self, fd: int, size: int) -> None:
        """ftruncate(2)."""
        self._writable(fd).truncate(self.proc, size)

    def dup(self, fd: int) -> int:
        """dup(2)."""
        return self.proc.fd.install(self.proc.fd.get(fd))

    def dup2(self, fd: int, to: int) -> int:
        """dup2(2)."""
        table = self.proc.fd
        file = table.get(fd)
        if to < 0 or 0 <= table.limits["nofile"] <= to:
            raise KError(EBADF)
        if fd != to:
            file.refs += 1
            if to in table.files:
                table.close(to)
            table.put(to, file)
            fdrop(file)
        return to

    def dupfd(self, fd: int, lowest: int, cloexec: bool = False) -> int:
        """fcntl(F_DUPFD)."""
        file = self.proc.fd.get(fd)
        if 0 <= self.proc.fd.limits["nofile"] <= lowest:
            raise KError(EINVAL)
        new = self.proc.fd.install(file, lowest)
        if cloexec:
            self.proc.fd.cloexec.add(new)
        return new

    def set_cloexec(self, fd: int, on: bool) -> None:
        """fcntl(F_SETFD)."""
        self.proc.fd.get(fd)
        (self.proc.fd.cloexec.add if on else self.proc.fd.cloexec.discard)(fd)

    def set_nonblock(self, fd: int, on: bool) -> None:
        """fcntl(F_SETFL)."""
        file = self.proc.fd.get(fd)
        file.flags = file.flags | O_NONBLOCK if on else file.flags & ~O_NONBLOCK

    def fstat(self, fd: int) -> Stat:
        """fstat(2)."""
        return self.proc.fd.get(fd).stat(self.proc)

    def isatty(self, fd: int) -> bool:
        """isatty(3)."""
        file = self.proc.fd.files.get(fd)
        return file is not None and file.isatty()

    def ioctl(self, fd: int, request: Record) -> Any:
        """ioctl(2)."""
        return self.proc.fd.get(fd).ioctl(self.proc, request)

    async def poll(self, fds: Sequence[tuple[int, int]], timeout: int | None) -> list[tuple[int, int]]:
        """poll(2)."""
        p = self.proc
        deadline = None if timeout is None else self.kernel.clock.now + timeout
        while True:
            ready = []
            chans = []
            for fd, events in fds:
                file = p.fd.files.get(fd)
                if file is None:
                    ready.append((fd, POLLNVAL))
                    continue
                if revents := file.poll(events):
                    ready.append((fd, revents))
                if events & POLLIN:
                    chans.append(file.rchan)
                if events & POLLOUT:
                    chans.append(file.wchan)
            left = None if deadline is None else deadline - self.kernel.clock.now
            if ready or (left is not None and left <= 0):
                return ready
            await tsleep(p, *chans, timeout=left, eintr=True)
