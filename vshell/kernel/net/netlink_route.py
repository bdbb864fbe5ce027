"""Routes over netlink: requests, dumps and events (netlink/route/rt.c), and next hops as sysctl gives them (nhop_ctl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EAFNOSUPPORT, EINVAL, ENOENT, ESRCH, KError
from vshell.abi.record import Record
from vshell.abi.route import (
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    RT_DEFAULT_WEIGHT,
    RTF_BLACKHOLE,
    RTF_BROADCAST,
    RTF_FIXEDMTU,
    RTF_GATEWAY,
    RTF_HOST,
    RTF_PINNED,
    RTF_PROTO1,
    RTF_REJECT,
    RTF_STATIC,
    RTM_DELETE,
    RTN_BLACKHOLE,
    RTN_PROHIBIT,
    RTN_UNICAST,
    RTN_UNREACHABLE,
    RTNLGRP_IPV4_ROUTE,
    RTNLGRP_IPV6_ROUTE,
    RTPROT_KERNEL,
    RTPROT_STATIC,
    RTPROT_ZEBRA,
    DelRoute,
    DumpNexthops,
    DumpNhGroups,
    DumpRoutes,
    GetRoute,
    GetRtStat,
    NewRoute,
    NhExternal,
    NhGrpExternal,
    RtGateway,
    RtMsg,
    RtNexthop,
    RtStat,
)  # fmt: skip
from vshell.abi.socket import AF_INET, AF_INET6, AF_LINK
from vshell.kernel.kern.clock import NS
from vshell.kernel.kern.kern_priv import PRIV_NET_ROUTE, priv_check
from vshell.kernel.kern.prison_ip import prison_check_ip
from vshell.kernel.net.ifa import ifaof_ifpforaddr
from vshell.kernel.net.ifnet import ifnet_byindex
from vshell.kernel.net.netlink import nl_listening, nl_send_group, nlrequest
from vshell.kernel.net.route.nhop import NHF_BLACKHOLE, NHF_GATEWAY, NHF_HOST, NHF_REJECT, AnyNhop, Gw, NhGrp, Nhop
from vshell.kernel.net.route.rib import Rib, Rtentry, embed, recover
from vshell.kernel.net.route.route import ifa_ifwithroute
from vshell.kernel.net.route.route_ctl import (
    RTM_F_APPEND,
    RTM_F_CREATE,
    RTM_F_EXCL,
    RTM_F_REPLACE,
    RibCmdInfo,
    RibFilter,
    nhop_check_gateway,
    rib_add_route_px,
    rib_del_route_px,
)  # fmt: skip
from vshell.kernel.net.route.route_tables import FAMILIES, Rtable
from vshell.wire.ip6 import is_linklocal

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc, Ucred
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet

_OP_FLAGS = (
    (NLM_F_REPLACE, RTM_F_REPLACE), (NLM_F_EXCL, RTM_F_EXCL), (NLM_F_CREATE, RTM_F_CREATE), (NLM_F_APPEND, RTM_F_APPEND),
)  # fmt: skip
_GROUPS = {AF_INET: RTNLGRP_IPV4_ROUTE, AF_INET6: RTNLGRP_IPV6_ROUTE}


# describing a route --------------------------------------------------------------------------------------------


def _gateway(nh: Nhop) -> RtGateway | None:
    if not nh.flags & NHF_GATEWAY:
        return None
    return RtGateway(nh.gw[0], *recover(nh.gw[1]))


def _protocol(nh: AnyNhop) -> int:
    """nl_get_rtm_protocol: who made the route, guessed from its flags if nobody said."""
    if nh.origin:
        return nh.origin
    if isinstance(nh, NhGrp):
        nh = nh.slots[0]
        if nh.origin:
            return nh.origin
    if nh.rtflags & RTF_PROTO1:
        return RTPROT_ZEBRA
    return RTPROT_STATIC if nh.rtflags & RTF_STATIC else RTPROT_KERNEL


def _expires(nh: Nhop, rib: Rib) -> int:
    return nh.expire - rib.vnet.kernel.clock.now // NS if nh.expire else 0


def _fixed_mtu(nh: Nhop) -> int:
    return nh.mtu if nh.rtflags & RTF_FIXEDMTU else 0


def rtmsg(rib: Rib, rt: Rtentry, nh: AnyNhop, weight: int) -> RtMsg:
    """dump_px: the message about one route."""
    if isinstance(nh, NhGrp):
        paths = tuple(
            RtNexthop(_gateway(one) or RtGateway(), one.ifp.index, w, one.rtflags, _fixed_mtu(one), _expires(one, rib), one.idx)
            for one, w in nh.members
        )
        return RtMsg(
            rib.family, rt.dst, rt.plen, rt.scope, rib.fibnum, _protocol(nh), RTN_UNICAST, nh.members[0][0].rtflags,
            knh_id=nh.idx, multipath=paths,
        )  # fmt: skip
    kind = RTN_UNICAST
    if nh.flags & NHF_BLACKHOLE:
        kind = RTN_BLACKHOLE
    elif nh.flags & NHF_REJECT:
        kind = RTN_PROHIBIT
    return RtMsg(
        rib.family, rt.dst, rt.plen, rt.scope, rib.fibnum, _protocol(nh), kind, nh.rtflags, _gateway(nh), nh.ifp.index,
        _fixed_mtu(nh), _expires(nh, rib), weight if weight != RT_DEFAULT_WEIGHT else None, nh.idx,
    )  # fmt: skip


def _exportable(rt: Rtentry, rib: Rib, cred: Ucred) -> bool:
    """rt_is_exportable: a jail without a stack of its own sees the host routes to its addresses only."""
    if rt.plen != rib.width:
        return cred.prison.owns_vnet or not cred.prison.isjail
    return not prison_check_ip(cred, rib.family, rt.dst)


# requests ------------------------------------------------------------------------------------------------------


def _table(vnet: Vnet, family: int, number: int) -> Rib:
    if not 0 <= number < vnet.numfibs:
        raise KError(EINVAL, "invalid fib")
    if family not in FAMILIES:
        raise KError(EAFNOSUPPORT)
    rib: Rib = vnet[Rtable].table(family, number)
    return rib


def _oif(vnet: Vnet, index: int) -> Ifnet | None:
    if not index:
        return None
    ifp = ifnet_byindex(vnet, index)
    if ifp is None:
        raise KError(ENOENT, f"iface {index} is not found")
    return ifp


def _key(dst: bytes, oif: int) -> bytes:
    """set_scope6: a link-local destination belongs to the interface of the request."""
    return embed(dst, oif) if is_linklocal(dst) else dst


def _gw(gateway: RtGateway, oif: int) -> Gw:
    return gateway.family, _key(gateway.addr, oif), 0


def _finalize(nh: Nhop, rib: Rib, key: bytes, ifp: Ifnet | None) -> Nhop:
    """finalize_nhop: find what was not given, interface and source address.  EINVAL if there is none."""
    if not nh.gw[0]:
        if ifp is None:
            raise KError(EINVAL)
        nh.set_gw((AF_LINK, b"", ifp.index), False)
    elif ifp is None:
        flags = RTF_GATEWAY if nh.flags & NHF_GATEWAY else RTF_HOST if nh.flags & NHF_HOST else 0
        addr, scope = recover(nh.gw[1])
        found = ifa_ifwithroute(rib.vnet, flags, rib.family, recover(key)[0], (nh.gw[0], addr, scope), rib.fibnum)
        if found is None:
            raise KError(EINVAL)
        ifp = found[0]
    nh.ifp = ifp
    other = nh.gw[0] != rib.family
    nh.ifa = ifaof_ifpforaddr(rib.family, recover(key)[0] if other else recover(nh.gw[1])[0], ifp)
    if nh.ifa is None and nh.gw[0] != AF_LINK:
        nh.ifa = ifaof_ifpforaddr(nh.gw[0], recover(nh.gw[1])[0], ifp)
        if nh.ifa is None:
            raise KError(EINVAL)
    return rib.nhc.get_nhop(nh)


def _create_nexthop(rib: Rib, key: bytes, request: NewRoute) -> Nhop:
    """create_nexthop_from_attrs."""
    ifp = _oif(rib.vnet, request.oif)
    nh = Nhop(rib.fibnum, rib.family)
    gateway = request.gateway
    if gateway is not None:
        if gateway.family == AF_INET6 and is_linklocal(gateway.addr) and ifp is None:
            raise KError(EINVAL, "interface not set")
        if nhop_check_gateway(rib, rib.family, gateway.family):
            nh.set_gw(_gw(gateway, request.oif), True)
    if request.mtu:
        nh.set_mtu(request.mtu)
    if request.expire > 0:
        clock = rib.vnet.kernel.clock
        nh.expire = max(1, request.expire - clock.realtime() // NS + clock.now // NS)
    nh.set_broadcast(bool(request.rtflags & RTF_BROADCAST))
    if request.protocol > RTPROT_STATIC:
        nh.origin = request.protocol
    nh.set_pxtype(request.plen, rib.width)
    nh.set_rtflags(request.rtflags)
    if request.rtm_type in (RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNREACHABLE):
        nh.set_blackhole(RTF_BLACKHOLE if request.rtm_type == RTN_BLACKHOLE else RTF_REJECT, rib.vnet.loif)
        ifp = rib.vnet.loif
    return _finalize(nh, rib, key, ifp)


@nlrequest(NewRoute)
def rtnl_handle_newroute(vnet: Vnet, request: NewRoute, td: Proc) -> None:
    """RTM_NEWROUTE."""
    priv_check(td, PRIV_NET_ROUTE)
    rib = _table(vnet, request.family, request.table)
    key = _key(request.dst, request.oif)
    nh = _create_nexthop(rib, key, request)
    op = 0
    for nlflag, flag in _OP_FLAGS:
        if request.nlflags & nlflag:
            op |= flag
    _report(rib, rib_add_route_px(rib, key, request.plen, nh, request.weight or RT_DEFAULT_WEIGHT, op), td)


@nlrequest(DelRoute)
def rtnl_handle_delroute(vnet: Vnet, request: DelRoute, td: Proc) -> None:
    """RTM_DELROUTE: every path that the gateway and interface given match."""
    priv_check(td, PRIV_NET_ROUTE)
    rib = _table(vnet, request.family, request.table)
    match = _path_match(request, _oif(vnet, request.oif))
    force = bool(request.rtflags & RTF_PINNED)
    _report(rib, rib_del_route_px(rib, _key(request.dst, request.oif), request.plen, match, force), td)


def _path_match(request: DelRoute, ifp: Ifnet | None) -> RibFilter:
    gw = _gw(request.gateway, request.oif) if request.gateway is not None else None

    def match(rt: Rtentry, nh: Nhop) -> bool:
        return (gw is None or nh.gw == gw) and (ifp is None or nh.ifp is ifp)

    return match


@nlrequest(GetRoute)
def rtnl_handle_getroute(vnet: Vnet, request: GetRoute, td: Proc) -> list[Record]:
    """RTM_GETROUTE for one destination."""
    rib = _table(vnet, request.family, request.table)
    key = _key(request.dst, request.scope)
    rt = rib.find(rib.masked(key, request.plen), request.plen) if request.exact else rib.match(key)
    if rt is None or not _exportable(rt, rib, td.ucred):
        raise KError(ESRCH)
    nh = rt.nhop.slots[0] if isinstance(rt.nhop, NhGrp) else rt.nhop
    return [rtmsg(rib, rt, nh, rt.weight)]


@nlrequest(DumpRoutes)
def handle_rtm_dump(vnet: Vnet, request: DumpRoutes, td: Proc) -> list[Record]:
    """RTM_GETROUTE with NLM_F_DUMP."""
    answer: list[Record] = []
    for family in (request.family,) if request.family else FAMILIES:
        rib = _table(vnet, family, request.table)
        answer += [rtmsg(rib, rt, rt.nhop, rt.weight) for rt in rib.walk() if _exportable(rt, rib, td.ucred)]
    return answer


# events --------------------------------------------------------------------------------------------------------


def _announce(rib: Rib, cmd: int, rt: Rtentry, nh: AnyNhop, weight: int, pid: int) -> None:
    group = _GROUPS[rib.family]
    if nl_listening(rib.vnet, group):
        nl_send_group(rib.vnet, group, "del" if cmd == RTM_DELETE else "new", rtmsg(rib, rt, nh, weight), pid)


def _report(rib: Rib, rc: RibCmdInfo, td: Proc) -> None:
    """report_operation: tell of a program's change.  Of its own changes the kernel tells nobody over netlink."""
    nh = rc.nh_old if rc.cmd == RTM_DELETE else rc.nh_new
    assert nh is not None
    _announce(rib, rc.cmd, rc.rt, nh, rc.weight, td.pid)


