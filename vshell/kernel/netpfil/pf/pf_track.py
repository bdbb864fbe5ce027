"""Packets of connections that have a state (pf_test_state, pf_tcp_track_full, pf_synproxy of netpfil/pf/pf.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.kernel.netpfil.pf.pf_match import over_rate
from vshell.kernel.netpfil.pf.pf_pdesc import (
    RES_BADSTATE,
    RES_SRCLIMIT,
    RES_SYNPROXY,
    SCTP,
    TCP,
    TH_ACK,
    TH_FIN,
    TH_RST,
    TH_SYN,
    UDP,
    Pdesc,
)
from vshell.kernel.netpfil.pf.pf_send import send_tcp
from vshell.kernel.netpfil.pf.pf_state import (
    PROXY_DST,
    PROXY_SRC,
    STACK,
    TCPS_CLOSING,
    TCPS_ESTABLISHED,
    TCPS_FIN_WAIT_2,
    TCPS_SYN_SENT,
    TCPS_TIME_WAIT,
    WIRE,
    Key,
    Peer,
    State,
)

if TYPE_CHECKING:
    from vshell.kernel.netpfil.pf.pf_ioctl import Pf

PASS, DROP, AFRT, SYNPROXY = P.PF_PASS, P.PF_DROP, P.PF_AFRT, P.PF_SYNPROXY_DROP
M32 = 0xFFFFFFFF
MAXACKWINDOW = 0xFFFF + 1500
SCTP_ESTABLISHED = 0x10


def geq(a: int, b: int) -> bool:
    """SEQ_GEQ."""
    return (a - b) & M32 < 1 << 31


def test_state(pd: Pdesc) -> tuple[int, State | None]:
    """pf_test_state: PF_DROP without a state means that the rules are asked."""
    pf = pd.pf
    key = pd.key(pd.src, pd.sport, pd.dst, pd.dport)
    state = pf.states.find(key, pd.dir, pd.ifp)
    if state is None:
        return DROP, None
    r = state.rule
    if r.pktrate[0] and pd.dir == state.direction and over_rate(r, pf.vnet.kernel.clock.now):
        return DROP, None
    forward = pd.dir == state.direction
    if state.keys[WIRE][0] != state.keys[STACK][0]:
        # Both directions come in where the family changes: the one it began with is the way out.
        forward = pd.af == state.keys[WIRE if state.direction == P.PF_IN else STACK][0]
    src, dst = (state.src, state.dst) if forward else (state.dst, state.src)
    action = _track(pf, pd, state, src, dst)
    if action is not None:
        return action
    if state.translated:
        return translate_state(pd, state), state
    return PASS, state


def _track(pf: Pf, pd: Pdesc, s: State, src: Peer, dst: Peer) -> tuple[int, State | None] | None:
    """Follow the protocol; None if the packet may pass."""
    now = pf.vnet.kernel.clock.now
    if pd.virtual_proto == TCP:
        return _track_tcp(pf, pd, s, src, dst)
    if pd.virtual_proto == SCTP:
        s.expire = now
        if src.state < SCTP_ESTABLISHED:
            src.state, s.timeout = SCTP_ESTABLISHED, P.PFTM_SCTP_ESTABLISHED
        return None
    if src.state < 1:
        src.state = 1
    if dst.state == 1:
        dst.state = 2
    s.expire = now
    udp = pd.virtual_proto == UDP
    multiple = src.state == 2 and dst.state == 2
    single = P.PFTM_UDP_SINGLE if udp else P.PFTM_OTHER_SINGLE
    s.timeout = (P.PFTM_UDP_MULTIPLE if udp else P.PFTM_OTHER_MULTIPLE) if multiple else single
    return None


def _track_tcp(pf: Pf, pd: Pdesc, s: State, src: Peer, dst: Peer) -> tuple[int, State | None] | None:
    action = _synproxy(pf, pd, s)
    if action != PASS:
        return action, s
    if pd.flags & (TH_SYN | TH_ACK) == TH_SYN:
        if s.src.state >= TCPS_FIN_WAIT_2 and s.dst.state >= TCPS_FIN_WAIT_2:
            pf.states.remove(s)
            return DROP, None
        if s.src.state >= TCPS_ESTABLISHED and s.dst.state >= TCPS_ESTABLISHED:
            # A challenge brings both ends to agree again.
            send_tcp(pf.vnet, pd.dst, pd.src, pd.dport, pd.sport, dst.seqlo, src.seqlo, TH_ACK, ttl=s.rule.return_ttl, skip=False)
            return DROP, s
    if s.flags & P.PFSTATE_SLOPPY:
        right = _sloppy(pf, pd, s, src, dst)
    else:
        right = Full(pf, pd, s, src, dst).run()
    return None if right else (DROP, s)


def _established(pf: Pf, pd: Pdesc, s: State) -> bool:
    """pf_src_connlimit; False if it was one too many."""
    if s.sns[P.PF_SN_LIMIT] is not None and pf.src.connlimit(s):
        pd.reason = RES_SRCLIMIT
        return False
    return True


def set_timeout(pf: Pf, s: State, src: Peer, dst: Peer) -> None:
    """How long the connection may be silent now."""
    s.expire = pf.vnet.kernel.clock.now
    low, high = min(src.state, dst.state), max(src.state, dst.state)
    if low >= TCPS_FIN_WAIT_2:
        s.timeout = P.PFTM_TCP_CLOSED
    elif low >= TCPS_CLOSING:
        s.timeout = P.PFTM_TCP_FIN_WAIT
    elif low < TCPS_ESTABLISHED:
        s.timeout = P.PFTM_TCP_OPENING
    elif high >= TCPS_CLOSING:
        s.timeout = P.PFTM_TCP_CLOSING
    else:
        s.timeout = P.PFTM_TCP_ESTABLISHED


def _sloppy(pf: Pf, pd: Pdesc, s: State, src: Peer, dst: Peer) -> bool:
    """pf_tcp_track_sloppy."""
    if pd.flags & TH_SYN and src.state < TCPS_SYN_SENT:
        src.state = TCPS_SYN_SENT
    if pd.flags & TH_FIN and src.state < TCPS_CLOSING:
        src.state = TCPS_CLOSING
    if pd.flags & TH_ACK:
        if dst.state == TCPS_SYN_SENT:
            dst.state = TCPS_ESTABLISHED
            if src.state == TCPS_ESTABLISHED and not _established(pf, pd, s):
                return False
        elif dst.state == TCPS_CLOSING:
            dst.state = TCPS_FIN_WAIT_2
        elif src.state == TCPS_SYN_SENT and dst.state < TCPS_SYN_SENT:
            s.set_both(TCPS_ESTABLISHED)
            if not _established(pf, pd, s):
                return False
        elif src.state == TCPS_CLOSING and dst.state == TCPS_ESTABLISHED and not dst.seqlo:
            dst.state = TCPS_CLOSING
    if pd.flags & TH_RST:
        s.set_both(TCPS_TIME_WAIT)
    set_timeout(pf, s, src, dst)
    return True


class Full:
    """pf_tcp_track_full: sequence numbers within the windows both ends announced."""

    def __init__(self, pf: Pf, pd: Pdesc, s: State, src: Peer, dst: Peer) -> None:
        self.pf, self.pd, self.s, self.src, self.dst = pf, pd, s, src, dst
        scaled = src.wscale and dst.wscale and not pd.flags & TH_SYN
        self.sws = src.wscale & P.PF_WSCALE_MASK if scaled else 0
        self.dws = dst.wscale & P.PF_WSCALE_MASK if scaled else 0
        self.win = pd.win
        self.ack = 0
        self.end = 0

    def run(self) -> bool:
        """False (and the reason) if the packet does not belong there."""
        pd, src, dst = self.pd, self.src, self.dst
        seq = orig = pd.seq
        if not src.seqlo:
            self._first()
        else:
            self.ack = (pd.ack - dst.seqdiff) & M32
            if src.seqdiff:
                self._modulate(pd.seq + src.seqdiff)
            self.end = (seq + pd.p_len + bool(pd.flags & TH_SYN)) & M32
        data_end = self.end
        if pd.flags & TH_FIN:
            self.end = (self.end + 1) & M32
        if (
            not pd.flags & TH_ACK
            or (not self.ack and pd.flags & (TH_ACK | TH_RST) == TH_ACK | TH_RST)
            or dst.state < TCPS_SYN_SENT
        ):
            self.ack = dst.seqlo
        if seq == self.end:
            seq = data_end = self.end = src.seqlo
        skew = (dst.seqlo - self.ack) & M32
        skew -= 1 << 32 if skew >> 31 else 0
        exact = not pd.flags & TH_RST or orig in (src.seqlo, (src.seqlo + 1) & M32) or (orig + 1) & M32 == src.seqlo
        window = dst.max_win << self.dws
        close = -MAXACKWINDOW <= skew <= MAXACKWINDOW << self.sws
        if geq(src.seqhi, data_end) and geq(seq, src.seqlo - window) and close and exact:
            return self._inside()
        if (
            (dst.state < TCPS_SYN_SENT or dst.state >= TCPS_FIN_WAIT_2 or src.state >= TCPS_FIN_WAIT_2)
            and geq(src.seqhi + MAXACKWINDOW, data_end)
            and geq(seq, src.seqlo - MAXACKWINDOW)
        ):
            return self._loose()
        return self._mismatch()

    def _first(self) -> None:
        """The first packet from this end."""
        pd, src, dst = self.pd, self.src, self.dst
        if dst.seqdiff and not src.seqdiff:
            src.seqdiff = (self.pf.vnet.kernel.random.arc4random() - pd.seq) & M32 or 1
            self.ack = (pd.ack - dst.seqdiff) & M32
            self._modulate(pd.seq + src.seqdiff)
        else:
            self.ack = pd.ack
        self.end = (pd.seq + pd.p_len) & M32
        if pd.flags & TH_SYN:
            self.end = (self.end + 1) & M32
            if dst.wscale & P.PF_WSCALE_FLAG:
                src.wscale = pd.wscale()
                if src.wscale & P.PF_WSCALE_FLAG:
                    self.sws = src.wscale & P.PF_WSCALE_MASK
                    self.win = (self.win + (1 << self.sws) - 1) >> self.sws
                    self.dws = dst.wscale & P.PF_WSCALE_MASK
                else:
                    dst.max_win = min(65535, dst.max_win << (dst.wscale & P.PF_WSCALE_MASK))
                    dst.wscale = 0
        src.seqlo = pd.seq
        if src.state < TCPS_SYN_SENT:
            src.state = TCPS_SYN_SENT
        end = (self.end + bool(pd.flags & TH_FIN)) & M32
        reach = (end + max(1, dst.max_win << self.dws)) & M32
        if src.seqhi == 1 or geq(reach, src.seqhi):
            src.seqhi = reach
        src.max_win = max(src.max_win, self.win)

    def _modulate(self, seq: int) -> None:
        self.pd.set_word(4, seq)
        self.pd.set_word(8, self.ack)

    def _windows(self) -> None:
        src, dst = self.src, self.dst
        src.max_win = max(src.max_win, self.win)
        if self.end != src.seqlo and geq(self.end, src.seqlo):
            src.seqlo = self.end
        if geq(self.ack + (self.win << self.sws), dst.seqhi):
            dst.seqhi = (self.ack + max(self.win << self.sws, 1)) & M32

    def _inside(self) -> bool:
        pd, s, src, dst = self.pd, self.s, self.src, self.dst
        self._windows()
        if pd.flags & TH_SYN and src.state < TCPS_SYN_SENT:
            src.state = TCPS_SYN_SENT
        if pd.flags & TH_FIN and src.state < TCPS_CLOSING:
            src.state = TCPS_CLOSING
        if pd.flags & TH_ACK:
            if dst.state == TCPS_SYN_SENT:
                dst.state = TCPS_ESTABLISHED
                if src.state == TCPS_ESTABLISHED and not _established(self.pf, pd, s):
                    return False
            elif dst.state == TCPS_CLOSING:
                dst.state = TCPS_FIN_WAIT_2
        if pd.flags & TH_RST:
            s.set_both(TCPS_TIME_WAIT)
        set_timeout(self.pf, s, src, dst)
        return True

    def _loose(self) -> bool:
        """Both ends begin at once, the start was not seen, or it is over."""
        self._windows()
        if self.pd.flags & TH_FIN and self.src.state < TCPS_CLOSING:
            self.src.state = TCPS_CLOSING
        if self.pd.flags & TH_RST:
            self.s.set_both(TCPS_TIME_WAIT)
        return True

    def _mismatch(self) -> bool:
        pd, s, src = self.pd, self.s, self.src
        if s.src.state == TCPS_SYN_SENT and s.dst.state == TCPS_SYN_SENT:
            if not pd.flags & TH_RST:
                send_tcp(self.pf.vnet, pd.dst, pd.src, pd.dport, pd.sport, pd.ack, 0, TH_RST, ttl=s.rule.return_ttl)
            src.seqlo, src.seqhi, src.max_win = 0, 1, 1
        pd.reason = RES_BADSTATE
        return False


def _synproxy(pf: Pf, pd: Pdesc, s: State) -> int:
    """pf_synproxy: first the client, then the server, then the two are spliced."""
    flags = pd.flags
    forward = pd.dir == s.direction
    if s.src.state == PROXY_SRC:
        pd.reason = RES_SYNPROXY
        if not forward:
            return SYNPROXY
        if flags & TH_SYN:
            if pd.seq != s.src.seqlo:
                return DROP
            send_tcp(
                pf.vnet, pd.dst, pd.src, pd.dport, pd.sport, s.src.seqhi, pd.seq + 1, TH_SYN | TH_ACK, 0, s.src.mss
            )  # fmt: skip
            return SYNPROXY
        if flags & (TH_ACK | TH_RST | TH_FIN) != TH_ACK or not _answers(pd, s):
            return DROP
        if not _established(pf, pd, s):
            return DROP
        s.src.state = PROXY_DST
    if s.src.state != PROXY_DST:
        return PASS
    pd.reason = RES_SYNPROXY
    inner = s.keys[STACK if s.direction == P.PF_IN else WIRE]
    _, _, client, server, cport, sport = inner
    if forward:
        if flags & (TH_SYN | TH_ACK) != TH_ACK or not _answers(pd, s):
            return DROP
        s.src.max_win = max(pd.win, 1)
        if s.dst.seqhi == 1:
            s.dst.seqhi = pf.vnet.kernel.random.arc4random()
        send_tcp(pf.vnet, client, server, cport, sport, s.dst.seqhi, 0, TH_SYN, 0, s.src.mss, skip=False, tag=s.tag)
        return SYNPROXY
    if flags & (TH_SYN | TH_ACK) != TH_SYN | TH_ACK or pd.ack != (s.dst.seqhi + 1) & M32:
        return DROP
    s.dst.max_win = max(pd.win, 1)
    s.dst.seqlo = pd.seq
    send_tcp(
        pf.vnet, pd.dst, pd.src, pd.dport, pd.sport, pd.ack, pd.seq + 1, TH_ACK, s.src.max_win, skip=False, tag=s.tag
    )  # fmt: skip
    send_tcp(
        pf.vnet, server, client, sport, cport, s.src.seqhi + 1, s.src.seqlo + 1, TH_ACK, s.dst.max_win
    )  # fmt: skip
    s.src.seqdiff = (s.dst.seqhi - s.src.seqlo) & M32
    s.dst.seqdiff = (s.src.seqhi - s.dst.seqlo) & M32
    s.src.seqhi = (s.src.seqlo + s.dst.max_win) & M32
    s.dst.seqhi = (s.dst.seqlo + s.src.max_win) & M32
    s.src.wscale = s.dst.wscale = 0
    s.set_both(TCPS_ESTABLISHED)
    return SYNPROXY


def _answers(pd: Pdesc, s: State) -> bool:
    return pd.ack == (s.src.seqhi + 1) & M32 and pd.seq == (s.src.seqlo + 1) & M32


def other_key(pd: Pdesc, state: State) -> Key:
    """The key of the other side of a state: what the packet is to look like."""
    if state.keys[WIRE][0] != state.keys[STACK][0]:
        return state.keys[WIRE if state.keys[STACK][0] == pd.af else STACK]
    return state.keys[STACK if pd.dir == P.PF_IN else WIRE]


def translate_state(pd: Pdesc, state: State) -> int:
    """Addresses and ports as the state has them."""
    nk = other_key(pd, state)
    af, _, a0, a1, p0, p1 = nk
    if af != pd.af:
        # Both keys have who began last as they leave, first as they come in: either way the ends change places.
        src, dst, sport, dport = a1, a0, p1, p0
        pd.naf = af
        pd.nsaddr, pd.ndaddr, pd.nsport, pd.ndport = src, dst, sport, dport
        return AFRT
    src, dst, sport, dport = (a0, a1, p0, p1) if pd.sidx == 0 else (a1, a0, p1, p0)
    ports = pd.proto in (TCP, UDP, SCTP)
    if pd.src != src or (ports and pd.sport != sport):
        pd.set_src(src, sport if ports else None)
    if pd.dst != dst or (ports and pd.dport != dport):
        pd.set_dst(dst, dport if ports else None)
    return PASS
