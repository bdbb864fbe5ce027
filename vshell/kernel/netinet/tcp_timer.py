"""Timers of TCP: how they are armed and how long they run (netinet/tcp_timer.h)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vshell.abi.tcp import TCPS_CLOSED
from vshell.kernel.kern.clock import MS
from vshell.kernel.netinet.tcp_var import TCP_BACKOFF, TCP_DELTA_SHIFT, TCP_RTT_SHIFT, TT_PERSIST

if TYPE_CHECKING:
    from vshell.kernel.netinet.tcp_var import Tcpcb

HANDLERS: dict[int, Callable[[Tcpcb], None]] = {}
"""What happens when a timer goes off, by TT_*: see tcp_timeout.py."""


def tcp_timer_activate(tp: Tcpcb, which: int, delay: int) -> None:
    """Arm a timer to go off in `delay` ms."""
    timer = tp.timers[which]
    if timer is None:
        timer = tp.timers[which] = tp.vnet.kernel.clock.callout()
    timer.reset(delay * MS, HANDLERS[which], tp)


def rexmtval(tp: Tcpcb) -> int:
    """TCP_REXMTVAL: the retransmission timeout the measured round trips suggest."""
    return max(tp.rttmin, ((tp.srtt >> (TCP_RTT_SHIFT - TCP_DELTA_SHIFT)) + tp.rttvar) >> TCP_DELTA_SHIFT)


def set_rxtcur(tp: Tcpcb, value: int, minimum: int) -> None:
    """TCPT_RANGESET on t_rxtcur: with the slop, within limits."""
    shared = tp.shared()
    tp.rxtcur = min(max(value + shared.rexmit_slop, minimum), shared.rexmit_max)


def tcp_setpersist(tp: Tcpcb) -> None:
    """Arm the timer that probes a window of zero."""
    tp.prevvalid = False
    if tp.state == TCPS_CLOSED:
        return
    value = (((tp.srtt >> 2) + tp.rttvar) >> 1) * TCP_BACKOFF[tp.rxtshift]
    shared = tp.shared()
    delay = min(max(value + shared.rexmit_slop, shared.persmin), shared.persmax)
    if (limit := tp.maxunacktime or shared.maxunacktime) and tp.acktime:
        delay = min(delay, max(tp.acktime + limit - tp.ticks(), 1))
    tcp_timer_activate(tp, TT_PERSIST, delay)
    if tp.rxtshift < tp.tcp.retries:
        tp.rxtshift += 1
