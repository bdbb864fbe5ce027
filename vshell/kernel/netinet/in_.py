"""Internet addresses on interfaces: adding, removing, and what follows from it (netinet/in.c).

The address that first brings a prefix carries its route (IFA_ROUTE); when it goes, another address with the same prefix takes
the route over.  Each address but those of loopback interfaces and /32s also has a host route over lo0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vshell.abi.errno import EADDRNOTAVAIL, EDESTADDRREQ, EEXIST, EINVAL, EPROTONOSUPPORT, KError
from vshell.abi.in_ import (
    INADDR_ALLHOSTS_GROUP,
    SIOCAIFADDR,
    SIOCDIFADDR,
    SIOCGIFADDR,
    SIOCGIFALIAS,
    SIOCGIFBRDADDR,
    SIOCGIFDSTADDR,
    SIOCGIFNETMASK,
    InAliasreq,
)  # fmt: skip
from vshell.abi.socket import AF_INET
from vshell.abi.sockio import IFF_BROADCAST, IFF_LOOPBACK, IFF_MULTICAST, IFF_POINTOPOINT, IFF_UP, IFT_GIF
from vshell.kernel.kern.prison_ip import prison_check_ip
from vshell.kernel.net.ifioctl import ifrequest
from vshell.kernel.net.ifnet import domain_ifattach, domain_ifdetach, ifaddr_event, ifnet_updown_event, ifpurge_event
from vshell.kernel.net.route.route import ifadown
from vshell.kernel.net.route.route_ifaddrs import (
    ifa_add_loopback_route,
    ifa_del_loopback_route,
    ifa_switch_loopback_route,
    rib_add_kernel_px,
    rib_del_kernel_px,
)  # fmt: skip
from vshell.kernel.net.rtmsg import lle_event, rt_addrmsg
from vshell.kernel.netinet.if_ether import LOG_INFO, lle_free, lltable_free, lltable_of, lltable_prefix_free
from vshell.kernel.netinet.igmp import Igmp
from vshell.kernel.netinet.igmp_var import IgmpIfinfo
from vshell.kernel.netinet.in_mcast import in_joingroup, in_leavegroup, in_purgemaddrs
from vshell.kernel.netinet.in_var import IFA_ROUTE, RFC3021_MASK, InIfaddr, InIfinfo, in_addrs
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netinet.lltable import Lltable

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet

ALL_ONES = 0xFFFFFFFF


# routes of addresses --------------------------------------------------------------------------------------------
def ia_need_loopback_route(ia: InIfaddr) -> bool:
    """True if the address has a host route of its own over lo0."""
    flags = ia.ifp.flags
    if flags & IFF_LOOPBACK or ia.addr == bytes(4):
        return False
    if flags & IFF_POINTOPOINT:
        return ia.dstaddr != ia.addr
    return ia.subnetmask != ALL_ONES


def in_localip_more(ia: InIfaddr) -> InIfaddr | None:
    """Another interface's address with the same value, in the same fib."""
    for other in ia.ifp.vnet[Ip].inaddr_hash.get(ia.addr, ()):
        if other is not ia and other.ifp.fib == ia.ifp.fib:
            return other  # type: ignore[no-any-return]
    return None


def in_handle_ifaddr_route(ia: InIfaddr, add: bool) -> None:
    """Add or delete the route of the prefix."""
    network, mask = ia.prefix()
    network = (int.from_bytes(network, "big") & mask).to_bytes(4, "big")
    ifp = ia.ifp
    if mask == ALL_ONES and not ifp.flags & (IFF_POINTOPOINT | IFF_LOOPBACK) and ifp.vnet.loif is not None:
        ifp = ifp.vnet.loif  # a host route on a broadcast interface ends here
    change = rib_add_kernel_px if add else rib_del_kernel_px
    change(ia, network, None if mask == ALL_ONES else mask.bit_count(), ifp)


