"""Reassembly of IPv6 fragments (RFC 8200, 4.5, netinet6/frag6.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.kernel.kern.clock import MS
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, KernelModule, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.net.drops import drop
from vshell.kernel.net.mbuf import Mbuf
from vshell.kernel.netinet6.in6_var import Ip6
from vshell.wire.ip6 import ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, ICMP6_TIME_EXCEEDED

if TYPE_CHECKING:
    from vshell.kernel.kern.clock import Callout
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet

IP6_MAXFRAGS = 946
"""nmbclusters / 32 on the machine that was recorded."""
IPV6_MAXPACKET = 65535
_ECN_CE, _ECN_MASK = 3, 3

Key = tuple[bytes, bytes, int]


class Frag6Global(KernelModule, sub=SI_SUB_PROTO_DOMAIN):
    """What all stacks share."""

    maxfrags = Sysctl("net.inet6.ip6.maxfrags", IP6_MAXFRAGS)
    nfrags = 0

    @sysctl_proc("net.inet6.ip6.frag6_nfrags", flags="r", fmt="unsigned integer")
    def _nfrags(self, td: Proc, new: Any) -> Any:
        return self.nfrags


class Frag6(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """The packets of a stack that are not complete yet."""

    maxfragpackets = Sysctl("net.inet6.ip6.maxfragpackets", IP6_MAXFRAGS)
    maxfragsperpacket = Sysctl("net.inet6.ip6.maxfragsperpacket", 64)
    maxfragbucketsize = Sysctl("net.inet6.ip6.maxfragbucketsize", 1, minimum=1)
    fraglifetime = Sysctl("net.inet6.ip6.fraglifetime_ms", 60000, fmt="unsigned integer", minimum=1)

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.queues: dict[Key, Queue] = {}

    @sysctl_proc("net.inet6.ip6.frag6_nfragpackets", flags="r", fmt="unsigned integer")
    def _nfragpackets(self, td: Proc, new: Any) -> Any:
        return len(self.queues)

    def destroy(self) -> None:
        """The stack is gone and what waits with it."""
        for key in list(self.queues):
            self.remove(key)

    def remove(self, key: Key) -> Queue:
        """Take a queue out of the table."""
        queue = self.queues.pop(key)
        queue.timer.stop()
        self.vnet.kernel[Frag6Global].nfrags -= len(queue.parts)
        return queue


class Part:
    """One fragment (struct ip6asfrag)."""

    __slots__ = ("data", "m", "more", "start")

    def __init__(self, start: int, data: bytes, more: bool, m: Mbuf) -> None:
        self.start, self.data, self.more, self.m = start, data, more, m

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.start + len(self.data)


class Queue:
    """Fragments of one packet, in order (struct ip6q)."""

    __slots__ = ("ecn", "parts", "timer", "unfrglen")

    def __init__(self, timer: Callout, ecn: int) -> None:
        self.parts: list[Part] = []
        self.unfrglen = -1
        """Extension headers in front of the fragment header, once the first fragment is there."""
        self.timer = timer
        self.ecn = ecn


def _ecn(m: Mbuf) -> int:
    return m.data[m.off + 1] >> 4 & _ECN_MASK


def frag6_input(ifp: Ifnet, m: Mbuf, off: int, where: int) -> tuple[Mbuf, int] | None:
    """Take a fragment; (packet, next header) when it completes one.  `where` is the byte that named this header."""
    from vshell.kernel.netinet6.icmp6 import icmp6_error

    ip6: Ip6 = ifp.vnet[Ip6]
    data, base = m.data, m.off
    if base + off + 8 > len(data):
        ip6.ip6stat.tooshort += 1
        drop(ifp, m, "frag6_input", "fragment header is cut off")
        return None
    start = (data[base + off + 2] << 8 | data[base + off + 3]) & 0xFFF8
    more = bool(data[base + off + 3] & 1)
    payload = bytes(data[base + off + 8 :])
    if more and len(payload) % 8:
        icmp6_error(ifp.vnet, m, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, 4, ifp)
        drop(ifp, m, "frag6_input", "length of a fragment is no multiple of 8")
        return None
    ip6.ip6stat.fragments += 1
    if start == 0 and not more:
        ip6.ip6stat.atomicfrags += 1
        nxt = data[base + off]
        return _join(m, off, where, nxt, payload), nxt
    if not payload:
        icmp6_error(ifp.vnet, m, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, 4, ifp)
        _dropfrag(ifp, m, "fragment without data")
        return None
    if off - 40 + start + len(payload) > IPV6_MAXPACKET:
        icmp6_error(ifp.vnet, m, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, off + 2, ifp)
        drop(ifp, m, "frag6_input", "packet would be longer than 65535 bytes")
        return None
    ident = int.from_bytes(data[base + off + 4 : base + off + 8], "big")
    key = (bytes(data[base + 8 : base + 24]), bytes(data[base + 24 : base + 40]), ident)
    return _enqueue(ifp, m, off, where, key, Part(start, payload, more, m))


def _dropfrag(ifp: Ifnet, m: Mbuf, reason: str) -> None:
    """Count a fragment that is given up."""
    ifp.vnet[Ip6].ip6stat.fragdropped += 1
    drop(ifp, m, "frag6_input", reason)


def _enqueue(ifp: Ifnet, m: Mbuf, off: int, where: int, key: Key, part: Part) -> tuple[Mbuf, int] | None:
    frag6, shared = ifp.vnet[Frag6], ifp.kernel[Frag6Global]
    if 0 <= shared.maxfrags <= shared.nfrags:
        _dropfrag(ifp, m, "net.inet6.ip6.maxfrags fragments wait already")
        return None
    queue: Queue | None = frag6.queues.get(key)
    if queue is None:
        if 0 <= frag6.maxfragpackets <= len(frag6.queues):
            _dropfrag(ifp, m, "net.inet6.ip6.maxfragpackets packets wait already")
            return None
        timer = ifp.kernel.clock.after(frag6.fraglifetime * MS, _timeout, ifp, key)
        queue = frag6.queues[key] = Queue(timer, _ecn(m))
    elif not _admit(ifp, m, queue, key, part):
        return None
    if part.start == 0 and queue.unfrglen < 0:
        queue.unfrglen = off - 40
    at = next((i for i, other in enumerate(queue.parts) if other.start > part.start), len(queue.parts))
    queue.parts.insert(at, part)
    shared.nfrags += 1
    if not _complete(queue):
        if len(queue.parts) > frag6.maxfragsperpacket:
            ifp.vnet[Ip6].ip6stat.fragdropped += len(queue.parts)
            drop(ifp, m, "frag6_input", "more than net.inet6.ip6.maxfragsperpacket fragments")
            frag6_freef(ifp, key)
        return None
    return _reassemble(ifp, frag6.remove(key), off, where)


def _admit(ifp: Ifnet, m: Mbuf, queue: Queue, key: Key, part: Part) -> bool:
    """Rules for a further fragment: congestion marks that contradict each other, and overlaps (RFC 3168, RFC 5722)."""
    ecn = _ecn(m)
    if (ecn == _ECN_CE and queue.ecn == 0) or (ecn == 0 and queue.ecn != 0):
        _dropfrag(ifp, m, "fragments disagree about ECN")
        return False
    if ecn == _ECN_CE:
        queue.ecn = _ECN_CE
    for other in queue.parts:
        if other.start < part.end and part.start < other.end:
            same = (other.start, len(other.data)) == (part.start, len(part.data))
            if not same:
                frag6_freef(ifp, key)
            _dropfrag(ifp, m, "fragment is here already" if same else "fragments overlap")
            return False
    return True


def _complete(queue: Queue) -> bool:
    at = 0
    for part in queue.parts:
        if part.start != at:
            return False
        at = part.end
    return not queue.parts[-1].more


def _reassemble(ifp: Ifnet, queue: Queue, off: int, where: int) -> tuple[Mbuf, int]:
    first = queue.parts[0].m
    if queue.ecn == _ECN_CE:
        first.data[first.off + 1] |= _ECN_CE << 4
    ifp.vnet[Ip6].ip6stat.reassembled += 1
    nxt = first.data[first.off + off]
    return _join(first, off, where, nxt, b"".join(part.data for part in queue.parts)), nxt


def _join(m: Mbuf, off: int, where: int, nxt: int, payload: bytes) -> Mbuf:
    """The packet without its fragment header."""
    m.data = m.data[: m.off + off] + payload
    m.data[m.off + where] = nxt
    m.data[m.off + 4 : m.off + 6] = (len(m.data) - m.off - 40).to_bytes(2, "big")
    return m


def frag6_freef(ifp: Ifnet, key: Key) -> None:
    """Give a packet up; the sender of its first fragment hears of it."""
    from vshell.kernel.netinet6.icmp6 import icmp6_error

    queue = ifp.vnet[Frag6].remove(key)
    for part in queue.parts:
        if part.start == 0:
            icmp6_error(ifp.vnet, part.m, ICMP6_TIME_EXCEEDED, 1, 0, ifp)


def _timeout(ifp: Ifnet, key: Key) -> None:
    frag6 = ifp.vnet.get(Frag6)
    if frag6 is None or key not in frag6.queues:
        return
    queue = frag6.queues[key]
    ifp.vnet[Ip6].ip6stat.fragtimeout += len(queue.parts)
    drop(ifp, queue.parts[0].m, "frag6_slowtimo", "fragments did not come in time")
    frag6_freef(ifp, key)
