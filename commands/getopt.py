"""getopt(1) (usr.bin/getopt)."""

from __future__ import annotations

from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program


@program("/usr/bin/getopt")
def main(p: Program) -> int:
    """Parse options for a script."""
    optstring = p.argv[1] if len(p.argv) > 1 else ""
    parsed = Getopt(p, optstring, p.argv[1:])
    status = 0
    for letter, value in parsed:
        if letter == "?":
            status = 1
            continue
        takes = optstring.partition(letter)[2][:1] == ":"
        p.stdout.write(f" -{letter} {value}" if takes else f" -{letter}")
    p.stdout.write(" --" + "".join(f" {word}" for word in parsed.args) + "\n")
    return status
