"""renice(8): change the priority of running processes (usr.bin/renice/renice.c)."""

from __future__ import annotations

from vshell.abi.errno import ESRCH, KError
from vshell.commands.nice import integer
from vshell.userland.program import Program, program
from vshell.userland.pwd import getpwnam

USAGE = """\
usage: renice priority [[-p] pid ...] [[-g] pgrp ...] [[-u] user ...]
       renice -n increment [[-p] pid ...] [[-g] pgrp ...] [[-u] user ...]
"""
KINDS = {"g": "process group id", "p": "pid", "u": "uid"}


def targets(p: Program, kind: str, who: int) -> list[int]:
    """The processes a target stands for."""
    if kind == "p":
        return [who]
    field = "pgid" if kind == "g" else "uid"
    return [k.pid for k in p.sys.sysctl("kern.proc") if getattr(k, field) == who and not k.system]


def renice(p: Program, kind: str, who: int, value: int, relative: bool) -> bool:
    """Change one target; True when it went well."""
    pids = targets(p, kind, who)
    try:
        if not pids:
            raise KError(ESRCH)
        old = min(p.sys.getpriority(pid) for pid in pids)
    except KError as e:
        p.warn(e, f"{who}: getpriority")
        return False
    try:
        for pid in pids:
            p.sys.setpriority(pid, value + old if relative else value)
    except KError as e:
        p.warn(e, f"{who}: setpriority")
        return False
    new = min(p.sys.getpriority(pid) for pid in pids)
    p.stdout.write(f"{who}: old priority {old}, new priority {new}\n")
    return True


def target(p: Program, kind: str, word: str) -> int | None:
    """A process id, group id or user."""
    user = getpwnam(p, word) if kind == "u" else None
    if user is not None:
        return user.uid
    number = integer(word)
    if number is None or number < 0:
        p.warnx(f"{KINDS[kind]} argument {word} is invalid.")
        return None
    return number


@program("/usr/bin/renice")
def main(p: Program) -> int:
    """renice priority [[-p] pid ...] [[-g] pgrp ...] [[-u] user ...]"""
    args = p.argv[1:]
    relative = False
    if args and args[0].startswith("-n"):
        relative = True
        args = [args[0][2:], *args[1:]] if args[0] != "-n" else args[1:]
    if len(args) < 2:
        p.usage(USAGE)
    value = integer(args[0])
    if value is None:
        p.errx(1, f"priority argument {args[0]} is invalid.")
    kind = "p"
    status = 0
    for word in args[1:]:
        if word in ("-g", "-p", "-u"):
            kind = word[1]
            continue
        who = target(p, kind, word)
        if who is None or not renice(p, kind, who, value, relative):
            status = 1
    return status