def in_hasrtprefix(target: InIfaddr) -> bool:
    """True if another address carries the route of the same prefix."""
    prefix = target.prefix()
    for ia in target.ifp.vnet[Ip].in_ifaddrhead:
        if ia.flags & IFA_ROUTE and ia.prefix() == prefix and ia.ifp.fib == target.ifp.fib:
            return True
    return False


def in_addprefix(target: InIfaddr) -> None:
    """Add the route of the prefix unless it is there.  EEXIST."""
    if in_hasrtprefix(target):
        if target.ifp.vnet[Ip].no_same_prefix:
            raise KError(EEXIST)
        rt_addrmsg(True, target)
        return
    rt_addrmsg(True, target)
    in_handle_ifaddr_route(target, True)
    target.flags |= IFA_ROUTE


def _scrub_lle(ia: InIfaddr, everything: bool, static: bool) -> None:
    if everything:
        lltable_prefix_free(ia.ifp.vnet, ia.addr, ia.subnetmask, static)
        return
    table = lltable_of(ia.ifp)
    lle = table.entries.get(ia.addr) if table is not None else None
    if lle is not None:
        lle_event(False, ia.ifp, lle.addr, lle.lladdr)
        lle_free(ia.ifp, lle)


def in_scrubprefix(target: InIfaddr, static: bool) -> None:
    """Take the route of the prefix away or hand it to the next address that has it.

    `static` is for an address that goes; without it the interface only went down.
    """
    if static and ia_need_loopback_route(target):
        other = in_localip_more(target)
        if other is not None:
            ifa_switch_loopback_route(other, target.addr)
        else:
            ifa_del_loopback_route(target, target.addr)
    if not target.flags & IFA_ROUTE:
        rt_addrmsg(False, target)
        _scrub_lle(target, False, static)
        return
    prefix = target.prefix()
    for ia in target.ifp.vnet[Ip].in_ifaddrhead:
        if ia.prefix() == prefix and ia.ifp.flags & IFF_UP and not ia.flags & IFA_ROUTE:
            _route(target, False)
            _scrub_lle(target, target.ifp is not ia.ifp, static)
            _route(ia, True)
            return
    _scrub_lle(target, True, static)
    rt_addrmsg(False, target)
    _route(target, False)


def _route(ia: InIfaddr, add: bool) -> None:
    """Add or delete the prefix's route and note who carries it; a failure is only logged."""
    try:
        in_handle_ifaddr_route(ia, add)
    except KError as e:
        what = "new prefix add" if add else "prefix delete"
        ia.ifp.kernel.log(LOG_INFO, f"in_scrubprefix: err={e.errno}, {what} failed")
        return
    ia.flags = ia.flags | IFA_ROUTE if add else ia.flags & ~IFA_ROUTE


# requests -------------------------------------------------------------------------------------------------------
@ifrequest(SIOCAIFADDR, priv=True)
def in_aifaddr_ioctl(ifp: Ifnet, req: SIOCAIFADDR, td: Proc) -> None:
    """Add an address; one that is there already on the interface is removed first."""
    if req.addr is None or len(req.addr) != 4:
        raise KError(EINVAL)
    if ifp.flags & IFF_POINTOPOINT and (req.dstaddr is None or req.dstaddr == bytes(4)):
        raise KError(EDESTADDRREQ)
    if AF_INET not in ifp.afdata:
        raise KError(EINVAL)
    inet = ifp.vnet[Ip]
    attach = inet.carp_attach
    if req.vhid and attach is None:
        raise KError(EPROTONOSUPPORT)
    if ifp.bridge is not None and ifp.type != IFT_GIF:
        ifp.bridge.address_on_member(ifp)
    first = all(ia.addr == req.addr for ia in in_addrs(ifp))
    if any(ia.addr == req.addr for ia in in_addrs(ifp)):
        in_difaddr_ioctl(ifp, SIOCDIFADDR(ifp.xname, req.addr), td, replaced=True)
    ia = _new_address(ifp, req)
    if req.vhid and attach is not None:
        attach(ia, req.vhid)
    ifp.addrs.append(ia)
    inet.in_ifaddrhead.append(ia)
    inet.inaddr_hash.setdefault(ia.addr, []).insert(0, ia)
    try:
        _bring_up(ifp, ia, bool(req.vhid))
    except KError:
        if ia.carp is not None:
            ia.carp.detach(ia)
        _unlink(ia)
        raise
    if first and ifp.flags & IFF_MULTICAST:
        info = ifp.afdata[AF_INET]
        if not info.allhosts:
            in_joingroup(ifp, INADDR_ALLHOSTS_GROUP)
            info.allhosts = True
    for event in ifaddr_event:
        event(ifp, ia, True)


