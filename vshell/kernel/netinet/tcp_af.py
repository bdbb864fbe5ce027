"""What TCP wants of the layer below, for each family by the length of an address (tcpip_fillheaders, tcp_maxmtu, in_localip)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.socket import AF_INET, IPPROTO_TCP, SO_DONTROUTE
from vshell.kernel.net.mbuf import CsumMbuf, m_get
from vshell.kernel.net.route.nhop import NHF_BLACKHOLE, NHF_REJECT
from vshell.kernel.net.route.route_tables import fib_lookup, outbound_flowid
from vshell.kernel.netinet.in_var import in_localip
from vshell.kernel.netinet.ip_output import ip_output
from vshell.kernel.netinet.ip_var import IP_ROUTETOIF, Ip
from vshell.wire.cksum import in_cksum, in_pseudo
from vshell.wire.ip import IP_DF

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netinet.in_pcb import Inpcb
    from vshell.kernel.netinet.tcp_var import Tcp


class TcpAf:
    """The services of one family."""

    headers = 40
    """Bytes of the IP and TCP headers without options (min_protoh)."""

    def send(
        self,
        vnet: Vnet,
        src: bytes,
        dst: bytes,
        th: bytearray,
        inp: Inpcb | None,
        df: bool,
        fib: int,
        scope: int,
        mflags: int = 0,
        ect: int = 0,
    ) -> int:
        """Put the checksum into a segment and send it, with the codepoint of ECN `ect`; returns an errno or 0."""
        raise NotImplementedError

    def maxmtu(self, vnet: Vnet, dst: bytes, fib: int, scope: int) -> int:
        """The MTU of the way to a destination, 0 if there is none (tcp_maxmtu)."""
        raise NotImplementedError

    def localip(self, vnet: Vnet, addr: bytes) -> bool:
        """True for an address of ours."""
        raise NotImplementedError

    def mssdflt(self, tcp: Tcp) -> int:
        """The segment size to assume of a peer that names none."""
        raise NotImplementedError


class TcpInet(TcpAf):
    """TCP over IPv4."""

    def send(
        self,
        vnet: Vnet,
        src: bytes,
        dst: bytes,
        th: bytearray,
        inp: Inpcb | None,
        df: bool,
        fib: int,
        scope: int,
        mflags: int = 0,
        ect: int = 0,
    ) -> int:
        """See TcpAf."""
        size = len(th)
        th[16:18] = in_cksum(th, in_pseudo(src, dst, IPPROTO_TCP, size)).to_bytes(2, "big")
        tos, ttl = (inp.tos, inp.ttl) if inp is not None else (0, vnet[Ip].ttl)
        if ect:
            tos = tos & 0xFC | ect
        head = bytes((0x45, tos)) + (20 + size).to_bytes(2, "big") + b"\0\0" + (IP_DF if df else 0).to_bytes(2, "big")
        m = m_get(head + bytes((ttl, IPPROTO_TCP, 0, 0)) + src + dst + th)
        m.__class__ = CsumMbuf
        m.fib = fib
        m.flags |= mflags
        m.flowid = outbound_flowid(vnet, src, dst, th[2:4], IPPROTO_TCP)
        options: Any = inp.options if inp is not None else None
        flags = IP_ROUTETOIF if inp is not None and inp.so.options & SO_DONTROUTE else 0
        return ip_output(vnet, m, options, None, flags, None, inp)

    def maxmtu(self, vnet: Vnet, dst: bytes, fib: int, scope: int) -> int:
        """See TcpAf."""
        nh = fib_lookup(vnet, AF_INET, dst, fib)
        if nh is None or nh.flags & (NHF_REJECT | NHF_BLACKHOLE):
            return 0
        return nh.mtu or nh.ifp.mtu

    def localip(self, vnet: Vnet, addr: bytes) -> bool:
        """See TcpAf."""
        return in_localip(vnet, addr)

    def mssdflt(self, tcp: Tcp) -> int:
        """See TcpAf."""
        return tcp.mssdflt


TCP_AF: dict[int, TcpAf] = {4: TcpInet()}
"""By the length of an address."""
