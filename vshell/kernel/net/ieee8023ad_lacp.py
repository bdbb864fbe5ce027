"""LACP: agreeing with the other end on which links are one (IEEE 802.3ad, net/ieee8023ad_lacp.c).

The state machines run once a second and at each message.  A port's `actor` is this end of the link, `partner` the other one.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from vshell.abi.errno import ENETDOWN, ENOBUFS, KError
from vshell.abi.if_lagg import LacpInfo, LacpPeer
from vshell.abi.if_media import IFM_FDX
from vshell.abi.sockio import LINK_STATE_DOWN, LINK_STATE_UP, SIOCGIFMEDIA
from vshell.kernel.net.ifnet import if_link_state_change
from vshell.kernel.net.mbuf import M_MCAST, m_get
from vshell.wire.ether import ETHERTYPE_SLOW

if TYPE_CHECKING:
    from vshell.kernel.net.if_lagg import Lagg, LaggMember
    from vshell.kernel.net.mbuf import Mbuf

SECOND = 1_000_000_000
SLOW_ADDR = b"\x01\x80\xc2\0\0\x02"
SUBTYPE_LACP, SUBTYPE_MARKER = 1, 2
MARKER_INFO, MARKER_RESPONSE = 1, 2

ACTIVITY, TIMEOUT, AGGREGATION, SYNC, COLLECTING, DISTRIBUTING, DEFAULTED, EXPIRED = (1 << i for i in range(8))
"""Bits of a peer's state."""

SYSTEM_PRIO = PORT_PRIO = 0x8000
FAST_PERIODIC, SLOW_PERIODIC = 1, 30
SHORT_TIMEOUT, LONG_TIMEOUT = 3, 90
AGGREGATE_WAIT = 2
TRANSIT_DELAY = 3 * SECOND
MAX_PORTS = 32
RATE = 3

DETACHED, WAITING, ATTACHED, MUX_COLLECTING, MUX_DISTRIBUTING = range(5)
"""States of the multiplexer."""
CURRENT_WHILE, PERIODIC, WAIT_WHILE = range(3)
"""Timers."""
IFM_10G_LR = 18

_PEER = Struct("!H6sHHHB3x")
_ETHER = Struct("!6s6sH")


class Peer:
    """One end of a link (struct lacp_peerinfo)."""

    __slots__ = ("key", "mac", "portno", "portprio", "prio", "state")

    def __init__(
        self, prio: int = 0, mac: bytes = bytes(6), key: int = 0, portprio: int = 0, portno: int = 0, state: int = 0
    ) -> None:
        self.prio, self.mac, self.key = prio, mac, key
        self.portprio, self.portno = portprio, portno
        self.state = state

    def ident(self) -> tuple[int, bytes, int, int, int]:
        """All but the state."""
        return self.prio, self.mac, self.key, self.portprio, self.portno

    def system(self) -> tuple[int, bytes, int]:
        """What has to be the same for links to be one."""
        return self.prio, self.mac, self.key

    def pack(self) -> bytes:
        """As it is sent."""
        return _PEER.pack(self.prio, self.mac, self.key, self.portprio, self.portno, self.state)

    def record(self) -> LacpPeer:
        """As it is shown."""
        return LacpPeer(self.prio, self.mac, self.key, self.portprio, self.portno, self.state)


def _default_partner(strict: bool) -> Peer:
    """Who is there while nobody answers."""
    return Peer(0xFFFF, portprio=0xFFFF, state=0 if strict else SYNC | AGGREGATION | COLLECTING | DISTRIBUTING)


