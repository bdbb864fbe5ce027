"""Sending IPv6: route, fragment, forward (netinet6/ip6_output.c, ip6_forward.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EACCES, EHOSTUNREACH, EMSGSIZE, ENETDOWN, ENETUNREACH, EOPNOTSUPP
from vshell.abi.in6 import ND6_IFF_IFDISABLED
from vshell.abi.socket import AF_INET6, IPPROTO_TCP, IPPROTO_UDP
from vshell.abi.sockio import IFF_LOOPBACK
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_ethersubr import EtherIfnet
from vshell.kernel.net.ifnet import ifnet_byindex
from vshell.kernel.net.mbuf import M_FASTFWD_OURS, M_IP_NEXTHOP, M_LOOP, M_MCAST, Mbuf, m_get
from vshell.kernel.net.netisr import netisr_handlers
from vshell.kernel.net.pfil import PFIL_DROPPED
from vshell.kernel.net.route.nhop import NHF_BLACKHOLE, NHF_GATEWAY, NHF_HOST, NHF_REDIRECT, NHF_REJECT
from vshell.kernel.net.route.route_tables import Rtable, fib_lookup
from vshell.kernel.netinet6.in6_ifstat import in6_ifstat_out
from vshell.kernel.netinet6.in6_var import IPV6_MMTU, Ip6, ext6, in6_linkmtu
from vshell.wire.ether import ETHERTYPE_IPV6
from vshell.wire.ip6 import (
    ICMP6_DST_UNREACH,
    ICMP6_DST_UNREACH_BEYONDSCOPE,
    ICMP6_DST_UNREACH_NOROUTE,
    ICMP6_DST_UNREACH_REJECT,
    ICMP6_PACKET_TOO_BIG,
    ICMP6_TIME_EXCEEDED,
    IP6_HLEN,
    UNSPECIFIED,
    is_linklocal,
    is_multicast,
    is_scoped,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.route.nhop import Nhop
    from vshell.kernel.net.vnet import Vnet

_NO_ROUTE = (None, None)
MAXFLOWS = 65536


class Moptions:
    """struct ip6_moptions: how a multicast packet is sent."""

    __slots__ = ("hlim", "ifp", "loop")

    def __init__(self, ifp: Ifnet | None = None, hlim: int = 1, loop: bool = True) -> None:
        self.ifp = ifp
        self.hlim = hlim
        self.loop = loop


def ip6_output(
    vnet: Vnet,
    m: Mbuf,
    *,
    moptions: Moptions | None = None,
    ifp: Ifnet | None = None,
    scope: int = 0,
    dontfrag: bool = False,
    minmtu: bool = False,
) -> int:
    """Send a packet made here; returns an errno or 0.

    `ifp` is the interface for destinations that name none by themselves, `scope` the zone of a scoped destination.
    """
    ip6: Ip6 = vnet[Ip6]
    dst = bytes(m.data[m.off + 24 : m.off + 40])
    if m.data[m.off + 8] == 0xFF:
        ip6.ip6stat.badscope += 1
        drop(vnet, m, "ip6_output", "source is a multicast address")
        return EOPNOTSUPP
    out, nh = _route(vnet, m, dst, moptions, ifp, scope)
    if out is None:
        ip6.ip6stat.noroute += 1
        drop(vnet, m, "ip6_output", "no route to the destination")
        return EHOSTUNREACH
    if nh is not None and nh.flags & (NHF_REJECT | NHF_BLACKHOLE):
        drop(vnet, m, "ip6_output", "reject route" if nh.flags & NHF_REJECT else "blackhole route")
        if nh.flags & NHF_BLACKHOLE:
            return 0
        return EHOSTUNREACH if nh.flags & NHF_HOST else ENETUNREACH
    gateway = nh.gateway if nh is not None and nh.flags & NHF_GATEWAY and nh.gateway is not None else dst
    if nh is not None:
        nh.pksent += 1
    in6_ifstat_out(out, m, dst)
    if is_multicast(dst):
        m.flags |= M_MCAST
        extra = ext6(out)
        member = extra is not None and dst in extra.groups
        if member and (moptions is None or moptions.loop):
            ip6_mloopback(out, m)
        if m.data[m.off + 7] == 0 or out.flags & IFF_LOOPBACK or dst[1] & 0x0F == 1:
            return 0
    if ip6.pfil is not None:
        verdict = ip6.pfil.run_out(m, out)
        if verdict:
            return EACCES if verdict == PFIL_DROPPED else 0
        if m.flags & (M_IP_NEXTHOP | M_FASTFWD_OURS):
            elsewhere = _next_hop(vnet, m, out)
            if elsewhere is None:
                return 0
            out, nh, gateway = elsewhere
    size = len(m.data) - m.off
    mtu = ip6_calcmtu(ip6, out, dst, nh)
    if minmtu and not is_multicast(dst):
        mtu = min(mtu, IPV6_MMTU)
    if dontfrag and size > out.mtu:
        drop(out, m, "ip6_output", f"packet is too big for the MTU of {out.mtu} and must not be fragmented")
        return EMSGSIZE
    if dontfrag or size <= mtu:
        return nd6_output_ifp(out, nh, m, gateway)
    return _fragment(ip6, out, nh, m, gateway, mtu)


def _next_hop(vnet: Vnet, m: Mbuf, out: Ifnet) -> tuple[Ifnet, Nhop, bytes] | None:
    """A firewall sends it elsewhere ("fwd"): (interface, next hop, gateway); None if it is for us now or has nowhere to go."""
    hop: bytes | None = m.tags.get("ipforward") if m.tags else None
    if m.flags & M_FASTFWD_OURS:
        ifp = m.rcvif = m.rcvif or vnet.loif or out
        vnet.kernel.netisrq.append((netisr_handlers[ETHERTYPE_IPV6], ifp, m))
        return None
    m.flags &= ~M_IP_NEXTHOP
    nh = None if hop is None else fib_lookup(vnet, AF_INET6, hop, m.fib)
    if nh is None or hop is None:
        drop(vnet, m, "ip6_output", "no route to where the firewall forwards it")
        return None
    return nh.ifp, nh, nh.gateway if nh.flags & NHF_GATEWAY and nh.gateway is not None else hop


def _route(
    vnet: Vnet, m: Mbuf, dst: bytes, moptions: Moptions | None, ifp: Ifnet | None, scope: int
) -> tuple[Ifnet | None, Nhop | None]:
    """Where a packet goes: (interface, next hop or None for the destination itself)."""
    if is_multicast(dst):
        if moptions is not None and moptions.ifp is not None:
            return moptions.ifp, None
        if is_scoped(dst) and (scope or ifp is not None):
            return ifp or ifnet_byindex(vnet, scope), None
    if is_scoped(dst) and not scope and ifp is not None:
        scope = ifp.index
    nh = fib_lookup(vnet, AF_INET6, dst, m.fib, scope, m.flowid)
    if nh is None:
        return (ifp, None) if ifp is not None and is_linklocal(dst) else _NO_ROUTE
    return nh.ifp, nh


def ip6_calcmtu(ip6: Ip6, ifp: Ifnet, dst: bytes, nh: Nhop | None) -> int:
    """The largest packet for a destination: what the route says, or what a router told us of the path."""
    mtu = min(nh.mtu if nh is not None and nh.mtu else ifp.mtu, in6_linkmtu(ifp))
    if ip6.hostcache:
        learned = ip6.hostcache.get(dst)
        if learned is not None:
            mtu = min(mtu, learned)
    return mtu


def nd6_output_ifp(ifp: Ifnet, nh: Nhop | None, m: Mbuf, gateway: bytes) -> int:
    """Hand a packet to the interface; one to an own address comes in again where the address is."""
    if ifp.flags & IFF_LOOPBACK:
        origin = nh.aifp if nh is not None else ifp
        extra = ext6(origin)
        if extra is not None and extra.nd.flags & ND6_IFF_IFDISABLED:
            drop(origin, m, "nd6_output_ifp", "IPv6 is disabled on the interface")
            return ENETDOWN
        if origin is not ifp:
            size = len(m.data) - m.off
            origin.opackets += 1
            origin.obytes += size
            origin.ipackets += 1
            origin.ibytes += size
            _loop(origin, m)
            return 0
        return ifp.output(m, AF_INET6, gateway, nh)
    extra = ext6(ifp)
    if extra is None or extra.nd.flags & ND6_IFF_IFDISABLED:
        drop(ifp, m, "nd6_output_ifp", "IPv6 is disabled on the interface")
        return ENETDOWN
    return ifp.output(m, AF_INET6, gateway, nh if gateway is not None and nh is not None and nh.flags & NHF_GATEWAY else None)


def _loop(ifp: Ifnet, m: Mbuf) -> None:
    m.rcvif = ifp
    lo = ifp.vnet.loif
    if lo is not None and lo.bpf:
        for tap in lo.bpf:
            tap(lo, m, False)
    m.flags |= M_LOOP
    ifp.kernel.netisrq.append((netisr_handlers[ETHERTYPE_IPV6], ifp, m))


def ip6_mloopback(ifp: Ifnet, m: Mbuf) -> None:
    """A copy of a multicast packet for ourselves."""
    _loop(ifp, m.copy())


def _unfragmentable(m: Mbuf) -> tuple[int, int]:
    """(length of the part every fragment repeats, offset of the next-header byte that names the fragment header)."""
    data, off = m.data, m.off
    nxt, at, length = data[off + 6], 6, IP6_HLEN
    while nxt in (0, 43) and off + length + 2 <= len(data):
        at = length
        nxt = data[off + length]
        length += (data[off + length + 1] + 1) * 8
    return length, at


def _fragment(ip6: Ip6, ifp: Ifnet, nh: Nhop | None, m: Mbuf, gateway: bytes, mtu: int) -> int:
    """ip6_fragment: only the source does it."""
    head, at = _unfragmentable(m)
    room = (mtu - head - 8) & ~7
    payload = bytes(m.data[m.off + head :])
    if mtu < IPV6_MMTU or room < 8:
        ip6.ip6stat.cantfrag += 1
        drop(ifp, m, "ip6_output", "packet cannot be fragmented to fit")
        return EMSGSIZE
    if head + len(payload) - IP6_HLEN > 65535:
        ip6.ip6stat.cantfrag += 1
        return EMSGSIZE
    header = bytearray(m.data[m.off : m.off + head])
    nxt, header[at] = header[at], 44
    ip6.frag_id = ip6.frag_id + 1 & 0xFFFFFFFF
    ident = ip6.frag_id.to_bytes(4, "big")
    ip6.ip6stat.fragmented += 1
    error = 0
    for off in range(0, len(payload), room):
        part = payload[off : off + room]
        more = off + room < len(payload)
        header[4:6] = (head - IP6_HLEN + 8 + len(part)).to_bytes(2, "big")
        piece = m_get(header + bytes((nxt, 0)) + (off | more).to_bytes(2, "big") + ident + part, m.fib)
        piece.flags = m.flags
        ip6.ip6stat.ofragments += 1
        error = nd6_output_ifp(ifp, nh, piece, gateway) or error
    return error


def ip6_forward(ifp: Ifnet, m: Mbuf) -> None:
    """Pass a packet on (ip6_forward)."""
    from vshell.kernel.netinet6.icmp6 import icmp6_error, icmp6_redirect_output

    vnet = ifp.vnet
    ip6: Ip6 = vnet[Ip6]
    data, off = m.data, m.off
    src, dst = bytes(data[off + 8 : off + 24]), bytes(data[off + 24 : off + 40])
    if m.flags & M_MCAST or is_multicast(dst) or src == UNSPECIFIED:
        ip6.ip6stat.cantforward += 1
        drop(ifp, m, "ip6_forward", "not to be forwarded: multicast, or without a source")
        return
    if data[off + 7] <= 1:
        drop(ifp, m, "ip6_forward", "hop limit is used up")
        icmp6_error(vnet, m, ICMP6_TIME_EXCEEDED, 0, 0, ifp)
        return
    # Decremented before the route is known: errors quote the packet as it is then, if its copy shares the data (_quoted).
    data[off + 7] -= 1
    to = dst
    if m.flags & M_IP_NEXTHOP and m.tags and "ipforward" in m.tags:
        to = m.tags["ipforward"]
        m.flags &= ~M_IP_NEXTHOP
    nh = fib_lookup(vnet, AF_INET6, to, m.fib, ifp.index if is_linklocal(to) else 0, m.flowid)
    if nh is None or nh.flags & (NHF_REJECT | NHF_BLACKHOLE):
        _unforwardable(ip6, ifp, m, nh)
        return
    out = nh.ifp
    if (is_linklocal(src) or is_linklocal(dst)) and out is not ifp:
        ip6.ip6stat.cantforward += 1
        ip6.ip6stat.badscope += 1
        drop(ifp, m, "ip6_forward", "a link-local address does not leave its link")
        if is_linklocal(src):
            icmp6_error(vnet, _quoted(m), ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_BEYONDSCOPE, 0, ifp)
        return
    copy = m.copy() if out is ifp and ip6.redirect and not is_linklocal(src) and not nh.flags & NHF_REDIRECT else None
    if ip6.pfil is not None:
        if ip6.pfil.run_out(m, out):
            return
        if m.flags & (M_IP_NEXTHOP | M_FASTFWD_OURS):
            elsewhere = _next_hop(vnet, m, out)
            if elsewhere is None:
                return
            out, nh, to = elsewhere
    if len(m.data) - m.off > in6_linkmtu(out):
        drop(out, m, "ip6_forward", f"packet is too big for the MTU of {in6_linkmtu(out)}")
        icmp6_error(vnet, _quoted(m), ICMP6_PACKET_TOO_BIG, 0, in6_linkmtu(out), ifp)
        return
    gateway = nh.gateway if nh.flags & NHF_GATEWAY and nh.gateway is not None else to
    nh.pksent += 1
    if nd6_output_ifp(out, nh, m, gateway):
        ip6.ip6stat.cantforward += 1
        return
    ip6.ip6stat.forward += 1
    if copy is None and out is not ifp and m.fib == 0:
        _remember(vnet, ip6, nh, src, dst, gateway)
    if copy is not None:
        ip6.ip6stat.redirectsent += 1
        icmp6_redirect_output(ifp, _quoted(copy), src, dst, gateway)


MHLEN, MAX_HDR = 168, 76
"""Data that fits into a first mbuf, and what is left free for headers in front of it (kern.ipc.max_hdr)."""


def _quoted(m: Mbuf) -> Mbuf:
    """The copy of a forwarded packet that is quoted in errors.

    It is made before the hop limit is decremented, but shares a cluster with the packet: only of a small packet, whose
    data lie in the mbuf itself, it shows the limit as it was.
    """
    data, off = m.data, m.off
    nxt = data[off + 6]
    upper = 8 if nxt == IPPROTO_UDP else (data[off + 52] >> 4) * 4 if nxt == IPPROTO_TCP and len(data) - off > 52 else 0
    if len(data) - off - IP6_HLEN - upper <= MHLEN - MAX_HDR and data[off + 7] < 255:
        data[off + 7] += 1
    return m


def _remember(vnet: Vnet, ip6: Ip6, nh: Nhop, src: bytes, dst: bytes, gateway: bytes) -> None:
    """The next packet of the flow needs no decision; the table forgets it when a route or an address changes."""
    rib = vnet[Rtable].tables[AF_INET6, 0]
    out = nh.ifp
    extra = ext6(out)
    if rib.cache.get(dst) is not nh or ip6.pfil is not None or extra is None or not isinstance(out, EtherIfnet):
        return
    if is_linklocal(src) or is_linklocal(dst):
        return
    if len(rib.flows) >= MAXFLOWS:
        rib.flows.clear()
    rib.flows[src + dst] = (nh, out, extra, gateway)
    ip6.flows = rib.flows


def _unforwardable(ip6: Ip6, ifp: Ifnet, m: Mbuf, nh: Nhop | None) -> None:
    """No route, or one that ends here."""
    from vshell.kernel.netinet6.icmp6 import icmp6_error

    if nh is None:
        ip6.ip6stat.noroute += 1
        drop(ifp, m, "ip6_forward", "no route to the destination")
        icmp6_error(ifp.vnet, _quoted(m), ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE, 0, ifp)
        return
    ip6.ip6stat.cantforward += 1
    drop(ifp, m, "ip6_forward", "reject route" if nh.flags & NHF_REJECT else "blackhole route")
    if nh.flags & NHF_REJECT:
        icmp6_error(ifp.vnet, _quoted(m), ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_REJECT, 0, ifp)
