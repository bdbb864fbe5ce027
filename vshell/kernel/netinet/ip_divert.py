"""divert(4): sockets that a firewall hands packets to, and that programs send them on from (netinet/ip_divert.c).

A program reads whole packets and where they were on their way; sent to that address, a packet goes on there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EBUSY, EINVAL, EPERM, KError
from vshell.abi.ip_divert import PF_DIVERT, SockaddrDivert
from vshell.abi.record import Record
from vshell.abi.socket import INADDR_ANY, SO_DONTROUTE, SOCK_RAW, SockaddrIn
from vshell.kernel.kern.kern_priv import PRIV_NETINET_DIVERT, priv_check
from vshell.kernel.kern.module import SI_ORDER_ANY, SI_SUB_PROTO_FIREWALL, VnetModule
from vshell.kernel.kern.uipc_socket import Protosw, Socket, protosw
from vshell.kernel.net.mbuf import M_BCAST, M_MCAST, m_get
from vshell.kernel.net.netisr import netisr_handlers
from vshell.kernel.netinet.in_var import ifa_ifwithaddr, in_addrs, in_ifnet_broadcast, in_multicast
from vshell.kernel.netinet.ip_output import ip_output
from vshell.kernel.netinet.ip_rule_ref import DIVERTED_IN, DIVERTED_OUT, RuleRef
from vshell.kernel.netinet.ip_var import IP_ALLOWBROADCAST, IP_RAWOUTPUT, IP_ROUTETOIF
from vshell.kernel.netinet6.ip6_output import ip6_output
from vshell.wire.ether import ETHERTYPE_IP, ETHERTYPE_IPV6

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

DIVQ = 65536 + 100
"""Room of a socket for a packet of any size."""


class Divert(VnetModule, sub=SI_SUB_PROTO_FIREWALL, order=SI_ORDER_ANY):
    """The divert sockets of a stack."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.ports: dict[int, Socket] = {}
        self.sockets = 0
        self.diverted = self.noport = self.inbound = self.outbound = 0

    def quiesce(self) -> None:
        """Packets may be on their way: only by force."""
        raise KError(EPERM)

    def unload(self) -> None:
        """Not while there are sockets."""
        if self.sockets:
            raise KError(EBUSY)

    def packet(self, m: Mbuf, port: int, rulenum: int, incoming: bool) -> None:
        """divert_packet: to the socket of that port, if there is one."""
        so = self.ports.get(port)
        if so is None:
            self.noport += 1
            return
        addr, name = INADDR_ANY, ""
        if m.rcvif is not None:
            name = m.rcvif.xname[:7]
            if incoming:
                addr = next((ia.addr for ia in in_addrs(m.rcvif)), addr)
        if so.rcv.append_record(m.bytes(), SockaddrDivert(addr, rulenum, iface=name), {}):
            self.diverted += 1
            so.sorwakeup()

    def inject(self, m: Mbuf, ifp: Ifnet, six: bool) -> None:
        """div_output_inbound: it came in by that interface."""
        if not six:
            dst = bytes(m.data[m.off + 16 : m.off + 20])
            if in_multicast(dst):
                m.flags |= M_MCAST
            elif in_ifnet_broadcast(dst, ifp):
                m.flags |= M_BCAST
        m.rcvif = ifp
        self.vnet.kernel.netisrq.append((netisr_handlers[ETHERTYPE_IPV6 if six else ETHERTYPE_IP], ifp, m))
        self.inbound += 1


@protosw(PF_DIVERT, SOCK_RAW)
class DivertProtosw(Protosw):
    """A divert socket."""

    name = "divert"
    sendspace = recvspace = DIVQ

    def module(self, so: Socket) -> Divert:
        """What the stack has of this; there is no such domain without."""
        found: Divert | None = so.vnet.get(Divert)
        if found is None:
            raise KError(EAFNOSUPPORT)
        return found

    def attach(self, so: Socket, td: Proc) -> None:
        """Only for root."""
        module = self.module(so)
        priv_check(td, PRIV_NETINET_DIVERT)
        so.snd.hiwat = so.rcv.hiwat = DIVQ
        module.sockets += 1
        so.pcb = -1

    def detach(self, so: Socket) -> None:
        """Gone."""
        module = so.vnet.get(Divert)
        if module is not None:
            module.sockets -= 1
            if module.ports.get(so.pcb) is so:
                del module.ports[so.pcb]

    def bind(self, so: Socket, addr: Record, td: Proc) -> None:
        """Packets of that port."""
        if not isinstance(addr, SockaddrIn):
            raise KError(EAFNOSUPPORT)
        ports = self.module(so).ports
        if addr.port in ports:
            raise KError(EADDRINUSE)
        if ports.get(so.pcb) is so:
            del ports[so.pcb]
        so.pcb = addr.port
        ports[addr.port] = so

    def sockaddr(self, so: Socket) -> Record:
        """Its port."""
        return SockaddrIn(INADDR_ANY, max(so.pcb, 0))

    def send(self, so: Socket, data: bytes, addr: Record | None, flags: int, td: Proc) -> int:
        """div_send: let a packet go on, or send a new one."""
        if len(data) < 20:
            raise KError(EINVAL)
        if addr is not None and not isinstance(addr, SockaddrIn):
            raise KError(EAFNOSUPPORT)
        m = m_get(data)
        m.fib = so.fibnum
        ref = RuleRef(0, 0, 0, 0)
        ifp: Ifnet | None = None
        if addr is not None:
            ref = RuleRef(0, 1, 0, addr.port + 1)
            name = getattr(addr, "iface", "")
            ifp = next((each for each in so.vnet.ifnets if each.xname == name), None) if name else None
        version = data[0] >> 4
        if version not in (4, 6):
            raise KError(EAFNOSUPPORT)
        m.tags = {"ipfw_rule": ref}
        if addr is None or addr.addr == INADDR_ANY:
            ref.info = DIVERTED_OUT
            m.rcvif = ifp
            self._out(so, m, version == 6)
        else:
            ref.info = DIVERTED_IN
            if ifp is None:
                ia: Any = ifa_ifwithaddr(so.vnet, addr.addr)
                if ia is None:
                    raise KError(EADDRNOTAVAIL)
                ifp = ia.ifp
            self.module(so).inject(m, ifp, version == 6)
        return len(data)

    def _out(self, so: Socket, m: Mbuf, six: bool) -> None:
        """div_output_outbound."""
        data = m.data
        at = m.off + (4 if six else 2)
        if data[at] << 8 | data[at + 1] > len(m) or (six and len(m) < 40):
            raise KError(EINVAL)
        if six:
            error = ip6_output(so.vnet, m)
        else:
            where = IP_ALLOWBROADCAST | IP_RAWOUTPUT | (IP_ROUTETOIF if so.options & SO_DONTROUTE else 0)
            error = ip_output(so.vnet, m, None, None, where)
        if error:
            raise KError(error)
        self.module(so).outbound += 1
