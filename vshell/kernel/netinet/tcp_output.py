"""TCP output: what to send now, and sending it (netinet/tcp_output.c)."""

from __future__ import annotations

from typing import NamedTuple

from vshell.abi.errno import EACCES, EHOSTDOWN, EHOSTUNREACH, EMSGSIZE, ENETDOWN, ENETUNREACH, ENOBUFS, EPERM
from vshell.abi.tcp import (
    TCPS_CLOSED,
    TCPS_ESTABLISHED,
    TCPS_SYN_RECEIVED,
    TCPS_SYN_SENT,
    TCPS_TIME_WAIT,
)  # fmt: skip
from vshell.kernel.netinet.tcp_af import TCP_AF
from vshell.kernel.netinet.tcp_ecn import tcp_ecn_output_established, tcp_ecn_output_syn_sent
from vshell.kernel.netinet.tcp_hostcache import tcp_mssopt
from vshell.kernel.netinet.tcp_sack import REXMT_THRESH, Hole, tcp_sack_adjust, tcp_sack_output, tcp_sack_report
from vshell.kernel.netinet.tcp_timer import tcp_setpersist, tcp_timer_activate
from vshell.kernel.netinet.tcp_var import MASK, TCP_MAXWIN, TT_DELACK, TT_PERSIST, TT_REXMT, Tcpcb
from vshell.wire.tcp import (
    TH_ACK,
    TH_FIN,
    TH_PUSH,
    TH_RST,
    TH_SYN,
    Tcphdr,
    Tcpopt,
    tcp_addoptions,
    tcp_pack,
)  # fmt: skip

_FINACK = TH_FIN | TH_ACK
OUTFLAGS = (TH_RST | TH_ACK, 0, TH_SYN, TH_SYN | TH_ACK, TH_ACK, TH_ACK, _FINACK, _FINACK, _FINACK, TH_ACK, TH_ACK)
"""tcp_outflags, by state."""
HAVERCVDFIN = frozenset((5, 7, 8, 10))
"""TCPS_HAVERCVDFIN: CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT."""


class Plan(NamedTuple):
    """One segment to send."""

    length: int
    off: int
    flags: int
    recwin: int
    hole: Hole | None
    """What is sent again for the scoreboard."""
    more: bool


def tcp_output(tp: Tcpcb) -> int:
    """Send everything that may be sent now; returns an errno or 0."""
    idle = tp.snd_max == tp.snd_una
    if idle:
        now = tp.ticks()
        if now - tp.rcvtime >= tp.rxtcur or (tp.sndtime and now - tp.sndtime >= tp.rxtcur):
            tp.cc.after_idle()
    while True:
        plan = _plan(tp, idle)
        if plan is None:
            return 0
        error, more = _send(tp, plan)
        if not more:
            return error


# deciding ---------------------------------------------------------------------------------------------------------
def _plan(tp: Tcpcb, idle: bool) -> Plan | None:
    """What to send next, None for nothing."""
    so = tp.so
    window = tp.snd_cwnd
    if tp.holes and tp.sack_permit and not tp.fastrecovery:
        window += tcp_sack_adjust(tp)
    window = min(tp.snd_wnd, window)
    off = tp.snd_nxt - tp.snd_una
    flags = OUTFLAGS[tp.state] | (TH_FIN if tp.needfin else 0) | (TH_SYN if tp.needsyn else 0)
    avail = so.snd.cc
    hole, length, more = _again(tp, window, off) if tp.holes else _NOTHING
    if hole is not None and length > 0:
        off = hole.rxmit - tp.snd_una
    if tp.forcedata:
        if window == 0:
            if off < avail:
                flags &= ~TH_FIN
            window = 1
        else:
            tp.stop(TT_PERSIST)
            tp.rxtshift = 0
    if hole is None:
        length = _new(tp, window, off)
    if flags & TH_SYN and tp.snd_nxt > tp.snd_una:
        if tp.state != TCPS_SYN_RECEIVED:
            flags &= ~TH_SYN
        off, length = off - 1, length + 1
    if flags & TH_SYN:
        length = 0
        if tp.noopt:
            flags &= ~TH_FIN
    if length <= 0:
        length = 0
        if window == 0 and tp.state >= TCPS_ESTABLISHED and off < avail and not tp.active(TT_PERSIST):
            _to_persist(tp)
            off = 0
    if length and tp.tcp.autosndbuf:
        _autoscale(tp, window)
    if (hole.rxmit if hole is not None else tp.snd_nxt) + length < tp.snd_una + avail:
        flags &= ~TH_FIN
    recwin = min(max(so.rcv.space(), 0), TCP_MAXWIN << tp.rcv_scale)
    plan = Plan(length, off, flags, recwin, hole, more)
    if (length and _worth(tp, plan, idle)) or _window_update(tp, recwin) or _control_due(tp, flags):
        return plan
    _rearm(tp, avail)
    return None