def _new_address(ifp: Ifnet, req: SIOCAIFADDR) -> InIfaddr:
    assert req.addr is not None
    mask = req.mask
    if mask is None:
        if not ifp.flags & (IFF_POINTOPOINT | IFF_LOOPBACK):
            ifp.kernel.log(
                LOG_INFO, f"{ifp.xname}: set address: WARNING: network mask should be specified; using historical default"
            )
        ones = 8 if req.addr[0] < 128 else 16 if req.addr[0] < 192 else 24
        mask = (ALL_ONES << (32 - ones) & ALL_ONES).to_bytes(4, "big")
    ia = InIfaddr(ifp, req.addr, mask)
    if ifp.flags & IFF_BROADCAST:
        if req.broadaddr is not None:
            ia.broadaddr = req.broadaddr
        elif ia.subnetmask == RFC3021_MASK:
            ia.broadaddr = b"\xff" * 4
        else:
            ia.broadaddr = (ia.subnet | ~ia.subnetmask & ALL_ONES).to_bytes(4, "big")
    if ifp.flags & IFF_POINTOPOINT:
        ia.dstaddr = req.dstaddr
    ia.vhid = req.vhid
    return ia


def _bring_up(ifp: Ifnet, ia: InIfaddr, carped: bool) -> None:
    """Tell the driver, add the routes; undone when one of them is refused."""
    ifp.setaddr(ia)
    if carped:
        return
    in_addprefix(ia)
    if ia_need_loopback_route(ia) and in_localip_more(ia) is None:
        try:
            ifa_add_loopback_route(ia, ia.addr)
        except KError:
            in_scrubprefix(ia, True)
            raise


def _unlink(ia: InIfaddr) -> None:
    inet = ia.ifp.vnet[Ip]
    ia.ifp.addrs.remove(ia)
    inet.in_ifaddrhead.remove(ia)
    same = inet.inaddr_hash[ia.addr]
    same.remove(ia)
    if not same:
        del inet.inaddr_hash[ia.addr]


@ifrequest(SIOCDIFADDR, priv=True)
def in_difaddr_ioctl(ifp: Ifnet, req: SIOCDIFADDR, td: Proc | None, replaced: bool = False) -> None:
    """Remove an address, the first one if none is named; it may be about to come back.  EADDRNOTAVAIL."""
    addrs = [a for a in in_addrs(ifp) if td is None or not prison_check_ip(td.ucred, AF_INET, a.addr)]
    if req.addr is not None:
        addrs = [a for a in addrs if a.addr == req.addr]
    if not addrs:
        raise KError(EADDRNOTAVAIL)
    in_purgeaddr(addrs[0], replaced)


def in_purgeaddr(ia: InIfaddr, replaced: bool = False) -> None:
    """Remove one address with all that hangs on it."""
    ifp = ia.ifp
    _unlink(ia)
    in_scrubprefix(ia, True)
    ifadown(ia, True)
    if ia.carp is not None:
        ia.carp.detach(ia, replaced)
    if not in_addrs(ifp) and ifp.flags & IFF_MULTICAST:
        info = ifp.afdata.get(AF_INET)
        if info is not None and info.allhosts:
            in_leavegroup(ifp, INADDR_ALLHOSTS_GROUP)
            info.allhosts = False
    if ia.garp_timer is not None:
        ia.garp_timer.stop()
    for event in ifaddr_event:
        event(ifp, ia, False)


