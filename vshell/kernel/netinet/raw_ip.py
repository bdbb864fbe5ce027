"""Raw IPv4 sockets (netinet/raw_ip.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import (
    EADDRNOTAVAIL,
    EINVAL,
    EISCONN,
    EMSGSIZE,
    ENOTCONN,
    EPROTONOSUPPORT,
    KError,
)  # fmt: skip
from vshell.abi.record import Record
from vshell.abi.socket import (
    AF_INET,
    IP_HDRINCL,
    IPPROTO_ICMP,
    IPPROTO_IGMP,
    IPPROTO_IP,
    IPPROTO_RAW,
    SO_DONTROUTE,
    SO_TIMESTAMP,
    SOCK_RAW,
    SockaddrIn,
)  # fmt: skip
from vshell.kernel.kern.kern_priv import PRIV_NETINET_RAW, priv_check
from vshell.kernel.kern.module import SI_ORDER_THIRD, SI_SUB_PROTO_DOMAIN, KernelModule, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.kern.prison_ip import prison_check_ip, prison_local_ip, prison_restricts
from vshell.kernel.kern.uipc_socket import Protosw, Socket, protosw
from vshell.kernel.net.mbuf import M_SPLIT, m_get
from vshell.kernel.net.route.route_tables import outbound_flowid
from vshell.kernel.netinet.in_pcb import ANY, Inpcb, Inpcbinfo, check_in, in_pcbladdr, in_pcblist
from vshell.kernel.netinet.in_proto import IPPROTO_ANY, ip_protox
from vshell.kernel.netinet.in_var import ifa_ifwithaddr, in_multicast
from vshell.kernel.netinet.ip_ctloutput import ip_getopt, ip_savecontrol, ip_setopt
from vshell.kernel.netinet.ip_icmp import icmp_error
from vshell.kernel.netinet.ip_output import ip_output
from vshell.kernel.netinet.ip_var import IP_ALLOWBROADCAST, IP_RAWOUTPUT, IP_ROUTETOIF, IP_SENDONES, Ip
from vshell.wire.icmp import ICMP_MINLEN, ICMP_UNREACH, ICMP_UNREACH_PROTOCOL
from vshell.wire.ip import IP_DF, IP_MAXPACKET, ip_options

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

PULLED = 60
"""Bytes m_pullup(9) puts into the first mbuf of a packet that came with its header (max_protohdr)."""


class Rip(VnetModule, sub=SI_SUB_PROTO_DOMAIN, order=SI_ORDER_THIRD):
    """The raw sockets of a stack."""

    bind_all_fibs = Sysctl("net.inet.raw.bind_all_fibs", 1, "Bound sockets receive traffic from all FIBs", flags="t")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.info = Inpcbinfo(vnet)

    @sysctl_proc("net.inet.raw.pcblist", "List of active raw IP sockets", flags="r", fmt="opaque")
    def _pcblist(self, td: Proc, new: Any) -> Any:
        return in_pcblist(self.info, td.ucred)


class RipGlobal(KernelModule, sub=SI_SUB_PROTO_DOMAIN):
    """What all stacks share."""

    maxdgram = Sysctl("net.inet.raw.maxdgram", 9216, "Maximum outgoing raw IP datagram size", fmt="unsigned long")
    recvspace = Sysctl("net.inet.raw.recvspace", 9216, "Maximum space for incoming raw IP datagrams", fmt="unsigned long")


def rip_input(ifp: Ifnet, m: Mbuf, hlen: int, proto: int) -> None:
    """Give a packet to every raw socket it concerns; nobody's protocol is unreachable."""
    vnet = ifp.vnet
    rip = vnet[Rip]
    taken = 0
    if rip.info.pcbs:
        data, off = m.data, m.off
        src, dst = bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20])
        packet: bytes | None = None
        for inp in list(rip.info.pcbs):
            if not _wants(inp, rip, ifp, m, proto, src, dst):
                continue
            if packet is None:
                packet = bytes(data[off:])
            taken += _append(inp, ifp, m, packet, src)
    if not taken and proto not in ip_protox:
        stat = vnet[Ip].stat
        stat.noproto += 1
        stat.delivered -= 1
        icmp_error(vnet, m, ICMP_UNREACH, ICMP_UNREACH_PROTOCOL)


