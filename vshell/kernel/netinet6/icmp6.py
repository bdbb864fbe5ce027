"""ICMPv6: errors, echo, redirects, and the way to neighbour discovery (RFC 4443, netinet6/icmp6.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vshell.abi.errno import ECONNREFUSED, EHOSTUNREACH, EMSGSIZE, ENOPROTOOPT
from vshell.abi.in6 import IN6_IFF_NOTREADY
from vshell.abi.socket import AF_INET6, IPPROTO_ICMPV6
from vshell.kernel.kern.clock import NS
from vshell.kernel.net.drops import drop
from vshell.kernel.net.mbuf import M_BCAST, M_LOOP, M_MCAST, M_SKIP_FIREWALL, Mbuf, m_get
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet6.in6_ifstat import icmp6_ifstat_inc
from vshell.kernel.netinet6.in6_src import select_for
from vshell.kernel.netinet6.in6_var import IPV6_MMTU, Ip6, ext6, in6ifa_ifpforlinklocal, in6ifa_ifwithaddr
from vshell.kernel.netinet6.ip6_input import ip6_protox
from vshell.kernel.netinet6.ip6_output import ip6_output
from vshell.kernel.netinet6.nd6 import nd6_cache_lladdr, nd6_lookup
from vshell.kernel.netinet6.nd6_nbr import nd6_na_input, nd6_ns_input, nd6_send
from vshell.wire.ip6 import (
    ICMP6_DST_UNREACH,
    ICMP6_ECHO_REPLY,
    ICMP6_ECHO_REQUEST,
    ICMP6_PACKET_TOO_BIG,
    ICMP6_PARAM_PROB,
    ICMP6_PARAMPROB_OPTION,
    ICMP6_TIME_EXCEEDED,
    IP6_HLEN,
    ND_NEIGHBOR_ADVERT,
    ND_NEIGHBOR_SOLICIT,
    ND_OPT_REDIRECTED_HEADER,
    ND_OPT_TARGET_LINKADDR,
    ND_REDIRECT,
    UNSPECIFIED,
    in6_cksum,
    ip6_header,
    is_linklocal,
    is_multicast,
    is_scoped,
    nd_options,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet

LOG_NOTICE = 5
HOSTCACHE_EXPIRE = 3600 * NS
ICMPV6_PLD_MAXLEN = 1232
"""Bytes of the offending packet an error carries, so that it fits the minimum MTU."""

_ERROR_STATS = {
    (1, 0): "odst_unreach_noroute", (1, 1): "odst_unreach_admin", (1, 2): "odst_unreach_beyondscope", (1, 3): "odst_unreach_addr",
    (1, 4): "odst_unreach_noport", (2, 0): "opacket_too_big", (3, 0): "otime_exceed_transit", (3, 1): "otime_exceed_reassembly",
    (4, 0): "oparamprob_header", (4, 1): "oparamprob_nextheader", (4, 2): "oparamprob_option", (137, 0): "oredirect",
}  # fmt: skip

_ERRMAP = {
    (1, 0): EHOSTUNREACH, (1, 1): ECONNREFUSED, (1, 2): ENOPROTOOPT, (1, 3): EHOSTUNREACH, (1, 4): ECONNREFUSED,
    (3, 0): EHOSTUNREACH, (4, 0): ENOPROTOOPT, (4, 1): ECONNREFUSED, (4, 2): ENOPROTOOPT,
}  # fmt: skip
"""Type and code to what sockets are told (icmp6_errmap)."""


def icmp6_input(ifp: Ifnet, m: Mbuf, off: int) -> None:
    """An ICMPv6 message arrived."""
    ip6: Ip6 = ifp.vnet[Ip6]
    stat = ip6.icmp6stat
    base = m.off
    src, dst = bytes(m.data[base + 8 : base + 24]), bytes(m.data[base + 24 : base + 40])
    body = bytes(m.data[base + off :])
    if len(body) < 4:
        stat.tooshort += 1
        drop(ifp, m, "icmp6_input", "message is too short")
        return
    extra = ext6(ifp)
    if is_multicast(dst) and (extra is None or dst not in extra.groups):
        ip6.ip6stat.notmember += 1
        drop(ifp, m, "icmp6_input", "not a member of the group")
        return
    if in6_cksum(src, dst, IPPROTO_ICMPV6, body):
        stat.checksum += 1
        drop(ifp, m, "icmp6_input", "checksum of the ICMPv6 message is wrong")
        return
    kind, code = body[0], body[1]
    stat.inhist[kind] += 1
    icmp6_ifstat_inc(ifp, "in", kind, code)
    if kind in (ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG, ICMP6_TIME_EXCEEDED, ICMP6_PARAM_PROB):
        _notify(ifp, m, kind, code, body)
    elif kind == ICMP6_ECHO_REQUEST:
        if len(body) < 8:
            stat.tooshort += 1
            return
        # Recorded: nobody answers the copy of a multicast that the sender itself hears.
        if m.flags & M_LOOP and is_multicast(dst):
            pass
        elif icmp6_ratelimit(ifp.vnet, ICMP6_ECHO_REPLY):
            drop(ifp, m, "icmp6_input", "too many echo requests this second (net.inet6.icmp6.errppslimit)")
        else:
            stat.reflect += 1
            stat.outhist[ICMP6_ECHO_REPLY] += 1
            icmp6_reflect(ifp, m.copy(), off)
    elif kind == ND_NEIGHBOR_SOLICIT:
        nd6_ns_input(ifp, m, src, dst, body)
    elif kind == ND_NEIGHBOR_ADVERT:
        nd6_na_input(ifp, m, src, dst, body)
    elif kind == ND_REDIRECT:
        icmp6_redirect_input(ifp, m, src, body)
    else:
        for handler in icmp6_handlers.get(kind, ()):
            handler(ifp, m, src, dst, body)
    from vshell.kernel.netinet6.raw_ip6 import rip6_input

    rip6_input(ifp, m, off, IPPROTO_ICMPV6)


icmp6_handlers: dict[int, list[Callable[[Ifnet, Mbuf, bytes, bytes, bytes], None]]] = {}
"""Further message types -> f(ifp, m, src, dst, body): router discovery, multicast listening, node information."""


def icmp6_reflect(ifp: Ifnet, m: Mbuf, off: int) -> None:
    """Answer an echo request (icmp6_reflect)."""
    ip6: Ip6 = ifp.vnet[Ip6]
    base = m.off
    src, dst = bytes(m.data[base + 8 : base + 24]), bytes(m.data[base + 24 : base + 40])
    mine = in6ifa_ifwithaddr(ifp.vnet, dst, ifp.index) if not is_multicast(dst) else None
    if mine is not None and mine.usable():
        source = dst
    else:
        ia = select_for(ifp, src)
        if ia is None:
            return
        source = ia.addr
    body = bytearray(m.data[base + off :])
    if body[0] == ICMP6_ECHO_REQUEST:
        body[0] = ICMP6_ECHO_REPLY
    body[2:4] = b"\0\0"
    body[2:4] = in6_cksum(source, src, IPPROTO_ICMPV6, body).to_bytes(2, "big")
    out = m_get(ip6_header(source, src, IPPROTO_ICMPV6, len(body), _hlim(ip6, ifp)) + body, m.fib)
    ip6_output(ifp.vnet, out, ifp=ifp if is_scoped(src) else None)


def icmp6_error(vnet: Vnet, m: Mbuf, kind: int, code: int, param: int, ifp: Ifnet | None) -> None:
    """Tell the sender of a packet what became of it, unless RFC 4443, 2.4 (e) forbids it."""
    ip6: Ip6 = vnet[Ip6]
    stat = ip6.icmp6stat
    stat.error += 1
    name = _ERROR_STATS.get((kind, code), "ounknown")
    setattr(stat, name, getattr(stat, name) + 1)
    base = m.off
    src, dst = bytes(m.data[base + 8 : base + 24]), bytes(m.data[base + 24 : base + 40])
    told = kind == ICMP6_PACKET_TOO_BIG or (kind == ICMP6_PARAM_PROB and code == ICMP6_PARAMPROB_OPTION)
    group = m.flags & (M_BCAST | M_MCAST) or is_multicast(dst)
    if (group and not told) or src == UNSPECIFIED or is_multicast(src) or _is_error(m):
        stat.canterror += 1
        return
    if icmp6_ratelimit(vnet, kind):
        drop(vnet, m, "icmp6_error", "no error is sent for it: too many this second (net.inet6.icmp6.errppslimit)")
        return
    offender = bytes(m.data[base : base + ICMPV6_PLD_MAXLEN])
    out_ifp = ifp if ifp is not None else m.rcvif
    source = _error_source(vnet, out_ifp, src, dst, group)
    if source is None:
        return
    body = bytes((kind, code, 0, 0)) + param.to_bytes(4, "big") + offender
    cksum = in6_cksum(source, src, IPPROTO_ICMPV6, body)
    body = body[:2] + cksum.to_bytes(2, "big") + body[4:]
    stat.outhist[kind] += 1
    out = m_get(ip6_header(source, src, IPPROTO_ICMPV6, len(body), _hlim(ip6, out_ifp)) + body, m.fib)
    out.flags |= m.flags & M_SKIP_FIREWALL
    ip6_output(vnet, out, ifp=out_ifp if is_scoped(src) else None)


def _hlim(ip6: Ip6, ifp: Ifnet | None) -> int:
    """The hop limit of an answer: that of the interface the packet came in by."""
    extra = ext6(ifp) if ifp is not None else None
    return extra.nd.chlim if extra is not None else ip6.hlim


def _error_source(vnet: Vnet, ifp: Ifnet | None, src: bytes, dst: bytes, group: int | bool) -> bytes | None:
    """The address the packet was sent to if it is ours, else one that suits the sender."""
    if not group:
        mine = in6ifa_ifwithaddr(vnet, dst, ifp.index if ifp is not None else 0)
        if mine is not None and mine.usable():
            return dst
    from vshell.abi.errno import KError
    from vshell.kernel.netinet6.in6_src import in6_selectsrc

    try:
        return in6_selectsrc(vnet, src, ifp.index if ifp is not None and is_linklocal(src) else 0)[0]
    except KError:
        return None


def _is_error(m: Mbuf) -> bool:
    """True if the packet is itself an ICMPv6 error or a redirect."""
    data, base = m.data, m.off
    nxt, off = data[base + 6], IP6_HLEN
    while nxt in (0, 43, 60) and base + off + 2 <= len(data):
        nxt, off = data[base + off], off + (data[base + off + 1] + 1) * 8
    if nxt != IPPROTO_ICMPV6 or base + off >= len(data):
        return False
    return data[base + off] < ICMP6_ECHO_REQUEST or data[base + off] == ND_REDIRECT


_RATES = {
    ICMP6_PARAM_PROB: "bad IPv6 header", ICMP6_PACKET_TOO_BIG: "packet too big", ICMP6_DST_UNREACH: "destination unreachable",
    ICMP6_TIME_EXCEEDED: "time exceeded", ICMP6_ECHO_REPLY: "echo reply", ND_REDIRECT: "neighbor discovery redirect",
}  # fmt: skip
"""What is limited together, as it is logged."""


def icmp6_ratelimit(vnet: Vnet, kind: int) -> bool:
    """True once there were net.inet6.icmp6.errppslimit messages of a kind this second; the limit wavers."""
    ip6: Ip6 = vnet[Ip6]
    if not ip6.errppslimit:
        return False
    which = _RATES.get(kind, "(other)")
    second = vnet.kernel.clock.now // NS
    rate = ip6.rates.get(which)
    if rate is None:
        rate = ip6.rates[which] = [second, 0, _jitter(ip6)]
    limit = ip6.errppslimit + rate[2]
    if second != rate[0]:
        if rate[1] > limit:
            if ip6.lim_output:
                vnet.kernel.log(LOG_NOTICE, f"Limiting ICMPv6 {which} output from {rate[1]} to {limit} packets/sec")
            rate[2] = _jitter(ip6)
        rate[0], rate[1] = second, 0
    rate[1] += 1
    if rate[1] <= limit:
        return False
    ip6.icmp6stat.toofreq += 1
    return True


def _jitter(ip6: Ip6) -> int:
    width = ip6.lim_jitter
    return ip6.vnet.kernel.random.uniform(width * 2 + 1) - width if width else 0


def _notify(ifp: Ifnet, m: Mbuf, kind: int, code: int, body: bytes) -> None:
    """Tell the sockets an error is about (icmp6_notify_error)."""
    inner = body[8:]
    if len(inner) < IP6_HLEN:
        ifp.vnet[Ip6].icmp6stat.tooshort += 1
        return
    nxt, off = inner[6], IP6_HLEN
    while nxt in (0, 43, 60) and off + 2 <= len(inner):
        nxt, off = inner[off], off + (inner[off + 1] + 1) * 8
    error = EMSGSIZE if kind == ICMP6_PACKET_TOO_BIG else _ERRMAP.get((kind, code), 0)
    mtu = int.from_bytes(body[4:8], "big")
    if kind == ICMP6_PACKET_TOO_BIG:
        _mtudisc_update(ifp, inner[24:40], mtu)
    handler = ip6_ctlprotox.get(nxt)
    if handler is not None:
        handler(ifp, inner, off, error, kind, mtu)


def _mtudisc_update(ifp: Ifnet, dst: bytes, mtu: int) -> None:
    """Remember the path MTU of a destination if it shrank (icmp6_mtudisc_update)."""
    ip6: Ip6 = ifp.vnet[Ip6]
    if mtu < IPV6_MMTU:
        return
    nh = fib_lookup(ifp.vnet, AF_INET6, dst, 0, ifp.index if is_linklocal(dst) else 0)
    old = ip6.hostcache.get(dst) or (nh.mtu if nh is not None else 0)
    if mtu < old:
        ip6.hostcache[dst] = mtu
        ip6.icmp6stat.pmtuchg += 1
        ifp.kernel.clock.after(HOSTCACHE_EXPIRE, ip6.hostcache.pop, dst, None)


ip6_ctlprotox: dict[int, Callable[[Ifnet, bytes, int, int, int, int], None]] = {}
"""Upper protocols that want to hear of errors: f(ifp, inner packet, offset of its payload, errno, type, mtu)."""


# redirects -----------------------------------------------------------------------------------------------------


def icmp6_redirect_output(ifp: Ifnet, m: Mbuf, src: bytes, dst: bytes, gateway: bytes) -> None:
    """A packet left through the interface it came in by: its sender should know the better first hop."""
    if not ifp.vnet[Ip6].forwarding or is_multicast(dst) or (nd6_lookup(ifp, src) is None and not is_linklocal(src)):
        return
    mine = in6ifa_ifpforlinklocal(ifp, IN6_IFF_NOTREADY)
    target = gateway if gateway != dst and is_linklocal(gateway) else dst
    if mine is None or (gateway != dst and not is_linklocal(gateway)):
        return
    body = bytes((ND_REDIRECT, 0, 0, 0)) + bytes(4) + target + dst
    ln = nd6_lookup(ifp, target if target != dst else dst)
    if ln is not None and ln.lladdr:
        body += bytes((ND_OPT_TARGET_LINKADDR, 1)) + ln.lladdr
    packet = m.bytes()
    room = 1280 - IP6_HLEN - len(body) - 8 & ~7
    packet = packet[: min(room, len(packet) & ~7)]
    body += bytes((ND_OPT_REDIRECTED_HEADER, len(packet) // 8 + 1)) + bytes(6) + packet
    ifp.vnet[Ip6].icmp6stat.oredirect += 1
    nd6_send(ifp, mine.addr, src, body)


def icmp6_redirect_input(ifp: Ifnet, m: Mbuf, src: bytes, body: bytes) -> None:
    """A router tells of a better first hop."""
    from vshell.kernel.netinet6 import in6_redirect

    ip6: Ip6 = ifp.vnet[Ip6]
    if ip6.forwarding or not ip6.rediraccept:
        return
    options = nd_options(body[40:]) if len(body) >= 40 else None
    target, dst = body[8:24], body[24:40]
    valid = options is not None and is_linklocal(src) and m.data[m.off + 7] == 255 and not is_multicast(dst)
    if not valid or options is None or not in6_redirect.from_current_router(ifp, dst, src):
        ip6.icmp6stat.badredirect += 1
        return
    if target != dst and not is_linklocal(target):
        ip6.icmp6stat.badredirect += 1
        return
    option = options.get(ND_OPT_TARGET_LINKADDR)
    nd6_cache_lladdr(ifp, target, option[2:8] if option else b"", ND_REDIRECT, target != dst)
    if target != dst:
        in6_redirect.install(ifp, dst, target, src)


ip6_protox[IPPROTO_ICMPV6] = icmp6_input
