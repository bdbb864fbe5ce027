"""tty(1): the name of the terminal (usr.bin/tty/tty.c)."""

from __future__ import annotations

from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program
from vshell.userland.ttyname import ttyname


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