def _wants(inp: Inpcb, rip: Rip, ifp: Ifnet, m: Mbuf, proto: int, src: bytes, dst: bytes) -> bool:
    if inp.ip_p and inp.ip_p != proto:
        return False
    if (inp.laddr != ANY and inp.laddr != dst) or (inp.faddr != ANY and inp.faddr != src):
        return False
    multicast = in_multicast(dst)
    if prison_restricts(inp.cred, AF_INET) and not multicast and prison_check_ip(inp.cred, AF_INET, dst):
        return False
    if not rip.bind_all_fibs and m.fib != inp.fib:
        return False
    if multicast and inp.moptions is not None and proto != IPPROTO_IGMP and inp.moptions.filter(ifp, dst, src):
        ifp.vnet[Ip].stat.notmember += 1
        return False
    return True


def _append(inp: Inpcb, ifp: Ifnet, m: Mbuf, packet: bytes, src: bytes) -> int:
    """rip_append: 1 if the socket had room."""
    if inp.minttl and inp.minttl > m.data[m.off + 8]:
        return 0
    so = inp.so
    control = ip_savecontrol(inp, ifp, m) if inp.recv else {}
    if so.options & SO_TIMESTAMP:
        control[SO_TIMESTAMP] = ifp.kernel.clock.realtime()
    if not so.rcv.append_record(packet, SockaddrIn(src), control):
        return 0
    so.sorwakeup()
    return 1


