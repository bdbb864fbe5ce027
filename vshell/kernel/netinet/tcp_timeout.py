"""What TCP does when a timer goes off: delayed ACK, retransmission, persist, keepalive, 2 MSL (netinet/tcp_timer.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import ETIMEDOUT
from vshell.abi.socket import SO_KEEPALIVE
from vshell.abi.tcp import (
    TCPS_CLOSE_WAIT,
    TCPS_CLOSING,
    TCPS_ESTABLISHED,
    TCPS_FIN_WAIT_1,
    TCPS_FIN_WAIT_2,
    TCPS_SYN_RECEIVED,
    TCPS_SYN_SENT,
    TCPS_TIME_WAIT,
)  # fmt: skip
from vshell.kernel.netinet.cc import CC_RTO, cc_cong_signal
from vshell.kernel.netinet.tcp_output import tcp_output
from vshell.kernel.netinet.tcp_sack import tcp_free_sackholes, tcp_resend_sackholes
from vshell.kernel.netinet.tcp_subr import tcp_close, tcp_drop, tcp_respond
from vshell.kernel.netinet.tcp_timer import HANDLERS, rexmtval, set_rxtcur, tcp_setpersist, tcp_timer_activate
from vshell.kernel.netinet.tcp_var import (
    TCP_BACKOFF,
    TCP_RTT_SHIFT,
    TT_2MSL,
    TT_DELACK,
    TT_KEEP,
    TT_PERSIST,
    TT_REXMT,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.netinet.tcp_var import Tcpcb

TCP_MAXPERSISTIDLE = 7200000
TCP_TOTBACKOFF = sum(TCP_BACKOFF)


def _delack(tp: Tcpcb) -> None:
    tp.acknow = True
    tp.tcp.stat.delack += 1
    tcp_output(tp)


def _2msl(tp: Tcpcb) -> None:
    shared = tp.shared()
    close = tp.state == TCPS_TIME_WAIT
    if not close and tp.state == TCPS_FIN_WAIT_2 and shared.fast_finwait2_recycle and tp.so.rcv.cantmore:
        tp.tcp.stat.finwait2_drops += 1
        close = True
    if not close:
        close = tp.ticks() - tp.rcvtime > tp.maxidle()
    if close:
        tcp_close(tp)
    else:
        tcp_timer_activate(tp, TT_2MSL, tp.keepintvl or shared.keepintvl)


def _keep(tp: Tcpcb) -> None:
    shared, stat = tp.shared(), tp.tcp.stat
    idle, keepidle = tp.ticks() - tp.rcvtime, tp.keepidle or shared.keepidle
    if tp.state >= TCPS_ESTABLISHED and idle < keepidle:
        tcp_timer_activate(tp, TT_KEEP, keepidle - idle)
        return
    stat.keeptimeo += 1
    wanted = tp.tcp.always_keepalive or tp.so.options & SO_KEEPALIVE
    if tp.state >= TCPS_ESTABLISHED and wanted and tp.state <= TCPS_CLOSING:
        if idle < keepidle + tp.maxidle():
            stat.keepprobe += 1
            tcp_respond(tp, tp.rcv_nxt, tp.snd_una - 1, 0)
            tcp_timer_activate(tp, TT_KEEP, tp.keepintvl or shared.keepintvl)
            return
    elif tp.state >= TCPS_ESTABLISHED:
        tcp_timer_activate(tp, TT_KEEP, keepidle)
        return
    stat.keepdrops += 1
    tcp_drop(tp, ETIMEDOUT)


def _persist(tp: Tcpcb) -> None:
    stat = tp.tcp.stat
    stat.persisttimeo += 1
    idle = tp.ticks() - tp.rcvtime
    given_up = tp.rxtshift >= tp.tcp.retries and (idle >= TCP_MAXPERSISTIDLE or idle >= rexmtval(tp) * TCP_TOTBACKOFF)
    if given_up or (tp.state > TCPS_CLOSE_WAIT and idle >= tp.shared().persmax):
        stat.persistdrop += 1
        tcp_drop(tp, ETIMEDOUT)
        return
    if _unacked_too_long(tp):
        tcp_drop(tp, ETIMEDOUT)
        return
    tcp_setpersist(tp)
    tp.forcedata = True
    tcp_output(tp)
    tp.forcedata = False


def _rexmt(tp: Tcpcb) -> None:
    shared, stat = tp.shared(), tp.tcp.stat
    tp.rxtshift += 1
    if tp.rxtshift > tp.tcp.retries or _unacked_too_long(tp):
        if tp.rxtshift > tp.tcp.retries:
            stat.timeoutdrop += 1
        tp.rxtshift = tp.tcp.retries
        tcp_drop(tp, ETIMEDOUT)
        return
    if tp.state == TCPS_SYN_SENT:
        tp.snd_cwnd = 1
    elif tp.rxtshift == 1:
        tp.undo = (tp.snd_cwnd, tp.snd_ssthresh, tp.snd_recover, tp.fastrecovery, tp.congrecovery)
        if not tp.rcvd_tstmp:
            tp.badrxtwin = tp.ticks() + (tp.srtt >> (TCP_RTT_SHIFT + 1))
        tp.prevvalid = True
        tcp_resend_sackholes(tp)
    else:
        tp.prevvalid = False
        tcp_free_sackholes(tp)
    stat.rexmttimeo += 1
    if tp.state in (TCPS_SYN_SENT, TCPS_SYN_RECEIVED):
        value = shared.rexmit_initial * TCP_BACKOFF[min(tp.rxtshift, 12)]
    else:
        value = rexmtval(tp) * TCP_BACKOFF[min(tp.rxtshift, 12)]
    set_rxtcur(tp, value, tp.rttmin)
    blackhole(tp)
    if shared.rexmit_drop_options and tp.state == TCPS_SYN_SENT and tp.rxtshift == 3:
        tp.req_scale = tp.req_tstmp = tp.sack_permit = False
    tp.snd_nxt = tp.snd_una
    tp.snd_recover = tp.snd_max
    tp.acknow = True
    tp.rtttime = 0
    if tp.state != TCPS_SYN_SENT:
        cc_cong_signal(tp, CC_RTO)
    tcp_output(tp)


def _unacked_too_long(tp: Tcpcb) -> bool:
    """tcp_maxunacktime_check: no progress for longer than the socket, or net.inet.tcp.maxunacktime, allows."""
    limit = tp.maxunacktime or tp.shared().maxunacktime
    if not limit or not tp.acktime or tp.ticks() - tp.acktime < limit:
        return False
    tp.tcp.stat.progdrops += 1
    return True


def blackhole(tp: Tcpcb) -> None:
    """Path MTU black hole detection: full segments that are never acknowledged may be too large for a silent router."""
    tcp, six = tp.tcp, len(tp.inp.faddr) == 16
    if tcp.pmtud_blackhole not in (1, 3 if six else 2) or tp.state not in (TCPS_ESTABLISHED, TCPS_FIN_WAIT_1):
        return
    lower, least = (tcp.v6pmtud_mss, tcp.v6mssdflt) if six else (tcp.pmtud_mss, tcp.mssdflt)
    enter, leave, saved = tp.blackhole
    if tp.rxtshift == 1:
        enter = 2
        leave = 2 + (2 if tp.maxseg > lower else 0) + (2 if tp.maxseg > least and lower > least else 0)
    if tp.pmtud and tp.maxsegsnt and enter <= tp.rxtshift < leave and not (tp.rxtshift - enter) % 2:
        saved = saved or tp.maxseg
        if tp.maxseg > lower > least:
            tp.maxseg = lower
            tcp.stat.pmtud_blackhole_activated += 1
        else:
            tp.maxseg = least
            tp.pmtud = False
            tcp.stat.pmtud_blackhole_activated_min_mss += 1
        tp.cc.conn_init()
    elif saved and tp.rxtshift >= leave:
        tp.pmtud = True
        tp.maxseg, saved = saved, 0
        tp.sack_prohibit = tp.maxseg < tcp.mssdflt
        tcp.stat.pmtud_blackhole_failed += 1
        tp.cc.conn_init()
    tp.blackhole = (enter, leave, saved)


HANDLERS.update({TT_DELACK: _delack, TT_REXMT: _rexmt, TT_PERSIST: _persist, TT_KEEP: _keep, TT_2MSL: _2msl})
