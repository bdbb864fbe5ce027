"""TCP: a segment on a connection (tcp_do_segment of netinet/tcp_input.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import ECONNREFUSED, ECONNRESET
from vshell.abi.record import replace
from vshell.abi.tcp import (
    TCPS_CLOSE_WAIT,
    TCPS_CLOSED,
    TCPS_CLOSING,
    TCPS_ESTABLISHED,
    TCPS_FIN_WAIT_1,
    TCPS_FIN_WAIT_2,
    TCPS_SYN_RECEIVED,
    TCPS_SYN_SENT,
)  # fmt: skip
from vshell.kernel.netinet.cc import CC_ACK, CC_ECN, CC_RTO_ERR, cc_cong_signal
from vshell.kernel.netinet.ip_icmp import BANDLIM_TCP_RST, badport_bandlim
from vshell.kernel.netinet.tcp_ack import ack_received, established, process_ack, xmit_timer
from vshell.kernel.netinet.tcp_ecn import tcp_ecn_input_parallel_syn, tcp_ecn_input_segment, tcp_ecn_input_syn_sent
from vshell.kernel.netinet.tcp_output import HAVERCVDFIN, tcp_output
from vshell.kernel.netinet.tcp_reass import tcp_reass
from vshell.kernel.netinet.tcp_sack import tcp_update_dsack_list, tcp_update_sack_list
from vshell.kernel.netinet.tcp_subr import (
    tcp_challenge_ack_check,
    tcp_close,
    tcp_drop,
    tcp_mss,
    tcp_reset,
    tcp_send_challenge_ack,
    tcp_twstart,
)
from vshell.kernel.netinet.tcp_timer import tcp_timer_activate
from vshell.kernel.netinet.tcp_var import (
    MASK,
    TCP_MAXWIN,
    TCP_RTT_SHIFT,
    TT_DELACK,
    TT_PERSIST,
    TT_REXMT,
    Tcpcb,
    tstmp_lt,
    unwrap,
)
from vshell.kernel.netinet.tcp_verdict import Verdict
from vshell.wire.ip import inet_ntoa
from vshell.wire.tcp import TCP_HDR_LEN, TH_ACK, TH_FIN, TH_RST, TH_SYN, TH_URG, Tcphdr, tcp_dooptions

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf


PAWS_IDLE = 24 * 24 * 3600 * 1000
"""TCP_PAWS_IDLE: 24 days in ms."""


class Seg:
    """A segment being looked at; `seq` and `ack` are in the connection's endless numbers once it is known."""

    __slots__ = ("ack", "data", "dst", "flags", "ifp", "m", "needoutput", "nodata", "scope", "seq", "src", "th", "tiwin",
                 "to", "tos")  # fmt: skip

    def __init__(self, ifp: Ifnet, m: Mbuf, src: bytes, dst: bytes, th: Tcphdr, packet: bytes) -> None:
        self.ifp, self.m, self.src, self.dst, self.th = ifp, m, src, dst, th
        self.data = packet[th.off :]
        self.flags = th.flags
        self.to = tcp_dooptions(packet[TCP_HDR_LEN : th.off], bool(th.flags & TH_SYN))
        self.seq, self.ack, self.tiwin = th.seq, th.ack, th.win
        self.nodata = not self.data
        self.needoutput = False
        data, off = m.data, m.off
        self.tos = data[off + 1] if len(src) == 4 else (data[off] << 4 | data[off + 1] >> 4) & 0xFF
        """Traffic class of the packet; its last two bits are ECN's."""
        self.scope = ifp.index if len(src) == 16 and src[0] == 0xFE and src[1] & 0xC0 == 0x80 else 0

    def names(self) -> str:
        """How log messages name it (tcp_log_addr)."""
        th = self.th
        if len(self.src) == 4:
            one, two = inet_ntoa(self.src), inet_ntoa(self.dst)
        else:
            one, two = (":".join(a[i : i + 2].hex() for i in range(0, 16, 2)) for a in (self.src, self.dst))
        letters = ("FIN", "SYN", "RST", "PUSH", "ACK", "URG", "ECE", "CWR")
        flags = ",".join(name for bit, name in enumerate(letters) if th.flags >> bit & 1)
        return f"TCP: [{one}]:{th.sport} to [{two}]:{th.dport} tcpflags {th.flags:#x}<{flags}>"


