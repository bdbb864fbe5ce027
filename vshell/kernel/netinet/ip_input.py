"""Receiving IPv4 packets: checks, the choice between forwarding and delivery (netinet/ip_input.c)."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from vshell.abi.socket import AF_INET
from vshell.abi.sockio import IFF_BROADCAST, IFF_LOOPBACK, IFF_MONITOR
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_ethersubr import HEADER, RUNNING
from vshell.kernel.net.mbuf import M_BCAST, M_CSUM_IP, M_FASTFWD_OURS, M_IP_NEXTHOP, M_MCAST, Mbuf
from vshell.kernel.net.netisr import netisr_handlers
from vshell.kernel.netinet.in_proto import IPPROTO_ANY, ip_protox
from vshell.kernel.netinet.in_var import in_addrs, in_broadcast, in_linklocal, in_localip_fib, in_loopback
from vshell.kernel.netinet.ip_fastfwd import ip_tryforward
from vshell.kernel.netinet.ip_forward import ip_forward
from vshell.kernel.netinet.ip_options import ip_dooptions
from vshell.kernel.netinet.ip_reass import ip_reass
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netinet.lltable import LLE_DELETED, LLE_VALID
from vshell.wire.ether import ETHERTYPE_IP

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet

_unpack = Struct("!BxH8x4s4s").unpack_from
_unpack_flow = Struct("!BxH4xBxHQ").unpack_from
"""vhl, length, ttl, checksum, and source and destination as one number."""
_pack_ether = HEADER.pack_into
_from_bytes = int.from_bytes
_USABLE = LLE_VALID | LLE_DELETED
_SENDING = RUNNING | IFF_MONITOR


def ip_input(ifp: Ifnet, m: Mbuf) -> None:
    """A packet came in over `ifp`; `m.off` is at its header.

    One of a flow that ip_tryforward has decided about is passed on at once, unless anything about it is unusual.
    """
    ip = ifp.vnet[Ip]
    flows = ip.flows
    data, off = m.data, m.off
    room = len(data) - off
    if not flows or room < 20 or off < 14:
        _ip_input(ifp, m, ip)
        return
    vhl, size, ttl, cksum, pair = _unpack_flow(data, off)
    nh = flows.get(pair)
    if nh is None or vhl != 0x45 or size != room or ttl <= 1 or m.fib or not ip.forwarding:
        _ip_input(ifp, m, ip)
        return
    out = nh.ifp
    if out is ifp or size > nh.mtu or (m.flags != M_CSUM_IP and not _proven(m, data, off)):
        _ip_input(ifp, m, ip)
        return
    ip.flowed += 1
    data[off + 8] = ttl - 1
    if cksum < 0xFF00:
        data[off + 10] = (cksum >> 8) + 1
    else:
        cksum -= 0xFEFF
        data[off + 10] = cksum >> 8
        data[off + 11] = cksum & 0xFF
    lle = nh.prepend
    if lle is None or lle.flags & _USABLE != LLE_VALID or lle.skip_req or out.flags & _SENDING != RUNNING or out.hooked:
        gateway = nh.gateway
        error = out.output(m, AF_INET, gateway or bytes(data[off + 16 : off + 20]), nh if gateway else None)
    else:
        m.off = off = off - 14
        _pack_ether(data, off, lle.lladdr, out.lladdr, 0x0800)
        error = out.transmit(m)
    if error:
        ip.undo_flowed()


def _proven(m: Mbuf, data: bytearray, off: int) -> bool:
    """Is the header's checksum right, and nothing else to be known about the packet?"""
    if m.flags or _from_bytes(data[off : off + 20], "big") % 65535:
        return False
    m.flags = M_CSUM_IP
    return True


def _ip_input(ifp: Ifnet, m: Mbuf, ip: Ip) -> None:
    """A packet that needs to be looked at."""
    vnet = ifp.vnet
    data, off = m.data, m.off
    if m.flags & M_FASTFWD_OURS:
        m.flags &= ~M_FASTFWD_OURS
        ip_ours(ifp, vnet, ip, m)
        return
    ip.stat.total += 1
    room = len(data) - off
    if room < 20:
        ip.stat.tooshort += 1
        drop(ifp, m, "ip_input", "packet is shorter than its header")
        return
    vhl, size, src, dst = _unpack(data, off)
    hlen = 20
    if vhl != 0x45:
        hlen = (vhl & 0xF) << 2
        if _bad_header(ip, vhl, hlen, room):
            drop(ifp, m, "ip_input", "bad version or header length")
            return
    if (dst[0] == 127 or src[0] == 127) and not ifp.flags & IFF_LOOPBACK and (in_loopback(ip, dst) or in_loopback(ip, src)):
        ip.stat.badaddr += 1
        drop(ifp, m, "ip_input", "loopback address on a link")
        return
    if not m.flags & M_CSUM_IP and _from_bytes(data[off : off + hlen], "big") % 65535:
        ip.stat.badsum += 1
        drop(ifp, m, "ip_input", "checksum of the IP header is wrong")
        return
    if size != room:
        if size < hlen or size > room:
            if size < hlen:
                ip.stat.badlen += 1
            else:
                ip.stat.tooshort += 1
            drop(ifp, m, "ip_input", "length in the header is wrong")
            return
        del data[off + size :]
    if ip.forwarding:
        if ip_tryforward(ifp, vnet, ip, m, src, dst, size):
            return
        if m.flags & M_FASTFWD_OURS:
            m.flags &= ~M_FASTFWD_OURS
            ip_ours(ifp, vnet, ip, m)
            return
    _ip_input2(ifp, vnet, ip, m, hlen, dst)


