"""TCP input: which connection a segment is for, and what answers one that is for none (tcp_input of netinet/tcp_input.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.tcp import TCPS_CLOSED, TCPS_LISTEN, TCPS_TIME_WAIT
from vshell.kernel.net.drops import drop
from vshell.kernel.net.mbuf import M_BCAST, M_IP_NEXTHOP, M_MCAST
from vshell.kernel.netinet.in_proto import ip_protox
from vshell.kernel.netinet.in_var import in_ifnet_broadcast, in_multicast
from vshell.kernel.netinet.ip_icmp import BANDLIM_TCP_RST, badport_bandlim
from vshell.kernel.netinet.tcp_af import TCP_AF
from vshell.kernel.netinet.tcp_segment import Seg, tcp_do_segment
from vshell.kernel.netinet.tcp_subr import tcp_close, tcp_eff_msl, tcp_reset, tcp_respond
from vshell.kernel.netinet.tcp_syncache import syncache_add, syncache_chkrst, syncache_expand
from vshell.kernel.netinet.tcp_timer import tcp_timer_activate
from vshell.kernel.netinet.tcp_var import TT_2MSL, Tcp, Tcpcb, tstmp_lt, unwrap
from vshell.wire.cksum import in_cksum, in_pseudo
from vshell.wire.tcp import TCP_HDR_LEN, TH_ACK, TH_FIN, TH_RST, TH_SYN, tcp_unpack

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.netinet.in_pcb import Inpcb

LOG_INFO = 6


def tcp4_input(ifp: Ifnet, m: Mbuf, hlen: int, proto: int) -> None:
    """A segment over IPv4."""
    data, off = m.data, m.off
    at = off + hlen
    src, dst = bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20])
    end = min(off + (data[off + 2] << 8 | data[off + 3]), len(data))
    if end - at < TCP_HDR_LEN:
        ifp.vnet[Tcp].stat.rcvtotal += 1
        ifp.vnet[Tcp].stat.rcvshort += 1
        return
    bad = in_cksum(data[at:end], in_pseudo(src, dst, proto, end - at)) != 0
    tcp_input(ifp, m, src, dst, bytes(data[at:end]), bad)


def tcp_input(ifp: Ifnet, m: Mbuf, src: bytes, dst: bytes, packet: bytes, bad: bool) -> None:
    """A segment with its header; `bad` if the checksum is wrong."""
    tcp = ifp.vnet[Tcp]
    stat = tcp.stat
    stat.rcvtotal += 1
    if bad:
        stat.rcvbadsum += 1
        drop(ifp, m, "tcp_input", "TCP checksum is wrong")
        return
    th = tcp_unpack(packet)
    if th is None:
        stat.rcvshort += 1
        return
    if th.off < TCP_HDR_LEN or th.off > len(packet):
        stat.rcvbadoff += 1
        return
    seg = Seg(ifp, m, src, dst, th, packet)
    wild = True
    while True:
        inp = _lookup(tcp, m, seg, wild)
        if inp is None:
            drop(ifp, m, "tcp_input", f"nobody listens on TCP port {th.dport}")
            _closed_port(tcp, seg, wild)
            return
        tp: Tcpcb = inp.ppcb
        if inp.minttl and len(src) == 4 and inp.minttl > m.data[m.off + 8]:
            return
        if tp.state == TCPS_TIME_WAIT:
            if not _twcheck(tp, seg):
                return
        elif tp.state == TCPS_CLOSED:
            _closed_port(tcp, seg, False)
            return
        elif tp.state != TCPS_LISTEN:
            tcp_do_segment(tp, seg)
            return
        elif _listening(tcp, inp, seg):
            return
        else:
            wild = False


def _lookup(tcp: Tcp, m: Mbuf, seg: Seg, wild: bool) -> Inpcb | None:
    th, fib = seg.th, -1 if tcp.bind_all_fibs else m.fib
    if m.flags & M_IP_NEXTHOP and m.tags and "ipforward" in m.tags and wild:
        # Forwarded transparently: pretend to be the destination.
        hop, port = m.tags["ipforward"], m.tags.get("ipforward_port", 0) or th.dport
        exact = tcp.info.lookup(seg.src, th.sport, seg.dst, th.dport, False, fib)
        return exact or tcp.info.lookup(seg.src, th.sport, hop, port, True, fib)
    return tcp.info.lookup(seg.src, th.sport, seg.dst, th.dport, wild, fib)


def _closed_port(tcp: Tcp, seg: Seg, closed: bool) -> None:
    """Nobody is there."""
    flags = seg.th.flags
    if closed and ((tcp.log_in_vain == 1 and flags & TH_SYN) or tcp.log_in_vain == 2):
        tcp.vnet.kernel.log(LOG_INFO, f"{seg.names()}; tcp_input: Connection attempt to closed port")
    hole = (tcp.blackhole == 1 and flags & TH_SYN) or tcp.blackhole > 1
    if hole and (tcp.blackhole_local or not TCP_AF[len(seg.src)].localip(tcp.vnet, seg.src)):
        return
    dropwithreset(tcp, seg)


def dropwithreset(tcp: Tcp, seg: Seg) -> None:
    """Answer with a RST unless that would be wrong."""
    if seg.th.flags & TH_RST or seg.m.flags & (M_BCAST | M_MCAST) or _wide(seg):
        return
    if badport_bandlim(tcp.vnet, BANDLIM_TCP_RST):
        tcp_reset(tcp.vnet, seg.src, seg.dst, seg.th, len(seg.data), seg.m.fib, seg.scope)
    else:
        drop(tcp.vnet, seg.m, "tcp_input", "no reset is sent for it: too many this second (net.inet.icmp.icmplim)")


def _wide(seg: Seg) -> bool:
    """True if an address of the segment is not that of one host."""
    if len(seg.src) == 16:
        return seg.src[0] == 0xFF or seg.dst[0] == 0xFF
    if in_multicast(seg.dst) or in_multicast(seg.src) or seg.src == b"\xff" * 4:
        return True
    return in_ifnet_broadcast(seg.dst, seg.ifp)


def _listening(tcp: Tcp, inp: Inpcb, seg: Seg) -> bool:
    """A segment for a listening socket; False if another lookup, for exactly these addresses, should find its owner."""
    th, flags = seg.th, seg.th.flags
    if flags & (TH_RST | TH_ACK | TH_SYN) == TH_ACK:
        tp = syncache_expand(inp, seg)
        if tp is False:
            return False
        if tp is not None:
            tcp_do_segment(tp, seg)
        return True
    if flags & TH_RST:
        syncache_chkrst(tcp, seg)
    elif not flags & TH_SYN or flags & TH_ACK or (flags & TH_FIN and tcp.drop_synfin):
        tcp.stat.badsyn += 1
    elif not (seg.m.flags & (M_BCAST | M_MCAST) or _wide(seg) or (th.sport == th.dport and seg.src == seg.dst)):
        syncache_add(inp, seg)
    return True


def _twcheck(tp: Tcpcb, seg: Seg) -> bool:
    """A segment in TIME_WAIT; True if the old connection made way for a new one."""
    th, to, tcp = seg.th, seg.to, tp.tcp
    flags = th.flags
    if flags & TH_RST or (flags & TH_SYN and flags & TH_FIN and tcp.drop_synfin):
        return False
    seq = unwrap(th.seq, tp.rcv_nxt)
    if flags & (TH_SYN | TH_ACK) == TH_SYN:
        newer = to.ts is not None and (tstmp_lt(tp.ts_recent, to.ts[0]) if tp.rcvd_tstmp else not tcp.tolerate_missing_ts)
        if newer or seq > tp.rcv_nxt:
            tcp_close(tp)
            tcp.stat.tw_recycles += 1
            return True
    if not flags & TH_ACK or (to.ts is None and tp.ts_recent and not tcp.tolerate_missing_ts):
        return False
    size = len(seg.data)
    if flags & TH_FIN and seq + size + (1 if flags & TH_SYN else 0) + 1 == tp.rcv_nxt:
        tcp_timer_activate(tp, TT_2MSL, 2 * tcp_eff_msl(tp))
    if flags & (TH_SYN | TH_FIN) or size or seq != tp.rcv_nxt or unwrap(th.ack, tp.snd_nxt) != tp.snd_nxt:
        tcp_respond(tp, tp.rcv_nxt, tp.snd_nxt, TH_ACK)
        tcp.stat.tw_responds += 1
    return False


ip_protox[6] = tcp4_input
