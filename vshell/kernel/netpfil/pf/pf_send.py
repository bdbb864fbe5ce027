"""Packets pf(4) makes itself: resets, acknowledgements, ICMP errors (pf_send_tcp, pf_send_icmp, pf_return of pf.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.socket import AF_INET
from vshell.kernel.net.mbuf import M_SKIP_FIREWALL, m_get
from vshell.kernel.netinet.ip_icmp import icmp_error
from vshell.kernel.netinet.ip_output import ip_output
from vshell.kernel.netpfil.pf.pf_pdesc import ICMP, ICMPV6, RES_PROTCKSUM, TCP, TH_ACK, TH_FIN, TH_RST, TH_SYN
from vshell.wire.cksum import in_cksum, in_pseudo

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.pf.pf_pdesc import Pdesc
    from vshell.kernel.netpfil.pf.pf_ruleset import Krule


def send_tcp(
    vnet: Vnet, src: bytes, dst: bytes, sport: int, dport: int, seq: int, ack: int, flags: int, win: int = 0, mss: int = 0,
    ttl: int = 0, skip: bool = True, fib: int = 0, tag: str = "",
) -> None:  # fmt: skip
    """pf_send_tcp: it leaves after the packet that is being looked at."""
    options = b"\x02\x04" + mss.to_bytes(2, "big") if mss else b""
    segment = bytearray(
        sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + (seq & 0xFFFFFFFF).to_bytes(4, "big")
        + (ack & 0xFFFFFFFF).to_bytes(4, "big") + bytes((((20 + len(options)) // 4) << 4, flags)) + win.to_bytes(2, "big")
        + bytes(4) + options
    )  # fmt: skip
    cksum = in_cksum(bytes(segment), in_pseudo(src, dst, TCP, len(segment)))
    segment[16:18] = cksum.to_bytes(2, "big")
    if len(src) == 4:
        size = 20 + len(segment)
        header = b"\x45\x00" + size.to_bytes(2, "big") + b"\0\0\x40\x00" + bytes((ttl or 64, TCP)) + b"\0\0" + src + dst
    else:
        header = b"\x60\0\0\0" + len(segment).to_bytes(2, "big") + bytes((TCP, ttl or 64)) + src + dst
    m = m_get(header + bytes(segment), fib)
    if skip:
        m.flags |= M_SKIP_FIREWALL
    if tag:
        m.tags = {"pf_tag": tag}
    vnet.kernel.clock.after(0, _transmit, vnet, m)


def _transmit(vnet: Vnet, m: object) -> None:
    """pf_intr."""
    from vshell.kernel.net.mbuf import Mbuf

    assert isinstance(m, Mbuf)
    if m.data[m.off] >> 4 == 4:
        ip_output(vnet, m)
        return
    from vshell.kernel.netinet6.ip6_output import ip6_output

    ip6_output(vnet, m)


def send_icmp(pd: Pdesc, kind: int, code: int) -> None:
    """pf_send_icmp: the packet as it came is quoted."""
    vnet = pd.pf.vnet
    m = pd.m.copy()
    m.flags |= M_SKIP_FIREWALL
    if pd.af == AF_INET:
        icmp_error(vnet, m, kind, code)
        return
    from vshell.kernel.netinet6.icmp6 import icmp6_error

    # Where it came in is not noted in the packet yet.
    m.rcvif = pd.ifp if pd.dir == P.PF_IN else pd.m.rcvif
    icmp6_error(vnet, m, kind, code, 0, m.rcvif)


def pf_return(r: Krule, pd: Pdesc, undo: tuple[bytes, int, bytes, int] | None) -> None:
    """pf_return: tell the sender, who is to see the addresses it used."""
    if undo is not None:
        undo_nat(pd, undo)
    ack = pd.seq + pd.p_len
    if pd.proto == TCP and r.rule_flag & (P.PFRULE_RETURNRST | P.PFRULE_RETURN) and not pd.flags & TH_RST:
        if pd.bad_cksum():
            pd.reason = RES_PROTCKSUM
            return
        ack += bool(pd.flags & TH_SYN) + bool(pd.flags & TH_FIN)
        fib = r.rtableid if r.rtableid >= 0 else pd.m.fib
        send_tcp(
            pd.pf.vnet, pd.dst, pd.src, pd.dport, pd.sport, pd.ack, ack, TH_RST | TH_ACK, ttl=r.return_ttl, fib=fib
        )  # fmt: skip
    elif pd.proto != ICMP and pd.af == AF_INET and r.return_icmp:
        send_icmp(pd, r.return_icmp >> 8, r.return_icmp & 255)
    elif pd.proto != ICMPV6 and pd.af != AF_INET and r.return_icmp6:
        send_icmp(pd, r.return_icmp6 >> 8, r.return_icmp6 & 255)


def undo_nat(pd: Pdesc, original: tuple[bytes, int, bytes, int]) -> None:
    """pf_undo_nat."""
    src, sport, dst, dport = original
    if pd.src != src or pd.sport != sport:
        pd.set_src(src, sport)
    if pd.dst != dst or pd.dport != dport:
        pd.set_dst(dst, dport)
