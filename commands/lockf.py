"""lockf(1): run a command while holding a lock (usr.bin/lockf/lockf.c)."""

from __future__ import annotations

from vshell.abi.errno import EAGAIN, EINTR, ENOENT, KError
from vshell.abi.fcntl import LOCK_EX, LOCK_NB, O_CREAT, O_RDONLY, O_WRONLY, WEXITSTATUS, WIFEXITED
from vshell.abi.signal import SIGALRM
from vshell.abi.syscalls import Syscalls
from vshell.userland.execvp import execvp
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program

USAGE = """\
usage: lockf [-knsw] [-p] [-t seconds] file command [arguments]
       lockf [-s] [-t seconds] fd
"""
EX_USAGE, EX_UNAVAILABLE, EX_SOFTWARE, EX_OSERR, EX_CANTCREAT, EX_TEMPFAIL = 64, 69, 70, 71, 73, 75
NS = 1_000_000_000


async def acquire(p: Program, fd: int, wait: int) -> bool:
    """Take the lock, waiting so many seconds (-1: for ever)."""
    if wait == 0:
        try:
            p.sys.flock_nowait(fd, LOCK_EX | LOCK_NB)
        except KError as e:
            if e.errno != EAGAIN:
                raise
            return False
        return True
    if wait > 0:
        p.sys.sigaction(SIGALRM, lambda sig: None, restart=False)
        p.sys.alarm(wait * NS)
    try:
        await p.sys.flock(fd, LOCK_EX)
    except KError as e:
        if e.errno != EINTR:
            raise
        return False
    p.sys.alarm(0)
    return True


def open_lock(p: Program, path: str, flags: set[str]) -> int:
    """Open (and make) the lock file."""
    mode = (O_WRONLY if "w" in flags else O_RDONLY) | (0 if "n" in flags else O_CREAT)
    try:
        return p.sys.open(path, mode, 0o444)
    except KError as e:
        p.err(EX_UNAVAILABLE if e.errno == ENOENT and "n" in flags else EX_CANTCREAT, e, f"cannot open {path}")


async def run(p: Program, fd: int, argv: list[str]) -> int:
    """Run the command; its status."""
    env = p.env

    async def child(sys: Syscalls) -> int:
        sys.close(fd)
        try:
            execvp(sys, argv, env)
        except KError as e:
            sys.write_nowait(2, f"lockf: {argv[0]}: {e}\n".encode("utf-8", "surrogateescape"))
            return 1

    pid = p.sys.fork(child)
    while True:
        try:
            _, status = await p.sys.wait4(pid)
            return WEXITSTATUS(status) if WIFEXITED(status) else EX_SOFTWARE
        except KError as e:
            if e.errno != EINTR:
                raise


@program("/usr/bin/lockf")
async def main(p: Program) -> int:
    """lockf [-knsw] [-p] [-t seconds] file command [arguments]"""
    options, args = getopt(p, "knpst:w")
    flags = {k for k, _ in options}
    if "?" in flags or not args:
        p.usage(USAGE, EX_USAGE)
    wait = -1
    for key, value in options:
        if key == "t":
            if not (value.isascii() and value.isdigit()):
                p.errx(EX_USAGE, f'invalid timeout "{value}"')
            wait = int(value)
    if len(args) == 1:
        if not (args[0].isascii() and args[0].isdigit()):
            p.usage(USAGE, EX_USAGE)
        done = await acquire(p, int(args[0]), wait)
        if not done and "s" not in flags:
            p.errx(EX_TEMPFAIL, f"{args[0]}: already locked")
        return 0 if done else EX_TEMPFAIL
    path = args[0]
    fd = open_lock(p, path, flags)
    if not await acquire(p, fd, wait):
        if "s" in flags:
            return EX_TEMPFAIL
        p.errx(EX_TEMPFAIL, f"{path}: already locked")
    status = await run(p, fd, args[1:])
    if not flags & {"k", "n"}:
        try:
            p.sys.unlink(path)
        except KError:
            pass
    return status
