"""Packets in dummynet's queues, and what holds queues together (ip_dn_private.h, dn_enqueue and red_drops of ip_dn_io.c)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from vshell.abi.dummynet import (
    DN_HAVE_MASK,
    DN_IS_ECN,
    DN_IS_GENTLE_RED,
    DN_IS_RED,
    DN_MAX_ID,
    DN_QSIZE_BYTES,
    SCALE_RED,
    DnFs,
    DnLink,
    DnProfile,
    DnSch,
    FlowId,
)
from vshell.kernel.net.drops import drop as remember
from vshell.kernel.netpfil.ipfw.ip_dummynet_flow import NO_FLOW, Flow
from vshell.kernel.netpfil.ipfw.ip_dummynet_heap import NOWHERE, DnHt

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.netpfil.ipfw.ip_dummynet import Dummynet
    from vshell.kernel.netpfil.ipfw.ip_dummynet_aqm import Aqm
    from vshell.kernel.netpfil.ipfw.ip_dummynet_sched import DnAlg

HZ = 100
"""Ticks in a second: what the kernel of a virtual machine has for kern.hz."""
TICK_US = 1_000_000 // HZ

DIR_OUT, DIR_IN, DIR_DROP = 0, 1, 3
PROTO_LAYER2, PROTO_IPV6 = 4, 0x10
FULL = "the queue is full"

ECN_MASK, ECN_CE = 3, 3
_M32 = 0xFFFFFFFF


def i32(value: int) -> int:
    """A number as an int holds it."""
    return (value + 0x80000000 & _M32) - 0x80000000


class DnPkt:
    """A packet in dummynet (struct dn_pkt_tag and the mbuf)."""

    __slots__ = ("dir", "ifp", "index", "len", "m", "output_time", "rcvindex", "rule", "ts")

    def __init__(self, m: Mbuf, direction: int, ifp: Ifnet | None, rule: Any, now: int) -> None:
        self.m = m
        self.len = len(m.data) - m.off
        self.dir = direction
        self.ifp = ifp
        self.index = ifp.index if ifp is not None else 0
        self.rcvindex = m.rcvif.index if m.rcvif is not None else 0
        """Interfaces may be gone, or elsewhere, when the packet leaves."""
        self.rule = rule
        self.output_time = now
        self.ts = 0
        """When an AQM put it into its queue, in µs."""

    @property
    def iphdr(self) -> int:
        """Where the IP header is in the data."""
        return self.m.off + (14 if self.dir & PROTO_LAYER2 else 0)


class Counted:
    """What a queue or an instance of a scheduler counts (struct dn_flow)."""

    __slots__ = ("drops", "flow", "heap_pos", "ht", "len_bytes", "length", "tot_bytes", "tot_pkts")

    def __init__(self, flow: Flow = NO_FLOW) -> None:
        self.flow = flow
        self.tot_pkts = self.tot_bytes = self.length = self.len_bytes = self.drops = 0
        self.heap_pos = NOWHERE
        self.ht: Any = None


class DnQueue(Counted):
    """A queue of a flowset (struct dn_queue); `alg` is what the scheduler keeps with it, `aqm` what the AQM does."""

    __slots__ = ("alg", "aqm", "avg", "count", "fs", "packets", "q_time", "random", "si")

    def __init__(self, fs: Fsk, si: SchInst, flow: Flow = NO_FLOW) -> None:
        super().__init__(flow)
        self.fs = fs
        self.si: SchInst = si
        self.packets: deque[DnPkt] = deque()
        self.avg = self.count = self.random = 0
        self.q_time = 0
        self.alg: Any = None
        self.aqm: Any = None

    def stats(self, size: int) -> None:
        """A packet of `size` comes in, or leaves (-size)."""
        step = 1 if size > 0 else -1 if size < 0 else 0
        si = self.si
        self.length += step
        self.len_bytes += size
        si.length += step
        si.len_bytes += size

    def dropped(self, pkt: DnPkt, reason: str) -> None:
        """A packet is lost."""
        self.drops += 1
        self.si.drops += 1
        self.fs.dn.io_pkt_drop += 1
        dn_drop(self.fs.dn, self.fs.number, pkt, reason)


class DelayLine:
    """Packets on their way along a link."""

    __slots__ = ("heap_pos", "packets", "waiting")

    def __init__(self) -> None:
        self.packets: deque[DnPkt] = deque()
        self.waiting = False
        """It is in the heap of events."""
        self.heap_pos = NOWHERE


class SchInst(Counted):
    """An instance of a scheduler (struct dn_sch_inst); `queue` is its own, where it has only one."""

    __slots__ = ("active", "alg", "credit", "dline", "idle_time", "q_count", "queue", "sched", "sched_time")

    def __init__(self, sched: Schk, flow: Flow = NO_FLOW) -> None:
        super().__init__(flow)
        self.sched = sched
        self.dline = DelayLine()
        self.active = False
        """It waits in the heap of events until it has credit again."""
        self.credit = 0
        """Bits it may send, scaled by HZ."""
        self.sched_time = self.idle_time = 0
        self.q_count = 0
        self.queue: DnQueue | None = None
        self.alg: Any = None


class Fsk:
    """The kernel's side of a flowset (struct dn_fsk)."""

    def __init__(self, dn: Dummynet, number: int) -> None:
        self.dn = dn
        self.fs = DnFs(number, par=(0, 0, 0, 0))
        self.pl_bad = False
        """The bad state of the Gilbert-Elliott model."""
        self.mask = FlowId()
        self.hashed = False
        """It has a queue for each flow (DN_QHT_HASH)."""
        self.qht: DnHt | None = None
        self.single: DnQueue | None = None
        self.sched: Schk | None = None
        self.drain_bucket = 0
        self.par = [0, 0, 0, 0]
        self.aqm: Aqm | None = None
        self.ht: Any = None
        self.red = Red()

    @property
    def number(self) -> int:
        """fs_nr."""
        return self.fs.fs_nr

    def queues(self) -> list[DnQueue]:
        """All of them, in the order they are listed."""
        if self.hashed:
            return list(self.qht.scan()) if self.qht is not None else []
        return [self.single] if self.single is not None else []


