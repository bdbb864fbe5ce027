"""The neighbour cache: entries, their states and timers (RFC 4861, netinet6/nd6.c)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from vshell.abi.errno import ENOBUFS
from vshell.abi.in6 import (
    IN6_IFF_DEPRECATED,
    IN6_IFF_DUPLICATED,
    IN6_IFF_TEMPORARY,
    IN6_IFF_TENTATIVE,
    ND6_IFF_ACCEPT_RTADV,
    ND6_IFF_IFDISABLED,
    ND6_IFF_NO_DAD,
    ND6_IFF_PERFORMNUD,
    ND6_INFINITE_LIFETIME,
    ND6_LLINFO_DELAY,
    ND6_LLINFO_INCOMPLETE,
    ND6_LLINFO_NOSTATE,
    ND6_LLINFO_PROBE,
    ND6_LLINFO_REACHABLE,
    ND6_LLINFO_STALE,
)  # fmt: skip
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.abi.sockio import (
    IFF_DRV_RUNNING,
    IFF_POINTOPOINT,
    IFF_UP,
    IFT_BRIDGE,
    IFT_ETHER,
    IFT_IEEE8023ADLAG,
    IFT_L2VLAN,
)
from vshell.kernel.kern.clock import MS, NS
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_ethersubr import resolvers
from vshell.kernel.net.rtmsg import lle_event
from vshell.kernel.netinet6.in6_var import In6Ifaddr, Ip6, NdPrefix, ext6
from vshell.wire.ip6 import ND_REDIRECT, ND_ROUTER_ADVERT, ND_ROUTER_SOLICIT, is_linklocal, is_multicast, masked

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

_CACHED = (IFT_ETHER, IFT_L2VLAN, IFT_IEEE8023ADLAG, IFT_BRIDGE)


class Llentry6:
    """One neighbour (struct llentry)."""

    __slots__ = (
        "addr",
        "asked",
        "expire",
        "hit",
        "hold",
        "ifa",
        "ifp",
        "lladdr",
        "pub",
        "remtime",
        "router",
        "state",
        "static",
        "timer",
    )

    def __init__(self, ifp: Ifnet, addr: bytes) -> None:
        self.ifp = ifp
        self.addr = addr
        self.lladdr = b""
        self.state = ND6_LLINFO_NOSTATE
        self.static = False
        self.ifa = False
        """LLE_IFADDR: an address of our own."""
        self.pub = False
        """LLE_PUB: we answer for it."""
        self.router = False
        self.asked = 0
        self.expire = 0
        """Uptime (ns) the state ends, 0 for never."""
        self.hit = 0
        """When a packet first used the entry since it went stale (ns), 0 if none did."""
        self.remtime = 0
        self.hold: deque[Mbuf] = deque()
        self.timer = ifp.kernel.clock.callout()

    def settimer(self, delay: int) -> None:
        """nd6_llinfo_settimer: go off in `delay` ns; negative means never."""
        if delay < 0:
            self.expire = 0
            self.timer.stop()
        else:
            self.expire = self.ifp.kernel.clock.now + delay
            self.timer.reset(delay, nd6_llinfo_timer, self)

    def permanent(self) -> bool:
        """ND6_LLINFO_PERMANENT."""
        return self.static

    def setstate(self, state: int) -> None:
        """nd6_llinfo_setstate: enter a state and arm its timer."""
        extra = ext6(self.ifp)
        assert extra is not None
        ip6 = extra.ip6
        delay = 0
        self.remtime = 0
        if state == ND6_LLINFO_INCOMPLETE:
            delay = extra.nd.retrans * MS
        elif state == ND6_LLINFO_REACHABLE:
            if not self.static:
                delay = extra.nd.reachable * NS
        elif state == ND6_LLINFO_STALE:
            self.hit = 0
            delay = min(ip6.nd6_gctimer, ip6.nd6_delay) * NS
            self.remtime = ip6.nd6_gctimer * NS - delay
        elif state == ND6_LLINFO_DELAY:
            self.asked = 0
            delay = ip6.nd6_delay * NS
        if delay > 0:
            self.settimer(delay)
        self.state = state


def nd6_need_cache(ifp: Ifnet) -> bool:
    """True if the link resolves neighbours."""
    return ifp.type in _CACHED


def nd6_lookup(ifp: Ifnet, addr: bytes) -> Llentry6 | None:
    """The entry of a neighbour."""
    extra = ext6(ifp)
    return None if extra is None else extra.lltable.get(addr)


def nd6_free(ln: Llentry6, gc: bool = False) -> None:
    """Remove an entry; held packets are dropped.  With `gc` that of a living default router stays (nd6_free)."""
    from vshell.kernel.netinet6.nd6_rtr import defrouter_lookup, defrouter_select_fib, pfxlist_onlink_check, rt6_flush

    ln.timer.stop()
    ifp = ln.ifp
    extra = ext6(ifp)
    if extra is not None and extra.nd.flags & ND6_IFF_ACCEPT_RTADV:
        dr = defrouter_lookup(ifp, ln.addr)
        if dr is not None and dr.expire and ln.state == ND6_LLINFO_STALE and gc:
            left = dr.expire - ifp.kernel.clock.now // NS
            ln.settimer((left if left > 0 else extra.ip6.nd6_gctimer) * NS)
            return
        if dr is not None:
            ln.state = ND6_LLINFO_INCOMPLETE
        if ln.router or dr is not None:
            rt6_flush(ifp, ln.addr)
        if dr is not None:
            pfxlist_onlink_check(ifp.vnet)
            defrouter_select_fib(ifp.vnet, ifp.fib)
    if extra is not None:
        extra.ip6.icmp6stat.dropped += len(ln.hold)
        for held in ln.hold:
            drop(ifp, held, "nd6_free", "the neighbour that was waited for is forgotten")
        extra.lle_unlink(ln)
    ln.hold.clear()


def nd6_purge(ifp: Ifnet) -> None:
    """Forget everything learned on an interface."""
    from vshell.kernel.netinet6.nd6_rtr import defrouter_purge, defrouter_select_fib, nd6_prefix_unlink

    extra = ext6(ifp)
    if extra is None:
        return
    defrouter_purge(ifp)
    for prefix in extra.ip6.prefixes[:]:
        if prefix.ifp is ifp:
            nd6_prefix_unlink(prefix)
    if extra.ip6.defifindex == ifp.index:
        extra.ip6.defifindex = 0
    if extra.nd.flags & ND6_IFF_ACCEPT_RTADV:
        defrouter_select_fib(ifp.vnet, ifp.fib)
    for ln in extra.lles():
        nd6_free(ln)


def nd6_add_ifa_lle(ia: In6Ifaddr) -> None:
    """Our own address is in the cache too, for good."""
    if not nd6_need_cache(ia.ifp):
        return
    extra = ext6(ia.ifp)
    assert extra is not None
    old = extra.lltable.get(ia.addr)
    if old is not None:
        old.timer.stop()
        extra.lle_unlink(old)
    ln = Llentry6(ia.ifp, ia.addr)
    ln.static = ln.ifa = True
    ln.lladdr = ia.ifp.lladdr
    ln.state = ND6_LLINFO_REACHABLE
    extra.lle_link(ln)
    lle_event(True, ia.ifp, ia.addr, ln.lladdr)


def nd6_rem_ifa_lle(ia: In6Ifaddr, prefix: NdPrefix | None) -> None:
    """Remove our own entry, and all of the prefix when its last address went."""
    ln = nd6_lookup(ia.ifp, ia.addr)
    if ln is not None and ln.ifa:
        nd6_free(ln)
    if prefix is not None:
        lltable_prefix_free(ia.ifp, prefix.prefix, prefix.plen)


def lltable_prefix_free(ifp: Ifnet, network: bytes, plen: int) -> None:
    """Forget what was learned about neighbours in a prefix."""
    extra = ext6(ifp)
    if extra is None:
        return
    for ln in extra.lles():
        if not ln.ifa and masked(ln.addr, plen) == network:
            nd6_free(ln)


def nd6_is_new_addr_neighbor(ifp: Ifnet, addr: bytes) -> bool:
    """True if the address is on the link by what we know of prefixes and routes."""
    from vshell.kernel.netinet6 import in6_route

    if is_linklocal(addr):
        return True
    if in6_route.is_onlink(ifp, addr):
        return True
    ip6 = ifp.vnet[Ip6]
    for prefix in ip6.prefixes:
        if prefix.ifp is ifp and prefix.onlink and masked(addr, prefix.plen) == prefix.prefix:
            return True
    if ifp.flags & IFF_POINTOPOINT:
        return any(isinstance(ia, In6Ifaddr) and ia.dstaddr == addr for ia in ifp.addrs)
    return False


def nd6_is_addr_neighbor(ifp: Ifnet, addr: bytes) -> bool:
    """True if the address is on the link, or in the cache already."""
    return nd6_is_new_addr_neighbor(ifp, addr) or nd6_lookup(ifp, addr) is not None


def nd6_llinfo_timer(ln: Llentry6) -> None:
    """The state of an entry ends."""
    from vshell.kernel.netinet6.nd6_nbr import nd6_ns_output

    extra = ext6(ln.ifp)
    if ln.static or extra is None:
        if ln.static and ln.expire:
            nd6_free(ln)
        return
    ip6 = extra.ip6
    if ln.state == ND6_LLINFO_INCOMPLETE:
        if ln.asked < ip6.nd6_mmaxtries:
            ln.asked += 1
            _again(ln, None)
        else:
            _unreachable(ln)
    elif ln.state == ND6_LLINFO_REACHABLE:
        ln.setstate(ND6_LLINFO_STALE)
    elif ln.state in (ND6_LLINFO_STALE, ND6_LLINFO_DELAY):
        if ln.state == ND6_LLINFO_STALE and not _used(ln, ip6):
            return
        if extra.nd.flags & ND6_IFF_PERFORMNUD:
            ln.asked = 1
            ln.setstate(ND6_LLINFO_PROBE)
            _again(ln, ln.addr)
        else:
            ln.setstate(ND6_LLINFO_STALE)
    elif ln.state == ND6_LLINFO_PROBE:
        if ln.asked < ip6.nd6_umaxtries:
            ln.asked += 1
            _again(ln, ln.addr)
        else:
            nd6_free(ln)
    else:
        nd6_ns_output(ln.ifp, None, None, ln.addr)


def _again(ln: Llentry6, dst: bytes | None) -> None:
    """Solicit once more, to the group or to the neighbour itself."""
    from vshell.kernel.netinet6.nd6_nbr import nd6_ns_output

    extra = ext6(ln.ifp)
    assert extra is not None
    ln.settimer(extra.nd.retrans * MS)
    nd6_ns_output(ln.ifp, _holdsrc(ln), dst, ln.addr)


def _holdsrc(ln: Llentry6) -> bytes | None:
    """Source address of the packet that waits (nd6_llinfo_get_holdsrc)."""
    if not ln.hold:
        return None
    m = ln.hold[0]
    return bytes(m.data[m.off + 8 : m.off + 24]) if _family(m) == AF_INET6 else None


def _family(m: Mbuf) -> int:
    """An IPv6 neighbour may be the next hop of IPv4 packets too (RFC 8950)."""
    return AF_INET if m.data[m.off] >> 4 == 4 else AF_INET6


def _used(ln: Llentry6, ip6: Ip6) -> bool:
    """nd6_is_stale: True if a stale entry was used long enough ago to be probed; else it goes on waiting, or goes."""
    now = ln.ifp.kernel.clock.now
    if not ln.hit:
        delay = min(min(ip6.nd6_gctimer, ip6.nd6_delay) * NS, ln.remtime)
        ln.remtime -= delay
        if delay:
            ln.settimer(delay)
        else:
            nd6_free(ln, gc=True)
        return False
    since = now - ln.hit
    if since < ip6.nd6_delay * NS:
        ln.settimer(ip6.nd6_delay * NS - since)
        return False
    return True


def _unreachable(ln: Llentry6) -> None:
    """Nobody answered: the first packet that waited is told back to its sender."""
    from vshell.kernel.netinet6.icmp6 import icmp6_error
    from vshell.wire.ip6 import ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR

    held = ln.hold.popleft() if ln.hold else None
    if held is not None:
        drop(ln.ifp, held, "nd6_llinfo_timer", "the neighbour did not answer solicitations")
    nd6_free(ln)
    if held is not None and _family(held) == AF_INET6:
        icmp6_error(ln.ifp.vnet, held, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, 0, ln.ifp)


def nd6_resolve(ifp: Ifnet, _is_gw: bool, m: Mbuf, dst: bytes) -> bytes | int:
    """The link-level address of a next hop; 0 when the packet waits for it, an errno when it was dropped."""
    if is_multicast(dst):
        return b"\x33\x33" + dst[12:]
    extra = ext6(ifp)
    if extra is None:
        return ENOBUFS
    ln = extra.lltable.get(dst)
    if ln is not None and ln.state == ND6_LLINFO_REACHABLE:
        return ln.lladdr
    return _resolve_slow(ifp, m, dst, ln)


def _resolve_slow(ifp: Ifnet, m: Mbuf, dst: bytes, ln: Llentry6 | None) -> bytes | int:
    from vshell.kernel.netinet6.nd6_nbr import nd6_ns_output

    extra = ext6(ifp)
    assert extra is not None
    if ln is None:
        if not nd6_is_addr_neighbor(ifp, dst):
            drop(ifp, m, "nd6_resolve", "the next hop is no neighbour on this link")
            return ENOBUFS
        ln = Llentry6(ifp, dst)
        extra.lle_link(ln)
    if ln.state == ND6_LLINFO_STALE and not ln.hit:
        ln.hit = ifp.kernel.clock.now
        ln.setstate(ND6_LLINFO_DELAY)
    if ln.state > ND6_LLINFO_INCOMPLETE:
        return ln.lladdr
    if len(ln.hold) >= extra.ip6.nd6_maxqueuelen:
        drop(ifp, ln.hold.popleft(), "nd6_resolve", "too many packets wait for the neighbour")
        extra.ip6.icmp6stat.dropped += 1
    ln.hold.append(m)
    if ln.asked == 0:
        ln.asked = 1
        ln.setstate(ND6_LLINFO_INCOMPLETE)
        nd6_ns_output(ifp, _holdsrc(ln), None, dst)
    return 0


def nd6_flush_holdchain(ln: Llentry6) -> None:
    """Send what waited for the address."""
    held, ln.hold = ln.hold, deque()
    for m in held:
        ln.ifp.output(m, _family(m), ln.addr)


def nd6_cache_lladdr(ifp: Ifnet, src: bytes, lladdr: bytes, kind: int, to_router: bool = False) -> None:
    """Learn a neighbour's link-level address (b"" if it told none) from a message of type `kind`.

    `to_router` is for redirects: they lead to a router.
    """
    from vshell.kernel.netinet6.nd6_rtr import defrouter_select_fib

    extra = ext6(ifp)
    if extra is None or not any(src):
        return
    ln = extra.lltable.get(src)
    new = ln is None
    if ln is None:
        ln = Llentry6(ifp, src)
        extra.lle_link(ln)
    if ln.static:
        return
    known = bool(ln.lladdr)
    changed = bool(lladdr) and ln.lladdr != lladdr
    if changed:
        ln.lladdr = lladdr
        ln.setstate(ND6_LLINFO_STALE)
    ln.router = _is_router(kind, to_router, new, known or bool(lladdr), ln.router)
    if changed:
        nd6_flush_holdchain(ln)
    if (changed or new) and ln.router and extra.nd.flags & ND6_IFF_ACCEPT_RTADV:
        defrouter_select_fib(ifp.vnet, ifp.fib)


def _is_router(kind: int, to_router: bool, new: bool, known: bool, was: bool) -> bool:
    """What a message says of its sender being a router (RFC 4861, appendix D)."""
    if kind == ND_ROUTER_SOLICIT:
        return False
    if kind == ND_ROUTER_ADVERT:
        return was or known
    if kind == ND_REDIRECT and to_router:
        return True
    return was and not new


# the per-stack timer -------------------------------------------------------------------------------------------


def nd6_timer_arm(vnet: Vnet, going_down: bool = False) -> None:
    """Make sure the timer runs while there is something for it to watch, as when an interface is about to go down.

    DIFFERS: FreeBSD's nd6_timer goes off every second in every stack for ever; ours rests while no address
    can change by itself, which shows nowhere but in the time a replay takes.
    """
    ip6 = vnet.get(Ip6)
    if ip6 is not None and not vnet.shutdown and not ip6.nd6_timer.pending and (going_down or _watching(ip6)):
        ip6.nd6_timer.reset(ip6.nd6_prune * NS, nd6_timer, vnet)


def _up(ifp: Ifnet) -> bool:
    extra = ext6(ifp)
    running = ifp.flags & IFF_UP and ifp.flags & IFF_DRV_RUNNING
    return bool(running and extra is not None and not extra.nd.flags & ND6_IFF_IFDISABLED)


def _no_dad(ifp: Ifnet) -> bool:
    extra = ext6(ifp)
    return extra is None or bool(extra.nd.flags & ND6_IFF_NO_DAD)


def _watching(ip6: Ip6) -> bool:
    """True if an address or prefix will expire, waits for detection, or has to become tentative."""
    for ia in ip6.ifaddrhead:
        if ia.vltime != ND6_INFINITE_LIFETIME or ia.pltime != ND6_INFINITE_LIFETIME or ia.flags6 & IN6_IFF_DEPRECATED:
            return True
        tentative, up = bool(ia.flags6 & IN6_IFF_TENTATIVE), _up(ia.ifp)
        if tentative == up and (up or not _no_dad(ia.ifp)):
            return True
    return bool(ip6.defrouters) or any(p.vltime != ND6_INFINITE_LIFETIME for p in ip6.prefixes)


def nd6_timer(vnet: Vnet) -> None:
    """Expire and deprecate addresses, (re)start duplicate detection, expire prefixes."""
    from vshell.kernel.netinet6.in6 import in6_purgeaddr
    from vshell.kernel.netinet6.nd6_nbr import nd6_dad_start
    from vshell.kernel.netinet6.nd6_ra import regen_tmpaddr
    from vshell.kernel.netinet6.nd6_rtr import defrouter_timer, nd6_prefix_expire

    ip6 = vnet[Ip6]
    now = vnet.kernel.clock.now
    defrouter_timer(vnet)
    for ia in ip6.ifaddrhead[:]:
        extra = ext6(ia.ifp)
        if extra is None:
            continue
        temporary = ip6.use_tempaddr and ia.flags6 & IN6_IFF_TEMPORARY
        if ia.is_invalid(now):
            if temporary:
                regen_tmpaddr(ia)
            in6_purgeaddr(ia)
        elif ia.is_deprecated(now):
            fresh = not ia.flags6 & IN6_IFF_DEPRECATED
            ia.flags6 |= IN6_IFF_DEPRECATED
            if temporary and fresh:
                regen_tmpaddr(ia)
        elif ia.flags6 & IN6_IFF_TENTATIVE:
            nd6_dad_start(ia, vnet.kernel.random.uniform(NS))
        else:
            if not extra.nd.flags & ND6_IFF_NO_DAD and not _up(ia.ifp):
                ia.flags6 = ia.flags6 & ~IN6_IFF_DUPLICATED | IN6_IFF_TENTATIVE
            if ia.pltime:
                ia.flags6 &= ~IN6_IFF_DEPRECATED
    nd6_prefix_expire(vnet)
    nd6_timer_arm(vnet)


resolvers[AF_INET6] = nd6_resolve