def _bad_header(ip: Ip, vhl: int, hlen: int, room: int) -> bool:
    """Count a header that is none."""
    if vhl >> 4 != 4:
        ip.stat.badvers += 1
        return True
    if hlen < 20 or hlen > room:
        ip.stat.badhlen += 1
        return True
    return False


def _ip_input2(ifp: Ifnet, vnet: Vnet, ip: Ip, m: Mbuf, hlen: int, dst: bytes) -> None:
    """The rest of ip_input: firewalls, options, and whose packet it is."""
    changed = False
    if ip.pfil.input is not None:
        if ip.pfil.run_in(m, ifp):
            return
        data, off = m.data, m.off
        now = bytes(data[off + 16 : off + 20])
        changed, dst = now != dst, now
        if m.flags & M_FASTFWD_OURS:
            m.flags &= ~M_FASTFWD_OURS
            ip_ours(ifp, vnet, ip, m)
            return
        if m.flags & M_IP_NEXTHOP and m.tags and "ipforward" in m.tags:
            ip_forward(ifp, vnet, m, True)
            return
    if dst == b"\0\0\0\0":
        ip.stat.badaddr += 1
        drop(ifp, m, "ip_input", "destination is 0.0.0.0")
        return
    if hlen > 20:
        if ip_dooptions(ifp, vnet, m, hlen):
            return
        dst = bytes(m.data[m.off + 16 : m.off + 20])
    verdict = _whose(ifp, vnet, ip, m, dst, changed)
    if verdict == OURS:
        ip_ours(ifp, vnet, ip, m)
    elif verdict == FORWARD:
        if ip.forwarding:
            ip_forward(ifp, vnet, m, changed)
        else:
            ip.stat.cantforward += 1
            drop(ifp, m, "ip_input", "not for us, and net.inet.ip.forwarding is 0")


DROP, OURS, FORWARD = 0, 1, 2


def _whose(ifp: Ifnet, vnet: Vnet, ip: Ip, m: Mbuf, dst: bytes, changed: bool) -> int:
    """Is a packet for us, to be forwarded, or refused?"""
    if not ip.in_ifaddrhead and not m.flags & (M_MCAST | M_BCAST):
        return OURS
    size = len(m.data) - m.off
    mine = ip.inaddr_hash.get(dst)
    if mine is not None:
        ia = mine[0]
        strong = ip.strong_es and not ip.forwarding and not ifp.flags & IFF_LOOPBACK and ifp.carp is None and not changed
        if strong and ia.ifp is not ifp:
            ip.stat.badaddr += 1
            drop(ifp, m, "ip_input", "address of another interface (net.inet.ip.rfc1122_strong_es)")
            return DROP
        validate = ip.source_address_validation and not ifp.flags & IFF_LOOPBACK
        if validate and in_localip_fib(vnet, bytes(m.data[m.off + 12 : m.off + 16]), ifp.fib):
            ip.stat.badaddr += 1
            drop(ifp, m, "ip_input", "source is an address of our own")
            return DROP
        ia.ipackets += 1
        ia.ibytes += size
        return OURS
    if ifp.flags & IFF_BROADCAST:
        for ia in in_addrs(ifp):
            if ia.broadaddr == dst:
                ia.ipackets += 1
                ia.ibytes += size
                return OURS
    if dst[0] & 0xF0 == 0xE0 or in_broadcast(dst):
        return OURS
    if in_linklocal(dst) or in_linklocal(m.data[m.off + 12 : m.off + 16]):
        ip.stat.cantforward += 1
        drop(ifp, m, "ip_input", "link-local addresses are not forwarded")
        return DROP
    return FORWARD


def ip_ours(ifp: Ifnet, vnet: Vnet, ip: Ip, m: Mbuf) -> None:
    """Deliver a packet to its protocol, once it is whole."""
    local = ip.pfil_local
    if local is not None and local.output is not None and local.run_out(m, vnet.loif or ifp):
        return
    data, off = m.data, m.off
    if data[off + 6] & 0x3F or data[off + 7]:
        whole = ip_reass(vnet, m)
        if whole is None:
            return
        m = whole
        data, off = m.data, m.off
    ip.stat.delivered += 1
    proto = data[off + 9]
    deliver = ip_protox.get(proto)
    if deliver is None:
        deliver = ip_protox[IPPROTO_ANY]
    deliver(ifp, m, (data[off] & 0xF) << 2, proto)


netisr_handlers[ETHERTYPE_IP] = ip_input
