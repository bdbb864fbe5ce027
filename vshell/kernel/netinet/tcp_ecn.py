"""TCP: explicit congestion notification (RFC 3168, netinet/tcp_ecn.c).

DIFFERS: accurate ECN (net.inet.tcp.ecn.enable 3 and 4) is not spoken; with it a stack asks for, or answers, that of RFC 3168.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.wire.tcp import TH_ACK, TH_CWR, TH_ECE, TH_SYN

if TYPE_CHECKING:
    from vshell.kernel.netinet.tcp_segment import Seg
    from vshell.kernel.netinet.tcp_var import Tcp, Tcpcb

ECN_MASK, ECT1, ECT0, CE = 3, 1, 2, 3
_BOTH = TH_CWR | TH_ECE
ACTIVE = frozenset((1, 3))
"""Values of net.inet.tcp.ecn.enable with which we ask for it; with 2 and 4 it is only granted."""


def count_ecn(tcp: Tcp, tos: int) -> None:
    """What the network says about a packet."""
    mark = tos & ECN_MASK
    if mark == CE:
        tcp.stat.ecn_rcvce += 1
    elif mark == ECT0:
        tcp.stat.ecn_rcvect0 += 1
    elif mark == ECT1:
        tcp.stat.ecn_rcvect1 += 1


def tcp_ecn_syncache_add(tcp: Tcp, seg: Seg) -> bool:
    """A SYN: does the peer ask for ECN?"""
    if not tcp.do_ecn:
        return False
    count_ecn(tcp, seg.tos)
    return seg.th.flags & _BOTH == _BOTH


def tcp_ecn_input_syn_sent(tp: Tcpcb, flags: int) -> None:
    """The answer to our SYN."""
    if tp.tcp.do_ecn and flags & _BOTH == TH_ECE:
        tp.ecn_permit = True
        tp.tcp.stat.ecn_shs += 1


def tcp_ecn_input_parallel_syn(tp: Tcpcb, flags: int) -> None:
    """A SYN that crossed ours."""
    if tp.tcp.do_ecn and not flags & TH_ACK and flags & _BOTH == _BOTH:
        tp.ecn_permit = tp.ecn_snd_ece = True
        tp.tcp.stat.ecn_shs += 1


def tcp_ecn_input_segment(tp: Tcpcb, flags: int, tos: int) -> bool:
    """A segment; True if it says that the network is congested where we send."""
    if tos & ECN_MASK:
        count_ecn(tp.tcp, tos)
    if not tp.ecn_permit:
        return False
    if flags & TH_CWR:
        tp.ecn_snd_ece = False
        tp.acknow = True
    if tos & ECN_MASK == CE:
        tp.ecn_snd_ece = True
    return flags & (TH_SYN | TH_ECE) == TH_ECE


def tcp_ecn_output_syn_sent(tp: Tcpcb) -> int:
    """The flags with which a SYN asks for ECN; it gives up after net.inet.tcp.ecn.maxretries retransmissions."""
    return _BOTH if tp.tcp.do_ecn in ACTIVE and tp.rxtshift <= tp.tcp.ecn_maxretries else 0


def tcp_ecn_output_established(tp: Tcpcb, length: int, again: bool) -> tuple[int, int]:
    """(flags of the segment, codepoint of the packet); only new data may be marked by the network."""
    flags = mark = 0
    if length > 0 and tp.snd_nxt >= tp.snd_max and not again and not (tp.forcedata and length == 1):
        mark = ECT0
        tp.tcp.stat.ecn_sndect0 += 1
        if tp.ecn_snd_cwr:
            flags |= TH_CWR
            tp.ecn_snd_cwr = False
    if tp.ecn_snd_ece:
        flags |= TH_ECE
    return flags, mark
