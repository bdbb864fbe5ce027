"""The fast path of forwarding: a plain unicast packet goes straight from one interface to another (netinet/ip_fastfwd.c).

The packet is patched in place: one byte of TTL, two of checksum (RFC 1624).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.socket import AF_INET
from vshell.abi.sockio import IFF_LOOPBACK
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_ethersubr import EtherIfnet
from vshell.kernel.net.mbuf import M_BCAST, M_FASTFWD_OURS, M_IP_NEXTHOP, M_MCAST, Mbuf
from vshell.kernel.net.route.nhop import NHF_BLACKHOLE, NHF_BROADCAST, NHF_DEFAULT, NHF_GATEWAY, NHF_REDIRECT, NHF_REJECT, Nhop
from vshell.kernel.net.route.route_tables import Rtable, fib_lookup
from vshell.kernel.netinet.in_var import in_localip, in_localip_fib
from vshell.kernel.netinet.ip_icmp import icmp_error
from vshell.kernel.netinet.ip_output import NO_GATEWAY, PROTOFLAGS, ip_fragment
from vshell.wire.icmp import (
    ICMP_REDIRECT,
    ICMP_REDIRECT_HOST,
    ICMP_TIMXCEED,
    ICMP_TIMXCEED_INTRANS,
    ICMP_UNREACH,
    ICMP_UNREACH_FILTER_PROHIB,
    ICMP_UNREACH_HOST,
    ICMP_UNREACH_NEEDFRAG,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netinet.ip_var import Ip

MAXFLOWS = 65536

_DROP = NHF_BLACKHOLE | NHF_BROADCAST
_ODD = _DROP | NHF_REJECT
_PRIVATE = frozenset((b"\xff\xff\xff\xff", b"\0\0\0\0"))


def ip_tryforward(ifp: Ifnet, vnet: Vnet, ip: Ip, m: Mbuf, src: bytes, dst: bytes, size: int) -> bool:
    """Forward a packet; False if it has to go the long way, M_FASTFWD_OURS set if a firewall made it ours."""
    data, off = m.data, m.off
    if data[off] != 0x45 and ip.process_options:
        return _refused(vnet, ip, m)
    if m.flags & (M_BCAST | M_MCAST) or ifp.flags & IFF_LOOPBACK or src[0] & 0xF0 == 0xE0 or dst[0] & 0xF0 == 0xE0:
        return False
    if src in _PRIVATE or dst in _PRIVATE or src[:2] == b"\xa9\xfe" or dst[:2] == b"\xa9\xfe":
        return False
    if dst in ip.inaddr_hash and in_localip_fib(vnet, dst, m.fib):
        return False
    ip.stat.total += 1
    target = dst
    if ip.pfil.input is not None:
        if ip.pfil.run_in(m, ifp):
            return True
        data, off = m.data, m.off
        size = data[off + 2] << 8 | data[off + 3]
        target = bytes(data[off + 16 : off + 20])
        if m.flags & M_FASTFWD_OURS or (target != dst and in_localip_fib(vnet, target, m.fib)):
            m.flags |= M_FASTFWD_OURS
            return False
    ttl = data[off + 8]
    if ttl <= 1:
        drop(ifp, m, "ip_tryforward", "time to live is used up")
        icmp_error(vnet, m, ICMP_TIMXCEED, ICMP_TIMXCEED_INTRANS)
        return True
    data[off + 8] = ttl - 1
    cksum = (data[off + 10] << 8 | data[off + 11]) + 0x100
    cksum = (cksum & 0xFFFF) + (cksum >> 16)
    data[off + 10] = cksum >> 8
    data[off + 11] = cksum & 0xFF
    if m.flags & M_IP_NEXTHOP and m.tags and "ipforward" in m.tags:
        target = m.tags.pop("ipforward")
        m.flags &= ~M_IP_NEXTHOP
    nh = fib_lookup(vnet, AF_INET, target, m.fib, 0, m.flowid)
    if nh is None or nh.flags & _ODD:
        _noroute(vnet, ip, m, nh)
        return True
    if ip.pfil.output is not None:
        routed = _pfil_out(vnet, ip, m, nh, target, dst)
        if routed is None:
            return not m.flags & M_FASTFWD_OURS
        nh, target = routed
        data, off = m.data, m.off
    out = nh.ifp
    if out is ifp and ip.redirect:
        _send_redirecting(vnet, ip, m, nh, target, size, src)
        return True
    if size > nh.mtu:
        _send_fragments(vnet, ip, m, nh, target)
        return True
    m.flags &= ~PROTOFLAGS
    error = out.output(m, AF_INET, nh.gateway, nh) if nh.flags & NO_GATEWAY and nh.gateway else out.output(m, AF_INET, target)
    if error:
        ip.stat.odropped += 1
        return True
    ip.stat.forward += 1
    ip.stat.fastforward += 1
    if data[off] == 0x45 and target is dst and m.fib == 0 and out is not ifp:
        _remember(vnet, ip, nh, src, dst)
    return True


def _refused(vnet: Vnet, ip: Ip, m: Mbuf) -> bool:
    """A packet with options: refused by net.inet.ip.process_options=2, else it goes the long way."""
    if ip.process_options != 2:
        return False
    drop(vnet, m, "ip_tryforward", "IP options are refused (net.inet.ip.process_options)")
    icmp_error(vnet, m, ICMP_UNREACH, ICMP_UNREACH_FILTER_PROHIB)
    return True


def _remember(vnet: Vnet, ip: Ip, nh: Nhop, src: bytes, dst: bytes) -> None:
    """The next packet of the flow needs none of these checks; the table forgets it when anything about it changes."""
    rib = vnet[Rtable].tables[AF_INET, 0]
    if rib.cache.get(dst) is not nh or ip.pfil.input is not None or ip.pfil.output is not None:
        return
    if len(rib.flows) >= MAXFLOWS:
        rib.flows.clear()
    rib.flows[int.from_bytes(src + dst, "big")] = nh
    ip.flows = rib.flows
    info = nh.ifp.afdata.get(AF_INET)
    if nh.gateway is not None and isinstance(nh.ifp, EtherIfnet) and info is not None:
        nh.prepend = info.lltable.entries.get(nh.gateway)


def _noroute(vnet: Vnet, ip: Ip, m: Mbuf, nh: Nhop | None) -> None:
    """ip_findroute failed: nowhere, a black hole, a directed broadcast or a rejected network."""
    if nh is None:
        ip.stat.noroute += 1
    ip.stat.cantforward += 1
    drop(vnet, m, "ip_findroute", _refusal(nh))
    if nh is None or not nh.flags & _DROP:
        icmp_error(vnet, m, ICMP_UNREACH, ICMP_UNREACH_HOST)


def _refusal(nh: Nhop | None) -> str:
    if nh is None:
        return "no route to the destination"
    if nh.flags & NHF_REJECT:
        return "reject route"
    return "blackhole route" if nh.flags & NHF_BLACKHOLE else "directed broadcast"


def _pfil_out(vnet: Vnet, ip: Ip, m: Mbuf, nh: Nhop, target: bytes, odst: bytes) -> tuple[Nhop, bytes] | None:
    """The firewalls on the way out; None if it ends here (M_FASTFWD_OURS: it is for us now)."""
    if ip.pfil.run_out(m, nh.ifp):
        m.flags &= ~M_FASTFWD_OURS
        return None
    data, off = m.data, m.off
    dst = bytes(data[off + 16 : off + 20])
    hop = m.tags.pop("ipforward", None) if m.tags and m.flags & M_IP_NEXTHOP else None
    if dst == odst and hop is None:
        # A next hop that was forced on the way in chose the interface only: FreeBSD asks the link for the destination.
        return nh, dst
    if m.flags & M_FASTFWD_OURS or in_localip(vnet, dst):
        m.flags |= M_FASTFWD_OURS
        return None
    if hop is not None:
        m.flags &= ~M_IP_NEXTHOP
        dst = hop
    if dst == target:
        return nh, target
    other = fib_lookup(vnet, AF_INET, dst, m.fib, 0, m.flowid)
    if other is None or other.flags & _ODD:
        _noroute(vnet, ip, m, other)
        return None
    return other, dst


def _transmit(ip: Ip, m: Mbuf, nh: Nhop, target: bytes) -> int:
    m.flags &= ~PROTOFLAGS
    if nh.flags & NHF_GATEWAY and nh.gateway is not None:
        return nh.ifp.output(m, AF_INET, nh.gateway, nh)
    return nh.ifp.output(m, AF_INET, target)


def _count(ip: Ip, error: int) -> None:
    if error:
        ip.stat.odropped += 1
    else:
        ip.stat.forward += 1
        ip.stat.fastforward += 1


def _send_fragments(vnet: Vnet, ip: Ip, m: Mbuf, nh: Nhop, target: bytes) -> None:
    """The packet does not fit: cut it, or tell the sender to."""
    if m.data[m.off + 6] & 0x40:
        ip.stat.cantfrag += 1
        drop(nh.ifp, m, "ip_tryforward", f"must not be fragmented and is too big for the MTU of {nh.mtu}")
        icmp_error(vnet, m, ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG, mtu=nh.mtu)
        return
    error = 0
    pieces = ip_fragment(ip, m, nh.mtu)
    if not pieces:
        return
    for piece in pieces:
        error = _transmit(ip, piece, nh, target)
        if error:
            break
    else:
        ip.stat.fragmented += 1
    _count(ip, error)


def _send_redirecting(vnet: Vnet, ip: Ip, m: Mbuf, nh: Nhop, target: bytes, size: int, src: bytes) -> None:
    """Out where it came in: the sender may be told of a better first hop."""
    copy = ip_redir_alloc(m, nh, src)
    if size > nh.mtu:
        _send_fragments(vnet, ip, m, nh, target)
    else:
        _count(ip, _transmit(ip, m, nh, target))
    if copy is not None and nh.gateway is not None:
        icmp_error(vnet, copy, ICMP_REDIRECT, ICMP_REDIRECT_HOST, nh.gateway)


def ip_redir_alloc(m: Mbuf, nh: Nhop, src: bytes) -> Mbuf | None:
    """A copy to quote in a redirect, if one is due (RFC 1812, 5.2.7.2)."""
    if nh.flags & (NHF_DEFAULT | NHF_REDIRECT | NHF_BLACKHOLE | NHF_REJECT) or not nh.flags & NHF_GATEWAY:
        return None
    if nh.gateway is None or len(nh.gateway) != 4 or nh.gateway == b"\0\0\0\0":
        return None
    ia = nh.ifa
    if ia is None or ia.family != AF_INET or not ia.covers(src):  # type: ignore[attr-defined]
        return None
    return m.copy()
