"""Adding, deleting and changing routes: the rules (net/route/route_ctl.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vshell.abi.errno import EADDRINUSE, EAFNOSUPPORT, EEXIST, EINVAL, ESRCH, KError
from vshell.abi.route import (
    RT_DEFAULT_WEIGHT,
    RT_MAX_WEIGHT,
    RTF_BLACKHOLE,
    RTF_DYNAMIC,
    RTF_GATEWAY,
    RTF_HOST,
    RTF_PINNED,
    RTF_REJECT,
    RTF_STATIC,
    RTM_ADD,
    RTM_CHANGE,
    RTM_DELETE,
)  # fmt: skip
from vshell.abi.socket import AF_INET, AF_INET6, AF_LINK
from vshell.kernel.net.route.nhop import NHF_GATEWAY, NHF_REDIRECT, RT_SET_RTFLAGS_MASK, AnyNhop, Gw, NhGrp, Nhop
from vshell.kernel.net.route.rib import Rib, Rtentry, embed
from vshell.kernel.net.route.route_tables import Rtable

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifaddr, Ifnet
    from vshell.kernel.net.vnet import Vnet

RTM_F_CREATE, RTM_F_EXCL, RTM_F_REPLACE, RTM_F_APPEND, RTM_F_FORCE = 1, 2, 4, 8, 16

LOCKING_ALGOS = ("radix4", "radix6")
"""Look-up structures that are the table itself and need no rebuilding."""

RibFilter = Callable[[Rtentry, Nhop], bool]


class RibCmdInfo:
    """What an operation did (struct rib_cmd_info)."""

    __slots__ = ("cmd", "nh_new", "nh_old", "rt", "weight")

    def __init__(self, cmd: int, rt: Rtentry, old: AnyNhop | None, new: AnyNhop | None, weight: int) -> None:
        self.cmd = cmd
        self.rt = rt
        self.nh_old = old
        self.nh_new = new
        self.weight = weight


class RtInfo:
    """A request made inside the kernel (struct rt_addrinfo).  `plen` None is a host route."""

    __slots__ = ("dst", "filter", "flags", "gateway", "ifa", "ifa_addr", "ifp", "mtu", "plen", "scope", "weight")

    def __init__(
        self,
        dst: bytes,
        plen: int | None,
        gateway: Gw | None,
        flags: int,
        *,
        scope: int = 0,
        ifp: Ifnet | None = None,
        ifa: Ifaddr | None = None,
        filter: RibFilter | None = None,
        mtu: int = 0,
        weight: int = 0,
    ) -> None:
        self.dst = dst
        self.plen = plen
        self.gateway = gateway
        self.flags = flags
        self.scope = scope
        self.ifp = ifp
        self.ifa = ifa
        self.filter = filter
        self.mtu = mtu
        self.weight = weight


rib_subscribers: list[Callable[[Rib, RibCmdInfo], None]] = []
"""Called after every change of any table (rib_notify)."""


def _notify(rib: Rib, rc: RibCmdInfo) -> RibCmdInfo:
    for subscriber in rib_subscribers:
        subscriber(rib, rc)
    return rc


def nhop_can_multipath(nh: AnyNhop) -> bool:
    """Only next hops with a gateway that are not redirects share a prefix."""
    return isinstance(nh, NhGrp) or bool(nh.flags & NHF_GATEWAY and not nh.flags & NHF_REDIRECT)


def nhop_check_gateway(rib: Rib, family: int, gwfamily: int) -> bool:
    """Which gateway families go with which destinations."""
    if family == gwfamily or gwfamily in (0, AF_LINK):
        return True
    return family == AF_INET and gwfamily == AF_INET6 and bool(rib.vnet[Rtable].ipv6_nexthop)


def get_info_weight(weight: int, default: int) -> int:
    """A given weight within its limits, 0 standing for the default."""
    return min(weight, RT_MAX_WEIGHT) or default


def first_match(gw: Gw) -> RibFilter:
    """match_gw_one: only the first path that goes through `gw`."""
    seen: list[Nhop] = []

    def match(rt: Rtentry, nh: Nhop) -> bool:
        if match_nhop_gw(nh, gw) and not seen:
            seen.append(nh)
            return True
        return False

    return match


def match_nhop_gw(nh: Nhop, gw: Gw) -> bool:
    """True if a next hop goes through a gateway."""
    return nh.gw == gw


# tables --------------------------------------------------------------------------------------------------------


def _add(rib: Rib, rt: Rtentry, nh: AnyNhop, weight: int) -> RibCmdInfo:
    """add_route: the prefix is new."""
    rt.nhop, rt.weight = nh, weight
    rib.insert(rt)
    rib.nhc.fib_ref(nh)
    if nh.expire:
        _expires(rib, nh.expire)
    rib.bump()
    _update_fib(rib, rt, _immediate(nh))
    return _notify(rib, RibCmdInfo(RTM_ADD, rt, None, nh, weight))


def _immediate(nh: AnyNhop) -> bool:
    """need_immediate_sync: direct and static routes."""
    return isinstance(nh, Nhop) and (not nh.flags & NHF_GATEWAY or bool(nh.rtflags & RTF_STATIC))


def _update_fib(rib: Rib, rt: Rtentry, now: bool) -> None:
    """Tell the look-up structure, or let it wait (handle_rtable_change_cb)."""
    if now or rib.vnet[Rtable].algo[rib.family] in LOCKING_ALGOS:
        rt.dp = rt.nhop
        if rib.deferred or rib.nhc.fib_stale:
            rib.sync()
    else:
        rib.defer(rt)


def _delete(rib: Rib, rt: Rtentry) -> RibCmdInfo:
    """delete_route."""
    rib.remove(rt)
    rib.nhc.fib_unref(rt.nhop)
    rib.bump()
    rib.sync()
    rc = _notify(rib, RibCmdInfo(RTM_DELETE, rt, rt.nhop, None, rt.weight))
    rib.nhc.free(rt.nhop)
    return rc


def _change(rib: Rib, rt: Rtentry, nh: AnyNhop | None, weight: int) -> RibCmdInfo:
    """change_route: another next hop for the same prefix; none left deletes it."""
    if nh is None:
        return _delete(rib, rt)
    old = rt.nhop
    rt.nhop, rt.weight = nh, weight
    rib.nhc.fib_ref(nh)
    rib.nhc.fib_unref(old)
    if nh.expire:
        _expires(rib, nh.expire)
    rib.bump()
    _update_fib(rib, rt, False)
    rc = _notify(rib, RibCmdInfo(RTM_CHANGE, rt, old, nh, weight))
    rib.nhc.free(old)
    return rc


def _expires(rib: Rib, when: int) -> None:
    from vshell.kernel.net.route.route_temporal import tmproutes_update

    tmproutes_update(rib, when)


def rib_add_route_px(rib: Rib, key: bytes, plen: int, nh: AnyNhop, weight: int, op: int) -> RibCmdInfo:
    """Add a prefix or a path to it, as RTM_F_* say.  Takes over the caller's reference to `nh`.

    ESRCH: not there and not to be created; EEXIST: there and neither to be replaced nor extended.
    """
    if not 0 <= plen <= rib.width:
        rib.nhc.free(nh)
        raise KError(EINVAL)
    key = rib.masked(key, plen)
    rt = rib.find(key, plen)
    try:
        if rt is None:
            if not op & RTM_F_CREATE:
                raise KError(ESRCH)
            if plen == rib.width and not any(key):
                # The root of the tree stands for the host 0.0.0.0 (or ::), so it cannot be added (net/radix.c).
                raise KError(EEXIST)
            return _add(rib, Rtentry(key, plen), nh, weight)
        if op & RTM_F_EXCL:
            raise KError(EEXIST)
        if op & RTM_F_REPLACE:
            if rt.nhop.pinned:
                raise KError(EEXIST)
            return _change(rib, rt, nh, weight)
        if op & RTM_F_APPEND and rib.vnet[Rtable].multipath and nhop_can_multipath(nh) and nhop_can_multipath(rt.nhop):
            return _append(rib, rt, nh, weight)
        raise KError(EEXIST)
    except KError:
        rib.nhc.free(nh)
        raise


def _append(rib: Rib, rt: Rtentry, nh: AnyNhop, weight: int) -> RibCmdInfo:
    """add_route_flags_mpath: one path more."""
    assert isinstance(nh, Nhop)
    old = rt.nhop.members if isinstance(rt.nhop, NhGrp) else [(rt.nhop, rt.weight)]
    grp = rib.nhc.get_group([(nh, weight), *old])
    rib.nhc.free(nh)
    rc = _change(rib, rt, grp, 0)
    rib.vnet[Rtable].hash_outbound = 1
    return rc


def rib_del_route_px(rib: Rib, key: bytes, plen: int, match: RibFilter | None, force: bool) -> RibCmdInfo:
    """Delete a prefix, or those of its paths that `match`.  EADDRINUSE: the kernel's own route, without `force`."""
    if not 0 <= plen <= rib.width:
        raise KError(EINVAL)
    rt = rib.find(rib.masked(key, plen), plen)
    if rt is None:
        raise KError(ESRCH)
    return _delete_conditional(rib, rt, match, force)