class Schk:
    """The kernel's side of a scheduler (struct dn_schk) with its link."""

    def __init__(self, sch: DnSch) -> None:
        self.sch = sch
        self.link = DnLink(sch.sched_nr)
        """`delay` in ticks, `burst` in bits scaled by HZ."""
        self.profile: DnProfile | None = None
        self.fp: DnAlg
        self.fsk_list: list[Fsk] = []
        """Flowsets attached, the youngest first."""
        self.fs: Fsk | None = None
        """The flowset of a scheduler with one queue."""
        self.drain_bucket = 0
        self.siht = DnHt(sch.buckets) if sch.flags & DN_HAVE_MASK else None
        self.single: SchInst | None = None
        self.ht: Any = None

    @property
    def masked(self) -> bool:
        """Are there several instances?"""
        return bool(self.sch.flags & DN_HAVE_MASK)

    def instances(self) -> list[SchInst]:
        """All of them, in the order they are listed."""
        if self.masked:
            return list(self.siht.scan()) if self.siht is not None else []
        return [self.single] if self.single is not None else []


class Red:
    """Parameters of RED, scaled (config_red).

    c_1 is scaled twice and products are cut to 32 bits, as in FreeBSD: between the thresholds nearly everything is dropped.
    """

    __slots__ = ("c_1", "c_2", "c_3", "c_4", "lookup", "lookup_step", "max_pkt_size", "max_th", "min_th", "w_q")

    def __init__(self) -> None:
        self.lookup: list[int] = []
        self.c_1 = self.c_2 = self.c_3 = self.c_4 = self.max_th = self.min_th = self.w_q = 0
        self.lookup_step, self.max_pkt_size = 1, 1500

    def configure(self, fs: DnFs, bandwidth: int, depth: int, avg_size: int, max_size: int) -> None:
        """From a flowset and the bandwidth of its link."""
        one = 1 << SCALE_RED
        self.w_q, max_p = fs.w_q, fs.max_p
        bits = i32(bandwidth)
        slots = HZ * avg_size * 8 * one // bits if bits > 0 else 0
        idle = slots * 3 // self.w_q if self.w_q else 0
        self.lookup_step = idle // depth or 1
        first = weight = one - self.w_q
        for _ in range(self.lookup_step - 1):
            if not weight:
                break
            weight = weight * first >> SCALE_RED
        self.min_th, self.max_th = i32(fs.min_th << SCALE_RED), i32(fs.max_th << SCALE_RED)
        room = fs.max_th - fs.min_th
        self.c_1 = (max_p << SCALE_RED) // room & _M32 if room else max_p
        self.c_2 = (self.c_1 * (fs.min_th << SCALE_RED) & _M32) >> SCALE_RED
        if fs.flags & DN_IS_GENTLE_RED:
            self.c_3 = (one - max_p) // fs.max_th & _M32 if fs.max_th else 0
            self.c_4 = one - 2 * max_p & _M32
        self.lookup = [first]
        while len(self.lookup) < depth:
            self.lookup.append((self.lookup[-1] * weight & _M32) >> SCALE_RED)
        self.max_pkt_size = max_size if max_size >= 1 else 1500


