"""TCP: acknowledgements and round trip times (tcp_input.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.tcp import (
    TCPS_CLOSE_WAIT,
    TCPS_CLOSING,
    TCPS_ESTABLISHED,
    TCPS_FIN_WAIT_1,
    TCPS_FIN_WAIT_2,
    TCPS_LAST_ACK,
    TCPS_SYN_RECEIVED,
)  # fmt: skip
from vshell.kernel.netinet.cc import CC_ACK, CC_RTO_ERR, cc_cong_signal, cc_post_recovery
from vshell.kernel.netinet.tcp_hostcache import Hostcache
from vshell.kernel.netinet.tcp_reass import deliver
from vshell.kernel.netinet.tcp_recovery import (
    duplicate_ack,
    enter_recovery,
    partial_ack,
    tcp_sack_lost_retransmission,
)  # fmt: skip
from vshell.kernel.netinet.tcp_sack import NEWLOSS, NOCHANGE, REXMT_THRESH, tcp_free_sackholes, tcp_sack_doack
from vshell.kernel.netinet.tcp_subr import tcp_close, tcp_send_challenge_ack, tcp_twstart
from vshell.kernel.netinet.tcp_timer import rexmtval, set_rxtcur, tcp_timer_activate
from vshell.kernel.netinet.tcp_var import (
    MASK,
    TCP_DELTA_SHIFT,
    TCP_MAXRXTSHIFT,
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
    changed = NOCHANGE
    if tp.sack_permit and (seg.to.sacks or tp.holes):
        changed = tcp_sack_doack(tp, seg)
        if changed != NOCHANGE and tcp.sack_lrd:
            tcp_sack_lost_retransmission(tp, seg)
    else:
        tp.sacked_bytes = 0
    if seg.ack < tp.snd_una:
        return Verdict.GO
    if seg.ack == tp.snd_una:
        return duplicate_ack(tp, seg, changed)
    tp.dupacks = 0
    if changed != NOCHANGE and _reports_loss(tp, changed):
        tp.dupacks += 1
        maxseg = tp.eff_maxseg()
        if not tp.fastrecovery and tp.sacked_bytes > (REXMT_THRESH - 1) * maxseg:
            return enter_recovery(tp, seg, maxseg)
    if seg.ack < tp.snd_recover:
        partial_ack(tp, seg, changed)
    if tp.needsyn:
        tp.needsyn = False
        tp.snd_una += 1
        if tp.rcvd_scale and tp.req_scale:
            tp.rcv_scale = tp.request_r_scale
    if synced:
        tp.snd_una += 1
    return ack_received(tp, seg)


def _reports_loss(tp: Tcpcb, changed: int) -> bool:
    """Does an acknowledgement that also reports count as a duplicate (RFC 6675)?"""
    if not tp.tcp.newsack or tp.snd_nxt != tp.snd_max:
        return False
    return changed == NEWLOSS or not tp.rxtshift


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
    tcp_timer_activate(tp, TT_KEEP, tp.keepidle or tp.shared().keepidle)


def ack_received(tp: Tcpcb, seg: Seg) -> Verdict:
    """process_ACK: something of ours has arrived."""
    stat, so = tp.tcp.stat, tp.so
    acked = seg.ack - tp.snd_una
    stat.rcvackpack += 1
    stat.rcvackbyte += acked
    ts = seg.to.ts
    if tp.rxtshift == 1 and tp.prevvalid and tp.badrxtwin and ts is not None and ts[1] and ts[1] < tp.badrxtwin & MASK:
        cc_cong_signal(tp, CC_RTO_ERR, seg.ack)
    xmit_timer(tp, seg)
    if acked == so.snd.cc if tp.state <= TCPS_CLOSE_WAIT else acked > so.snd.cc:
        tp.acktime = 0
    elif acked > 1:
        tp.acktime = tp.ticks()
    if seg.ack == tp.snd_max:
        tp.stop(TT_REXMT)
        seg.needoutput = True
    elif not tp.active(TT_PERSIST):
        tcp_timer_activate(tp, TT_REXMT, tp.rxtcur)
    if not acked:
        return Verdict.GO
    tp.cc.ack_received(CC_ACK, acked)
    finacked = acked > so.snd.cc
    taken = min(acked, so.snd.cc)
    tp.snd_wnd = max(tp.snd_wnd - taken, 0)
    so.snd.drop(taken)
    so.sowwakeup()
    tp.snd_una = seg.ack
    if (tp.fastrecovery or tp.congrecovery) and seg.ack >= tp.snd_recover:
        cc_post_recovery(tp, seg.ack)
    tp.snd_recover = max(tp.snd_recover, tp.snd_una)
    tp.snd_nxt = max(tp.snd_nxt, tp.snd_una)
    return _fin_acked(tp) if finacked else Verdict.GO


def _fin_acked(tp: Tcpcb) -> Verdict:
    """The peer has our FIN."""
    if tp.state == TCPS_FIN_WAIT_1:
        if tp.so.rcv.cantmore:
            tcp_free_sackholes(tp)
            tp.so.soisdisconnected()
            shared = tp.shared()
            tcp_timer_activate(tp, TT_2MSL, shared.finwait2_timeout if shared.fast_finwait2_recycle else tp.maxidle())
        tp.set_state(TCPS_FIN_WAIT_2)
    elif tp.state == TCPS_CLOSING:
        tcp_twstart(tp)
        return Verdict.DROP
    elif tp.state == TCPS_LAST_ACK:
        tcp_close(tp)
        return Verdict.DROP
    return Verdict.GO


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
        tp.snd_ssthresh = max(2 * tp.eff_maxseg(), known.ssthresh)
        tp.tcp.stat.usedssthresh += 1
    maxseg = tp.eff_maxseg()
    tp.snd_cwnd = maxseg if tp.snd_cwnd == 1 else tp.compute_initwnd(maxseg)
    tp.cc.conn_init()


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
    tp.rttupdated += 1
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
