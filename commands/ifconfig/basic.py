"""The keywords of ifconfig(8) that any interface understands (ifconfig.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import KError
from vshell.abi.if_tunnel import SIOCDIFPHYADDR, embed_scope
from vshell.abi.sockio import (
    IFCAP_HWRXTSTMP,
    IFCAP_IPSEC_OFFLOAD,
    IFCAP_LRO,
    IFCAP_MEXTPG,
    IFCAP_NETCONS,
    IFCAP_POLLING,
    IFCAP_RXCSUM,
    IFCAP_RXCSUM_IPV6,
    IFCAP_RXTLS4,
    IFCAP_RXTLS6,
    IFCAP_TOE,
    IFCAP_TSO,
    IFCAP_TSO4,
    IFCAP_TSO6,
    IFCAP_TXCSUM,
    IFCAP_TXCSUM_IPV6,
    IFCAP_TXRTLMT,
    IFCAP_TXTLS,
    IFCAP_TXTLS_RTLMT,
    IFCAP_WOL,
    IFCAP_WOL_MAGIC,
    IFCAP_WOL_MCAST,
    IFCAP_WOL_UCAST,
    IFF_DEBUG,
    IFF_LINK0,
    IFF_LINK1,
    IFF_LINK2,
    IFF_MONITOR,
    IFF_NOARP,
    IFF_PALLMULTI,
    IFF_PPROMISC,
    IFF_STATICARP,
    IFF_STICKYARP,
    IFF_UP,
    IFNET_PCP_NONE,
    SIOCGIFCAP,
    SIOCSIFCAP,
    SIOCSIFDESCR,
    SIOCSIFFLAGS,
    SIOCSIFMETRIC,
    SIOCSIFMTU,
    SIOCSIFNAME,
    SIOCSIFRVNET,
    SIOCSIFVNET,
    SIOCSLANPCP,
)  # fmt: skip
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import ADDR, BRDADDR, MASK, RIDADDR, arg, arg2, flag
from vshell.userland.cnumber import atoi, strtol

ORDER = 0


# flags and capabilities ----------------------------------------------------------------------------------------
def setifflags(ctx: Context, word: str, value: int) -> None:
    """Set a flag, or clear one (a negative value)."""
    flags = ctx.getifflags(ctx.ifname)
    flags = flags | value if value > 0 else flags & ~-value
    try:
        ctx.ioctl(SIOCSIFFLAGS(ctx.ifname, flags))
    except KError:
        ctx.perror(word)


def setifcap(ctx: Context, word: str, value: int) -> None:
    """Enable capabilities, or disable them (a negative value), as far as there are any."""
    try:
        caps = ctx.ioctl(SIOCGIFCAP(ctx.ifname))
    except KError:
        ctx.perror("ioctl (SIOCGIFCAP)")
    wanted = (caps.curcap | value if value > 0 else caps.curcap & ~-value) & caps.reqcap
    if wanted == caps.curcap:
        return
    try:
        ctx.ioctl(SIOCSIFCAP(ctx.ifname, wanted))
    except KError:
        ctx.perror(word)


def setifcapnv(ctx: Context, word: str, value: int) -> None:
    """Capabilities only drivers with the new interface have; none here does."""
    try:
        ctx.ioctl(SIOCGIFCAP(ctx.ifname))
    except KError:
        ctx.perror("ioctl (SIOCGIFCAP)")
    ctx.warnx("IFCAP_NV not supported")


# addresses -----------------------------------------------------------------------------------------------------
def notealias(ctx: Context, word: str, value: int) -> None:
    """alias, delete and their other names."""
    if ctx.setaddr and ctx.doalias == 0 and value < 0:
        ctx.family.copyaddr(ctx, RIDADDR, ADDR)
    ctx.doalias = value
    if value < 0:
        ctx.clearaddr, ctx.newaddr = True, False
    else:
        ctx.clearaddr = False


def setifnetmask(ctx: Context, text: str) -> None:
    """netmask."""
    ctx.setmask += 1
    ctx.family.getaddr(ctx, text, MASK)


def setifbroadaddr(ctx: Context, text: str) -> None:
    """broadcast."""
    ctx.family.getaddr(ctx, text, BRDADDR)


def settunnel(ctx: Context, src: str, dst: str) -> None:
    """tunnel."""
    from vshell.userland.netdb import GaiError, getaddrinfo

    ends = []
    for text in (src, dst):
        try:
            found = getaddrinfo(ctx.p, text)[0].addr
        except GaiError as e:
            ctx.errx(f"error in parsing address string: {e}")
        ends.append(embed_scope(found.addr, getattr(found, "scope_id", 0)))
    if len(ends[0]) != len(ends[1]):
        ctx.errx("source and destination address families do not match")
    if not ctx.family.settunnel(ctx, ends[0], ends[1]):
        ctx.warn(f"address family {ctx.family.name} does not support tunnel setup")


def deletetunnel(ctx: Context, word: str, _: Any) -> None:
    """-tunnel."""
    try:
        ctx.ioctl(SIOCDIFPHYADDR(ctx.ifname))
    except KError:
        ctx.err("SIOCDIFPHYADDR")


# stacks --------------------------------------------------------------------------------------------------------
def _jail(ctx: Context, name: str) -> int:
    from vshell.userland.libjail import JailError, jail_getid

    try:
        return jail_getid(ctx.sys, name)
    except JailError as e:
        ctx.errx(str(e))


def setifvnet(ctx: Context, name: str) -> None:
    """Move the interface to a jail."""
    jid = _jail(ctx, name)
    try:
        ctx.ioctl(SIOCSIFVNET(ctx.ifname, jid))
    except KError:
        ctx.err("SIOCSIFVNET")


def setifrvnet(ctx: Context, name: str) -> None:
    """Take it back."""
    jid = _jail(ctx, name)
    try:
        ctx.ioctl(SIOCSIFRVNET(ctx.ifname, jid))
    except KError:
        ctx.err(f"SIOCSIFRVNET({jid}, {ctx.ifname})")


# values --------------------------------------------------------------------------------------------------------
def setifmetric(ctx: Context, text: str) -> None:
    """metric."""
    try:
        ctx.ioctl(SIOCSIFMETRIC(ctx.ifname, atoi(text)))
    except KError:
        ctx.err("ioctl SIOCSIFMETRIC (set metric)")


def setifmtu(ctx: Context, text: str) -> None:
    """mtu."""
    try:
        ctx.ioctl(SIOCSIFMTU(ctx.ifname, atoi(text)))
    except KError:
        ctx.err("ioctl SIOCSIFMTU (set mtu)")


def setifpcp(ctx: Context, text: str) -> None:
    """pcp."""
    value, rest, _ = strtol(text, 0)
    if rest:
        ctx.errx("invalid value for pcp")
    if not 0 <= value <= 7:
        ctx.errx("value for pcp out of range")
    _setpcp(ctx, value)


def disableifpcp(ctx: Context, word: str, _: Any) -> None:
    """-pcp."""
    _setpcp(ctx, IFNET_PCP_NONE)


def _setpcp(ctx: Context, value: int) -> None:
    try:
        ctx.ioctl(SIOCSLANPCP(ctx.ifname, value))
    except KError:
        ctx.err("SIOCSLANPCP")


def setifname(ctx: Context, text: str) -> None:
    """name."""
    try:
        ctx.ioctl(SIOCSIFNAME(ctx.ifname, text))
    except KError:
        ctx.err("ioctl SIOCSIFNAME (set name)")
    ctx.ifname_update(text)


def setifdescr(ctx: Context, text: str) -> None:
    """description; an empty one removes it."""
    try:
        ctx.ioctl(SIOCSIFDESCR(ctx.ifname, text or None))
    except KError:
        ctx.err("ioctl SIOCSIFDESCR (set descr)")


def unsetifdescr(ctx: Context, word: str, _: Any) -> None:
    """-description."""
    setifdescr(ctx, "")


_FLAGS = {
    "debug": IFF_DEBUG, "allmulti": IFF_PALLMULTI, "promisc": IFF_PPROMISC, "link0": IFF_LINK0, "link1": IFF_LINK1,
    "link2": IFF_LINK2, "monitor": IFF_MONITOR, "staticarp": IFF_STATICARP, "stickyarp": IFF_STICKYARP,
}  # fmt: skip
_CAPS = {
    "mextpg": IFCAP_MEXTPG, "rxcsum6": IFCAP_RXCSUM_IPV6, "txcsum6": IFCAP_TXCSUM_IPV6, "rxcsum": IFCAP_RXCSUM,
    "txcsum": IFCAP_TXCSUM, "netcons": IFCAP_NETCONS, "polling": IFCAP_POLLING, "tso6": IFCAP_TSO6, "tso4": IFCAP_TSO4,
    "tso": IFCAP_TSO, "toe": IFCAP_TOE, "lro": IFCAP_LRO, "txtls": IFCAP_TXTLS, "wol": IFCAP_WOL,
    "wol_ucast": IFCAP_WOL_UCAST, "wol_mcast": IFCAP_WOL_MCAST, "wol_magic": IFCAP_WOL_MAGIC, "txrtlmt": IFCAP_TXRTLMT,
    "txtlsrtlmt": IFCAP_TXTLS_RTLMT, "hwrxtstmp": IFCAP_HWRXTSTMP,
}  # fmt: skip
_CAPS_NV = {"rxtls": IFCAP_RXTLS4 | IFCAP_RXTLS6, "ipsec": IFCAP_IPSEC_OFFLOAD}

COMMANDS = (
    flag("up", IFF_UP, setifflags),
    flag("down", -IFF_UP, setifflags),
    flag("arp", -IFF_NOARP, setifflags),
    flag("-arp", IFF_NOARP, setifflags),
    *(flag(word, bit, setifflags) for word, bit in _FLAGS.items()),
    *(flag(f"-{word}", -bit, setifflags) for word, bit in _FLAGS.items()),
    *(flag(word, bit, setifcap) for word, bit in _CAPS.items()),
    *(flag(f"-{word}", -bit, setifcap) for word, bit in _CAPS.items()),
    *(flag(word, bit, setifcapnv) for word, bit in _CAPS_NV.items()),
    *(flag(f"-{word}", -bit, setifcapnv) for word, bit in _CAPS_NV.items()),
    flag("normal", -IFF_LINK0, setifflags),
    flag("compress", IFF_LINK0, setifflags),
    flag("noicmp", IFF_LINK1, setifflags),
    arg("description", setifdescr, "value"),
    arg("descr", setifdescr, "value"),
    flag("-description", 0, unsetifdescr),
    flag("-descr", 0, unsetifdescr),
    flag("add", IFF_UP, notealias),
    flag("alias", IFF_UP, notealias),
    flag("-alias", -IFF_UP, notealias),
    flag("delete", -IFF_UP, notealias),
    flag("remove", -IFF_UP, notealias),
    arg("netmask", setifnetmask, "mask"),
    arg("metric", setifmetric, "n"),
    arg("broadcast", setifbroadaddr, "address"),
    arg2("tunnel", settunnel, "src_addr", "dest_addr"),
    flag("-tunnel", 0, deletetunnel),
    flag("deletetunnel", 0, deletetunnel),
    arg("vnet", setifvnet, "jail"),
    arg("-vnet", setifrvnet, "jail"),
    arg("pcp", setifpcp, "priority_code_point"),
    flag("-pcp", 0, disableifpcp),
    arg("mtu", setifmtu, "n"),
    arg("name", setifname, "name"),
)
