"""Receiving IPv6: checks, is it ours, extension headers, protocols (netinet6/ip6_input.c, dest6.c, route6.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vshell.abi.in6 import IN6_IFF_NOTREADY, ND6_IFF_IFDISABLED
from vshell.abi.socket import AF_INET6
from vshell.abi.sockio import IFF_LOOPBACK
from vshell.kernel.net.mbuf import M_LOOP, M_MCAST, M_PROMISC, Mbuf
from vshell.kernel.net.netisr import ETHERTYPE_IPV6, netisr_handlers
from vshell.kernel.netinet6.in6_var import In6Ifextra, Ip6, ext6
from vshell.kernel.netinet6.ip6_output import ip6_forward
from vshell.wire.ip6 import (
    ICMP6_PARAM_PROB,
    ICMP6_PARAMPROB_HEADER,
    ICMP6_PARAMPROB_NEXTHEADER,
    ICMP6_PARAMPROB_OPTION,
    IP6_HLEN,
    LOOPBACK,
    UNSPECIFIED,
    is_linklocal,
    is_multicast,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet

IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_NONE, IPPROTO_DSTOPTS = 0, 43, 44, 59, 60
MAXHDRS = 15
V4MAPPED = bytes(10) + b"\xff\xff"

ip6_protox: dict[int, Callable[[Ifnet, Mbuf, int], object]] = {}
"""Upper protocols by number: f(ifp, m, off); `m.off` is at the IPv6 header, the payload `off` bytes behind it."""


def ip6_input(ifp: Ifnet, m: Mbuf) -> None:
    """A packet arrived on an interface."""
    extra: In6Ifextra | None = ifp.afdata.get(AF_INET6)
    if extra is None:
        return
    ip6 = extra.ip6
    stat = ip6.ip6stat
    data, off = m.data, m.off
    stat.total += 1
    extra.ifstat["in_receive"] += 1
    if extra.nd.flags & ND6_IFF_IFDISABLED:
        return
    size = len(data) - off
    if size < IP6_HLEN:
        stat.toosmall += 1
        return
    if data[off] >> 4 != 6:
        stat.badvers += 1
        return
    stat.nxthist[data[off + 6]] += 1
    plen = data[off + 4] << 8 | data[off + 5]
    if plen + IP6_HLEN > size:
        stat.tooshort += 1
        return
    if plen + IP6_HLEN < size:
        del data[off + IP6_HLEN + plen :]
    src, dst = bytes(data[off + 8 : off + 24]), bytes(data[off + 24 : off + 40])
    if is_multicast(src) or dst == UNSPECIFIED or _bad_scope(ifp, m, src, dst):
        stat.badscope += 1
        return
    if ip6.pfil is not None:
        if ip6.pfil.run_in(m, ifp):
            return
        dst = bytes(m.data[m.off + 24 : m.off + 40])
    m.rcvif = ifp
    if is_multicast(dst):
        m.flags |= M_MCAST
        if dst not in extra.groups:
            stat.notmember += 1
            stat.cantforward += 1
            return
        ip6_deliver(ifp, m)
        return
    for ia in ip6.hash.get(dst, ()):
        if is_linklocal(dst) and ia.ifp is not ifp:
            continue
        if ia.flags6 & IN6_IFF_NOTREADY:
            return
        ip6_deliver(ifp, m)
        return
    if not ip6.forwarding or m.flags & M_PROMISC:
        stat.cantforward += 1
        return
    ip6_forward(ifp, m)


def _bad_scope(ifp: Ifnet, m: Mbuf, src: bytes, dst: bytes) -> bool:
    """Addresses that have no business on a wire."""
    if src[:12] == V4MAPPED or dst[:12] == V4MAPPED:
        return True
    if ifp.flags & IFF_LOOPBACK or m.flags & M_LOOP:
        return False
    if src == LOOPBACK or dst == LOOPBACK:
        return True
    return is_multicast(dst) and dst[1] & 0x0F in (0, 1)


def ip6_deliver(ifp: Ifnet, m: Mbuf) -> None:
    """Walk the header chain of a packet for us and give it to its protocol."""
    from vshell.kernel.netinet6.icmp6 import icmp6_error

    ip6: Ip6 = ifp.vnet[Ip6]
    ip6.ip6stat.delivered += 1
    extra = ext6(ifp)
    if extra is not None:
        extra.ifstat["in_deliver"] += 1
    nxt, off, where = m.data[m.off + 6], IP6_HLEN, 6
    for _ in range(MAXHDRS):
        if nxt == IPPROTO_NONE:
            return
        if nxt in (IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_ROUTING):
            if nxt == IPPROTO_HOPOPTS and where != 6:
                break
            step = _extension(ifp, m, nxt, off)
            if step is None:
                return
            where = off
            nxt, off = m.data[m.off + off], off + step
            continue
        if nxt == IPPROTO_FRAGMENT:
            from vshell.kernel.netinet6.frag6 import frag6_input

            whole = frag6_input(ifp, m, off, where)
            if whole is None:
                return
            m, nxt = whole
            continue
        handler = ip6_protox.get(nxt)
        if handler is not None:
            handler(ifp, m, off)
            return
        from vshell.kernel.netinet6.raw_ip6 import rip6_input

        if not rip6_input(ifp, m, off, nxt):
            break
        return
    icmp6_error(ifp.vnet, m, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_NEXTHEADER, where, ifp)


def _extension(ifp: Ifnet, m: Mbuf, kind: int, off: int) -> int | None:
    """Process an extension header; its length, or None if the packet was dropped."""
    from vshell.kernel.netinet6.icmp6 import icmp6_error

    base = m.off + off
    if base + 2 > len(m.data) or base + (m.data[base + 1] + 1) * 8 > len(m.data):
        ifp.vnet[Ip6].ip6stat.tooshort += 1
        return None
    size = (m.data[base + 1] + 1) * 8
    if kind == IPPROTO_ROUTING:
        if m.data[base + 3]:  # segments left: type 0 is no longer followed (RFC 5095)
            icmp6_error(ifp.vnet, m, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, off + 2, ifp)
            return None
        return size
    return size if _options(ifp, m, off, size) else None


def _options(ifp: Ifnet, m: Mbuf, off: int, size: int) -> bool:
    """Options of a hop-by-hop or destination header: skip what may be skipped (RFC 8200, 4.2)."""
    from vshell.kernel.netinet6.icmp6 import icmp6_error

    at, end = off + 2, off + size
    data, base = m.data, m.off
    while at < end:
        kind = data[base + at]
        if kind == 0:
            at += 1
            continue
        if at + 2 > end or at + 2 + data[base + at + 1] > end:
            ifp.vnet[Ip6].ip6stat.toosmall += 1
            return False
        if kind not in (1, 5):
            action = kind >> 6
            if action:
                multicast = is_multicast(bytes(data[base + 24 : base + 40]))
                if action == 2 or (action == 3 and not multicast):
                    icmp6_error(ifp.vnet, m, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_OPTION, at, ifp)
                return False
        at += 2 + data[base + at + 1]
    return True


netisr_handlers[ETHERTYPE_IPV6] = ip6_input
