"""dirname(1): the directory part of path names (usr.bin/dirname/dirname.c)."""

from __future__ import annotations

from vshell.userland.getopt import getopt
from vshell.userland.pathname import dirname
from vshell.userland.program import Program, program


@program("/usr/bin/dirname")
def main(p: Program) -> int:
    """dirname string [...]"""
    options, args = getopt(p, "")
    if options or not args:
        p.usage("usage: dirname string [...]")
    for arg in args:
        p.stdout.write(f"{dirname(arg)}\n")
    return 0
