"""Tunnels with GRE (ifgre.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.if_tunnel import (
    GRE_ENABLE_CSUM,
    GRE_ENABLE_SEQ,
    GRE_UDPENCAP,
    GREGKEY,
    GREGOPTS,
    GREGPORT,
    GRESKEY,
    GRESOPTS,
    GRESPORT,
)  # fmt: skip
from vshell.commands.ifconfig.bits import print_bits
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import arg, flag
from vshell.userland.cnumber import strtol

ORDER = 120

GREBITS = ("ENABLE_CSUM", "ENABLE_SEQ", "UDPENCAP")


def status(ctx: Context) -> None:
    """gre_status."""
    sock = ctx.local_socket()
    try:
        key: int = ctx.ioctl(GREGKEY(ctx.ifname), sock)
        if key:
            ctx.out(f"\tgrekey: 0x{key:x} ({key})\n")
        options: int = ctx.ioctl(GREGOPTS(ctx.ifname), sock)
    except KError:
        return
    if not options:
        return
    try:
        port: int = ctx.ioctl(GREGPORT(ctx.ifname), sock)
        if port:
            ctx.out(f"\tudpport: {port}\n")
    except KError:
        pass
    ctx.out(f"\toptions={options:x}{print_bits('options', options, GREBITS)}\n")


def grekey(ctx: Context, text: str) -> None:
    """grekey."""
    try:
        ctx.ioctl(GRESKEY(ctx.ifname, strtol(text, 0)[0] & 0xFFFFFFFF))
    except KError:
        ctx.warn("ioctl (set grekey)")


def udpport(ctx: Context, text: str) -> None:
    """udpport."""
    try:
        ctx.ioctl(GRESPORT(ctx.ifname, strtol(text, 0)[0] & 0xFFFFFFFF))
    except KError:
        ctx.warn("ioctl (set udpport)")


def setopts(ctx: Context, word: str, value: int) -> None:
    """Set an option, or clear one (a negative value)."""
    try:
        options: int = ctx.ioctl(GREGOPTS(ctx.ifname))
    except KError:
        ctx.warn("ioctl(GREGOPTS)")
        return
    options = options | value if value > 0 else options & ~-value
    try:
        ctx.ioctl(GRESOPTS(ctx.ifname, options))
    except KError:
        ctx.warn("ioctl(GIFSOPTS)")


COMMANDS = (
    arg("grekey", grekey, "key"),
    arg("udpport", udpport, "port"),
    flag("enable_csum", GRE_ENABLE_CSUM, setopts),
    flag("-enable_csum", -GRE_ENABLE_CSUM, setopts),
    flag("enable_seq", GRE_ENABLE_SEQ, setopts),
    flag("-enable_seq", -GRE_ENABLE_SEQ, setopts),
    flag("udpencap", GRE_UDPENCAP, setopts),
    flag("-udpencap", -GRE_UDPENCAP, setopts),
)
