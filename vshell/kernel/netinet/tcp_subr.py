"""TCP: making and ending connections, answers without one, path MTU, errors reported by ICMP (netinet/tcp_subr.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import ECONNREFUSED, EHOSTDOWN, EHOSTUNREACH, EMSGSIZE, ENETUNREACH, ETIMEDOUT
from vshell.abi.tcp import TCPS_CLOSED, TCPS_ESTABLISHED, TCPS_SYN_RECEIVED, TCPS_SYN_SENT, TCPS_TIME_WAIT
from vshell.kernel.kern.clock import MS
from vshell.kernel.netinet.cc import cc_attach
from vshell.kernel.netinet.in_pcb import Inpcb
from vshell.kernel.netinet.in_proto import ip_ctlprotox
from vshell.kernel.netinet.ip_icmp import icmp_errmap
from vshell.kernel.netinet.tcp_af import TCP_AF
from vshell.kernel.netinet.tcp_hostcache import Hostcache
from vshell.kernel.netinet.tcp_output import tcp_output
from vshell.kernel.netinet.tcp_sack import tcp_free_sackholes
from vshell.kernel.netinet.tcp_timer import tcp_timer_activate
from vshell.kernel.netinet.tcp_var import MASK, SB_MAX, TCP_MAXWIN, TT_2MSL, Tcp, Tcpcb, unwrap
from vshell.wire.icmp import ICMP_TIMXCEED
from vshell.wire.tcp import TH_ACK, TH_RST, Tcphdr, Tcpopt, tcp_addoptions, tcp_pack

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netinet.tcp_syncache import Syncache

ICMP_MTUS = (65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68)
"""RFC 1191: what to try when a router does not say."""


def tcp_newtcpcb(inp: Inpcb) -> Tcpcb:
    """A control block for a new socket."""
    tp = inp.ppcb = Tcpcb(inp)
    cc_attach(tp)
    return tp


def tcp_new_iss(vnet: Vnet) -> int:
    """An initial sequence number."""
    return int(vnet.kernel.random.uniform(1 << 31)) << 1


def tcp_close(tp: Tcpcb) -> None:
    """The connection is over; what is left of it goes when the socket does."""
    tp.stop_timers()
    inp = tp.inp
    inp.info.remhash(inp)
    tp.dropped = True
    tp.tcp.stat.closed += 1
    if tp.state != TCPS_CLOSED:
        tp.set_state(TCPS_CLOSED)
    so = tp.so
    so.soisdisconnected()
    if tp.closed:
        tcp_free(tp)


def tcp_free(tp: Tcpcb) -> None:
    """tcp_discardcb and in_pcbfree: nothing remains."""
    inp = tp.inp
    if inp.ppcb is None or inp not in inp.info.pcbs:
        return
    tp.stop_timers()
    if tp.rttupdated >= 4:
        _remember(tp)
    tp.reass.clear()
    tcp_free_sackholes(tp)
    tp.tcp.states[tp.state] -= 1
    inp.info.free(inp)


def _remember(tp: Tcpcb) -> None:
    """What the connection has learnt of the way serves the next one to the same host (tcp_discardcb)."""
    size, headers = tp.maxseg, TCP_AF[len(tp.inp.faddr)].headers
    ssthresh = 0
    if 0 < tp.snd_ssthresh < tp.so.snd.hiwat // 2:
        ssthresh = max((tp.snd_ssthresh + size // 2) // size, 2) * (size + headers)
    learnt = {"ssthresh": ssthresh, "rtt": tp.srtt, "rttvar": tp.rttvar, "cwnd": tp.snd_cwnd}
    tp.vnet[Hostcache].update(tp.inp.faddr, learnt)


def tcp_drop(tp: Tcpcb, error: int) -> None:
    """Give up a connection; a peer that knows of it is told with a RST."""
    if tp.state >= TCPS_SYN_RECEIVED:
        tp.set_state(TCPS_CLOSED)
        tcp_output(tp)
        tp.tcp.stat.drops += 1
    else:
        tp.tcp.stat.conndrops += 1
    if error == ETIMEDOUT and tp.softerror:
        error = tp.softerror
    tp.so.error = error
    tcp_close(tp)


def tcp_twstart(tp: Tcpcb) -> None:
    """Both sides have said all: wait for stragglers."""
    tp.set_state(TCPS_TIME_WAIT)
    tp.so.soisdisconnected()
    if tp.acknow:
        tcp_output(tp)
    local = TCP_AF[len(tp.inp.faddr)].localip(tp.vnet, tp.inp.faddr)
    if tp.tcp.nolocaltimewait and local:
        tcp_close(tp)
        return
    tcp_timer_activate(tp, TT_2MSL, 2 * tcp_eff_msl(tp))


def tcp_eff_msl(tp: Tcpcb) -> int:
    """How long a segment of this connection may live, in ms."""
    local = TCP_AF[len(tp.inp.faddr)].localip(tp.vnet, tp.inp.faddr)
    return tp.tcp.msl_local if local else tp.tcp.msl


# answers ----------------------------------------------------------------------------------------------------------
def tcp_respond(tp: Tcpcb, ack: int, seq: int, flags: int) -> None:
    """A segment without data on a connection: keepalive probes (flags 0) and challenges."""
    inp = tp.inp
    win = 0 if flags & TH_RST else min(max(tp.so.rcv.space(), 0), TCP_MAXWIN << tp.rcv_scale)
    options = b""
    if tp.rcvd_tstmp and not tp.noopt:
        options = tcp_addoptions(Tcpopt(ts=((tp.ticks() + tp.ts_offset) & MASK, tp.ts_recent)))
    th = Tcphdr(inp.lport, inp.fport, seq & MASK, ack & MASK, flags=flags or TH_ACK, win=min(win >> tp.rcv_scale, TCP_MAXWIN))
    segment = tcp_pack(th, options)
    df = bool(tp.tcp.path_mtu_discovery)
    TCP_AF[len(inp.faddr)].send(tp.vnet, inp.laddr, inp.faddr, segment, inp, df, inp.fib, inp.scope)
    stat = tp.tcp.stat
    stat.sndtotal += 1
    if flags & TH_RST:
        stat.sndctrl += 1
    elif flags & TH_ACK:
        stat.sndacks += 1


def tcp_send_challenge_ack(tp: Tcpcb) -> None:
    """RFC 5961: make the peer prove itself."""
    if tcp_challenge_ack_check(tp):
        tcp_respond(tp, tp.rcv_nxt, tp.snd_nxt, TH_ACK)
        tp.last_ack_sent = tp.rcv_nxt


def tcp_challenge_ack_check(who: Tcpcb | Syncache) -> bool:
    """May one more challenge be sent within this window of time?"""
    tcp = who.tcp
    now = int(tcp.vnet.kernel.clock.now // MS)
    if not tcp.ack_war_cnt or not tcp.ack_war_timewindow:
        return True
    if now >= who.challenge_end:
        who.challenge_end = now + tcp.ack_war_timewindow
        who.challenge_cnt = 1
        return True
    who.challenge_cnt += 1
    return who.challenge_cnt <= tcp.ack_war_cnt


def tcp_reset(vnet: Vnet, src: bytes, dst: bytes, th: Tcphdr, tlen: int, fib: int, scope: int, mflags: int = 0) -> None:
    """Answer a segment from `src` that belongs nowhere with a RST, whose packet gets the flags `mflags`."""
    if th.flags & TH_ACK:
        answer = Tcphdr(th.dport, th.sport, th.ack, 0, flags=TH_RST)
    else:
        size = tlen + (th.flags & 1) + (th.flags >> 1 & 1)
        answer = Tcphdr(th.dport, th.sport, 0, (th.seq + size) & MASK, flags=TH_RST | TH_ACK)
    tcp = vnet[Tcp]
    TCP_AF[len(src)].send(vnet, dst, src, tcp_pack(answer), None, bool(tcp.path_mtu_discovery), fib, scope, mflags)
    tcp.stat.sndtotal += 1
    if answer.flags & TH_ACK:
        tcp.stat.sndacks += 1
    else:
        tcp.stat.sndctrl += 1


# segment sizes ----------------------------------------------------------------------------------------------------
def tcp_mss_update(tp: Tcpcb, offer: int, mtuoffer: int = -1) -> None:
    """Set the segment size from what the peer, a router, and the route say; `offer` is -1 if the peer has not spoken."""
    inp, tcp, vnet = tp.inp, tp.tcp, tp.vnet
    af = TCP_AF[len(inp.faddr)]
    if mtuoffer != -1:
        offer = mtuoffer - af.headers
    link = af.maxmtu(vnet, inp.faddr, inp.fib, inp.scope)
    tp.maxseg = af.mssdflt(tcp)
    if not link:
        return
    if offer == 0:
        offer = tp.maxseg
    else:
        offer = max(offer, tcp.minmss) if offer != -1 else link
    known = vnet[Hostcache].get(inp.faddr).mtu
    mss = (min(known, link) if known else link) - af.headers
    if not known and not tcp.path_mtu_discovery and not af.localip(vnet, inp.faddr):
        mss = min(mss, af.mssdflt(tcp))
    tp.maxseg = max(min(mss, offer), 64)


def tcp_mss(tp: Tcpcb, offer: int) -> None:
    """Set the segment size and round the buffers to it."""
    tcp_mss_update(tp, offer)
    mss = tp.maxseg
    snd, rcv = tp.so.snd, tp.so.rcv
    if snd.hiwat < mss:
        mss = snd.hiwat
    else:
        snd.hiwat = max(snd.hiwat, min(-(-snd.hiwat // mss) * mss, SB_MAX))
    tp.maxseg = max(mss, 64)
    tp.sack_prohibit = tp.maxseg < tp.tcp.mssdflt
    if rcv.hiwat > mss:
        rcv.hiwat = max(rcv.hiwat, min(-(-rcv.hiwat // mss) * mss, SB_MAX))


def tcp_mtudisc(tp: Tcpcb, mtu: int) -> None:
    """A router refused a segment as too big: send again in smaller ones."""
    tcp_mss_update(tp, -1, mtu)
    tp.maxseg = min(tp.maxseg, tp.so.snd.hiwat)
    tp.sack_prohibit = tp.maxseg < tp.tcp.mssdflt
    tp.tcp.stat.mturesent += 1
    tp.rtttime = 0
    tp.snd_nxt = tp.snd_una
    tcp_free_sackholes(tp)
    tp.snd_recover = tp.snd_max
    tp.fastrecovery = False
    tcp_output(tp)


# errors from ICMP -------------------------------------------------------------------------------------------------
def tcp_notify(tp: Tcpcb, error: int) -> None:
    """Remember an error, or give up if it comes again and again before a connection exists."""
    if tp.state == TCPS_ESTABLISHED and error in (EHOSTUNREACH, ENETUNREACH, EHOSTDOWN):
        return
    if tp.state < TCPS_ESTABLISHED and tp.rxtshift > 3 and tp.softerror:
        tcp_drop(tp, error)
    else:
        tp.softerror = error


def tcp_error(vnet: Vnet, src: bytes, dst: bytes, th: bytes, error: int, abort: bool, mtu: int) -> None:
    """An ICMP error quoted a segment `th` we sent from `src` to `dst`; `abort` if it may end a connection in SYN_SENT."""
    sport, dport, number = th[0] << 8 | th[1], th[2] << 8 | th[3], int.from_bytes(th[4:8], "big")
    tcp = vnet[Tcp]
    inp = tcp.info.lookup(dst, dport, src, sport, False)
    if inp is None:
        sc = tcp.syncache.get((dst, dport, src, sport))
        if sc is not None:
            sc.unreach(number)
        return
    tp: Tcpcb = inp.ppcb
    seq = unwrap(number, tp.snd_una)
    if not tp.snd_una <= seq < tp.snd_max or tp.dropped:
        return
    if error == EMSGSIZE:
        headers = TCP_AF[len(dst)].headers
        mtu = max(mtu, tcp.minmss + headers)
        if mtu < tp.maxseg + headers:
            vnet[Hostcache].updatemtu(dst, mtu)
            tcp_mtudisc(tp, mtu)
    elif abort and tcp.icmp_may_rst:
        if tp.state == TCPS_SYN_SENT:
            tcp_drop(tp, error)
    else:
        tcp_notify(tp, error)


def tcp_ctlinput(vnet: Vnet, icmp: bytes) -> None:
    """An ICMP error about a segment of ours."""
    error = icmp_errmap(icmp[0], icmp[1])
    at = 8 + ((icmp[8] & 0xF) << 2)
    if not error or len(icmp) < at + 8:
        return
    mtu = icmp[6] << 8 | icmp[7]
    if not mtu:
        size = icmp[10] << 8 | icmp[11]
        mtu = next((m for m in ICMP_MTUS if m < size), 68)
    abort = error == ECONNREFUSED or (error == EHOSTUNREACH and icmp[0] == ICMP_TIMXCEED)
    tcp_error(vnet, icmp[20:24], icmp[24:28], icmp[at:], error, abort, mtu)


ip_ctlprotox[6] = tcp_ctlinput
