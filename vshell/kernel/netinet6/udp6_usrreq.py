"""UDP over IPv6 (netinet6/udp6_usrreq.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EADDRINUSE, EADDRNOTAVAIL, EDESTADDRREQ, EINVAL, EISCONN, EMSGSIZE, ENOPROTOOPT, ENOTCONN, KError
from vshell.abi.in6 import IPV6_DONTFRAG, IPV6_TCLASS
from vshell.abi.socket import (
    AF_INET6,
    IN6ADDR_ANY,
    IPPROTO_IPV6,
    IPPROTO_UDP,
    SO_REUSEADDR,
    SO_REUSEPORT,
    SOCK_DGRAM,
    SockaddrIn6,
)
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, VnetModule
from vshell.kernel.kern.uipc_socket import Protosw, Socket, protosw
from vshell.kernel.net.drops import drop
from vshell.kernel.net.mbuf import M_MCAST, CsumMbuf, m_get
from vshell.kernel.net.route.route_tables import outbound_flowid
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netinet6.icmp6 import icmp6_error, ip6_ctlprotox
from vshell.kernel.netinet6.in6_pcb import (
    In6pcb,
    check6,
    control,
    in6_pcbbind,
    in6_pcbconnect,
    in6_pcbladdr,
    ip6_getopt,
    ip6_setopt,
)
from vshell.kernel.netinet6.in6_var import Ip6
from vshell.kernel.netinet6.ip6_input import V4MAPPED, ip6_protox
from vshell.kernel.netinet6.ip6_output import ip6_output
from vshell.wire.ip6 import ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, in6_cksum, ip6_header, is_scoped

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet


class Udp6(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """The UDP sockets of IPv6 in a stack."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.sockets: list[Socket] = []
        self.noport = self.badsum = self.hdrops = self.fullsock = self.ipackets = self.opackets = 0

    def free_port(self) -> int:
        """An ephemeral port nobody uses.  EADDRNOTAVAIL."""
        ip = self.vnet[Ip]
        used = {so.pcb.lport for so in self.sockets}
        first, last = ip.portrange_first, ip.portrange_last
        count = last - first + 1
        start = self.vnet.kernel.random.uniform(count)
        for step in range(count):
            port: int = first + (start + step) % count
            if port not in used:
                return port
        raise KError(EADDRNOTAVAIL)


def udp6_input(ifp: Ifnet, m: Mbuf, off: int) -> None:
    """A datagram arrived."""
    udp: Udp6 = ifp.vnet[Udp6]
    base = m.off
    src, dst = bytes(m.data[base + 8 : base + 24]), bytes(m.data[base + 24 : base + 40])
    packet = bytes(m.data[base + off :])
    if len(packet) < 8 or int.from_bytes(packet[4:6], "big") > len(packet):
        udp.hdrops += 1
        drop(ifp, m, "udp6_input", "datagram is shorter than its header says")
        return
    packet = packet[: int.from_bytes(packet[4:6], "big") or len(packet)]
    if packet[6:8] == b"\0\0" or in6_cksum(src, dst, IPPROTO_UDP, packet):
        udp.badsum += 1
        drop(ifp, m, "udp6_input", "UDP checksum is wrong or missing")
        return
    sport, dport = int.from_bytes(packet[:2], "big"), int.from_bytes(packet[2:4], "big")
    name = SockaddrIn6(src, sport, ifp.index if is_scoped(src) else 0)
    udp.ipackets += 1
    matches = [so for so in udp.sockets if _matches(so.pcb, src, sport, dst, dport)]
    if not matches:
        udp.noport += 1
        drop(ifp, m, "udp6_input", f"nobody listens on UDP port {dport}")
        if not m.flags & M_MCAST:
            icmp6_error(ifp.vnet, m, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, 0, ifp)
        return
    if not m.flags & M_MCAST:
        matches = [max(matches, key=_specific)]
    hlim, tclass = m.data[base + 7], (m.data[base] << 4 | m.data[base + 1] >> 4) & 0xFF
    for so in matches:
        pcb: In6pcb = so.pcb
        if m.flags & M_MCAST and pcb.memberships and (ifp, dst) not in pcb.memberships:
            ifp.vnet[Ip6].ip6stat.notmember += 1
            continue
        if so.pcb.tunnel is not None and so.pcb.tunnel(ifp, m, packet[8:], src, sport):
            continue
        if so.rcv.append_record(packet[8:], name, control(so.pcb, ifp, hlim, dst, tclass)):
            so.sorwakeup()
        else:
            udp.fullsock += 1
            drop(ifp, m, "udp6_append", "receive buffer of the socket is full")


def _matches(pcb: In6pcb, src: bytes, sport: int, dst: bytes, dport: int) -> bool:
    if pcb.lport != dport or pcb.laddr not in (IN6ADDR_ANY, dst):
        return False
    return pcb.faddr == IN6ADDR_ANY or (pcb.faddr == src and pcb.fport == sport)


def _specific(so: Socket) -> int:
    pcb: In6pcb = so.pcb
    return (pcb.faddr != IN6ADDR_ANY) * 2 + (pcb.laddr != IN6ADDR_ANY)


def udp6_ctlinput(ifp: Ifnet, inner: bytes, off: int, error: int, _kind: int, _mtu: int) -> None:
    """An ICMPv6 error about one of our datagrams."""
    if not error or len(inner) < off + 4:
        return
    dst = inner[24:40]
    sport, dport = int.from_bytes(inner[off : off + 2], "big"), int.from_bytes(inner[off + 2 : off + 4], "big")
    for so in list(ifp.vnet[Udp6].sockets):
        if so.pcb.lport == sport and so.pcb.faddr == dst and so.pcb.fport == dport:
            so.soerror(error)


