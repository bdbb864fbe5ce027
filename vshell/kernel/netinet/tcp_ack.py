"""TCP: acknowledgements, round trip times, the congestion window (tcp_input.c, cc/cc_newreno.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.tcp import (
    TCPS_CLOSING,
    TCPS_ESTABLISHED,
    TCPS_FIN_WAIT_1,
    TCPS_FIN_WAIT_2,
    TCPS_LAST_ACK,
    TCPS_SYN_RECEIVED,
)  # fmt: skip
from vshell.kernel.netinet.tcp_hostcache import Hostcache
from vshell.kernel.netinet.tcp_output import HAVERCVDFIN, initwnd, tcp_output
from vshell.kernel.netinet.tcp_reass import deliver
from vshell.kernel.netinet.tcp_subr import tcp_close, tcp_send_challenge_ack, tcp_twstart
from vshell.kernel.netinet.tcp_timer import rexmtval, set_rxtcur, tcp_timer_activate
from vshell.kernel.netinet.tcp_var import (
    MASK,
    TCP_DELTA_SHIFT,
    TCP_MAXRXTSHIFT,
    TCP_MAXWIN,
    TCP_RTT_SHIFT,
    TCP_RTTVAR_SHIFT,
    TT_2MSL,
    TT_KEEP,
    TT_PERSIST,
    TT_REXMT,
    Tcpcb,
)  # fmt: skip
from vshell.kernel.netinet.tcp_verdict import Verdict
from vshell.wire.tcp import TH_FIN

if TYPE_CHECKING:
    from vshell.kernel.netinet.tcp_segment import Seg

REXMT_THRESH = 3


def process_ack(tp: Tcpcb, seg: Seg) -> Verdict:
    """The acknowledgement of a segment on a synchronised connection."""
    tcp, stat = tp.tcp, tp.tcp.stat
    if not tcp.insecure_ack:
        floor = max(tp.iss + 1, tp.snd_una - tp.max_sndwnd)
        if seg.ack < floor:
            if floor == tp.iss + 1:
                stat.rcvghostack += 1
            else:
                stat.rcvacktooold += 1
            tcp_send_challenge_ack(tp)
            return Verdict.DROP
    synced = False
    if tp.state == TCPS_SYN_RECEIVED:
        synced = _synchronised(tp, seg)
    if seg.ack > tp.snd_max:
        stat.rcvacktoomuch += 1
        return Verdict.AFTERACK
    if seg.to.sacks:
        stat.sack_rcv_blocks += 1
    if seg.ack < tp.snd_una:
        return Verdict.GO
    if seg.ack == tp.snd_una:
        return _duplicate(tp, seg)
    tp.dupacks = 0
    if tp.fastrecovery and seg.ack < tp.snd_recover:
        _partial(tp, seg)
    if tp.needsyn:
        tp.needsyn = False
        tp.snd_una += 1
        if tp.rcvd_scale and tp.req_scale:
            tp.rcv_scale = tp.request_r_scale
    if synced:
        tp.snd_una += 1
    return ack_received(tp, seg)


def _synchronised(tp: Tcpcb, seg: Seg) -> bool:
    """The peer acknowledges our SYN,ACK; True if snd_una has to pass over the SYN."""
    tp.tcp.stat.connects += 1
    if tp.sonotconn:
        tp.sonotconn = False
        tp.so.soisconnected()
    if tp.rcvd_scale and tp.req_scale:
        tp.rcv_scale = tp.request_r_scale
    tp.snd_wnd = seg.tiwin
    established(tp)
    if not seg.data and not seg.flags & TH_FIN:
        deliver(tp)
    tp.snd_wl1 = seg.seq - 1
    return seg.ack > tp.snd_una and not tp.needsyn


def established(tp: Tcpcb) -> None:
    """Our SYN is acknowledged."""
    if tp.needfin:
        tp.set_state(TCPS_FIN_WAIT_1)
        tp.needfin = False
        return
    tp.set_state(TCPS_ESTABLISHED)
    conn_init(tp)
    tcp_timer_activate(tp, TT_KEEP, tp.shared().keepidle)


def _duplicate(tp: Tcpcb, seg: Seg) -> Verdict:
    """An acknowledgement of nothing new: the third in a row means a segment is lost."""
    if not seg.nodata or seg.tiwin != tp.snd_wnd:
        return Verdict.GO
    if seg.flags & TH_FIN and tp.state not in HAVERCVDFIN:
        tp.dupacks = 0
        return Verdict.GO
    tp.tcp.stat.rcvdupack += 1
    if not tp.active(TT_REXMT):
        tp.dupacks = 0
        return Verdict.GO
    tp.dupacks += 1
    if tp.dupacks > REXMT_THRESH or tp.fastrecovery:
        tp.snd_cwnd += tp.maxseg
        tcp_output(tp)
        return Verdict.DROP
    if tp.dupacks < REXMT_THRESH:
        _limited_transmit(tp)
        return Verdict.DROP
    if seg.ack <= tp.snd_recover:
        tp.dupacks = 0
        return Verdict.GO
    if tp.sack_permit:
        tp.tcp.stat.sack_recovery_episode += 1
    tp.fastrecovery = True
    tp.snd_recover = tp.snd_max
    tp.snd_ssthresh = max(2, min(tp.snd_wnd, tp.snd_cwnd) // 2 // tp.maxseg) * tp.maxseg
    tp.stop(TT_REXMT)
    tp.rtttime = 0
    onxt = tp.snd_nxt
    tp.snd_nxt = seg.ack
    tp.snd_cwnd = tp.maxseg
    tcp_output(tp)
    tp.snd_cwnd = tp.snd_ssthresh + tp.maxseg * tp.dupacks
    tp.snd_nxt = max(tp.snd_nxt, onxt)
    return Verdict.DROP


def _limited_transmit(tp: Tcpcb) -> None:
    """RFC 3042: each of the first duplicates lets one new segment out."""
    old = tp.snd_cwnd
    if tp.so.snd.cc > tp.snd_nxt - tp.snd_una:
        tp.snd_cwnd = tp.snd_nxt - tp.snd_una + tp.dupacks * tp.maxseg
        tcp_output(tp)
    tp.snd_cwnd = old


def _partial(tp: Tcpcb, seg: Seg) -> None:
    """NewReno: the next segment is lost too (tcp_newreno_partial_ack)."""
    onxt, ocwnd = tp.snd_nxt, tp.snd_cwnd
    acked = seg.ack - tp.snd_una
    tp.stop(TT_REXMT)
    tp.rtttime = 0
    tp.snd_nxt = seg.ack
    tp.snd_cwnd = tp.maxseg + acked
    tp.acknow = True
    tcp_output(tp)
    tp.snd_cwnd = ocwnd
    tp.snd_nxt = max(tp.snd_nxt, onxt)
    tp.snd_cwnd = max(ocwnd - acked, 0) + tp.maxseg


def ack_received(tp: Tcpcb, seg: Seg) -> Verdict:
    """process_ACK: something of ours has arrived."""
    stat, so = tp.tcp.stat, tp.so
    acked = seg.ack - tp.snd_una
    stat.rcvackpack += 1
    stat.rcvackbyte += acked
    ts = seg.to.ts
    if tp.rxtshift == 1 and tp.prevvalid and tp.badrxtwin and ts is not None and ts[1] and ts[1] < tp.badrxtwin & MASK:
        _bad_retransmit(tp)
    xmit_timer(tp, seg)
    if seg.ack == tp.snd_max:
        tp.stop(TT_REXMT)
        seg.needoutput = True
    elif not tp.active(TT_PERSIST):
        tcp_timer_activate(tp, TT_REXMT, tp.rxtcur)
    if not acked:
        return Verdict.GO
    grow_cwnd(tp, acked)
    finacked = acked > so.snd.cc
    taken = min(acked, so.snd.cc)
    tp.snd_wnd = max(tp.snd_wnd - taken, 0)
    so.snd.drop(taken)
    so.sowwakeup()
    tp.snd_una = seg.ack
    if tp.fastrecovery and seg.ack >= tp.snd_recover:
        tp.fastrecovery = False
        tp.snd_cwnd = max(min(tp.snd_ssthresh, tp.snd_max - seg.ack + tp.maxseg), tp.maxseg)
    tp.snd_recover = max(tp.snd_recover, tp.snd_una) if not tp.fastrecovery else tp.snd_recover
    tp.snd_nxt = max(tp.snd_nxt, tp.snd_una)
    return _fin_acked(tp) if finacked else Verdict.GO


def _fin_acked(tp: Tcpcb) -> Verdict:
    """The peer has our FIN."""
    if tp.state == TCPS_FIN_WAIT_1:
        if tp.so.rcv.cantmore:
            tp.so.soisdisconnected()
            shared = tp.shared()
            tcp_timer_activate(tp, TT_2MSL, shared.finwait2_timeout if shared.fast_finwait2_recycle else shared.maxidle())
        tp.set_state(TCPS_FIN_WAIT_2)
    elif tp.state == TCPS_CLOSING:
        tcp_twstart(tp)
        return Verdict.DROP
    elif tp.state == TCPS_LAST_ACK:
        tcp_close(tp)
        return Verdict.DROP
    return Verdict.GO


def _bad_retransmit(tp: Tcpcb) -> None:
    """The acknowledgement was under way when we sent again: as if nothing had happened."""
    tp.snd_cwnd, tp.snd_ssthresh = tp.cwnd_prev, tp.ssthresh_prev
    tp.snd_nxt = tp.snd_max
    tp.prevvalid = False
    tp.badrxtwin = 0
    tp.tcp.stat.sndrexmitbad += 1


def grow_cwnd(tp: Tcpcb, acked: int) -> None:
    """Slow start up to ssthresh, then one segment per round trip (newreno)."""
    if tp.fastrecovery or tp.snd_cwnd >= 2 * (tp.snd_max - tp.snd_una):
        return
    if tp.snd_cwnd <= tp.snd_ssthresh:
        step = min(acked, 2 * tp.maxseg)
    else:
        step = max(tp.maxseg * tp.maxseg // tp.snd_cwnd, 1)
    tp.snd_cwnd = min(tp.snd_cwnd + step, TCP_MAXWIN << tp.snd_scale)


def conn_init(tp: Tcpcb) -> None:
    """The congestion window of a new connection (cc_conn_init)."""
    known = tp.vnet[Hostcache].get(tp.inp.faddr)
    if not tp.srtt and known.rtt:
        tp.srtt = known.rtt
        tp.tcp.stat.usedrtt += 1
        if known.rttvar:
            tp.rttvar = known.rttvar
            tp.tcp.stat.usedrttvar += 1
        else:
            tp.rttvar = tp.srtt // 2
        set_rxtcur(tp, ((tp.srtt >> 2) + tp.rttvar) >> 1, tp.rttmin)
    if known.ssthresh:
        tp.snd_ssthresh = max(2 * tp.maxseg, known.ssthresh)
        tp.tcp.stat.usedssthresh += 1
    tp.snd_cwnd = tp.maxseg if tp.snd_cwnd == 1 else initwnd(tp)


def xmit_timer(tp: Tcpcb, seg: Seg) -> None:
    """Take a measurement of the round trip, if the segment allows one."""
    ts = seg.to.ts
    if ts is not None and ts[1]:
        rtt = ((tp.ticks() - ts[1]) & MASK) + 1
    elif tp.rtttime and seg.ack > tp.rtseq:
        rtt = tp.ticks() - tp.rtttime
    else:
        return
    tp.tcp.stat.rttupdated += 1
    if tp.srtt and tp.rxtshift <= TCP_MAXRXTSHIFT // 4:
        delta = ((rtt - 1) << TCP_DELTA_SHIFT) - (tp.srtt >> (TCP_RTT_SHIFT - TCP_DELTA_SHIFT))
        tp.srtt = max(tp.srtt + delta, 1)
        delta = abs(delta) - (tp.rttvar >> (TCP_RTTVAR_SHIFT - TCP_DELTA_SHIFT))
        tp.rttvar = max(tp.rttvar + delta, 1)
    else:
        tp.srtt = rtt << TCP_RTT_SHIFT
        tp.rttvar = rtt << (TCP_RTTVAR_SHIFT - 1)
    tp.rtttime = tp.rxtshift = 0
    set_rxtcur(tp, rexmtval(tp), max(tp.rttmin, rtt + 2))
    tp.softerror = 0
