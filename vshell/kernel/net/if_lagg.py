"""lagg(4): several links as one (net/if_lagg.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

from vshell.abi.errno import (
    EBUSY,
    EEXIST,
    EINVAL,
    ENETDOWN,
    ENOENT,
    ENOSPC,
    ENXIO,
    EPROTONOSUPPORT,
    KError,
)  # fmt: skip
from vshell.abi.if_lagg import (
    LAGG_F_HASHL2,
    LAGG_F_HASHL3,
    LAGG_F_HASHL4,
    LAGG_F_HASHMASK,
    LAGG_OPT_FLOWIDSHIFT,
    LAGG_OPT_LACP_FAST_TIMO,
    LAGG_OPT_LACP_RXTEST,
    LAGG_OPT_LACP_STRICT,
    LAGG_OPT_LACP_TXTEST,
    LAGG_OPT_RR_LIMIT,
    LAGG_OPT_USE_FLOWID,
    LAGG_OPT_USE_NUMA,
    LAGG_PORT_ACTIVE,
    LAGG_PORT_COLLECTING,
    LAGG_PORT_DISTRIBUTING,
    LAGG_PORT_MASTER,
    LAGG_PROTO_BROADCAST,
    LAGG_PROTO_FAILOVER,
    LAGG_PROTO_LACP,
    LAGG_PROTO_LOADBALANCE,
    LAGG_PROTO_NONE,
    LAGG_PROTO_ROUNDROBIN,
    SIOCGLAGG,
    SIOCSLAGG,
    SIOCSLAGGDELPORT,
    SIOCSLAGGHASH,
    SIOCSLAGGOPTS,
    SIOCSLAGGPORT,
    LacpInfo,
    LaggInfo,
    LaggParams,
    LaggPort,
)  # fmt: skip
from vshell.abi.if_media import IFM_ACTIVE, IFM_AUTO, IFM_AVALID, IFM_ETHER
from vshell.abi.record import replace
from vshell.abi.socket import AF_INET6
from vshell.abi.sockio import (
    IFCAP_HWSTATS,
    IFF_ALLMULTI,
    IFF_DRV_RUNNING,
    IFF_MONITOR,
    IFF_PROMISC,
    IFF_RENAMING,
    IFF_UP,
    IFT_ETHER,
    IFT_IEEE8023ADLAG,
    IFT_L2VLAN,
    LINK_STATE_DOWN,
    LINK_STATE_UP,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCGIFMEDIA,
    SIOCSIFCAP,
    SIOCSIFFLAGS,
    SIOCSIFMEDIA,
    SIOCSIFMTU,
)  # fmt: skip
from vshell.abi.topology import MEMBER
from vshell.kernel.kern.kern_priv import PRIV_NET_LAGG, priv_check
from vshell.kernel.kern.module import SI_SUB_PROTO_IFATTACHDOMAIN, Kld, Sysctl, VnetModule
from vshell.kernel.net.drops import drop
from vshell.kernel.net.ieee8023ad_lacp import COLLECTING, DISTRIBUTING, TIMEOUT, Lacp, LacpPort
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.if_ethersubr import EtherIfnet, ether_ifattach, ether_ifdetach
from vshell.kernel.net.if_media import Ifmedia
from vshell.kernel.net.ifhwioctl import if_notifymtu
from vshell.kernel.net.ifioctl import ifunit
from vshell.kernel.net.ifnet import (
    Ifnet,
    if_allmulti,
    if_down,
    if_driver_flags,
    if_link_state_change,
    if_setlladdr,
    if_up,
    iflladdr_event,
    ifnet_departure_event,
    ifpromisc,
)  # fmt: skip
from vshell.kernel.net.mbuf import M_VLANTAG
from vshell.wire.ether import ETHERTYPE_SLOW

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.ifnet import Wiring
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(modules=("if_lagg",), depends=("netmap", "if_infiniband"), size=0x9000)

LAGG_MAX_PORTS = 32
ALL_CAPS = (1 << 40) - 1
COUNTERS = (
    "ipackets", "ierrors", "iqdrops", "ibytes", "imcasts", "opackets", "oerrors", "oqdrops", "obytes", "omcasts",
    "collisions", "noproto",
)  # fmt: skip


class LaggModule(VnetModule):
    """What the laggs of a stack begin with."""

    failover_rx_all = Sysctl("net.link.lagg.failover_rx_all", 0, "Accept input from any interface in a failover lagg")
    default_use_flowid = Sysctl(
        "net.link.lagg.default_use_flowid", 0, "Default setting for using flow id for load sharing", flags="wt"
    )
    default_use_numa = Sysctl("net.link.lagg.default_use_numa", 1, "Use numa to steer flows", flags="wt")
    default_flowid_shift = Sysctl(
        "net.link.lagg.default_flowid_shift", 16, "Default setting for flowid shift for load sharing", flags="wt"
    )
    lacp_default_strict_mode = Sysctl(
        "net.link.lagg.lacp.default_strict_mode", 1, "LACP strict protocol compliance default", flags="wt"
    )
    lacp_debug = Sysctl("net.link.lagg.lacp.debug", 0, "Enable LACP debug logging (1=debug, 2=trace)", flags="wt")


class LaggMember:
    """A port (struct lagg_port)."""

    def __init__(self, lagg: Lagg, ifp: Ifnet) -> None:
        self.lagg = lagg
        self.ifp = ifp
        self.lladdr = ifp.lladdr
        self.capenable = ifp.capenable
        self.type = ifp.type
        self.ioctl = ifp.ioctl
        """The driver's own."""
        self.flags = 0
        """Flags that it holds for the lagg."""
        self.detaching = False
        self.lacp: LacpPort | None = None
        self.initial = {name: getattr(ifp, name) for name in COUNTERS}

    def active(self) -> bool:
        """LAGG_PORTACTIVE."""
        return self.ifp.link_state == LINK_STATE_UP and bool(self.ifp.flags & IFF_UP)

    # what its interface calls ----------------------------------------------------------------------------------
    def linkstate(self, ifp: Ifnet) -> None:
        """lagg_port_state."""
        self.lagg.linkcheck()
        if self.lacp is not None:
            self.lacp.linkstate()

    def input(self, m: Mbuf) -> Mbuf | None:
        """lagg_input_ethernet: a frame came in; it goes on as the lagg's, or it is gone."""
        lagg = self.lagg
        if not lagg.flags & IFF_DRV_RUNNING or self.detaching or not lagg.accept(self, m):
            return None
        m.rcvif = lagg
        if lagg.bpf:
            for tap in lagg.bpf:
                tap(lagg, m, False)
        return None if lagg.flags & IFF_MONITOR else m

    def port_ioctl(self, request: Record, td: Proc | None) -> Any:
        """lagg_port_ioctl."""
        if isinstance(request, SIOCSIFMTU):
            raise KError(EINVAL)
        answer = self.ioctl(request, td)
        if isinstance(request, SIOCSIFCAP):
            self.lagg.capabilities_changed()
        return answer

    @staticmethod
    def port_output(m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
        """lagg_port_output: the port itself sends nothing."""
        return ENETDOWN

    def setcaps(self, wanted: int) -> None:
        """lagg_setcaps."""
        if self.ifp.capenable != wanted:
            try:
                self.ioctl(SIOCSIFCAP(self.ifp.xname, wanted), None)
            except KError:
                pass

    def setflags(self, on: bool) -> None:
        """lagg_setflags: what the lagg wants of its ports, counted there."""
        for bit, change in ((IFF_PROMISC, ifpromisc), (IFF_ALLMULTI, if_allmulti)):
            wanted = self.lagg.flags & bit if on else 0
            if wanted != self.flags & bit:
                change(self.ifp, bool(wanted))
                self.flags = self.flags & ~bit | wanted


def _counter(name: str) -> Any:
    """A counter of the lagg: its own, those of its ports since they joined, and of those that left."""

    def get(lagg: Lagg) -> int:
        own: int = lagg.own.get(name, 0)
        for p in lagg.ports:
            own += getattr(p.ifp, name) - p.initial[name]
        return own

    def put(lagg: Lagg, value: int) -> None:
        lagg.own[name] = value - sum(getattr(p.ifp, name) - p.initial[name] for p in lagg.ports)

    return property(get, put)


@cloner("lagg", sub=SI_SUB_PROTO_IFATTACHDOMAIN)
class Lagg(EtherIfnet):
    """lagg(4)."""

    locals().update({name: _counter(name) for name in COUNTERS})

    def __init__(self, kernel: Kernel, unit: int) -> None:
        self.own: dict[str, int] = {}
        """What it counted itself, and what ports that left had counted."""
        self.ports: list[LaggMember] = []
        self.primary: LaggMember | None = None
        self.proto = LAGG_PROTO_FAILOVER
        self.protocol: Lacp | None = None
        self.hash = LAGG_F_HASHMASK
        self.options = 0
        self.flowid_shift = 0
        self.seq, self.stride = 0, 0
        self.active = self.flapping = 0
        self.destroying = False
        super().__init__(kernel, "lagg", unit)
        self.hashkey = kernel.random.bytes(4)
        self.capabilities = self.capenable = IFCAP_HWSTATS
        self.media = Ifmedia((IFM_ETHER | IFM_AUTO,), self._media_status, lambda: None)

    # life ------------------------------------------------------------------------------------------------------
    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Lagg:
        """lagg_clone_create."""
        if isinstance(params, LaggParams) and params.type != "ethernet":
            raise KError(EINVAL)
        ifp = cls(ifc.vnet.kernel, unit)
        module = ifc.vnet[LaggModule]
        ifp.options = LAGG_OPT_USE_FLOWID * bool(module.default_use_flowid) | LAGG_OPT_USE_NUMA * bool(module.default_use_numa)
        ifp.flowid_shift = module.default_flowid_shift
        ether_ifattach(ifp, ifc.vnet, bytes(6))
        return ifp

    def wiring(self) -> Iterable[Wiring]:
        """Its ports."""
        return [(MEMBER, port.ifp) for port in self.ports]

    def destroy(self) -> None:
        """lagg_clone_destroy."""
        self.destroying = True
        self.stop()
        self.flags &= ~IFF_UP
        while self.ports:
            self.destroy_port(self.ports[0])
        self._detach_proto()
        ether_ifdetach(self)

    def init(self) -> None:
        """lagg_init."""
        if self.flags & IFF_DRV_RUNNING:
            return
        for port in self.ports:
            if port.ifp.lladdr != self.lladdr:
                if_setlladdr(port.ifp, self.lladdr)
        self._updown(True)
        if self.protocol is not None:
            self.protocol.init()
        self.flags |= IFF_DRV_RUNNING

    def stop(self) -> None:
        """lagg_stop."""
        if not self.flags & IFF_DRV_RUNNING:
            return
        self.flags &= ~IFF_DRV_RUNNING
        if self.protocol is not None:
            self.protocol.stop()
        self._updown(False)

    def _updown(self, up: bool) -> None:
        for port in self.ports:
            (if_up if up else if_down)(port.ifp)
            try:
                if_driver_flags(port.ifp)
            except KError:
                pass

    def _media_status(self) -> tuple[int, int]:
        active = any(port.active() for port in self.ports)
        return IFM_AVALID | (IFM_ACTIVE if active else 0), IFM_ETHER | IFM_AUTO

    def linkcheck(self) -> None:
        """lagg_linkstate."""
        if self.proto == LAGG_PROTO_LACP:
            return
        up = any(port.ifp.link_state == LINK_STATE_UP for port in self.ports)
        if_link_state_change(self, LINK_STATE_UP if up else LINK_STATE_DOWN)
        if self.proto == LAGG_PROTO_FAILOVER:
            self.baudrate = self.primary.ifp.baudrate if self.primary is not None else 0
        elif self.proto != LAGG_PROTO_NONE:
            self.baudrate = sum(port.ifp.baudrate for port in self.ports)

    def capabilities_changed(self) -> None:
        """lagg_capabilities: what all ports can do, and what is on in all of them."""
        while True:
            ena = ALL_CAPS if self.ports else 0
            for port in self.ports:
                ena &= port.ifp.capenable
            for port in self.ports:
                port.setcaps(ena)
            if all(port.ifp.capenable & ena == ena for port in self.ports):
                break
        cap = ALL_CAPS if self.ports else 0
        for port in self.ports:
            cap &= port.ifp.capabilities
        self.capabilities, self.capenable = cap, ena
        if self.vlantrunk is not None:
            self.vlantrunk.capabilities(self)

    # ports -----------------------------------------------------------------------------------------------------
    def create_port(self, ifp: Ifnet) -> None:
        """lagg_port_create."""
        if ifp is self:
            raise KError(EINVAL)
        if self.destroying:
            raise KError(ENXIO)
        if len(self.ports) >= LAGG_MAX_PORTS:
            raise KError(ENOSPC)
        if ifp.lagg is not None:
            raise KError(EEXIST if ifp.lagg.lagg is self else EBUSY)
        if ifp.type not in (IFT_ETHER, IFT_L2VLAN):
            raise KError(EPROTONOSUPPORT)
        if isinstance(ifp, Lagg):
            raise KError(EINVAL)
        if not self.ports:
            self.mtu = ifp.mtu
        elif self.mtu != ifp.mtu:
            ifp.ioctl(SIOCSIFMTU(ifp.xname, self.mtu), None)
        port = LaggMember(self, ifp)
        if not self.ports:
            self._take_lladdr(ifp.lladdr)
        else:
            if_setlladdr(ifp, self.lladdr)
        port.setflags(True)
        if not self.ports:
            self.primary = port
        ifp.type, ifp.lagg = IFT_IEEE8023ADLAG, port
        ifp.ioctl = port.port_ioctl  # type: ignore[method-assign]
        ifp.output = port.port_output  # type: ignore[method-assign]
        self._insert(port)
        if self.protocol is not None:
            port.lacp = LacpPort(self.protocol, port)
        self.capabilities_changed()
        self.linkcheck()

    def _insert(self, port: LaggMember) -> None:
        """Ports are kept in the order of their indices."""
        for i, other in enumerate(self.ports):
            following = self.ports[i + 1].ifp.index if i + 1 < len(self.ports) else None
            if other.ifp.index < port.ifp.index and (following is None or following > port.ifp.index):
                self.ports.insert(i + 1, port)
                return
        self.ports.insert(0, port)

    def _take_lladdr(self, lladdr: bytes) -> None:
        self.lladdr = lladdr
        if self.protocol is not None:
            for port in self.ports:
                if port.lacp is not None:
                    port.lacp.destroy()
            for port in self.ports:
                port.lacp = LacpPort(self.protocol, port)
        for event in iflladdr_event:
            event(self)

    def destroy_port(self, port: LaggMember) -> None:
        """lagg_port_destroy."""
        ifp = port.ifp
        if port.lacp is not None:
            port.lacp.destroy()
            port.lacp = None
        ifp.type, ifp.lagg = port.type, None
        del ifp.ioctl, ifp.output
        for name in COUNTERS:
            self.own[name] = self.own.get(name, 0) + getattr(ifp, name) - port.initial[name]
        self.ports.remove(port)
        if port is self.primary:
            self.primary = self.ports[0] if self.ports else None
            if not self.destroying:
                lladdr = self.primary.lladdr if self.primary is not None else bytes(6)
                self._take_lladdr(lladdr)
                for other in self.ports:
                    if_setlladdr(other.ifp, lladdr)
        if not port.detaching:
            port.setflags(False)
            port.setcaps(port.capenable)
            if_setlladdr(ifp, port.lladdr)
        self.capabilities_changed()
        self.linkcheck()

    def _port_named(self, name: str) -> Ifnet:
        ifp = ifunit(self.vnet, name) if name else None
        if ifp is None:
            raise KError(EINVAL)
        return ifp

    # protocols -------------------------------------------------------------------------------------------------
    def _detach_proto(self) -> None:
        if self.protocol is not None:
            for port in self.ports:
                if port.lacp is not None:
                    port.lacp.destroy()
                    port.lacp = None
            self.protocol.stop()
            self.protocol = None
        self.proto = LAGG_PROTO_NONE

    def _attach_proto(self, proto: int) -> None:
        self.proto = proto
        if proto == LAGG_PROTO_ROUNDROBIN:
            self.seq, self.stride = 0, 1
        elif proto == LAGG_PROTO_LACP:
            self.protocol = Lacp(self, bool(self.vnet[LaggModule].lacp_default_strict_mode))
            if self.flags & IFF_DRV_RUNNING:
                self.protocol.init()
            for port in self.ports:
                port.lacp = LacpPort(self.protocol, port)

    def link_active(self, port: LaggMember | None) -> LaggMember | None:
        """lagg_link_active: that port, the next one, or any that has a link."""
        if port is not None:
            if port.active():
                return port
            at = self.ports.index(port) + 1
            if at < len(self.ports) and self.ports[at].active():
                return self.ports[at]
        return next((p for p in self.ports if p.active()), None)

    def transmit(self, m: Mbuf) -> int:
        """lagg_transmit_ethernet."""
        if not self.ports:
            self.oerrors += 1
            drop(self, m, "lagg_transmit", "there are no ports", link=True)
            return ENXIO
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        if self.proto == LAGG_PROTO_BROADCAST:
            return self._broadcast(m)
        port: LaggMember | None = None
        if self.proto == LAGG_PROTO_FAILOVER:
            port = self.link_active(self.primary)
        elif self.proto == LAGG_PROTO_ROUNDROBIN:
            number, self.seq = self.seq // self.stride % len(self.ports), self.seq + 1
            port = self.link_active(self.ports[number])
        elif self.proto == LAGG_PROTO_LOADBALANCE:
            port = self.link_active(self.ports[self._hash(m) % len(self.ports)])
        elif self.protocol is not None:
            chosen = self.protocol.select_tx(self._hash(m))
            if isinstance(chosen, int):
                self.oerrors += 1
                drop(self, m, "lagg_transmit", "no port is distributing", link=True)
                return chosen
            port = chosen.member
        if port is None:
            self.oerrors += 1
            drop(self, m, "lagg_transmit", "no port is active", link=True)
            return ENETDOWN
        return port.ifp.transmit(m)

    def _broadcast(self, m: Mbuf) -> int:
        active = [port for port in self.ports if port.active()]
        if not active:
            self.oerrors += 1
            drop(self, m, "lagg_transmit", "no port is active", link=True)
            return ENOENT
        for port in active[:-1]:
            port.ifp.transmit(m.copy())
        return active[-1].ifp.transmit(m)

    def _hash(self, m: Mbuf) -> int:
        """m_ether_tcpip_hash: the same number for all frames of a conversation."""
        if self.options & LAGG_OPT_USE_FLOWID and m.flowid:
            return m.flowid >> self.flowid_shift
        data, off = m.data, m.off
        number = crc32(self.hashkey)
        if self.hash & LAGG_F_HASHL2:
            number = crc32(data[off : off + 12], number)
            if m.flags & M_VLANTAG:
                number = crc32(m.vtag.to_bytes(2, "big"), number)
        etype = data[off + 12] << 8 | data[off + 13]
        proto, ports = 0, 0
        if etype == 0x0800:
            if self.hash & LAGG_F_HASHL3:
                number = crc32(data[off + 26 : off + 34], number)
            proto, ports = data[off + 23], off + 14 + ((data[off + 14] & 0xF) << 2)
        elif etype == 0x86DD:
            if self.hash & LAGG_F_HASHL3:
                number = crc32(data[off + 22 : off + 54], number)
            proto, ports = data[off + 20], off + 54
        if self.hash & LAGG_F_HASHL4 and proto in (6, 17, 132):
            number = crc32(data[ports : ports + 4], number)
        return number

    def accept(self, port: LaggMember, m: Mbuf) -> bool:
        """The protocol's input: is a frame from that port taken?"""
        if self.proto == LAGG_PROTO_NONE:
            return False
        if self.proto == LAGG_PROTO_FAILOVER:
            if port is self.primary or self.vnet[LaggModule].failover_rx_all:
                return True
            return self.primary is not None and not self.primary.active() and self.link_active(self.primary) in (None, port)
        if self.protocol is not None and port.lacp is not None:
            etype = m.data[m.off + 12] << 8 | m.data[m.off + 13]
            if etype == ETHERTYPE_SLOW and not m.flags & M_VLANTAG and self.protocol.input(port.lacp, m):
                return False
            return self._collects(port.lacp)
        return True

    def _collects(self, port: LacpPort) -> bool:
        active = self.protocol is not None and port.aggregator is not None and port.aggregator is self.protocol.active
        return active and bool(port.actor.state & COLLECTING)

    # requests --------------------------------------------------------------------------------------------------
    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """lagg_ioctl."""
        if isinstance(request, SIOCSIFFLAGS):
            for port in self.ports:
                port.setflags(True)
            return self.init() if self.flags & IFF_UP else self.stop()
        if isinstance(request, (SIOCADDMULTI, SIOCDELMULTI)):
            return None
        if isinstance(request, SIOCGIFMEDIA):
            return self.media.get()
        if isinstance(request, SIOCSIFMEDIA):
            return self.media.set(request.media)
        if isinstance(request, SIOCSIFCAP):
            for port in self.ports:
                port.ioctl(replace(request, name=port.ifp.xname), td)
            return self.capabilities_changed()
        if isinstance(request, SIOCSIFMTU):
            return self._setmtu(request.mtu)
        if isinstance(request, SIOCGLAGG):
            return self._info()
        if isinstance(request, (SIOCSLAGG, SIOCSLAGGPORT, SIOCSLAGGDELPORT, SIOCSLAGGHASH, SIOCSLAGGOPTS)):
            if td is not None:
                priv_check(td, PRIV_NET_LAGG)
            return self._change(request)
        return super().ioctl(request, td)

    def _setmtu(self, mtu: int) -> None:
        try:
            for port in self.ports:
                port.ioctl(SIOCSIFMTU(port.ifp.xname, mtu), None)
            self.mtu = mtu
        except KError:
            for port in self.ports:
                port.ioctl(SIOCSIFMTU(port.ifp.xname, self.mtu), None)
            raise
        finally:
            self.capabilities_changed()

    def _change(self, request: Record) -> None:
        if isinstance(request, SIOCSLAGG):
            if not 0 <= request.proto <= LAGG_PROTO_BROADCAST:
                raise KError(EPROTONOSUPPORT)
            self._detach_proto()
            self._attach_proto(request.proto)
        elif isinstance(request, SIOCSLAGGPORT):
            ifp = self._port_named(request.port)
            if any(a.family == AF_INET6 and a.addr[0] == 0xFE and a.addr[1] & 0xC0 == 0x80 for a in ifp.addrs):
                self._strip_inet6(ifp)
            old = self.mtu
            self.create_port(ifp)
            if self.mtu != old:
                if_notifymtu(self)
        elif isinstance(request, SIOCSLAGGDELPORT):
            port = self._port_named(request.port).lagg
            if port is None or port.lagg is not self:
                raise KError(ENOENT)
            self.destroy_port(port)
        elif isinstance(request, SIOCSLAGGHASH):
            if not request.flags & LAGG_F_HASHMASK:
                raise KError(EINVAL)
            self.hash = request.flags & LAGG_F_HASHMASK
        elif isinstance(request, SIOCSLAGGOPTS):
            self._setopt(request.option, request.value)

    def _strip_inet6(self, ifp: Ifnet) -> None:
        from vshell.kernel.netinet6.in6_ifattach import in6_ifdetach

        in6_ifdetach(ifp)
        self.kernel.log(
            6,
            f"{self.xname}: IPv6 addresses on {ifp.xname} have been removed before adding it as a member to prevent IPv6 "
            "address scope violation.",
        )

    def _setopt(self, option: int, value: int) -> None:
        if option == LAGG_OPT_FLOWIDSHIFT:
            self.flowid_shift = value
        elif option == LAGG_OPT_RR_LIMIT:
            if self.proto != LAGG_PROTO_ROUNDROBIN or not value:
                raise KError(EINVAL)
            self.stride = value
        elif abs(option) in (LAGG_OPT_USE_FLOWID, LAGG_OPT_USE_NUMA):
            self.options = self.options | option if option > 0 else self.options & ~-option
        else:
            self._setlacpopt(option)

    def _setlacpopt(self, option: int) -> None:
        lacp, on = self.protocol, option > 0
        if lacp is None:
            raise KError(EINVAL)
        option = abs(option)
        if option == LAGG_OPT_LACP_TXTEST:
            lacp.tx_test = int(on)
        elif option == LAGG_OPT_LACP_RXTEST:
            lacp.rx_test = int(on)
        elif option == LAGG_OPT_LACP_STRICT:
            lacp.strict = on
        elif option == LAGG_OPT_LACP_FAST_TIMO:
            lacp.fast_timeout = on
            for port in lacp.ports:
                port.actor.state = port.actor.state | TIMEOUT if on else port.actor.state & ~TIMEOUT
        else:
            raise KError(EINVAL)

    def _info(self) -> LaggInfo:
        lacp, options = self.protocol, self.options
        active = sum(port.active() for port in self.ports)
        if lacp is not None:
            active = self.active
            for bit, on in (
                (LAGG_OPT_LACP_TXTEST, lacp.tx_test), (LAGG_OPT_LACP_RXTEST, lacp.rx_test),
                (LAGG_OPT_LACP_STRICT, lacp.strict), (LAGG_OPT_LACP_FAST_TIMO, lacp.fast_timeout),
            ):  # fmt: skip
                options |= bit if on else 0
        return LaggInfo(
            self.proto, tuple(self._port_info(port) for port in self.ports), self.hash, options, self.flowid_shift, self.stride,
            active, self.flapping, lacp.info() if lacp is not None else LacpInfo(),
        )  # fmt: skip

    def _port_info(self, port: LaggMember) -> LaggPort:
        """lagg_port2req."""
        flags = 0
        if self.proto == LAGG_PROTO_FAILOVER:
            flags |= LAGG_PORT_MASTER if port is self.primary else 0
            flags |= LAGG_PORT_ACTIVE if port is self.link_active(self.primary) else 0
        elif self.proto in (LAGG_PROTO_ROUNDROBIN, LAGG_PROTO_LOADBALANCE, LAGG_PROTO_BROADCAST):
            flags |= LAGG_PORT_ACTIVE if port.active() else 0
        if self.protocol is None or port.lacp is None:
            return LaggPort(port.ifp.xname, flags)
        state = port.lacp.actor.state
        if port.lacp.aggregator is not None and port.lacp.aggregator is self.protocol.active:
            flags |= LAGG_PORT_ACTIVE
        flags |= LAGG_PORT_COLLECTING if state & COLLECTING else 0
        flags |= LAGG_PORT_DISTRIBUTING if state & DISTRIBUTING else 0
        return LaggPort(port.ifp.xname, flags, port.lacp.info())


def lagg_port_ifdetach(ifp: Ifnet) -> None:
    """A port leaves its stack."""
    port = ifp.lagg
    if isinstance(port, LaggMember) and not ifp.flags & IFF_RENAMING:
        port.detaching = True
        port.lagg.destroy_port(port)


ifnet_departure_event.append(lagg_port_ifdetach)
