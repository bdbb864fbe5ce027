"""PPP Multilink (RFC 1990) as ng_ppp(4) does it: fragments over several links, and back (netgraph/ng_ppp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vshell.kernel.netgraph.ng_base import NgHook

MIN_FRAGMENT, MAX_QUEUE = 32, 128
OVERHEAD = 16
"""Bytes a link adds to a frame, on the average."""
US = 1000
STALE = 2_000_000
"""µs after which fragments before a whole packet are given up."""
STAT_NAMES = (
    "xmitFrames", "xmitOctets", "recvFrames", "recvOctets", "badProtos", "runts", "dupFragments", "dropFragments",
)  # fmt: skip


class Link:
    """A link of the bundle (struct ng_ppp_link)."""

    def __init__(self) -> None:
        self.conf = {"enableLink": 0, "enableProtoComp": 0, "enableACFComp": 0, "mru": 0, "latency": 0, "bandwidth": 0}
        self.stats = dict.fromkeys(STAT_NAMES, 0)
        self.hook: NgHook | None = None
        self.seq: int | None = None
        self.latency = 0
        self.last_write = 0
        self.queued = 0

    def idle(self) -> None:
        """Nothing is under way."""
        self.last_write = self.queued = 0
        self.seq = None


class Fragment:
    """A piece of a packet."""

    __slots__ = ("data", "first", "last", "seq", "time")

    def __init__(self, seq: int, first: bool, last: bool, data: bytes, time: int) -> None:
        self.seq = seq
        self.first = first
        self.last = last
        self.data = data
        self.time = time


def extend(seq: int, short: bool) -> int:
    """A sequence number with its sign."""
    bits = 12 if short else 24
    seq &= (1 << bits) - 1
    return seq - (1 << bits) if seq >> bits - 1 else seq


class Reassembly:
    """Fragments that were received."""

    def __init__(self, links: Sequence[Link], stats: dict[str, int]) -> None:
        self.links = links
        self.stats = stats
        """Of the bundle."""
        self.active: list[int] = []
        self.short = False
        self.mseq = 0
        """No link will bring anything older."""
        self.frags: list[Fragment] = []

    def reset(self) -> None:
        """Begin anew."""
        self.frags.clear()
        self.mseq = 0

    def diff(self, x: int, y: int) -> int:
        """How far x is ahead of y."""
        return extend(x - y, self.short)

    def add(self, link: Link, frag: Fragment) -> str | None:
        """Put a fragment in its place; the counter of the link that has to be raised if it is of no use."""
        if self.diff(frag.seq, self.mseq) < 0:
            return "dropFragments"
        self.mseq = link.seq = frag.seq
        for number in self.active:
            seq = self.links[number].seq
            if seq is not None and self.diff(seq, self.mseq) < 0:
                self.mseq = seq
        for at in range(len(self.frags), 0, -1):
            diff = self.diff(frag.seq, self.frags[at - 1].seq)
            if not diff:
                return "dupFragments"
            if diff > 0:
                self.frags.insert(at, frag)
                return None
        self.frags.insert(0, frag)
        return None

    def process(self, deliver: Callable[[bytes], None]) -> None:
        """ng_ppp_frag_process: hand over packets that are whole, drop what will never be."""
        while True:
            while self._whole():
                deliver(self._take())
            if not self._trim() and not self._drop():
                return

    def _whole(self) -> bool:
        """ng_ppp_check_packet: is the first packet complete?"""
        if not self.frags or not self.frags[0].first or self.diff(self.frags[0].seq, self.mseq) > 1:
            return False
        for one, two in zip(self.frags, [*self.frags[1:], None], strict=True):
            if one.last:
                return True
            if two is None or two.seq != extend(one.seq + 1, self.short):
                return False
        return False

    def _take(self) -> bytes:
        """ng_ppp_get_packet."""
        data = b""
        while self.frags:
            frag = self.frags.pop(0)
            data += frag.data
            if frag.last:
                self._bump(frag.seq)
                break
        return data

    def _bump(self, seq: int) -> None:
        """ng_ppp_bump_mseq."""
        if self.diff(self.mseq, seq) >= 0:
            return
        self.mseq = seq
        for number in self.active:
            link = self.links[number]
            if link.seq is not None and self.diff(link.seq, seq) < 0:
                link.seq = seq

    def _trim(self) -> bool:
        """ng_ppp_frag_trim: fragments whose neighbours cannot come any more."""
        removed = False
        while True:
            dead = 0
            for at, frag in enumerate(self.frags[:-1]):
                if self.diff(frag.seq, self.mseq) >= 0:
                    break
                after = self.frags[at + 1]
                if after.seq != extend(frag.seq + 1, self.short) or frag.last or after.first:
                    dead = at + 1
                    break
            if not dead:
                return removed
            self.stats["dropFragments"] += dead
            del self.frags[:dead]
            removed = True

    def _drop(self) -> bool:
        """ng_ppp_frag_drop: make room."""
        if len(self.frags) < MAX_QUEUE:
            return False
        self._bump(self.frags[0].seq)
        self.stats["dropFragments"] += 1
        del self.frags[0]
        return True

    def check_stale(self, now: int, deliver: Callable[[bytes], None]) -> None:
        """ng_ppp_frag_checkstale: a whole packet does not wait for ever for what is missing before it."""
        while self.frags:
            begin, seq = None, self.frags[0].seq
            complete = False
            for at, frag in enumerate(self.frags):
                if frag.first:
                    begin = at
                elif frag.seq != seq:
                    begin = None
                if begin is not None and frag.last:
                    complete = True
                    break
                seq = extend(seq + 1, self.short)
            if begin is None or not complete or now - self.frags[begin].time < STALE:
                return
            self.stats["dropFragments"] += begin
            del self.frags[:begin]
            deliver(self._take())


def spread_evenly(size: int, count: int, turn: int) -> tuple[list[int], int]:
    """The same for every link: (bytes for each, whose turn it is then)."""
    parts = max(min(count, size // MIN_FRAGMENT), 1)
    share, rest = divmod(size, parts)
    out = [0] * count
    for i in range(parts):
        out[turn % count] = share + (i < rest)
        turn = turn + 1 & 0xFFFF
    return out, turn


def _divide(x: int, y: int) -> int:
    """As C divides."""
    return x // y if x >= 0 else -(-x // y)


def _latencies(links: list[Link], now: int) -> list[int]:
    """How long it takes until a link is through with what it has, and the way to the other side."""
    out = []
    for link in links:
        latency = link.latency
        if link.queued:
            elapsed, link.last_write = now - link.last_write, now
            if elapsed >= 10_000_000:
                link.queued = 0
            else:
                seconds, us = divmod(elapsed, 1_000_000)
                bandwidth = link.conf["bandwidth"]
                link.queued = max(link.queued - bandwidth * 10 * seconds - bandwidth * (us // 1000) // 100, 0)
                latency += 100 * link.queued // bandwidth
        out.append(latency)
    return out


def spread(size: int, links: list[Link], now: int) -> list[int]:
    """ng_ppp_mp_strategy: bytes for each link, so that the last piece arrives as early as possible."""
    if len(links) == 1:
        return [size]
    latency = _latencies(links, now)
    order = sorted(range(len(links)), key=lambda i: latency[i])
    bandwidth = [link.conf["bandwidth"] for link in links]
    count = 1
    while count < len(links):
        # What the faster ones would have carried before this one is of any use.
        flow = sum(((latency[order[count]] - latency[i]) * bandwidth[i] + 99) // 100 for i in order[:count])
        if flow >= size:
            break
        count += 1
    used = order[:count]
    top, bottom = sum(latency[i] * bandwidth[i] for i in used), sum(bandwidth[i] for i in used)
    arrival = (size * 100 + top + bottom // 2) // bottom
    out = [0] * len(links)
    for i in used:
        out[i] = _divide(bandwidth[i] * (arrival - latency[i]) + 50, 100)
    _round(out, used, bandwidth, size)
    return out


def _round(out: list[int], used: list[int], bandwidth: list[int], size: int) -> None:
    """What rounding lost or added is for the fastest, or taken from the slowest."""
    total = sum(out)
    if total < size:
        out[max(used, key=lambda i: bandwidth[i])] += size - total
    while total > size:
        slow = used[0]
        for i in used[1:]:
            if not out[slow] or (out[i] > 0 and bandwidth[i] < bandwidth[slow]):
                slow = i
        delta = min(total - size, out[slow])
        out[slow] -= delta
        total -= delta
        if not delta:
            return
