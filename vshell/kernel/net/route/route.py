"""Choosing interface and source of a route, and routes of interfaces that go away (net/route.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import ENETUNREACH, KError
from vshell.abi.route import RTF_GATEWAY, RTF_HOST
from vshell.abi.socket import AF_INET, AF_LINK
from vshell.abi.sockio import IFF_LOOPBACK, IFF_RENAMING
from vshell.kernel.net.ifa import ifa_ifwithaddr, ifa_ifwithdstaddr, ifa_ifwithnet, ifaof_ifpforaddr
from vshell.kernel.net.ifnet import ifmtu_event, ifnet_byindex, ifnet_departure_event
from vshell.kernel.net.route.nhop import NHF_DEFAULT, Gw, Nhop, link_mtu
from vshell.kernel.net.route.rib import embed
from vshell.kernel.net.route.route_ctl import RTM_F_CREATE, RtInfo, rib_add_route_px, rib_walk_del
from vshell.kernel.net.route.route_tables import Rtable, fib_lookup, foreach_table, rt_tables_get_rnh

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifaddr, Ifnet
    from vshell.kernel.net.route.rib import Rib, Rtentry
    from vshell.kernel.net.vnet import Vnet


def ifa_ifwithroute(vnet: Vnet, flags: int, family: int, dst: bytes, gw: Gw, fib: int) -> tuple[Ifnet, Ifaddr | None] | None:
    """The interface, and the local address (None: its link-level one), from which `gw` is reached directly.

    A gateway known only by the default route does not count.  A direct route may name an address of the interface
    itself instead of a neighbour.
    """
    gfamily, gaddr, gscope = gw
    if not flags & RTF_GATEWAY:
        ifa = ifa_ifwithdstaddr(vnet, family, dst, fib) if flags & RTF_HOST else None
        if ifa is None:
            ifa = ifa_ifwithaddr(vnet, gfamily, gaddr, gscope)
    else:
        ifa = ifa_ifwithdstaddr(vnet, gfamily, gaddr, fib, gscope)
    if ifa is None:
        ifa = ifa_ifwithnet(vnet, gfamily, gaddr, False, fib, gscope)
    if ifa is not None:
        ifp = ifa.ifp
    else:
        nh = fib_lookup(vnet, gfamily, gaddr, fib, gscope)
        if nh is None or nh.flags & NHF_DEFAULT:
            return None
        ifa = nh.ifa
        ifp = ifa.ifp if ifa is not None else nh.aifp
    if ifa is None or ifa.family != family:
        ifa = ifaof_ifpforaddr(family, dst, ifp) or ifa
    return ifp, ifa


def rt_getifa_fib(rib: Rib, info: RtInfo) -> None:
    """Fill in interface and source address of a kernel's request.  ENETUNREACH."""
    vnet = rib.vnet
    gw = info.gateway
    if info.ifa is None and info.flags & RTF_GATEWAY and gw is not None and gw[0] != rib.family:
        _getifa_family(rib, info, gw)
        return
    if info.ifa is None:
        usable = info.flags & RTF_GATEWAY and gw is not None and gw[0] == rib.family
        target = gw[1] if usable and gw is not None else info.dst
        if info.ifp is not None:
            info.ifa = ifaof_ifpforaddr(rib.family, target, info.ifp)
            if info.ifa is None and gw is not None and gw[0] == AF_LINK:
                return
        elif gw is not None and gw[0] != AF_LINK:
            found = ifa_ifwithroute(vnet, info.flags, rib.family, info.dst, gw, rib.fibnum)
            if found is not None:
                info.ifp, info.ifa = found
                return
        elif gw is not None:
            info.ifp = ifnet_byindex(vnet, gw[2])
            if info.ifp is not None:
                info.ifa = ifaof_ifpforaddr(rib.family, info.dst, info.ifp)
                return
    if info.ifa is None:
        raise KError(ENETUNREACH)
    if info.ifp is None:
        info.ifp = info.ifa.ifp