def tcp_do_segment(tp: Tcpcb, seg: Seg) -> None:
    """Process a segment on a connection that is neither listening nor in TIME_WAIT."""
    tcp = tp.tcp
    if seg.flags & TH_SYN and seg.flags & TH_FIN and tcp.drop_synfin:
        return
    seg.ack = unwrap(seg.th.ack, tp.snd_una)
    if tp.state == TCPS_SYN_SENT and seg.flags & TH_ACK and not tp.iss < seg.ack <= tp.snd_max:
        _finish(tp, seg, Verdict.RESET)
        return
    tp.rcvtime = tp.ticks()
    if (tp.ecn_permit or seg.tos & 3) and tcp_ecn_input_segment(tp, seg.flags, seg.tos):
        cc_cong_signal(tp, CC_ECN, seg.ack)
    if seg.to.sacks:
        tcp.stat.sack_rcv_blocks += 1
        if tp.sack_prohibit:
            seg.to = replace(seg.to, sacks=())
    seg.seq = unwrap(seg.th.seq, tp.rcv_nxt) if tp.state != TCPS_SYN_SENT else seg.th.seq
    seg.tiwin = seg.th.win << tp.snd_scale
    _normalise_ts(tp, seg)
    if tp.state == TCPS_SYN_SENT and seg.flags & TH_SYN:
        _syn_options(tp, seg)
    if tp.rcvd_tstmp and seg.to.ts is None and not seg.flags & TH_RST and not tcp.tolerate_missing_ts:
        return
    if _predicted(tp, seg):
        return
    tp.rcv_wnd = max(tp.so.rcv.space(), tp.rcv_adv - tp.rcv_nxt, 0)
    if tp.state == TCPS_SYN_SENT:
        verdict = _syn_sent(tp, seg)
        if verdict is Verdict.GO and seg.flags & TH_ACK:
            ack_received(tp, seg)
    else:
        verdict = _validate(tp, seg)
        if verdict is Verdict.GO and seg.flags & TH_ACK:
            verdict = process_ack(tp, seg)
    if verdict is Verdict.GO and not tp.dropped:
        verdict = _step6(tp, seg)
    _finish(tp, seg, verdict)


def _normalise_ts(tp: Tcpcb, seg: Seg) -> None:
    """Take our offset off the echoed time; an echo from the future is none."""
    ts = seg.to.ts
    if ts is not None and ts[1]:
        echo = (ts[1] - tp.ts_offset) & MASK
        seg.to = replace(seg.to, ts=(ts[0], 0 if tstmp_lt(tp.ticks() & MASK, echo) else echo))


def _finish(tp: Tcpcb, seg: Seg, verdict: Verdict) -> None:
    if verdict is Verdict.AFTERACK:
        if tp.state == TCPS_SYN_RECEIVED and seg.flags & TH_ACK and not tp.snd_una <= seg.ack <= tp.snd_max:
            verdict = Verdict.RESET
        elif not seg.nodata or _may_answer(tp):
            tp.acknow = True
            tcp_output(tp)
    if verdict is Verdict.RESET and not seg.th.flags & TH_RST and badport_bandlim(tp.vnet, BANDLIM_TCP_RST):
        tcp_reset(tp.vnet, seg.src, seg.dst, seg.th, len(seg.data), seg.m.fib, seg.scope)


def _may_answer(tp: Tcpcb) -> bool:
    """May an acknowledgement answer a segment without data?

    DIFFERS: FreeBSD always answers, so that two ends which do not agree any more send to each other as fast as they can; here as
    many are sent as there may be challenges.
    """
    return tcp_challenge_ack_check(tp)