def _delete_conditional(rib: Rib, rt: Rtentry, match: RibFilter | None, force: bool) -> RibCmdInfo:
    """rt_delete_conditional."""
    nh = rt.nhop
    if isinstance(nh, NhGrp):
        if match is None:
            raise KError(ESRCH)
        left = [(one, weight) for one, weight in nh.members if not match(rt, one)]
        if len(left) == len(nh.members):
            raise KError(ESRCH)
        if len(left) > 1:
            return _change(rib, rt, rib.nhc.get_group(left), 0)
        if left:
            left[0][0].refcnt += 1
            return _change(rib, rt, left[0][0], left[0][1])
        return _delete(rib, rt)
    if match is not None and not match(rt, nh):
        raise KError(ESRCH)
    if nh.pinned and not force:
        raise KError(EADDRINUSE)
    return _delete(rib, rt)


def rib_walk_del(rib: Rib, match: RibFilter) -> None:
    """Delete every route, or path of one, that `match`; the kernel's own ones stay."""
    for rt in list(rib.walk()):
        nh = rt.nhop
        members = [m[0] for m in nh.members] if isinstance(nh, NhGrp) else [nh]
        if any(match(rt, one) for one in members):
            try:
                _delete_conditional(rib, rt, match, False)
            except KError:
                continue


