"""basename(1), dirname(1): parts of path names (usr.bin/basename/basename.c)."""

from __future__ import annotations

from vshell.userland.getopt import getopt
from vshell.userland.pathname import basename
from vshell.userland.program import Program, program

USAGE = """\
usage: basename string [suffix]
       basename [-a] [-s suffix] string [...]
"""


@program("/usr/bin/basename")
def main(p: Program) -> int:
    """basename string [suffix]"""
    options, args = getopt(p, "as:")
    if any(k == "?" for k, _ in options) or not args:
        p.usage(USAGE)
    if not args[0]:
        p.stdout.write("\n")
        return 0
    suffix = next((v for k, v in reversed(options) if k == "s"), "")
    if not options and len(args) == 2:
        suffix = args.pop()
    for arg in args:
        name = basename(arg)
        if suffix and name.endswith(suffix) and name != suffix:
            name = name[: -len(suffix)]
        p.stdout.write(f"{name}\n")
    return 0
