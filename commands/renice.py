"""renice(8): change the priority of running processes (usr.bin/renice/renice.c)."""

from __future__ import annotations

from vshell.abi.errno import ERANGE, ESRCH, KError
from vshell.userland.cnumber import strtol
from vshell.userland.program import Program, program
from vshell.userland.pwd import getpwnam

USAGE = """\
usage: renice priority [[-p] pid ...] [[-g] pgrp ...] [[-u] user ...]
       renice -n increment [[-p] pid ...] [[-g] pgrp ...] [[-u] user ...]
"""


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
    new = max(-20, min(value + old if relative else value, 20))
    try:
        for pid in pids:
            p.sys.setpriority(pid, new)
    except KError as e:
        p.warn(e, f"{who}: setpriority")
        return False
    p.stderr.write(f"{who}: old priority {old}, new priority {new}\n")
    return True


def number(p: Program, what: str, word: str) -> int | None:
    """getnum: a number; a message and None if it is none."""
    value, rest, error = strtol(word)
    if error == ERANGE or not -(1 << 31) <= value < 1 << 31:
        p.warnx(f"{what} argument {word} is out of range.")
        return None
    if error or rest:
        p.warnx(f"{what} argument {word} is invalid.")
        return None
    return value


def target(p: Program, kind: str, word: str) -> int | None:
    """A process id, group id or user."""
    user = getpwnam(p, word) if kind == "u" else None
    if user is not None:
        return user.uid
    who = number(p, "uid" if kind == "u" else "pid", word)
    if who is not None and who < 0:
        p.warnx(f"{word}: bad value")
        return None
    return who


@program("/usr/bin/renice")
def main(p: Program) -> int:
    """renice priority [[-p] pid ...] [[-g] pgrp ...] [[-u] user ...]"""
    kind, relative, delimiter, status = "p", False, False, 0
    value: int | None = None
    words = p.argv[1:]
    while words:
        word = words.pop(0)
        if not delimiter:
            if word in ("-g", "-p", "-u"):
                kind = word[1]
                continue
            if word == "--":
                delimiter = True
                continue
            if word == "-n":
                if value is not None or relative or not words:
                    p.usage(USAGE)
                relative, word = True, words.pop(0)
        if value is None:
            value = number(p, "priority", word)
            if value is None:
                return 1
            continue
        who = target(p, kind, word)
        if who is None or not renice(p, kind, who, value, relative):
            status = 1
    if value is None:
        p.usage(USAGE)
    return status
