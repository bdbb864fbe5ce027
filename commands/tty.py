"""tty(1): the name of the terminal (usr.bin/tty/tty.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program


def ttyname(p: Program, fd: int) -> str | None:
    """ttyname(3): the device of a terminal."""
    if not p.sys.isatty(fd):
        return None
    me = p.sys.getpid()
    try:
        return next((f"/dev/{k.tty}" for k in p.sys.sysctl("kern.proc") if k.pid == me and k.tty), "/dev/console")
    except KError:
        return "/dev/console"


@program("/usr/bin/tty")
def main(p: Program) -> int:
    """tty [-s]"""
    options, _ = getopt(p, "s")
    flags = {k for k, _ in options}
    if "?" in flags:
        p.usage("usage: tty [-s]", 2)
    name = ttyname(p, 0)
    if "s" not in flags:
        p.stdout.write(f"{name or 'not a tty'}\n")
    return 0 if name else 1
