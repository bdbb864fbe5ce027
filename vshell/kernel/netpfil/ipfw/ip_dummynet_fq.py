"""The schedulers FQ_CODEL and FQ_PIE: round robin over flows by hash, an AQM for each (dn_sched_fq_{codel,pie}.c)."""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vshell.abi.dummynet import PIE_DEPRATEEST_ENABLED, PIE_ON_OFF_MODE_ENABLED, DnExtra
from vshell.abi.socket import IPPROTO_TCP, IPPROTO_UDP
from vshell.kernel.netpfil.ipfw.ip_dummynet_aqm import (
    PIE_ACTIVE,
    PIE_INMEASUREMENT,
    SECOND,
    Codel,
    CodelStatus,
    Pie,
    PieStatus,
    bound,
    cleanup,
)
from vshell.kernel.netpfil.ipfw.ip_dummynet_queue import DnQueue
from vshell.kernel.netpfil.ipfw.ip_dummynet_sched import DnAlg

if TYPE_CHECKING:
    from vshell.kernel.netpfil.ipfw.ip_dummynet import Dummynet
    from vshell.kernel.netpfil.ipfw.ip_dummynet_queue import DnPkt, SchInst, Schk

_M32 = 0xFFFFFFFF


class FqFlow:
    """One of the flows of an instance (struct fq_codel_flow, fq_pie_flow)."""

    __slots__ = ("active", "aqm", "deficit", "len_bytes", "length", "main", "packets")

    def __init__(self, main: DnQueue) -> None:
        self.main = main
        self.packets: deque[DnPkt] = deque()
        self.active = False
        self.deficit = 0
        self.length = self.len_bytes = 0
        self.aqm: Any = None

    def stats(self, size: int) -> None:
        """A packet comes in, or leaves (-size): the main queue counts it too."""
        step = 1 if size > 0 else -1
        self.length += step
        self.len_bytes += size
        main = self.main
        main.stats(size)
        if size > 0:
            for each in (main, main.si):
                each.tot_pkts += 1
                each.tot_bytes += size
        elif not main.length:
            main.q_time = main.fs.dn.curr_time

    def dropped(self, pkt: DnPkt, reason: str) -> None:
        """A packet is lost."""
        self.main.dropped(pkt, reason)


class FqInstance:
    """An instance: its flows, those that are new and those that had a turn."""

    __slots__ = ("flows", "new", "old", "perturbation")

    def __init__(self, perturbation: int) -> None:
        self.flows: dict[int, FqFlow] = {}
        """Those that were used."""
        self.new: deque[FqFlow] = deque()
        self.old: deque[FqFlow] = deque()
        self.perturbation = perturbation