# requests from inside the kernel -------------------------------------------------------------------------------


def _gw_key(info: RtInfo) -> Gw | None:
    gw = info.gateway
    return (gw[0], embed(gw[1], gw[2]), 0) if gw is not None and gw[0] == AF_INET6 else gw


def nhop_create_from_info(rib: Rib, info: RtInfo) -> Nhop:
    """The next hop a request describes."""
    gw = _gw_key(info)
    if gw is None:
        raise KError(EINVAL)
    nh = Nhop(rib.fibnum, rib.family)
    nh.set_gw(gw, bool(info.flags & RTF_GATEWAY))
    assert info.ifp is not None
    nh.ifp = info.ifp
    nh.set_blackhole(info.flags & (RTF_BLACKHOLE | RTF_REJECT), rib.vnet.loif)
    nh.set_pxtype(rib.width if info.plen is None else info.plen, rib.width)
    if info.plen is None and rib.family == AF_INET:
        nh.set_broadcast(_is_broadcast(info.dst, nh.ifp))
    nh.set_redirect(bool(info.flags & RTF_DYNAMIC))
    nh.set_pinned(bool(info.flags & RTF_PINNED))
    nh.set_rtflags(info.flags)
    if info.mtu:
        nh.set_mtu(info.mtu)
    nh.ifa = info.ifa
    return rib.nhc.get_nhop(nh)


def _is_broadcast(dst: bytes, ifp: Ifnet) -> bool:
    """in_ifnet_broadcast: the limited broadcast, or that of an address of the interface."""
    from vshell.abi.sockio import IFF_BROADCAST

    if dst in (b"\xff\xff\xff\xff", b"\0\0\0\0"):
        return True
    return bool(ifp.flags & IFF_BROADCAST) and any(a.family == AF_INET and a.broadaddr == dst for a in ifp.addrs)


