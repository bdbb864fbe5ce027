"""who(1): who is logged in (usr.bin/who/who.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program
from vshell.userland.pwd import user_from_uid
from vshell.userland.strftime import localtime, strftime
from vshell.userland.ttyname import ttyname
from vshell.userland.utmpx import UTX_ACTIVE, Utmpx, utmpx

USAGE = "usage: who [-abHmqsTu] [am I] [file]"
NS = 1_000_000_000


def row(p: Program, s: Utmpx, flags: set[str]) -> str:
    """One session."""
    state = "+ " if "T" in flags else ""
    when = strftime("%b %e %R", localtime(s.time, p.env))
    host = f"\t({s.host})" if s.host else ""
    idle = "   .  " if "u" in flags else ""
    return f"{s.user:<16} {state}{s.line:<12} {when}{' ' + idle if idle else ''}{host}".rstrip(" ") + "\n"


def heading(flags: set[str]) -> str:
    """-H."""
    out = f"{'NAME':<16} " + ("S " if "T" in flags else "") + f"{'LINE':<12} {'TIME':<12} "
    return out + ("IDLE  " if "u" in flags else "") + "FROM\n"


@program("/usr/bin/who")
def main(p: Program) -> int:
    """who [-abHmqsTu] [am I] [file]"""
    options, args = getopt(p, "abHmqsTu")
    flags = {k for k, _ in options}
    if "?" in flags or len(args) > 2:
        p.usage(USAGE)
    if "a" in flags:
        flags |= {"b", "T", "u"}
    if len(args) == 2:
        flags.add("m")
    path = args[0] if len(args) == 1 else UTX_ACTIVE
    try:
        found = utmpx(p, path)
    except KError as e:
        p.err(1, e, path)
    if "m" in flags:
        name = ttyname(p, 0)
        line = (name or "/dev/tty??").removeprefix("/dev/")
        now = p.sys.clock_gettime() // NS
        mine = [s for s in found if s.line == line]
        found = mine or [Utmpx(user_from_uid(p, p.sys.getuid()), line, "", now)]
    if "q" in flags:
        names = [s.user for s in found]
        p.stdout.write(("  ".join(names) + "\n" if names else "") + f"# users = {len(names)}\n")
        return 0
    if "H" in flags:
        p.stdout.write(heading(flags))
    p.stdout.write("".join(row(p, s, flags) for s in found))
    return 0
