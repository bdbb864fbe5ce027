"""rtprio(1), idprio(1): realtime and idle priorities (usr.sbin/rtprio/rtprio.c)."""

from __future__ import annotations

import re

from vshell.abi.errno import KError
from vshell.userland.execvp import execvp
from vshell.userland.program import Program, program

USAGE = """\
usage: [id|rt]prio
       [id|rt]prio [-]pid
       [id|rt]prio priority command [args]
       [id|rt]prio priority -pid
       [id|rt]prio -t command [args]
       [id|rt]prio -t -pid
"""


def parseint(p: Program, text: str, name: str) -> int:
    """A number."""
    if not re.fullmatch(r"\s*[+-]?\d+", text):
        p.errx(1, f"{name} must be a number")
    number = int(text)
    if number >= 0x7FFFFFFF:
        p.errx(1, f"Integer overflow parsing {name}")
    return number


def show(p: Program, pid: int) -> int:
    """Tell the priority of a process."""
    try:
        kind, prio = p.sys.rtprio(pid)
    except KError as e:
        p.err(1, e, "RTP_LOOKUP")
    p.warnx("normal priority" if kind == "normal" else f"{kind} priority {prio}")
    return 0


@program("/usr/sbin/rtprio", "/usr/sbin/idprio")
def main(p: Program) -> int:
    """rtprio [priority command [args]]"""
    args = p.argv[1:]
    if len(args) < 2:
        return show(p, abs(parseint(p, args[0], "pid")) if args else 0)
    kind, prio = ("idle" if p.name == "idprio" else "realtime"), 0
    if args[0] == "-t":
        kind = "normal"
    elif args[0][:1].isdecimal():
        prio = parseint(p, args[0], "priority")
    else:
        p.usage(USAGE)
    pid = abs(parseint(p, args[1], "pid")) if args[1].startswith("-") else 0
    try:
        p.sys.rtprio_set(pid, kind, prio)
    except KError as e:
        p.err(1, e, "RTP_SET")
    if not pid:
        try:
            execvp(p.sys, args[1:], p.env)
        except KError as e:
            p.err(1, e, f"execvp: {args[1]}")
    return 0
