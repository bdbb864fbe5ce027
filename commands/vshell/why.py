"""vshell why: the last packets that were dropped, and why.

The kernel remembers them for each stack (net/drops.py); a line tells when, where and why, and what the packet was.
Without -j all stacks that can be seen from here are asked; what another stack dropped bears its name.
"""

from __future__ import annotations

from typing import cast

from vshell.abi.drops import Drop, DropDump
from vshell.abi.errno import KError
from vshell.abi.socket import AF_NETLINK, SOCK_RAW
from vshell.abi.vshell import NAMES, OBSERVE
from vshell.commands.vshell._packet import describe
from vshell.userland.getopt import Getopt
from vshell.userland.libjail import JailError, jail_getid
from vshell.userland.program import Program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.abi.syscalls import Syscalls

    Named = tuple[str, Drop]

SYNOPSIS = "[-j jail] [-n count]"
DEFAULT = 20
NS = 1_000_000_000


def main(p: Program, args: list[str]) -> int:
    """Show the drops of all stacks, or of a jail's."""
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
    drops = [("", drop) for drop in _dump(p.sys)]
    if not jail:
        drops += _below(p)
        drops.sort(key=lambda named: named[1].when)
    show(p, drops, count)
    return 0


def _dump(sys: Syscalls) -> list[Drop]:
    fd = sys.socket(AF_NETLINK, SOCK_RAW)
    try:
        return cast("list[Drop]", sys.netlink(fd, DropDump()))
    finally:
        sys.close(fd)


def _below(p: Program) -> Iterator[Named]:
    """What the stacks of the jails below dropped."""
    for name, _ in p.sys.vshell(NAMES("jail")):
        inside = p.sys.vshell(OBSERVE(name))
        if inside.sysctl("security.jail.vnet"):
            yield from ((name, drop) for drop in _dump(inside))


def show(p: Program, drops: list[Named], count: int) -> None:
    """The last `count`, one line for those that repeat each other."""
    boot = p.sys.clock_gettime() - p.sys.clock_gettime("uptime")
    lines: list[tuple[int, int, str]] = []
    for stack, drop in drops:
        where = f"{stack} {drop.ifname}".strip() or "-"
        text = f"{where}: {drop.reason} ({drop.place})\n    {describe(drop.data, drop.size, drop.link)}\n"
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
