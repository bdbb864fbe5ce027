"""nproc(1): the number of processors (bin/nproc/nproc.c)."""

from __future__ import annotations

from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.program import Program, program

LONGS = {"all": (NO, "all"), "help": (NO, "help"), "ignore": (REQUIRED, "ignore"), "version": (NO, "version")}
HELP = """\
usage: nproc [--all] [--ignore=count]
       nproc --help
       nproc --version
"""


@program("/bin/nproc")
def main(p: Program) -> int:
    """nproc [--all] [--ignore=count]"""
    ignore = 0
    parsed = GetoptLong(p, "", LONGS)
    for key, value in parsed:
        if key == "ignore":
            if not (value.isascii() and value.isdigit()):
                p.errx(1, f"invalid ignore count: {value}")
            ignore = int(value)
        elif key == "help":
            p.usage(HELP, 0)
        elif key == "version":
            p.stdout.write("nproc (neither_GNU nor_coreutils) 8.32\n")
            return 0
        elif key != "all":
            p.usage(HELP)
    count = int(p.sys.sysctl("hw.ncpu"))
    p.stdout.write(f"{max(1, count - ignore)}\n")
    return 0
