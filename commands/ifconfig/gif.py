"""Options of gif(4) tunnels (ifgif.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.if_tunnel import GIF_IGNORE_SOURCE, GIF_NOCLAMP, GIFGOPTS, GIFSOPTS
from vshell.commands.ifconfig.bits import print_bits
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import flag

ORDER = 130

GIFBITS = ("NOCLAMP", "IGNORE_SOURCE")


def status(ctx: Context) -> None:
    """gif_status."""
    try:
        options: int = ctx.ioctl(GIFGOPTS(ctx.ifname), ctx.local_socket())
    except KError:
        return
    if options:
        ctx.out(f"\toptions={options:x}{print_bits('options', options, GIFBITS)}\n")


def setgifopts(ctx: Context, word: str, value: int) -> None:
    """Set an option, or clear one (a negative value)."""
    try:
        options: int = ctx.ioctl(GIFGOPTS(ctx.ifname))
    except KError:
        ctx.warn("ioctl(GIFGOPTS)")
        return
    options = options | value if value > 0 else options & ~-value
    try:
        ctx.ioctl(GIFSOPTS(ctx.ifname, options))
    except KError:
        ctx.warn("ioctl(GIFSOPTS)")


COMMANDS = (
    flag("noclamp", GIF_NOCLAMP, setgifopts),
    flag("-noclamp", -GIF_NOCLAMP, setgifopts),
    flag("ignore_source", GIF_IGNORE_SOURCE, setgifopts),
    flag("-ignore_source", -GIF_IGNORE_SOURCE, setgifopts),
)
