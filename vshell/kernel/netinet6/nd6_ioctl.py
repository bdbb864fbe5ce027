"""Requests on neighbour discovery: per-interface settings and the cache (nd6_ioctl of netinet6/nd6.c, netlink neigh)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EAFNOSUPPORT, EINVAL, ENOENT, EPERM, EPFNOSUPPORT, KError
from vshell.abi.in6 import (
    IN6_IFF_AUTOCONF,
    IN6_IFF_DUPLICATED,
    IN6_IFF_TENTATIVE,
    ND6_IFF_AUTO_LINKLOCAL,
    ND6_IFF_IFDISABLED,
    ND6_IFF_NO_DAD,
    ND6_INFINITE_LIFETIME,
    ND6_LLINFO_INCOMPLETE,
    ND6_LLINFO_REACHABLE,
    SIOCGDEFIFACE_IN6,
    SIOCGIFINFO_IN6,
    SIOCSDEFIFACE_IN6,
    SIOCSIFINFO_FLAGS,
    SIOCSIFINFO_IN6,
    SIOCSNDFLUSH_IN6,
    SIOCSPFXFLUSH_IN6,
    SIOCSRTRFLUSH_IN6,
    NdDelete,
    NdDump,
    NdIfInfo,
    NdNeighbour,
    NdPrefixDump,
    NdPrefixInfo,
    NdRouter,
    NdRouterDump,
    NdSet,
)  # fmt: skip
from vshell.abi.sockio import IFF_UP
from vshell.kernel.kern.clock import NS
from vshell.kernel.net.ifioctl import ifrequest
from vshell.kernel.net.ifnet import ifnet_byindex
from vshell.kernel.net.netlink import nlrequest
from vshell.kernel.netinet6.in6 import in6_purgeaddr
from vshell.kernel.netinet6.in6_ifattach import in6_ifattach
from vshell.kernel.netinet6.in6_var import (
    IPV6_MMTU,
    In6Ifaddr,
    In6Ifextra,
    Ip6,
    NdDefrouter,
    NdIfinfo,
    compute_rtime,
    ext6,
    in6_linkmtu,
)  # fmt: skip
from vshell.kernel.netinet6.mld6 import in6_joingroup, in6_leavegroup
from vshell.kernel.netinet6.nd6 import Llentry6, nd6_free, nd6_lookup, nd6_timer_arm
from vshell.kernel.netinet6.nd6_rtr import defrouter_flush_all, defrouter_reset, defrouter_select_fib, nd6_prefix_unlink
from vshell.wire.ip6 import is_linklocal, solicited_node

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
    if req.linkmtu:
        if not IPV6_MMTU <= req.linkmtu <= in6_linkmtu(ifp):
            raise KError(EINVAL)
        nd.linkmtu = req.linkmtu
    if req.basereachable:
        if req.basereachable != nd.basereachable:
            nd.reachable = compute_rtime(ifp, req.basereachable)
        nd.basereachable = req.basereachable
    if req.retrans:
        nd.retrans = req.retrans
    if req.chlim:
        nd.chlim = req.chlim


@ifrequest(SIOCSNDFLUSH_IN6, priv=True)
def nd6_ndflush(ifp: Ifnet, _req: SIOCSNDFLUSH_IN6, _td: Proc) -> None:
    """Choose the default router anew."""
    _nd(ifp)
    defrouter_reset(ifp.vnet)
    defrouter_select_fib(ifp.vnet)


@ifrequest(SIOCSPFXFLUSH_IN6, priv=True)
def nd6_pfxflush(ifp: Ifnet, _req: SIOCSPFXFLUSH_IN6, _td: Proc) -> None:
    """Forget advertised prefixes: those with a router."""
    _nd(ifp)
    ip6 = ifp.vnet[Ip6]
    gone = [p for p in ip6.prefixes if p.routers]
    for prefix in gone:
        for ia in ip6.ifaddrhead[:]:
            if ia.flags6 & IN6_IFF_AUTOCONF and ia.prefix is prefix:
                in6_purgeaddr(ia)
        nd6_prefix_unlink(prefix)


@ifrequest(SIOCSRTRFLUSH_IN6, priv=True)
def nd6_rtrflush(ifp: Ifnet, _req: SIOCSRTRFLUSH_IN6, _td: Proc) -> None:
    """Forget default routers."""
    _nd(ifp)
    defrouter_reset(ifp.vnet)
    defrouter_flush_all(ifp.vnet)
    defrouter_select_fib(ifp.vnet)


@ifrequest(SIOCGDEFIFACE_IN6)
def nd6_getdefiface(ifp: Ifnet, _req: SIOCGDEFIFACE_IN6, _td: Proc) -> int:
    """The default interface of the stack."""
    index: int = ifp.vnet[Ip6].defifindex
    return index


@ifrequest(SIOCSDEFIFACE_IN6, priv=True)
def nd6_setdefaultiface(ifp: Ifnet, req: SIOCSDEFIFACE_IN6, _td: Proc) -> None:
    """Set the default interface of the stack."""
    if req.ifindex and ifnet_byindex(ifp.vnet, req.ifindex) is None:
        raise KError(EINVAL)
    ifp.vnet[Ip6].defifindex = req.ifindex


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
        for ln in extra.lles():
            expire = ln.expire + ln.remtime if ln.expire else 0
            found.append(
                NdNeighbour(ln.addr, ifp.index, ifp.xname, ln.lladdr, ln.state, ln.router, expire, int(ln.pub), ln.asked)
            )
    return found


def _lltable(vnet: Vnet, td: Proc, ifindex: int) -> tuple[Ifnet, In6Ifextra]:
    if td.ucred.uid != 0:
        raise KError(EPERM)
    ifp = ifnet_byindex(vnet, ifindex)
    extra = ext6(ifp) if ifp is not None else None
    if ifp is None or extra is None:
        raise KError(EAFNOSUPPORT)
    return ifp, extra


@nlrequest(NdSet)
def nd6_set(vnet: Vnet, req: NdSet, td: Proc) -> None:
    """Add a static entry.  One that is there already stays behind it: the kernel does not look for it (neigh.c)."""
    ifp, extra = _lltable(vnet, td, req.ifindex)
    size = len(req.lladdr)
    if size != ifp.addrlen:
        raise KError(EINVAL, f"NDA_LLADDR address length ({size}) is different from expected ({ifp.addrlen})")
    ln = Llentry6(ifp, req.addr)
    ln.lladdr, ln.pub, ln.static = req.lladdr, req.proxy, True
    ln.state = ND6_LLINFO_REACHABLE
    extra.lle_link(ln)
    if req.proxy:
        in6_joingroup(ifp, solicited_node(req.addr))


@nlrequest(NdDelete)
def nd6_delete(vnet: Vnet, req: NdDelete, td: Proc) -> None:
    """Remove an entry.  ENOENT; EPERM for an address of our own."""
    ifp, extra = _lltable(vnet, td, req.ifindex)
    ln = extra.lltable.get(req.addr)
    if ln is None:
        raise KError(ENOENT)
    if ln.ifa:
        raise KError(EPERM)
    if ln.pub:
        in6_leavegroup(ifp, solicited_node(req.addr))
    nd6_free(ln)


@nlrequest(NdPrefixDump)
def nd6_prlist(vnet: Vnet, _req: NdPrefixDump, _td: Proc) -> list[Record]:
    """All prefixes, newest first."""
    found: list[Record] = []
    clock = vnet.kernel.clock
    for p in vnet[Ip6].prefixes:
        finite = p.vltime != ND6_INFINITE_LIFETIME
        expire = (clock.boottime + p.lastupdate) // NS + p.vltime if finite else 0
        found.append(
            NdPrefixInfo(
                p.prefix, p.plen, p.ifp.index, p.ifp.xname, p.raf_onlink, p.raf_auto, p.onlink, p.detached, p.vltime, p.pltime,
                expire, p.addrcnt, tuple((dr.rtaddr, _nbr_state(dr)) for dr in p.routers),
            )
        )  # fmt: skip
    return found


def _nbr_state(dr: NdDefrouter) -> str:
    """What SIOCGNBRINFO_IN6 knows of a router."""
    ln = nd6_lookup(dr.ifp, dr.rtaddr)
    if ln is None:
        return "no neighbor state"
    return "reachable" if ln.state > ND6_LLINFO_INCOMPLETE else "unreachable"


@nlrequest(NdRouterDump)
def nd6_drlist(vnet: Vnet, _req: NdRouterDump, _td: Proc) -> list[Record]:
    """All default routers, best first."""
    boot = vnet.kernel.clock.boottime // NS
    return [
        NdRouter(dr.rtaddr, dr.ifp.index, dr.raflags, dr.rtlifetime, dr.expire + boot if dr.expire else 0)
        for dr in vnet[Ip6].defrouters
    ]
