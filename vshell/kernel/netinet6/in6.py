"""IPv6 addresses: adding, changing, removing them, and the requests of ifconfig(8) (netinet6/in6.c)."""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING

from vshell.abi.errno import EADDRNOTAVAIL, EEXIST, EINVAL, EPFNOSUPPORT, EPROTONOSUPPORT, KError
from vshell.abi.in6 import (
    IN6_IFF_AUTOCONF,
    IN6_IFF_DEPRECATED,
    IN6_IFF_DUPLICATED,
    IN6_IFF_TENTATIVE,
    ND6_IFF_IFDISABLED,
    ND6_IFF_NO_DAD,
    SIOCAIFADDR_IN6,
    SIOCDIFADDR_IN6,
)  # fmt: skip
from vshell.abi.record import replace
from vshell.abi.socket import AF_INET6
from vshell.abi.sockio import IFF_LOOPBACK, IFF_MULTICAST, IFF_POINTOPOINT, IFF_UP, IFT_GIF
from vshell.kernel.kern.clock import NS
from vshell.kernel.net.ifioctl import ifrequest
from vshell.kernel.net.ifnet import (
    Ifnet,
    domain_ifattach,
    domain_ifdetach,
    ifaddr_event,
    ifnet_link_event,
    ifnet_updown_event,
    ifpurge_event,
)
from vshell.kernel.net.rtmsg import rt_addrmsg
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netinet6 import in6_route
from vshell.kernel.netinet6.in6_ifattach import in6_ifattach, in6_ifdetach
from vshell.kernel.netinet6.in6_var import In6Ifaddr, In6Ifextra, Ip6, ext6, in6ifa_ifpwithaddr
from vshell.kernel.netinet6.mld6 import in6_joingroup, in6_leavegroup
from vshell.kernel.netinet6.nd6 import nd6_add_ifa_lle, nd6_rem_ifa_lle, nd6_timer_arm
from vshell.kernel.netinet6.nd6_nbr import nd6_dad_start, nd6_dad_stop
from vshell.kernel.netinet6.nd6_rtr import (
    nd6_prefix_lookup,
    nd6_prefix_refresh,
    nd6_prefix_unlink,
    nd6_prelist_add,
    pfxlist_onlink_check,
)  # fmt: skip
from vshell.wire.ip6 import LINKLOCAL_ALLNODES, LOOPBACK, NODELOCAL_ALLNODES, is_linklocal, masked, solicited_node

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel


def in6if_do_dad(ifp: Ifnet) -> bool:
    """True if addresses of the interface have to be checked for duplicates."""
    extra = ext6(ifp)
    if extra is None or ifp.flags & IFF_LOOPBACK or not ifp.flags & IFF_MULTICAST:
        return False
    return not extra.nd.flags & (ND6_IFF_IFDISABLED | ND6_IFF_NO_DAD)


def in6_validate_ifra(ifp: Ifnet, req: SIOCAIFADDR_IN6, ia: In6Ifaddr | None) -> int:
    """Check a request; returns the prefix length it means.  EINVAL, EEXIST (of the unspecified address)."""
    if ia is None and not any(req.addr):
        raise KError(EEXIST)
    if req.addr == LOOPBACK and not ifp.flags & IFF_LOOPBACK:
        raise KError(EINVAL)
    if ia is None and not req.prefix_given:
        raise KError(EINVAL)
    plen = req.prefixlen if req.prefix_given else (ia.prefixlen if ia is not None else 0)
    if plen <= 0:
        raise KError(EINVAL)
    if req.dstaddr is not None and (not ifp.flags & (IFF_POINTOPOINT | IFF_LOOPBACK) or plen != 128):
        raise KError(EINVAL)
    if req.pltime > req.vltime:
        raise KError(EINVAL)
    if ia is not None and ia.prefixlen and ia.prefixlen != plen:
        raise KError(EINVAL)
    return plen


def in6_update_ifa(ifp: Ifnet, req: SIOCAIFADDR_IN6, ia: In6Ifaddr | None, delay: bool = False) -> None:
    """Make or change an address.  With `delay` duplicate detection begins after a random while."""
    plen = in6_validate_ifra(ifp, req, ia)
    new = ia is None
    if ia is None:
        if req.vltime == 0:
            return
        ia = In6Ifaddr(ifp, req.addr, plen)
        ifp.addrs.append(ia)
        ip6 = ifp.vnet[Ip6]
        ip6.ifaddrhead.append(ia)
        ip6.hash.setdefault(req.addr, []).insert(0, ia)
        if ip6.flows:
            ip6.flows.clear()  # packets to the address may have been forwarded until now
    try:
        _update_parameters(ifp, req, ia, new)
    except KError:
        if new:
            in6_unlink_ifa(ia)
        raise
    if new:
        _announce(ifp, ia, delay)
    rt_addrmsg(True, ia)
    nd6_timer_arm(ifp.vnet)


