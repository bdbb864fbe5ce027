"""Receiving IPv6: checks, is it ours, extension headers, protocols (netinet6/ip6_input.c, dest6.c, route6.c)."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING

from vshell.abi.in6 import IN6_IFF_NOTREADY, ND6_IFF_IFDISABLED, ND6_LLINFO_REACHABLE
from vshell.abi.socket import (
    AF_INET6,
    IPPROTO_DSTOPTS,
    IPPROTO_FRAGMENT,
    IPPROTO_HOPOPTS,
    IPPROTO_NONE,
    IPPROTO_ROUTING,
)
from vshell.abi.sockio import IFF_LOOPBACK, IFF_MONITOR
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_ethersubr import HEADER, RUNNING
from vshell.kernel.net.mbuf import M_FASTFWD_OURS, M_IP_NEXTHOP, M_LOOP, M_MCAST, M_PROMISC, Mbuf
from vshell.kernel.net.netisr import netisr_handlers
from vshell.kernel.net.route.nhop import NHF_GATEWAY
from vshell.kernel.netinet6.in6_var import In6Ifextra, Ip6, ext6, in6_localip
from vshell.kernel.netinet6.ip6_output import ip6_forward
from vshell.wire.ether import ETHERTYPE_IPV6
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

MAXHDRS = 15
_unpack_flow = Struct("!IHBB32s").unpack_from
"""Version and flow label, payload length, next header, hop limit, and source and destination as one."""
_pack_ether = HEADER.pack_into
_SENDING = RUNNING | IFF_MONITOR
V4MAPPED = bytes(10) + b"\xff\xff"

ip6_protox: dict[int, Callable[[Ifnet, Mbuf, int], object]] = {}
"""Upper protocols by number: f(ifp, m, off); `m.off` is at the IPv6 header, the payload `off` bytes behind it."""


def ip6_input(ifp: Ifnet, m: Mbuf) -> None:
    """A packet arrived on an interface.

    One of a flow that ip6_forward has decided about is passed on at once, unless anything about it is unusual.
    """
    extra: In6Ifextra | None = ifp.afdata.get(AF_INET6)
    if extra is None:
        return
    ip6 = extra.ip6
    flows = ip6.flows
    data, off = m.data, m.off
    if not flows or off < 14 or len(data) - off < IP6_HLEN or not ip6.forwarding or m.flags or m.fib or ip6.pfil is not None:
        _ip6_input(ifp, m, extra, ip6)
        return
    word, plen, nxt, hlim, pair = _unpack_flow(data, off)
    flow = flows.get(pair)
    if flow is None or hlim <= 1 or word >> 28 != 6 or plen + IP6_HLEN != len(data) - off:
        _ip6_input(ifp, m, extra, ip6)
        return
    nh, out, oextra, gateway = flow
    if out is ifp or plen + IP6_HLEN > out.mtu or (extra.nd.flags | oextra.nd.flags) & ND6_IFF_IFDISABLED:
        _ip6_input(ifp, m, extra, ip6)
        return
    stat = ip6.ip6stat
    stat.total += 1
    stat.nxthist[nxt] += 1
    extra.ifstat["in_receive"] += 1
    nh.pksent += 1
    data[off + 7] = hlim - 1
    ln = oextra.lltable.get(gateway)
    if ln is not None and ln.state == ND6_LLINFO_REACHABLE and out.flags & _SENDING == RUNNING and not out.hooked:
        m.off = off = off - 14
        _pack_ether(data, off, ln.lladdr, out.lladdr, ETHERTYPE_IPV6)
        error = out.transmit(m)
    else:
        error = out.output(m, AF_INET6, gateway, nh if nh.flags & NHF_GATEWAY else None)
    if error:
        stat.cantforward += 1
    else:
        stat.forward += 1


def _ip6_input(ifp: Ifnet, m: Mbuf, extra: In6Ifextra, ip6: Ip6) -> None:
    """A packet that needs to be looked at."""
    stat = ip6.ip6stat
    data, off = m.data, m.off
    stat.total += 1
    extra.ifstat["in_receive"] += 1
    if extra.nd.flags & ND6_IFF_IFDISABLED:
        drop(ifp, m, "ip6_input", "IPv6 is disabled on the interface")
        return
    size = len(data) - off
    if size < IP6_HLEN:
        stat.toosmall += 1
        drop(ifp, m, "ip6_input", "packet is shorter than its header")
        return
    if data[off] >> 4 != 6:
        stat.badvers += 1
        drop(ifp, m, "ip6_input", "version is not 6")
        return
    stat.nxthist[data[off + 6]] += 1
    plen = data[off + 4] << 8 | data[off + 5]
    if plen + IP6_HLEN > size:
        stat.tooshort += 1
        drop(ifp, m, "ip6_input", "packet is shorter than its header says")
        return
    if plen + IP6_HLEN < size:
        del data[off + IP6_HLEN + plen :]
    src, dst = bytes(data[off + 8 : off + 24]), bytes(data[off + 24 : off + 40])
    if is_multicast(src) or dst == UNSPECIFIED or _bad_scope(ifp, m, src, dst):
        stat.badscope += 1
        drop(ifp, m, "ip6_input", "addresses that must not be on a link")
        return
    if ip6.pfil is not None:
        if m.flags & M_FASTFWD_OURS:
            # A firewall decided that on its way out; it does not come in once more.
            m.flags &= ~M_FASTFWD_OURS
            ip6_deliver(ifp, m)
            return
        if ip6.pfil.run_in(m, ifp):
            return
        if m.flags & (M_IP_NEXTHOP | M_FASTFWD_OURS):
            if m.flags & M_FASTFWD_OURS:
                m.flags &= ~M_FASTFWD_OURS
                ip6_deliver(ifp, m)
            else:
                ip6_forward(ifp, m)
            return
    _addressed(ifp, m, extra, ip6, src)


def _addressed(ifp: Ifnet, m: Mbuf, extra: In6Ifextra, ip6: Ip6, src: bytes) -> None:
    """Whom a packet is for: a group of ours, an address of ours, or somebody else."""
    stat = ip6.ip6stat
    dst = bytes(m.data[m.off + 24 : m.off + 40])
    m.rcvif = ifp
    if is_multicast(dst):
        m.flags |= M_MCAST  # whether anybody here wants it is for the protocol to say
        extra.ifstat["in_mcast"] += 1
        ip6_deliver(ifp, m)
        return
    for ia in ip6.hash.get(dst, ()):
        if is_linklocal(dst) and ia.ifp is not ifp:
            continue
        if ia.flags6 & IN6_IFF_NOTREADY:
            drop(ifp, m, "ip6_input", "our address is not ready: tentative or duplicated")
            return
        if ip6.source_address_validation and not m.flags & M_LOOP and src in ip6.hash and in6_localip(ifp.vnet, src, ifp):
            stat.badscope += 1
            drop(ifp, m, "ip6_input", "source is an address of our own")
            return
        ip6_deliver(ifp, m)
        return
    if not ip6.forwarding or m.flags & M_PROMISC:
        stat.cantforward += 1
        drop(ifp, m, "ip6_input", "not for us, and net.inet6.ip6.forwarding is 0")
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
            drop(ifp, m, "ip6_input", f"nobody takes protocol {nxt}")
            break
        return
    icmp6_error(ifp.vnet, m, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_NEXTHEADER, where, ifp)


def _extension(ifp: Ifnet, m: Mbuf, kind: int, off: int) -> int | None:
    """Process an extension header; its length, or None if the packet was dropped."""
    from vshell.kernel.netinet6.icmp6 import icmp6_error

    base = m.off + off
    if base + 2 > len(m.data) or base + (m.data[base + 1] + 1) * 8 > len(m.data):
        ifp.vnet[Ip6].ip6stat.tooshort += 1
        drop(ifp, m, "ip6_input", "extension header is cut off")
        return None
    size = (m.data[base + 1] + 1) * 8
    if kind == IPPROTO_ROUTING:
        if m.data[base + 3]:  # segments left: type 0 is no longer followed (RFC 5095)
            icmp6_error(ifp.vnet, m, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, off + 2, ifp)
            drop(ifp, m, "route6_input", "routing header with segments left")
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
                drop(ifp, m, "ip6_unknown_opt", f"option {kind:#x} is unknown and forbids to go on")
                return False
        at += 2 + data[base + at + 1]
    return True


netisr_handlers[ETHERTYPE_IPV6] = ip6_input
