"""UDP over IPv4 (udp(4), netinet/udp_usrreq.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, EISCONN, EMSGSIZE, ENOTCONN, KError
from vshell.abi.inet_stats import Udpstat
from vshell.abi.record import Record
from vshell.abi.socket import (
    AF_INET,
    IPPROTO_UDP,
    IPPROTO_UDPLITE,
    SHUT_RD,
    SO_BROADCAST,
    SO_DONTROUTE,
    SO_REUSEADDR,
    SO_REUSEPORT,
    SO_TIMESTAMP,
    SOCK_DGRAM,
    SockaddrIn,
)  # fmt: skip
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, KernelModule, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.kern.prison_ip import prison_check_ip, prison_remote_ip, prison_restricts
from vshell.kernel.kern.uipc_socket import Protosw, Socket, protosw
from vshell.kernel.net.drops import drop
from vshell.kernel.net.mbuf import M_BCAST, M_IP_NEXTHOP, M_MCAST, M_SPLIT, CsumMbuf, m_get
from vshell.kernel.net.route.route_tables import outbound_flowid
from vshell.kernel.netinet.counters import Counters
from vshell.kernel.netinet.in_pcb import (
    ANY,
    Inpcb,
    Inpcbinfo,
    check_in,
    in6_pcbtoxinpcb,
    in_pcbbind,
    in_pcbconnect,
    in_pcbdisconnect,
    in_pcbladdr,
    in_pcblist,
)  # fmt: skip
from vshell.kernel.netinet.in_proto import ip_ctlprotox, ip_protox
from vshell.kernel.netinet.in_var import in_ifnet_broadcast, in_localip, in_multicast
from vshell.kernel.netinet.ip_ctloutput import ip_getopt, ip_savecontrol, ip_setopt
from vshell.kernel.netinet.ip_icmp import BANDLIM_ICMP_UNREACH, badport_bandlim, icmp_errmap, icmp_error
from vshell.kernel.netinet.ip_moptions import MCAST_NOTGMEMBER
from vshell.kernel.netinet.ip_output import ip_output
from vshell.kernel.netinet.ip_var import IP_ALLOWBROADCAST, IP_ROUTETOIF, IP_SENDONES, Ip
from vshell.wire.cksum import in_cksum, in_pseudo
from vshell.wire.icmp import ICMP_UNREACH, ICMP_UNREACH_PORT
from vshell.wire.ip import IP_DF, IP_MAXPACKET, inet_ntoa
from vshell.wire.udp import HEADER, udp_pack

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

LOG_INFO = 6


class Udp(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """UDP in one stack."""

    checksum = Sysctl("net.inet.udp.checksum", 1, "compute udp checksum")
    blackhole = Sysctl("net.inet.udp.blackhole", 0, "Do not send port unreachables for refused connects")
    blackhole_local = Sysctl(
        "net.inet.udp.blackhole_local", 0, "Enforce net.inet.udp.blackhole for locally originated packets", fmt="uint8_t"
    )
    log_in_vain = Sysctl("net.inet.udp.log_in_vain", 0, "Log all incoming UDP packets")
    bind_all_fibs = Sysctl("net.inet.udp.bind_all_fibs", 1, "Bound sockets receive traffic from all FIBs", flags="t")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.stat = Counters(Udpstat)
        self.info = Inpcbinfo(vnet)

    @sysctl_proc("net.inet.udp.stats", "UDP statistics (struct udpstat, netinet/udp_var.h)", fmt="opaque")
    def _stats(self, td: Proc, new: Any) -> Any:
        return self.stat.sysctl(new)

    @sysctl_proc("net.inet.udp.pcblist", "List of active UDP sockets", flags="r", fmt="opaque")
    def _pcblist(self, td: Proc, new: Any) -> Any:
        from vshell.kernel.netinet6.udp6_usrreq import Udp6

        sockets: list[Socket] = self.vnet[Udp6].sockets
        mine = td.ucred.prison
        six = tuple(in6_pcbtoxinpcb(so) for so in reversed(sockets) if mine.contains(so.cred.prison))
        return six + in_pcblist(self.info, td.ucred)


class UdpGlobal(KernelModule, sub=SI_SUB_PROTO_DOMAIN):
    """What all stacks share."""

    maxdgram = Sysctl("net.inet.udp.maxdgram", 9216, "Maximum outgoing UDP datagram size", fmt="unsigned long")
    recvspace = Sysctl("net.inet.udp.recvspace", 42080, "Maximum space for incoming UDP datagrams", fmt="unsigned long")


# input ----------------------------------------------------------------------------------------------------------
def udp_input(ifp: Ifnet, m: Mbuf, hlen: int, proto: int) -> None:
    """A datagram came in."""
    vnet = ifp.vnet
    udp = vnet[Udp]
    stat = udp.stat
    stat.ipackets += 1
    data, off = m.data, m.off
    at = off + hlen
    if len(data) - at < 8:
        stat.hdrops += 1
        drop(ifp, m, "udp_input", "datagram is shorter than its header")
        return
    sport, dport, length, cksum = HEADER.unpack_from(data, at)
    if not dport:
        return
    room = (data[off + 2] << 8 | data[off + 3]) - hlen
    if length != room and (length > room or length < 8):
        stat.badlen += 1
        drop(ifp, m, "udp_input", "length in the UDP header is wrong")
        return
    src, dst = bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20])
    if not cksum:
        stat.nosum += 1
    elif in_cksum(data[at : at + length], in_pseudo(src, dst, proto, length)):
        stat.badsum += 1
        drop(ifp, m, "udp_input", "UDP checksum is wrong")
        return
    payload = bytes(data[at + 8 : at + length])
    if in_multicast(dst) or in_ifnet_broadcast(dst, ifp):
        _multi_input(ifp, m, udp, payload, src, sport, dst, dport)
        return
    fib = -1 if udp.bind_all_fibs else m.fib
    inp = udp.info.lookup(src, sport, dst, dport, True, fib)
    if m.flags & M_IP_NEXTHOP and m.tags and "ipforward" in m.tags:
        # Forwarded transparently: pretend to be the destination.
        hop = m.tags.pop("ipforward")
        port = m.tags.pop("ipforward_port", 0) or dport
        m.flags &= ~M_IP_NEXTHOP
        exact = udp.info.lookup(src, sport, dst, dport, False, fib)
        inp = exact or udp.info.lookup(src, sport, hop, port, True, fib)
    if inp is None:
        _noport(vnet, udp, m, src, sport, dst, dport)
    elif not inp.minttl or inp.minttl <= data[off + 8]:
        udp_append(inp, ifp, m, udp, payload, src, sport)


def udplite_input(ifp: Ifnet, m: Mbuf, hlen: int, proto: int) -> None:
    """A UDP-Lite datagram: the length field says how much of it the checksum covers.

    DIFFERS: there are no sockets of this protocol, so that nobody ever waits for one.
    """
    vnet = ifp.vnet
    udp = vnet[Udp]
    data, off = m.data, m.off
    at = off + hlen
    udp.stat.ipackets += 1
    if len(data) - at < 8:
        udp.stat.hdrops += 1
        return
    sport, dport, cover, _ = HEADER.unpack_from(data, at)
    size = (data[off + 2] << 8 | data[off + 3]) - hlen
    src, dst = bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20])
    if cover > size or 0 < cover < 8:
        udp.stat.badlen += 1
    elif in_cksum(data[at : at + (cover or size)], in_pseudo(src, dst, proto, size)):
        udp.stat.badsum += 1
    elif dport:
        _noport(vnet, udp, m, src, sport, dst, dport)


def _noport(vnet: Vnet, udp: Udp, m: Mbuf, src: bytes, sport: int, dst: bytes, dport: int) -> None:
    if udp.log_in_vain:
        text = f"Connection attempt to UDP {inet_ntoa(dst)}:{dport} from {inet_ntoa(src)}:{sport}"
        vnet.kernel.log(LOG_INFO, text)
    udp.stat.noport += 1
    drop(vnet, m, "udp_input", f"nobody listens on UDP port {dport}")
    if m.flags & M_MCAST:
        udp.stat.noportmcast += 1
    elif m.flags & M_BCAST:
        udp.stat.noportbcast += 1
    elif udp.blackhole and (udp.blackhole_local or not in_localip(vnet, src)):
        return
    elif badport_bandlim(vnet, BANDLIM_ICMP_UNREACH):
        m.flags &= ~M_SPLIT
        icmp_error(vnet, m, ICMP_UNREACH, ICMP_UNREACH_PORT)
    else:
        drop(vnet, m, "udp_input", "no error is sent for it: too many this second (net.inet.icmp.icmplim)")


def _multi_input(ifp: Ifnet, m: Mbuf, udp: Udp, payload: bytes, src: bytes, sport: int, dst: bytes, dport: int) -> None:
    """A broadcast or multicast goes to every socket bound to the port, as long as each shares it."""
    taken = 0
    for inp in list(udp.info.ports.get(dport, ())):
        if len(inp.laddr) != 4 or (inp.laddr != ANY and inp.laddr != dst):
            continue
        if inp.faddr != ANY and (inp.faddr != src or inp.fport != sport):
            continue
        if not udp.bind_all_fibs and m.fib != inp.fib:
            continue
        if in_multicast(dst):
            if inp.moptions is None:
                continue
            if blocked := inp.moptions.filter(ifp, dst, src):
                if blocked == MCAST_NOTGMEMBER:
                    ifp.vnet[Ip].stat.notmember += 1
                else:
                    udp.stat.filtermcast += 1
                continue
        elif prison_restricts(inp.cred, AF_INET) and prison_check_ip(inp.cred, AF_INET, dst) and inp.laddr != ANY:
            continue
        udp_append(inp, ifp, m, udp, payload, src, sport)
        taken += 1
        if not inp.so.options & (SO_REUSEPORT | SO_REUSEADDR):
            break
    if not taken:
        udp.stat.noport += 1
        drop(ifp, m, "udp_input", f"nobody listens on UDP port {dport} for this group")
        if in_multicast(dst):
            udp.stat.noportmcast += 1
        else:
            udp.stat.noportbcast += 1


def udp_append(inp: Inpcb, ifp: Ifnet, m: Mbuf, udp: Udp, payload: bytes, src: bytes, sport: int) -> None:
    """Put a datagram into a socket's buffer."""
    if inp.ppcb is not None and inp.ppcb(ifp, m, payload, src, sport):
        return  # a tunnel has taken it
    so = inp.so
    if so.rcv.cantmore:
        return
    control = ip_savecontrol(inp, ifp, m) if inp.recv else {}
    if so.options & SO_TIMESTAMP:
        control[SO_TIMESTAMP] = ifp.kernel.clock.realtime()
    if so.rcv.append_record(payload, SockaddrIn(src, sport), control):
        so.sorwakeup()
    else:
        udp.stat.fullsock += 1
        drop(ifp, m, "udp_append", "receive buffer of the socket is full")


