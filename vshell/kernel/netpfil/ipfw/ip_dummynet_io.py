"""Packets through dummynet, and its clock (netpfil/ipfw/ip_dn_io.c, the drain functions of ip_dummynet.c).

A firewall calls `vnet[Ip].dummynet_io(m, DnArgs(...))`, None while the module is not in.  True: the packet may go on at once.
False: it was taken; if it is not lost it comes back to where it was going, with what `rule` was as the tag "ipfw_rule".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.dummynet import DN_MAX_ID
from vshell.kernel.kern.clock import US
from vshell.kernel.kern.module import SI_ORDER_ANY, SI_SUB_PROTO_FIREWALL, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.net.if_ethersubr import ether_demux, ether_output_frame
from vshell.kernel.net.ifnet import Iftable
from vshell.kernel.net.netisr import netisr_handlers
from vshell.kernel.netinet.ip_output import ip_output
from vshell.kernel.netinet.ip_var import IP_FORWARDING
from vshell.kernel.netpfil.ipfw.ip_dummynet_queue import (
    DIR_DROP,
    DIR_IN,
    DIR_OUT,
    HZ,
    PROTO_IPV6,
    PROTO_LAYER2,
    TICK_US,
    DelayLine,
    DnPkt,
    SchInst,
    dn_drop,
)
from vshell.wire.ether import ETHERTYPE_IP, ETHERTYPE_IPV6

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.ipfw.ip_dummynet import Dummynet
    from vshell.kernel.netpfil.ipfw.ip_dummynet_args import DnArgs
    from vshell.kernel.netpfil.ipfw.ip_dummynet_heap import DnHt

TICK = TICK_US * US


class DnTimer(VnetModule, sub=SI_SUB_PROTO_FIREWALL, order=SI_ORDER_ANY):
    """The tick of a stack's dummynet (dummynet_task)."""

    tick_lost = Sysctl(
        "net.inet.ip.dummynet.tick_lost", 0, "Number of ticks coalesced by dummynet taskqueue.", flags="r", fmt="long integer"
    )
    tick_delta = Sysctl(
        "net.inet.ip.dummynet.tick_delta", 0, "Last vs standard tick difference (usec).", flags="r", fmt="long integer"
    )
    tick_delta_sum = Sysctl(
        "net.inet.ip.dummynet.tick_delta_sum", 0, "Accumulated tick difference (usec).", flags="r", fmt="long integer"
    )
    tick_adjustment = Sysctl("net.inet.ip.dummynet.tick_adjustment", 0, "Tick adjustments done.", flags="r", fmt="long integer")
    tick_diff = Sysctl(
        "net.inet.ip.dummynet.tick_diff",
        0,
        "Adjusted vs non-adjusted curr_time difference (ticks).",
        flags="r",
        fmt="long integer",
    )
    dn: Dummynet

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.clock = vnet.kernel.clock
        self.origin = self.clock.now // TICK
        self.callout = self.clock.callout()
        self.expire = 1
        """Ticks between two looks for idle queues and instances, 0 for never."""
        self.cycle = 0
        self.drain_sch = self.drain_fs = 0
        """The buckets to look at next."""

    def destroy(self) -> None:
        """No more ticks."""
        self.callout.stop()

    @sysctl_proc("net.inet.ip.dummynet.expire", "Expire empty queues/pipes", fmt="unsigned integer")
    def _expire(self, td: Any, new: Any) -> Any:
        if new is not None:
            self.sync()
            self.expire = new
            self.arm()
        return self.expire

    @sysctl_proc("net.inet.ip.dummynet.expire_cycle", "Expire cycle for queues/pipes", flags="r", fmt="unsigned integer")
    def _expire_cycle(self, td: Any, new: Any) -> Any:
        self.sync()
        return self.cycle

    def arm(self) -> None:
        """Go off at the next tick if anything is going on."""
        dn = self.dn
        if self.callout.when < 0 and (dn.evheap.keys or (self.expire and (dn.si_count or dn.queue_count))):
            self.callout.reset(TICK - self.clock.now % TICK, self.tick)

    def sync(self) -> None:
        """Make up for the ticks in which nothing was going on."""
        if self.callout.when >= 0:
            return
        dn = self.dn
        ticks = self.clock.now // TICK - self.origin - dn.curr_time
        if ticks <= 0:
            return
        dn.curr_time += ticks
        self.tick_delta = self.tick_delta_sum = 0
        if not self.expire:
            return
        rounds, self.cycle = divmod(self.cycle + ticks, self.expire)
        if rounds:
            for s in dn.schedhash.index.values():
                if s.siht is not None:
                    times = _visits(dn.schedhash, self.drain_sch, rounds, s.ht[1])
                    s.drain_bucket = _advance(s.siht, s.drain_bucket, times)
            for fs in dn.fshash.index.values():
                if fs.hashed:
                    times = _visits(dn.fshash, self.drain_fs, rounds, fs.ht[1])
                    fs.drain_bucket = fs.drain_bucket + times if fs.qht is None else _advance(fs.qht, fs.drain_bucket, times)
            self.drain_sch = _advance(dn.schedhash, self.drain_sch, rounds)
            self.drain_fs = _advance(dn.fshash, self.drain_fs, rounds)

    def tick(self) -> None:
        """Serve what is due, expire what is idle, send what comes out."""
        dn, now = self.dn, self.clock.now
        before = dn.curr_time
        dn.curr_time = now // TICK - self.origin
        late = now % TICK // US
        if late or self.tick_delta_sum or dn.curr_time != before + 1:
            self._drift(late + (dn.curr_time - before - 1) * TICK_US)
        out: list[DnPkt] = []
        heap = dn.evheap
        while heap.keys and heap.keys[0] <= dn.curr_time:
            event = heap.objs[0]
            heap.extract()
            if isinstance(event, SchInst):
                serve_sched(dn, out, event)
            else:
                transmit_event(dn, out, event)
        if self.expire:
            self.cycle += 1
            if self.cycle >= self.expire:
                self.cycle = 0
                self._drain_scheduler()
                self._drain_queue()
        dummynet_send(dn, out)
        self.arm()

    def _drift(self, late: int) -> None:
        """The tick came late: whole ticks are made up for."""
        self.tick_delta = late - self.tick_delta_sum
        if late >= TICK_US:
            self.tick_diff += late // TICK_US
            self.tick_adjustment += 1
        self.tick_delta_sum = late % TICK_US

    def _drain_scheduler(self) -> None:
        dn = self.dn
        self.drain_sch = _bucket(dn.schedhash, self.drain_sch)
        for s in dn.schedhash.bucket(self.drain_sch):
            if s.siht is not None:
                s.drain_bucket = _bucket(s.siht, s.drain_bucket)
                for si in s.siht.bucket(s.drain_bucket):
                    if _idle(si):
                        dn.si_destroy(si)
                        s.siht.remove(si)
                s.drain_bucket += 1
            elif s.single is not None and _idle(s.single):
                dn.si_destroy(s.single)
                s.single = None
        self.drain_sch += 1

    def _drain_queue(self) -> None:
        dn = self.dn
        self.drain_fs = _bucket(dn.fshash, self.drain_fs)
        for fs in dn.fshash.bucket(self.drain_fs):
            if fs.hashed:
                if fs.qht is not None:
                    fs.drain_bucket = _bucket(fs.qht, fs.drain_bucket)
                    for q in fs.qht.bucket(fs.drain_bucket):
                        if not q.length:
                            dn.delete_queue(q)
                            fs.qht.remove(q)
                fs.drain_bucket += 1
            elif fs.single is not None and not fs.single.length:
                dn.delete_queue(fs.single)
                fs.single = None
        self.drain_fs += 1