@protosw(AF_INET6, SOCK_DGRAM, IPPROTO_UDP)
class UdpInet6(Protosw):
    """A UDP socket of IPv6."""

    name = "udp6"

    def attach(self, so: Socket, td: Proc) -> None:
        """A new socket."""
        so.pcb = In6pcb(so)
        so.vnet[Udp6].sockets.append(so)

    def detach(self, so: Socket) -> None:
        """Gone."""
        so.pcb.detach()
        sockets = so.vnet[Udp6].sockets if Udp6 in so.vnet else []
        if so in sockets:
            sockets.remove(so)

    def bind(self, so: Socket, addr: Record, td: Proc) -> None:
        """Set address and port.  EADDRINUSE, EADDRNOTAVAIL."""
        sin6 = check6(addr)
        if so.pcb.lport or so.pcb.laddr != IN6ADDR_ANY:
            raise KError(EINVAL)
        udp: Udp6 = so.vnet[Udp6]
        share = so.options & (SO_REUSEADDR | SO_REUSEPORT)
        for other in udp.sockets:
            clash = sin6.port and other.pcb.lport == sin6.port and IN6ADDR_ANY in (other.pcb.laddr, sin6.addr)
            if (clash or (sin6.port and (other.pcb.lport, other.pcb.laddr) == (sin6.port, sin6.addr))) and not share:
                raise KError(EADDRINUSE)
        in6_pcbbind(so.pcb, sin6)
        so.pcb.lport = sin6.port or udp.free_port()

    def connect(self, so: Socket, addr: Record, td: Proc) -> None:
        """Set the peer; source address and port follow."""
        sin6 = check6(addr)
        if sin6.addr[:12] == V4MAPPED:
            raise KError(EINVAL)  # these sockets speak IPv6 only
        if not sin6.port:
            raise KError(EADDRNOTAVAIL)
        in6_pcbconnect(so.pcb, sin6)
        if not so.pcb.lport:
            so.pcb.lport = so.vnet[Udp6].free_port()
        so.soisconnected()

    def disconnect(self, so: Socket) -> None:
        """Forget the peer."""
        so.pcb.faddr, so.pcb.fport, so.pcb.laddr = IN6ADDR_ANY, 0, IN6ADDR_ANY
        so.connected = False

    def send(self, so: Socket, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """Send a datagram."""
        pcb: In6pcb = so.pcb
        if addr is None:
            if not so.connected:
                raise KError(EDESTADDRREQ)
            addr = SockaddrIn6(pcb.faddr, pcb.fport, pcb.scope)
        elif so.connected:
            raise KError(EISCONN)
        if len(data) > min(so.snd.hiwat, 65527):
            raise KError(EMSGSIZE)
        sin6 = check6(addr)
        src = in6_pcbladdr(pcb, sin6)
        if not pcb.lport:
            pcb.lport = so.vnet[Udp6].free_port()
        head = pcb.lport.to_bytes(2, "big") + sin6.port.to_bytes(2, "big") + (len(data) + 8).to_bytes(2, "big")
        cksum = in6_cksum(src, sin6.addr, IPPROTO_UDP, head + b"\0\0" + data) or 0xFFFF
        packet = head + cksum.to_bytes(2, "big") + data
        tclass = max(pcb.values.get(IPV6_TCLASS, 0), 0)
        header = ip6_header(src, sin6.addr, IPPROTO_UDP, len(packet), pcb.hlim(sin6.addr), tclass << 20)
        so.vnet[Udp6].opackets += 1
        so.vnet[Ip6].ip6stat.localout += 1
        moptions, ifp = pcb.sending(sin6.addr)
        m = m_get(header + packet, so.fibnum)
        m.__class__ = CsumMbuf
        m.flowid = outbound_flowid(so.vnet, src, sin6.addr, head[:4], IPPROTO_UDP)
        error = ip6_output(
            so.vnet,
            m,
            moptions=moptions,
            ifp=ifp,
            scope=sin6.scope_id,
            dontfrag=pcb.flag(IPV6_DONTFRAG),
        )
        if error:
            raise KError(error)
        return len(data)

    def sockaddr(self, so: Socket) -> Record:
        """The local address."""
        return SockaddrIn6(so.pcb.laddr, so.pcb.lport, (so.pcb.lscope or so.pcb.scope) if is_scoped(so.pcb.laddr) else 0)

    def peeraddr(self, so: Socket) -> Record:
        """The peer."""
        if not so.connected:
            raise KError(ENOTCONN)
        return SockaddrIn6(so.pcb.faddr, so.pcb.fport, so.pcb.scope)

    def setopt(self, so: Socket, level: int, name: int, value: Any, td: Proc) -> None:
        """IPV6_*."""
        if level != IPPROTO_IPV6:
            raise KError(ENOPROTOOPT)
        ip6_setopt(so.pcb, name, value)

    def getopt(self, so: Socket, level: int, name: int, td: Proc) -> Any:
        """IPV6_*."""
        if level != IPPROTO_IPV6:
            raise KError(ENOPROTOOPT)
        return ip6_getopt(so.pcb, name)


ip6_protox[IPPROTO_UDP] = udp6_input
ip6_ctlprotox[IPPROTO_UDP] = udp6_ctlinput
