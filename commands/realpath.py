"""realpath(1): paths without links, dots and double dots (bin/realpath/realpath.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt
from vshell.userland.pathname import realpath
from vshell.userland.program import Program, program


@program("/bin/realpath")
def main(p: Program) -> int:
    """realpath [-q] [path ...]"""
    options, args = getopt(p, "q")
    if any(k == "?" for k, _ in options):
        p.usage("usage: realpath [-q] [path ...]")
    status = 0
    for arg in args or ["."]:
        try:
            p.stdout.write(f"{realpath(p.sys, arg)}\n")
        except KError as e:
            if not options:
                p.warn(e, arg)
            status = 1
    return status
