"""Reassembly of IPv6 fragments (RFC 8200, 4.5, netinet6/frag6.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.kernel.kern.clock import NS
from vshell.kernel.net.mbuf import Mbuf
from vshell.kernel.netinet6.in6_var import Ip6
from vshell.wire.ip6 import ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, ICMP6_TIME_EXCEEDED

if TYPE_CHECKING:
    from vshell.kernel.kern.clock import Callout
    from vshell.kernel.net.ifnet import Ifnet

IPV6_FRAGTTL = 60 * NS


class Queue:
    """Fragments of one packet."""

    __slots__ = ("first", "parts", "timer", "total")

    def __init__(self, timer: Callout) -> None:
        self.parts: dict[int, bytes] = {}
        self.total = -1
        self.first: Mbuf | None = None
        self.timer = timer


def frag6_input(ifp: Ifnet, m: Mbuf, off: int, where: int) -> tuple[Mbuf, int] | None:
    """Take a fragment; (packet, next header) when it completes one.  `where` is the byte that named this header."""
    from vshell.kernel.netinet6.icmp6 import icmp6_error

    ip6: Ip6 = ifp.vnet[Ip6]
    data, base = m.data, m.off
    if base + off + 8 > len(data):
        ip6.ip6stat.tooshort += 1
        return None
    ip6.ip6stat.fragments += 1
    nxt = data[base + off]
    offlg = data[base + off + 2] << 8 | data[base + off + 3]
    start, more = offlg & 0xFFF8, offlg & 1
    payload = bytes(data[base + off + 8 :])
    if start == 0 and not more:
        ip6.ip6stat.atomicfrags += 1
        return _join(m, off, where, nxt, payload), nxt
    if more and len(payload) % 8:
        icmp6_error(ifp.vnet, m, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, 4, ifp)
        return None
    if start + len(payload) > 65535:
        icmp6_error(ifp.vnet, m, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, off + 2, ifp)
        return None
    key = (
        bytes(data[base + 8 : base + 24]),
        bytes(data[base + 24 : base + 40]),
        int.from_bytes(data[base + off + 4 : base + off + 8], "big"),
    )
    queue: Queue | None = ip6.reassembly.get(key)
    if queue is None:
        queue = ip6.reassembly[key] = Queue(ifp.kernel.clock.after(IPV6_FRAGTTL, _timeout, ifp, key))
    if _overlaps(queue, start, len(payload)):
        queue.timer.stop()
        del ip6.reassembly[key]
        ip6.ip6stat.fragdropped += len(queue.parts) + 1
        return None
    queue.parts[start] = payload
    if start == 0:
        queue.first = m
    if not more:
        queue.total = start + len(payload)
    if queue.first is None or queue.total < 0 or sum(map(len, queue.parts.values())) != queue.total:
        return None
    queue.timer.stop()
    del ip6.reassembly[key]
    ip6.ip6stat.reassembled += 1
    first = queue.first
    nxt = first.data[first.off + off]
    return _join(first, off, where, nxt, b"".join(queue.parts[s] for s in sorted(queue.parts))), nxt


def _overlaps(queue: Queue, start: int, size: int) -> bool:
    """Overlapping fragments are an attack, not a retransmission (RFC 5722)."""
    return any(s < start + size and start < s + len(p) for s, p in queue.parts.items() if (s, len(p)) != (start, size))


def _join(m: Mbuf, off: int, where: int, nxt: int, payload: bytes) -> Mbuf:
    """The packet without its fragment header."""
    m.data = m.data[: m.off + off] + payload
    m.data[m.off + where] = nxt
    m.data[m.off + 4 : m.off + 6] = (len(m.data) - m.off - 40).to_bytes(2, "big")
    return m


def _timeout(ifp: Ifnet, key: tuple[bytes, bytes, int]) -> None:
    from vshell.kernel.netinet6.icmp6 import icmp6_error

    ip6 = ifp.vnet.get(Ip6)
    queue: Queue | None = ip6.reassembly.pop(key, None) if ip6 is not None else None
    if ip6 is None or queue is None:
        return
    ip6.ip6stat.fragtimeout += len(queue.parts)
    if queue.first is not None:
        icmp6_error(ifp.vnet, queue.first, ICMP6_TIME_EXCEEDED, 1, 0, ifp)