class Aggregator:
    """Links that are one (struct lacp_aggregator)."""

    __slots__ = ("actor", "partner", "pending", "ports", "refs")

    def __init__(self, port: LacpPort) -> None:
        a, p = port.actor, port.partner
        self.actor = Peer(a.prio, a.mac, a.key, state=a.state & AGGREGATION)
        self.partner = Peer(p.prio, p.mac, p.key)
        self.pending = 0
        self.refs = 1
        self.ports: list[LacpPort] = []
        """Those that distribute, the youngest first."""

    def compatible(self, port: LacpPort) -> bool:
        """May the port join?"""
        both = port.actor.state & port.partner.state & self.actor.state & AGGREGATION
        return bool(both) and self.partner.system() == port.partner.system() and self.actor.system() == port.actor.system()

    def bandwidth(self) -> int:
        """lacp_aggregator_bandwidth."""
        return self.ports[0].member.ifp.baudrate * len(self.ports) if self.ports else 0


class LacpPort:
    """A port (struct lacp_port)."""

    def __init__(self, lacp: Lacp, member: LaggMember) -> None:
        self.lacp = lacp
        self.member = member
        self.actor = Peer(SYSTEM_PRIO, lacp.lagg.lladdr, 0, PORT_PRIO, member.ifp.index, ACTIVITY)
        self.partner = Peer()
        self.marker = (member.ifp.index, lacp.lagg.lladdr, 0)
        self.marked = False
        self.ntt = False
        """A message is to be sent."""
        self.sent = (-1, 0)
        """Second, and messages sent in it."""
        self.last_rx = 0
        self.timers = [0, 0, 0]
        self.mux = DETACHED
        self.selected = False
        self.aggregator: Aggregator | None = None
        self.set_expired()
        lacp.ports.insert(0, self)
        self.linkstate()

    # the link --------------------------------------------------------------------------------------------------
    def linkstate(self) -> None:
        """lacp_linkstate."""
        ifp = self.member.ifp
        try:
            active = ifp.ioctl(SIOCGIFMEDIA(ifp.xname), None).active
        except KError:
            return
        old = self.actor.state, self.actor.key
        if active & IFM_FDX and ifp.link_state == LINK_STATE_UP:
            self.actor.state |= AGGREGATION
            self.actor.key = IFM_10G_LR | 0x7FE0 & self.lacp.lagg.index << 5
        else:
            self._disable()
            self.actor.key = ifp.index | 0x8000
        if (self.actor.state, self.actor.key) != old:
            self.selected = False

    def _disable(self) -> None:
        self.set_mux(DETACHED)
        self.actor.state &= ~AGGREGATION
        self.selected = False
        self._record_default()
        self.partner.state &= ~AGGREGATION
        self.actor.state &= ~EXPIRED

    def destroy(self) -> None:
        """lacp_port_destroy."""
        self.timers = [0, 0, 0]
        self.actor.state &= ~COLLECTING
        self._disable_distributing()
        self._unselect()
        self.lacp.ports.remove(self)

    # receiving -------------------------------------------------------------------------------------------------
    def receive(self, body: bytes) -> None:
        """lacp_sm_rx."""
        sender, echo = Peer(*_PEER.unpack_from(body, 4)), Peer(*_PEER.unpack_from(body, 24))
        if not self.actor.state & AGGREGATION or sender.system()[:2] == self.actor.system()[:2]:
            return
        self.last_rx = self.lacp.clock.now
        self._update_selected(sender)
        watched = ACTIVITY | SYNC | AGGREGATION
        if self.actor.ident() != echo.ident() or (self.actor.state ^ echo.state) & watched:
            self.ntt = True
        self._record(sender, echo)
        self.timers[CURRENT_WHILE] = SHORT_TIMEOUT if self.actor.state & TIMEOUT else LONG_TIMEOUT
        self.actor.state &= ~EXPIRED
        self.transmit()

    def _record(self, sender: Peer, echo: Peer) -> None:
        """lacp_sm_rx_record_pdu."""
        old = self.partner.state
        active = sender.state & ACTIVITY or self.actor.state & echo.state & ACTIVITY
        self.partner = sender
        same = not (self.actor.state ^ echo.state) & AGGREGATION and self.actor.ident() == echo.ident()
        if not (active and (same or not echo.state & AGGREGATION)):
            self.partner.state &= ~SYNC
        elif self.lacp.strict:
            self.partner.state |= SYNC
        self.actor.state &= ~DEFAULTED
        self._update_timeout(old)

    def _record_default(self) -> None:
        old = self.partner.state
        self.partner = _default_partner(self.lacp.strict)
        self.actor.state |= DEFAULTED
        self._update_timeout(old)

    def _update_timeout(self, old: int) -> None:
        """lacp_sm_ptx_update_timeout."""
        if (old ^ self.partner.state) & TIMEOUT:
            self.timers[PERIODIC] = 0
            if self.partner.state & TIMEOUT:
                self.ntt = True

    def _update_selected(self, peer: Peer) -> None:
        if self.partner.ident() != peer.ident() or (self.partner.state ^ peer.state) & AGGREGATION:
            self.selected = False

    def set_expired(self) -> None:
        """lacp_sm_rx_set_expired."""
        self.partner.state = self.partner.state & ~SYNC | TIMEOUT
        self.timers[CURRENT_WHILE] = SHORT_TIMEOUT
        self.actor.state |= EXPIRED

    # sending ---------------------------------------------------------------------------------------------------
    def transmit(self) -> None:
        """lacp_sm_tx."""
        if not self.actor.state & AGGREGATION or not (self.actor.state | self.partner.state) & ACTIVITY:
            self.ntt = False
        if not self.ntt:
            return
        second = self.lacp.clock.now // SECOND
        count = self.sent[1] if self.sent[0] == second else 0
        if count >= RATE:
            return
        self.sent = (second, count + 1)
        if not self.lacp.tx_test >> (self.member.ifp.dunit or 0) & 1:
            body = (
                bytes((SUBTYPE_LACP, 1, 1, 20)) + self.actor.pack() + b"\x02\x14" + self.partner.pack()
                + b"\x03\x10" + bytes(14) + bytes(2) + bytes(50)
            )  # fmt: skip
            if self.send(body):
                return
        self.ntt = False

    def send(self, body: bytes) -> int:
        """Send a message of a slow protocol."""
        m = m_get(_ETHER.pack(SLOW_ADDR, self.member.lladdr, ETHERTYPE_SLOW) + body)
        m.flags |= M_MCAST
        return self.member.ifp.transmit(m)

    def send_marker(self) -> bool:
        """lacp_xmit_marker."""
        port, system, number = self.marker
        self.marker = (port, system, number + 1)
        return not self.send(_marker_body(MARKER_INFO, self.marker))

    # selection and multiplexer ---------------------------------------------------------------------------------
    def select(self) -> None:
        """lacp_select."""
        if self.aggregator is not None or self.actor.state & DEFAULTED:
            return
        found = next((a for a in self.lacp.aggregators if a.compatible(self)), None)
        if found is None:
            found = Aggregator(self)
            self.lacp.aggregators.append(found)
        elif found.refs == MAX_PORTS:
            return
        else:
            found.refs += 1
        self.aggregator, self.selected = found, True

    def _unselect(self) -> None:
        aggregator, self.aggregator = self.aggregator, None
        if aggregator is not None:
            aggregator.refs -= 1
            if not aggregator.refs:
                self.lacp.aggregators.remove(aggregator)

    def run_mux(self) -> None:
        """lacp_sm_mux."""
        while (new := self._next_mux()) != self.mux:
            self.set_mux(new)

    def _next_mux(self) -> int:
        sync, collecting = self.partner.state & SYNC, self.partner.state & COLLECTING
        state = self.mux
        if state == DETACHED:
            return WAITING if self.selected else DETACHED
        if state == WAITING:
            assert self.aggregator is not None
            if self.selected:
                return WAITING if self.aggregator.pending else ATTACHED
            return DETACHED
        if state == ATTACHED:
            if self.selected:
                return MUX_COLLECTING if sync else ATTACHED
            return DETACHED
        if state == MUX_COLLECTING:
            if self.selected and sync:
                return MUX_DISTRIBUTING if collecting else MUX_COLLECTING
            return ATTACHED
        if self.selected and sync and collecting:
            return MUX_DISTRIBUTING
        self.lacp.lagg.flapping += 1
        self.lacp.lagg.kernel.log(6, f"{self.member.ifp.xname}: Interface stopped DISTRIBUTING, possible flapping")
        return MUX_COLLECTING

    def set_mux(self, state: int) -> None:
        """lacp_set_mux."""
        if self.mux == state:
            return
        if state == DETACHED:
            self.actor.state &= ~SYNC
            self._disable_distributing()
            self.actor.state &= ~COLLECTING
            self.ntt = True
            if self.timers[WAIT_WHILE] and self.aggregator is not None:
                self.aggregator.pending -= 1
            self.timers[WAIT_WHILE] = 0
            self._unselect()
        elif state == WAITING:
            assert self.aggregator is not None
            self.timers[WAIT_WHILE] = AGGREGATE_WAIT
            self.aggregator.pending += 1
        elif state == ATTACHED:
            self.actor.state = (self.actor.state | SYNC) & ~COLLECTING
            self.ntt = True
        elif state == MUX_COLLECTING:
            self.actor.state |= COLLECTING
            self._disable_distributing()
            self.ntt = True
        else:
            self._enable_distributing()
        self.mux = state

    def _enable_distributing(self) -> None:
        lacp, aggregator = self.lacp, self.aggregator
        if self.actor.state & DISTRIBUTING or aggregator is None:
            return
        aggregator.ports.insert(0, self)
        self.actor.state |= DISTRIBUTING
        if lacp.active is aggregator:
            lacp.suppress()
            lacp.update_portmap()
        else:
            lacp.select_active()
        lacp.set_active(len(aggregator.ports))

    def _disable_distributing(self) -> None:
        lacp, aggregator = self.lacp, self.aggregator
        if aggregator is None or not self.actor.state & DISTRIBUTING:
            return
        aggregator.ports.remove(self)
        if lacp.active is aggregator:
            lacp.suppress()
            lacp.select_active()
            lacp.update_portmap()
        self.actor.state &= ~DISTRIBUTING
        lacp.set_active(len(aggregator.ports))

    # time ------------------------------------------------------------------------------------------------------
    def tick(self) -> None:
        """What lacp_tick does for a port."""
        if not self.actor.state & AGGREGATION:
            return
        self._run_timers()
        self.select()
        self.run_mux()
        self.transmit()
        if not (self.actor.state | self.partner.state) & ACTIVITY:
            self.timers[PERIODIC] = 0
        elif not self.timers[PERIODIC]:
            self.timers[PERIODIC] = FAST_PERIODIC if self.partner.state & TIMEOUT else SLOW_PERIODIC

    def _run_timers(self) -> None:
        for which in (CURRENT_WHILE, PERIODIC, WAIT_WHILE):
            if not self.timers[which]:
                continue
            if which == CURRENT_WHILE and self.lacp.clock.now - self.last_rx < SECOND:
                continue
            self.timers[which] -= 1
            if not self.timers[which]:
                (self._rx_timer, self._ptx_timer, self._mux_timer)[which]()

    def _rx_timer(self) -> None:
        if not self.actor.state & EXPIRED:
            self.set_expired()
            return
        self._update_selected(_default_partner(self.lacp.strict))
        self._record_default()
        self.actor.state &= ~EXPIRED

    def _ptx_timer(self) -> None:
        self.ntt = True

    def _mux_timer(self) -> None:
        if self.aggregator is not None:
            self.aggregator.pending -= 1

    def info(self) -> LacpInfo:
        """lacp_portreq."""
        return LacpInfo(self.actor.record(), self.partner.record())


