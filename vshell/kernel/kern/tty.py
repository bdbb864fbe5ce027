"""The terminal: line discipline between a program and whoever types (tty(4), kern/tty_ttydisc.c).

The front end feeds keystrokes with `input` and receives what is to be shown through `output`.
"""

from __future__ import annotations

from collections import deque

from vshell.abi.errno import EAGAIN, EIO, ENOTTY, EPERM, KError
from vshell.abi.fcntl import O_NONBLOCK, O_RDWR, POLLIN, POLLOUT, S_IFCHR, Stat
from vshell.abi.record import Record
from vshell.abi.signal import SIG_IGN, SIGINFO, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGWINCH
from vshell.abi.termios import (
    ICRNL,
    IGNCR,
    ONLCR,
    TIOCGETA,
    TIOCGPGRP,
    TIOCSCTTY,
    TIOCSETA,
    TIOCSPGRP,
    VEOF,
    VERASE,
    VERASE2,
    VINTR,
    VKILL,
    VLNEXT,
    VQUIT,
    VREPRINT,
    VSTATUS,
    VSUSP,
    VWERASE,
    Termios,
)
from vshell.kernel.kern.kern_descrip import File
from vshell.kernel.kern.kern_sig import orphaned, pgsignal
from vshell.kernel.kern.kern_synch import Wchan, suspend, tsleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel


class Tty:
    """One terminal."""

    def __init__(self, kernel: Kernel, name: str, output: Callable[[bytes], None]) -> None:
        self.kernel = kernel
        self.name = name
        self.output = output
        """Called with bytes to show."""
        self.mark_errors: Callable[[bytes], bytes] | None = None
        """Makes error messages look like such, if the front end wants that."""
        self.termios = Termios()
        self.rows, self.columns = 24, 80
        self.pgrp = 0
        """The foreground process group."""
        self.column = 0
        """Where the cursor stands; 0 is all that matters, so wide characters are not looked at."""
        self.rchan = Wchan("ttyin")
        self._line = bytearray()
        self._ready: deque[bytes] = deque()
        self._literal = False

    def set_size(self, rows: int, columns: int) -> None:
        """The window changed."""
        if (rows, columns) != (self.rows, self.columns):
            self.rows, self.columns = rows, columns
            if self.pgrp:
                pgsignal(self.kernel, self.pgrp, SIGWINCH)

    def write(self, data: bytes, error: bool = False) -> None:
        """Show what a program wrote; `error`: on standard error, as far as that can be told."""
        rest = data[max(data.rfind(b"\n"), data.rfind(b"\r")) + 1 :]
        self.column = max(0, (self.column if len(rest) == len(data) else 0) + len(rest) - 2 * rest.count(8))
        t = self.termios
        if t.opost and t.oflag & ONLCR:
            data = data.replace(b"\n", b"\r\n")
        self.output(self.mark_errors(data) if error and self.mark_errors is not None else data)

    def echo(self, data: bytes) -> None:
        """Show what was typed."""
        if self.termios.echo and data:
            self.write(data)

    def input(self, data: bytes) -> None:
        """Keystrokes arrive."""
        t = self.termios
        intr, quit, susp, status = t.cc[VINTR], t.cc[VQUIT], t.cc[VSUSP], t.cc[VSTATUS]
        for byte in data:
            if byte == 13 and not self._literal and t.iflag & (IGNCR | ICRNL):
                if t.iflag & IGNCR:
                    continue
                byte = 10
            if self._literal:
                self._literal = False
                self._insert(byte)
            elif t.isig and byte != 255 and (byte in (intr, quit, susp) or (byte == status and t.icanon)):
                self._signal(byte)
            elif not t.icanon:
                self._ready.append(bytes((byte,)))
                self.echo(bytes((byte,)))
                self.rchan.wakeup()
            else:
                self._canonical(byte)

    def _signal(self, byte: int) -> None:
        cc = self.termios.cc
        if byte == cc[VSTATUS]:
            from vshell.kernel.kern.tty_info import tty_info

            tty_info(self)
        else:
            self.echo(b"^" + bytes((byte + 64,)))
            self._line.clear()
            self._ready.clear()
        sig = {cc[VSTATUS]: SIGINFO, cc[VSUSP]: SIGTSTP, cc[VQUIT]: SIGQUIT, cc[VINTR]: SIGINT}[byte]
        if self.pgrp:
            pgsignal(self.kernel, self.pgrp, sig)

    def _canonical(self, byte: int) -> None:
        cc = self.termios.cc
        if byte == 10:
            self.echo(b"\n")
            self._ready.append(bytes(self._line) + b"\n")
            self._line.clear()
            self.rchan.wakeup()
        elif byte == 255:
            self._insert(byte)
        elif byte == cc[VEOF]:
            self._ready.append(bytes(self._line))
            self._line.clear()
            self.rchan.wakeup()
        elif byte in (cc[VERASE], cc[VERASE2]):
            self._erase(1)
        elif byte == cc[VKILL]:
            self._erase(len(self._line))
        elif byte == cc[VWERASE]:
            kept = self._line.rstrip()
            self._erase(len(self._line) - (max(kept.rfind(b" "), kept.rfind(b"\t")) + 1))
        elif byte == cc[VREPRINT]:
            self.echo(b"^R\n" + bytes(self._line))
        elif byte == cc[VLNEXT]:
            self._literal = True
        else:
            self._insert(byte)

    def _insert(self, byte: int) -> None:
        self._line.append(byte)
        self.echo(bytes((byte,)) if byte >= 32 or byte == 9 else b"^" + bytes((byte + 64,)))

    def _erase(self, count: int) -> None:
        for _ in range(count):
            if not self._line:
                return
            byte = self._line.pop()
            if byte & 0xC0 == 0x80:  # the tail of a UTF-8 character
                while self._line and self._line[-1] & 0xC0 == 0x80:
                    self._line.pop()
                if self._line:
                    self._line.pop()
            width = 2 if byte < 32 and byte != 9 else 1
            self.echo(b"\b \b" * width)

    def readable(self) -> bool:
        """True if a read would not wait."""
        return bool(self._ready)

    def take(self, size: int) -> bytes:
        """The next line (or bytes) of input, no more than `size`."""
        chunk = self._ready.popleft()
        if len(chunk) > size:
            self._ready.appendleft(chunk[size:])
        return chunk[:size]

    def take_unfinished(self) -> bytes:
        """Remove and return what was typed of a line that is not complete: an editor of lines takes over."""
        typed = bytes(self._line)
        self._line.clear()
        return typed

    def session_ended(self, leader: Proc) -> None:
        """The session leader is gone."""
        self.pgrp = 0


