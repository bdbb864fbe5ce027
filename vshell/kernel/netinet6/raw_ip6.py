"""Raw IPv6 sockets (netinet6/raw_ip6.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EADDRNOTAVAIL, EHOSTUNREACH, EINVAL, EISCONN, EMSGSIZE, ENOPROTOOPT, ENOTCONN, KError
from vshell.abi.in6 import (
    ICMP6_FILTER,
    IN6_IFF_DEPRECATED,
    IPV6_CHECKSUM,
    IPV6_DONTFRAG,
    IPV6_DSTOPTS,
    IPV6_HOPOPTS,
    IPV6_PATHMTU,
    IPV6_RECVPATHMTU,
    IPV6_TCLASS,
    IPV6_USE_MIN_MTU,
)
from vshell.abi.socket import AF_INET6, IN6ADDR_ANY, IPPROTO_ICMPV6, IPPROTO_IPV6, SOCK_RAW, SockaddrIn6
from vshell.kernel.kern.kern_priv import PRIV_NETINET_RAW, priv_check
from vshell.kernel.kern.uipc_socket import Protosw, Socket, protosw
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.net.route.route_tables import outbound_flowid
from vshell.kernel.netinet6.icmp6 import ip6_ctlprotox
from vshell.kernel.netinet6.in6_pcb import (
    In6pcb,
    check6,
    control,
    in6_pcbbind,
    in6_pcbconnect,
    in6_pcbladdr,
    ip6_getopt,
    ip6_setopt,
    sa6_embedscope,
)
from vshell.kernel.netinet6.in6_var import Ip6, in6ifa_ifwithaddr
from vshell.kernel.netinet6.ip6_output import ip6_output
from vshell.wire.ip6 import ICMP6_PACKET_TOO_BIG, in6_cksum, ip6_header, is_linklocal, is_scoped

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf


def rip6_input(ifp: Ifnet, m: Mbuf, off: int, proto: int) -> bool:
    """Give a packet to every raw socket it concerns; False if there is none."""
    ip6: Ip6 = ifp.vnet[Ip6]
    if not ip6.rip6_listeners:
        return False
    base = m.off
    src, dst = bytes(m.data[base + 8 : base + 24]), bytes(m.data[base + 24 : base + 40])
    hlim, tclass = m.data[base + 7], (m.data[base] << 4 | m.data[base + 1] >> 4) & 0xFF
    body = bytes(m.data[base + off :])
    name = SockaddrIn6(src, 0, ifp.index if is_scoped(src) else 0)
    found = False
    for so in list(ip6.rip6_listeners):
        pcb: In6pcb = so.pcb
        if so.protocol not in (0, proto):
            continue
        if pcb.laddr not in (IN6ADDR_ANY, dst) or pcb.faddr not in (IN6ADDR_ANY, src):
            continue
        found = True
        if proto == IPPROTO_ICMPV6 and body and body[0] in pcb.values.get(ICMP6_FILTER, ()):
            continue
        if so.rcv.append_record(body, name, control(pcb, ifp, hlim, dst, tclass)):
            so.sorwakeup()
    return found


@protosw(AF_INET6, SOCK_RAW)
class RawIp6(Protosw):
    """A raw IPv6 socket."""

    name = "icmp6"
    sendspace = 9216
    recvspace = 9216

    def attach(self, so: Socket, td: Proc) -> None:
        """Only for root, and for jails that may."""
        priv_check(td, PRIV_NETINET_RAW)
        so.pcb = In6pcb(so)
        so.vnet[Ip6].rip6_listeners.append(so)

    def detach(self, so: Socket) -> None:
        """Gone."""
        so.pcb.detach()
        listeners = so.vnet[Ip6].rip6_listeners if Ip6 in so.vnet else []
        if so in listeners:
            listeners.remove(so)

    def bind(self, so: Socket, addr: Record, td: Proc) -> None:
        """Set the local address."""
        sin6 = check6(addr)
        ia = in6ifa_ifwithaddr(so.vnet, sin6.addr, sin6.scope_id)
        if ia is not None and ia.flags6 & IN6_IFF_DEPRECATED:
            raise KError(EADDRNOTAVAIL)
        in6_pcbbind(so.pcb, sin6)

    def connect(self, so: Socket, addr: Record, td: Proc) -> None:
        """Set the foreign address; the local one follows from it."""
        sin6 = sa6_embedscope(so.vnet, check6(addr))
        in6_pcbconnect(so.pcb, sin6, wild=False)
        so.soisconnected()

    def disconnect(self, so: Socket) -> None:
        """Forget the foreign address."""
        if not so.connected:
            raise KError(ENOTCONN)
        so.pcb.faddr = IN6ADDR_ANY
        so.connected = False

    def send(self, so: Socket, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """Send a payload; the kernel makes the header, and the checksum of ICMPv6."""
        pcb: In6pcb = so.pcb
        if addr is None:
            if not so.connected:
                raise KError(ENOTCONN)
            addr = SockaddrIn6(pcb.faddr, 0, pcb.scope)
        elif so.connected:
            raise KError(EISCONN)
        if len(data) > so.snd.hiwat:
            raise KError(EMSGSIZE)
        sin6 = sa6_embedscope(so.vnet, check6(addr))
        src = in6_pcbladdr(pcb, sin6, wild=False)
        if is_linklocal(src) and pcb.lscope and sin6.scope_id not in (0, pcb.lscope):
            so.vnet[Ip6].ip6stat.badscope += 1
            raise KError(EHOSTUNREACH)
        error = self._output(so, pcb, src, sin6, data)
        if error:
            raise KError(error)
        return len(data)

    def _output(self, so: Socket, pcb: In6pcb, src: bytes, dst: SockaddrIn6, data: bytes) -> int:
        proto = so.protocol
        at = 2 if proto == IPPROTO_ICMPV6 else pcb.values.get(IPV6_CHECKSUM, -1)
        if at is not None and at >= 0:
            if at + 2 > len(data):
                raise KError(EINVAL)
            clear = data[:at] + b"\0\0" + data[at + 2 :]
            data = data[:at] + in6_cksum(src, dst.addr, proto, clear).to_bytes(2, "big") + data[at + 2 :]
        for option, number in ((IPV6_DSTOPTS, 60), (IPV6_HOPOPTS, 0)):
            header = pcb.values.get(option)
            if header:
                data = bytes((proto,)) + header[1:] + data
                proto = number
        tclass = max(pcb.values.get(IPV6_TCLASS, 0), 0)
        packet = ip6_header(src, dst.addr, proto, len(data) & 0xFFFF, pcb.hlim(dst.addr), tclass << 20) + data
        if len(data) > 0xFFFF:
            return EMSGSIZE
        m = m_get(packet, so.fibnum)
        m.flowid = outbound_flowid(so.vnet, src, dst.addr, b"", proto)
        so.vnet[Ip6].ip6stat.rawout += 1
        if proto == IPPROTO_ICMPV6:
            so.vnet[Ip6].icmp6stat.outhist[data[0]] += 1
        moptions, ifp = pcb.sending(dst.addr)
        so.vnet[Ip6].ip6stat.localout += 1
        return ip6_output(
            so.vnet,
            m,
            moptions=moptions,
            ifp=ifp,
            scope=dst.scope_id,
            dontfrag=pcb.flag(IPV6_DONTFRAG),
            minmtu=pcb.values.get(IPV6_USE_MIN_MTU, 0) == 1,
        )

    def shutdown(self, so: Socket, how: int) -> None:
        """Nothing more to do."""

    def sockaddr(self, so: Socket) -> Record:
        """The local address."""
        return SockaddrIn6(so.pcb.laddr, 0, (so.pcb.lscope or so.pcb.scope) if is_scoped(so.pcb.laddr) else 0)

    def peeraddr(self, so: Socket) -> Record:
        """The foreign address."""
        if not so.connected:
            raise KError(ENOTCONN)
        return SockaddrIn6(so.pcb.faddr, 0, so.pcb.scope)

    def setopt(self, so: Socket, level: int, name: int, value: Any, td: Proc) -> None:
        """IPV6_* and ICMP6_FILTER (a collection of blocked types)."""
        if level == IPPROTO_ICMPV6 and name == ICMP6_FILTER:
            so.pcb.values[ICMP6_FILTER] = frozenset(value)
        elif level == IPPROTO_IPV6:
            ip6_setopt(so.pcb, name, value)
        else:
            raise KError(ENOPROTOOPT)

    def getopt(self, so: Socket, level: int, name: int, td: Proc) -> Any:
        """As setopt."""
        if level != IPPROTO_IPV6:
            raise KError(ENOPROTOOPT)
        return ip6_getopt(so.pcb, name)


def rip6_ctlinput(ifp: Ifnet, inner: bytes, _off: int, _error: int, kind: int, mtu: int) -> None:
    """Tell those who asked that the path to a destination of theirs became narrower (ip6_notify_pmtu)."""
    if kind != ICMP6_PACKET_TOO_BIG:
        return
    dst = inner[24:40]
    for so in list(ifp.vnet[Ip6].rip6_listeners):
        pcb: In6pcb = so.pcb
        if pcb.flag(IPV6_RECVPATHMTU) and pcb.faddr in (IN6ADDR_ANY, dst):
            so.rcv.append_record(b"", SockaddrIn6(dst), {IPV6_PATHMTU: mtu})
            so.sorwakeup()


ip6_ctlprotox[IPPROTO_ICMPV6] = rip6_ctlinput