class RawProtosw(Protosw):
    """A raw IPv4 socket."""

    name = "raw"
    sendspace = 9216
    recvspace = 9216

    def attach(self, so: Socket, td: Proc) -> None:
        """Only for root, and for jails that may."""
        priv_check(td, PRIV_NETINET_RAW)
        if not 0 <= so.protocol < 256:
            raise KError(EPROTONOSUPPORT)
        shared = so.vnet.kernel[RipGlobal]
        so.snd.hiwat, so.rcv.hiwat = shared.maxdgram, shared.recvspace
        so.pcb = so.vnet[Rip].info.alloc(so)

    def detach(self, so: Socket) -> None:
        """Gone."""
        so.pcb.info.free(so.pcb)

    def bind(self, so: Socket, addr: Record, td: Proc) -> None:
        """Set the local address."""
        sin = check_in(addr)
        if error := prison_check_ip(td.ucred, AF_INET, sin.addr):
            raise KError(error)
        inp: Inpcb = so.pcb
        if not so.vnet.ifnets or (sin.addr != ANY and not inp.bindany and ifa_ifwithaddr(so.vnet, sin.addr) is None):
            raise KError(EADDRNOTAVAIL)
        inp.laddr = sin.addr

    def connect(self, so: Socket, addr: Record, td: Proc) -> None:
        """Set the foreign address."""
        if not so.vnet.ifnets:
            raise KError(EADDRNOTAVAIL)
        so.pcb.faddr = check_in(addr).addr
        so.soisconnected()

    def disconnect(self, so: Socket) -> None:
        """Forget the foreign address."""
        if not so.connected:
            raise KError(ENOTCONN)
        so.pcb.faddr = ANY
        so.connected = False

    def send(self, so: Socket, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """Send a payload, or with IP_HDRINCL a packet."""
        inp: Inpcb = so.pcb
        if so.connected:
            if addr is not None:
                raise KError(EISCONN)
            dst = inp.faddr
        elif addr is None:
            raise KError(ENOTCONN)
        else:
            dst = check_in(addr).addr
        if len(data) > so.snd.hiwat:
            raise KError(EMSGSIZE)
        ipflags = IP_ALLOWBROADCAST | (IP_ROUTETOIF if so.options & SO_DONTROUTE else 0)
        if inp.onesbcast:
            ipflags |= IP_SENDONES
        if inp.hdrincl:
            m = self._included(inp, data)
            ipflags |= IP_RAWOUTPUT
            hlen = (m.data[m.off] & 0xF) << 2
            if inp.options or hlen > PULLED - ICMP_MINLEN:
                # m_pullup leaves no room in front of the header: with options it gets an mbuf of its own.
                m.flags |= M_SPLIT
        else:
            m = self._header(inp, data, dst)
            m.flowid = outbound_flowid(so.vnet, inp.laddr, dst, b"", inp.ip_p & 0xFF)
        if error := ip_output(so.vnet, m, inp.options, None, ipflags, inp.moptions, inp):
            raise KError(error)
        return len(data)

    def _header(self, inp: Inpcb, data: bytes, dst: bytes) -> Mbuf:
        size = len(data) + 20
        if size > IP_MAXPACKET:
            raise KError(EMSGSIZE)
        src = inp.laddr
        if inp.cred.prison.parent is not None:  # jailed, with a stack of its own or not
            if src == ANY:
                src = in_pcbladdr(inp, dst, inp.cred)
            else:
                error, src = prison_local_ip(inp.cred, AF_INET, src)
                if error:
                    raise KError(error)
        off = IP_DF if inp.dontfrag else 0
        head = bytes((0x45, inp.tos)) + size.to_bytes(2, "big") + b"\0\0" + off.to_bytes(2, "big")
        return m_get(head + bytes((inp.ttl, inp.ip_p & 0xFF, 0, 0)) + src + dst + data)

    def _included(self, inp: Inpcb, data: bytes) -> Mbuf:
        """A packet the user made: check what would crash others, fill in an identification of 0."""
        if len(data) > IP_MAXPACKET:
            raise KError(EMSGSIZE)
        if len(data) < 20:
            raise KError(EINVAL)
        hlen = (data[0] & 0xF) << 2
        if hlen < 20 or hlen > len(data) or (hlen > 20 and inp.options) or data[2] << 8 | data[3] != len(data):
            raise KError(EINVAL)
        if error := prison_check_ip(inp.cred, AF_INET, data[12:16]):
            raise KError(error)
        if any(not size for _, _, size in ip_options(data[20:hlen])):
            raise KError(EINVAL)
        ip = inp.info.vnet[Ip]
        if data[4:6] == b"\0\0":
            data = data[:4] + ip.fillid(data[6] << 8 | data[7]) + data[6:]
        ip.stat.rawout += 1
        return m_get(data)

    def shutdown(self, so: Socket, how: int) -> None:
        """Only of a connected socket."""
        if not so.connected:
            raise KError(ENOTCONN)

    def sockaddr(self, so: Socket) -> Record:
        """getsockname(2)."""
        return SockaddrIn(so.pcb.laddr)

    def peeraddr(self, so: Socket) -> Record:
        """getpeername(2)."""
        if not so.connected:
            raise KError(ENOTCONN)
        return SockaddrIn(so.pcb.faddr)

    def setopt(self, so: Socket, level: int, name: int, value: Any, td: Proc) -> Any:
        """rip_ctloutput; what ipfw and dummynet serve they register in `raw_setopt`."""
        handler = raw_setopt.get(name)
        if level == IPPROTO_IP and handler is not None:
            return handler(so, name, value, td)
        if level == IPPROTO_IP and name == IP_HDRINCL:
            so.pcb.hdrincl = bool(value)
        else:
            ip_setopt(so.pcb, level, name, value, td)

    def getopt(self, so: Socket, level: int, name: int, td: Proc) -> Any:
        """rip_ctloutput."""
        handler = raw_getopt.get(name)
        if level == IPPROTO_IP and handler is not None:
            return handler(so, name, td)
        if level == IPPROTO_IP and name == IP_HDRINCL:
            return int(so.pcb.hdrincl)
        return ip_getopt(so.pcb, level, name)


raw_setopt: dict[int, Any] = {}
"""Option -> f(so, name, value, td): options of raw sockets that other subsystems serve (IP_FW3, IP_DUMMYNET3)."""
raw_getopt: dict[int, Any] = {}


@protosw(AF_INET, SOCK_RAW, IPPROTO_RAW)
class RawIp(RawProtosw):
    """Raw IP."""


@protosw(AF_INET, SOCK_RAW, IPPROTO_ICMP)
class RawIcmp(RawProtosw):
    """Raw ICMP."""

    name = "icmp"


@protosw(AF_INET, SOCK_RAW, IPPROTO_IGMP)
class RawIgmp(RawProtosw):
    """Raw IGMP."""

    name = "igmp"


@protosw(AF_INET, SOCK_RAW)
class RawWild(RawProtosw):
    """Any other protocol."""


ip_protox[IPPROTO_ANY] = rip_input