_NOTHING = (None, 0, False)


def _again(tp: Tcpcb, window: int, off: int) -> tuple[Hole | None, int, bool]:
    """What of a hole to send again now: (hole, bytes, whether there is more to send after it)."""
    if not tp.sack_permit or not (tp.fastrecovery or (tp.snd_nxt < tp.snd_max and tp.dupacks >= REXMT_THRESH)):
        return _NOTHING
    hole = tcp_sack_output(tp)
    if hole is None or (hole.end > tp.snd_recover and hole.rxmit >= tp.snd_recover):
        return _NOTHING
    room = max(window - (tp.compute_pipe() if tp.fastrecovery else off), 0)
    length = min(hole.end, tp.snd_recover) - hole.rxmit
    return (hole, room, False) if room <= length else (hole, length, True)


def _new(tp: Tcpcb, window: int, off: int) -> int:
    """How much of what was not sent yet, or has to be sent again after a timeout, fits into the window."""
    usable = min(tp.so.snd.cc, window)
    if not tp.holes or tp.snd_nxt < tp.snd_max or not tp.fastrecovery or not tp.sack_bytes_rexmit():
        return usable - off
    return max(usable - max(tp.compute_pipe(), off), 0)


def _to_persist(tp: Tcpcb) -> None:
    """The peer's window is shut."""
    tp.stop(TT_REXMT)
    tp.rxtshift = 0
    tp.snd_nxt = tp.snd_una
    tcp_setpersist(tp)


def _rearm(tp: Tcpcb, avail: int) -> None:
    """Nothing is sent: a timer must see to what remains."""
    if tp.active(TT_REXMT) or tp.active(TT_PERSIST):
        return
    if tp.sack_permit and tp.snd_max > tp.snd_una:
        tcp_timer_activate(tp, TT_REXMT, tp.rxtcur)
    elif avail:
        tp.rxtshift = 0
        tcp_setpersist(tp)


def _autoscale(tp: Tcpcb, window: int) -> None:
    """A buffer that is too small for the window grows (tcp_sndbuf_autoscale)."""
    tcp, snd = tp.tcp, tp.so.snd
    if not snd.autosize or tp.snd_wnd // 4 * 5 < snd.hiwat or snd.cc < snd.hiwat // 8 * 7 or snd.cc >= tcp.autosndbuf_max:
        return
    if window >= snd.cc - (tp.snd_nxt - tp.snd_una):
        snd.hiwat = min(snd.hiwat + tcp.autosndbuf_inc, tcp.autosndbuf_max)


