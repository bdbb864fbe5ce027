"""Routers and prefixes: advertisements received, default routers, prefixes on links (netinet6/nd6_rtr.c).

A router that advertises itself joins `Ip6.defrouters`, ordered by preference; one of them, reachable if any is, has the
default route.  Its prefixes join `Ip6.prefixes` and make addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import KError
from vshell.abi.in6 import (
    IN6_IFF_ANYCAST,
    IN6_IFF_AUTOCONF,
    IN6_IFF_DETACHED,
    IN6_IFF_NOTREADY,
    IN6_IFF_TENTATIVE,
    ND6_IFF_ACCEPT_RTADV,
    ND6_INFINITE_LIFETIME,
    ND6_LLINFO_INCOMPLETE,
)  # fmt: skip
from vshell.abi.route import RTF_GATEWAY, RTF_STATIC, RTM_ADD
from vshell.abi.socket import AF_INET6
from vshell.kernel.kern.clock import NS
from vshell.kernel.net.ifa import ifaof_ifpforaddr
from vshell.kernel.net.route.nhop import NHF_HOST, Nhop
from vshell.kernel.net.route.rib import Rtentry, embed
from vshell.kernel.net.route.route_ctl import RtInfo, match_nhop_gw, rib_action, rib_del_route_px, rib_walk_del
from vshell.kernel.net.route.route_tables import rt_tables_get_rnh
from vshell.kernel.netinet6 import in6_route
from vshell.kernel.netinet6.in6_var import In6Ifaddr, Ip6, NdDefrouter, NdPrefix, ext6, in6ifa_ifpforlinklocal
from vshell.kernel.netinet6.nd6 import lltable_prefix_free, nd6_lookup, nd6_timer_arm
from vshell.wire.ip6 import is_linklocal

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet

RTPREF = {0x08: 1, 0x00: 0, 0x10: 0, 0x18: -1}
"""ND_RA_FLAG_RTPREF_* to an order; the reserved value counts as medium."""
RTPREF_MASK = 0x18


# default routers -----------------------------------------------------------------------------------------------


def defrouter_lookup(ifp: Ifnet, addr: bytes) -> NdDefrouter | None:
    """The default router of that address on the interface."""
    dr: NdDefrouter
    for dr in ifp.vnet[Ip6].defrouters:
        if dr.ifp is ifp and dr.rtaddr == addr:
            return dr
    return None


def rtpref(dr: NdDefrouter) -> int:
    """The preference of a router: 1 high, 0 medium, -1 low."""
    return RTPREF[dr.raflags & RTPREF_MASK]


def is_dr_reachable(dr: NdDefrouter) -> bool:
    """True if the neighbour cache does not say otherwise (ND6_IS_LLINFO_PROBREACH)."""
    ln = nd6_lookup(dr.ifp, dr.rtaddr)
    return ln is not None and ln.state > ND6_LLINFO_INCOMPLETE


def _gateway(dr: NdDefrouter) -> tuple[int, bytes, int]:
    return AF_INET6, dr.rtaddr, dr.ifp.index


def defrouter_addreq(dr: NdDefrouter) -> None:
    """Let the default route lead to a router."""
    ifa = ifaof_ifpforaddr(AF_INET6, dr.rtaddr, dr.ifp)
    if ifa is None:
        return
    info = RtInfo(bytes(16), 0, _gateway(dr), RTF_GATEWAY, ifp=dr.ifp, ifa=ifa)
    try:
        rib_action(dr.ifp.vnet, dr.ifp.fib, AF_INET6, RTM_ADD, info)
    except KError:
        return  # somebody's own default route stays
    dr.installed = True


def defrouter_delreq(dr: NdDefrouter) -> None:
    """Take the default route over a router away."""
    gw = (AF_INET6, embed(dr.rtaddr, dr.ifp.index), 0)
    dr.installed = False
    try:
        rib = rt_tables_get_rnh(dr.ifp.vnet, AF_INET6, dr.ifp.fib)
        rib_del_route_px(rib, bytes(16), 0, lambda _rt, nh: match_nhop_gw(nh, gw), False)
    except KError:
        return  # somebody else took it


def defrouter_unlink(dr: NdDefrouter) -> None:
    """Take a router off the list."""
    dr.ifp.vnet[Ip6].defrouters.remove(dr)


def defrouter_del(dr: NdDefrouter) -> None:
    """A router that is no longer on the list goes, with what hangs on it."""
    vnet, ifp = dr.ifp.vnet, dr.ifp
    extra = ext6(ifp)
    if extra is not None and extra.nd.flags & ND6_IFF_ACCEPT_RTADV:
        rt6_flush(ifp, dr.rtaddr)
    selected = dr.installed
    if selected:
        defrouter_delreq(dr)
    for prefix in vnet[Ip6].prefixes:
        if dr in prefix.routers:
            prefix.routers.remove(dr)
    pfxlist_onlink_check(vnet)
    if selected:
        defrouter_select_fib(vnet, ifp.fib)


def defrouter_remove(ifp: Ifnet, addr: bytes) -> bool:
    """Forget a router; False if it was none."""
    dr = defrouter_lookup(ifp, addr)
    if dr is None:
        return False
    defrouter_unlink(dr)
    defrouter_del(dr)
    return True


def defrouter_reset(vnet: Vnet) -> None:
    """Take the default routes over all routers away."""
    for dr in vnet[Ip6].defrouters:
        defrouter_delreq(dr)


def defrouter_flush_all(vnet: Vnet) -> None:
    """Forget all routers."""
    routers = vnet[Ip6].defrouters[:]
    vnet[Ip6].defrouters.clear()
    for dr in routers:
        defrouter_del(dr)


def defrouter_purge(ifp: Ifnet) -> None:
    """Forget the routers on an interface, the one in use last: so none of them is selected for a moment."""
    mine = [dr for dr in ifp.vnet[Ip6].defrouters if dr.ifp is ifp]
    for dr in sorted(mine, key=lambda dr: dr.installed):
        defrouter_unlink(dr)
        defrouter_del(dr)


def defrouter_timer(vnet: Vnet) -> None:
    """Routers that have been silent for too long go."""
    now = vnet.kernel.clock.now // NS
    gone = [dr for dr in vnet[Ip6].defrouters if dr.expire and dr.expire < now]
    for dr in gone:
        defrouter_unlink(dr)
    for dr in gone:
        defrouter_del(dr)


def defrouter_select_fib(vnet: Vnet, fib: int | None = None) -> None:
    """Choose the router of the default route of a table (None: of all)."""
    if fib is None:
        for number in range(vnet.numfibs):
            defrouter_select_fib(vnet, number)
        return
    routers: list[NdDefrouter] = vnet[Ip6].defrouters
    mine = [dr for dr in routers if dr.ifp.fib == fib]
    if not mine:
        return
    installed = next((dr for dr in mine if dr.installed), None)
    selected = next((dr for dr in mine if is_dr_reachable(dr)), None)
    if selected is None:
        # None answers: take turns.
        at = routers.index(installed) + 1 if installed is not None else 0
        at = at if at < len(routers) else 0
        selected = next((dr for dr in routers[at:] if dr.ifp.fib == fib), None)
    elif installed is not None and is_dr_reachable(installed) and rtpref(selected) <= rtpref(installed):
        selected = installed
    if selected is installed:
        return
    if installed is not None:
        defrouter_delreq(installed)
    if selected is not None:
        defrouter_addreq(selected)


def defrtrlist_update(new: NdDefrouter) -> NdDefrouter | None:
    """A router advertised itself; its entry, None if it does not want to be a default router."""
    vnet = new.ifp.vnet
    if new.rtlifetime == 0:
        defrouter_remove(new.ifp, new.rtaddr)
        return None
    routers: list[NdDefrouter] = vnet[Ip6].defrouters
    dr = defrouter_lookup(new.ifp, new.rtaddr)
    if dr is not None:
        before = rtpref(dr)
        dr.raflags, dr.rtlifetime, dr.expire = new.raflags, new.rtlifetime, new.expire
        if dr.installed and rtpref(new) == before:
            return dr
        routers.remove(dr)
    else:
        dr = new
    at = next((i for i, other in enumerate(routers) if rtpref(dr) > rtpref(other)), len(routers))
    routers.insert(at, dr)
    defrouter_select_fib(vnet, dr.ifp.fib)
    nd6_timer_arm(vnet)
    return dr


def rt6_flush(ifp: Ifnet, gateway: bytes) -> None:
    """Remove the host routes through a gateway that somebody redirected us to."""
    if not is_linklocal(gateway):
        return
    gw = (AF_INET6, embed(gateway, ifp.index), 0)

    def match(_rt: Rtentry, nh: Nhop) -> bool:
        return match_nhop_gw(nh, gw) and bool(nh.flags & NHF_HOST) and not nh.rtflags & RTF_STATIC

    for fib in range(ifp.vnet.numfibs):
        rib_walk_del(rt_tables_get_rnh(ifp.vnet, AF_INET6, fib), match)


# prefixes ------------------------------------------------------------------------------------------------------


def nd6_prefix_lookup(ifp: Ifnet, network: bytes, plen: int) -> NdPrefix | None:
    """The prefix on this interface."""
    for prefix in ifp.vnet[Ip6].prefixes:
        if prefix.ifp is ifp and prefix.plen == plen and prefix.prefix == network:
            found: NdPrefix = prefix
            return found
    return None


def nd6_prelist_add(
    ifp: Ifnet,
    network: bytes,
    plen: int,
    *,
    onlink: bool = True,
    auto: bool = False,
    vltime: int = ND6_INFINITE_LIFETIME,
    pltime: int = ND6_INFINITE_LIFETIME,
    router: NdDefrouter | None = None,
) -> NdPrefix:
    """Add a prefix and put its route in."""
    prefix = NdPrefix(ifp, network, plen)
    prefix.raf_onlink, prefix.raf_auto, prefix.vltime, prefix.pltime = onlink, auto, vltime, pltime
    ifp.vnet[Ip6].prefixes.insert(0, prefix)
    if onlink:
        nd6_prefix_onlink(prefix)
    if router is not None:
        pfxrtr_add(prefix, router)
    return prefix


def pfxrtr_add(prefix: NdPrefix, router: NdDefrouter) -> None:
    """A router advertises the prefix."""
    if router not in prefix.routers:
        prefix.routers.insert(0, router)
        pfxlist_onlink_check(prefix.ifp.vnet)


def nd6_prefix_refresh(prefix: NdPrefix, vltime: int, pltime: int) -> None:
    """Another address of the prefix: its lifetimes may grow, never shrink."""
    prefix.vltime = max(prefix.vltime, vltime)
    prefix.pltime = max(prefix.pltime, pltime)
    prefix.lastupdate = prefix.ifp.kernel.clock.now


def nd6_prefix_onlink(prefix: NdPrefix) -> None:
    """Put the interface route of a prefix in, unless another interface has the same prefix on-link."""
    if prefix.onlink:
        return
    for other in prefix.ifp.vnet[Ip6].prefixes:
        same = other.prefix == prefix.prefix and other.plen == prefix.plen and not in6_route.is_scoped_prefix(prefix)
        if other is not prefix and other.onlink and same and in6_route.same_fib(other.ifp, prefix.ifp):
            return
    ia = in6ifa_ifpforlinklocal(prefix.ifp, IN6_IFF_NOTREADY | IN6_IFF_ANYCAST)
    if ia is None:
        ia = next((a for a in prefix.ifp.addrs if isinstance(a, In6Ifaddr)), None)
    if ia is not None and in6_route.add_prefix(prefix, ia):
        prefix.onlink = True


def nd6_prefix_offlink(prefix: NdPrefix) -> None:
    """Take the route out; the same prefix on another interface may step in."""
    if not prefix.onlink:
        return
    in6_route.del_prefix(prefix)
    prefix.onlink = False
    taken = False
    for other in prefix.ifp.vnet[Ip6].prefixes:
        if other is prefix or other.onlink or other.detached or other.plen != prefix.plen or other.prefix != prefix.prefix:
            continue
        nd6_prefix_onlink(other)
        taken = taken or other.onlink
    if not taken:
        lltable_prefix_free(prefix.ifp, prefix.prefix, prefix.plen)


def nd6_prefix_unlink(prefix: NdPrefix) -> None:
    """Forget a prefix (nd6_prefix_unlink, nd6_prefix_del)."""
    prefixes = prefix.ifp.vnet[Ip6].prefixes
    if prefix in prefixes:
        prefixes.remove(prefix)
        nd6_prefix_offlink(prefix)
        prefix.routers.clear()
        pfxlist_onlink_check(prefix.ifp.vnet)


def nd6_prefix_expire(vnet: Vnet) -> None:
    """Prefixes whose valid lifetime is over go, or go off-link while addresses still hold them."""
    now = vnet.kernel.clock.now
    for prefix in vnet[Ip6].prefixes[:]:
        if prefix.vltime == ND6_INFINITE_LIFETIME or now // NS - prefix.lastupdate // NS <= prefix.vltime:
            continue
        if prefix.addrcnt == 0:
            nd6_prefix_unlink(prefix)
        else:
            nd6_prefix_offlink(prefix)


def _reachable(prefix: NdPrefix) -> bool:
    """find_pfxlist_reachable_router."""
    return any(is_dr_reachable(dr) for dr in prefix.routers)


def pfxlist_onlink_check(vnet: Vnet) -> None:
    """Detach autoconfigured prefixes without a reachable router while others have one; addresses follow."""
    ip6 = vnet[Ip6]
    prefixes: list[NdPrefix] = ip6.prefixes
    some = any(p.raf_onlink and _reachable(p) for p in prefixes)
    advertised = some or any(dr in p.routers for dr in ip6.defrouters for p in prefixes)
    detach = some or (bool(ip6.defrouters) and not advertised)
    ours = [p for p in prefixes if not is_linklocal(p.prefix) and p.raf_onlink and p.raf_auto]
    for prefix in ours:
        prefix.detached = detach and not _reachable(prefix)
    for prefix in ours:
        if prefix.onlink and prefix.detached:
            nd6_prefix_offlink(prefix)
        elif not prefix.onlink and not prefix.detached:
            nd6_prefix_onlink(prefix)
    _attach_addresses(ip6)


def _attach_addresses(ip6: Ip6) -> None:
    """Addresses of detached prefixes are not used; one that comes back is checked again."""
    from vshell.kernel.netinet6.nd6_nbr import nd6_dad_start

    ours = [ia for ia in ip6.ifaddrhead if ia.flags6 & IN6_IFF_AUTOCONF]
    some = any(ia.prefix is not None and _reachable(ia.prefix) for ia in ours)
    for ia in ours:
        if some and ia.prefix is None:
            continue
        if some and ia.prefix is not None and not _reachable(ia.prefix):
            ia.flags6 |= IN6_IFF_DETACHED
        elif ia.flags6 & IN6_IFF_DETACHED:
            ia.flags6 = ia.flags6 & ~IN6_IFF_DETACHED | IN6_IFF_TENTATIVE
            nd6_dad_start(ia, 0)