def _syn_options(tp: Tcpcb, seg: Seg) -> None:
    """The options of the answer to our SYN."""
    to = seg.to
    tcp_ecn_input_parallel_syn(tp, seg.flags)
    if to.wscale is not None and tp.req_scale and not tp.noopt:
        tp.rcvd_scale = True
        tp.snd_scale = to.wscale
    else:
        tp.req_scale = False
    tp.snd_wnd = seg.th.win
    if to.ts is not None and tp.req_tstmp and not tp.noopt:
        tp.rcvd_tstmp = True
        tp.ts_recent = to.ts[0]
        tp.ts_recent_age = tp.ticks()
    else:
        tp.req_tstmp = False
    if to.mss is not None:
        tcp_mss(tp, to.mss)
    if not to.sackperm or tp.noopt:
        tp.sack_permit = False


# the common cases -------------------------------------------------------------------------------------------------
def _predicted(tp: Tcpcb, seg: Seg) -> bool:
    """Header prediction: plain data or a plain ACK, in order."""
    if tp.state != TCPS_ESTABLISHED or seg.seq != tp.rcv_nxt or tp.snd_nxt != tp.snd_max or tp.reass:
        return False
    if seg.flags & (TH_SYN | TH_FIN | TH_RST | TH_URG | TH_ACK) != TH_ACK or tp.needsyn or tp.needfin:
        return False
    if not seg.tiwin or seg.tiwin != tp.snd_wnd or (seg.to.ts is not None and tstmp_lt(seg.to.ts[0], tp.ts_recent)):
        return False
    if seg.to.ts is not None and seg.seq <= tp.last_ack_sent:
        tp.ts_recent_age = tp.ticks()
        tp.ts_recent = seg.to.ts[0]
    if seg.nodata:
        if not tp.snd_una < seg.ack <= tp.snd_max or tp.fastrecovery or tp.congrecovery or seg.to.sacks or tp.holes:
            return False
        _pure_ack(tp, seg)
    else:
        if seg.ack != tp.snd_una or len(seg.data) > tp.so.rcv.space():
            return False
        _pure_data(tp, seg)
    _check_delack(tp)
    return True


def _pure_ack(tp: Tcpcb, seg: Seg) -> None:
    stat, so = tp.tcp.stat, tp.so
    stat.predack += 1
    ts = seg.to.ts
    if tp.rxtshift == 1 and tp.prevvalid and tp.badrxtwin and ts is not None and ts[1] and ts[1] < tp.badrxtwin & MASK:
        cc_cong_signal(tp, CC_RTO_ERR, seg.ack)
    xmit_timer(tp, seg)
    acked = seg.ack - tp.snd_una
    stat.rcvackpack += 1
    stat.rcvackbyte += acked
    so.snd.drop(acked)
    tp.cc.ack_received(CC_ACK, acked)
    tp.snd_una = tp.snd_wl2 = seg.ack
    tp.dupacks = 0
    tp.acktime = 0 if not so.snd.cc else tp.rcvtime
    if tp.snd_una == tp.snd_max:
        tp.stop(TT_REXMT)
    elif not tp.active(TT_PERSIST):
        tcp_timer_activate(tp, TT_REXMT, tp.rxtcur)
    so.sowwakeup()
    if tp.acknow or so.snd.cc >= tp.snd_max - tp.snd_una:
        tcp_output(tp)


def _pure_data(tp: Tcpcb, seg: Seg) -> None:
    stat, so = tp.tcp.stat, tp.so
    size = len(seg.data)
    stat.preddat += 1
    if tp.sackblks:
        tp.sackblks = []
    tp.rcv_nxt += size
    tp.snd_wl1 = seg.seq
    stat.rcvpack += 1
    stat.rcvbyte += size
    grown = _autorcvbuf(tp, size)
    if not so.rcv.cantmore:
        so.rcv.hiwat = grown or so.rcv.hiwat
        so.rcv.append_stream(seg.data)
    if _delay_ack(tp, size):
        tp.delack = True
    else:
        tp.acknow = True
        tcp_output(tp)
    so.sorwakeup()


