"""script(1): make typescript of terminal session (usr.bin/script/script.c).

Left out: -f, there is no filemon(4).
"""

from __future__ import annotations

import struct
from typing import NoReturn

from vshell.abi.errno import EINTR, ENODEV, ENOENT, KError
from vshell.abi.fcntl import O_APPEND, O_CREAT, O_TRUNC, O_WRONLY, POLLIN, WEXITSTATUS, WIFEXITED, WTERMSIG
from vshell.abi.syscalls import Syscalls
from vshell.abi.termios import TIOCGETA, TIOCSCTTY, TIOCSETA, Termios
from vshell.userland.execvp import execvp
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.slurp import slurp
from vshell.userland.stdio import encode
from vshell.userland.strftime import localtime, strftime

USAGE = """\
usage: script [-aeFfkpqrw] [-t time] [file [command ...]]
       script -p [-deq] [-T fmt] [file]
"""
NS = 1_000_000_000
VEOF = b"\x04"
STAMP = struct.Struct("<QQII")
"""Of a recorded session (-r): length, seconds, microseconds, direction."""


class Script:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.stamp_format = "%n@ %s [%Y-%m-%d %T]%n"
        self.name = "typescript"
        self.command: list[str] = []
        self.out = self.master = -1
        self.saved: Termios | None = None

    def options(self) -> None:
        """Take the options and operands."""
        p = self.p
        parsed = Getopt(p, "adeFfkpqrT:t:w")
        for letter, value in parsed:
            if letter == "?":
                p.usage(USAGE)
            if letter == "T":
                self.flags |= {"T", "p"}
                if "%" in value:
                    self.stamp_format = value
            elif letter == "t" and value.startswith("-") and value[1:].isdecimal():
                p.err(1, 0, f"invalid flush time {value}")
            else:
                self.flags.add(letter)
        if parsed.args:
            self.name, *self.command = parsed.args

    def ctime(self) -> str:
        """The time, as ctime(3) gives it."""
        return strftime("%a %b %e %H:%M:%S %Y\n", localtime(self.p.sys.clock_gettime() // NS, self.p.env))

    async def write(self, text: str | bytes) -> None:
        """Add to the typescript."""
        data = encode(text) if isinstance(text, str) else text
        if data:
            await self.p.sys.write(self.out, data)

    async def record(self, data: bytes, direction: str) -> None:
        """Add a stamped piece to the recording."""
        now = self.p.sys.clock_gettime() // 1000
        await self.write(STAMP.pack(len(data), now // 1_000_000, now % 1_000_000, ord(direction)) + data)

    def terminal(self) -> int:
        """Open the pseudo-terminal, like the terminal we are on; the descriptor of its side for the command."""
        p = self.p
        self.master, slave = p.sys.openpty()
        p.sys.set_nonblock(self.master, True)
        if p.sys.isatty(0):
            self.saved = p.sys.ioctl(0, TIOCGETA())
            rows, columns = p.sys.ttysize(0)
            p.sys.ttysetsize(self.master, rows, columns)
            p.sys.ioctl(slave, TIOCSETA(self.saved))
            p.sys.ioctl(0, TIOCSETA(Termios(icanon=False, echo=False, isig=False, opost=False)))
        return slave

    def start(self, slave: int) -> int:
        """Run the command or a shell on the terminal; its process."""
        p = self.p
        env = dict(p.env, SCRIPT=self.name)
        argv = self.command or [env.get("SHELL", "/bin/sh"), "-i"]
        name, master, out = p.name, self.master, self.out

        async def child(sys: Syscalls) -> int:
            sys.close(master)
            sys.close(out)
            sys.setsid()
            sys.ioctl(slave, TIOCSCTTY())
            for fd in (0, 1, 2):
                sys.dup2(slave, fd)
            if slave > 2:
                sys.close(slave)
            try:
                execvp(sys, argv, env)
            except KError as e:
                await sys.write(2, encode(f"{name}: {argv[0]}: {e}\n"))
            return 1

        pid = p.sys.fork(child)
        p.sys.close(slave)
        return pid

    async def relay(self) -> None:
        """Carry what is typed in and what is shown out, until the terminal is closed."""
        sys = self.p.sys
        typing = True
        while True:
            try:
                ready = dict(await sys.poll([(self.master, POLLIN), *([(0, POLLIN)] if typing else [])], None))
                if 0 in ready:
                    typing = await self.typed()
                if self.master in ready:
                    data = await sys.read(self.master, 1024)
                    if not data:
                        return
                    await sys.write(1, data)
                    await (self.record(data, "o") if "r" in self.flags else self.write(data))
            except KError as e:
                if e.errno != EINTR:
                    return

    async def typed(self) -> bool:
        """Take input; False at its end, which the terminal sees as its own."""
        sys = self.p.sys
        data = await sys.read(0, 1024)
        if not data:
            if sys.ioctl(self.master, TIOCGETA()).icanon:
                await sys.write(self.master, VEOF)
            return False
        if "r" in self.flags:
            await self.record(data, "i")
        if "k" in self.flags and not sys.ioctl(self.master, TIOCGETA()).echo:
            await self.write(data)
        await sys.write(self.master, data)
        return True

    async def done(self, status: int) -> NoReturn:
        """Restore the terminal, say goodbye."""
        p = self.p
        if self.saved is not None:
            p.sys.ioctl(0, TIOCSETA(self.saved))
        if "r" in self.flags:
            await self.record(b"", "e")
        if "q" not in self.flags:
            if "r" not in self.flags:
                if self.command:
                    await self.write(f"\nCommand exit status: {status}")
                await self.write(f"\nScript done on {self.ctime()}")
            p.stdout.write(f"\nScript done, output file is {self.name}\n")
        p.exit(status)

    async def run(self) -> None:
        """Record a session."""
        p = self.p
        self.options()
        if "p" in self.flags:
            await self.playback()
        if "f" in self.flags:
            p.err(1, ENOENT, 'open("/dev/filemon", O_RDWR)')
        try:
            self.out = p.sys.open(self.name, O_WRONLY | O_CREAT | (O_APPEND if "a" in self.flags else O_TRUNC), 0o666)
        except KError as e:
            p.err(1, e, self.name)
        slave = self.terminal()
        if "r" in self.flags:
            await self.record(b"", "s")
        if "q" not in self.flags:
            p.stdout.write(f"Script started, output file is {self.name}\n")
            if "r" not in self.flags:
                await self.write(f"Script started on {self.ctime()}")
                if self.command:
                    await self.write(f"Command: {' '.join(self.command)}\n")
        p.stdout.flush()
        pid = self.start(slave)
        await self.relay()
        p.sys.close(self.master)
        while True:
            try:
                _, status = await p.sys.wait4(pid)
            except KError as e:
                if e.errno == EINTR:
                    continue
                await self.done(1)
            await self.done(WEXITSTATUS(status) if WIFEXITED(status) else WTERMSIG(status))

    async def playback(self) -> NoReturn:
        """-p: show a recorded session again."""
        p = self.p
        try:
            data = slurp(p, self.name)
        except KError as e:
            p.err(1, e, self.name)
        at, before, shown = 0, -1, 0
        while at < len(data):
            if len(data) - at < STAMP.size:
                p.err(1, ENODEV, "reading playback header")
            length, seconds, micro, direction = STAMP.unpack_from(data, at)
            at += STAMP.size
            if length > len(data) - at:
                p.errx(1, "invalid stamp")
            now = seconds * NS + micro * 1000
            kind = chr(direction & 0xFF)
            when = strftime("%a %b %e %H:%M:%S %Y\n", localtime(seconds, p.env))
            if kind in "se" and "q" not in self.flags:
                p.stdout.write(f"Script started on {when}" if kind == "s" else f"\nScript done on {when}")
            p.stdout.flush()
            if kind == "o":
                if "T" in self.flags:
                    if seconds > shown:
                        await p.sys.write(1, encode(strftime(self.stamp_format, localtime(seconds, p.env))))
                    shown = seconds
                elif "d" not in self.flags and before >= 0 and now > before:
                    await p.sys.nanosleep(now - before)
                await p.sys.write(1, data[at : at + length])
            if kind in "so":
                before = now
            at += length
        p.exit(0)


@program("/usr/bin/script")
async def main(p: Program) -> int:
    """script [-aeFfkpqrw] [-t time] [file [command ...]]"""
    await Script(p).run()
    return 0
