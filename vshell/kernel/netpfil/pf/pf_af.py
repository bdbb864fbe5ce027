"""Packets change their family: af-to (pf_get_transaddr_af, pf_translate_af of netpfil/pf; RFC 6052, RFC 7915)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.socket import AF_INET
from vshell.kernel.net.mbuf import M_SKIP_FIREWALL, m_get
from vshell.kernel.netinet.ip_output import ip_output
from vshell.kernel.netpfil.pf.pf_lb import get_sport, map_addr
from vshell.kernel.netpfil.pf.pf_pdesc import CKSUMS, ICMP, ICMPV6, SCTP, TCP, UDP, Pdesc
from vshell.kernel.netpfil.pf.pf_send import send_icmp
from vshell.wire.cksum import in_cksum, in_pseudo

if TYPE_CHECKING:
    from vshell.kernel.netpfil.pf.pf_pool import Pool
    from vshell.kernel.netpfil.pf.pf_ruleset import Krule
    from vshell.kernel.netpfil.pf.pf_test import Test

PLACES = {32: (4, 5, 6, 7), 40: (5, 6, 7, 9), 48: (6, 7, 9, 10), 56: (7, 9, 10, 11), 64: (9, 10, 11, 12), 96: (12, 13, 14, 15)}
"""Where an IPv4 address lies in an IPv6 one, by the length of the prefix."""
ECHO = {128: 8, 129: 0}
ECHO6 = {8: 128, 0: 129}
TTL_MAX = 64


def _places(length: int) -> tuple[int, ...]:
    return PLACES[max(size for size in PLACES if size <= max(32, length))]


def extract(addr: bytes, length: int) -> bytes:
    """inet_nat64 to IPv4."""
    return bytes(addr[i] for i in _places(length))


def embed(addr: bytes, prefix: bytes, length: int) -> bytes:
    """inet_nat64 to IPv6."""
    places = _places(length)
    out = bytearray(prefix[: places[0]].ljust(16, b"\0"))
    out[8] = 0 if length < 96 else out[8]
    for i, octet in zip(places, addr, strict=True):
        out[i] = octet
    return bytes(out)


def _length(pool: Pool) -> int:
    """Of the prefix of the address a pool gave."""
    entry = pool.pool.list[min(pool.cur, len(pool.pool.list) - 1)]
    return int.from_bytes(entry.addr.mask, "big").bit_count()


def get_transaddr_af(t: Test, r: Krule) -> bool:
    """pf_get_transaddr_af: the addresses and ports of the other family go into the packet's description."""
    pd = t.pd
    found = get_sport(t, r, r.nat, *r.nat.pool.proxy_port) if r.nat else None
    if found is None:
        return False
    nsaddr, pd.nsport = found
    if pd.proto in (ICMP, ICMPV6):
        table = ECHO if pd.naf == AF_INET else ECHO6
        pd.ndport = table.get(pd.ndport, pd.ndport)
    if r.rdr:
        naddr = map_addr(t, r, r.rdr, pd.naf, nsaddr, P.PF_SN_NAT)
        if naddr is None:
            return False
        pd.ndport = r.rdr.pool.proxy_port[0] or pd.ndport
        length = _length(r.rdr)
        if pd.naf == AF_INET:
            mask = int.from_bytes(r.rdr.pool.list[0].addr.mask[:4], "big")
            number = int.from_bytes(naddr, "big") & mask | int.from_bytes(pd.ndaddr[12:], "big") & ~mask & 0xFFFFFFFF
            pd.ndaddr = number.to_bytes(4, "big")
        else:
            pd.ndaddr = embed(pd.ndaddr, naddr, min(length, 96))
    elif pd.naf == AF_INET:
        length = int.bit_count(r.dst.mask)
        pd.ndaddr = extract(pd.ndaddr, length if length >= 32 else 96)
    else:
        pd.ndaddr = embed(pd.ndaddr, nsaddr, min(_length(r.nat), 96))
    pd.nsaddr = nsaddr
    return True


def translate(pd: Pdesc) -> bool:
    """pf_translate_af, and what pf_route does then: the packet goes on in its new form; False if it cannot."""
    if pd.ttl <= 1:
        send_icmp(pd, *((11, 0) if pd.af == AF_INET else (3, 0)))
        return False
    body = bytearray(pd.data[pd.off : pd.m.off + pd.tot_len])
    proto = {ICMP: ICMPV6, ICMPV6: ICMP}.get(pd.proto, pd.proto)
    if proto in (TCP, UDP, SCTP):
        body[:4] = pd.nsport.to_bytes(2, "big") + pd.ndport.to_bytes(2, "big")
    elif pd.inner:
        body = bytearray(pd.inner)
    elif proto in (ICMP, ICMPV6) and not _icmp(pd, body):
        return False
    at = 2 if proto == ICMP else CKSUMS.get(proto)
    if at is not None:
        body[at : at + 2] = b"\0\0"
        start = 0 if proto == ICMP else in_pseudo(pd.nsaddr, pd.ndaddr, proto, len(body))
        body[at : at + 2] = in_cksum(bytes(body), start).to_bytes(2, "big")
    ttl = min(pd.ttl, TTL_MAX if pd.naf != AF_INET else 255) - 1
    if pd.naf == AF_INET:
        size = (20 + len(body)).to_bytes(2, "big")
        header = bytes((0x45, pd.tos)) + size + bytes(4) + bytes((ttl, proto)) + b"\0\0" + pd.nsaddr + pd.ndaddr
    else:
        word = (6 << 28 | pd.tos << 20).to_bytes(4, "big")
        header = word + len(body).to_bytes(2, "big") + bytes((proto, ttl)) + pd.nsaddr + pd.ndaddr
    m = m_get(header + bytes(body), pd.m.fib)
    m.flags |= M_SKIP_FIREWALL
    vnet = pd.pf.vnet
    if pd.naf == AF_INET:
        ip_output(vnet, m)
        return True
    from vshell.kernel.netinet6.ip6_output import ip6_output

    ip6_output(vnet, m)
    return True


def _icmp(pd: Pdesc, body: bytearray) -> bool:
    """pf_translate_icmp_af: echoes."""
    table = ECHO if pd.naf == AF_INET else ECHO6
    kind = table.get(body[0])
    if kind is None:
        return False
    ident = pd.nsport if kind in (8, 128) else pd.ndport
    body[0] = kind
    body[4:6] = ident.to_bytes(2, "big")
    return True
