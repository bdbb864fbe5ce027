"""QFQ, quick fair queueing: weighted fair queueing at a constant cost (netpfil/ipfw/dn_sched_qfq.c).

Flows are in groups by the ratio of longest packet and weight; bitmaps say which groups are eligible (ER), ineligible (IR),
and blocked by another one (EB, IB).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.kernel.netpfil.ipfw.ip_dummynet_queue import dn_dequeue, dn_enqueue
from vshell.kernel.netpfil.ipfw.ip_dummynet_sched import DnAlg, bound_var

if TYPE_CHECKING:
    from vshell.kernel.netpfil.ipfw.ip_dummynet_queue import DnPkt, DnQueue, Fsk, SchInst

MAX_SLOTS = 32
MAX_INDEX = 19
MAX_WEIGHT = 1 << 16
MAX_WSUM = 2 * MAX_WEIGHT
FRAC_BITS = 30
ONE_FP = 1 << FRAC_BITS
MTU_SHIFT = 11
MIN_SLOT_SHIFT = FRAC_BITS + MTU_SHIFT - MAX_INDEX
ER, IR, EB, IB = 0, 1, 2, 3
_M64 = (1 << 64) - 1
_HALF = 1 << 63


def _gt(a: int, b: int) -> bool:
    """a > b of times that wrap around."""
    return 0 < (a - b & _M64) < _HALF


def _round_down(time: int, shift: int) -> int:
    return time >> shift << shift


def _ffs(bits: int) -> int:
    """The lowest bit that is set, from 0."""
    return (bits & -bits).bit_length() - 1


class Group:
    """Flows of about one ratio, in slots by start time."""

    __slots__ = ("F", "S", "front", "full_slots", "index", "slot_shift", "slots")

    def __init__(self, index: int) -> None:
        self.S = self.F = 0
        self.index = index
        self.slot_shift = MTU_SHIFT + FRAC_BITS - (MAX_INDEX - index)
        self.front = self.full_slots = 0
        self.slots: list[list[QfqClass]] = [[] for _ in range(MAX_SLOTS)]
        """The last of a list is the first to be served."""

    def insert(self, cl: QfqClass, rounded: int) -> None:
        """qfq_slot_insert."""
        slot = (rounded - self.S & _M64) >> self.slot_shift
        self.slots[(self.front + slot) % MAX_SLOTS].append(cl)
        self.full_slots |= 1 << (slot & 31)

    def remove_front(self) -> None:
        """qfq_front_slot_remove."""
        slot = self.slots[self.front]
        slot.pop()
        if not slot:
            self.full_slots &= ~1

    def scan(self) -> QfqClass | None:
        """qfq_slot_scan: the first flow; its slot becomes the front."""
        if not self.full_slots:
            return None
        step = _ffs(self.full_slots)
        self.front = (self.front + step) % MAX_SLOTS
        self.full_slots >>= step
        return self.slots[self.front][-1]

    def rotate(self, rounded: int) -> None:
        """qfq_slot_rotate: the start time of the group decreases."""
        step = (self.S - rounded & _M64) >> self.slot_shift
        self.full_slots = self.full_slots << step & _M64
        self.front = (self.front - step) % MAX_SLOTS


class QfqClass:
    """Queue of QFQ."""

    __slots__ = ("F", "S", "group", "inv_w", "q")

    def __init__(self, q: DnQueue) -> None:
        self.q = q
        self.S = self.F = 0
        self.inv_w = 0
        self.group: Group


class QfqInstance:
    """Instance of QFQ."""

    __slots__ = ("V", "bitmaps", "groups", "iwsum", "wsum")

    def __init__(self) -> None:
        self.V = self.wsum = self.iwsum = 0
        self.bitmaps = [0, 0, 0, 0]
        self.groups = [Group(i) for i in range(MAX_INDEX + 1)]

    def blocker(self, index: int) -> Group | None:
        """The first eligible group from an index on."""
        mask = self.bitmaps[ER] >> index << index
        return self.groups[_ffs(mask)] if mask else None

    def state(self, group: Group) -> int:
        """qfq_calc_state."""
        state = int(_gt(group.S, self.V))
        other = self.blocker(group.index)
        if other is not None and _gt(group.F, other.F):
            state |= EB
        return state

    def move(self, mask: int, src: int, dst: int) -> None:
        """qfq_move_groups."""
        self.bitmaps[dst] |= self.bitmaps[src] & mask
        self.bitmaps[src] &= ~mask

    def unblock(self, index: int, old_finish: int) -> None:
        """qfq_unblock_groups."""
        other = self.blocker(index + 1)
        if other is not None and not _gt(other.F, old_finish):
            return
        mask = (1 << index) - 1
        self.move(mask, EB, ER)
        self.move(mask, IB, IR)

    def update_eligible(self, old: int) -> None:
        """qfq_update_eligible, qfq_make_eligible."""
        ineligible = self.bitmaps[IR] | self.bitmaps[IB]
        if not ineligible:
            return
        if not self.bitmaps[ER]:
            first = self.groups[_ffs(ineligible)]
            if _gt(first.S, self.V):
                self.V = first.S
        changed = self.V >> MIN_SLOT_SHIFT ^ old >> MIN_SLOT_SHIFT
        if changed:
            # fls() takes an int: what is above 32 bits is not seen.
            mask = (2 << ((changed & 0xFFFFFFFF).bit_length() - 1)) - 1 if changed & 0xFFFFFFFF else 0
            self.move(mask, IR, ER)
            self.move(mask, IB, EB)


def _index(inv_w: int, longest: int) -> int:
    """qfq_calc_index: log2(longest / weight)."""
    slot = longest * inv_w
    size = slot >> MIN_SLOT_SHIFT
    if not size:
        return 0
    index = size.bit_length()
    return index - (slot == 1 << (index + MIN_SLOT_SHIFT - 1))


class Qfq(DnAlg):
    """Quick fair queueing."""

    name = "QFQ"

    def new_sched(self, si: SchInst) -> None:
        """qfq_new_sched."""
        si.alg = QfqInstance()

    def new_fsk(self, fs: Fsk) -> None:
        """Weight and longest packet."""
        fs.par[0] = bound_var(fs.par[0], 1, 1, MAX_WEIGHT)
        fs.par[1] = bound_var(fs.par[1], 1500, 1, 2000)

    def new_queue(self, q: DnQueue) -> None:
        """qfq_new_queue."""
        inst: QfqInstance = q.si.alg
        cl = q.alg = QfqClass(q)
        cl.inv_w = ONE_FP // q.fs.par[0]
        weight = ONE_FP // cl.inv_w
        cl.group = inst.groups[_index(cl.inv_w, q.fs.par[1])]
        if inst.wsum + weight > MAX_WSUM:
            # There it has no group then, and the next packet is a crash.
            cl.inv_w, weight = ONE_FP, 0
        inst.wsum += weight
        inst.iwsum = ONE_FP // inst.wsum if inst.wsum else 0

    def free_queue(self, q: DnQueue) -> None:
        """qfq_free_queue."""
        cl, inst = q.alg, q.si.alg
        if cl.inv_w:
            inst.wsum = max(inst.wsum - ONE_FP // cl.inv_w, 0)
            if inst.wsum:
                inst.iwsum = ONE_FP // inst.wsum
            cl.inv_w = 0
        self._forget(inst, cl)

    def _forget(self, inst: QfqInstance, cl: QfqClass) -> None:
        """A queue is destroyed while it waits to be served (qfq_deactivate_class, which FreeBSD has but does not call)."""
        group = cl.group
        listed = [slot for slot in group.slots if cl in slot]
        if not listed:
            return
        for slot in listed:
            slot.remove(cl)
        self._mend(inst, group)

    def _mend(self, inst: QfqInstance, group: Group) -> None:
        """Make a group agree with what is in its slots."""
        group.full_slots = sum(1 << i for i in range(MAX_SLOTS) if group.slots[(group.front + i) % MAX_SLOTS])
        old_finish = group.F
        first = group.scan()
        for state in (ER, IR, EB, IB):
            inst.bitmaps[state] &= ~(1 << group.index)
        if first is not None:
            group.S = _round_down(first.S, group.slot_shift)
            group.F = group.S + (2 << group.slot_shift) & _M64
            inst.bitmaps[inst.state(group)] |= 1 << group.index
        inst.unblock(group.index, old_finish)
        inst.update_eligible(inst.V)

    def _start(self, inst: QfqInstance, cl: QfqClass) -> None:
        """qfq_update_start."""
        shift = cl.group.slot_shift
        rounded = _round_down(cl.F, shift)
        limit = _round_down(inst.V, shift) + (1 << shift) & _M64
        if _gt(cl.F, inst.V) and not _gt(rounded, limit):
            cl.S = cl.F
            return
        other = inst.blocker(cl.group.index)
        if other is not None and _gt(rounded, other.F):
            cl.S = other.F if _gt(limit, other.F) else limit
            return
        cl.S = inst.V

    def enqueue(self, si: SchInst, q: DnQueue | None, pkt: DnPkt) -> bool:
        """qfq_enqueue."""
        assert q is not None
        if dn_enqueue(q, pkt):
            return True
        if pkt is not q.packets[0]:
            return False
        inst, cl = si.alg, q.alg
        group = cl.group
        self._start(inst, cl)
        cl.F = cl.S + pkt.len * cl.inv_w & _M64
        rounded = _round_down(cl.S, group.slot_shift)
        if group.full_slots:
            if not _gt(group.S, cl.S):
                group.insert(cl, rounded)
                return False
            group.rotate(rounded)
            inst.bitmaps[IR] &= ~(1 << group.index)
            inst.bitmaps[IB] &= ~(1 << group.index)
        elif not inst.bitmaps[ER] and _gt(rounded, inst.V):
            inst.V = rounded
        group.S = rounded
        group.F = rounded + (2 << group.slot_shift) & _M64
        inst.bitmaps[inst.state(group)] |= 1 << group.index
        group.insert(cl, rounded)
        return False

    def _update_class(self, group: Group, cl: QfqClass) -> bool:
        """qfq_update_class: True if the group has to be updated too."""
        cl.S = cl.F
        if not cl.q.packets:
            group.remove_front()
            return True
        cl.F = cl.S + cl.q.packets[0].len * cl.inv_w & _M64
        rounded = _round_down(cl.S, group.slot_shift)
        if rounded == group.S:
            return False
        group.remove_front()
        group.insert(cl, rounded)
        return True

    def dequeue(self, si: SchInst) -> DnPkt | None:
        """qfq_dequeue."""
        inst: QfqInstance = si.alg
        while inst.bitmaps[ER]:
            group = inst.groups[_ffs(inst.bitmaps[ER])]
            if not group.slots[group.front]:
                # Packets longer than the flowset said were put into slots beyond the last one.
                self._mend(inst, group)
                continue
            cl = group.slots[group.front][-1]
            pkt = dn_dequeue(cl.q)
            old = inst.V
            if pkt is not None:
                inst.V = inst.V + pkt.len * inst.iwsum & _M64
            if self._update_class(group, cl):
                self._update_group(inst, group)
            inst.update_eligible(old)
            # DIFFERS: a queue which its AQM has emptied is passed over; there it blocks the instance.
            if pkt is not None:
                return pkt
        return None

    def _update_group(self, inst: QfqInstance, group: Group) -> None:
        old_finish = group.F
        first = group.scan()
        bit = 1 << group.index
        if first is None:
            inst.bitmaps[ER] &= ~bit
        else:
            rounded = _round_down(first.S, group.slot_shift)
            if rounded == group.S:
                return
            group.S = rounded
            group.F = rounded + (2 << group.slot_shift) & _M64
            inst.bitmaps[ER] &= ~bit
            inst.bitmaps[inst.state(group)] |= bit
        inst.unblock(group.index, old_finish)
