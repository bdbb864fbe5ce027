"""Requests on neighbour discovery: per-interface settings and the cache (nd6_ioctl of netinet6/nd6.c, netlink neigh)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL, ENOENT, EPERM, EPFNOSUPPORT, KError
from vshell.abi.in6 import (
    IN6_IFF_DUPLICATED, IN6_IFF_TENTATIVE, ND6_IFF_AUTO_LINKLOCAL, ND6_IFF_IFDISABLED, ND6_IFF_NO_DAD, ND6_LLINFO_REACHABLE,
    SIOCGIFINFO_IN6, SIOCSIFINFO_FLAGS, SIOCSIFINFO_IN6, NdDelete, NdDump, NdIfInfo, NdNeighbour, NdSet,
)  # fmt: skip
from vshell.abi.sockio import IFF_UP
from vshell.kernel.kern.clock import NS
from vshell.kernel.net.ifioctl import ifrequest
from vshell.kernel.net.netlink import nlrequest
from vshell.kernel.netinet6.in6_ifattach import in6_ifattach
from vshell.kernel.netinet6.in6_var import In6Ifaddr, NdIfinfo, compute_rtime, ext6
from vshell.kernel.netinet6.nd6 import Llentry6, nd6_flush_holdchain, nd6_free, nd6_is_new_addr_neighbor, nd6_timer_arm
from vshell.wire.ip6 import is_linklocal, is_scoped

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet


def _nd(ifp: Ifnet) -> NdIfinfo:
    extra = ext6(ifp)
    if extra is None:
        raise KError(EPFNOSUPPORT)
    return extra.nd


@ifrequest(SIOCGIFINFO_IN6)
def nd6_getinfo(ifp: Ifnet, _req: SIOCGIFINFO_IN6, _td: Proc) -> NdIfInfo:
    """The settings as they are."""
    nd = _nd(ifp)
    return NdIfInfo(nd.linkmtu, nd.basereachable, nd.reachable, nd.retrans, nd.flags, nd.chlim)


@ifrequest(SIOCSIFINFO_FLAGS, priv=True)
def nd6_setinfo_flags(ifp: Ifnet, req: SIOCSIFINFO_FLAGS, _td: Proc) -> None:
    """Change the flags."""
    _nd(ifp)
    set_flags(ifp, req.flags)


@ifrequest(SIOCSIFINFO_IN6, priv=True)
def nd6_setinfo(ifp: Ifnet, req: SIOCSIFINFO_IN6, _td: Proc) -> None:
    """Change the timing values."""
    nd = _nd(ifp)
    if req.basereachable:
        if req.basereachable != nd.basereachable:
            nd.reachable = compute_rtime(ifp, req.basereachable)
        nd.basereachable = req.basereachable
    if req.retrans:
        nd.retrans = req.retrans
    if req.chlim:
        nd.chlim = req.chlim


def set_flags(ifp: Ifnet, flags: int) -> None:
    """Change the flags, with what follows from IPv6 being switched on or off (SIOCSIFINFO_FLAGS)."""
    from vshell.kernel.netinet6.in6 import in6_if_up

    nd = _nd(ifp)
    addrs = [ia for ia in ifp.addrs if isinstance(ia, In6Ifaddr)]
    if nd.flags & ND6_IFF_IFDISABLED and not flags & ND6_IFF_IFDISABLED:
        if any(ia.flags6 & IN6_IFF_DUPLICATED and is_linklocal(ia.addr) for ia in addrs):
            flags |= ND6_IFF_IFDISABLED
        else:
            nd.flags &= ~ND6_IFF_IFDISABLED
            if ifp.flags & IFF_UP:
                in6_if_up(ifp)
    elif flags & ND6_IFF_IFDISABLED and not nd.flags & ND6_IFF_IFDISABLED:
        nd.flags |= ND6_IFF_IFDISABLED
        ip6 = ext6(ifp)
        if ip6 is not None and ip6.ip6.dad_count > 0 and not nd.flags & ND6_IFF_NO_DAD:
            for ia in addrs:
                ia.flags6 |= IN6_IFF_TENTATIVE
    if flags & ND6_IFF_AUTO_LINKLOCAL:
        if not nd.flags & ND6_IFF_AUTO_LINKLOCAL:
            nd.flags |= ND6_IFF_AUTO_LINKLOCAL
            in6_ifattach(ifp)
        elif not flags & ND6_IFF_IFDISABLED and ifp.flags & IFF_UP and any(is_linklocal(ia.addr) for ia in addrs):
            in6_ifattach(ifp)
    nd.flags = flags
    nd6_timer_arm(ifp.vnet)


# the cache -----------------------------------------------------------------------------------------------------


@nlrequest(NdDump)
def nd6_dump(vnet: Vnet, req: NdDump, _td: Proc) -> list[Record]:
    """All neighbours, interface by interface."""
    found: list[Record] = []
    for ifp in vnet.ifnets:
        extra = ext6(ifp)
        if extra is None or (req.ifindex and ifp.index != req.ifindex):
            continue
        for ln in extra.lltable.values():
            expire = 0 if ln.static and not ln.expire else ln.expire + ln.remtime
            found.append(
                NdNeighbour(
                    ln.addr, ifp.index, ifp.xname, ln.lladdr, ln.state, ln.router, expire, flags=int(ln.pub), asked=ln.asked
                )
            )
    return found


def _interface_of(vnet: Vnet, addr: bytes, scope: int) -> Ifnet | None:
    for ifp in vnet.ifnets:
        if is_scoped(addr) and ifp.index == scope:
            return ifp
        if not is_scoped(addr) and ext6(ifp) is not None and nd6_is_new_addr_neighbor(ifp, addr):
            return ifp
    return None


@nlrequest(NdSet)
def nd6_set(vnet: Vnet, req: NdSet, td: Proc) -> None:
    """Add a static (or, with `expire`, temporary) entry."""
    if td.ucred.uid != 0:
        raise KError(EPERM)
    ifp = _interface_of(vnet, req.addr, req.scope_id)
    extra = ext6(ifp) if ifp is not None else None
    if ifp is None or extra is None:
        raise KError(ENOENT)
    if len(req.lladdr) != ifp.addrlen:
        size = len(req.lladdr)
        raise KError(EINVAL, f"NDA_LLADDR address length ({size}) is different from expected ({ifp.addrlen})")
    old = extra.lltable.get(req.addr)
    ln = Llentry6(ifp, req.addr)
    ln.lladdr, ln.pub, ln.static = req.lladdr, req.proxy, True
    ln.state = ND6_LLINFO_REACHABLE
    if old is not None:
        old.timer.stop()
        ln.hold = old.hold
    extra.lltable[req.addr] = ln
    if req.expire:
        ln.settimer(req.expire * NS)
    nd6_flush_holdchain(ln)


@nlrequest(NdDelete)
def nd6_delete(vnet: Vnet, req: NdDelete, td: Proc) -> None:
    """Remove an entry.  ENOENT."""
    if td.ucred.uid != 0:
        raise KError(EPERM)
    for ifp in vnet.ifnets:
        extra = ext6(ifp)
        if extra is None or (is_scoped(req.addr) and req.scope_id and ifp.index != req.scope_id):
            continue
        ln = extra.lltable.get(req.addr)
        if ln is not None:
            if not ln.ifa:
                nd6_free(ln)
            return
    raise KError(ENOENT)
