"""Sending IPv4 packets (netinet/ip_output.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from vshell.abi.errno import EACCES, EADDRNOTAVAIL, EHOSTUNREACH, EMSGSIZE, ENETUNREACH
from vshell.abi.in_ import IP_DEFAULT_MULTICAST_TTL
from vshell.abi.socket import AF_INET
from vshell.abi.sockio import IFF_BROADCAST, IFF_LOOPBACK, IFF_MULTICAST
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_loop import if_simloop
from vshell.kernel.net.mbuf import (
    LEADING_SPACE,
    M_BCAST,
    M_FASTFWD_OURS,
    M_IP_FRAG,
    M_IP_NEXTHOP,
    M_LOOP,
    M_MCAST,
    M_SKIP_FIREWALL,
    Mbuf,
)  # fmt: skip
from vshell.kernel.net.netisr import netisr_handlers
from vshell.kernel.net.route.nhop import NHF_BLACKHOLE, NHF_BROADCAST, NHF_GATEWAY, NHF_HOST, NHF_REJECT
from vshell.kernel.net.route.route_tables import Rtable, fib_lookup
from vshell.kernel.netinet.in_var import (
    ifa_ifwithbroadaddr,
    ifa_ifwithdstaddr,
    ifa_ifwithnet,
    in_broadcast,
    in_ifaddr_broadcast,
    in_localip,
    in_loopback,
)  # fmt: skip
from vshell.kernel.netinet.ip_var import IP_ALLOWBROADCAST, IP_FORWARDING, IP_RAWOUTPUT, IP_ROUTETOIF, IP_SENDONES, Ip, IpGlobal
from vshell.wire.cksum import in_cksum
from vshell.wire.ether import ETHERTYPE_IP
from vshell.wire.ip import IP_DF, IP_MAXPACKET, IP_MF, IPOPT_EOL, IPOPT_NOP

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.route.nhop import Nhop
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netinet.in_var import InIfaddr

PROTOFLAGS = M_SKIP_FIREWALL | M_FASTFWD_OURS | M_IP_NEXTHOP | M_IP_FRAG | M_LOOP
"""Marks of this layer that the next one must not see (m_clrprotoflags)."""
PAGE_SIZE = 4096

MAXPLAIN = 4096
_ODD = NHF_REJECT | NHF_BLACKHOLE | NHF_BROADCAST
_NO_SOURCE = (0, 127)
"""First bytes of a source address that is missing, or must stay on the host."""
NO_GATEWAY = NHF_GATEWAY | NHF_REJECT | NHF_BLACKHOLE


class Path:
    """Where a packet goes: interface, next hop, source address (what ip_output finds out first)."""

    __slots__ = ("broadcast", "gw", "ia", "ifp", "mtu", "nh")

    def __init__(self, ifp: Ifnet, gw: bytes, ia: Any, mtu: int, broadcast: bool, nh: Nhop | None = None) -> None:
        self.ifp = ifp
        self.gw = gw
        self.ia: InIfaddr | None = ia
        self.mtu = mtu
        self.broadcast = broadcast
        self.nh = nh
        """Handed to if_output when the next hop is a gateway, or none at all."""


def ip_output(
    vnet: Vnet, m: Mbuf, opt: bytes | None = None, ro: Nhop | None = None, flags: int = 0, imo: Any = None, inp: Any = None
) -> int:
    """Send a packet whose header has length, offset, ttl, protocol, tos, source and destination; returns an errno or 0.

    `opt` is a first hop (or 0.0.0.0) followed by the options to insert, `ro` a next hop known already, `imo` the multicast
    options and `inp` the protocol control block of the sending socket.
    """
    ip = vnet[Ip]
    if inp is not None:
        m.fib = inp.fib
    if ip.plain and not flags and not m.flags and not opt and ro is None and m.fib == 0:
        data, off = m.data, m.off
        plain = ip.plain.get(bytes(data[off + 16 : off + 20]))
        if plain is not None and ip.pfil.output is None and data[off + 12] not in _NO_SOURCE:
            nh, ifp, gw, ia, hop = plain
            size = data[off + 2] << 8 | data[off + 3]
            if size <= nh.mtu:
                data[off] = 0x45
                data[off + 4 : off + 6] = ip.fillid(data[off + 6] << 8 | data[off + 7])
                data[off + 10] = data[off + 11] = 0
                data[off + 10 : off + 12] = in_cksum(data[off : off + 20]).to_bytes(2, "big")
                ip.stat.localout += 1
                nh.pksent += 1
                if ia is not None:
                    ia.opackets += 1
                    ia.obytes += size
                sent: int = ifp.output(m, AF_INET, gw, hop)
                return sent
    if opt:
        ip_insertoptions(m, opt)
    data, off = m.data, m.off
    if not flags & (IP_FORWARDING | IP_RAWOUTPUT):
        hlen = 20 if not opt else 16 + len(opt)
        data[off] = 0x40 | hlen >> 2
        data[off + 4 : off + 6] = ip.fillid(data[off + 6] << 8 | data[off + 7])
    else:
        hlen = (data[off] & 0xF) << 2
    if not flags & IP_FORWARDING:
        ip.stat.localout += 1
    dst = bytes(data[off + 16 : off + 20])
    while True:
        path = _path(vnet, ip, m, dst, ro, flags, imo)
        if isinstance(path, int):
            return path
        done = _prepare(vnet, ip, m, path, hlen, flags, imo)
        if done is not None:
            return done
        if ip.pfil.output is None:
            if not flags and not m.flags and not opt and ro is None and m.fib == 0:
                _remember(vnet, ip, dst, path)
            break
        again = ip_output_pfil(vnet, ip, m, path.ifp, flags, inp)
        if isinstance(again, int):
            return again
        if again is None:
            break
        dst, ro = again, None
    return _send(ip, m, path, (m.data[m.off] & 0xF) << 2, flags)


def _remember(vnet: Vnet, ip: Ip, dst: bytes, path: Path) -> None:
    """The next packet to a destination that is neither a group nor a broadcast needs no decision (as with a cached route).

    The table forgets it when anything about it changes.
    """
    rib = vnet[Rtable].tables.get((AF_INET, 0))
    nh = rib.cache.get(dst) if rib is not None else None
    if rib is None or nh is None or nh.slots is not None or nh.flags & _ODD or nh.ifp is not path.ifp or path.broadcast:
        return
    if dst[0] & 0xF0 == 0xE0 or (dst[0] == 0x7F and not path.ifp.flags & IFF_LOOPBACK) or _lowest(path):
        return
    if len(rib.plain) >= MAXPLAIN:
        rib.plain.clear()
    rib.plain[dst] = (nh, path.ifp, path.gw, path.ia, path.nh)
    ip.plain = rib.plain


def _lowest(path: Path) -> bool:
    """May the next hop become a broadcast address by net.inet.ip.broadcast_lowest?"""
    return path.ia is not None and int.from_bytes(path.gw, "big") == path.ia.subnet


def _path(vnet: Vnet, ip: Ip, m: Mbuf, dst: bytes, ro: Nhop | None, flags: int, imo: Any) -> Path | int:
    """Find the way: by interface when asked to, by the multicast interface, else by the routing table."""
    if flags & (IP_SENDONES | IP_ROUTETOIF):
        return _toif(vnet, ip, m, dst, flags)
    if dst[0] & 0xF0 == 0xE0 and imo is not None and imo.ifp is not None:
        ifp = imo.ifp
        first = next((a for a in ip.in_ifaddrhead if a.ifp is ifp), None)
        return Path(ifp, dst, first, ifp.mtu, False)
    nh = ro if ro is not None else fib_lookup(vnet, AF_INET, dst, m.fib, 0, m.flowid)
    if nh is None:
        ip.stat.noroute += 1
        drop(vnet, m, "ip_output", "no route to the destination")
        return EHOSTUNREACH
    nh.pksent += 1
    ifp, nhflags = nh.ifp, nh.flags
    ia = cast("InIfaddr | None", nh.ifa)
    gw = nh.gateway if nhflags & NHF_GATEWAY and nh.gateway is not None else dst
    broadcast = False
    if nhflags & NHF_HOST and nhflags & NHF_BROADCAST:
        broadcast = True
    elif ifp.flags & IFF_BROADCAST and len(gw) == 4 and ia is not None and ia.family == AF_INET:
        broadcast = in_broadcast(dst) or in_ifaddr_broadcast(ip, gw, ia)
    return Path(ifp, gw, ia, nh.mtu, broadcast, nh if nhflags & NO_GATEWAY else None)


def _toif(vnet: Vnet, ip: Ip, m: Mbuf, dst: bytes, flags: int) -> Path | int:
    """SO_DONTROUTE, IP_ONESBCAST: the interface is the one whose address or network this is."""
    data, off = m.data, m.off
    if flags & IP_SENDONES:
        ia = ifa_ifwithbroadaddr(vnet, dst, m.fib) or ifa_ifwithdstaddr(vnet, dst, m.fib)
    else:
        ia = ifa_ifwithdstaddr(vnet, dst, m.fib) or ifa_ifwithnet(vnet, dst, m.fib)
    if ia is None:
        ip.stat.noroute += 1
        drop(vnet, m, "ip_output", "no interface has that network")
        return ENETUNREACH
    data[off + 8] = 1
    ifp = ia.ifp
    if flags & IP_SENDONES:
        data[off + 16 : off + 20] = b"\xff" * 4
        return Path(ifp, b"\xff" * 4, ia, ifp.mtu, True)
    broadcast = bool(ifp.flags & IFF_BROADCAST) and (in_broadcast(dst) or in_ifaddr_broadcast(ip, dst, ia))
    return Path(ifp, dst, ia, ifp.mtu, broadcast)


def _prepare(vnet: Vnet, ip: Ip, m: Mbuf, path: Path, hlen: int, flags: int, imo: Any) -> int | None:
    """Source address, multicast and broadcast rules.  An errno or 0 ends the sending, None lets it go on."""
    data, off = m.data, m.off
    ifp = path.ifp
    multicast = data[off + 16] & 0xF0 == 0xE0
    if multicast:
        m.flags |= M_MCAST
        path.gw, path.nh = bytes(data[off + 16 : off + 20]), None
        data[off + 8] = imo.ttl if imo is not None else IP_DEFAULT_MULTICAST_TTL
        if not ifp.flags & IFF_MULTICAST:
            ip.stat.noroute += 1
            return ENETUNREACH
    if not (data[off + 12] or data[off + 13] or data[off + 14] or data[off + 15]):
        data[off + 12 : off + 16] = path.ia.addr if path.ia is not None else bytes(4)
    if multicast:
        loop = imo.loop if imo is not None else vnet.kernel[IpGlobal].mcast_loop
        if loop:
            ip_mloopback(ifp, m, hlen)
        if not data[off + 8] or ifp.flags & IFF_LOOPBACK:
            return 0
        return None
    if not path.broadcast:
        m.flags &= ~M_BCAST
        return None
    if not ifp.flags & IFF_BROADCAST:
        return EADDRNOTAVAIL
    if not flags & IP_ALLOWBROADCAST:
        return EACCES
    if (data[off + 2] << 8 | data[off + 3]) > path.mtu:
        return EMSGSIZE
    m.flags |= M_BCAST
    return None


def ip_mloopback(ifp: Ifnet, m: Mbuf, hlen: int) -> None:
    """The sender of a multicast hears it too."""
    copy = m.copy()
    set_cksum(copy.data, copy.off, hlen)
    if_simloop(ifp, copy, AF_INET, 0)


def ip_output_pfil(vnet: Vnet, ip: Ip, m: Mbuf, ifp: Ifnet, flags: int, inp: Any) -> int | bytes | None:
    """Let the firewalls see it: an errno or 0 ends the sending, bytes are a new destination to route to, None is a pass."""
    data, off = m.data, m.off
    odst, ofib = data[off + 16 : off + 20], m.fib
    verdict = ip.pfil.run_out(m, ifp, inp)
    if verdict:
        return EACCES if verdict == 1 else 0
    data, off = m.data, m.off
    dst = bytes(data[off + 16 : off + 20])
    changed = dst != odst
    if changed:
        m.flags |= M_SKIP_FIREWALL
        if in_localip(vnet, dst):
            m.flags |= M_FASTFWD_OURS
        elif not m.flags & M_FASTFWD_OURS:
            return dst
    if m.flags & M_FASTFWD_OURS:
        rcvif = m.rcvif or vnet.loif or ifp
        m.rcvif = rcvif
        vnet.kernel.netisrq.append((netisr_handlers[ETHERTYPE_IP], rcvif, m))
        return 0
    if m.fib != ofib:
        m.flags |= M_SKIP_FIREWALL
        return dst
    if m.flags & M_IP_NEXTHOP and m.tags and "ipforward" in m.tags:
        m.flags = (m.flags | M_SKIP_FIREWALL) & ~M_IP_NEXTHOP
        hop: bytes = m.tags.pop("ipforward")
        return hop
    return None


def set_cksum(data: bytearray, off: int, hlen: int) -> None:
    """Compute the header checksum."""
    data[off + 10] = data[off + 11] = 0
    data[off + 10 : off + 12] = in_cksum(data[off : off + hlen]).to_bytes(2, "big")


def _loopback_on_wire(ip: Ip, data: bytearray, off: int, ifp: Ifnet) -> bool:
    """Loopback addresses must not leave the host (RFC 1122)."""
    if ifp.flags & IFF_LOOPBACK:
        return False
    return in_loopback(ip, data[off + 16 : off + 20]) or in_loopback(ip, data[off + 12 : off + 16])


def _send(ip: Ip, m: Mbuf, path: Path, hlen: int, flags: int) -> int:
    """Checksum, fragments, and over to the interface."""
    data, off, ifp = m.data, m.off, path.ifp
    if (data[off + 16] == 127 or data[off + 12] == 127) and _loopback_on_wire(ip, data, off, ifp):
        ip.stat.badaddr += 1
        drop(ifp, m, "ip_output", "loopback addresses must not leave the host")
        return EADDRNOTAVAIL
    size = data[off + 2] << 8 | data[off + 3]
    ia = path.ia
    if size <= path.mtu:
        set_cksum(data, off, hlen)
        if ia is not None and not flags & IP_FORWARDING:
            ia.opackets += 1
            ia.obytes += size
        m.flags &= ~PROTOFLAGS
        return ifp.output(m, AF_INET, path.gw, path.nh)
    if data[off + 6] & 0x40:
        ip.stat.cantfrag += 1
        drop(ifp, m, "ip_output", f"must not be fragmented and is too big for the MTU of {path.mtu}")
        return EMSGSIZE
    pieces = ip_fragment(ip, m, path.mtu)
    if not pieces:
        return EMSGSIZE
    for piece in pieces:
        if ia is not None:
            ia.opackets += 1
            ia.obytes += len(piece)
        piece.flags &= ~PROTOFLAGS
        if error := ifp.output(piece, AF_INET, path.gw, path.nh):
            return error
    ip.stat.fragmented += 1
    return 0


def ip_fragment(ip: Ip, m: Mbuf, mtu: int) -> list[Mbuf]:
    """Cut a packet into pieces that fit; an empty list if that cannot be."""
    data, off = m.data, m.off
    hlen = (data[off] & 0xF) << 2
    size = data[off + 2] << 8 | data[off + 3]
    frag = data[off + 6] << 8 | data[off + 7]
    room = (mtu - hlen) & ~7
    if frag & IP_DF or room < 8:
        ip.stat.cantfrag += 1
        return []
    first = room
    if room > PAGE_SIZE and min(mtu, size) >= hlen:
        page = mtu & ~(PAGE_SIZE - 1)
        if page + 20 <= mtu:
            first, room = (min(mtu, size) - hlen) & ~7, page
    header = bytes(data[off : off + hlen])
    rest = ip_optcopy(header)
    body = bytes(data[off + hlen : off + size])
    pieces = [_piece(m, header, frag | IP_MF, body[:first])]
    at = first
    while at < len(body):
        part = body[at : at + room]
        more = IP_MF if at + room < len(body) else 0
        pieces.append(_piece(m, rest, frag + (at >> 3) | more, part))
        at += room
    ip.stat.ofragments += len(pieces)
    return pieces


def _piece(m: Mbuf, header: bytes, frag: int, body: bytes) -> Mbuf:
    data = bytearray(LEADING_SPACE) + header + body
    off = LEADING_SPACE
    data[off + 2 : off + 4] = (len(header) + len(body)).to_bytes(2, "big")
    data[off + 6 : off + 8] = frag.to_bytes(2, "big")
    set_cksum(data, off, len(header))
    new = Mbuf(data, off, m.rcvif, m.fib)
    new.flags, new.flowid, new.vtag = m.flags, m.flowid, m.vtag
    if m.tags:
        new.tags = dict(m.tags)
    return new


def ip_optcopy(header: bytes) -> bytes:
    """The header for fragments after the first: only options marked to be copied."""
    if len(header) == 20:
        return header
    kept = b""
    at = 20
    while at < len(header):
        kind = header[at]
        if kind == IPOPT_EOL:
            break
        if kind == IPOPT_NOP:
            kept += header[at : at + 1]
            at += 1
            continue
        size = header[at + 1] if at + 1 < len(header) else 0
        if size < 2 or at + size > len(header):
            break
        if kind & 0x80:
            kept += header[at : at + size]
        at += size
    kept += bytes(-len(kept) % 4)
    return bytes((0x40 | (20 + len(kept)) >> 2,)) + header[1:20] + kept


def ip_insertoptions(m: Mbuf, opt: bytes) -> None:
    """Put options behind the header; a first hop in front of them becomes the destination."""
    data, off = m.data, m.off
    size = data[off + 2] << 8 | data[off + 3]
    extra = len(opt) - 4
    if extra + size > IP_MAXPACKET:
        return
    header = bytearray(data[off : off + 20])
    if opt[:4] != b"\0\0\0\0":
        header[16:20] = opt[:4]
    header[0] = 0x40 | (20 + extra) >> 2
    header[2:4] = (size + extra).to_bytes(2, "big")
    m.adj(20)
    m.prepend(header + opt[4:])
