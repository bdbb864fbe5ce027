"""IPv6 addresses on interfaces, neighbour discovery: requests and their fields (netinet6/in6_var.h, nd6.h)."""

from __future__ import annotations

from vshell.abi.record import Record
from vshell.abi.sockio import IfRequest

IN6_IFF_ANYCAST, IN6_IFF_TENTATIVE, IN6_IFF_DUPLICATED, IN6_IFF_DETACHED, IN6_IFF_DEPRECATED = 0x01, 0x02, 0x04, 0x08, 0x10
IN6_IFF_NODAD, IN6_IFF_AUTOCONF, IN6_IFF_TEMPORARY, IN6_IFF_PREFER_SOURCE = 0x20, 0x40, 0x80, 0x100
IN6_IFF_NOTREADY = IN6_IFF_TENTATIVE | IN6_IFF_DUPLICATED

ND6_IFF_PERFORMNUD, ND6_IFF_ACCEPT_RTADV, ND6_IFF_PREFER_SOURCE, ND6_IFF_IFDISABLED = 0x1, 0x2, 0x4, 0x8
ND6_IFF_DONT_SET_IFROUTE, ND6_IFF_AUTO_LINKLOCAL, ND6_IFF_NO_RADR, ND6_IFF_NO_PREFER_IFACE = 0x10, 0x20, 0x40, 0x80
ND6_IFF_NO_DAD, ND6_IFF_IPV6_ONLY, ND6_IFF_IPV6_ONLY_MANUAL, ND6_IFF_STABLEADDR, ND6_IFF_DEFAULTIF = (
    0x100, 0x200, 0x400, 0x800, 0x8000,
)  # fmt: skip

ND6_INFINITE_LIFETIME = 0xFFFFFFFF

ND6_LLINFO_NOSTATE, ND6_LLINFO_INCOMPLETE, ND6_LLINFO_REACHABLE, ND6_LLINFO_STALE, ND6_LLINFO_DELAY, ND6_LLINFO_PROBE = (
    -2, 0, 1, 2, 3, 4,
)  # fmt: skip


class SIOCAIFADDR_IN6(IfRequest):  # noqa: N801
    """Add or change an address (struct in6_aliasreq).  Lifetimes are seconds; flags are IN6_IFF_*."""

    addr: bytes = bytes(16)
    prefixlen: int = 0
    """0 when none was given."""
    dstaddr: bytes | None = None
    flags: int = 0
    vltime: int = ND6_INFINITE_LIFETIME
    pltime: int = ND6_INFINITE_LIFETIME
    vhid: int = 0
    prefix_given: bool = False


class SIOCDIFADDR_IN6(IfRequest):  # noqa: N801
    """Remove an address; with addr None the first that is not link-local."""

    addr: bytes | None = None


class SIOCGIFINFO_IN6(IfRequest):  # noqa: N801
    """Neighbour discovery settings: answers an NdIfInfo."""


class NdIfInfo(Record):
    """struct nd_ifinfo.  Times are milliseconds, as in the kernel's structure, but for recalctm (seconds)."""

    linkmtu: int
    basereachable: int
    reachable: int
    retrans: int
    flags: int
    chlim: int
    initialized: bool = True


class SIOCSIFINFO_FLAGS(IfRequest):  # noqa: N801
    """Set the flags of struct nd_ifinfo."""

    flags: int = 0


class SIOCSIFINFO_IN6(IfRequest):  # noqa: N801
    """Set the timing values of struct nd_ifinfo (ndp -i); None leaves one as it is."""

    basereachable: int | None = None
    retrans: int | None = None
    chlim: int | None = None


class NdNeighbour(Record):
    """One entry of the neighbour cache (RTM_GETNEIGH of AF_INET6)."""

    addr: bytes
    ifindex: int
    ifname: str
    lladdr: bytes
    """b"" while unknown."""
    state: int
    """ND6_LLINFO_*."""
    is_router: bool
    expire: int
    """Uptime in ns when the state ends, 0 for never."""
    flags: int = 0
    asked: int = 0


class NdDump(Record):
    """Ask for the neighbour cache (all interfaces, or one by index)."""

    ifindex: int = 0


class NdSet(Record):
    """Add a static entry: RTM_NEWNEIGH.  `expire` in seconds from now, 0 for ever; `proxy` answers for it."""

    addr: bytes
    scope_id: int
    lladdr: bytes
    proxy: bool = False
    expire: int = 0


class NdDelete(Record):
    """Remove an entry: RTM_DELNEIGH."""

    addr: bytes
    scope_id: int = 0
