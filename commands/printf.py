"""printf(1), the program (usr.bin/printf)."""

from __future__ import annotations

from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program
from vshell.userland.sh.printf import USAGE, Printf


@program("/usr/bin/printf")
def main(p: Program) -> int:
    """Format and print."""
    opts, args = getopt(p, "")
    if opts or not args:
        p.usage(USAGE)
    run = Printf(p.warnx)
    status = run.run(args)
    p.stdout.write(bytes(run.out))
    return status
