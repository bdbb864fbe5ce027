"""TCP: what tells that segments are lost, and sending them again (tcp_input.c; RFC 5681, 6582, 6675, 6937, 3042)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.kernel.netinet.cc import CC_DUPACK, CC_NDUPACK, cc_cong_signal
from vshell.kernel.netinet.tcp_output import HAVERCVDFIN, tcp_output
from vshell.kernel.netinet.tcp_sack import (
    CHANGE,
    NEWLOSS,
    NOCHANGE,
    REXMT_THRESH,
    Hole,
    in_sack_recovery,
    tcp_resend_sackholes,
    tcp_sack_adjust,
)  # fmt: skip
from vshell.kernel.netinet.tcp_var import TT_REXMT, Tcpcb
from vshell.kernel.netinet.tcp_verdict import Verdict
from vshell.wire.tcp import TH_FIN

if TYPE_CHECKING:
    from vshell.kernel.netinet.tcp_segment import Seg


def duplicate_ack(tp: Tcpcb, seg: Seg, changed: int) -> Verdict:
    """An acknowledgement of nothing new: the third in a row, or enough reported beyond a hole, means that a segment is lost."""
    if tp.sack_permit and tp.tcp.newsack:
        if changed == NOCHANGE:
            return Verdict.GO
    elif not seg.nodata or seg.tiwin != tp.snd_wnd:
        return Verdict.GO
    if seg.flags & TH_FIN and tp.state not in HAVERCVDFIN:
        tp.dupacks = 0
        return Verdict.GO
    tp.tcp.stat.rcvdupack += 1
    if not tp.active(TT_REXMT):
        tp.dupacks = 0
        return Verdict.GO
    tp.dupacks += 1
    maxseg = tp.eff_maxseg()
    if tp.dupacks > REXMT_THRESH or tp.fastrecovery:
        _one_more(tp, seg, changed, maxseg)
        return Verdict.DROP
    reported = tp.sack_permit and tp.tcp.newsack and tp.sacked_bytes > (REXMT_THRESH - 1) * maxseg
    if tp.dupacks == REXMT_THRESH or reported:
        return enter_recovery(tp, seg, maxseg)
    if tp.tcp.rfc3042:
        _limited_transmit(tp, maxseg)
        return Verdict.DROP
    return Verdict.GO


def _one_more(tp: Tcpcb, seg: Seg, changed: int, maxseg: int) -> None:
    """Another segment has left the network."""
    tp.cc.ack_received(CC_DUPACK, 0)
    if tp.tcp.do_prr and tp.fastrecovery and tp.sack_permit:
        tcp_do_prr_ack(tp, seg, changed, maxseg)
    elif tp.fastrecovery and in_sack_recovery(tp, seg):
        step = max(maxseg, min(2 * maxseg, tp.delivered))
        if tp.snd_nxt < tp.snd_max:
            tp.snd_cwnd += step
        elif tp.compute_pipe() < tp.snd_ssthresh:
            tp.snd_cwnd = min(tp.snd_cwnd + step, tp.snd_ssthresh)
    else:
        tp.snd_cwnd += maxseg
    tcp_output(tp)


def enter_recovery(tp: Tcpcb, seg: Seg, maxseg: int) -> Verdict:
    """Fast retransmit."""
    tp.dupacks = REXMT_THRESH
    onxt = tp.snd_nxt
    sack = in_sack_recovery(tp, seg)
    if tp.fastrecovery if sack else seg.ack <= tp.snd_recover:
        tp.dupacks = 0
        return Verdict.GO
    cc_cong_signal(tp, CC_NDUPACK, seg.ack)
    tp.cc.ack_received(CC_DUPACK, 0)
    tp.stop(TT_REXMT)
    tp.rtttime = 0
    if tp.tcp.do_prr:
        tp.prr_delivered = min(tp.snd_max - seg.ack, (tp.snd_limited + 1) * maxseg) if sack else maxseg
        tp.recover_fs = max(1, tp.snd_nxt - tp.snd_una)
    limited, tp.snd_limited = tp.snd_limited, 0
    if sack:
        tp.tcp.stat.sack_recovery_episode += 1
        tcp_resend_sackholes(tp)
        tp.snd_nxt = tp.snd_max
        tp.snd_cwnd = tp.compute_pipe() + maxseg
        tcp_output(tp)
        tp.snd_cwnd = tp.snd_ssthresh
        return Verdict.DROP
    tp.snd_nxt = seg.ack
    tp.snd_cwnd = maxseg
    tcp_output(tp)
    tp.snd_cwnd = tp.snd_ssthresh + maxseg * (tp.dupacks - limited)
    tp.snd_nxt = max(tp.snd_nxt, onxt)
    return Verdict.DROP


def _limited_transmit(tp: Tcpcb, maxseg: int) -> None:
    """RFC 3042: each of the first duplicates lets one new segment out."""
    tp.cc.ack_received(CC_DUPACK, 0)
    old, oldmax = tp.snd_cwnd, tp.snd_max
    if tp.dupacks == 1:
        tp.snd_limited = 0
    if tp.snd_nxt == tp.snd_max and not tp.rxtshift:
        tp.snd_cwnd = tp.snd_nxt - tp.snd_una
    tp.snd_cwnd += (tp.dupacks - tp.snd_limited) * maxseg - tcp_sack_adjust(tp)
    if tp.acknow or tp.so.snd.cc >= tp.snd_nxt - tp.snd_una:
        tcp_output(tp)
    sent = tp.snd_max - oldmax
    if sent > maxseg:
        tp.snd_limited = 2
    elif sent > 0:
        tp.snd_limited += 1
    tp.snd_cwnd = old


def partial_ack(tp: Tcpcb, seg: Seg, changed: int) -> None:
    """Something was acknowledged, but not all that was under way when the loss was seen."""
    if tp.fastrecovery:
        if not tp.sack_permit:
            _newreno_partial_ack(tp, seg)
        elif tp.tcp.do_prr and seg.to.sacks:
            tp.stop(TT_REXMT)
            tp.rtttime = 0
            tcp_do_prr_ack(tp, seg, changed, tp.eff_maxseg())
            tp.acknow = True
            tcp_output(tp)
        else:
            _sack_partialack(tp, seg)
    elif tp.congrecovery and tp.tcp.do_prr:
        tp.delivered = seg.ack - tp.snd_una
        tp.snd_fack = seg.ack
        tcp_do_prr_ack(tp, seg, CHANGE, tp.eff_maxseg())
        tcp_output(tp)


def _sack_partialack(tp: Tcpcb, seg: Seg) -> None:
    """tcp_sack_partialack, with the rescue of RFC 6675: if nothing is known to be missing, the last segment may be."""
    maxseg = tp.eff_maxseg()
    tp.stop(TT_REXMT)
    tp.rtttime = 0
    if tp.snd_nxt == tp.snd_max:
        segments = 2 if (seg.ack - tp.snd_una) // maxseg >= 2 else 1
        tp.snd_cwnd = tp.sack_bytes_rexmit() + tp.snd_nxt - tp.snd_recover + segments * maxseg
    tp.snd_cwnd = min(tp.snd_cwnd, tp.snd_ssthresh)
    tp.acknow = True
    if tp.tcp.newsack and seg.ack < tp.snd_recover and not tp.holes and tp.delivered > 0:
        high = min(tp.snd_max - (1 if tp.sentfin else 0), tp.snd_recover)
        if seg.ack < high and tp.tcp.sack_maxholes > 0:
            tp.snd_fack = max(seg.ack, tp.snd_fack)
            start = max(seg.ack, high - maxseg)
            tp.holes.append(Hole(start, high, start))
            tp.tcp.sack_globalholes += 1
    tcp_output(tp)


def _newreno_partial_ack(tp: Tcpcb, seg: Seg) -> None:
    """The next segment is lost too (tcp_newreno_partial_ack)."""
    onxt, ocwnd, maxseg = tp.snd_nxt, tp.snd_cwnd, tp.eff_maxseg()
    acked = seg.ack - tp.snd_una
    tp.stop(TT_REXMT)
    tp.rtttime = 0
    tp.snd_nxt = seg.ack
    tp.snd_cwnd = maxseg + acked
    tp.acknow = True
    tcp_output(tp)
    tp.snd_nxt = max(tp.snd_nxt, onxt)
    tp.snd_cwnd = max(ocwnd - acked, 0) + maxseg


def tcp_do_prr_ack(tp: Tcpcb, seg: Seg, changed: int, maxseg: int) -> None:
    """Proportional rate reduction: in recovery, send in proportion to what arrives (RFC 6937)."""
    sack = in_sack_recovery(tp, seg)
    if sack or (tp.congrecovery and not tp.fastrecovery):
        arrived, pipe = tp.delivered, tp.compute_pipe()
    else:
        few = tp.prr_delivered < REXMT_THRESH * maxseg + tp.snd_recover - tp.snd_una
        arrived = maxseg if few else 0
        pipe = max(0, tp.snd_max - tp.snd_una - tp.dupacks * maxseg)
    tp.prr_delivered += arrived
    if pipe >= tp.snd_ssthresh:
        if not tp.recover_fs:
            tp.recover_fs = max(1, tp.snd_nxt - tp.snd_una)
        room = -(-tp.prr_delivered * tp.snd_ssthresh // tp.recover_fs) - tp.prr_out + maxseg - 1
    else:
        limit = tp.prr_delivered - tp.prr_out
        if changed != NEWLOSS and arrived:
            limit = max(limit, arrived) + maxseg
        room = min(tp.snd_ssthresh - pipe, limit)
    room = max(room, 0) // maxseg * maxseg
    if tp.fastrecovery and not sack:
        tp.snd_cwnd = tp.snd_max - tp.snd_una + room
    elif tp.fastrecovery or tp.congrecovery:
        tp.snd_cwnd = pipe - arrived + room
    tp.snd_cwnd = max(maxseg, tp.snd_cwnd)


def tcp_sack_lost_retransmission(tp: Tcpcb, seg: Seg) -> None:
    """What was sent after a copy has arrived, the copy has not: it is lost too, so begin again with the first hole."""
    if not (tp.fastrecovery or tp.congrecovery) or tp.snd_fack <= tp.snd_recover or not tp.holes:
        return
    first = tp.holes[0]
    if first.rxmit < first.end or tp.snd_fack < first.rxmit:
        return
    tp.tcp.stat.sack_lostrexmt += 1
    for hole in tp.holes:
        if hole.end <= hole.rxmit <= tp.snd_fack:
            hole.rxmit = hole.start
    tp.snd_cwnd = tp.snd_ssthresh
    tp.fastrecovery = tp.congrecovery = False
    cc_cong_signal(tp, CC_NDUPACK, seg.ack)
    tp.snd_cwnd = tp.eff_maxseg()
    tp.recover_fs = tp.snd_max - tp.snd_una - tp.recover_fs
