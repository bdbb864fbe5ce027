"""Active queue management: CoDel and PIE (netpfil/ipfw/dn_aqm_codel.[ch], dn_aqm_pie.[ch]).

An AQM object is the configuration of one flowset (or of an fq_ scheduler, ip_dummynet_fq.py); what it remembers of a queue
is in the queue's `aqm`.  Times are in microseconds of dummynet's own clock, which moves in ticks.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from vshell.abi.dummynet import (
    CODEL_ECN_ENABLED,
    DN_QSIZE_BYTES,
    PIE_CAPDROP_ENABLED,
    PIE_DEPRATEEST_ENABLED,
    PIE_DERAND_ENABLED,
    PIE_ECN_ENABLED,
    PIE_ON_OFF_MODE_ENABLED,
    PIE_SCALE,
    DnExtra,
)
from vshell.abi.errno import EINVAL, KError
from vshell.kernel.kern.clock import US
from vshell.kernel.kern.module import KernelModule, Sysctl, SysctlDecl, sysctl_proc
from vshell.kernel.netpfil.ipfw.ip_dummynet_queue import FULL, TICK_US, ecn_mark

if TYPE_CHECKING:
    from vshell.kernel.netpfil.ipfw.ip_dummynet import Dummynet
    from vshell.kernel.netpfil.ipfw.ip_dummynet_queue import DnPkt, DnQueue, Fsk

SECOND = 1_000_000
FIX_POINT_BITS = 16
MEAN_PKTSIZE = 800
PIE_DQ_THRESHOLD_BITS = 14
PIE_DQ_THRESHOLD = 1 << PIE_DQ_THRESHOLD_BITS
PIE_PROB_BITS = 31
PIE_MAX_PROB = (1 << PIE_PROB_BITS) - 1
PIE_FIX_POINT_BITS = 13
PIE_ACTIVE, PIE_INMEASUREMENT = 1, 2
_M32 = 0xFFFFFFFF


def bound(value: int, low: int, high: int) -> int:
    """BOUND_VAR."""
    return min(max(value, low), high)


def _stored(name: str, attr: str, text: str, least: int, most: int, scale: bool = False) -> SysctlDecl:
    """A node that is a default: in µs, or (`scale`) a number in thousandths of a fixed-point one."""

    def handler(module: Any, td: Any, new: Any) -> int:
        if new is not None:
            if not least <= new <= most:
                raise KError(EINVAL)
            setattr(module, attr, new * PIE_SCALE // 1000 & 0xFFFF if scale else new)
        value: int = getattr(module, attr)
        return value * 1000 // PIE_SCALE if scale else value

    return sysctl_proc(f"net.inet.ip.dummynet.{name}", text, fmt="long integer")(handler)


SCHEDULERS = ("FIFO", "QFQ", "RR", "WF2Q+", "PRIO", "FQ_CODEL", "FQ_PIE")
"""In the order they are linked."""
TUPDATE = "the frequency of drop probability calculation in microsecond"
BURST = "Burst allowance interval in microsecond"
ECNTH = "ECN safeguard threshold scaled by 1000"


class DnDefaults(KernelModule):
    """Defaults of AQMs and fq_ schedulers, common to all stacks (codel_sysctl, pie_sysctl, fq_codel_sysctl, fq_pie_sysctl)."""

    def init(self) -> None:
        """Everything in the file says so when it is there."""
        for name in SCHEDULERS:
            self.kernel.printf(f"load_dn_sched dn_sched {name} loaded")
        for aqm in AQMS.values():
            self.kernel.printf(f"load_dn_aqm dn_aqm {aqm.name} loaded")

    def destroy(self) -> None:
        """And when it goes."""
        for aqm in AQMS.values():
            self.kernel.printf(f"unload_dn_aqm {aqm.name} unloaded")
        for name in SCHEDULERS:
            self.kernel.printf(f"unload_dn_sched dn_sched {name} unloaded")

    codel_target, codel_interval = 5000, 100_000
    _codel_target = _stored("codel.target", "codel_target", "CoDel target in microsecond", 1, 5 * SECOND)
    _codel_interval = _stored("codel.interval", "codel_interval", "CoDel interval in microsecond", 1, 100 * SECOND)
    pie_target, pie_tupdate, pie_max_burst = 15_000, 15_000, 150_000
    pie_max_ecnth, pie_alpha, pie_beta = PIE_SCALE // 10, PIE_SCALE // 8, PIE_SCALE * 5 // 4
    pie_flags = PIE_CAPDROP_ENABLED | PIE_DEPRATEEST_ENABLED | PIE_DERAND_ENABLED
    _pie_target = _stored("pie.target", "pie_target", "queue target in microsecond", 1, 10 * SECOND)
    _pie_tupdate = _stored("pie.tupdate", "pie_tupdate", TUPDATE, 1, 10 * SECOND)
    _pie_max_burst = _stored("pie.max_burst", "pie_max_burst", BURST, 1, 10 * SECOND)
    _pie_max_ecnth = _stored("pie.max_ecnth", "pie_max_ecnth", ECNTH, 1, PIE_SCALE, True)
    _pie_alpha = _stored("pie.alpha", "pie_alpha", "PIE alpha scaled by 1000", 1, 7 * PIE_SCALE, True)
    _pie_beta = _stored("pie.beta", "pie_beta", "beta scaled by 1000", 1, 7 * PIE_SCALE, True)

    fqcodel_target, fqcodel_interval = 5000, 100_000
    _fqcodel_target = _stored("fqcodel.target", "fqcodel_target", "FQ_CoDel target in microsecond", 1, 5 * SECOND)
    _fqcodel_interval = _stored("fqcodel.interval", "fqcodel_interval", "FQ_CoDel interval in microsecond", 1, 100 * SECOND)
    fqcodel_quantum = Sysctl("net.inet.ip.dummynet.fqcodel.quantum", 1514, "FQ_CoDel quantum", fmt="unsigned integer")
    fqcodel_flows = Sysctl("net.inet.ip.dummynet.fqcodel.flows", 1024, "Number of queues for FQ_CoDel", fmt="unsigned integer")
    fqcodel_limit = Sysctl("net.inet.ip.dummynet.fqcodel.limit", 10240, "FQ_CoDel queues size limit", fmt="unsigned integer")

    fqpie_target, fqpie_tupdate, fqpie_max_burst = 15_000, 15_000, 150_000
    fqpie_max_ecnth, fqpie_alpha, fqpie_beta = PIE_SCALE // 10, PIE_SCALE // 8, PIE_SCALE * 5 // 4
    fqpie_flags = 0
    _fqpie_target = _stored("fqpie.target", "fqpie_target", "queue target in microsecond", 1, 10 * SECOND)
    _fqpie_tupdate = _stored("fqpie.tupdate", "fqpie_tupdate", TUPDATE, 1, 10 * SECOND)
    _fqpie_max_burst = _stored("fqpie.max_burst", "fqpie_max_burst", BURST, 1, 10 * SECOND)
    _fqpie_max_ecnth = _stored("fqpie.max_ecnth", "fqpie_max_ecnth", ECNTH, 1, PIE_SCALE, True)
    _fqpie_alpha = _stored("fqpie.alpha", "fqpie_alpha", "PIE alpha scaled by 1000", 1, 7 * PIE_SCALE, True)
    _fqpie_beta = _stored("fqpie.beta", "fqpie_beta", "beta scaled by 1000", 1, 7 * PIE_SCALE, True)
    fqpie_quantum = Sysctl("net.inet.ip.dummynet.fqpie.quantum", 1514, "quantum for FQ_PIE", fmt="unsigned integer")
    fqpie_flows = Sysctl("net.inet.ip.dummynet.fqpie.flows", 1024, "Number of queues for FQ_PIE", fmt="unsigned integer")
    fqpie_limit = Sysctl("net.inet.ip.dummynet.fqpie.limit", 10240, "limit for FQ_PIE", fmt="unsigned integer")


class Managed(Protocol):
    """What an AQM manages: a queue of a flowset, or a flow of an fq_ scheduler."""

    packets: deque[DnPkt]
    aqm: Any

    @property
    def len_bytes(self) -> int:
        """Octets in it."""
        ...

    def stats(self, size: int) -> None:
        """A packet comes or goes."""

    def dropped(self, pkt: DnPkt, reason: str) -> None:
        """A packet is lost."""


UNREADY = "the queue is not ready"


def _codel_drop(q: Managed, pkt: DnPkt | None) -> None:
    if pkt is not None:
        q.dropped(pkt, "waited too long, CoDel drops it")


def cleanup(q: Managed) -> None:
    """A queue goes away, or gets another AQM; as long as that has not initialised it, it loses its packets."""
    if isinstance(q.aqm, PieStatus):
        q.aqm.callout.stop()
    q.aqm = None


class Aqm:
    """The AQM of a flowset (struct dn_aqm and its configuration)."""

    name = ""

    def __init__(self, dn: Dummynet, ep: DnExtra) -> None:
        self.dn = dn

    def now(self) -> int:
        """AQM_UNOW."""
        return self.dn.curr_time * TICK_US & _M32

    def init(self, q: DnQueue) -> None:
        """A new queue."""

    def enqueue(self, q: DnQueue, pkt: DnPkt) -> bool:
        """True if the packet was dropped."""
        raise NotImplementedError

    def dequeue(self, q: DnQueue) -> DnPkt | None:
        """The next packet that is left."""
        raise NotImplementedError

    def getconfig(self) -> DnExtra:
        """As programs see it."""
        raise NotImplementedError

    def extract(self, q: Managed) -> DnPkt | None:
        """The head of a queue, counted out."""
        if not q.packets:
            return None
        pkt = q.packets.popleft()
        q.stats(-pkt.len)
        return pkt


def _full(fs: Fsk, q: DnQueue) -> bool:
    """No room for one more."""
    if fs.fs.flags & DN_QSIZE_BYTES:
        return q.len_bytes > fs.fs.qsize
    return q.length >= fs.fs.qsize


class CodelStatus:
    """What CoDel remembers of a queue (struct codel_status)."""

    __slots__ = ("count", "drop_next_time", "dropping", "first_above_time", "isqrt", "maxpkt_size")

    def __init__(self) -> None:
        self.count = self.drop_next_time = self.first_above_time = self.isqrt = 0
        self.dropping = False
        self.maxpkt_size = 500


class Codel(Aqm):
    """Controlled delay: packets that waited too long, for too long, are dropped at the head."""

    name = "CODEL"

    def __init__(self, dn: Dummynet, ep: DnExtra) -> None:
        super().__init__(dn, ep)
        default = dn.defaults
        self.target = bound(ep.par[0] if ep.par[0] >= 0 else default.codel_target, 1, 5 * SECOND)
        self.interval = bound(ep.par[1] if ep.par[1] >= 0 else default.codel_interval, 1, 5 * SECOND)
        self.flags = max(ep.par[2], 0)

    def init(self, q: DnQueue) -> None:
        """aqm_codel_init."""
        q.aqm = CodelStatus()

    def getconfig(self) -> DnExtra:
        """aqm_codel_getconfig."""
        return DnExtra(self.name, (self.target, self.interval, self.flags))

    def enqueue(self, q: DnQueue, pkt: DnPkt) -> bool:
        """aqm_codel_enqueue."""
        status = q.aqm
        if not isinstance(status, CodelStatus) or _full(q.fs, q):
            q.dropped(pkt, FULL)
            return True
        status.maxpkt_size = max(status.maxpkt_size, pkt.len)
        pkt.ts = self.now()
        q.packets.append(pkt)
        q.stats(pkt.len)
        return False

    def _dodequeue(self, q: Managed, now: int) -> tuple[DnPkt | None, bool]:
        """The next packet, and whether it may be dropped."""
        pkt = self.extract(q)
        status = q.aqm
        if pkt is None:
            status.first_above_time = 0
            return None, False
        if now - pkt.ts & _M32 < self.target or q.len_bytes <= status.maxpkt_size:
            status.first_above_time = 0
        elif status.first_above_time == 0:
            status.first_above_time = now + self.interval
        elif now >= status.first_above_time:
            return pkt, True
        return pkt, False

    def _marked(self, pkt: DnPkt | None) -> bool:
        return bool(self.flags & CODEL_ECN_ENABLED) and pkt is not None and ecn_mark(pkt)

    def dequeue(self, q: Managed) -> DnPkt | None:
        """codel_dequeue."""
        status, now = q.aqm, self.now()
        if not isinstance(status, CodelStatus):
            return self.extract(q)
        pkt, drop = self._dodequeue(q, now)
        if status.dropping:
            if not drop:
                status.dropping = False
            while now >= status.drop_next_time and status.dropping:
                if self._marked(pkt):
                    status.count += 1
                    status.drop_next_time = self._control_law(status, status.drop_next_time)
                    return pkt
                _codel_drop(q, pkt)
                pkt, drop = self._dodequeue(q, now)
                if not drop:
                    status.dropping = False
                else:
                    status.count += 1
                    status.drop_next_time = self._control_law(status, status.drop_next_time)
        elif drop:
            if not self._marked(pkt):
                _codel_drop(q, pkt)
                pkt, drop = self._dodequeue(q, now)
            status.dropping = True
            recent = now - status.drop_next_time & _M32 < 8 * self.interval
            status.count = status.count - 2 if status.count > 2 and recent else 1
            status.drop_next_time = self._control_law(status, now)
        return pkt

    def _control_law(self, status: CodelStatus, t: int) -> int:
        """The next drop: an interval divided by the root of the number of drops (Newton's method in fixed point)."""
        if status.count == 1:
            status.isqrt = (1 << FIX_POINT_BITS) * 7 // 10
            return t + self.interval & _M32
        square = status.isqrt * status.isqrt & _M32
        guess = ((3 << 2 * FIX_POINT_BITS) - status.count * square) % (1 << 64) >> 9
        guess = (status.isqrt * guess) % (1 << 64) >> (2 * FIX_POINT_BITS - 8)
        status.isqrt = guess & 0xFFFF
        return t + (self.interval * guess >> FIX_POINT_BITS) & _M32


class PieStatus:
    """What PIE remembers of a queue (struct pie_status)."""

    __slots__ = (
        "accu_prob", "avg_dq_time", "burst_allowance", "callout", "current_qdelay", "dq_count", "drop_prob", "measurement_start",
        "one_third_q_size", "qdelay_old", "sflags",
    )  # fmt: skip

    def __init__(self, callout: Any, third: int) -> None:
        self.callout = callout
        self.accu_prob = self.avg_dq_time = self.burst_allowance = self.current_qdelay = self.dq_count = 0
        self.drop_prob = self.measurement_start = self.qdelay_old = self.sflags = 0
        self.one_third_q_size = third


class Pie(Aqm):
    """Proportional integral controller enhanced: packets are dropped on arrival, by a chance that follows the delay."""

    name = "PIE"
    prefix = "pie"
    longest = 10 * SECOND

    def __init__(self, dn: Dummynet, ep: DnExtra) -> None:
        super().__init__(dn, ep)
        names = ("target", "tupdate", "max_burst", "max_ecnth", "alpha", "beta", "flags")
        value = {
            name: ep.par[i] if ep.par[i] >= 0 else getattr(dn.defaults, f"{self.prefix}_{name}") for i, name in enumerate(names)
        }
        self.qdelay_ref = bound(value["target"], 1, self.longest)
        self.tupdate = bound(value["tupdate"], 1, self.longest)
        self.max_burst = bound(value["max_burst"], 0, self.longest)
        self.max_ecnth = bound(value["max_ecnth"] & 0xFFFF, 0, PIE_SCALE)
        self.alpha = bound(value["alpha"] & 0xFFFF, 0, 7 * PIE_SCALE)
        self.beta = bound(value["beta"] & 0xFFFF, 0, 7 * PIE_SCALE)
        self.flags = value["flags"]

    def getconfig(self) -> DnExtra:
        """aqm_pie_getconfig."""
        par = (self.qdelay_ref, self.tupdate, self.max_burst, self.max_ecnth, self.alpha, self.beta, self.flags)
        return DnExtra(self.name, par)

    def init(self, q: DnQueue) -> None:
        """aqm_pie_init."""
        status = q.aqm = PieStatus(self.dn.vnet.kernel.clock.callout(), q.fs.fs.qsize // 3)
        self.activate(q, status, not self.flags & PIE_ON_OFF_MODE_ENABLED)

    def activate(self, q: Managed, status: PieStatus, timer: bool) -> None:
        """init_activate_pie."""
        status.drop_prob = status.qdelay_old = status.accu_prob = status.dq_count = status.avg_dq_time = 0
        status.burst_allowance = self.max_burst
        status.sflags = PIE_INMEASUREMENT
        status.measurement_start = self.now()
        if timer:
            status.sflags |= PIE_ACTIVE
            status.callout.reset(self.tupdate * US, self.calculate, q, status)

    def deactivate(self, status: PieStatus) -> None:
        """deactivate_pie."""
        status.sflags &= ~(PIE_ACTIVE | PIE_INMEASUREMENT)
        status.callout.stop()

    def calculate(self, q: Managed, status: PieStatus) -> None:
        """calculate_drop_prob, each `tupdate`."""
        if self.flags & PIE_DEPRATEEST_ENABLED:
            status.current_qdelay = q.len_bytes * status.avg_dq_time >> PIE_DQ_THRESHOLD_BITS & _M32
        elif not q.len_bytes:
            status.current_qdelay = 0
        delay, prob = status.current_qdelay, status.drop_prob
        change = self.alpha * (delay - self.qdelay_ref) + self.beta * (delay - status.qdelay_old)
        step = abs(change) * ((PIE_MAX_PROB << 12) // SECOND)
        shift = PIE_FIX_POINT_BITS + 12
        for extra, part in ((11, 1_000_000), (9, 100_000), (7, 10_000), (5, 1000), (3, 100), (1, 10)):
            if prob < PIE_MAX_PROB // part:
                shift += extra
                break
        step >>= shift
        if change < 0:
            prob -= step
        else:
            if self.flags & PIE_CAPDROP_ENABLED and prob >= PIE_MAX_PROB // 10:
                step = min(step, PIE_MAX_PROB // 50)
            prob += step
        if prob < 0:
            prob = 0
        else:
            if delay == 0 and status.qdelay_old == 0:
                prob -= prob >> 6
            prob = min(prob, PIE_MAX_PROB)
        status.drop_prob, status.qdelay_old = prob, delay
        if status.sflags & PIE_ACTIVE:
            status.burst_allowance = max(status.burst_allowance - self.tupdate, 0)
            status.callout.reset(self.tupdate * US, self.calculate, q, status)

    def drop_early(self, status: PieStatus, octets: int) -> bool:
        """Is a packet to be dropped before the queue is full?"""
        calm = status.qdelay_old < self.qdelay_ref >> 1 and status.drop_prob < PIE_MAX_PROB // 5
        if calm or octets <= 2 * MEAN_PKTSIZE:
            return False
        if status.drop_prob == 0:
            status.accu_prob = 0
        if self.flags & PIE_DERAND_ENABLED:
            status.accu_prob += status.drop_prob
            if status.accu_prob < PIE_MAX_PROB * 17 // 20:
                return False
            if status.accu_prob >= PIE_MAX_PROB * 17 // 2:
                return True
        if self.dn.rand() < status.drop_prob:
            status.accu_prob = 0
            return True
        return False

    def refuse(self, status: PieStatus, octets: int, pkt: DnPkt) -> bool:
        """Drop early what cannot be marked instead."""
        if not (status.sflags & PIE_ACTIVE and status.burst_allowance == 0 and self.drop_early(status, octets)):
            return False
        low = status.drop_prob < self.max_ecnth << (PIE_PROB_BITS - PIE_FIX_POINT_BITS)
        return not (self.flags & PIE_ECN_ENABLED and low and ecn_mark(pkt))

    def calm(self, status: PieStatus) -> bool:
        """No drops, short delays: bursts are allowed again."""
        half = self.qdelay_ref >> 1
        return status.drop_prob == 0 and status.current_qdelay < half and status.qdelay_old < half

    def enqueue(self, q: DnQueue, pkt: DnPkt) -> bool:
        """aqm_pie_enqueue."""
        status = q.aqm
        if not isinstance(status, PieStatus):
            q.dropped(pkt, UNREADY)
            return True
        fs = q.fs.fs
        length = q.len_bytes if fs.flags & DN_QSIZE_BYTES else q.length
        drop = length >= fs.qsize or self.refuse(status, q.len_bytes, pkt)
        if not status.sflags & PIE_ACTIVE and length >= status.one_third_q_size:
            self.activate(q, status, True)
        if status.sflags & PIE_ACTIVE and self.calm(status):
            status.burst_allowance = self.max_burst
            if self.flags & PIE_ON_OFF_MODE_ENABLED and length <= 0:
                self.deactivate(status)
        if drop:
            q.dropped(pkt, FULL if length >= fs.qsize else "PIE drops early")
            status.accu_prob = 0
            return True
        pkt.ts = self.now()
        q.packets.append(pkt)
        q.stats(pkt.len)
        return False

    def dequeue(self, q: Managed) -> DnPkt | None:
        """aqm_pie_dequeue: the delay is estimated from the rate of departure, or taken from the packet."""
        pkt = self.extract(q)
        status = q.aqm
        if pkt is None or not isinstance(status, PieStatus) or not status.sflags & PIE_ACTIVE:
            return pkt
        now = self.now()
        if not self.flags & PIE_DEPRATEEST_ENABLED:
            status.current_qdelay = now - pkt.ts & _M32
            return pkt
        if status.sflags & PIE_INMEASUREMENT:
            status.dq_count += pkt.len
            if status.dq_count >= PIE_DQ_THRESHOLD:
                took = now - status.measurement_start & _M32
                if status.avg_dq_time == 0:
                    status.avg_dq_time = took
                else:
                    weight = PIE_DQ_THRESHOLD >> 8
                    status.avg_dq_time = took * weight + status.avg_dq_time * ((1 << 8) - weight) >> 8
                    status.sflags &= ~PIE_INMEASUREMENT
        if not status.sflags & PIE_INMEASUREMENT and q.len_bytes >= PIE_DQ_THRESHOLD:
            status.sflags |= PIE_INMEASUREMENT
            status.measurement_start = now
            status.dq_count = 0
        return pkt


class LostPie(Aqm):
    """What is left of PIE at a flowset that was taken off its scheduler: nobody can read its parameters, no packet gets through.

    The configuration is freed there, but the functions are not forgotten until the flowset is configured again.
    """

    def __init__(self, dn: Dummynet) -> None:
        super().__init__(dn, DnExtra())

    def getconfig(self) -> DnExtra:
        """There are none."""
        raise KError(EINVAL)

    def enqueue(self, q: DnQueue, pkt: DnPkt) -> bool:
        """The queue was never initialised."""
        q.dropped(pkt, UNREADY)
        return True

    def dequeue(self, q: Managed) -> DnPkt | None:
        """Nothing gets in."""
        return None


AQMS: dict[str, type[Aqm]] = {"codel": Codel, "pie": Pie}
"""By name, in small letters (aqmlist)."""
