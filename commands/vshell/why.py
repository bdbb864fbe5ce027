"""vshell why: the last packets that were dropped, and why.

The kernel remembers them for each stack (net/drops.py); a line tells when, where and why, and what the packet was.
"""

from __future__ import annotations

from typing import cast

from vshell.abi.drops import Drop, DropDump
from vshell.abi.errno import KError
from vshell.commands.vshell._packet import describe
from vshell.userland.getopt import Getopt
from vshell.userland.libjail import JailError, jail_getid
from vshell.userland.program import Program
from vshell.userland.rtnl import request

SYNOPSIS = "[-j jail] [-n count]"
DEFAULT = 20
NS = 1_000_000_000


def main(p: Program, args: list[str]) -> int:
    """Show the drops of this stack, or of a jail's."""
    jail, count = "", DEFAULT
    options = Getopt(p, ":j:n:", ["why", *args])
    bad = False
    for letter, value in options:
        if letter == "j":
            jail = value
        elif letter == "n" and value.isascii() and value.isdigit():
            count = int(value)
        else:
            bad = True
    if bad or options.args:
        p.stderr.write(f"usage: vshell why {SYNOPSIS}\n")
        return 2
    if jail:
        try:
            p.sys.jail_attach(jail_getid(p.sys, jail))
        except (JailError, KError):
            p.errx(1, f'why: jail "{jail}" not found')
    show(p, cast("list[Drop]", request(p, DropDump())), count)
    return 0


def show(p: Program, drops: list[Drop], count: int) -> None:
    """The last `count`, one line for those that repeat each other."""
    boot = p.sys.clock_gettime() - p.sys.clock_gettime("uptime")
    lines: list[tuple[int, int, str]] = []
    for drop in drops:
        text = f"{drop.ifname or '-'}: {drop.reason} ({drop.place})\n    {describe(drop.data, drop.size, drop.link)}\n"
        if lines and lines[-1][2] == text:
            lines[-1] = drop.when, lines[-1][1] + 1, text
        else:
            lines.append((drop.when, 1, text))
    for when, times, text in lines[len(lines) - min(count, len(lines)) :]:
        second, rest = divmod(boot + when, NS)
        day = second % 86400
        clock = f"{day // 3600:02d}:{day // 60 % 60:02d}:{day % 60:02d}.{rest // 1000:06d}"
        p.stdout.write(f"{clock} {text}" if times == 1 else f"{clock} {times} times, {text}")
    if not lines:
        p.stdout.write("no packet was dropped\n")
