"""The inet6 address family of ifconfig(8), its keywords, and nd6 options (af_inet6.c, af_nd6.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import EAFNOSUPPORT, EPFNOSUPPORT, EPROTONOSUPPORT, KError
from vshell.abi.if_tunnel import recover_scope
from vshell.abi.in6 import (
    IN6_IFF_ANYCAST,
    IN6_IFF_AUTOCONF,
    IN6_IFF_DEPRECATED,
    IN6_IFF_DETACHED,
    IN6_IFF_DUPLICATED,
    IN6_IFF_PREFER_SOURCE,
    IN6_IFF_TEMPORARY,
    IN6_IFF_TENTATIVE,
    ND6_IFF_ACCEPT_RTADV,
    ND6_IFF_AUTO_LINKLOCAL,
    ND6_IFF_IFDISABLED,
    ND6_IFF_NO_DAD,
    ND6_IFF_NO_PREFER_IFACE,
    ND6_IFF_NO_RADR,
    ND6_IFF_PERFORMNUD,
    ND6_IFF_STABLEADDR,
    SIOCGDEFIFACE_IN6,
    SIOCGIFINFO_IN6,
    SIOCSDEFIFACE_IN6,
    SIOCSIFINFO_FLAGS,
)  # fmt: skip
from vshell.abi.netlink_iface import RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR, Address, Link
from vshell.abi.socket import AF_INET6, SOCK_DGRAM
from vshell.commands.ifconfig import inet
from vshell.commands.ifconfig.bits import print_bits
from vshell.commands.ifconfig.configure import bad_value
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.inet import Internet, execute, host_name, link_index
from vshell.commands.ifconfig.keywords import ADDR, BRDADDR, DSTADDR, MASK, RIDADDR, arg, flag
from vshell.userland.addr import is_linklocal
from vshell.userland.cnumber import strtol
from vshell.userland.netdb import GaiError, getaddrinfo, numeric_name

ORDER = 30

ND6BITS = (
    "PERFORMNUD", "ACCEPT_RTADV", "PREFER_SOURCE", "IFDISABLED", "DONT_SET_IFROUTE", "AUTO_LINKLOCAL", "NO_RADR",
    "NO_PREFER_IFACE", "NO_DAD", "IPV6_ONLY", "IPV6_ONLY_MANUAL", "STABLEADDR", "", "", "", "DEFAULTIF",
)  # fmt: skip

ADDRESS_FLAGS = (
    (IN6_IFF_ANYCAST, "anycast"), (IN6_IFF_TENTATIVE, "tentative"), (IN6_IFF_DUPLICATED, "duplicated"),
    (IN6_IFF_DETACHED, "detached"), (IN6_IFF_DEPRECATED, "deprecated"), (IN6_IFF_AUTOCONF, "autoconf"),
    (IN6_IFF_TEMPORARY, "temporary"), (IN6_IFF_PREFER_SOURCE, "prefer_source"),
)  # fmt: skip


class Request(inet.Request):
    """What has been read of the addresses (struct in6_pdata)."""

    def __init__(self) -> None:
        super().__init__()
        self.explicit = False
        """A prefix length was given."""
        self.flags = 0
        self.vltime: int | None = None
        self.pltime: int | None = None


def request(ctx: Context) -> Request:
    """The addresses read so far."""
    found: Request = ctx.shared.setdefault("inet6", Request())
    return found


class Inet6(Internet):
    """inet6."""

    name = "inet6"
    af = AF_INET6
    read = staticmethod(request)
    phyaddr = "SIOCSIFPHYADDR_IN6"

    def status(self, ctx: Context, link: Link, addr: Address | None) -> None:
        """in6_status_nl."""
        assert addr is not None
        scope = link.index if is_linklocal(addr.addr) else 0
        ctx.out(f"\tinet6 {host_name(ctx, addr.addr, scope)}")
        if addr.dstaddr is not None:
            far = link.index if is_linklocal(addr.dstaddr) else 0
            ctx.out(f" --> {numeric_name(ctx.p, addr.dstaddr, far)}")
        cidr = ctx.args.formats.get("inet6") == "cidr"
        ctx.out(f"/{addr.prefixlen}" if cidr else f" prefixlen {addr.prefixlen}")
        for bit, word in ADDRESS_FLAGS:
            if addr.flags & bit:
                ctx.out(f" {word}")
        if scope:
            ctx.out(f" scopeid {scope:#x}")
        if addr.pltime is not None or addr.vltime is not None:
            ctx.out(f" pltime {addr.pltime or 0} vltime {addr.vltime or 0}")
        ctx.out(f" vhid {addr.vhid}\n" if addr.vhid else "\n")

    def getaddr(self, ctx: Context, text: str, which: int) -> None:
        """in6_getaddr."""
        if which == MASK:
            ctx.errx("netmask: invalid option for inet6")
        if which == BRDADDR:
            ctx.errx("broadcast: invalid option for inet6")
        req = request(ctx)
        if which != DSTADDR:
            req.plen = 128
        if which == ADDR and "/" in text:
            text, _, plen = text.rpartition("/")
            req.plen = _plen(ctx, plen)
            req.explicit = True
        req.addrs[which] = _getip(ctx, text)

    def postproc(self, ctx: Context, newaddr: bool, ifflags: int) -> None:
        """in6_postproc: prefixes are 64 bits long unless it is said otherwise."""
        req = request(ctx)
        if not req.explicit:
            req.plen, req.explicit = 64, True

    def remove(self, ctx: Context) -> int:
        """in6_exec_nl(NL_RTM_DELADDR)."""
        addr = request(ctx).addrs.get(RIDADDR, bytes(16))
        return execute(ctx, RTM_DELADDR(AF_INET6, link_index(ctx), addr), "")

    def add(self, ctx: Context) -> int:
        """in6_exec_nl(NL_RTM_NEWADDR)."""
        req = request(ctx)
        new = RTM_NEWADDR(
            AF_INET6, link_index(ctx), req.addrs.get(ADDR, bytes(16)), req.plen, req.addrs.get(DSTADDR), None, req.flags,
            req.vhid, req.vltime, req.pltime,
        )  # fmt: skip
        return execute(ctx, new, "")

    def end_name(self, ctx: Context, addr: bytes) -> str:
        """One end of a tunnel."""
        return numeric_name(ctx.p, *recover_scope(addr))

    def other_status(self, ctx: Context) -> None:
        """nd6_status."""
        try:
            sock = ctx.sys.socket(AF_INET6, SOCK_DGRAM)
        except KError as e:
            ctx.errno = e.errno
            if e.errno not in (EAFNOSUPPORT, EPROTONOSUPPORT):
                ctx.warn("socket(AF_INET6, SOCK_DGRAM)")
            return
        try:
            flags: int = ctx.ioctl(SIOCGIFINFO_IN6(ctx.ifname), sock).flags
        except KError as e:
            if e.errno != EPFNOSUPPORT:
                ctx.warn("ioctl(SIOCGIFINFO_IN6)")
            return
        finally:
            ctx.sys.close(sock)
        if _is_defif(ctx):
            flags |= 0x8000
        if flags:
            ctx.out(f"\tnd6 options={flags:x}{print_bits('options', flags, ND6BITS)}\n")


def _plen(ctx: Context, text: str) -> int:
    plen = strtol(text)[0]
    if not 0 <= plen <= 128:
        bad_value(ctx, text)
    return plen


def _getip(ctx: Context, text: str) -> bytes:
    try:
        return getaddrinfo(ctx.p, text, family=AF_INET6)[0].addr.addr
    except GaiError:
        bad_value(ctx, text)


def _is_defif(ctx: Context) -> bool:
    """isnd6defif."""
    try:
        index: int = ctx.ioctl(SIOCGDEFIFACE_IN6(ctx.ifname), ctx.local_socket())
    except KError:
        ctx.warn("ioctl(SIOCGDEFIFACE_IN6)")
        return True
    return index != 0 and index == link_index(ctx)


# keywords ------------------------------------------------------------------------------------------------------
def setifprefixlen(ctx: Context, text: str) -> None:
    """prefixlen."""
    req = request(ctx)
    req.plen = _plen(ctx, text)
    req.explicit = True


def setip6flags(ctx: Context, word: str, value: int) -> None:
    """Flags of the address that is added."""
    if ctx.family.af != AF_INET6:
        ctx.err("address flags can be set only for inet6 addresses")
    req = request(ctx)
    req.flags = req.flags | value if value > 0 else req.flags & ~-value


def _setlifetime(ctx: Context, word: str, text: str) -> None:
    value, rest, _ = strtol(text, 0)
    if rest == text:
        ctx.errx(f"invalid {word}")
    if ctx.family.af != AF_INET6:
        ctx.errx(f"{word} not allowed for the AF")
    setattr(request(ctx), word, None if value & 0xFFFFFFFF == 0xFFFFFFFF else value & 0xFFFFFFFF)


def seteui64(ctx: Context, word: str, _: Any) -> None:
    """The lower half of the address is that of the link-local one."""
    if ctx.family.af != AF_INET6:
        ctx.errx(f"{word} not allowed for the AF")
    req = request(ctx)
    addr = req.addrs.get(ADDR, bytes(16))
    if addr[8:] != bytes(8):
        ctx.errx("interface index is already filled")
    found = ctx.netlink(RTM_GETADDR(AF_INET6, link_index(ctx)))
    own = next((a.addr for a in found if is_linklocal(a.addr)), None)
    if own is None:
        ctx.errx("could not determine link local address")
    req.addrs[ADDR] = addr[:8] + own[8:]


def setnd6flags(ctx: Context, word: str, value: int) -> None:
    """Options of neighbour discovery."""
    try:
        flags: int = ctx.ioctl(SIOCGIFINFO_IN6(ctx.ifname)).flags
    except KError:
        ctx.warn("ioctl(SIOCGIFINFO_IN6)")
        return
    flags = flags | value if value > 0 else flags & ~-value
    try:
        ctx.ioctl(SIOCSIFINFO_FLAGS(ctx.ifname, flags))
    except KError:
        ctx.warn("ioctl(SIOCSIFINFO_IN6)")


def setnd6defif(ctx: Context, word: str, value: int) -> None:
    """The interface taken where nothing else says which."""
    index = 0
    if value < 0:
        if not _is_defif(ctx):
            return
    else:
        index = link_index(ctx)
    try:
        ctx.ioctl(SIOCSDEFIFACE_IN6(ctx.ifname, index))
    except KError:
        ctx.warn("ioctl(SIOCSDEFIFACE_IN6)")


_ADDRESS = {
    "tentative": IN6_IFF_TENTATIVE, "deprecated": IN6_IFF_DEPRECATED, "autoconf": IN6_IFF_AUTOCONF,
    "prefer_source": IN6_IFF_PREFER_SOURCE,
}  # fmt: skip
_ND6 = {
    "accept_rtadv": ND6_IFF_ACCEPT_RTADV, "no_radr": ND6_IFF_NO_RADR, "ifdisabled": ND6_IFF_IFDISABLED, "nud": ND6_IFF_PERFORMNUD,
    "auto_linklocal": ND6_IFF_AUTO_LINKLOCAL, "no_prefer_iface": ND6_IFF_NO_PREFER_IFACE, "no_dad": ND6_IFF_NO_DAD,
    "stableaddr": ND6_IFF_STABLEADDR,
}  # fmt: skip

COMMANDS = (
    arg("prefixlen", setifprefixlen, "len"),
    flag("anycast", IN6_IFF_ANYCAST, setip6flags),
    *(flag(word, bit, setip6flags) for word, bit in _ADDRESS.items()),
    *(flag(f"-{word}", -bit, setip6flags) for word, bit in _ADDRESS.items()),
    *(flag(word, bit, setnd6flags) for word, bit in _ND6.items()),
    *(flag(f"-{word}", -bit, setnd6flags) for word, bit in _ND6.items()),
    flag("defaultif", 1, setnd6defif),
    flag("-defaultif", -1, setnd6defif),
    arg("pltime", lambda ctx, text: _setlifetime(ctx, "pltime", text), "n"),
    arg("vltime", lambda ctx, text: _setlifetime(ctx, "vltime", text), "n"),
    flag("eui64", 0, seteui64),
)

FAMILIES = (Inet6(),)