def _idle(si: SchInst) -> bool:
    """Nobody would miss this instance."""
    if si.active or si.dline.packets:
        return False
    return not si.q_count if si.queue is None else not si.queue.length


def _bucket(table: DnHt, number: int) -> int:
    """Behind the last bucket comes the first."""
    return number if number <= table.mask else 0


def _advance(table: DnHt, number: int, times: int) -> int:
    """A number of a bucket after it was looked at so many times."""
    return (_bucket(table, number) + times - 1) % (table.mask + 1) + 1 if times else number


def _visits(table: DnHt, start: int, rounds: int, bucket: int) -> int:
    """How often a bucket's turn comes in so many rounds."""
    first = (bucket - _bucket(table, start)) % (table.mask + 1)
    return 0 if first >= rounds else (rounds - first - 1) // (table.mask + 1) + 1


# packets -------------------------------------------------------------------------------------------------------
def dummynet_io(dn: Dummynet, m: Mbuf, args: DnArgs) -> bool:
    """Take a packet; True if it may go on at once."""
    timer = dn.timer
    timer.sync()
    dn.io_pkt += 1
    direction = DIR_IN if args.incoming else DIR_OUT
    if args.layer2:
        direction |= PROTO_LAYER2
    elif args.ip6:
        direction |= PROTO_IPV6
    fs = dn.fshash.index.get(args.number + 2 * DN_MAX_ID if args.pipe else args.number)
    pkt = DnPkt(m, direction, None if args.incoming else args.ifp, args.rule, dn.curr_time)
    if fs is None or fs.sched is None:
        dn.io_pkt_drop += 1
        dn_drop(dn, args.number + 2 * DN_MAX_ID if args.pipe else args.number, pkt, "it is not configured")
        return False
    s = fs.sched
    si = dn.si_find(s, args.flow)
    q = dn.q_find(fs, si, args.flow) if s.fp.multiqueue else None
    if q is not None and q.si is not si:
        # DIFFERS: a mask of a scheduler that its flowset does not take over lets flows of several instances into one queue.
        # It stays with the first one; there it gets into the lists of both.
        si = q.si
    if s.fp.enqueue(si, q, pkt):
        timer.arm()
        return False
    out: list[DnPkt] = []
    if not si.active:
        if si.idle_time < dn.curr_time:
            link = s.link
            si.sched_time = dn.curr_time
            si.credit = link.bandwidth if dn.io_fast else 0
            if link.burst:
                si.credit += min((dn.curr_time - si.idle_time) * link.bandwidth, link.burst)
        serve_sched(dn, out, si)
    timer.arm()
    if len(out) == 1 and out[0] is pkt and not direction & PROTO_LAYER2 and pkt.dir != DIR_DROP:
        dn.io_pkt_fast += 1
        return True
    if out:
        dummynet_send(dn, out)
    return False


