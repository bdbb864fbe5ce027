"""nologin(8): the shell of accounts nobody may use (usr.sbin/nologin/nologin.c)."""

from __future__ import annotations

from vshell.userland.program import Program, program


@program("/usr/sbin/nologin", "/sbin/nologin")
def main(p: Program) -> int:
    """nologin"""
    p.stdout.write("This account is currently not available.\n")
    return 1