def _worth(tp: Tcpcb, plan: Plan, idle: bool) -> bool:
    """Silly window avoidance and Nagle: is the data worth a segment?"""
    length = plan.length
    if length + (12 if tp.rcvd_tstmp else 0) >= tp.maxseg:
        return True
    if (idle or tp.nodelay) and length + plan.off >= tp.so.snd.cc and not tp.nopush:
        return True
    if tp.forcedata or (tp.max_sndwnd and length >= tp.max_sndwnd // 2):
        return True
    return tp.snd_nxt < tp.snd_max or plan.hole is not None


def _window_update(tp: Tcpcb, recwin: int) -> bool:
    """Has the window grown enough to tell the peer?"""
    if recwin <= 0 or tp.needsyn or tp.delack or tp.state in HAVERCVDFIN:
        return False
    old = max(tp.rcv_adv - tp.rcv_nxt, 0)
    adv = max(recwin - old, 0)
    if old >> tp.rcv_scale >= (adv + old) >> tp.rcv_scale:
        return False
    hiwat = tp.so.rcv.hiwat
    if adv >= 2 * tp.maxseg:
        big = adv >= hiwat // 4 or recwin <= hiwat // 8 or hiwat <= 8 * tp.maxseg or adv >= TCP_MAXWIN << tp.rcv_scale
        if big:
            return True
    return 2 * adv >= hiwat


def _control_due(tp: Tcpcb, flags: int) -> bool:
    """Does the peer wait for an ACK, a SYN, a FIN, a RST?"""
    if tp.acknow or flags & TH_RST or (flags & TH_SYN and not tp.needsyn):
        return True
    return bool(flags & TH_FIN) and (not tp.sentfin or tp.snd_nxt == tp.snd_una)


# sending ----------------------------------------------------------------------------------------------------------
def _options(tp: Tcpcb, flags: int) -> bytes:
    if tp.noopt:
        return b""
    inp = tp.inp
    mss = wscale = ts = None
    sacks: tuple[tuple[int, int], ...] = ()
    if flags & TH_SYN:
        mss = tcp_mssopt(tp.vnet, inp.faddr, inp.fib, inp.scope)
        wscale = tp.request_r_scale if tp.req_scale else None
    if tp.rcvd_tstmp or (flags & TH_SYN and tp.req_tstmp):
        now = tp.ticks()
        ts = ((now + tp.ts_offset) & MASK, tp.ts_recent)
        if tp.rxtshift == 1:
            tp.badrxtwin = now
    if not tp.rfbuf_ts and tp.so.rcv.autosize:
        tp.rfbuf_ts = tp.ticks()
    sackperm = tp.sack_permit and bool(flags & TH_SYN)
    if tp.sack_permit and (tp.sackblks or tp.dsack) and tp.state >= TCPS_ESTABLISHED:
        sacks = tuple((one & MASK, two & MASK) for one, two in tcp_sack_report(tp))
        if sacks:
            tp.tcp.stat.sack_send_blocks += 1
    return tcp_addoptions(Tcpopt(mss, wscale, sackperm, ts, sacks))


def _send(tp: Tcpcb, plan: Plan) -> tuple[int, bool]:
    """Send one segment: (errno, whether to go on)."""
    length, off, flags, recwin, hole, more = plan
    so, inp = tp.so, tp.inp
    if length:
        tp.maxsegsnt = length >= tp.maxseg
    if flags & TH_SYN:
        tp.snd_nxt = tp.iss
    options = _options(tp, flags)
    room = tp.maxseg - len(options) - (len(inp.options) - 4 if inp.options else 0)
    if length > room:
        flags &= ~TH_FIN
        if room <= 0:
            return EMSGSIZE, False
        length, more = room, True
    _count(tp, length, flags, hole)
    if length and off + length == so.snd.cc and not flags & TH_SYN:
        flags |= TH_PUSH
    if flags & TH_FIN and tp.sentfin and tp.snd_nxt == tp.snd_max:
        tp.snd_nxt -= 1
    ect = 0
    if tp.tcp.do_ecn and tp.state == TCPS_SYN_SENT:
        flags |= tcp_ecn_output_syn_sent(tp)
    elif tp.ecn_permit:
        ecn, ect = tcp_ecn_output_established(tp, length, hole is not None)
        flags |= ecn
    if hole is not None:
        seq = hole.rxmit
        _resend(tp, hole, length)
    else:
        seq = tp.snd_nxt if length or flags & (TH_SYN | TH_FIN) or tp.active(TT_PERSIST) else tp.snd_max
    if tp.congrecovery or tp.fastrecovery:
        tp.prr_out += length
    recwin, win = _window(tp, flags, recwin)
    th = Tcphdr(inp.lport, inp.fport, seq & MASK, tp.rcv_nxt & MASK if flags & TH_ACK else 0, flags=flags, win=win)
    segment = tcp_pack(th, options, so.snd.stream[off : off + length] if length else b"")
    df = tp.pmtud and tp.maxseg > tp.tcp.minmss and bool(tp.tcp.path_mtu_discovery)
    error = TCP_AF[len(inp.faddr)].send(tp.vnet, inp.laddr, inp.faddr, segment, inp, df, inp.fib, inp.scope, ect=ect)
    if flags & TH_RST:
        tp.tcp.stat.sndtotal += 1
        return 0, False
    _advance(tp, flags, length, hole)
    if error:
        return _failed(tp, error, flags, length, hole)
    tp.dsack = None
    if hole is not None:
        # After a timeout the scoreboard takes snd_nxt along.
        tp.snd_nxt = max(tp.snd_nxt, min(hole.rxmit, hole.end))
    tp.tcp.stat.sndtotal += 1
    tp.rcv_adv = max(tp.rcv_adv, tp.rcv_nxt + recwin)
    tp.last_ack_sent = tp.rcv_nxt
    tp.acknow = tp.delack = False
    tp.stop(TT_DELACK)
    return 0, more


def _resend(tp: Tcpcb, hole: Hole, length: int) -> None:
    """So much of a hole is sent again."""
    hole.rxmit += length
    if tp.tcp.sack_lrd and hole.rxmit >= hole.end:
        # What is acknowledged beyond this mark tells that the copy was lost too.
        hole.rxmit = max(hole.rxmit, tp.snd_recover)


def _count(tp: Tcpcb, length: int, flags: int, hole: Hole | None) -> None:
    stat = tp.tcp.stat
    if length:
        if tp.forcedata and length == 1:
            stat.sndprobe += 1
        elif tp.snd_nxt < tp.snd_max or hole is not None:
            tp.sndrexmitpack += 1
            if hole is not None:
                stat.sack_rexmits += 1
                stat.sack_rexmit_bytes += length
            stat.sndrexmitpack += 1
            stat.sndrexmitbyte += length
        else:
            stat.sndpack += 1
            stat.sndbyte += length
    elif tp.acknow:
        stat.sndacks += 1
    elif flags & (TH_SYN | TH_FIN | TH_RST):
        stat.sndctrl += 1
    else:
        stat.sndwinup += 1


def _window(tp: Tcpcb, flags: int, recwin: int) -> tuple[int, int]:
    """The window in bytes, and as the field of the header."""
    if flags & TH_RST:
        return 0, 0
    if recwin < tp.so.rcv.hiwat // 4 and recwin < tp.maxseg:
        recwin = 0
    recwin = max(recwin, tp.rcv_adv - tp.rcv_nxt)
    if flags & TH_SYN:
        win = min(max(tp.so.rcv.space(), 0), TCP_MAXWIN)
    else:
        unit = 1 << tp.rcv_scale
        recwin = (recwin + unit - 1) & ~(unit - 1)
        win = min(recwin >> tp.rcv_scale, TCP_MAXWIN)
    tp.rxwin0sent = not win
    if not win:
        tp.sndzerowin += 1
    return recwin, win


def _advance(tp: Tcpcb, flags: int, length: int, hole: Hole | None) -> None:
    """Move snd_nxt over what was sent; time it, and arm the retransmission timer."""
    if tp.forcedata and tp.active(TT_PERSIST):
        size = length + (flags & TH_FIN) + (flags >> 1 & 1)
        if flags & TH_FIN:
            tp.sentfin = True
        tp.snd_max = max(tp.snd_max, tp.snd_nxt + size)
        return
    start = tp.snd_nxt
    if flags & TH_SYN:
        tp.snd_nxt += 1
    if flags & TH_FIN:
        tp.snd_nxt += 1
        tp.sentfin = True
    if hole is None:
        tp.snd_nxt += length
        if tp.snd_nxt > tp.snd_max:
            _sent_new(tp, start)
    under_way = tp.snd_nxt != tp.snd_una or (hole is not None and tp.snd_nxt != tp.snd_max)
    if not tp.active(TT_REXMT) and under_way and tp.state not in (TCPS_CLOSED, TCPS_TIME_WAIT):
        if tp.active(TT_PERSIST):
            tp.stop(TT_PERSIST)
            tp.rxtshift = 0
        tcp_timer_activate(tp, TT_REXMT, tp.rxtcur)
    elif not length and tp.so.snd.cc and tp.state >= TCPS_ESTABLISHED and not (tp.active(TT_REXMT) or tp.active(TT_PERSIST)):
        tp.rxtshift = 0
        tcp_setpersist(tp)


def _sent_new(tp: Tcpcb, start: int) -> None:
    now = tp.ticks()
    if tp.snd_una == tp.snd_max:
        tp.acktime = now
    tp.snd_max = tp.snd_nxt
    tp.sndtime = now
    if not tp.rtttime:
        tp.rtttime = now or 1
        tp.rtseq = start
        tp.tcp.stat.segstimed += 1


def _failed(tp: Tcpcb, error: int, flags: int, length: int, hole: Hole | None) -> tuple[int, bool]:
    """The layer below did not take a segment."""
    persisting = tp.forcedata and tp.active(TT_PERSIST)
    if not persisting and not flags & TH_SYN and error != EPERM:
        if hole is not None:
            hole.rxmit = min(hole.end, hole.rxmit) - length
        else:
            tp.snd_nxt -= length + (1 if flags & TH_FIN else 0)
        if tp.congrecovery or tp.fastrecovery:
            tp.prr_out -= length
    if error in (EACCES, EPERM):
        tp.softerror = error
        return error, False
    if error == ENOBUFS:
        tp.snd_cwnd = tp.eff_maxseg()
        return 0, False
    if error == EMSGSIZE:
        mtu = TCP_AF[len(tp.inp.faddr)].maxmtu(tp.vnet, tp.inp.faddr, tp.inp.fib, tp.inp.scope)
        size = mtu - TCP_AF[len(tp.inp.faddr)].headers
        if mtu and size < tp.maxseg:
            tp.maxseg = max(size, 64)
            return error, True
        return error, False
    if error in (EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENETUNREACH) and tp.state >= TCPS_SYN_RECEIVED:
        tp.softerror = error
        return 0, False
    return error, False
