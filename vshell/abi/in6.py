"""IPv6 addresses on interfaces, neighbour discovery: requests and their fields (netinet6/in6_var.h, nd6.h)."""

from __future__ import annotations

from vshell.abi.record import Record
from vshell.abi.socket import AF_INET6
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


class SIOCAIFADDR_IN6(IfRequest):
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


class SIOCDIFADDR_IN6(IfRequest):
    """Remove an address; with addr None the first that is not link-local."""

    addr: bytes | None = None


class SIOCGIFINFO_IN6(IfRequest):
    """Neighbour discovery settings: answers an NdIfInfo."""

    domain = AF_INET6


class NdIfInfo(Record):
    """struct nd_ifinfo.  Times are milliseconds, as in the kernel's structure, but for recalctm (seconds)."""

    linkmtu: int
    basereachable: int
    reachable: int
    retrans: int
    flags: int
    chlim: int
    initialized: bool = True


class SIOCSIFINFO_FLAGS(IfRequest):
    """Set the flags of struct nd_ifinfo."""

    domain = AF_INET6
    flags: int = 0


class SIOCSIFINFO_IN6(IfRequest):
    """Set the values of struct nd_ifinfo (ndp -i); 0 or None leaves one as it is.  EINVAL for an MTU out of range."""

    domain = AF_INET6
    linkmtu: int = 0
    basereachable: int | None = None
    retrans: int | None = None
    chlim: int | None = None


class SIOCSNDFLUSH_IN6(IfRequest):
    """Choose the default router anew (ndp -H); the interface does not matter."""


class SIOCSPFXFLUSH_IN6(IfRequest):
    """Forget prefixes that routers advertise, with the addresses made from them (ndp -P)."""


class SIOCSRTRFLUSH_IN6(IfRequest):
    """Forget all default routers (ndp -R)."""


class SIOCGDEFIFACE_IN6(IfRequest):
    """Answers the index of the default interface of IPv6, 0 if there is none."""


class SIOCSDEFIFACE_IN6(IfRequest):
    """Set the default interface of IPv6 by index, none with 0."""

    ifindex: int = 0


class SIOCGIFSTAT_IN6(IfRequest):
    """Answers the counters of IPv6 on an interface (struct in6_ifstat) as (name, count) pairs: those that are not zero."""


class SIOCGIFSTAT_ICMP6(IfRequest):
    """The same of ICMPv6 (struct icmp6_ifstat)."""


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
    """Add a static entry: RTM_NEWNEIGH; with `proxy` the host answers for it.  EAFNOSUPPORT, EINVAL, EPERM."""

    addr: bytes
    ifindex: int
    lladdr: bytes
    proxy: bool = False


class NdDelete(Record):
    """Remove an entry: RTM_DELNEIGH.  ENOENT, EPERM."""

    addr: bytes
    ifindex: int


class NdPrefixDump(Record):
    """Ask for the prefix list (sysctl net.inet6.icmp6.nd6_prlist)."""


class NdPrefixInfo(Record):
    """One prefix (struct in6_prefix).  `expire` is seconds since the epoch, 0 for never."""

    prefix: bytes
    plen: int
    ifindex: int
    ifname: str
    raf_onlink: bool
    raf_auto: bool
    onlink: bool
    detached: bool
    vltime: int
    pltime: int
    expire: int
    refcnt: int
    routers: tuple[tuple[bytes, str], ...] = ()
    """Who advertises it: address, and "reachable", "unreachable" or "no neighbor state" (SIOCGNBRINFO_IN6)."""


class NdRouterDump(Record):
    """Ask for the default router list (sysctl net.inet6.icmp6.nd6_drlist)."""


class NdRouter(Record):
    """One default router (struct in6_defrouter).  `flags` are ND_RA_FLAG_*; `expire` is seconds since the epoch."""

    rtaddr: bytes
    ifindex: int
    flags: int
    rtlifetime: int
    expire: int