def _find(ifp: Ifnet, addr: bytes, td: Proc) -> InIfaddr:
    if addr != bytes(4) and prison_check_ip(td.ucred, AF_INET, addr):
        raise KError(EADDRNOTAVAIL)
    visible = [ia for ia in in_addrs(ifp) if not prison_check_ip(td.ucred, AF_INET, ia.addr)]
    for ia in visible:
        if ia.addr == addr:
            return ia
    if not visible:
        raise KError(EADDRNOTAVAIL)
    return visible[0]


@ifrequest(SIOCGIFADDR)
def _gifaddr(ifp: Ifnet, req: SIOCGIFADDR, td: Proc) -> bytes:
    return _find(ifp, req.addr, td).addr


@ifrequest(SIOCGIFNETMASK)
def _gifnetmask(ifp: Ifnet, req: SIOCGIFNETMASK, td: Proc) -> bytes:
    return _find(ifp, req.addr, td).mask


@ifrequest(SIOCGIFBRDADDR)
def _gifbrdaddr(ifp: Ifnet, req: SIOCGIFBRDADDR, td: Proc) -> bytes:
    ia = _find(ifp, req.addr, td)
    if not ifp.flags & IFF_BROADCAST:
        raise KError(EINVAL)
    return ia.broadaddr or bytes(4)


@ifrequest(SIOCGIFDSTADDR)
def _gifdstaddr(ifp: Ifnet, req: SIOCGIFDSTADDR, td: Proc) -> bytes:
    ia = _find(ifp, req.addr, td)
    if not ifp.flags & IFF_POINTOPOINT:
        raise KError(EINVAL)
    return ia.dstaddr or bytes(4)


@ifrequest(SIOCGIFALIAS)
def _gifalias(ifp: Ifnet, req: SIOCGIFALIAS, td: Proc) -> InAliasreq:
    for ia in in_addrs(ifp):
        if ia.addr == req.addr and not prison_check_ip(td.ucred, AF_INET, ia.addr):
            return InAliasreq(ia.addr, ia.mask, ia.broadaddr, ia.dstaddr)
    raise KError(EADDRNOTAVAIL)


# interfaces that come, go, rise and fall ------------------------------------------------------------------------
def in_ifnet_event(ifp: Ifnet, up: bool) -> None:
    """Routes of addresses go with IFF_UP and come back with it."""
    for ia in in_addrs(ifp):
        if not up:
            if ia.flags & IFA_ROUTE:
                in_scrubprefix(ia, False)
                ifadown(ia, False)
        elif not ia.flags & IFA_ROUTE:
            _try(ifa_del_loopback_route, ia)
            rt_addrmsg(True, ia)
            try:
                in_handle_ifaddr_route(ia, True)
                ia.flags |= IFA_ROUTE
            except KError:
                pass
            _try(ifa_add_loopback_route, ia)


def _try(change: Callable[[InIfaddr, bytes], None], ia: InIfaddr) -> None:
    try:
        change(ia, ia.addr)
    except KError:
        pass


def in_domifattach(ifp: Ifnet) -> InIfinfo:
    """What an interface carries for IPv4 while it is in a stack."""
    igmp = ifp.vnet.get(Igmp)
    return InIfinfo(Lltable(ifp), IgmpIfinfo(ifp, igmp.version if igmp is not None else 3))


def in_domifdetach(ifp: Ifnet, info: InIfinfo) -> None:
    """The interface leaves its stack."""
    lltable_free(ifp, info.lltable)


def in_purge(ifp: Ifnet) -> None:
    """if_purgeaddrs for IPv4, then its group memberships."""
    for ia in in_addrs(ifp):
        in_purgeaddr(ia)
    in_purgemaddrs(ifp)


domain_ifattach[AF_INET] = in_domifattach
domain_ifdetach[AF_INET] = in_domifdetach
ifnet_updown_event.append(in_ifnet_event)
ifpurge_event.append(in_purge)