def _autorcvbuf(tp: Tcpcb, size: int) -> int:
    """The size a receive buffer should get: half as much again, if in half a round trip most of it was filled; or 0."""
    rcv = tp.so.rcv
    if not (
        tp.tcp.autorcvbuf and rcv.autosize and tp.srtt and tp.rfbuf_ts and tp.ticks() - tp.rfbuf_ts > tp.srtt >> TCP_RTT_SHIFT + 1
    ):
        tp.rfbuf_cnt += size
        return 0
    grow = tp.rfbuf_cnt > rcv.hiwat // 2 // 4 * 3 and rcv.hiwat < tp.tcp.autorcvbuf_max
    tp.rfbuf_ts = tp.rfbuf_cnt = 0
    return min(rcv.hiwat + rcv.hiwat // 2, tp.tcp.autorcvbuf_max) if grow else 0


def _delay_ack(tp: Tcpcb, size: int) -> bool:
    if tp.active(TT_DELACK) or tp.rxwin0sent or size > tp.maxseg:
        return False
    return bool(tp.tcp.delayed_ack or tp.needsyn)


def _check_delack(tp: Tcpcb) -> None:
    if tp.delack and not tp.dropped:
        tp.delack = False
        tcp_timer_activate(tp, TT_DELACK, tp.shared().delacktime)


# before the connection is established -----------------------------------------------------------------------------
def _syn_sent(tp: Tcpcb, seg: Seg) -> Verdict:
    flags = seg.flags
    if flags & TH_RST:
        if flags & TH_ACK:
            tcp_drop(tp, ECONNREFUSED)
        return Verdict.DROP
    if not flags & TH_SYN:
        return Verdict.DROP
    tp.irs = seg.seq
    tp.rcv_adv = tp.rcv_nxt = tp.irs + 1
    tp.last_ack_sent = tp.rcv_nxt
    if flags & TH_ACK:
        tp.tcp.stat.connects += 1
        tp.so.soisconnected()
        tcp_ecn_input_syn_sent(tp, flags)
        if tp.rcvd_scale and tp.req_scale:
            tp.rcv_scale = tp.request_r_scale
        tp.rcv_adv += min(tp.rcv_wnd, TCP_MAXWIN << tp.rcv_scale)
        tp.snd_una += 1
        tp.snd_nxt = max(tp.snd_nxt, tp.snd_una)
        if seg.data and _delay_ack(tp, len(seg.data)):
            tcp_timer_activate(tp, TT_DELACK, tp.shared().delacktime)
        else:
            tp.acknow = True
        established(tp)
        seg.flags &= ~TH_SYN
    else:
        tp.acknow = tp.needsyn = tp.sonotconn = True
        tp.stop(TT_REXMT)
        tp.set_state(TCPS_SYN_RECEIVED)
    seg.seq += 1
    if len(seg.data) > tp.rcv_wnd:
        tp.tcp.stat.rcvpackafterwin += 1
        tp.tcp.stat.rcvbyteafterwin += len(seg.data) - tp.rcv_wnd
        seg.data = seg.data[: tp.rcv_wnd]
        seg.flags &= ~TH_FIN
    tp.snd_wl1 = seg.seq - 1
    return Verdict.GO


# the checks of a segment on a connection --------------------------------------------------------------------------
def _validate(tp: Tcpcb, seg: Seg) -> Verdict:
    """RST, SYN, PAWS, the window; trims what does not fit."""
    tcp, stat, flags = tp.tcp, tp.tcp.stat, seg.flags
    if tp.state == TCPS_SYN_RECEIVED and flags & (TH_RST | TH_ACK) == TH_ACK and not tp.snd_una < seg.ack <= tp.snd_max:
        return Verdict.RESET
    if flags & TH_RST:
        _reset(tp, seg)
        return Verdict.DROP
    if flags & TH_SYN and tp.state != TCPS_SYN_RECEIVED:
        stat.badsyn += 1
        if tcp.insecure_syn and tp.last_ack_sent <= seg.seq < tp.last_ack_sent + tp.rcv_wnd:
            tcp_drop(tp, ECONNRESET)
        else:
            tcp_send_challenge_ack(tp)
        return Verdict.DROP
    if seg.to.ts is not None and tp.ticks() - tp.ts_recent_age > PAWS_IDLE:
        tp.ts_recent = 0  # so old that the peer's clock may have gone round
    if seg.to.ts is not None and tp.ts_recent and tstmp_lt(seg.to.ts[0], tp.ts_recent):
        stat.rcvduppack += 1
        stat.rcvdupbyte += len(seg.data)
        stat.pawsdrop += 1
        return Verdict.AFTERACK if seg.data else Verdict.DROP
    if tp.state == TCPS_SYN_RECEIVED and seg.seq < tp.irs:
        return Verdict.RESET
    _trim_front(tp, seg)
    if tp.closed and seg.data and tp.state not in HAVERCVDFIN:
        stat.rcvafterclose += 1
        tcp_close(tp)
        return Verdict.RESET
    verdict = _trim_back(tp, seg)
    if verdict is not Verdict.GO:
        return verdict
    extra = 1 if seg.flags & (TH_SYN | TH_FIN) else 0
    if seg.to.ts is not None and seg.seq <= tp.last_ack_sent <= seg.seq + len(seg.data) + extra:
        tp.ts_recent_age = tp.ticks()
        tp.ts_recent = seg.to.ts[0]
    if seg.flags & TH_ACK or tp.state == TCPS_SYN_RECEIVED or tp.needsyn:
        return Verdict.GO
    return Verdict.AFTERACK if tp.acknow else Verdict.DROP


def _reset(tp: Tcpcb, seg: Seg) -> None:
    """A RST: it counts if it is where we expect the next byte (RFC 5961)."""
    last = tp.last_ack_sent
    if not (last <= seg.seq < last + tp.rcv_wnd or (not tp.rcv_wnd and last == seg.seq)):
        return
    if not tp.tcp.insecure_rst and last != seg.seq:
        tp.tcp.stat.badrst += 1
        tcp_send_challenge_ack(tp)
        return
    tp.tcp.stat.drops += 1
    if tp.state == TCPS_SYN_RECEIVED:
        tp.so.error = ECONNREFUSED
    elif tp.state != TCPS_CLOSED:
        tp.so.error = ECONNRESET
    tcp_close(tp)


def _trim_front(tp: Tcpcb, seg: Seg) -> None:
    """Drop what we have already."""
    todrop = tp.rcv_nxt - seg.seq
    if todrop <= 0:
        return
    stat = tp.tcp.stat
    if seg.flags & TH_SYN:
        seg.flags &= ~TH_SYN
        seg.seq += 1
        todrop -= 1
    size = len(seg.data)
    if todrop > size or (todrop == size and not seg.flags & TH_FIN):
        if not seg.nodata or seg.flags & TH_FIN or _may_answer(tp):
            tp.acknow = True
        seg.flags &= ~TH_FIN
        todrop = size
        stat.rcvduppack += 1
        stat.rcvdupbyte += todrop
    else:
        stat.rcvpartduppack += 1
        stat.rcvpartdupbyte += todrop
    if todrop and tp.sack_permit:
        tcp_update_dsack_list(tp, seg.seq, seg.seq + todrop)
        tp.acknow = True
    seg.seq += todrop
    seg.data = seg.data[todrop:]


def _trim_back(tp: Tcpcb, seg: Seg) -> Verdict:
    """Drop what is beyond the window."""
    todrop = seg.seq + len(seg.data) - (tp.rcv_nxt + tp.rcv_wnd)
    if todrop <= 0:
        return Verdict.GO
    stat, size = tp.tcp.stat, len(seg.data)
    stat.rcvpackafterwin += 1
    if todrop >= size:
        stat.rcvbyteafterwin += size
        if tp.rcv_wnd or seg.seq != tp.rcv_nxt:
            return Verdict.AFTERACK
        tp.acknow = True
        stat.rcvwinprobe += 1
    else:
        stat.rcvbyteafterwin += todrop
    seg.data = seg.data[: max(size - todrop, 0)]
    seg.flags &= ~TH_FIN
    return Verdict.GO


# window, data, FIN ------------------------------------------------------------------------------------------------
def _step6(tp: Tcpcb, seg: Seg) -> Verdict:
    so = tp.so
    needoutput = _update_window(tp, seg) or seg.needoutput
    fin = False
    if (seg.data or seg.flags & TH_FIN) and tp.state not in HAVERCVDFIN:
        size = len(seg.data)
        in_order = seg.seq == tp.rcv_nxt and not tp.reass and tp.state >= TCPS_ESTABLISHED
        if in_order:
            if _delay_ack(tp, size):
                tp.delack = True
            else:
                tp.acknow = True
            tp.rcv_nxt += size
            tp.tcp.stat.rcvpack += 1
            tp.tcp.stat.rcvbyte += size
            grown = _autorcvbuf(tp, size)
            if not so.rcv.cantmore:
                so.rcv.hiwat = grown or so.rcv.hiwat
                so.rcv.append_stream(seg.data)
            if tp.sackblks:
                tp.sackblks = []
            fin = bool(seg.flags & TH_FIN)
        else:
            fin = _out_of_order(tp, seg)
            tp.acknow = True
        so.sorwakeup()
    if fin and _fin(tp):
        return Verdict.DROP
    if needoutput or tp.acknow:
        tcp_output(tp)
    _check_delack(tp)
    return Verdict.GO


def _out_of_order(tp: Tcpcb, seg: Seg) -> bool:
    """Keep data that comes too early, and report it; True if the FIN is reached."""
    seq, end, before = seg.seq, seg.seq + len(seg.data), tp.rcv_nxt
    duplicate = any(start <= seq and end <= start + len(data) for start, data, _ in tp.reass)
    fin = tcp_reass(tp, seq, seg.data, bool(seg.flags & TH_FIN))
    if tp.sack_permit and seg.data and tp.state >= TCPS_ESTABLISHED:
        tcp_update_sack_list(tp, seq, end)
        if duplicate and seq > before:
            tcp_update_dsack_list(tp, seq, end)
    return fin


def _update_window(tp: Tcpcb, seg: Seg) -> bool:
    if not seg.flags & TH_ACK:
        return False
    same = tp.snd_wl2 == seg.ack and seg.tiwin > tp.snd_wnd
    if tp.snd_wl1 > seg.seq or (tp.snd_wl1 == seg.seq and tp.snd_wl2 >= seg.ack and not same):
        return False
    if seg.nodata and same:
        tp.tcp.stat.rcvwinupd += 1
    tp.snd_wnd = seg.tiwin
    tp.snd_wl1, tp.snd_wl2 = seg.seq, seg.ack
    tp.max_sndwnd = max(tp.max_sndwnd, tp.snd_wnd)
    return True


def _fin(tp: Tcpcb) -> bool:
    """The peer has said all; True if the connection is in TIME_WAIT now."""
    if tp.state not in HAVERCVDFIN:
        tp.so.socantrcvmore()
        if tp.needsyn:
            tp.delack = True
        else:
            tp.acknow = True
        tp.rcv_nxt += 1
    if tp.state in (TCPS_SYN_RECEIVED, TCPS_ESTABLISHED):
        tp.set_state(TCPS_CLOSE_WAIT)
    elif tp.state == TCPS_FIN_WAIT_1:
        tp.set_state(TCPS_CLOSING)
    elif tp.state == TCPS_FIN_WAIT_2:
        tcp_twstart(tp)
        return True
    return False