ND_RA_FLAG_MANAGED, ND_RA_FLAG_OTHER, ND_RA_FLAG_RTPREF_MASK = 0x80, 0x40, 0x18


# Socket options at level IPPROTO_IPV6 (netinet6/in6.h).
IPV6_UNICAST_HOPS, IPV6_MULTICAST_IF, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_LOOP, IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP = (
    4,
    9,
    10,
    11,
    12,
    13,
)
ICMP6_FILTER, IPV6_CHECKSUM, IPV6_V6ONLY = 18, 26, 27
IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVRTHDR, IPV6_RECVHOPOPTS, IPV6_RECVDSTOPTS = 36, 37, 38, 39, 40
IPV6_USE_MIN_MTU, IPV6_RECVPATHMTU, IPV6_PATHMTU, IPV6_PKTINFO, IPV6_HOPLIMIT, IPV6_NEXTHOP = 42, 43, 44, 46, 47, 48
IPV6_HOPOPTS, IPV6_DSTOPTS, IPV6_RTHDR, IPV6_RECVTCLASS, IPV6_AUTOFLOWLABEL, IPV6_TCLASS, IPV6_DONTFRAG, IPV6_PREFER_TEMPADDR = (
    49, 50, 51, 57, 59, 61, 62, 63,
)  # fmt: skip


class In6Pktinfo(Record):
    """struct in6_pktinfo: an address (unspecified for any) and an interface index (0 for any)."""

    addr: bytes = bytes(16)
    ifindex: int = 0


class Ip6Stat(Record):
    """struct ip6stat."""

    total: int = 0
    tooshort: int = 0
    toosmall: int = 0
    fragments: int = 0
    fragdropped: int = 0
    fragtimeout: int = 0
    fragoverflow: int = 0
    forward: int = 0
    cantforward: int = 0
    redirectsent: int = 0
    delivered: int = 0
    localout: int = 0
    odropped: int = 0
    reassembled: int = 0
    atomicfrags: int = 0
    fragmented: int = 0
    ofragments: int = 0
    cantfrag: int = 0
    badoptions: int = 0
    noroute: int = 0
    badvers: int = 0
    rawout: int = 0
    badscope: int = 0
    notmember: int = 0
    nxthist: tuple[int, ...] = (0,) * 256
    toomanyhdr: int = 0
    exthdrtoolong: int = 0
    nogif: int = 0
    sources_none: int = 0
    sources_sameif: tuple[int, ...] = (0,) * 16
    sources_otherif: tuple[int, ...] = (0,) * 16
    sources_samescope: tuple[int, ...] = (0,) * 16
    sources_otherscope: tuple[int, ...] = (0,) * 16
    sources_deprecated: tuple[int, ...] = (0,) * 16


class Icmp6Stat(Record):
    """struct icmp6stat."""

    error: int = 0
    canterror: int = 0
    toofreq: int = 0
    outhist: tuple[int, ...] = (0,) * 256
    badcode: int = 0
    tooshort: int = 0
    checksum: int = 0
    badlen: int = 0
    dropped: int = 0
    reflect: int = 0
    inhist: tuple[int, ...] = (0,) * 256
    nd_toomanyopt: int = 0
    odst_unreach_noroute: int = 0
    odst_unreach_admin: int = 0
    odst_unreach_beyondscope: int = 0
    odst_unreach_addr: int = 0
    odst_unreach_noport: int = 0
    opacket_too_big: int = 0
    otime_exceed_transit: int = 0
    otime_exceed_reassembly: int = 0
    oparamprob_header: int = 0
    oparamprob_nextheader: int = 0
    oparamprob_option: int = 0
    oredirect: int = 0
    ounknown: int = 0
    pmtuchg: int = 0
    nd_badopt: int = 0
    badns: int = 0
    badna: int = 0
    badrs: int = 0
    badra: int = 0
    badredirect: int = 0
    overflowdefrtr: int = 0
    overflowprfx: int = 0
    overflownndp: int = 0
    overflowredirect: int = 0
    invlhlim: int = 0
