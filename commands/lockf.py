"""lockf(1): run a command while holding a lock (usr.bin/lockf/lockf.c)."""

from __future__ import annotations

from vshell.abi.errno import EAGAIN, EINTR, ENOENT, KError
from vshell.abi.fcntl import LOCK_EX, LOCK_NB, LOCK_UN, O_CREAT, O_RDONLY, O_WRONLY, WEXITSTATUS, WIFEXITED
from vshell.abi.signal import SIG_DFL, SIG_IGN, SIGALRM, SIGINT, SIGQUIT, SIGTERM
from vshell.abi.syscalls import Syscalls
from vshell.userland.cnumber import strtol
from vshell.userland.execvp import execvp
from vshell.userland.getopt import getopt
from vshell.userland.humanize import strtonum
from vshell.userland.program import Program, program

USAGE = """\
usage: lockf [-knsw] [-p] [-t seconds] file command [arguments]
       lockf [-s] [-t seconds] fd
"""
EX_USAGE, EX_UNAVAILABLE, EX_SOFTWARE, EX_OSERR, EX_CANTCREAT, EX_TEMPFAIL = 64, 69, 70, 71, 73, 75
NS = 1_000_000_000


class Lock:
    """The lock: a file by its name, or a descriptor that is open already."""

    def __init__(self, p: Program, name: str, fd: int, flags: set[str]) -> None:
        self.p = p
        self.name = name
        self.fd = fd
        self.by_fd = fd >= 0
        self.flags = flags
        self.mode = (O_WRONLY if flags & {"w", "p"} else O_RDONLY) | (0 if "n" in flags else O_CREAT)

    async def take(self, wait: bool) -> bool:
        """acquire_lock: open and lock; False if that has to wait, or was interrupted."""
        p = self.p
        if not self.by_fd:
            try:
                self.fd = p.sys.open(self.name, self.mode, 0o666)
            except KError as e:
                if e.errno == ENOENT and "n" in self.flags:
                    if "s" not in self.flags:
                        p.warn(e, self.name)
                    p.exit(EX_UNAVAILABLE)
                p.err(EX_CANTCREAT, e, f"cannot open {self.name}")
        try:
            if wait:
                await p.sys.flock(self.fd, LOCK_EX)
            else:
                p.sys.flock_nowait(self.fd, LOCK_EX | LOCK_NB)
        except KError as e:
            if e.errno not in (EAGAIN, EINTR):
                p.err(EX_CANTCREAT, e, f"cannot lock fd {self.fd}" if self.by_fd else f"cannot open {self.name}")
            if not self.by_fd:
                p.sys.close(self.fd)
            return False
        if "p" in self.flags and not self.by_fd:
            p.sys.ftruncate(self.fd, 0)
        return True

    async def until_free(self) -> None:
        """wait_for_lock: who holds it removes the file, so that ours has to be opened again."""
        sys = self.p.sys
        try:
            fd = sys.open(self.name, O_RDONLY)
        except KError as e:
            if e.errno == ENOENT:
                return
            self.p.err(EX_CANTCREAT, e, f"cannot open {self.name}")
        try:
            await sys.flock(fd, LOCK_EX)
        except KError as e:
            if e.errno != EINTR:
                raise
        sys.close(fd)

    async def acquire(self, wait: int) -> bool:
        """Take the lock, waiting so many seconds (-1: for ever)."""
        sys = self.p.sys
        late: list[int] = []
        if wait > 0:
            sys.sigaction(SIGALRM, late.append, restart=False)
            sys.alarm(wait * NS)
        done = await self.take(False)
        while not done and not late and wait:
            if self.by_fd or "k" in self.flags:
                done = await self.take(True)
            else:
                await self.until_free()
                done = await self.take(False)
        if wait > 0:
            sys.alarm(0)
        return done

    def cleanup(self) -> None:
        """Give it up."""
        try:
            if self.by_fd or "k" in self.flags:
                self.p.sys.flock_nowait(self.fd, LOCK_UN)
            else:
                self.p.sys.unlink(self.name)
        except KError:
            pass

    async def run(self, argv: list[str]) -> int:
        """Run the command; its status."""
        p, env, fd = self.p, self.p.env, self.fd

        async def child(sys: Syscalls) -> int:
            sys.close(fd)
            try:
                execvp(sys, argv, env)
            except KError as e:
                sys.write_nowait(2, f"lockf: {argv[0]}: {e}\n".encode("utf-8", "surrogateescape"))
                return 1

        pid = p.sys.fork(child)
        for number in (SIGINT, SIGQUIT):
            p.sys.sigaction(number, SIG_IGN)
        killed: list[int] = []
        p.sys.sigaction(SIGTERM, killed.append, restart=False)
        if "p" in self.flags:
            p.sys.write_nowait(fd, f"{pid}\n".encode())
        while True:
            try:
                _, status = await p.sys.wait4(pid)
                return WEXITSTATUS(status) if WIFEXITED(status) else EX_SOFTWARE
            except KError as e:
                if e.errno != EINTR:
                    raise
            if killed:
                await self.killed(pid)

    async def killed(self, pid: int) -> None:
        """SIGTERM: clean up and die of it; with -T the command does too."""
        p = self.p
        if "T" in self.flags:
            p.sys.kill(pid, SIGTERM)
        self.cleanup()
        p.sys.sigaction(SIGTERM, SIG_DFL)
        p.sys.kill(p.sys.getpid(), SIGTERM)
        await p.sys.sched_yield()


def descriptor(p: Program, name: str, alone: bool) -> int:
    """The descriptor that is meant: a number alone, or /dev/fd/N; -1 for a file."""
    if not alone or name.startswith("/"):
        number = name.removeprefix("/dev/fd/")
        if name.startswith("/dev/fd/") and number.isascii() and number.isdigit():
            return int(number)
        if alone:
            p.stderr.write(f"Expected fd, got '{name}'\n")
            p.usage(USAGE, EX_USAGE)
        return -1
    value, rest, bad = strtol(name)
    if bad or rest:
        p.stderr.write(f"Expected fd, got '{name}'\n")
        p.usage(USAGE, EX_USAGE)
    if not 0 <= value <= 0x7FFFFFFF:
        p.stderr.write(f"fd '{value}' out of range\n")
        p.usage(USAGE, EX_USAGE)
    return value


@program("/usr/bin/lockf")
async def main(p: Program) -> int:
    """lockf [-knsw] [-p] [-t seconds] file command [arguments]"""
    options, args = getopt(p, "knpsTt:w")
    flags = {k for k, _ in options}
    if "?" in flags or not args:
        p.usage(USAGE, EX_USAGE)
    wait = -1
    for key, value in options:
        if key == "t":
            wait, bad = strtonum(value, 0, 0xFFFFFFFF)
            if bad:
                p.errx(EX_USAGE, f'invalid timeout "{value}"')
    lock = Lock(p, args[0], descriptor(p, args[0], len(args) == 1), flags)
    if not await lock.acquire(wait):
        if "s" in flags:
            return EX_TEMPFAIL
        p.errx(EX_TEMPFAIL, f"{args[0]}: already locked")
    if len(args) == 1:
        return 0
    status = await lock.run(args[1:])
    lock.cleanup()
    return status