def rib_add_route(rib: Rib, info: RtInfo) -> RibCmdInfo:
    """RTM_ADD: replaces what a user put there if it is the kernel's (RTF_PINNED), adds a path otherwise."""
    if info.flags & RTF_HOST:
        info.plen = None
    elif info.plen is None:
        raise KError(EINVAL)
    if info.flags & RTF_GATEWAY and info.gateway is None:
        raise KError(EINVAL)
    if info.gateway is not None and not nhop_check_gateway(rib, rib.family, info.gateway[0]):
        raise KError(EINVAL)
    if info.ifa is None and info.ifp is None:
        from vshell.kernel.net.route.route import rt_getifa_fib

        rt_getifa_fib(rib, info)
    nh = nhop_create_from_info(rib, info)
    op = RTM_F_CREATE | (RTM_F_REPLACE if info.flags & RTF_PINNED else RTM_F_APPEND)
    plen = rib.width if info.plen is None else info.plen
    return rib_add_route_px(rib, embed(info.dst, info.scope), plen, nh, get_info_weight(info.weight, RT_DEFAULT_WEIGHT), op)


def rib_del_route(rib: Rib, info: RtInfo) -> RibCmdInfo:
    """RTM_DELETE."""
    match = info.filter
    gw = _gw_key(info)
    if match is None and gw is not None:
        match = first_match(gw)
    plen = rib.width if info.plen is None else info.plen
    return rib_del_route_px(rib, embed(info.dst, info.scope), plen, match, bool(info.flags & RTF_PINNED))


def rib_change_route(rib: Rib, info: RtInfo) -> RibCmdInfo:
    """RTM_CHANGE: another gateway, interface, source, MTU or weight."""
    if info.flags & RTF_GATEWAY and info.gateway is None:
        info.flags &= ~RTF_GATEWAY
    plen = rib.width if info.plen is None else info.plen
    rt = rib.find(rib.masked(embed(info.dst, info.scope), plen), plen)
    if rt is None:
        raise KError(ESRCH)
    if not isinstance(rt.nhop, NhGrp):
        nh = _change_nhop(rib, info, rt.nhop)
        return _change(rib, rt, nh, get_info_weight(info.weight, rt.weight))
    members = list(rt.nhop.members)
    for i, (one, weight) in enumerate(members):
        if _info_matches(rib, rt, info, one):
            nh = _change_nhop(rib, info, one)
            members[i] = (nh, get_info_weight(info.weight, weight))
            grp = rib.nhc.get_group(members)
            rib.nhc.free(nh)
            return _change(rib, rt, grp, 0)
    raise KError(ESRCH)


def _info_matches(rib: Rib, rt: Rtentry, info: RtInfo, nh: Nhop) -> bool:
    if info.filter is not None:
        return info.filter(rt, nh)
    gw = _gw_key(info)
    return gw is None or match_nhop_gw(nh, gw)


def _change_nhop(rib: Rib, info: RtInfo, old: Nhop) -> Nhop:
    """change_nhop, nhop_create_from_nhop."""
    if (old.flags & NHF_GATEWAY and info.gateway is not None) or info.ifp is not None:
        from vshell.kernel.net.route.route import rt_getifa_fib

        rt_getifa_fib(rib, info)
    nh = old.copy()
    if info.mtu:
        nh.set_mtu(info.mtu)
    nh.rtflags = nh.rtflags & ~RT_SET_RTFLAGS_MASK | info.flags & RT_SET_RTFLAGS_MASK
    gw = _gw_key(info)
    if gw is not None:
        if not nhop_check_gateway(rib, rib.family, gw[0]):
            raise KError(EINVAL)
        nh.set_gw(gw, bool(info.flags & RTF_GATEWAY))
    if info.ifa is not None:
        nh.ifa = info.ifa
    if info.ifp is not None:
        nh.ifp = info.ifp
    return rib.nhc.get_nhop(nh)


_ACTIONS = {RTM_ADD: rib_add_route, RTM_DELETE: rib_del_route, RTM_CHANGE: rib_change_route}


def rib_action(vnet: Vnet, fib: int, family: int, cmd: int, info: RtInfo) -> RibCmdInfo:
    """Carry out a request made inside the kernel."""
    from vshell.kernel.net.route.route_tables import rt_tables_get_rnh

    try:
        rib = rt_tables_get_rnh(vnet, family, fib)
    except KError as e:
        raise KError(EAFNOSUPPORT) from e
    return _ACTIONS[cmd](rib, info)