class FqAlg(DnAlg):
    """What both have in common."""

    multiqueue = False
    prefix = ""

    def __init__(self, dn: Dummynet, sched: Schk) -> None:
        super().__init__(dn, sched)
        self.quantum = self.limit = self.flows_cnt = 0
        self.aqm: Codel | Pie
        self._defaults(DnExtra())

    def _defaults(self, extra: DnExtra) -> None:
        """The AQM."""
        raise NotImplementedError

    def _shares(self, quantum: int, limit: int, flows: int) -> None:
        """The parameters that are not the AQM's."""
        defaults, name = self.dn.defaults, self.prefix
        self.quantum = bound(quantum if quantum >= 0 else getattr(defaults, f"{name}_quantum"), 1, 9000)
        self.limit = bound(limit if limit >= 0 else getattr(defaults, f"{name}_limit"), 1, 20480)
        self.flows_cnt = bound(flows if flows >= 0 else getattr(defaults, f"{name}_flows"), 1, 65536)

    def config(self, extra: DnExtra | None) -> None:
        """Only what is given with the scheduler's own parameters is taken."""
        if extra is not None and not extra.aqm and extra.name:
            self._defaults(extra)

    def new_sched(self, si: SchInst) -> None:
        """fq_codel_new_sched."""
        assert self.sched.fs is not None
        si.queue = DnQueue(self.sched.fs, si)
        si.alg = FqInstance(self.dn.rand())

    def free_sched(self, si: SchInst) -> None:
        """fq_codel_free_sched."""
        for flow in si.alg.flows.values():
            cleanup(flow)

    def classify(self, pkt: DnPkt, inst: FqInstance) -> int:
        """Protocol, addresses and ports, hashed with something random: the number of a flow."""
        data, at = pkt.m.data, pkt.iphdr
        v6 = at < len(data) and data[at] >> 4 == 6
        proto = data[at + 6 if v6 else at + 9] if at + 9 < len(data) else 0
        up = at + (40 if v6 else 20)
        ports = bytes(data[up + 2 : up + 4] + data[up : up + 2]) if proto in (IPPROTO_TCP, IPPROTO_UDP) else bytes(4)
        addresses = bytes(data[at + 8 : at + 40] if v6 else data[at + 12 : at + 20])
        key = bytes((proto,)) + inst.perturbation.to_bytes(4, "little") + addresses + ports
        count = self.flows_cnt & 0xFFFF
        return (jenkins_hash(key) % count) & 0xFFFF if count else 0

    def flow(self, si: SchInst, pkt: DnPkt) -> FqFlow:
        """The flow of a packet."""
        inst: FqInstance = si.alg
        number = self.classify(pkt, inst)
        found = inst.flows.get(number)
        if found is None:
            assert si.queue is not None
            found = inst.flows[number] = FqFlow(si.queue)
            self.init_flow(found)
        return found

    def init_flow(self, flow: FqFlow) -> None:
        """It is used for the first time."""

    def activate(self, flow: FqFlow) -> None:
        """It was not in a list."""

    def deactivate(self, flow: FqFlow) -> None:
        """It leaves the lists."""

    def put(self, flow: FqFlow, pkt: DnPkt) -> bool:
        """Into a flow; True if the AQM dropped it."""
        raise NotImplementedError

    def enqueue(self, si: SchInst, q: DnQueue | None, pkt: DnPkt) -> bool:
        """fq_codel_enqueue: over the limit the longest flow loses its head."""
        flow = self.flow(si, pkt)
        if self.put(flow, pkt):
            return True
        inst: FqInstance = si.alg
        if not flow.active:
            inst.new.append(flow)
            flow.deficit = self.quantum
            flow.active = True
            self.activate(flow)
        assert si.queue is not None
        if si.queue.length <= self.limit:
            return False
        longest = max((f for n, f in sorted(inst.flows.items()) if f.active), key=lambda f: f.length)
        if longest.packets:
            lost = longest.packets.popleft()
            longest.stats(-lost.len)
            longest.dropped(lost, f"more than {self.limit} packets wait, the longest flow loses one")
        return True

    def dequeue(self, si: SchInst) -> DnPkt | None:
        """fq_codel_dequeue."""
        inst: FqInstance = si.alg
        while True:
            flows = inst.new or inst.old
            if not flows:
                return None
            flow = flows[0]
            if flow.deficit < 0:
                flow.deficit += self.quantum
                flows.popleft()
                inst.old.append(flow)
                continue
            pkt = self.aqm.dequeue(flow)
            if pkt is not None:
                flow.deficit -= pkt.len
                return pkt
            flows.popleft()
            if flows is inst.new:
                inst.old.append(flow)
            else:
                flow.active = False
                self.deactivate(flow)


class FqCodel(FqAlg):
    """FQ_CODEL."""

    name = "FQ_CODEL"
    prefix = "fqcodel"
    aqm: Codel

    def _defaults(self, extra: DnExtra) -> None:
        par, defaults = extra.par, self.dn.defaults
        self.aqm = Codel(self.dn, extra)
        self.aqm.target = bound(par[0] if par[0] >= 0 else defaults.fqcodel_target, 1, 5 * SECOND)
        self.aqm.interval = bound(par[1] if par[1] >= 0 else defaults.fqcodel_interval, 1, 100 * SECOND)
        self._shares(par[3], par[4], par[5])

    def getconfig(self) -> DnExtra:
        """fq_codel_getconfig."""
        aqm = self.aqm
        return DnExtra(self.name, (aqm.target, aqm.interval, aqm.flags, self.quantum, self.limit, self.flows_cnt), False)

    def init_flow(self, flow: FqFlow) -> None:
        """CoDel's state."""
        flow.aqm = CodelStatus()

    def activate(self, flow: FqFlow) -> None:
        """A flow that comes back begins anew."""
        flow.aqm.dropping = False
        flow.aqm.first_above_time = 0

    def put(self, flow: FqFlow, pkt: DnPkt) -> bool:
        """codel_enqueue."""
        flow.aqm.maxpkt_size = max(flow.aqm.maxpkt_size, pkt.len)
        pkt.ts = self.aqm.now()
        flow.packets.append(pkt)
        flow.stats(pkt.len)
        return False


