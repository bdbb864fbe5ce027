"""Pseudo-terminals (pts(4), kern/tty_pts.c): a terminal whose keyboard and screen are a descriptor of another process."""

from __future__ import annotations

from vshell.abi.errno import EAGAIN, EIO, KError
from vshell.abi.fcntl import O_NONBLOCK, O_RDWR, POLLIN, POLLOUT, S_IFCHR, Stat
from vshell.abi.signal import SIGHUP
from vshell.abi.termios import VEOF
from vshell.kernel.kern.devfs import GID_TTY, destroy_dev, make_dev
from vshell.kernel.kern.kern_descrip import File
from vshell.kernel.kern.kern_sig import pgsignal
from vshell.kernel.kern.kern_synch import tsleep
from vshell.kernel.kern.tty import Tty, TtyFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel


class Pts(Tty):
    """The terminal between the two sides."""

    def __init__(self, kernel: Kernel, name: str, uid: int) -> None:
        super().__init__(kernel, name, self._show)
        self.screen = bytearray()
        """What was written to the terminal and not yet read by the master."""
        self.master = PtsMaster(self)
        self.slaves = 0
        """How often it is open as a terminal."""
        self.used = self.dead = False
        make_dev(kernel, name, self.open, uid, GID_TTY, 0o620)

    def _show(self, data: bytes) -> None:
        self.screen += data
        self.master.rchan.wakeup()

    def _canonical(self, byte: int) -> None:
        if byte == self.termios.cc[VEOF]:
            self.echo(b"^D\b\b")
        super()._canonical(byte)

    def open(self, proc: Proc, flags: int) -> File:
        """Open the side of the terminal."""
        if self.dead:
            raise KError(EIO)
        return PtsFile(self, flags)

    @property
    def finished(self) -> bool:
        """True if nobody can write to it any more."""
        return self.dead or (self.used and not self.slaves)

    def session_ended(self, leader: Proc) -> None:
        """The session leader is gone, and with it everybody's access."""
        super().session_ended(leader)
        self.hangup()

    def hangup(self) -> None:
        """No more input, no more output."""
        self.dead = True
        self.rchan.wakeup()
        self.master.rchan.wakeup()


class PtsFile(TtyFile):
    """The terminal side, opened."""

    tty: Pts

    def __init__(self, pts: Pts, flags: int = O_RDWR) -> None:
        super().__init__(pts, flags)
        pts.slaves += 1
        pts.used = True

    async def read(self, td: Proc, size: int) -> bytes:
        """As a terminal; the end of the file after a hangup."""
        await self.wait_background(td)
        while not self.tty.readable():
            if self.tty.dead:
                return b""
            if self.flags & O_NONBLOCK:
                raise KError(EAGAIN)
            await tsleep(td, self.rchan)
            await self.wait_background(td)
        return self.tty.take(size)

    def write_nowait(self, td: Proc, data: bytes) -> int:
        """EIO after a hangup."""
        if self.tty.dead:
            raise KError(EIO)
        return super().write_nowait(td, data)

    def poll(self, events: int) -> int:
        """The end of the file can be read."""
        return events & (POLLIN | POLLOUT) if self.tty.dead else super().poll(events)

    def close(self) -> None:
        """The last close tells the other side."""
        self.tty.slaves -= 1
        if not self.tty.slaves:
            self.tty.master.rchan.wakeup()


class PtsMaster(File):
    """The other side: what is written here was typed, what is read here was shown."""

    kind = "pts"

    def __init__(self, pts: Pts) -> None:
        super().__init__(O_RDWR)
        self.pts = pts

    async def read(self, td: Proc, size: int) -> bytes:
        """What was shown; b"" once the terminal is closed."""
        pts = self.pts
        while not pts.screen:
            if pts.finished:
                return b""
            if self.flags & O_NONBLOCK:
                raise KError(EAGAIN)
            await tsleep(td, self.rchan)
        data = bytes(pts.screen[:size])
        del pts.screen[:size]
        return data

    def write_nowait(self, td: Proc, data: bytes) -> int:
        """Keystrokes."""
        if self.pts.finished:
            raise KError(EIO)
        self.pts.input(data)
        return len(data)

    def poll(self, events: int) -> int:
        """Always writable."""
        return events & POLLOUT | (events & POLLIN if self.pts.screen or self.pts.finished else 0)

    def stat(self, td: Proc) -> Stat:
        """A character device."""
        now = self.pts.kernel.clock.realtime()
        return Stat(0, 0, S_IFCHR | 0o620, 1, td.ucred.ruid, GID_TTY, 0, now, now, now)

    def ioctl(self, td: Proc, request: Record) -> Any:
        """The settings are those of the terminal."""
        return TtyFile(self.pts).ioctl(td, request)

    def close(self) -> None:
        """Hang up."""
        pts = self.pts
        destroy_dev(pts.kernel, pts.name)
        if pts.pgrp:
            pgsignal(pts.kernel, pts.pgrp, SIGHUP)
        pts.hangup()


class PtsCalls:
    """System calls that make pseudo-terminals."""

    proc: Proc
    kernel: Kernel

    def openpty(self) -> tuple[int, int]:
        """openpty(3): the descriptors of the master and of the terminal."""
        number = 0
        while f"pts/{number}" in self.kernel.devices:
            number += 1
        pts = Pts(self.kernel, f"pts/{number}", self.proc.ucred.ruid)
        fd = self.proc.fd
        return fd.install(pts.master), fd.install(pts.open(self.proc, O_RDWR))

    def ttysetsize(self, fd: int, rows: int, columns: int) -> None:
        """TIOCSWINSZ."""
        file = self.proc.fd.get(fd)
        tty = file.pts if isinstance(file, PtsMaster) else file.tty if isinstance(file, TtyFile) else None
        if tty is not None:
            tty.set_size(rows, columns)