def _update_parameters(ifp: Ifnet, req: SIOCAIFADDR_IN6, ia: In6Ifaddr, new: bool) -> None:
    """Lifetimes and flags (in6_update_ifa_internal)."""
    extra = ext6(ifp)
    assert extra is not None
    ia.updatetime = ifp.kernel.clock.now
    ia.vltime, ia.pltime = req.vltime, req.pltime
    if req.flags & IN6_IFF_DEPRECATED:
        # Deprecated by hand: a preferred lifetime that is over already.
        ia.pltime = 0
    ia.flags6 = req.flags & ~(IN6_IFF_DUPLICATED | IN6_IFF_TENTATIVE)
    ia.flags6 |= req.flags & IN6_IFF_TENTATIVE
    if in6if_do_dad(ifp) and (new or extra.nd.flags & ND6_IFF_IFDISABLED):
        ia.flags6 |= IN6_IFF_TENTATIVE
    _notify(ifp, req, ia, new)


def _notify(ifp: Ifnet, req: SIOCAIFADDR_IN6, ia: In6Ifaddr, new: bool) -> None:
    """Tell the driver about a first address, put the host routes in (in6_notify_ifa)."""
    if not new or sum(isinstance(a, In6Ifaddr) for a in ifp.addrs) <= 1:
        ifp.setaddr(ia)
    if req.dstaddr is not None and req.dstaddr != ia.dstaddr:
        if ia.route:
            in6_route.del_dstaddr(ia)
        ia.dstaddr = req.dstaddr
    if not ia.route and ia.prefixlen == 128 and ia.dstaddr is not None and ia.dstaddr != ia.addr:
        in6_route.add_dstaddr(ia)
    if not ia.rtself and ifp.vnet[Ip6].nd6_useloopback:
        ia.rtself = in6_route.add_self(ia)
    for event in ifaddr_event:
        event(ifp, ia, True)


def in6_nigroup(kernel: Kernel) -> tuple[bytes, ...]:
    """The groups of questions about this node by its name (RFC 4620), as they are now and as they once were.

    All stacks have those of the host's name.
    """
    label = kernel.prison0.hostname.split(".", 1)[0].lower().encode(errors="surrogateescape")
    if not 0 < len(label) < 64:
        return ()
    digest = md5(bytes((len(label),)) + label, usedforsecurity=False).digest()
    prefix = b"\xff\x02" + bytes(9) + b"\x02"
    return prefix + b"\xff" + digest[:3], prefix + digest[:4]


def _announce(ifp: Ifnet, ia: In6Ifaddr, delay: bool) -> None:
    """Neighbour entry, multicast groups, duplicate detection (in6_broadcast_ifa)."""
    nd6_add_ifa_lle(ia)
    wait = 0
    if ifp.flags & IFF_MULTICAST:
        if delay:
            wait = ifp.kernel.random.uniform(NS)
        for group in (solicited_node(ia.addr), LINKLOCAL_ALLNODES, *in6_nigroup(ifp.kernel), NODELOCAL_ALLNODES):
            in6_joingroup(ifp, group)
            ia.memberships.append(group)
    if ia.flags6 & IN6_IFF_TENTATIVE:
        nd6_dad_start(ia, wait)


def in6_addifaddr(ifp: Ifnet, req: SIOCAIFADDR_IN6, ia: In6Ifaddr | None) -> None:
    """SIOCAIFADDR_IN6: an address by hand, with its prefix."""
    if ifp.bridge is not None and ifp.type != IFT_GIF:
        ifp.bridge.address_on_member(ifp)
    in6_update_ifa(ifp, req, ia)
    if ia is not None and ia.carp is not None:
        ia.carp.detach(ia, keep=True)
    ia = in6ifa_ifpwithaddr(ifp, req.addr)
    if ia is None:
        return  # a valid lifetime of zero makes nothing
    if req.vhid:
        attach = ifp.vnet[Ip].carp_attach
        if attach is None:
            raise KError(EPROTONOSUPPORT)
        attach(ia, req.vhid)
    extra = ext6(ifp)
    assert extra is not None
    plen = ia.prefixlen
    if plen != 128:
        network = masked(req.addr, plen)
        prefix = nd6_prefix_lookup(ifp, network, plen)
        auto = bool(req.flags & IN6_IFF_AUTOCONF)
        if prefix is None:
            prefix = nd6_prelist_add(ifp, network, plen, auto=auto, vltime=req.vltime, pltime=req.pltime)
        elif prefix.raf_onlink:
            nd6_prefix_refresh(prefix, req.vltime, req.pltime)
        if ia.prefix is None:
            ia.prefix = prefix
            prefix.addrcnt += 1
        pfxlist_onlink_check(ifp.vnet)
    if extra.nd.flags & ND6_IFF_IFDISABLED:
        # An address on a disabled interface is a wish to enable it.
        nd6_setflags(ifp, extra.nd.flags & ~ND6_IFF_IFDISABLED)


