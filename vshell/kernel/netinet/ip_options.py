"""IPv4 options: processing them on input, keeping and checking those of sockets (netinet/ip_options.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL, KError
from vshell.abi.socket import AF_INET
from vshell.kernel.net.drops import drop
from vshell.kernel.net.mbuf import Mbuf
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet.in_var import ifa_ifwithaddr, ifa_ifwithdstaddr, ifa_ifwithnet, ifaof_ifpforaddr
from vshell.kernel.netinet.ip_forward import ip_forward
from vshell.kernel.netinet.ip_icmp import icmp_error, iptime
from vshell.kernel.netinet.ip_var import Ip
from vshell.wire.icmp import ICMP_PARAMPROB, ICMP_UNREACH, ICMP_UNREACH_FILTER_PROHIB, ICMP_UNREACH_HOST, ICMP_UNREACH_SRCFAIL
from vshell.wire.ip import (
    IPOPT_EOL,
    IPOPT_LSRR,
    IPOPT_MINOFF,
    IPOPT_NOP,
    IPOPT_RR,
    IPOPT_SSRR,
    IPOPT_TS,
    IPOPT_TS_PRESPEC,
    IPOPT_TS_TSANDADDR,
    IPOPT_TS_TSONLY,
    MAX_IPOPTLEN,
    inet_ntoa,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet


class _Bad(Exception):
    """An option cannot be processed: an ICMP type and code to answer with, or (0, 0) for silence."""

    def __init__(self, kind: int, code: int) -> None:
        super().__init__(kind, code)
        self.kind = kind
        self.code = code


def ip_dooptions(ifp: Ifnet, vnet: Vnet, m: Mbuf, hlen: int) -> bool:
    """Process the options of a packet; True if that was the end of it."""
    ip = vnet[Ip]
    if ip.process_options == 0:
        return False
    try:
        if ip.process_options == 2:
            raise _Bad(ICMP_UNREACH, ICMP_UNREACH_FILTER_PROHIB)
        forward = _walk(ifp, vnet, ip, m, hlen)
    except _Bad as bad:
        if bad.kind:
            icmp_error(vnet, m, bad.kind, bad.code)
            ip.stat.badoptions += 1
        drop(ifp, m, "ip_dooptions", "options are malformed, or source routes are not accepted")
        return True
    if forward and ip.forwarding:
        ip_forward(ifp, vnet, m, True)
        return True
    return False


def _walk(ifp: Ifnet, vnet: Vnet, ip: Ip, m: Mbuf, hlen: int) -> bool:
    data, off = m.data, m.off
    dst = bytes(data[off + 16 : off + 20])
    at, end = off + 20, off + hlen
    forward = False
    while at < end:
        kind = data[at]
        if kind == IPOPT_EOL:
            break
        if kind == IPOPT_NOP:
            at += 1
            continue
        size = data[at + 1] if at + 1 < end else 0
        if size < 2 or at + size > end:
            raise _Bad(ICMP_PARAMPROB, at + 1 - off)
        if kind in (IPOPT_LSRR, IPOPT_SSRR):
            forward = _source_route(vnet, ip, m, at, size) or forward
        elif kind == IPOPT_RR:
            _record_route(vnet, m, at, size)
        elif kind == IPOPT_TS:
            _timestamp(ifp, vnet, m, at, size, dst)
        at += size
    return forward


def _source_route(vnet: Vnet, ip: Ip, m: Mbuf, at: int, size: int) -> bool:
    """LSRR, SSRR: the next address becomes the destination; True if the packet must go on."""
    data, off = m.data, m.off
    strict = data[at] == IPOPT_SSRR
    if size < 3:
        raise _Bad(ICMP_PARAMPROB, at + 1 - off)
    pointer = data[at + 2]
    if pointer < IPOPT_MINOFF:
        raise _Bad(ICMP_PARAMPROB, at + 2 - off)
    dst = bytes(data[off + 16 : off + 20])
    if dst not in ip.inaddr_hash:
        if strict:
            raise _Bad(ICMP_UNREACH, ICMP_UNREACH_SRCFAIL)
        if not ip.sourceroute:
            _refuse(vnet, m)
        return False
    pointer -= 1
    if pointer > size - 4:
        if not ip.accept_sourceroute:
            _refuse(vnet, m)
        _save_rte(m, at, size)
        return False
    if not ip.sourceroute:
        if ip.forwarding:
            _refuse(vnet, m)
        ip.stat.cantforward += 1
        raise _Bad(0, 0)
    hop = bytes(data[at + pointer : at + pointer + 4])
    if strict:
        ia = ifa_ifwithdstaddr(vnet, hop, -1) or ifa_ifwithnet(vnet, hop, -1)
        ours = None if ia is None else ia.addr
    else:
        nh = fib_lookup(vnet, AF_INET, hop, m.fib)
        ours = None if nh is None or nh.ifa is None else nh.ifa.addr
    if ours is None:
        raise _Bad(ICMP_UNREACH, ICMP_UNREACH_SRCFAIL)
    data[at + pointer : at + pointer + 4] = ours
    data[off + 16 : off + 20] = hop
    data[at + 2] += 4
    return hop[0] & 0xF0 != 0xE0


def _refuse(vnet: Vnet, m: Mbuf) -> None:
    """Source routing is not allowed here."""
    data, off = m.data, m.off
    src, dst = data[off + 12 : off + 16], data[off + 16 : off + 20]
    vnet.kernel.log(4, f"attempted source route from {inet_ntoa(src)} to {inet_ntoa(dst)}")
    raise _Bad(ICMP_UNREACH, ICMP_UNREACH_SRCFAIL)


def _save_rte(m: Mbuf, at: int, size: int) -> None:
    """Keep the route a packet came by, turned round, for an answer (save_rte, ip_srcroute)."""
    data, off = m.data, m.off
    hops = [bytes(data[at + 3 + i : at + 7 + i]) for i in range(0, size - 6, 4)]
    if not hops:
        return
    back = hops[::-1]
    option = bytes((IPOPT_NOP, data[at], size, IPOPT_MINOFF)) + b"".join(back[1:]) + bytes(data[off + 12 : off + 16])
    m.tags = {**(m.tags or {}), "srcroute": back[0] + option}


def _record_route(vnet: Vnet, m: Mbuf, at: int, size: int) -> None:
    data, off = m.data, m.off
    if size < 3 or data[at + 2] < IPOPT_MINOFF:
        raise _Bad(ICMP_PARAMPROB, at + 2 - off)
    pointer = data[at + 2] - 1
    if pointer > size - 4:
        return
    dst = bytes(data[off + 16 : off + 20])
    ia = ifa_ifwithaddr(vnet, dst)
    if ia is not None:
        mine = ia.addr
    else:
        nh = fib_lookup(vnet, AF_INET, dst, m.fib)
        if nh is None or nh.ifa is None:
            raise _Bad(ICMP_UNREACH, ICMP_UNREACH_HOST)
        mine = nh.ifa.addr
    data[at + pointer : at + pointer + 4] = mine
    data[at + 2] += 4


def _timestamp(ifp: Ifnet, vnet: Vnet, m: Mbuf, at: int, size: int, dst: bytes) -> None:
    data, off = m.data, m.off
    if size < 4 or size > 40 or data[at + 2] < 5:
        raise _Bad(ICMP_PARAMPROB, at + 1 - off)
    pointer = data[at + 2]
    if pointer > size - 4:
        overflow = (data[at + 3] + 0x10) & 0xFF
        data[at + 3] = overflow
        if not overflow & 0xF0:
            raise _Bad(ICMP_PARAMPROB, at + 2 - off)
        return
    pointer -= 1
    mode = data[at + 3] & 0xF
    if mode in (IPOPT_TS_TSANDADDR, IPOPT_TS_PRESPEC):
        if pointer + 8 > size:
            raise _Bad(ICMP_PARAMPROB, at + 2 - off)
        if mode == IPOPT_TS_TSANDADDR:
            ia = ifaof_ifpforaddr(ifp, dst)
            if ia is None:
                return
            data[at + pointer : at + pointer + 4] = ia.addr
        elif bytes(data[at + pointer : at + pointer + 4]) not in vnet[Ip].inaddr_hash:
            return
        data[at + 2] += 4
        pointer += 4
    elif mode != IPOPT_TS_TSONLY:
        raise _Bad(ICMP_PARAMPROB, at + 3 - off)
    data[at + pointer : at + pointer + 4] = iptime(vnet)
    data[at + 2] += 4


def ip_pcbopts(options: bytes) -> bytes | None:
    """Check options a program sets with IP_OPTIONS; as ip_output takes them, None to have none.  EINVAL."""
    if not options:
        return None
    if len(options) % 4:
        raise KError(EINVAL)
    first = bytes(4)
    out = bytearray(options)
    at = 0
    while at < len(out):
        kind = out[at]
        if kind == IPOPT_EOL:
            break
        if kind == IPOPT_NOP:
            at += 1
            continue
        size = out[at + 1] if at + 1 < len(out) else 0
        if size < 2 or at + size > len(out):
            raise KError(EINVAL)
        if kind in (IPOPT_LSRR, IPOPT_SSRR):
            # The first hop is not part of the option on the wire.
            if size < IPOPT_MINOFF - 1 + 4:
                raise KError(EINVAL)
            size -= 4
            out[at + 1] = size
            first = bytes(out[at + 3 : at + 7])
            del out[at + 3 : at + 7]
        at += size
    if len(out) > MAX_IPOPTLEN:
        raise KError(EINVAL)
    return first + bytes(out)