def serve_sched(dn: Dummynet, out: list[DnPkt], si: SchInst) -> None:
    """Send what an instance has credit for into its delay line; without credit it waits in the heap."""
    s, now = si.sched, dn.curr_time
    link = s.link
    bandwidth, delay = link.bandwidth, link.delay
    line = si.dline
    was_idle = not line.packets
    si.active = False
    si.credit = si.credit + (now - si.sched_time) * bandwidth if bandwidth else 0
    si.sched_time = now
    pkt: DnPkt | None = None
    dequeue, done = s.fp.dequeue, False
    while si.credit >= 0:
        pkt = dequeue(si)
        if pkt is None:
            break
        done = True
        if bandwidth:
            bits = pkt.len * 8
            if s.profile is not None:
                bits += extra_bits(dn, pkt, si)
            si.credit -= HZ * bits
        elif s.profile is not None:
            extra_bits(dn, pkt, si)
        pkt.output_time = now + delay
        line.packets.append(pkt)
    if si.credit >= 0:
        si.idle_time = now
    else:
        wait = (bandwidth - 1 - si.credit) // bandwidth
        if pkt is not None:
            pkt.output_time += wait
        si.active = True
        dn.evheap.insert(now + wait, si)
    if was_idle and done:
        transmit_event(dn, out, line)


def extra_bits(dn: Dummynet, pkt: DnPkt, si: SchInst) -> int:
    """What the delay profile of a link adds to a packet, in bits; the slowest are lost."""
    profile = si.sched.profile
    assert profile is not None
    index = dn.rand() % profile.samples_no
    if index >= profile.loss_level:
        pkt.dir = DIR_DROP
    return profile.samples[index] * si.sched.link.bandwidth // 1000


def transmit_event(dn: Dummynet, out: list[DnPkt], line: DelayLine) -> None:
    """Take what is due off a delay line; the rest waits in the heap."""
    packets, now = line.packets, dn.curr_time
    while packets:
        pkt = packets[0]
        if pkt.output_time > now:
            dn.evheap.insert(pkt.output_time, line)
            return
        packets.popleft()
        out.append(pkt)


def dummynet_send(dn: Dummynet, out: list[DnPkt]) -> None:
    """Packets that have served their time go on."""
    vnet = dn.vnet
    table = vnet.kernel[Iftable].table
    for pkt in out:
        m, ifp = pkt.m, pkt.ifp
        if m.rcvif is not None and (m.rcvif.vnet is not vnet or table.get(pkt.rcvindex) is not m.rcvif):
            continue
        if ifp is not None and (ifp.vnet is not vnet or table.get(pkt.index) is not ifp):
            ifp = None
        if pkt.rule is not None:
            tags = m.tags = dict(m.tags or {})
            tags["ipfw_rule"] = pkt.rule
        where = pkt.dir
        if where == DIR_OUT:
            ip_output(vnet, m, None, None, IP_FORWARDING)
        elif where == DIR_OUT | PROTO_IPV6:
            from vshell.kernel.netinet6.ip6_output import ip6_output

            ip6_output(vnet, m, ifp=ifp)
        elif where == DIR_OUT | PROTO_LAYER2:
            if ifp is not None:
                ether_output_frame(ifp, m)
        elif where == DIR_IN | PROTO_LAYER2:
            if m.rcvif is not None:
                ether_demux(m.rcvif, m)
        elif where != DIR_DROP and m.rcvif is not None:
            handler = netisr_handlers[ETHERTYPE_IPV6 if where & PROTO_IPV6 else ETHERTYPE_IP]
            vnet.kernel.netisrq.append((handler, m.rcvif, m))