def _marker_body(kind: int, marker: tuple[int, bytes, int]) -> bytes:
    port, system, number = marker
    info = port.to_bytes(2, "big") + system + number.to_bytes(4, "big") + bytes(2)
    return bytes((SUBTYPE_MARKER, 1, kind, 16)) + info + bytes(92)


class Lacp:
    """LACP on a lagg (struct lacp_softc)."""

    def __init__(self, lagg: Lagg, strict: bool) -> None:
        self.lagg = lagg
        self.clock = lagg.kernel.clock
        self.ports: list[LacpPort] = []
        self.aggregators: list[Aggregator] = []
        self.active: Aggregator | None = None
        self.map: list[LacpPort] = []
        """The ports frames are sent by."""
        self.suppressed = False
        """Nothing is sent until the queues are known to be empty."""
        self.strict = strict
        self.fast_timeout = False
        self.tx_test = self.rx_test = 0
        self.callout = self.clock.callout()
        self.transit = self.clock.callout()

    def init(self) -> None:
        """lacp_init."""
        self.callout.reset(SECOND, self._tick)

    def stop(self) -> None:
        """lacp_stop."""
        self.callout.stop()
        self.transit.stop()

    def _tick(self) -> None:
        for port in list(self.ports):
            port.tick()
        self.callout.reset(SECOND, self._tick)

    def input(self, port: LacpPort, m: Mbuf) -> bool:
        """lacp_input: True if it was one of ours."""
        body = bytes(m.data[m.off + 14 :])
        if not body or body[0] not in (SUBTYPE_LACP, SUBTYPE_MARKER):
            return not body
        if len(body) != 110 or not m.flags & M_MCAST or m.data[m.off : m.off + 6] != SLOW_ADDR:
            return True
        if body[0] == SUBTYPE_MARKER:
            self._marker(port, body)
        elif not self.rx_test >> (port.member.ifp.dunit or 0) & 1:
            port.receive(body)
        return True

    def _marker(self, port: LacpPort, body: bytes) -> None:
        """lacp_marker_input."""
        marker = (int.from_bytes(body[4:6], "big"), body[6:12], int.from_bytes(body[12:16], "big"))
        if body[2] == MARKER_INFO:
            port.send(_marker_body(MARKER_RESPONSE, marker))
        elif body[2] == MARKER_RESPONSE and marker == port.marker:
            port.marked = False
            if not any(p.marked for p in self.ports):
                self.suppressed = False

    def set_active(self, count: int) -> None:
        """So many ports distribute."""
        self.lagg.active = count
        if_link_state_change(self.lagg, LINK_STATE_UP if count else LINK_STATE_DOWN)

    def suppress(self) -> None:
        """lacp_suppress_distributing: wait until what was sent has arrived."""
        self.suppressed = True
        for port in self.ports:
            port.marked = True
            port.marked = port.send_marker()
        self.transit.reset(TRANSIT_DELAY, self._transit_expire)

    def _transit_expire(self) -> None:
        self.suppressed = False

    def select_active(self) -> None:
        """lacp_select_active_aggregator."""
        best, best_speed = None, 0
        for a in self.aggregators:
            if not a.ports:
                continue
            speed = a.bandwidth()
            better = best is not None and a.partner.prio < best.partner.prio
            if better or speed > best_speed or (speed == best_speed and a is self.active):
                best, best_speed = a, speed
        if self.active is not best:
            self.active = best
            self.update_portmap()
            if best is not None:
                self.suppress()

    def update_portmap(self) -> None:
        """lacp_update_portmap."""
        self.map = list(self.active.ports) if self.active is not None else []
        self.lagg.baudrate = self.active.bandwidth() if self.active is not None else 0

    def select_tx(self, number: int) -> LacpPort | int:
        """lacp_select_tx_port_by_hash: a port, or an errno."""
        if self.suppressed:
            return ENOBUFS
        if not self.map:
            return ENETDOWN
        return self.map[number % len(self.map)]

    def info(self) -> LacpInfo:
        """lacp_req."""
        if self.active is None:
            return LacpInfo()
        return LacpInfo(self.active.actor.record(), self.active.partner.record())