def udp_ctlinput(vnet: Vnet, icmp: bytes) -> None:
    """An ICMP error about a datagram of ours: the connected socket hears of it."""
    error = icmp_errmap(icmp[0], icmp[1])
    if not error:
        return
    hlen = (icmp[8] & 0xF) << 2
    at = 8 + hlen
    if len(icmp) < at + 4:
        return
    sport, dport = icmp[at] << 8 | icmp[at + 1], icmp[at + 2] << 8 | icmp[at + 3]
    inp = vnet[Udp].info.lookup(icmp[24:28], dport, icmp[20:24], sport, False)
    if inp is not None:
        inp.so.soerror(error)


# sockets --------------------------------------------------------------------------------------------------------
@protosw(AF_INET, SOCK_DGRAM, IPPROTO_UDP)
class UdpProtosw(Protosw):
    """A UDP socket."""

    name = "udp"
    sendspace = 9216
    recvspace = 42080

    def attach(self, so: Socket, td: Proc) -> None:
        """A new socket."""
        shared = so.vnet.kernel[UdpGlobal]
        so.snd.hiwat, so.rcv.hiwat = shared.maxdgram, shared.recvspace
        so.pcb = so.vnet[Udp].info.alloc(so)

    def detach(self, so: Socket) -> None:
        """Gone."""
        so.pcb.info.free(so.pcb)

    def bind(self, so: Socket, addr: Record, td: Proc) -> None:
        """bind(2)."""
        in_pcbbind(so.pcb, check_in(addr), td.ucred)

    def connect(self, so: Socket, addr: Record, td: Proc) -> None:
        """connect(2): remember the peer."""
        inp: Inpcb = so.pcb
        sin = check_in(addr)
        if inp.faddr != ANY:
            raise KError(EISCONN)
        in_pcbconnect(inp, sin, td.ucred)
        so.soisconnected()

    def disconnect(self, so: Socket) -> None:
        """Forget the peer."""
        inp: Inpcb = so.pcb
        if inp.faddr == ANY:
            raise KError(ENOTCONN)
        in_pcbdisconnect(inp)
        inp.info.remhash(inp)
        inp.laddr = ANY
        inp.info.inshash(inp)
        so.connected = False

    def send(self, so: Socket, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """Send a datagram."""
        inp: Inpcb = so.pcb
        sin = check_in(addr) if addr is not None else None
        if len(data) > so.snd.hiwat or len(data) + 28 > IP_MAXPACKET:
            raise KError(EMSGSIZE)
        if sin is not None:
            laddr, faddr, fport = self._unconnected(inp, sin, td)
        else:
            laddr, faddr, fport = inp.laddr, inp.faddr, inp.fport
            if faddr == ANY:
                raise KError(ENOTCONN)
        udp = so.vnet[Udp]
        dst = b"\xff" * 4 if inp.onesbcast else faddr
        body = udp_pack(laddr, dst, inp.lport, fport, data, bool(udp.checksum))
        off = IP_DF if inp.dontfrag else 0
        head = bytes((0x45, inp.tos)) + (20 + len(body)).to_bytes(2, "big") + b"\0\0" + off.to_bytes(2, "big")
        m = m_get(head + bytes((inp.ttl, IPPROTO_UDP, 0, 0)) + laddr + faddr + body)
        if udp.checksum:
            m.__class__ = CsumMbuf
        ipflags = (IP_ROUTETOIF if so.options & SO_DONTROUTE else 0) | (IP_SENDONES if inp.onesbcast else 0)
        if so.options & SO_BROADCAST:
            ipflags |= IP_ALLOWBROADCAST
        udp.stat.opackets += 1
        m.flowid = outbound_flowid(so.vnet, laddr, faddr, body[:4], IPPROTO_UDP)
        if error := ip_output(so.vnet, m, inp.options, None, ipflags, inp.moptions, inp):
            raise KError(error)
        return len(data)

    def _unconnected(self, inp: Inpcb, sin: SockaddrIn, td: Proc) -> tuple[bytes, bytes, int]:
        """(source, destination, port) of a datagram that names its destination; binds the socket if need be."""
        if inp.faddr != ANY:
            raise KError(EISCONN)
        error, faddr = prison_remote_ip(td.ucred, AF_INET, sin.addr)
        if error:
            raise KError(error)
        if not inp.lport:
            in_pcbbind(inp, SockaddrIn(), td.ucred)
        laddr = inp.laddr
        if laddr == ANY:
            laddr = in_pcbladdr(inp, faddr, td.ucred)
        return laddr, faddr, sin.port

    def shutdown(self, so: Socket, how: int) -> None:
        """shutdown(2)."""
        if how != SHUT_RD and not so.connected:
            raise KError(ENOTCONN)

    def sockaddr(self, so: Socket) -> Record:
        """getsockname(2)."""
        return SockaddrIn(so.pcb.laddr, so.pcb.lport)

    def peeraddr(self, so: Socket) -> Record:
        """getpeername(2)."""
        if not so.connected:
            raise KError(ENOTCONN)
        return SockaddrIn(so.pcb.faddr, so.pcb.fport)

    def setopt(self, so: Socket, level: int, name: int, value: Any, td: Proc) -> None:
        """setsockopt(2)."""
        if level == IPPROTO_UDP:
            raise KError(EINVAL)
        ip_setopt(so.pcb, level, name, value, td)

    def getopt(self, so: Socket, level: int, name: int, td: Proc) -> Any:
        """getsockopt(2)."""
        return ip_getopt(so.pcb, level, name)


ip_protox[IPPROTO_UDP] = udp_input
ip_protox[IPPROTO_UDPLITE] = udplite_input
ip_ctlprotox[IPPROTO_UDP] = udp_ctlinput
