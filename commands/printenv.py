"""printenv(1): print environment variables (usr.bin/printenv/printenv.c)."""

from __future__ import annotations

from vshell.userland.getopt import getopt
from vshell.userland.program import Program, checks_stdout, program


@checks_stdout(1)
@program("/usr/bin/printenv")
def main(p: Program) -> int:
    """printenv [name]"""
    options, args = getopt(p, "")
    if options or len(args) > 1:
        p.usage("usage: printenv [name]")
    if not args:
        p.stdout.write("".join(f"{name}={value}\n" for name, value in p.env.items()))
        return 0
    if args[0] not in p.env:
        return 1
    p.stdout.write(f"{p.env[args[0]]}\n")
    return 0
