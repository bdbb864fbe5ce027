"""The schedulers FIFO, WF2Q+, RR and PRIO (netpfil/ipfw/dn_sched_*.c); QFQ and the fq_ ones have files of their own.

An object is the algorithm of one scheduler (struct dn_alg with the data behind struct dn_schk); what it keeps for an instance
and for a queue is in their `alg`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from vshell.kernel.netpfil.ipfw.ip_dummynet_heap import NOWHERE, DnHeap
from vshell.kernel.netpfil.ipfw.ip_dummynet_queue import DnQueue, dn_dequeue, dn_enqueue

if TYPE_CHECKING:
    from vshell.abi.dummynet import DnExtra
    from vshell.kernel.netpfil.ipfw.ip_dummynet import Dummynet
    from vshell.kernel.netpfil.ipfw.ip_dummynet_queue import DnPkt, Fsk, SchInst, Schk

DN_SCHED_FIFO, DN_SCHED_WF2QP, DN_SCHED_RR, DN_SCHED_QFQ, DN_SCHED_PRIO = 1, 2, 3, 4, 5


def bound_var(value: int, default: int, low: int, high: int) -> int:
    """ipdn_bound_var: too small becomes the default, too large the most there may be."""
    if value < low:
        return min(max(default, low), high)
    return min(value, high)


class DnAlg:
    """A scheduling algorithm."""

    name: ClassVar[str] = ""
    multiqueue: ClassVar[bool] = True

    def __init__(self, dn: Dummynet, sched: Schk) -> None:
        self.dn = dn
        self.sched = sched

    def config(self, extra: DnExtra | None) -> None:
        """The scheduler is configured; `extra` are its own parameters."""

    def getconfig(self) -> DnExtra | None:
        """They as programs see them."""
        return None

    def new_sched(self, si: SchInst) -> None:
        """A new instance."""

    def free_sched(self, si: SchInst) -> None:
        """An instance goes."""

    def new_fsk(self, fs: Fsk) -> None:
        """A flowset is attached."""

    def new_queue(self, q: DnQueue) -> None:
        """A new queue."""

    def free_queue(self, q: DnQueue) -> None:
        """A queue goes."""

    def enqueue(self, si: SchInst, q: DnQueue | None, pkt: DnPkt) -> bool:
        """True if the packet was dropped."""
        raise NotImplementedError

    def dequeue(self, si: SchInst) -> DnPkt | None:
        """The packet to send next."""
        raise NotImplementedError


class Fifo(DnAlg):
    """One queue, first in, first out."""

    name = "FIFO"
    multiqueue = False

    def new_sched(self, si: SchInst) -> None:
        """The instance has the queue."""
        assert self.sched.fs is not None
        si.queue = DnQueue(self.sched.fs, si)

    def enqueue(self, si: SchInst, q: DnQueue | None, pkt: DnPkt) -> bool:
        """fifo_enqueue."""
        assert si.queue is not None
        return dn_enqueue(si.queue, pkt)

    def dequeue(self, si: SchInst) -> DnPkt | None:
        """fifo_dequeue."""
        assert si.queue is not None
        return dn_dequeue(si.queue)


FRAC_BITS = 28
ONE_FP = 1 << FRAC_BITS


class WfInstance:
    """Instance of WF2Q+: flows to serve by finish time, flows that may not be served yet by start time, idle flows."""

    __slots__ = ("V", "idle", "inv_wsum", "not_eligible", "ready", "wsum")

    def __init__(self) -> None:
        self.ready, self.not_eligible, self.idle = DnHeap(), DnHeap(), DnHeap()
        self.V = self.inv_wsum = self.wsum = 0


class WfQueue:
    """Queue of WF2Q+ with its start and finish times; S > F: they mean nothing."""

    __slots__ = ("F", "S", "heap_pos", "inv_w", "q")

    def __init__(self, q: DnQueue) -> None:
        self.q = q
        self.F, self.S = 0, 1
        self.inv_w = ONE_FP // q.fs.par[0]
        self.heap_pos = NOWHERE


class Wf2q(DnAlg):
    """Worst-case fair weighted fair queueing."""

    name = "WF2Q+"

    def new_sched(self, si: SchInst) -> None:
        """wf2qp_new_sched."""
        si.alg = WfInstance()

    def new_fsk(self, fs: Fsk) -> None:
        """Weights are 1 to 100."""
        fs.par[0] = bound_var(fs.par[0], 1, 1, 100)

    def new_queue(self, q: DnQueue) -> None:
        """wf2qp_new_queue."""
        q.alg = WfQueue(q)

    def free_queue(self, q: DnQueue) -> None:
        """wf2qp_free_queue."""
        flow, inst = q.alg, q.si.alg
        if flow.S >= flow.F + 1:
            return
        self._weigh(inst, -q.fs.par[0])
        for heap in (inst.idle, inst.not_eligible, inst.ready):
            heap.extract(flow)

    def _weigh(self, inst: WfInstance, weight: int) -> None:
        inst.wsum += weight
        if inst.wsum > 0:
            inst.inv_wsum = ONE_FP // inst.wsum

    def _idle_check(self, inst: WfInstance, count: int, force: bool) -> None:
        """Forget flows that have been idle for long."""
        heap = inst.idle
        while count > 0 and heap.keys and (force or heap.keys[0] < inst.V):
            count -= 1
            flow = heap.objs[0]
            heap.extract()
            flow.S = flow.F + 1
            self._weigh(inst, -flow.q.fs.par[0])

    def enqueue(self, si: SchInst, q: DnQueue | None, pkt: DnPkt) -> bool:
        """wf2qp_enqueue."""
        assert q is not None
        if dn_enqueue(q, pkt):
            return True
        if pkt is not q.packets[0]:
            return False
        inst, flow = si.alg, q.alg
        if flow.F < flow.S:
            flow.S = inst.V
            self._weigh(inst, q.fs.par[0])
        else:
            if not inst.idle.extract(flow):
                return True
            flow.S = max(flow.F, inst.V)
        flow.F = flow.S + pkt.len * flow.inv_w
        if not inst.not_eligible.keys and not inst.ready.keys:
            inst.V = max(flow.S, inst.V)
        if inst.V < flow.S:
            inst.not_eligible.insert(flow.S, flow)
        else:
            inst.ready.insert(flow.F, flow)
        return False

    def dequeue(self, si: SchInst) -> DnPkt | None:
        """wf2qp_dequeue."""
        inst = si.alg
        ready, later = inst.ready, inst.not_eligible
        if not ready.keys and not later.keys:
            self._idle_check(inst, 0x7FFFFFFF, True)
            inst.V = inst.wsum = 0
            return None
        self._idle_check(inst, 1, False)
        self._make_eligible(inst)
        flow = ready.objs[0]
        pkt = dn_dequeue(flow.q)
        if pkt is None:
            return None
        ready.extract()
        inst.V += pkt.len * inst.inv_wsum
        flow.S = flow.F
        if not flow.q.packets:
            inst.idle.insert(flow.F, flow)
        else:
            flow.F += flow.q.packets[0].len * flow.inv_w
            if flow.S <= inst.V:
                ready.insert(flow.F, flow)
            else:
                later.insert(flow.S, flow)
        self._make_eligible(inst)
        return pkt

    def _make_eligible(self, inst: WfInstance) -> None:
        """Time goes on to the first flow if none can be served; flows whose time has come can be."""
        ready, later = inst.ready, inst.not_eligible
        if not ready.keys and later.keys:
            inst.V = max(inst.V, later.keys[0])
        while later.keys and later.keys[0] <= inst.V:
            flow = later.objs[0]
            later.extract()
            ready.insert(flow.F, flow)


class RrQueue:
    """Queue of RR: octets it may send in this turn, and gets in each."""

    __slots__ = ("credit", "listed", "q", "quantum")

    def __init__(self, q: DnQueue) -> None:
        self.q = q
        self.quantum = self.credit = min(q.fs.par[0] * q.fs.par[1], 0xFFFFFFFF)
        self.listed = False


class RoundRobin(DnAlg):
    """Deficit round robin; the first of an instance's list is served next."""

    name = "RR"

    def new_sched(self, si: SchInst) -> None:
        """rr_new_sched."""
        si.alg = []

    def new_fsk(self, fs: Fsk) -> None:
        """Weight, and octets in a turn."""
        fs.par[0] = bound_var(fs.par[0], 1, 1, 65536)
        fs.par[1] = bound_var(fs.par[1], 1500, 64, 2048)

    def new_queue(self, q: DnQueue) -> None:
        """rr_new_queue."""
        q.alg = RrQueue(q)

    def free_queue(self, q: DnQueue) -> None:
        """rr_free_queue."""
        if q.alg.listed:
            q.si.alg.remove(q.alg)
            q.alg.listed = False

    def enqueue(self, si: SchInst, q: DnQueue | None, pkt: DnPkt) -> bool:
        """rr_enqueue."""
        assert q is not None
        if dn_enqueue(q, pkt):
            return True
        flow = q.alg
        if pkt is q.packets[0] and not flow.listed:
            flow.listed = True
            flow.credit = flow.quantum
            si.alg.append(flow)
        return False

    def dequeue(self, si: SchInst) -> DnPkt | None:
        """rr_dequeue."""
        flows = si.alg
        while flows:
            flow = flows[0]
            packets = flow.q.packets
            if not packets:
                flow.listed = False
                flows.pop(0)
            elif packets[0].len > flow.credit:
                flow.credit = flow.credit + flow.quantum & 0xFFFFFFFF
                flows.append(flows.pop(0))
            else:
                flow.credit -= packets[0].len
                return dn_dequeue(flow.q)
        return None


class Prio(DnAlg):
    """Strict priorities, 0 to 63; the queues of one priority share the one that was first."""

    name = "PRIO"

    def new_sched(self, si: SchInst) -> None:
        """prio_new_sched."""
        si.alg = {}

    def new_fsk(self, fs: Fsk) -> None:
        """The weight is the priority."""
        fs.par[0] = bound_var(fs.par[0], 0, 0, 63)

    def free_queue(self, q: DnQueue) -> None:
        """prio_free_queue."""
        prio = q.fs.par[0]
        if q.si.alg.get(prio) is q:
            del q.si.alg[prio]

    def enqueue(self, si: SchInst, q: DnQueue | None, pkt: DnPkt) -> bool:
        """prio_enqueue."""
        assert q is not None
        return dn_enqueue(si.alg.setdefault(q.fs.par[0], q), pkt)

    def dequeue(self, si: SchInst) -> DnPkt | None:
        """prio_dequeue."""
        if not si.alg:
            return None
        prio = min(si.alg)
        q = si.alg[prio]
        pkt = dn_dequeue(q)
        if not q.packets:
            del si.alg[prio]
        return pkt
