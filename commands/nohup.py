"""nohup(1): run a program that ignores hangups (usr.bin/nohup/nohup.c)."""

from __future__ import annotations

from vshell.abi.errno import ENOENT, KError
from vshell.abi.fcntl import O_APPEND, O_CREAT, O_RDWR
from vshell.abi.signal import SIG_IGN, SIGHUP
from vshell.userland.execvp import execvp
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

EXIT_NOEXEC, EXIT_NOTFOUND, EXIT_MISC = 126, 127, 127


def dofile(p: Program) -> None:
    """Send standard output to nohup.out here or in the home directory."""
    flags = O_RDWR | O_CREAT | O_APPEND
    path = "nohup.out"
    try:
        fd = p.sys.open(path, flags, 0o600)
    except KError:
        home = p.env.get("HOME", "")
        path = f"{home}/nohup.out"
        try:
            fd = p.sys.open(path, flags, 0o600)
        except KError:
            p.errx(EXIT_MISC, "can't open a nohup.out file")
    p.sys.dup2(fd, 1)
    p.stderr.write(f"appending output to {path}\n")


@program("/usr/bin/nohup")
def main(p: Program) -> int:
    """nohup [--] utility [arguments]"""
    options, args = getopt(p, "")
    if options or not args:
        p.usage("usage: nohup [--] utility [arguments]", EXIT_MISC)
    if p.sys.isatty(1):
        dofile(p)
    if p.sys.isatty(2):
        p.sys.dup2(1, 2)
    p.sys.sigaction(SIGHUP, SIG_IGN)
    try:
        execvp(p.sys, args, p.env)
    except KError as e:
        p.err(EXIT_NOTFOUND if e.errno == ENOENT else EXIT_NOEXEC, e, args[0])


def complete(c: Context) -> Iterator[Candidate]:
    """A command."""
    yield from c.command(c.args)