def in6_purgeaddr(ia: In6Ifaddr) -> None:
    """Remove an address with everything that belongs to it."""
    if ia.carp is not None:
        ia.carp.detach(ia)
    if ia.rtself:
        in6_route.del_self(ia)
        ia.rtself = False
    nd6_dad_stop(ia)
    for group in ia.memberships:
        in6_leavegroup(ia.ifp, group)
    ia.memberships.clear()
    if ia.route:
        in6_route.del_dstaddr(ia)
    in6_unlink_ifa(ia)
    rt_addrmsg(False, ia)
    for event in ifaddr_event:
        event(ia.ifp, ia, False)


def in6_unlink_ifa(ia: In6Ifaddr) -> None:
    """Take an address out of the lists."""
    ia.ifp.addrs.remove(ia)
    ip6 = ia.ifp.vnet[Ip6]
    ip6.ifaddrhead.remove(ia)
    same = ip6.hash[ia.addr]
    same.remove(ia)
    if not same:
        del ip6.hash[ia.addr]
    last = False
    if ia.prefix is not None:
        ia.prefix.addrcnt -= 1
        last = ia.prefix.addrcnt == 0
    nd6_rem_ifa_lle(ia, ia.prefix if last else None)
    ia.prefix = None
    if ia.flags6 & IN6_IFF_AUTOCONF:
        pfxlist_onlink_check(ia.ifp.vnet)


def in6_purgeifaddr(ia: In6Ifaddr) -> None:
    """Remove an address, and its prefix with the last address of it."""
    prefix = ia.prefix
    in6_purgeaddr(ia)
    if prefix is not None and prefix.addrcnt == 0:
        nd6_prefix_unlink(prefix)


def in6_if_up(ifp: Ifnet) -> None:
    """The interface came up: check what is tentative, add what belongs to it."""
    for ia in ifp.addrs[:]:
        if isinstance(ia, In6Ifaddr) and ia.flags6 & IN6_IFF_TENTATIVE:
            nd6_dad_start(ia, ifp.kernel.random.uniform(NS))
    in6_ifattach(ifp)


def nd6_setflags(ifp: Ifnet, flags: int) -> None:
    """SIOCSIFINFO_FLAGS (see nd6_ioctl.py, which serves the request)."""
    from vshell.kernel.netinet6.nd6_ioctl import set_flags

    set_flags(ifp, flags)


@ifrequest(SIOCAIFADDR_IN6, priv=True)
def in6_aifaddr_ioctl(ifp: Ifnet, req: SIOCAIFADDR_IN6, _td: Proc) -> None:
    """Add or change an address."""
    if ext6(ifp) is None:
        raise KError(EPFNOSUPPORT)
    if is_linklocal(req.addr) and any(req.addr[2:4]):
        # in6_set_unicast_scopeid: the zone is kept there, and it is the interface's.
        req = replace(req, addr=req.addr[:2] + bytes(2) + req.addr[4:])
    in6_addifaddr(ifp, req, in6ifa_ifpwithaddr(ifp, req.addr))


@ifrequest(SIOCDIFADDR_IN6, priv=True)
def in6_difaddr_ioctl(ifp: Ifnet, req: SIOCDIFADDR_IN6, _td: Proc) -> None:
    """Remove an address; there is no "the first one" for IPv6."""
    ia = in6ifa_ifpwithaddr(ifp, req.addr) if req.addr is not None else None
    if ia is None:
        raise KError(EADDRNOTAVAIL)
    in6_purgeifaddr(ia)


IFT_PFLOG = 0xF6
"""Interfaces that only show what was logged: no IPv6 there."""


def in6_domifattach(ifp: Ifnet) -> In6Ifextra | None:
    """What an interface carries for IPv6 while it is in a stack."""
    ip6 = ifp.vnet.get(Ip6)
    return None if ip6 is None or ifp.type == IFT_PFLOG else In6Ifextra(ifp, ip6)


def in6_domifdetach(_ifp: Ifnet, extra: In6Ifextra | None) -> None:
    """The interface leaves its stack: no timer of a neighbour may outlive that."""
    if extra is not None:
        extra.mld.tick.stop()
        extra.mld.v1_timer.stop()
        for ln in extra.lles():
            ln.timer.stop()


def _updown(ifp: Ifnet, up: bool) -> None:
    if Ip6 not in ifp.vnet:
        return
    if up and ifp.flags & IFF_UP:
        in6_if_up(ifp)
    nd6_timer_arm(ifp.vnet, going_down=not up)


def _link_state(ifp: Ifnet, _state: int) -> None:
    nd6_timer_arm(ifp.vnet)


domain_ifattach[AF_INET6] = in6_domifattach
domain_ifdetach[AF_INET6] = in6_domifdetach
ifnet_updown_event.append(_updown)
ifnet_link_event.append(_link_state)
ifpurge_event.append(in6_ifdetach)