def _getifa_family(rib: Rib, info: RtInfo, gw: Gw) -> None:
    """rt_getifa_family: the gateway is of another family than the destination."""
    if info.ifp is None:
        found = ifa_ifwithroute(rib.vnet, RTF_GATEWAY, gw[0], gw[1], gw, rib.fibnum)
        if found is None:
            raise KError(ENETUNREACH)
        info.ifp = found[0]
    info.ifa = ifaof_ifpforaddr(rib.family, info.dst, info.ifp)
    if info.ifa is None:
        info.ifa = _in_findlocal(rib.vnet, bool(info.ifp.flags & IFF_LOOPBACK))
    if info.ifa is None:
        raise KError(ENETUNREACH)


def _in_findlocal(vnet: Vnet, loopback_ok: bool) -> Ifaddr | None:
    for ifp in vnet.ifnets:
        if not ifp.flags & IFF_LOOPBACK or loopback_ok:
            for ifa in ifp.addrs:
                if ifa.family == AF_INET:
                    return ifa
    return None


def rt_flushifroutes(ifp: Ifnet) -> None:
    """The interface has left its stack, and its addresses are gone: all other routes over it go, without a word."""
    if ifp.vnet.shutdown or ifp.flags & IFF_RENAMING:
        # The tables will go as a whole, or the interface only gets another name.
        return

    def over(rt: Rtentry, nh: Nhop) -> bool:
        return nh.ifp is ifp

    for rib in foreach_table(ifp.vnet):
        rib_walk_del(rib, over)


def ifadown(ifa: Ifaddr, delete: bool) -> None:
    """in_ifadown: an address went (`delete`) or its interface went down: routes from it go, static ones only in the first case.

    The caller clears its own mark that the address has a prefix route.
    """
    from vshell.abi.route import RTF_STATIC

    def gone(rt: Rtentry, nh: Nhop) -> bool:
        return nh.ifa is ifa and (delete or not nh.rtflags & RTF_STATIC)

    for rib in foreach_table(ifa.ifp.vnet, ifa.family):
        rib_walk_del(rib, gone)


def rt_updatemtu(ifp: Ifnet) -> None:
    """The MTU of an interface changed: next hops over it follow, unless their own is smaller and was set by hand."""
    from vshell.abi.route import RTF_FIXEDMTU

    for rib in foreach_table(ifp.vnet):
        mtu = link_mtu[rib.family](ifp) if rib.family in link_mtu else ifp.mtu
        for key, nh in list(rib.nhc.nhops.items()):
            if nh.ifp is ifp and (not nh.rtflags & RTF_FIXEDMTU or nh.mtu > mtu):
                nh.mtu = mtu
                # Keep the table of next hops keyed by what they are now; an equal one may already stand there.
                if nh.key() not in rib.nhc.nhops:
                    del rib.nhc.nhops[key]
                    rib.nhc.nhops[nh.key()] = nh


def rib_add_redirect(vnet: Vnet, fib: int, family: int, dst: bytes, gw: Gw, ifp: Ifnet, flags: int, lifetime: int) -> None:
    """A router told of a better first hop: a host route that expires after `lifetime` seconds.  ENETUNREACH, EEXIST."""
    from vshell.abi.route import RT_DEFAULT_WEIGHT, RTPROT_REDIRECT

    rib = rt_tables_get_rnh(vnet, family, fib)
    ifa = ifaof_ifpforaddr(family, gw[1], ifp)
    if ifa is None:
        raise KError(ENETUNREACH)
    nh = Nhop(fib, family)
    nh.set_gw((gw[0], embed(gw[1], gw[2]), 0), bool(flags & RTF_GATEWAY))
    nh.ifp = ifp
    nh.ifa = ifa
    nh.set_pxtype(rib.width, rib.width)
    nh.expire = lifetime + vnet.kernel.clock.now // 1_000_000_000
    nh.set_redirect(True)
    nh.origin = RTPROT_REDIRECT
    rib_add_route_px(rib, embed(dst, ifp.index), rib.width, rib.nhc.get_nhop(nh), RT_DEFAULT_WEIGHT, RTM_F_CREATE)
    vnet[Rtable].stats.dynamic += 1


ifmtu_event.append(rt_updatemtu)
ifnet_departure_event.append(rt_flushifroutes)
