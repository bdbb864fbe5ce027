"""logger(1): enter messages in the system log (usr.bin/logger/logger.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program
from vshell.userland.pwd import user_from_uid
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode
from vshell.userland.syslog import FACILITIES, PRIORITIES, syslog

USAGE = """\
usage: logger [-46Ais] [-f file] [-h host] [-P port] [-p pri] [-t tag]
              [-S addr:port] [message ...]
"""


def priority(p: Program, text: str) -> int:
    """facility.level, or a level."""
    facility, dot, level = text.rpartition(".")
    number = FACILITIES["user"]
    if dot:
        if facility.lower() not in FACILITIES:
            p.errx(1, f"unknown facility name: {facility}")
        number = FACILITIES[facility.lower()]
    if level.lower() not in PRIORITIES:
        p.errx(1, f"unknown priority name: {level}")
    return number | PRIORITIES[level.lower()]


@program("/usr/bin/logger")
async def main(p: Program) -> int:
    """logger [-46Ais] [-f file] [-p pri] [-t tag] [message ...]"""
    options, args = getopt(p, "46Af:H:h:iP:p:S:st:")
    found = dict(options)
    if "?" in found:
        p.usage(USAGE)
    level = priority(p, found["p"]) if "p" in found else FACILITIES["user"] | PRIORITIES["notice"]
    tag = found.get("t") or user_from_uid(p, p.sys.getuid())
    pid = p.sys.getpid() if "i" in found else None
    if args:
        lines = [" ".join(args)]
    elif "f" in found:
        try:
            lines = decode(slurp(p, found["f"])).splitlines()
        except KError as e:
            p.err(1, e, found["f"])
    else:
        lines = decode(await p.stdin.read()).splitlines()
    for line in lines:
        await syslog(p.sys, level, tag, line, pid)
        if "s" in found:
            p.stderr.write(f"{tag}{f'[{pid}]' if pid is not None else ''}: {line}\n")
    return 0
