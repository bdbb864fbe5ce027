"""freebsd-version(1): the version of the system (bin/freebsd-version)."""

from __future__ import annotations

from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.system import system

VERSION = "15.1-RELEASE-p1"
"""Of the programs and of the installed kernel."""


@program("/bin/freebsd-version")
async def main(p: Program) -> int:
    """freebsd-version [-kru] [-j jail]"""
    flags: set[str] = set()
    jails: list[str] = []
    parsed = Getopt(p, ":kruj:")
    for letter, value in parsed:
        if letter in "?:":
            p.stderr.write(
                f"{'Illegal option' if letter == '?' else 'No arg for'} -{parsed.optopt}{' option' if letter == ':' else ''}\n"
            )
            p.usage(f"usage: {p.name} [-kru] [-j jail]")
        if letter == "j":
            jails += value.split()
        flags.add(letter)
    if parsed.args:
        p.usage(f"usage: {p.name} [-kru] [-j jail]")
    for letter in "kru":
        if letter in flags or (letter == "u" and not flags):
            p.stdout.write(f"{p.sys.sysctl('kern.osrelease') if letter == 'r' else VERSION}\n")
    p.stdout.flush()
    status = 0
    for jail in jails:
        status = await system(p, f"jexec -- {jail} freebsd-version")
        if status:
            break
    return status