class FqPieAqm(Pie):
    """PIE with the defaults of FQ_PIE."""

    prefix = "fqpie"
    longest = 5 * SECOND


class FqPie(FqAlg):
    """FQ_PIE."""

    name = "FQ_PIE"
    prefix = "fqpie"
    aqm: Pie

    def _defaults(self, extra: DnExtra) -> None:
        self.aqm = FqPieAqm(self.dn, extra)
        self._shares(*extra.par[7:10])

    def getconfig(self) -> DnExtra:
        """fq_pie_getconfig."""
        return DnExtra(self.name, (*self.aqm.getconfig().par, self.quantum, self.limit, self.flows_cnt), False)

    def init_flow(self, flow: FqFlow) -> None:
        """PIE's state."""
        flow.aqm = PieStatus(self.dn.vnet.kernel.clock.callout(), self.limit // self.flows_cnt // 3)

    def activate(self, flow: FqFlow) -> None:
        """fq_activate_pie."""
        self.aqm.activate(flow, flow.aqm, True)

    def deactivate(self, flow: FqFlow) -> None:
        """fq_deactivate_pie."""
        self.aqm.deactivate(flow.aqm)

    def put(self, flow: FqFlow, pkt: DnPkt) -> bool:
        """pie_enqueue."""
        aqm, status = self.aqm, flow.aqm
        drop = aqm.refuse(status, flow.len_bytes, pkt)
        if not status.sflags & PIE_ACTIVE and flow.len_bytes >= status.one_third_q_size:
            self.activate(flow)
        if aqm.calm(status):
            status.burst_allowance = aqm.max_burst
            if aqm.flags & PIE_ON_OFF_MODE_ENABLED and flow.len_bytes <= 0:
                status.sflags &= ~(PIE_ACTIVE | PIE_INMEASUREMENT)
                status.callout.stop()
        if drop:
            # Counted as come and as lost.
            for each in (flow.main, flow.main.si):
                each.tot_pkts += 1
                each.tot_bytes += pkt.len
            flow.dropped(pkt, "PIE drops early")
            status.accu_prob = 0
            return True
        if not aqm.flags & PIE_DEPRATEEST_ENABLED:
            pkt.ts = aqm.now()
        flow.packets.append(pkt)
        flow.stats(pkt.len)
        return False


@lru_cache(1024)
def jenkins_hash(key: bytes, value: int = 5381) -> int:
    """Bob Jenkins' lookup3 (libkern/jenkins_hash.c); flows come again and again."""
    a = b = c = 0xDEADBEEF + len(key) + value & _M32
    at, left = 0, len(key)
    while left > 12:
        a = a + int.from_bytes(key[at : at + 4], "little") & _M32
        b = b + int.from_bytes(key[at + 4 : at + 8], "little") & _M32
        c = c + int.from_bytes(key[at + 8 : at + 12], "little") & _M32
        a, b, c = _mix(a, b, c)
        at, left = at + 12, left - 12
    if not left:
        return c
    tail = key[at:].ljust(12, b"\0")
    a = a + int.from_bytes(tail[:4], "little") & _M32
    b = b + int.from_bytes(tail[4:8], "little") & _M32
    c = c + int.from_bytes(tail[8:], "little") & _M32
    for x, y, z, bits in ((2, 1, 2, 14), (0, 2, 0, 11), (1, 0, 1, 25), (2, 1, 2, 16), (0, 2, 0, 4), (1, 0, 1, 14), (2, 1, 2, 24)):
        words = [a, b, c]
        words[x] = (words[z] ^ words[y]) - _rot(words[y], bits) & _M32
        a, b, c = words
    return c


def _rot(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _M32


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (4, 6, 8, 16, 19, 4):
        a = (a - c ^ _rot(c, bits)) & _M32
        c = c + b & _M32
        a, b, c = b, c, a
    return a, b, c