class TtyFile(File):
    """A terminal, opened."""

    kind = "tty"

    def __init__(self, tty: Tty, flags: int = O_RDWR, error: bool = False) -> None:
        super().__init__(flags)
        self.tty = tty
        self.error = error
        """Opened as standard error."""
        self.rchan = tty.rchan

    async def read(self, td: Proc, size: int) -> bytes:
        """One line, or what was typed in raw mode."""
        await self.wait_background(td)
        while not self.tty.readable():
            if self.flags & O_NONBLOCK:
                raise KError(EAGAIN)
            await tsleep(td, self.rchan)
            await self.wait_background(td)
        return self.tty.take(size)

    async def wait_background(self, td: Proc) -> None:
        """tty_wait_background: reading in the background stops the process group; EIO if that cannot be."""
        tty = self.tty
        while td.ctty is tty and tty.pgrp and td.pgid != tty.pgrp:
            if SIGTTIN in td.sigmask or td.handler(SIGTTIN) == SIG_IGN or orphaned(tty.kernel, td.pgid):
                raise KError(EIO)
            pgsignal(tty.kernel, td.pgid, SIGTTIN)
            if td.stopped:
                await suspend(td)
            else:
                await tsleep(td, self.rchan)

    def write_nowait(self, td: Proc, data: bytes) -> int:
        """A terminal takes everything."""
        self.tty.write(data, self.error)
        return len(data)

    def poll(self, events: int) -> int:
        """Always writable."""
        return events & POLLOUT | (events & POLLIN if self.tty.readable() else 0)

    def stat(self, td: Proc) -> Stat:
        """A character device."""
        now = self.tty.kernel.clock.realtime()
        return Stat(0, 0, S_IFCHR | 0o620, 1, 0, 4, 0, now, now, now)

    def isatty(self) -> bool:
        """It is."""
        return True

    def ioctl(self, td: Proc, request: Record) -> Any:
        """tty(4) requests."""
        tty = self.tty
        if isinstance(request, TIOCGETA):
            return tty.termios
        if isinstance(request, TIOCSETA):
            tty.termios = request.termios
            return None
        if isinstance(request, TIOCSCTTY):
            if td.sid != td.pid or (td.ctty is not None and td.ctty is not tty):
                raise KError(EPERM)
            td.ctty, tty.pgrp = tty, td.pgid
            return None
        if isinstance(request, TIOCSPGRP):
            tty.pgrp = request.pgrp
            return None
        if isinstance(request, TIOCGPGRP):
            return tty.pgrp
        raise KError(ENOTTY)


class TtyCalls:
    """System calls on terminals."""

    proc: Proc

    def ttysize(self, fd: int) -> tuple[int, int]:
        """TIOCGWINSZ: (rows, columns)."""
        file = self.proc.fd.get(fd)
        if not isinstance(file, TtyFile):
            raise KError(ENOTTY)
        return file.tty.rows, file.tty.columns
