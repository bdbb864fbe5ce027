"""Fragments of IPv6: put together before rules see them, taken apart again when they leave (netpfil/pf/pf_norm.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.socket import AF_INET6
from vshell.kernel.net.mbuf import M_SKIP_FIREWALL, m_get
from vshell.kernel.net.pfil import PFIL_CONSUMED, PFIL_DROPPED
from vshell.kernel.net.route.nhop import NHF_GATEWAY
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netpfil.pf.pf_pdesc import RES_FRAG, Pdesc

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf

TAG = "pf_reassembled"
ICMP6_PACKET_TOO_BIG = 2
IP6_HLEN, FRAG_HLEN = 40, 8
FRAGMENT_HEADER = 44


def fragment_header(m: Mbuf) -> tuple[int, int] | None:
    """(where the fragment header is, where the byte is that names it), counted from the IPv6 header."""
    data, off = m.data, m.off
    nxt, where, at = data[off + 6], 6, IP6_HLEN
    while nxt in (0, 43, 60) and off + at + 2 <= len(data):
        nxt, where, at = data[off + at], at, at + (data[off + at + 1] + 1) * 8
    if nxt != FRAGMENT_HEADER or off + at + FRAG_HLEN > len(data):
        return None
    return at, where


def normalize6(pd: Pdesc) -> bool:
    """pf_normalize_ip6: False if the packet is dropped, or kept until the rest comes."""
    m = pd.m
    found = fragment_header(m)
    if found is None:
        return True
    at, where = found
    data, off = m.data, m.off
    offlg = data[off + at + 2] << 8 | data[off + at + 3]
    if not offlg & 0xFFF9:
        return True
    start, more = offlg & 0xFFF8, bool(offlg & 1)
    end = off + IP6_HLEN + (data[off + 4] << 8 | data[off + 5])
    body = bytes(data[off + at + FRAG_HLEN : end])
    if (more and len(body) & 7) or start + len(body) > 65535:
        pd.reason = RES_FRAG
        return False
    ident = int.from_bytes(data[off + at + 4 : off + at + 8], "big")
    key = (bytes(data[off + 8 : off + 24]), bytes(data[off + 24 : off + 40]), 0, ident)
    whole = pd.pf.fragments.piece(key, m, start, body, more)
    if whole is None:
        pd.kept = True
        return False
    first, content, longest = whole
    at, where = fragment_header(first) or (at, where)
    head = first.data[first.off : first.off + at]
    head[where] = first.data[first.off + at]
    head[4:6] = (at - IP6_HLEN + len(content)).to_bytes(2, "big")
    m.data, m.off = first.data[: first.off] + head + content, first.off
    m.tags = {**(m.tags or {}), TAG: (at, where, longest, ident)}
    return True


def refragment6(pd: Pdesc) -> int:
    """pf_refragment6: the pieces go out one by one, none longer than the longest that came."""
    m, ifp, vnet = pd.m, pd.ifp, pd.pf.vnet
    at, where, longest, ident = (m.tags or {})[TAG]
    data = m.data[m.off :]
    head, payload = data[:at], bytes(data[at:])
    nxt, head[where] = head[where], FRAGMENT_HEADER
    room = longest & ~7
    dst = bytes(data[24:40])
    nh = fib_lookup(vnet, AF_INET6, dst, m.fib)
    if nh is None or room < FRAG_HLEN:
        pd.pf.why = "denied by pf: a packet cannot be taken apart again"
        return PFIL_DROPPED
    gateway = (nh.gateway if nh.flags & NHF_GATEWAY else None) or dst
    for start in range(0, len(payload), room):
        part = payload[start : start + room]
        more = start + room < len(payload)
        head[4:6] = (at - IP6_HLEN + FRAG_HLEN + len(part)).to_bytes(2, "big")
        header = head + bytes((nxt, 0)) + (start | more).to_bytes(2, "big") + ident.to_bytes(4, "big")
        piece = m_get(header + part, m.fib)
        piece.flags |= M_SKIP_FIREWALL
        if len(piece) > ifp.mtu:
            from vshell.kernel.netinet6.icmp6 import icmp6_error

            icmp6_error(vnet, piece, ICMP6_PACKET_TOO_BIG, 0, ifp.mtu, m.rcvif)
        else:
            ifp.output(piece, AF_INET6, gateway)
    return PFIL_CONSUMED


def is_reassembled(pd: Pdesc) -> bool:
    """Is a packet on its way out that came in pieces?"""
    return pd.dir == P.PF_OUT and pd.m.tags is not None and TAG in pd.m.tags
