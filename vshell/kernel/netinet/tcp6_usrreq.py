"""TCP over IPv6, and sockets that take both families (tcp6_* of netinet/tcp_usrreq.c, netinet6/in6_pcb.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import (
    EACCES,
    EADDRINUSE,
    EADDRNOTAVAIL,
    EAFNOSUPPORT,
    ECONNREFUSED,
    EINVAL,
    EMSGSIZE,
    ENOTCONN,
    KError,
)  # fmt: skip
from vshell.abi.in6 import IN6_IFF_NOTREADY, IPV6_V6ONLY
from vshell.abi.in_pcb import INP_IPV4, INP_IPV6
from vshell.abi.socket import (
    AF_INET6,
    IN6ADDR_ANY,
    INADDR_BROADCAST,
    IPPROTO_IPV6,
    IPPROTO_TCP,
    SO_REUSEADDR,
    SO_REUSEPORT,
    SOCK_STREAM,
    SockaddrIn,
    SockaddrIn6,
)  # fmt: skip
from vshell.kernel.kern.kern_priv import PRIV_NETINET_RESERVEDPORT, priv_check_cred
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, Sysctl, VnetModule
from vshell.kernel.kern.prison_ip import prison_local_ip, prison_remote_ip
from vshell.kernel.kern.uipc_socket import Socket, protosw
from vshell.kernel.net.mbuf import CsumMbuf, m_get
from vshell.kernel.net.route.nhop import NHF_BLACKHOLE, NHF_REJECT
from vshell.kernel.net.route.route_tables import fib_lookup, outbound_flowid
from vshell.kernel.netinet.in_pcb import Inpcb, in_lport, in_pcbbind, in_pcbconnect
from vshell.kernel.netinet.in_var import in_multicast
from vshell.kernel.netinet.ip_var import Ip, IpGlobal
from vshell.kernel.netinet.tcp_af import TCP_AF, TcpAf
from vshell.kernel.netinet.tcp_input import tcp_input
from vshell.kernel.netinet.tcp_subr import tcp_error
from vshell.kernel.netinet.tcp_usrreq import TcpSocket
from vshell.kernel.netinet.tcp_var import Tcp
from vshell.kernel.netinet6.icmp6 import ip6_ctlprotox
from vshell.kernel.netinet6.in6_pcb import In6pcb, check6, ip6_getopt, ip6_setopt
from vshell.kernel.netinet6.in6_src import in6_selectsrc
from vshell.kernel.netinet6.in6_var import Ip6, in6ifa_ifwithaddr
from vshell.kernel.netinet6.ip6_input import ip6_protox
from vshell.kernel.netinet6.ip6_output import ip6_output
from vshell.wire.ip6 import in6_cksum, ip6_header, is_multicast, is_scoped

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc, Ucred
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

MAPPED = bytes(10) + b"\xff\xff"
"""The beginning of an IPv4 address in the clothes of an IPv6 one."""


class Tcp6(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """Settings."""

    v6only = Sysctl("net.inet6.ip6.v6only", 1, "Restrict AF_INET6 sockets to IPv6 addresses only", flags="w")


class TcpInet6(TcpAf):
    """TCP over IPv6."""

    headers = 60

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
        th[16:18] = in6_cksum(src, dst, IPPROTO_TCP, th).to_bytes(2, "big")
        in6p: In6pcb | None = inp.in6p if inp is not None else None
        hlim = in6p.hlim(dst) if in6p is not None else vnet[Ip6].hlim
        m = m_get(ip6_header(src, dst, IPPROTO_TCP, len(th), hlim) + th, fib)
        m.__class__ = CsumMbuf
        if ect:
            m.data[m.off + 1] |= ect << 4
        m.flags |= mflags
        m.flowid = outbound_flowid(vnet, src, dst, th[2:4], IPPROTO_TCP)
        vnet[Ip6].ip6stat.localout += 1
        return ip6_output(vnet, m, scope=scope)

    def maxmtu(self, vnet: Vnet, dst: bytes, fib: int, scope: int) -> int:
        """See TcpAf."""
        nh = fib_lookup(vnet, AF_INET6, dst, fib, scope)
        if nh is None or nh.flags & (NHF_REJECT | NHF_BLACKHOLE):
            return 0
        return nh.mtu or nh.ifp.mtu

    def localip(self, vnet: Vnet, addr: bytes) -> bool:
        """See TcpAf."""
        return in6ifa_ifwithaddr(vnet, addr) is not None

    def mssdflt(self, tcp: Tcp) -> int:
        """See TcpAf."""
        return tcp.v6mssdflt


def tcp6_input(ifp: Ifnet, m: Mbuf, off: int) -> None:
    """A segment over IPv6."""
    base = m.off
    src, dst = bytes(m.data[base + 8 : base + 24]), bytes(m.data[base + 24 : base + 40])
    end = min(base + 40 + (m.data[base + 4] << 8 | m.data[base + 5]), len(m.data))
    packet = bytes(m.data[base + off : end])
    tcp_input(ifp, m, src, dst, packet, in6_cksum(src, dst, IPPROTO_TCP, packet) != 0)


def tcp6_ctlinput(ifp: Ifnet, inner: bytes, off: int, error: int, _kind: int, mtu: int) -> None:
    """An ICMPv6 error about a segment of ours."""
    if not error or len(inner) < off + 8:
        return
    if error == EMSGSIZE:
        mtu = max(mtu, 1280)
    tcp_error(ifp.vnet, inner[8:24], inner[24:40], inner[off:], error, error == ECONNREFUSED, mtu)


def _mapped(addr: bytes) -> bool:
    return addr[:12] == MAPPED


@protosw(AF_INET6, SOCK_STREAM, IPPROTO_TCP)
class Tcp6Protosw(TcpSocket):
    """A TCP socket of IPv6."""

    name = "tcp6"
    vflag = INP_IPV6

    def attach(self, so: Socket, td: Proc) -> None:
        """A new socket."""
        super().attach(so, td)
        so.pcb.in6p = In6pcb(so)

    def _v6only(self, so: Socket) -> bool:
        in6p: In6pcb | None = so.pcb.in6p
        if in6p is not None and IPV6_V6ONLY in in6p.values:
            return bool(in6p.values[IPV6_V6ONLY])
        return bool(so.vnet[Tcp6].v6only)

    def bind(self, so: Socket, addr: Record, td: Proc) -> None:
        """bind(2)."""
        inp: Inpcb = so.pcb
        sin6 = check6(addr)
        if inp.ppcb.dropped or inp.lport or any(inp.laddr):
            raise KError(EINVAL)
        if is_multicast(sin6.addr):
            raise KError(EAFNOSUPPORT)
        both = not self._v6only(so)
        if both and _mapped(sin6.addr):
            _become_v4(inp)
            in_pcbbind(inp, SockaddrIn(sin6.addr[12:], sin6.port), td.ucred)
            return
        in6_bind(inp, sin6, both and sin6.addr == IN6ADDR_ANY, td.ucred)

    def bind_any(self, inp: Inpcb, td: Proc) -> None:
        """Take any port."""
        in6_bind(inp, SockaddrIn6(), not self._v6only(inp.so), td.ucred)

    def connect(self, so: Socket, addr: Record, td: Proc) -> None:
        """connect(2)."""
        inp: Inpcb = so.pcb
        sin6 = check6(addr)
        if inp.ppcb.dropped:
            raise KError(ECONNREFUSED)
        if is_multicast(sin6.addr):
            raise KError(EAFNOSUPPORT)
        if _mapped(sin6.addr):
            if self._v6only(so):
                raise KError(EINVAL)
            self._connect_mapped(so, sin6, td)
        else:
            in6_connect(inp, sin6, td.ucred)
        self.start(so)

    def _connect_mapped(self, so: Socket, sin6: SockaddrIn6, td: Proc) -> None:
        addr = sin6.addr[12:]
        if in_multicast(addr):
            raise KError(EAFNOSUPPORT)
        if addr == INADDR_BROADCAST:
            raise KError(EACCES)
        inp: Inpcb = so.pcb
        _become_v4(inp)
        in_pcbconnect(inp, SockaddrIn(addr, sin6.port), td.ucred)

    def sockaddr(self, so: Socket) -> Record:
        """getsockname(2)."""
        return self._name(so.pcb, so.pcb.laddr, so.pcb.lport)

    def peeraddr(self, so: Socket) -> Record:
        """getpeername(2)."""
        if not so.connected and not any(so.pcb.faddr):
            raise KError(ENOTCONN)
        return self._name(so.pcb, so.pcb.faddr, so.pcb.fport)

    def _name(self, inp: Inpcb, addr: bytes, port: int) -> SockaddrIn6:
        if len(addr) == 4:
            return SockaddrIn6(MAPPED + addr, port)
        return SockaddrIn6(addr, port, inp.scope if is_scoped(addr) else 0)

    def setopt_ip(self, so: Socket, level: int, name: int, value: Any, td: Proc) -> None:
        """An option of the layer below."""
        if level == IPPROTO_IPV6 and so.pcb.in6p is not None:
            if name == IPV6_V6ONLY:
                so.pcb.in6p.values[IPV6_V6ONLY] = value
            else:
                ip6_setopt(so.pcb.in6p, name, value)
            return
        super().setopt_ip(so, level, name, value, td)

    def getopt_ip(self, so: Socket, level: int, name: int) -> Any:
        """An option of the layer below."""
        if level == IPPROTO_IPV6 and so.pcb.in6p is not None:
            return int(self._v6only(so)) if name == IPV6_V6ONLY else ip6_getopt(so.pcb.in6p, name)
        return super().getopt_ip(so, level, name)


def _become_v4(inp: Inpcb) -> None:
    inp.info.remhash(inp)
    inp.vflag = INP_IPV4
    inp.laddr = inp.faddr = bytes(4)
    inp.info.inshash(inp)


def in6_bind(inp: Inpcb, sin6: SockaddrIn6, both: bool, cred: Ucred) -> None:
    """Give a socket its local name (in6_pcbbind).  EADDRNOTAVAIL, EADDRINUSE, EACCES."""
    info, so = inp.info, inp.so
    vnet = info.vnet
    error, laddr = prison_local_ip(cred, AF_INET6, sin6.addr)
    if error:
        raise KError(error)
    if laddr != IN6ADDR_ANY:
        ia = in6ifa_ifwithaddr(vnet, laddr, sin6.scope_id)
        if ia is None or ia.flags6 & IN6_IFF_NOTREADY:
            raise KError(EADDRNOTAVAIL)
    reuse = so.options & (SO_REUSEADDR | SO_REUSEPORT)
    wild = not reuse

    def taken(port: int) -> Inpcb | None:
        t = info.lookup_local(laddr, port, wild, cred)
        return info.lookup_local(bytes(4), port, wild, cred) if t is None and both else t

    lport = sin6.port
    if lport:
        reserved = vnet.kernel[IpGlobal].reservedlow <= lport <= vnet[Ip].portrange_reservedhigh
        if reserved and priv_check_cred(cred, PRIV_NETINET_RESERVEDPORT):
            raise KError(EACCES)
        t = taken(lport)
        if t is not None and not so.options & SO_REUSEPORT & t.so.options:
            raise KError(EADDRINUSE)
    else:
        lport = in_lport(inp, cred, lambda port: taken(port) is None)
        inp.anonport = True
    info.remhash(inp)
    inp.vflag = INP_IPV6 | (INP_IPV4 if both else 0)
    inp.laddr, inp.lport = laddr, lport
    if is_scoped(laddr):
        inp.scope = sin6.scope_id
    info.inshash(inp)


def in6_connect(inp: Inpcb, sin6: SockaddrIn6, cred: Ucred) -> None:
    """Give a socket its foreign name (in6_pcbconnect).  EADDRNOTAVAIL, EHOSTUNREACH, EADDRINUSE."""
    info = inp.info
    error, faddr = prison_remote_ip(cred, AF_INET6, sin6.addr)
    if error:
        raise KError(error)
    if not sin6.port:
        raise KError(EADDRNOTAVAIL)
    laddr = inp.laddr
    if laddr == IN6ADDR_ANY:
        laddr = in6_selectsrc(info.vnet, faddr, sin6.scope_id, None, inp.fib)[0]
        error, laddr = prison_local_ip(cred, AF_INET6, laddr)
        if error:
            raise KError(error)
    lport = inp.lport
    if not lport:
        lport = in_lport(inp, cred, lambda port: info.lookup(faddr, sin6.port, laddr, port, False) is None)
        inp.anonport = True
    elif info.lookup(faddr, sin6.port, laddr, lport, False) is not None:
        raise KError(EADDRINUSE)
    info.remhash(inp)
    inp.vflag = INP_IPV6
    inp.faddr, inp.fport, inp.laddr, inp.lport, inp.scope = faddr, sin6.port, laddr, lport, sin6.scope_id
    info.inshash(inp)


TCP_AF[16] = TcpInet6()
ip6_protox[IPPROTO_TCP] = tcp6_input
ip6_ctlprotox[IPPROTO_TCP] = tcp6_ctlinput
