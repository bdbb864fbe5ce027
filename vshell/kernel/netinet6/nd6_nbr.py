"""Neighbour solicitation and advertisement, duplicate address detection (RFC 4861, RFC 4862, netinet6/nd6_nbr.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.in6 import (
    IN6_IFF_ANYCAST,
    IN6_IFF_DUPLICATED,
    IN6_IFF_NOTREADY,
    IN6_IFF_TENTATIVE,
    ND6_IFF_ACCEPT_RTADV,
    ND6_IFF_IFDISABLED,
    ND6_IFF_NO_DAD,
    ND6_IFF_STABLEADDR,
    ND6_LLINFO_INCOMPLETE,
    ND6_LLINFO_REACHABLE,
    ND6_LLINFO_STALE,
)  # fmt: skip
from vshell.abi.socket import IPPROTO_ICMPV6
from vshell.abi.sockio import IFF_DRV_RUNNING, IFF_UP, IFT_ETHER
from vshell.kernel.kern.clock import MS
from vshell.kernel.net.mbuf import M_MCAST, m_get
from vshell.kernel.netinet6.in6_ifattach import LL_PREFIX, in6_get_hw_ifid
from vshell.kernel.netinet6.in6_var import In6Ifaddr, Ip6, ext6, in6ifa_ifpforlinklocal, in6ifa_ifpwithaddr
from vshell.kernel.netinet6.nd6 import Llentry6, nd6_cache_lladdr, nd6_flush_holdchain, nd6_is_addr_neighbor, nd6_lookup
from vshell.kernel.netinet6.nd6_rtr import defrouter_remove, pfxlist_onlink_check, rt6_flush
from vshell.wire.ip6 import (
    LINKLOCAL_ALLNODES,
    ND_NA_FLAG_OVERRIDE,
    ND_NA_FLAG_ROUTER,
    ND_NA_FLAG_SOLICITED,
    ND_NEIGHBOR_ADVERT,
    ND_NEIGHBOR_SOLICIT,
    ND_OPT_NONCE,
    ND_OPT_SOURCE_LINKADDR,
    ND_OPT_TARGET_LINKADDR,
    UNSPECIFIED,
    in6_cksum,
    ip6_header,
    is_linklocal,
    is_multicast,
    nd_options,
    solicited_node,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf

DAD_MAXTRY = 15


def _lladdr_option(kind: int, lladdr: bytes) -> bytes:
    body = bytes((kind, 0)) + lladdr
    body += bytes(-len(body) % 8)
    return body[:1] + bytes((len(body) // 8,)) + body[2:]


def nd6_send(ifp: Ifnet, src: bytes, dst: bytes, body: bytes, carp: Any = None) -> None:
    """Send a neighbour discovery message (checksum still zero) with hop limit 255.

    `carp` is the virtual host that speaks: its link-level address is the source of the frame.
    """
    from vshell.kernel.netinet6.ip6_output import Moptions, ip6_output

    cksum = in6_cksum(src, dst, IPPROTO_ICMPV6, body)
    body = body[:2] + cksum.to_bytes(2, "big") + body[4:]
    m = m_get(ip6_header(src, dst, IPPROTO_ICMPV6, len(body), 255) + body)
    if is_multicast(dst):
        m.flags |= M_MCAST
    if carp is not None:
        m.tags = {"carp": carp}
    ip6_output(ifp.vnet, m, moptions=Moptions(ifp, 255, False), ifp=ifp)
    ifp.vnet[Ip6].icmp6stat.outhist[body[0]] += 1


def nd6_ns_output(ifp: Ifnet, src: bytes | None, dst: bytes | None, target: bytes, nonce: bytes | None = None) -> None:
    """Solicit a neighbour; with a nonce it is a probe of duplicate detection, from the unspecified address."""
    from vshell.kernel.netinet6.in6_src import in6_selectsrc_nbr

    if is_multicast(target):
        return
    if dst is None:
        dst = solicited_node(target)
    if nonce is not None:
        body = bytes((ND_NEIGHBOR_SOLICIT, 0, 0, 0)) + bytes(4) + target
        if ifp.vnet[Ip6].dad_enhanced:
            body += bytes((ND_OPT_NONCE, 1)) + nonce
        nd6_send(ifp, UNSPECIFIED, dst, body)
        return
    if src is None or in6ifa_ifpwithaddr(ifp, src) is None:
        src = in6_selectsrc_nbr(ifp, dst)
        if src is None:
            return
    carp, lladdr = None, ifp.lladdr
    if ifp.carp is not None:
        ia = in6ifa_ifpwithaddr(ifp, src)
        carp = ia.carp if ia is not None else None
        if carp is not None:
            if not carp.master():
                return
            lladdr = carp.lladdr
    body = bytes((ND_NEIGHBOR_SOLICIT, 0, 0, 0)) + bytes(4) + target
    if lladdr:
        body += _lladdr_option(ND_OPT_SOURCE_LINKADDR, lladdr)
    nd6_send(ifp, src, dst, body, carp)


def nd6_na_output(ifp: Ifnet, dst: bytes, target: bytes, flags: int, lladdr: bytes | None, carp: Any = None) -> None:
    """Advertise `target`; `lladdr` None leaves the option out, `carp` is the virtual host that has the address."""
    from vshell.kernel.netinet6.in6_src import in6_selectsrc_nbr

    if dst == UNSPECIFIED:
        dst = LINKLOCAL_ALLNODES
        flags &= ~ND_NA_FLAG_SOLICITED
    src = in6_selectsrc_nbr(ifp, dst)
    if src is None:
        return
    if not lladdr:
        flags &= ~ND_NA_FLAG_OVERRIDE
    body = bytes((ND_NEIGHBOR_ADVERT, 0, 0, 0, flags, 0, 0, 0)) + target
    if lladdr:
        body += _lladdr_option(ND_OPT_TARGET_LINKADDR, lladdr)
    nd6_send(ifp, src, dst, body, carp)


def _is_solicited_group(dst: bytes) -> bool:
    return dst.startswith(solicited_node(bytes(16))[:13])


def nd6_ns_input(ifp: Ifnet, m: Mbuf, src: bytes, dst: bytes, body: bytes) -> None:
    """A neighbour solicitation arrived; `body` is the ICMPv6 message."""
    ip6 = ifp.vnet[Ip6]
    extra = ext6(ifp)
    options = nd_options(body[24:]) if len(body) >= 24 else None
    target = body[8:24]
    if m.data[m.off + 7] != 255 or extra is None or options is None or not _ns_valid(ip6, ifp, src, dst, target, options):
        ip6.icmp6stat.badns += 1
        return
    lladdr = options[ND_OPT_SOURCE_LINKADDR][2 : 2 + len(ifp.lladdr)] if ND_OPT_SOURCE_LINKADDR in options else b""
    ia = in6ifa_ifpwithaddr(ifp, target)
    carp = ia.carp if ia is not None else None
    if carp is not None and not carp.master():
        ia = carp = None  # another one answers for it (carp_iamatch6)
    proxy = _proxy(ifp, target) if ia is None else None
    if ia is None and proxy is None:
        return
    if ia is not None:
        if ia.flags6 & IN6_IFF_DUPLICATED or ia.addr == src:
            return
        if ia.flags6 & IN6_IFF_TENTATIVE:
            if src == UNSPECIFIED:
                _dad_ns_input(ia, options.get(ND_OPT_NONCE))
            return
    flags = ND_NA_FLAG_ROUTER if ip6.forwarding else 0
    if extra.nd.flags & ND6_IFF_ACCEPT_RTADV and ip6.norbit_raif:
        flags = 0
    with_option = is_multicast(dst)
    if ia is not None and not ia.flags6 & IN6_IFF_ANYCAST and with_option:
        flags |= ND_NA_FLAG_OVERRIDE
    if src != UNSPECIFIED:
        nd6_cache_lladdr(ifp, src, lladdr, ND_NEIGHBOR_SOLICIT)
        flags |= ND_NA_FLAG_SOLICITED
    mine = proxy.lladdr if proxy is not None else ifp.lladdr if carp is None else carp.lladdr
    nd6_na_output(ifp, src, target, flags, mine if with_option else None, carp)


def _ns_valid(ip6: Ip6, ifp: Ifnet, src: bytes, dst: bytes, target: bytes, options: dict[int, bytes]) -> bool:
    if src == UNSPECIFIED:
        if not _is_solicited_group(dst) or ND_OPT_SOURCE_LINKADDR in options:
            return False
    elif not ip6.nd6_onlink_ns_rfc4861 and not nd6_is_addr_neighbor(ifp, src):
        return False
    return not is_multicast(target)


def _proxy(ifp: Ifnet, target: bytes) -> Llentry6 | None:
    """The published entry for which we answer."""
    ln = nd6_lookup(ifp, target)
    if ln is None or not ln.pub or not ln.lladdr:
        return None
    return ln if in6ifa_ifpforlinklocal(ifp, IN6_IFF_NOTREADY | IN6_IFF_ANYCAST) is not None else None


def nd6_na_input(ifp: Ifnet, m: Mbuf, src: bytes, dst: bytes, body: bytes) -> None:
    """A neighbour advertisement arrived."""
    ip6 = ifp.vnet[Ip6]
    options = nd_options(body[24:]) if len(body) >= 24 else None
    target = body[8:24]
    solicited = len(body) > 4 and bool(body[4] & ND_NA_FLAG_SOLICITED)
    bad = m.data[m.off + 7] != 255 or options is None or is_multicast(target) or (is_multicast(dst) and solicited)
    if bad or options is None:
        ip6.icmp6stat.badna += 1
        return
    ia = in6ifa_ifpwithaddr(ifp, target)
    if ia is not None:
        if ia.flags6 & IN6_IFF_TENTATIVE and (ia.carp is None or ia.carp.master()):
            _dad_na_input(ia)
        return
    ln = nd6_lookup(ifp, target)
    if ln is None or ln.static:
        return
    lladdr = options[ND_OPT_TARGET_LINKADDR][2 : 2 + len(ifp.lladdr)] if ND_OPT_TARGET_LINKADDR in options else b""
    incomplete = ln.state == ND6_LLINFO_INCOMPLETE
    router = bool(body[4] & ND_NA_FLAG_ROUTER)
    if _na_update(ln, lladdr, solicited, bool(body[4] & ND_NA_FLAG_OVERRIDE)):
        if ln.router and not router and not incomplete:
            _no_router(ln, src)
        ln.router = router
        ln.asked = 0
        nd6_flush_holdchain(ln)
        if incomplete and router:
            pfxlist_onlink_check(ifp.vnet)


def _no_router(ln: Llentry6, src: bytes) -> None:
    """A router is one no longer."""
    extra = ext6(ln.ifp)
    if not defrouter_remove(ln.ifp, ln.addr) and extra is not None and extra.nd.flags & ND6_IFF_ACCEPT_RTADV:
        rt6_flush(ln.ifp, src)


def _na_update(ln: Llentry6, lladdr: bytes, solicited: bool, override: bool) -> bool:
    """RFC 4861, 7.2.5; False if the advertisement changes nothing."""
    if ln.state == ND6_LLINFO_INCOMPLETE:
        if not lladdr:
            return False
        ln.lladdr = lladdr
        ln.setstate(ND6_LLINFO_REACHABLE if solicited else ND6_LLINFO_STALE)
        return True
    change = bool(lladdr) and lladdr != ln.lladdr
    if not override and change:
        if ln.state == ND6_LLINFO_REACHABLE:
            ln.setstate(ND6_LLINFO_STALE)
        return False
    if lladdr:
        ln.lladdr = lladdr
    if solicited:
        ln.setstate(ND6_LLINFO_REACHABLE)
    elif change:
        ln.setstate(ND6_LLINFO_STALE)
    return True


# duplicate address detection -----------------------------------------------------------------------------------


class Dad:
    """Detection under way for one address (struct dadq)."""

    __slots__ = ("count", "loopback", "na_in", "nonces", "ns_in", "ns_out", "ns_tried", "timer")

    def __init__(self, ia: In6Ifaddr, count: int) -> None:
        self.count = count
        self.ns_in = self.na_in = self.ns_out = self.ns_tried = self.loopback = 0
        self.nonces: list[bytes] = []
        self.timer = ia.ifp.kernel.clock.callout()


def nd6_dad_start(ia: In6Ifaddr, delay: int) -> None:
    """Begin duplicate detection for a tentative address in `delay` ns."""
    extra = ext6(ia.ifp)
    if extra is None:
        return
    if ia.flags6 & IN6_IFF_ANYCAST or not extra.ip6.dad_count or extra.nd.flags & ND6_IFF_NO_DAD:
        ia.flags6 &= ~IN6_IFF_TENTATIVE
        return
    ready = ia.ifp.flags & IFF_UP and ia.ifp.flags & IFF_DRV_RUNNING and not extra.nd.flags & ND6_IFF_IFDISABLED
    if not ready or ia.dad is not None:
        return
    ia.dad = Dad(ia, extra.ip6.dad_count)
    ia.dad.timer.reset(delay, _dad_timer, ia)


def nd6_dad_stop(ia: In6Ifaddr) -> None:
    """Give up duplicate detection of an address that goes."""
    if ia.dad is not None:
        ia.dad.timer.stop()
        ia.dad = None


def _dad_timer(ia: In6Ifaddr) -> None:
    extra = ext6(ia.ifp)
    dad = ia.dad
    if dad is None:
        return
    up = ia.ifp.flags & IFF_UP and ia.ifp.flags & IFF_DRV_RUNNING
    stop = extra is None or bool(extra.nd.flags & ND6_IFF_IFDISABLED) or not ia.flags6 & IN6_IFF_TENTATIVE
    if stop or extra is None or (dad.ns_tried > DAD_MAXTRY and not up):
        ia.dad = None
        return
    if dad.ns_out < dad.count:
        dad.timer.reset(extra.nd.retrans * MS, _dad_timer, ia)
        _dad_ns_output(ia, dad)
        return
    if dad.ns_in or dad.na_in:
        _dad_duplicated(ia)
    elif extra.ip6.dad_enhanced and dad.loopback:
        dad.loopback = 0
        dad.count = dad.ns_out + extra.ip6.nd6_mmaxtries - 1
        dad.timer.reset(extra.nd.retrans * MS, _dad_timer, ia)
        _dad_ns_output(ia, dad)
        return
    else:
        ia.flags6 &= ~IN6_IFF_TENTATIVE
        if extra.nd.flags & ND6_IFF_STABLEADDR:
            extra.nd.dad_failures = 0
    ia.dad = None


def _dad_ns_output(ia: In6Ifaddr, dad: Dad) -> None:
    dad.ns_tried += 1
    if not (ia.ifp.flags & IFF_UP and ia.ifp.flags & IFF_DRV_RUNNING):
        return
    dad.ns_out += 1
    nonce = ia.ifp.kernel.random.bytes(6)
    dad.nonces.append(nonce)
    nd6_ns_output(ia.ifp, None, None, ia.addr, nonce)


def _dad_ns_input(ia: In6Ifaddr, nonce: bytes | None) -> None:
    """Somebody else probes for our tentative address, or our own probe came back."""
    dad = ia.dad
    if dad is None:
        return
    if nonce is not None and nonce[2:] in dad.nonces:
        dad.loopback += 1
    else:
        dad.ns_in += 1


def _dad_na_input(ia: In6Ifaddr) -> None:
    if ia.dad is not None:
        ia.dad.na_in += 1


def _dad_duplicated(ia: In6Ifaddr) -> None:
    ia.flags6 = ia.flags6 & ~IN6_IFF_TENTATIVE | IN6_IFF_DUPLICATED
    extra = ext6(ia.ifp)
    assert extra is not None
    if extra.nd.flags & ND6_IFF_STABLEADDR:
        extra.nd.dad_failures += 1
    ifid = in6_get_hw_ifid(ia.ifp)
    if is_linklocal(ia.addr) and ia.ifp.type == IFT_ETHER and ifid is not None and ia.addr == LL_PREFIX + ifid:
        extra.nd.flags |= ND6_IFF_IFDISABLED
