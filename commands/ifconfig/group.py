"""Interface groups (ifgroup.c)."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import EEXIST, EINVAL, ENOENT, ENOTTY, KError
from vshell.abi.socket import AF_LOCAL, SOCK_DGRAM
from vshell.abi.sockio import IFNAMSIZ, SIOCAIFGROUP, SIOCDIFGROUP, SIOCGIFGMEMB, SIOCGIFGROUP
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import arg
from vshell.userland.program import Program

ORDER = 170


def printgroup(p: Program, name: str) -> NoReturn:
    """-g without -a: the members of a group."""
    try:
        fd = p.sys.socket(AF_LOCAL, SOCK_DGRAM)
        members = p.sys.ioctl(fd, SIOCGIFGMEMB(name[: IFNAMSIZ - 1]))
    except KError as e:
        if e.errno in (EINVAL, ENOTTY, ENOENT):
            p.exit(0)
        p.err(1, e, "SIOCGIFGMEMB")
    p.stdout.write("".join(f"{member}\n" for member in members))
    p.exit(0)


def _check(ctx: Context, function: str, name: str) -> None:
    if "0" <= name[-1:] <= "9":
        ctx.errx(f"{function}: group names may not end in a digit")
    if len(name) >= IFNAMSIZ:
        ctx.errx(f"{function}: group name too long")


def setifgroup(ctx: Context, name: str) -> None:
    """group."""
    _check(ctx, "setifgroup", name)
    try:
        ctx.ioctl(SIOCAIFGROUP(ctx.ifname, name))
    except KError as e:
        if e.errno != EEXIST:
            ctx.err(" SIOCAIFGROUP")


def unsetifgroup(ctx: Context, name: str) -> None:
    """-group."""
    _check(ctx, "unsetifgroup", name)
    try:
        ctx.ioctl(SIOCDIFGROUP(ctx.ifname, name))
    except KError as e:
        if e.errno != ENOENT:
            ctx.err("SIOCDIFGROUP")


def status(ctx: Context) -> None:
    """getifgroups."""
    try:
        groups = [g for g in ctx.ioctl(SIOCGIFGROUP(ctx.ifname), ctx.local_socket()) if g != "all"]
    except KError:
        return
    if groups:
        ctx.out(f"\tgroups: {' '.join(groups)}\n")


COMMANDS = (arg("group", setifgroup, "group-name"), arg("-group", unsetifgroup, "group-name"))
