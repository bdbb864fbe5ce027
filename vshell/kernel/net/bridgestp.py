"""Spanning tree for bridges: STP and RSTP as in IEEE 802.1D-2004 (net/bridgestp.c).

Times are in 1/256 s as in the protocol's messages; the state machines run once a second and at each message.  Priority
vectors are tuples that compare as the standard wants: (root, cost, designated bridge, designated port).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL, EPERM, KError
from vshell.abi.if_bridge import BSTP_PROTO_RSTP, BSTP_PROTO_STP
from vshell.abi.if_media import IFM_ACTIVE, IFM_FDX
from vshell.abi.sockio import IFCAP_LINKSTATE, IFF_DRV_RUNNING, IFF_UP, IFT_ETHER, IFT_L2VLAN, LINK_STATE_DOWN, SIOCGIFMEDIA
from vshell.kernel.kern.module import KernelModule
from vshell.kernel.net.bridgestp_bpdu import (
    ALTERNATE,
    BACKUP,
    CONFIG,
    DESIGNATED,
    DISABLED,
    F_A,
    F_F,
    F_L,
    F_P,
    F_TC,
    F_TCA,
    LLC,
    ROLE_BITS,
    ROLE_SHIFT,
    ROOT,
    RSTP_MASK,
    STP_MASK,
    TYPE_CFG,
    TYPE_RSTP,
    TYPE_TCN,
    Message,
    Vector,
)
from vshell.kernel.net.bridgestp_timer import TICK, Timer
from vshell.kernel.net.mbuf import m_get

if TYPE_CHECKING:
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf

BSTP_ETHERADDR = b"\x01\x80\xc2\0\0\0"
SECOND = 1_000_000_000
MESSAGE_AGE_INCR = TICK
MIN_HELLO_TIME, MAX_HELLO_TIME, DEFAULT_HELLO_TIME = 1 * TICK, 2 * TICK, 2 * TICK
MIN_MAX_AGE, MAX_MAX_AGE, DEFAULT_MAX_AGE = 6 * TICK, 40 * TICK, 20 * TICK
MIN_FORWARD_DELAY, MAX_FORWARD_DELAY, DEFAULT_FORWARD_DELAY = 4 * TICK, 30 * TICK, 15 * TICK
MIGRATE_DELAY = 3 * TICK
LINK_TIMER = 15 * TICK
MIN_HOLD_COUNT, MAX_HOLD_COUNT, DEFAULT_HOLD_COUNT = 1, 10, 6
MAX_PRIORITY, DEFAULT_PRIORITY = 61440, 32768
MAX_PORT_PRIORITY, DEFAULT_PORT_PRIORITY = 240, 128
MAX_PATH_COST, DEFAULT_PATH_COST = 200_000_000, 55
MAX_STP_COST = 65535

LEARNING, FORWARDING, DISCARDING = 2, 3, 5
"""States of a port (BSTP_IFSTATE_*)."""
INFO_DISABLED, INFO_AGED, INFO_MINE, INFO_RECEIVED = 0, 1, 2, 3
"""Where a port's vector comes from."""
TC_ACTIVE, TC_INACTIVE, TC_LEARNING = range(3)
"""What a port does about changes of the topology."""

CAN_MIGRATE, NEW_INFO, ADMCOST, AUTOEDGE, AUTOPTP, ADMEDGE, PENDING_COST = 0x1, 0x2, 0x8, 0x10, 0x20, 0x40, 0x80
"""Flags of a port."""

_ZERO: Vector = (0, 0, 0, 0)


