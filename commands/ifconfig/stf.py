"""6to4 and 6rd (ifstf.c)."""

from __future__ import annotations

from vshell.abi.errno import ERANGE, KError
from vshell.abi.if_stf import STF6RD_GV4NET, STF6RD_SBR, STF6RD_SV4NET
from vshell.abi.sockio import SIOCGDRVSPEC, SIOCSDRVSPEC
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import arg
from vshell.userland.addr import inet_aton, inet_ntoa
from vshell.userland.cnumber import strtol

ORDER = 50


def status(ctx: Context) -> None:
    """stf_status."""
    try:
        source, plen, relay = ctx.ioctl(SIOCGDRVSPEC(ctx.ifname, STF6RD_GV4NET()), ctx.local_socket())
    except KError:
        return
    ctx.out(f"\tv4net {inet_ntoa(source)}/{plen or 32} -> tv4br {inet_ntoa(relay)}\n")


def stfv4br(ctx: Context, text: str) -> None:
    """stfv4br."""
    addr = inet_aton(text)
    if addr is None:
        ctx.errx(f"{text}: bad value")
    try:
        ctx.ioctl(SIOCSDRVSPEC(ctx.ifname, STF6RD_SBR(addr)))
    except KError:
        ctx.err(f"STF6RD_SBR{text}")


def stfv4net(ctx: Context, text: str) -> None:
    """stfv4net."""
    host, slash, digits = text.rpartition("/")
    if not slash:
        ctx.p.errx(2, "Wrong argument given")
    plen, rest, error = strtol(digits)
    if rest or (error and error != ERANGE):
        complaint = "invalid"
    elif plen > 32:
        complaint = "too large"
    elif plen < 0:
        complaint = "too small"
    else:
        complaint = "(null)" if not plen else ""
    if complaint:
        ctx.errx(f"{text}: bad value (prefix length {complaint})")
    addr = inet_aton(host)
    if addr is None:
        ctx.errx(f"{host}: bad value")
    try:
        ctx.ioctl(SIOCSDRVSPEC(ctx.ifname, STF6RD_SV4NET(addr, plen)))
    except KError:
        ctx.err(f"STF6RD_SV4NET {host}")


COMMANDS = (arg("stfv4net", stfv4net, "src_address/prefix_length"), arg("stfv4br", stfv4br, "relay_address"))
