"""Routes: flags, metrics, and the typed netlink messages about them (net/route.h, netlink/route/route.h)."""

from __future__ import annotations

from vshell.abi.record import Record

RTF_UP, RTF_GATEWAY, RTF_HOST, RTF_REJECT, RTF_DYNAMIC, RTF_MODIFIED, RTF_DONE = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x40
RTF_XRESOLVE, RTF_LLINFO, RTF_STATIC, RTF_BLACKHOLE, RTF_PROTO2, RTF_PROTO1 = 0x200, 0x400, 0x800, 0x1000, 0x4000, 0x8000
RTF_PROTO3, RTF_FIXEDMTU, RTF_PINNED, RTF_LOCAL, RTF_BROADCAST, RTF_MULTICAST = (
    0x40000, 0x80000, 0x100000, 0x200000, 0x400000, 0x800000,
)  # fmt: skip
RTF_STICKY = 0x10000000
RTF_ANNOUNCE = RTF_PROTO2

RT_DEFAULT_WEIGHT = 1
RT_MAX_WEIGHT = 16777215

RTM_ADD, RTM_DELETE, RTM_CHANGE, RTM_GET = 1, 2, 3, 4

RTN_UNICAST, RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT = 1, 6, 7, 8
"""Kinds of routes (rtm_type)."""

RTPROT_UNSPEC, RTPROT_REDIRECT, RTPROT_KERNEL, RTPROT_BOOT, RTPROT_STATIC = 0, 1, 2, 3, 4
RTPROT_ZEBRA = 11
"""Who made a route (rtm_protocol)."""

NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800

SOL_NETLINK = 270
NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP, NETLINK_MSG_INFO = 1, 2, 257
RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE, RTNLGRP_NEXTHOP = (
    1, 3, 5, 7, 9, 11, 32,
)  # fmt: skip
"""Groups a netlink socket can join to be told of events."""


class RtGateway(Record):
    """A next hop as messages carry it.  `family` is 0 for a direct route; the scope is an interface index."""

    family: int = 0
    addr: bytes = b""
    scope: int = 0


class RtNexthop(Record):
    """One path of a multipath route (struct rtnexthop)."""

    gateway: RtGateway
    oif: int
    weight: int
    rtflags: int
    mtu: int = 0
    expires: int = 0
    knh_id: int = 0


class NewRoute(Record):
    """RTM_NEWROUTE: add a route, or change it, as `nlflags` (NLM_F_*) say.

    `expire` is in seconds since the epoch, 0 for never.  ESRCH, EEXIST, EINVAL, EPERM.
    """

    family: int
    dst: bytes
    plen: int
    scope: int = 0
    gateway: RtGateway | None = None
    oif: int = 0
    table: int = 0
    rtflags: int = 0
    rtm_type: int = RTN_UNICAST
    protocol: int = RTPROT_STATIC
    mtu: int = 0
    expire: int = 0
    weight: int = 0
    nlflags: int = 0


class DelRoute(Record):
    """RTM_DELROUTE: remove a route, or the path of it that the gateway or interface names.  ESRCH, EPERM."""

    family: int
    dst: bytes
    plen: int
    scope: int = 0
    gateway: RtGateway | None = None
    oif: int = 0
    table: int = 0
    rtflags: int = 0


class GetRoute(Record):
    """RTM_GETROUTE: the route to an address, or with `exact` the one of that prefix.  ESRCH."""

    family: int
    dst: bytes
    plen: int
    scope: int = 0
    table: int = 0
    exact: bool = False


class DumpRoutes(Record):
    """RTM_GETROUTE with NLM_F_DUMP: every route of a table, in the order of the tree; family 0 is all."""

    family: int = 0
    table: int = 0


class RtMsg(Record):
    """A route in an answer or an event (struct rtmsg with its attributes).  `expires` is in seconds from now."""

    family: int
    dst: bytes
    plen: int
    scope: int
    table: int
    protocol: int
    rtm_type: int
    rtflags: int
    gateway: RtGateway | None = None
    oif: int = 0
    mtu: int = 0
    """Only if it was set by hand (RTF_FIXEDMTU)."""
    expires: int = 0
    weight: int | None = None
    knh_id: int = 0
    multipath: tuple[RtNexthop, ...] = ()


class NlEvent(Record):
    """What a subscribed netlink socket receives: "new" or "del" and the object it happened to."""

    action: str
    what: Record
    pid: int = 0


class DumpNexthops(Record):
    """The next hops of a table (sysctl net.route.0.FAMILY.nhdump)."""

    family: int
    table: int = 0


class NhExternal(Record):
    """One next hop (struct nhop_external).  `src` is None when the source is the interface itself."""

    idx: int
    family: int
    rtflags: int
    gateway: RtGateway
    """Family AF_LINK (with the index in `scope`) for a direct route."""
    src: bytes | None
    src_scope: int
    oif: int
    aif: int
    mtu: int
    refcnt: int
    pksent: int


class DumpNhGroups(Record):
    """The next hop groups of a table (sysctl net.route.0.FAMILY.nhgrpdump)."""

    family: int
    table: int = 0


class NhGrpExternal(Record):
    """One group: members as (next hop index, weight, slots)."""

    idx: int
    refcnt: int
    members: tuple[tuple[int, int, int], ...]


class GetRtStat(Record):
    """Ask for the statistics of routing (sysctl net.route.stats)."""


class RtStat(Record):
    """struct rtstat (netstat -rs)."""

    badredirect: int
    dynamic: int
    newgateway: int
    unreach: int
    wildcard: int
    nh_idx_alloc_failure: int = 0
    nh_alloc_failure: int = 0
    add_failure: int = 0
    add_retry: int = 0
    del_failure: int = 0
    del_retry: int = 0


class LinkEvent(Record):
    """An interface in an event; `operstate` as in RFC 2863 (6 is up)."""

    index: int
    name: str
    flags: int
    operstate: int
    mtu: int


class AddrEvent(Record):
    """An address in an event."""

    index: int
    addr: bytes
    prefixlen: int
    dstaddr: bytes | None = None
    ifname: str = ""
    """The interface's name unless it is being destroyed."""


class NeighEvent(Record):
    """A neighbour in an event; `state` as in NUD_*."""

    index: int
    addr: bytes
    state: int
    lladdr: bytes
    ifname: str = ""
