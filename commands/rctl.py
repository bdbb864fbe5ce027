"""rctl(8): resource limits of users and jails, which the kernel has but does not enforce (usr.bin/rctl/rctl.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program

USAGE = "usage: rctl [ -h ] [-a rule | -l filter | -r filter | -u filter | filter]"
DISABLED = "RACCT/RCTL present, but disabled; enable using kern.racct.enable=1 tunable"


@program("/usr/bin/rctl")
def main(p: Program) -> int:
    """rctl [-h] [-a rule | -l filter | -r filter | -u filter | filter]"""
    options, args = getopt(p, "ahlnru")
    letters = [k for k, _ in options]
    if "?" in letters:
        p.usage(USAGE)
    if len(set(letters) & set("alru")) > 1:
        p.errx(1, "at most one of -a, -l, -r, or -u may be specified")
    if not args and set(letters) & set("alru"):
        p.usage(USAGE)
    try:
        enabled = int(p.sys.sysctl("kern.racct.enable"))
    except KError:
        p.errx(1, "RACCT/RCTL support not present in kernel; see rctl(8) for details")
    if not enabled:
        p.errx(1, DISABLED)
    return 0
