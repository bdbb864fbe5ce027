"""Tunnels of IPsec (ifipsec.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.if_tunnel import IPSECGREQID, IPSECSREQID
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import arg
from vshell.userland.cnumber import strtol

ORDER = 140


def status(ctx: Context) -> None:
    """ipsec_status."""
    try:
        reqid: int = ctx.ioctl(IPSECGREQID(ctx.ifname), ctx.local_socket())
    except KError:
        return
    ctx.out(f"\treqid: {reqid}\n")


def setreqid(ctx: Context, text: str) -> None:
    """reqid."""
    value, rest, _ = strtol(text, 0)
    if rest:
        ctx.warn(f"Invalid reqid value {text}")
        return
    try:
        ctx.ioctl(IPSECSREQID(ctx.ifname, value & 0xFFFFFFFF))
    except KError:
        ctx.warn("ioctl(IPSECSREQID)")


COMMANDS = (arg("reqid", setreqid, "reqid"),)
