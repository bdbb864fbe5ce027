"""logname(1): the user's login name (usr.bin/logname/logname.c)."""

from __future__ import annotations

from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program


@program("/usr/bin/logname")
def main(p: Program) -> int:
    """logname"""
    options, args = getopt(p, "")
    if options or args:
        p.usage("usage: logname")
    me = p.sys.getpid()
    login = next((k.login for k in p.sys.sysctl("kern.proc") if k.pid == me), "")
    if not login:
        p.errx(1, "getlogin: Undefined error: 0")
    p.stdout.write(f"{login}\n")
    return 0