def dn_drop(dn: Dummynet, number: int, pkt: DnPkt, reason: str) -> None:
    """Tell `vshell why` about a packet; pipes are the flowsets with the highest numbers."""
    kind = ("queue", "sched", "pipe")[min(2, number // DN_MAX_ID)]
    remember(dn.vnet, pkt.m, "dummynet", f"{kind} {number % DN_MAX_ID}: {reason}", bool(pkt.dir & PROTO_LAYER2))


def red_drops(q: DnQueue, size: int) -> bool:
    """Is the packet to be dropped, or marked?  The average length of the queue decides."""
    fs, red, flags = q.fs, q.fs.red, q.fs.fs.flags
    length = q.len_bytes if flags & DN_QSIZE_BYTES else q.length
    if length:
        q.avg = i32(q.avg + (i32(i32(length << SCALE_RED) - q.avg) * red.w_q >> SCALE_RED))
    elif q.avg:
        idle = (fs.dn.curr_time - q.q_time) // red.lookup_step
        q.avg = (q.avg * red.lookup[idle] & _M32) >> SCALE_RED if idle < len(red.lookup) else 0
    if q.avg < red.min_th:
        q.count = -1
        return False
    chance = 0
    if q.avg >= red.max_th:
        if flags & DN_IS_ECN:
            return True
        if not flags & DN_IS_GENTLE_RED:
            q.count = -1
            return True
        chance = (red.c_3 * q.avg >> SCALE_RED) - red.c_4
    elif q.avg > red.min_th:
        if flags & DN_IS_ECN:
            return True
        chance = (red.c_1 * q.avg >> SCALE_RED) - red.c_2
    if flags & DN_QSIZE_BYTES:
        chance = chance * size // red.max_pkt_size if chance >= 0 else -(-chance * size // red.max_pkt_size)
    q.count += 1
    if q.count == 0:
        q.random = fs.dn.rand() & 0xFFFF
    elif chance * q.count > q.random:
        q.count = 0
        q.random = fs.dn.rand() & 0xFFFF
        return True
    return False


def ecn_mark(pkt: DnPkt) -> bool:
    """Mark a packet "congestion experienced"; False if it does not understand that."""
    data, at = pkt.m.data, pkt.iphdr
    version = data[at] >> 4 if at < len(data) else 0
    if version == 4:
        if not data[at + 1] & ECN_MASK:
            return False
        if data[at + 1] & ECN_MASK != ECN_CE:
            old = data[at] << 8 | data[at + 1]
            data[at + 1] |= ECN_CE
            new = data[at] << 8 | data[at + 1]
            total = (~(data[at + 10] << 8 | data[at + 11]) & 0xFFFF) + (~old & 0xFFFF) + new
            total = (total & 0xFFFF) + (total >> 16)
            total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
            data[at + 10], data[at + 11] = total >> 8, total & 0xFF
        return True
    if version == 6:
        if not data[at + 1] >> 4 & ECN_MASK:
            return False
        data[at + 1] |= ECN_CE << 4
        return True
    return False


def _lost(fs: Fsk) -> bool:
    """Does the loss rate take the packet?  With four rates there is a good and a bad state."""
    rates, rand = fs.fs.plr, fs.dn.rand
    if not rates[1]:
        return rand() < rates[0]
    if fs.pl_bad:
        if rand() < rates[3]:
            fs.pl_bad = False
        return rand() < rates[2]
    if rand() < rates[1]:
        fs.pl_bad = True
    return rand() < rates[0]


def dn_enqueue(q: DnQueue, pkt: DnPkt, drop: bool = False) -> bool:
    """Put a packet into a queue if loss rate, AQM and space let it; True if it was dropped."""
    fsk, si = q.fs, q.si
    fs = fsk.fs
    size = pkt.len
    q.tot_bytes += size
    q.tot_pkts += 1
    si.tot_bytes += size
    si.tot_pkts += 1
    rates = fs.plr
    if drop or ((rates[0] or rates[1]) and _lost(fsk)):
        q.dropped(pkt, "the scheduler refuses it" if drop else "lost by the loss rate")
        return True
    if fsk.aqm is not None:
        return fsk.aqm.enqueue(q, pkt)
    flags = fs.flags
    full = q.len_bytes > fs.qsize if flags & DN_QSIZE_BYTES else q.length >= fs.qsize
    early = flags & DN_IS_RED and red_drops(q, size) and not (flags & DN_IS_ECN and ecn_mark(pkt))
    if full or early:
        q.dropped(pkt, FULL if full else "the queue is long, RED drops early")
        return True
    q.packets.append(pkt)
    q.length += 1
    q.len_bytes += size
    si.length += 1
    si.len_bytes += size
    return False


def dn_dequeue(q: DnQueue) -> DnPkt | None:
    """The packet at the head of a queue."""
    if not q.packets:
        return None
    aqm = q.fs.aqm
    if aqm is not None:
        return aqm.dequeue(q)
    pkt = q.packets.popleft()
    q.length -= 1
    q.len_bytes -= pkt.len
    q.si.length -= 1
    q.si.len_bytes -= pkt.len
    if not q.length:
        q.q_time = q.fs.dn.curr_time
    return pkt
