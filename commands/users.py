"""users(1): names of those who are logged in (usr.bin/users)."""

from __future__ import annotations

from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program
from vshell.userland.utmpx import sessions


@program("/usr/bin/users")
def main(p: Program) -> int:
    """users"""
    options, args = getopt(p, "")
    if options or args:
        p.usage("usage: users")
    names = sorted({s.user for s in sessions(p)})
    if names:
        p.stdout.write(" ".join(names) + "\n")
    return 0