# what sysctl net.route.0.FAMILY.* gives ------------------------------------------------------------------------


@nlrequest(DumpNexthops)
def nhops_dump_sysctl(vnet: Vnet, request: DumpNexthops, td: Proc) -> list[Record]:
    """The next hops of a table, by index."""
    rib = _table(vnet, request.family, request.table)
    answer: list[Record] = []
    for nh in sorted(rib.nhc.nhops.values(), key=_idx):
        family, addr, index = nh.gw
        gateway = RtGateway(family, b"", index) if family == AF_LINK else RtGateway(family, *recover(addr))
        src, scope = (None, nh.ifp.index) if nh.ifa is None else (nh.ifa.addr, nh.ifa.ifp.index)
        answer.append(
            NhExternal(
                nh.idx, nh.family, nh.rtflags, gateway, src, scope, nh.ifp.index, nh.aifp.index, nh.mtu, nh.refcnt, nh.pksent
            )
        )
    return answer


def _idx(nh: AnyNhop) -> int:
    return nh.idx


@nlrequest(DumpNhGroups)
def nhgrp_dump_sysctl(vnet: Vnet, request: DumpNhGroups, td: Proc) -> list[Record]:
    """The groups of a table, by index."""
    rib = _table(vnet, request.family, request.table)
    answer: list[Record] = []
    for grp in sorted(rib.nhc.groups.values(), key=_idx):
        members = tuple((nh.idx, weight, grp.slots.count(nh)) for nh, weight in grp.members)
        answer.append(NhGrpExternal(grp.idx, grp.refcnt, members))
    return answer


@nlrequest(GetRtStat)
def rtstat(vnet: Vnet, request: GetRtStat, td: Proc) -> list[Record]:
    """net.route.stats."""
    s = vnet[Rtable].stats
    return [RtStat(s.badredirect, s.dynamic, s.newgateway, s.unreach, s.wildcard, add_failure=s.add_failure)]