class Port:
    """A member of a bridge in the spanning tree (struct bstp_port)."""

    def __init__(self, bs: Stp, ifp: Ifnet) -> None:
        self.bs = bs
        self.ifp = ifp
        self.active = False
        self.priority = DEFAULT_PORT_PRIORITY
        self.port_id = 0
        self.path_cost = 0
        self.role = DISABLED
        self.state = DISCARDING
        self.infois = INFO_DISABLED
        self.flags = AUTOEDGE | AUTOPTP
        self.protover = BSTP_PROTO_STP
        self.operedge = self.ptp_link = False
        self.tcstate = TC_ACTIVE
        self.txcount = 0
        self.pv = self.desg_pv = _ZERO
        self.times: tuple[int, ...] = (0, 0, 0, 0)
        self.desg_times: tuple[int, ...] = (0, 0, 0, 0)
        self.proposed = self.proposing = self.agreed = self.agree = False
        self.sync = self.synced = self.reroot = self.fdbflush = False
        self.rcvdtc = self.rcvdtca = self.rcvdtcn = self.tc_ack = self.tc_prop = False
        self.hello, self.message_age, self.edge_delay, self.migrate_delay = Timer(), Timer(), Timer(), Timer()
        self.tc, self.recent_root, self.recent_backup, self.forward_delay = Timer(), Timer(), Timer(), Timer()
        self.set_proto(bs.protover)
        self.set_tc_inactive()
        self.path_cost = self.calc_path_cost()

    # what the user sets ----------------------------------------------------------------------------------------
    def enable(self) -> None:
        """bstp_enable."""
        if self.ifp.type not in (IFT_ETHER, IFT_L2VLAN):
            raise KError(EINVAL)
        self.bs.ports.insert(0, self)
        self.active = True
        self.flags |= NEW_INFO
        self.bs.reinit()
        self.update_roles()

    def disable(self) -> None:
        """bstp_disable."""
        self.infois = INFO_DISABLED
        self.bs.ports.remove(self)
        self.active = False
        self.bs.reinit()

    def destroy(self) -> None:
        """bstp_destroy."""
        if self.bs.root_port is self:
            self.bs.assign_roles()

    def set_priority(self, priority: int) -> None:
        """bstp_set_port_priority."""
        if priority > MAX_PORT_PRIORITY:
            raise KError(EINVAL)
        self.priority = priority - priority % 16
        self.bs.reinit()

    def set_path_cost(self, cost: int) -> None:
        """bstp_set_path_cost."""
        if cost > MAX_PATH_COST:
            raise KError(EINVAL)
        if self.protover == BSTP_PROTO_STP:
            cost = min(cost, MAX_STP_COST)
        if cost:
            self.path_cost = cost
            self.flags |= ADMCOST
        else:
            self.flags &= ~ADMCOST
            self.path_cost = self.calc_path_cost()
        self.bs.reinit()

    def set_edge(self, on: bool) -> None:
        """bstp_set_edge."""
        self.operedge = on
        self.flags = self.flags | ADMEDGE if on else self.flags & ~ADMEDGE

    def set_autoedge(self, on: bool) -> None:
        """bstp_set_autoedge."""
        self.flags = self.flags | AUTOEDGE if on else self.flags & ~AUTOEDGE
        if on and not self.edge_delay.active:
            self.edge_delay_expiry()

    def set_autoptp(self, on: bool) -> None:
        """bstp_set_autoptp."""
        self.flags = self.flags | AUTOPTP if on else self.flags & ~AUTOPTP
        if on and self.role != DISABLED:
            self.bs.task(self.ifupdstatus)

    def calc_path_cost(self) -> int:
        """What the medium's speed makes it."""
        if self.flags & ADMCOST:
            return self.path_cost
        if self.ifp.link_state == LINK_STATE_DOWN:
            self.flags |= PENDING_COST
            return DEFAULT_PATH_COST
        if self.ifp.baudrate < 1000:
            return DEFAULT_PATH_COST
        cost = min(20_000_000_000 // (self.ifp.baudrate // 1000), MAX_PATH_COST)
        return min(cost, MAX_STP_COST) if self.protover == BSTP_PROTO_STP else cost

    # transitions -----------------------------------------------------------------------------------------------
    def set_state(self, state: int) -> None:
        """bstp_set_port_state."""
        if self.state == state:
            return
        self.state = state
        if state == LEARNING:
            self.forward_delay.start(self.desg_times[2 if self.protover == BSTP_PROTO_RSTP else 3])
        elif state == FORWARDING:
            self.forward_delay.stop()
        self.bs.task(self._notify_state)

    def _notify_state(self) -> None:
        if self.active:
            self.bs.state_changed(self.ifp, self.state)

    def set_role(self, role: int) -> None:
        """bstp_set_port_role."""
        if self.role == role:
            return
        if self.role == DISABLED:
            self.forward_delay.start(self.desg_times[1])
        elif self.role in (BACKUP, ALTERNATE):
            if self.role == BACKUP:
                self.recent_backup.start(self.desg_times[2] * 2)
            self.forward_delay.start(self.desg_times[3])
            self.sync, self.synced, self.reroot = False, True, False
        elif self.role == ROOT:
            self.recent_root.start(DEFAULT_FORWARD_DELAY)
        self.role = role
        self.proposing = False
        self.bs.allsynced = False
        if role in (DISABLED, ALTERNATE, BACKUP):
            self.set_state(DISCARDING)
            self.recent_root.stop()
            self.forward_delay.latch()
            self.sync, self.synced, self.reroot = False, True, False
        elif role == ROOT:
            self.set_state(DISCARDING)
            self.recent_root.latch()
        else:
            self.hello.start(self.desg_times[2])
            self.agree = False
        self.update_tc()

    def set_proto(self, proto: int) -> None:
        """bstp_set_port_proto."""
        if proto == BSTP_PROTO_STP:
            self.migrate_delay.stop()
            self.operedge = False
            self.path_cost = min(self.path_cost, MAX_STP_COST)
        else:
            self.migrate_delay.start(MIGRATE_DELAY)
        self.protover = proto
        self.flags &= ~CAN_MIGRATE

    def update_state(self) -> None:
        """bstp_update_state."""
        bs = self.bs
        if not bs.allsynced:
            bs.allsynced = all(p.synced or p.role == ROOT for p in bs.ports)
        self.update_roles()
        self.update_tc()

    def update_roles(self) -> None:
        """bstp_update_roles."""
        if self.role == DISABLED:
            self.sync, self.synced, self.reroot = False, True, False
        elif self.role == ROOT:
            self._update_root()
        elif self.role == DESIGNATED:
            self._update_designated()
        else:
            self._agree()
            self.sync, self.synced, self.reroot = False, True, False
        if self.flags & NEW_INFO:
            self.transmit()

    def _agree(self) -> None:
        """Answer a proposal, once all other ports are where they are safe."""
        if (self.bs.allsynced and not self.agree) or (self.proposed and self.agree):
            self.proposed = False
            if self.role == ROOT:
                self.sync = False
            self.agree = True
            self.flags |= NEW_INFO
        if self.proposed and not self.agree:
            self.bs.set_all_sync()
            self.proposed = False

    def _update_root(self) -> None:
        if self.state != FORWARDING and not self.reroot:
            for port in self.bs.ports:
                port.reroot = True
        self._agree()
        fast = self.protover == BSTP_PROTO_RSTP and not self.recent_backup.active
        if self.state != FORWARDING and (not self.forward_delay.active or (fast and self._rerooted())):
            self.set_state(LEARNING if self.state == DISCARDING else FORWARDING)
        if self.state == FORWARDING:
            self.reroot = False

    def _rerooted(self) -> bool:
        return not any(p.recent_root.active for p in self.bs.ports if p is not self)

    def _update_designated(self) -> None:
        if not self.recent_root.active:
            self.reroot = False
        if (not self.synced and (self.state == DISCARDING or self.agreed or self.operedge)) or (self.sync and self.synced):
            self.recent_root.stop()
            self.synced, self.sync = True, False
        if self.state != FORWARDING and not (self.agreed or self.proposing or self.operedge):
            self.proposing = True
            self.flags |= NEW_INFO
            self.edge_delay.start(MIGRATE_DELAY if self.ptp_link else self.desg_times[1])
        may = not self.forward_delay.active or self.agreed or self.operedge
        if self.state != FORWARDING and may and not (self.recent_root.active and self.reroot) and not self.sync:
            if self.agreed or self.operedge or self.state == LEARNING:
                self.set_state(FORWARDING)
                self.agreed = self.protover == BSTP_PROTO_RSTP
            elif self.state == DISCARDING:
                self.set_state(LEARNING)
        unsafe = (self.sync and not self.synced) or (self.reroot and self.recent_root.active)
        if unsafe and not self.operedge and self.state != DISCARDING:
            self.set_state(DISCARDING)
            self.forward_delay.start(self.desg_times[2 if self.protover == BSTP_PROTO_RSTP else 3])

    def update_info(self) -> None:
        """bstp_update_info: the port speaks for this bridge now."""
        self.proposing = self.proposed = False
        if self.agreed and not (self.infois == INFO_MINE and self.desg_pv <= self.pv):
            self.agreed = False
        if self.synced and not self.agreed:
            self.synced = self.bs.allsynced = False
        self.pv, self.times = self.desg_pv, self.desg_times
        self.infois = INFO_MINE
        self.flags |= NEW_INFO

    # changes of the topology -----------------------------------------------------------------------------------
    def update_tc(self) -> None:
        """bstp_update_tc."""
        inside = self.role in (DESIGNATED, ROOT)
        if self.tcstate == TC_ACTIVE:
            self._update_tc_active(inside)
        elif self.tcstate == TC_INACTIVE:
            if self.state in (LEARNING, FORWARDING) and not self.fdbflush:
                self._tc_learning()
        else:
            if self.rcvdtc or self.rcvdtcn or self.rcvdtca or self.tc_prop:
                self._tc_learning()
            elif not inside and self.state == DISCARDING:
                self.set_tc_inactive()
            if inside and self.state == FORWARDING and not self.operedge:
                self._tc_detected()

    def _update_tc_active(self, inside: bool) -> None:
        if not inside or self.operedge:
            self._tc_learning()
        if self.rcvdtcn:
            self._set_timer_tc()
            self._tc_received()
        if self.rcvdtc:
            self._tc_received()
        if self.tc_prop and not self.operedge:
            self._flush()
            self.tc_prop = False
            self._set_timer_tc()
            self.tcstate = TC_ACTIVE
        if self.rcvdtca:
            self.tc.stop()
            self.rcvdtca = False
            self.tcstate = TC_ACTIVE

    def _tc_learning(self) -> None:
        self.tcstate = TC_LEARNING
        self.rcvdtc = self.rcvdtcn = self.rcvdtca = self.tc_prop = False

    def set_tc_inactive(self) -> None:
        """bstp_set_port_tc(BSTP_TCSTATE_INACTIVE)."""
        self.tcstate = TC_INACTIVE
        self.tc.stop()
        self._flush()
        self.tc_ack = False

    def _tc_detected(self) -> None:
        self._set_timer_tc()
        self.bs.set_other_tcprop(self)
        self.flags |= NEW_INFO
        self.transmit()
        self.tcstate = TC_ACTIVE

    def _tc_received(self) -> None:
        self.rcvdtc = self.rcvdtcn = False
        if self.role == DESIGNATED:
            self.tc_ack = True
        self.bs.set_other_tcprop(self)
        self.tcstate = TC_ACTIVE

    def _set_timer_tc(self) -> None:
        if self.tc.active:
            return
        if self.protover == BSTP_PROTO_RSTP:
            self.tc.start(self.desg_times[2] + TICK)
            self.flags |= NEW_INFO
        else:
            self.tc.start(self.bs.root_times[1] + self.bs.root_times[3])

    def _flush(self) -> None:
        self.fdbflush = True
        self.bs.task(self._notify_rtage)

    def _notify_rtage(self) -> None:
        age = self.desg_times[3] // TICK if self.protover == BSTP_PROTO_STP else 0
        if self.active:
            self.bs.rtage(self.ifp, age)
        self.fdbflush = False

    # messages --------------------------------------------------------------------------------------------------
    def transmit(self) -> None:
        """bstp_transmit."""
        bs = self.bs
        if not bs.running:
            return
        if not self.hello.active:
            self.hello_expiry()
            return
        if self.txcount > bs.txholdcount:
            return
        if self.protover == BSTP_PROTO_RSTP or self.role == DESIGNATED:
            self._transmit_bpdu()
            self.tc_ack = False
        elif self.role == ROOT:
            self._send(b"\0\0\0" + bytes((TYPE_TCN,)))
        self.hello.start(self.desg_times[2])
        self.flags &= ~NEW_INFO

    def _transmit_bpdu(self) -> None:
        rstp = self.protover == BSTP_PROTO_RSTP
        age, max_age, htime, fdelay = self.desg_times
        root, cost, bridge, _ = self.desg_pv
        kind = TYPE_RSTP if rstp else TYPE_CFG
        body = CONFIG.pack(
            0, self.protover, kind, self._pdu_flags(), root, cost, bridge, self.port_id, age, max_age, htime, fdelay
        )
        self._send(body + b"\0" if rstp else body)

    def _pdu_flags(self) -> int:
        flags = ROLE_BITS.get(self.role, 0) << ROLE_SHIFT
        if self.proposing and self.state != FORWARDING:
            flags |= F_P
        if self.agree:
            flags |= F_A
        if self.tc.active:
            flags |= F_TC
        if self.tc_ack:
            flags |= F_TCA
        if self.state == LEARNING:
            flags |= F_L
        elif self.state == FORWARDING:
            flags |= F_L | F_F
        return flags & (RSTP_MASK if self.protover == BSTP_PROTO_RSTP else STP_MASK)

    def _send(self, body: bytes) -> None:
        ifp = self.ifp
        if not ifp.flags & IFF_DRV_RUNNING:
            return
        body = LLC + body
        self.txcount += 1
        ifp.transmit(m_get(BSTP_ETHERADDR + ifp.lladdr + len(body).to_bytes(2, "big") + body))

    def input(self, m: Mbuf) -> None:
        """bstp_input: a frame to the protocol's address."""
        frame = m.bytes()
        size = int.from_bytes(frame[12:14], "big")
        body = frame[14 : 14 + size]
        if not self.active or size < 7 or len(body) < 7 or body[:5] != LLC + b"\0\0":
            return
        version, kind = min(body[5], BSTP_PROTO_RSTP), body[6]
        if version != self.protover:
            if not self.flags & CAN_MIGRATE:
                return
            self.set_proto(version)
        self.operedge = False
        self.edge_delay.start(MIGRATE_DELAY)
        if version == BSTP_PROTO_STP and kind == TYPE_TCN:
            self.rcvdtcn = True
            self.update_tc()
        elif kind == (TYPE_CFG if version == BSTP_PROTO_STP else TYPE_RSTP) and len(body) >= 3 + CONFIG.size:
            self._received(Message(body[3:]))

    def _received(self, cu: Message) -> None:
        """bstp_received_bpdu."""
        if self.infois in (INFO_DISABLED, INFO_AGED):
            return
        if cu.role == DESIGNATED:
            same_sender = _same_bridge(self.pv[2], cu.pv[2]) and self.pv[3] & 0xFFF == cu.pv[3] & 0xFFF
            if cu.pv < self.pv or same_sender:
                self._superior(cu)
            elif cu.flags & F_L:
                self.agreed, self.proposing = True, False
        elif cu.role in (ROOT, ALTERNATE, BACKUP) and cu.pv >= self.pv:
            self.agreed = bool(cu.flags & F_A) and self.ptp_link
            if self.agreed:
                self.proposing = False
            self._note_tc(cu)
        else:
            return
        self.update_state()

    def _superior(self, cu: Message) -> None:
        self.bs.allsynced = False
        self.agreed = self.proposing = False
        if cu.flags & F_P and not cu.flags & F_F:
            self.proposed = True
        self._note_tc(cu)
        if self.agree and not (self.infois == INFO_RECEIVED and cu.pv <= self.pv):
            self.agree = False
        self.pv = cu.pv
        age, max_age, htime, fdelay = cu.times
        self.times = (age, max_age, max(htime, MIN_HELLO_TIME), fdelay)
        self.set_timer_msgage()
        self.infois = INFO_RECEIVED
        self.bs.assign_roles()

    def _note_tc(self, cu: Message) -> None:
        if cu.flags & F_TC:
            self.rcvdtc = True
        if cu.flags & F_TCA:
            self.rcvdtca = True

    # time ------------------------------------------------------------------------------------------------------
    def set_timer_msgage(self) -> None:
        """bstp_set_timer_msgage."""
        age, max_age, htime, _ = self.times
        self.message_age.start(htime * 3 if age + MESSAGE_AGE_INCR <= max_age else 0)

    def tick(self) -> None:
        """A second went by."""
        for timer in (self.tc, self.recent_root, self.forward_delay, self.recent_backup):
            timer.tick()
        if self.hello.tick():
            self.hello_expiry()
        if self.message_age.tick() and self.infois == INFO_RECEIVED:
            self.infois = INFO_AGED
            self.bs.assign_roles()
        if self.migrate_delay.tick():
            self.flags |= CAN_MIGRATE
        if self.edge_delay.tick():
            self.edge_delay_expiry()
        self.update_state()
        if self.txcount > 0:
            self.txcount -= 1

    def hello_expiry(self) -> None:
        """bstp_hello_timer_expiry."""
        if self.flags & NEW_INFO or self.role == DESIGNATED or (self.role == ROOT and self.tc.active):
            self.hello.start(self.desg_times[2])
            self.flags |= NEW_INFO
            self.transmit()

    def edge_delay_expiry(self) -> None:
        """bstp_edge_delay_expiry: nobody answered, so there is no bridge out there."""
        if self.flags & AUTOEDGE and self.protover == BSTP_PROTO_RSTP and self.proposing and self.role == DESIGNATED:
            self.operedge = True

    def linkstate(self) -> None:
        """bstp_linkstate."""
        if self.active:
            self.ifupdstatus()
            self.update_state()

    def ifupdstatus(self) -> None:
        """Look at the medium: is the link there, is it point to point, how fast?"""
        if not self.active:
            return
        ifp = self.ifp
        try:
            media = ifp.ioctl(SIOCGIFMEDIA(ifp.xname), None)
        except KError:
            media = None
        changed = False
        if media is not None and ifp.flags & IFF_UP:
            if media.status & IFM_ACTIVE:
                changed = self._link_active(bool(media.active & IFM_FDX))
            elif self.role != DISABLED:
                self.infois = INFO_DISABLED
                changed = True
                if self.flags & ADMEDGE and self.protover == BSTP_PROTO_RSTP:
                    self.operedge = True
        elif self.infois != INFO_DISABLED:
            self.infois = INFO_DISABLED
            changed = True
        if changed:
            self.bs.assign_roles()

    def _link_active(self, fdx: bool) -> bool:
        changed = False
        if self.flags & AUTOPTP and self.ptp_link != fdx:
            self.ptp_link = fdx
            changed = True
        if self.flags & PENDING_COST:
            cost = self.calc_path_cost()
            changed = changed or cost != self.path_cost
            self.path_cost = cost
            self.flags &= ~PENDING_COST
        if self.role == DISABLED:
            self.infois = INFO_AGED
            changed = True
        return changed


class Stp:
    """A bridge in the spanning tree (struct bstp_state)."""

    def __init__(
        self,
        kernel: Kernel,
        members: Callable[[], list[Ifnet]],
        state_changed: Callable[[Ifnet, int], None],
        rtage: Callable[[Ifnet, int], None],
    ) -> None:
        self.kernel = kernel
        self.members = members
        self.state_changed = state_changed
        self.rtage = rtage
        self.ports: list[Port] = []
        """The active ones, the youngest first."""
        self.max_age, self.htime, self.fdelay = DEFAULT_MAX_AGE, DEFAULT_HELLO_TIME, DEFAULT_FORWARD_DELAY
        self.priority = DEFAULT_PRIORITY
        self.txholdcount = DEFAULT_HOLD_COUNT
        self.protover = BSTP_PROTO_RSTP
        self.bridge_pv = self.root_pv = _ZERO
        self.root_times: tuple[int, ...] = (0, 0, 0, 0)
        self.root_port: Port | None = None
        self.allsynced = False
        self.running = False
        self.callout = kernel.clock.callout()
        self.link_timer = Timer()
        self.tasks: set[Callable[[], None]] = set()

    def task(self, function: Callable[[], None]) -> None:
        """taskqueue_enqueue: do it soon, once."""
        if function not in self.tasks:
            self.tasks.add(function)
            self.kernel.netisrq.append((self._run, function, None))

    def _run(self, function: Callable[[], None], _: object) -> None:
        self.tasks.discard(function)
        function()

    # life ------------------------------------------------------------------------------------------------------
    def init(self) -> None:
        """bstp_init."""
        self.callout.reset(SECOND, self.tick)
        self.running = True
        self.reinit()

    def stop(self) -> None:
        """bstp_stop."""
        for port in self.ports:
            port.set_state(DISCARDING)
        self.running = False
        self.callout.stop()

    def reinit(self) -> None:
        """bstp_reinit: find out who we are and begin anew."""
        members = self.members() if self.ports else []
        candidates = [i.lladdr for i in members if i.type in (IFT_ETHER, IFT_L2VLAN) and any(i.lladdr)]
        number = self.priority << 48
        if not candidates:
            self.bridge_pv = self.root_pv = (number, 0, number, 0)
            for port in self.ports:
                port.infois = INFO_DISABLED
                port.set_role(DISABLED)
            self.callout.stop()
            return
        number |= int.from_bytes(min(candidates), "big")
        self.bridge_pv = (number, 0, number, 0)
        if self.running and not self.callout.pending:
            self.callout.reset(SECOND, self.tick)
        for port in self.ports:
            port.port_id = port.priority << 8 | port.ifp.index & 0xFFF
            self.task(port.ifupdstatus)
        self.assign_roles()
        self.link_timer.start(LINK_TIMER)

    def tick(self) -> None:
        """bstp_tick."""
        if not self.running:
            return
        if self.link_timer.tick():
            for port in self.ports:
                if not port.ifp.capabilities & IFCAP_LINKSTATE:
                    self.task(port.ifupdstatus)
            self.link_timer.start(LINK_TIMER)
        for port in list(self.ports):
            port.tick()
        self.callout.reset(SECOND, self.tick)

    # roles -----------------------------------------------------------------------------------------------------
    def assign_roles(self) -> None:
        """bstp_assign_roles."""
        self.root_pv, self.root_port = self.bridge_pv, None
        self.root_times = (0, self.max_age, self.htime, self.fdelay)
        best: Port | None = None
        for port in self.ports:
            if port.infois != INFO_RECEIVED:
                continue
            root, cost, bridge, number = port.pv
            pv = (root, cost + port.path_cost, bridge, number)
            if not _same_bridge(bridge, self.bridge_pv[2]) and pv < self.root_pv:
                self.root_pv, best = pv, port
                age, max_age, htime, fdelay = port.times
                self.root_times = (age + MESSAGE_AGE_INCR, max_age, htime, fdelay)
        age, max_age, _, fdelay = self.root_times
        for port in self.ports:
            port.desg_pv = (self.root_pv[0], self.root_pv[1], self.bridge_pv[2], port.port_id)
            port.desg_times = (age, max_age, self.htime, fdelay)
            self._assign_role(port, best)

    def _assign_role(self, port: Port, best: Port | None) -> None:
        if port.infois == INFO_DISABLED:
            port.set_role(DISABLED)
        elif port.infois == INFO_AGED:
            port.set_role(DESIGNATED)
            port.update_info()
        elif port.infois == INFO_MINE:
            port.set_role(DESIGNATED)
            if port.pv != port.desg_pv or (best is not None and port.times != best.times):
                port.update_info()
        elif port is best:
            port.set_role(ROOT)
            self.root_port = port
        elif port.desg_pv < port.pv:
            port.set_role(DESIGNATED)
            port.update_info()
        elif _same_bridge(port.pv[2], self.bridge_pv[2]):
            port.set_role(BACKUP)
        else:
            port.set_role(ALTERNATE)

    def set_all_sync(self) -> None:
        """bstp_set_all_sync."""
        for port in self.ports:
            port.sync, port.synced = True, False
        self.allsynced = False

    def set_other_tcprop(self, port: Port) -> None:
        """bstp_set_other_tcprop."""
        for other in self.ports:
            if other is not port:
                other.tc_prop = True

    # what the user sets ----------------------------------------------------------------------------------------
    def set_htime(self, seconds: int) -> None:
        """bstp_set_htime."""
        if self.protover != BSTP_PROTO_STP:
            raise KError(EPERM)
        self.htime = _checked(seconds, MIN_HELLO_TIME, MAX_HELLO_TIME)
        self.reinit()

    def set_fdelay(self, seconds: int) -> None:
        """bstp_set_fdelay."""
        self.fdelay = _checked(seconds, MIN_FORWARD_DELAY, MAX_FORWARD_DELAY)
        self.reinit()

    def set_maxage(self, seconds: int) -> None:
        """bstp_set_maxage."""
        self.max_age = _checked(seconds, MIN_MAX_AGE, MAX_MAX_AGE)
        self.reinit()

    def set_holdcount(self, count: int) -> None:
        """bstp_set_holdcount."""
        if not MIN_HOLD_COUNT <= count <= MAX_HOLD_COUNT:
            raise KError(EINVAL)
        self.txholdcount = count
        for port in self.ports:
            port.txcount = 0

    def set_protocol(self, proto: int) -> None:
        """bstp_set_protocol."""
        if proto not in (BSTP_PROTO_STP, BSTP_PROTO_RSTP):
            raise KError(EINVAL)
        self.protover, self.htime = proto, DEFAULT_HELLO_TIME
        for port in self.ports:
            port.infois, port.txcount = INFO_DISABLED, 0
            port.set_proto(proto)
            port.set_role(DISABLED)
            port.set_tc_inactive()
            port.recent_backup.stop()
        self.reinit()

    def set_priority(self, priority: int) -> None:
        """bstp_set_priority."""
        if not 0 <= priority <= MAX_PRIORITY:
            raise KError(EINVAL)
        self.priority = priority - priority % 4096
        self.reinit()


class BridgeStp(KernelModule):
    """The module bridgestp: nothing of its own, but it has to be there."""


def _same_bridge(first: int, second: int) -> bool:
    """bstp_same_bridgeid: the same but for the priority."""
    return (first ^ second) & 0xFFFFFFFFFFFF == 0


def _checked(seconds: int, least: int, most: int) -> int:
    value = seconds * TICK
    if not least <= value <= most:
        raise KError(EINVAL)
    return value
