"""bridge(4): Ethernet bridges (net/if_bridge.c).  The way of a frame is in bridge_path.py, the spanning tree in bridgestp.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from vshell.abi.errno import EBUSY, EEXIST, EINVAL, ENOENT, KError
from vshell.abi.if_bridge import (
    BRDG_VLAN_OP_ADD,
    BRDG_VLAN_OP_SET,
    BRDGADD,
    BRDGADDS,
    BRDGDADDR,
    BRDGDEL,
    BRDGDELS,
    BRDGFLUSH,
    BRDGGCACHE,
    BRDGGDEFPVID,
    BRDGGFLAGS,
    BRDGGIFFLGS,
    BRDGGIFS,
    BRDGGIFVLANSET,
    BRDGGTO,
    BRDGPARAM,
    BRDGRTS,
    BRDGSADDR,
    BRDGSCACHE,
    BRDGSDEFPVID,
    BRDGSFD,
    BRDGSFLAGS,
    BRDGSHT,
    BRDGSIFAMAX,
    BRDGSIFCOST,
    BRDGSIFFLGS,
    BRDGSIFPRIO,
    BRDGSIFPVID,
    BRDGSIFVLANPROTO,
    BRDGSIFVLANSET,
    BRDGSMA,
    BRDGSPRI,
    BRDGSPROTO,
    BRDGSTO,
    BRDGSTXHC,
    BRVLAN_ALL,
    DOT1Q_VID_MAX,
    IFBAF_DYNAMIC,
    IFBAF_TYPEMASK,
    IFBIF_BSTP_ADMCOST,
    IFBIF_BSTP_ADMEDGE,
    IFBIF_BSTP_AUTOEDGE,
    IFBIF_BSTP_AUTOPTP,
    IFBIF_BSTP_EDGE,
    IFBIF_BSTP_PTP,
    IFBIF_DISCOVER,
    IFBIF_LEARNING,
    IFBIF_QINQ,
    IFBIF_SPAN,
    IFBIF_STP,
    IFBRF_DEFQINQ,
    STP_STATES,
    BridgeAddress,
    BridgeControl,
    BridgeParam,
    Member,
    MemberControl,
    ValueControl,
)  # fmt: skip
from vshell.abi.record import replace
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.abi.sockio import (
    IF_MINMTU,
    IFCAP_LINKSTATE,
    IFCAP_LRO,
    IFCAP_MEXTPG,
    IFCAP_TOE,
    IFCAP_TSO,
    IFCAP_TXCSUM,
    IFCAP_TXCSUM_IPV6,
    IFCAP_VLAN_HWTAGGING,
    IFF_DRV_RUNNING,
    IFF_PROMISC,
    IFF_RENAMING,
    IFF_UP,
    IFT_BRIDGE,
    IFT_ETHER,
    IFT_GIF,
    IFT_L2VLAN,
    LINK_STATE_DOWN,
    LINK_STATE_UP,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCGDRVSPEC,
    SIOCSDRVSPEC,
    SIOCSIFCAP,
    SIOCSIFFLAGS,
    SIOCSIFMTU,
)  # fmt: skip
from vshell.abi.topology import MEMBER
from vshell.kernel.kern.kern_priv import PRIV_NET_BRIDGE, priv_check
from vshell.kernel.kern.module import SI_SUB_PROTO_IFATTACHDOMAIN, Kld
from vshell.kernel.net import bridgestp
from vshell.kernel.net.bridge_path import LOG_NOTICE, RTABLE_PRUNE_PERIOD, SECOND, BridgeModule, BridgePath, BridgePort
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.if_ethersubr import ether_gen_addr, ether_ifattach, ether_ifdetach
from vshell.kernel.net.ifhwioctl import if_notifymtu
from vshell.kernel.net.ifioctl import ifunit
from vshell.kernel.net.ifnet import Ifnet, if_link_state_change, if_printf, iflladdr_event, ifnet_departure_event, ifpromisc
from vshell.wire.ether import ETHERTYPE_QINQ, ETHERTYPE_VLAN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.ifnet import Wiring
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("bridgestp",), files=("net.bridge_path",), size=0x8810)

IFCAPS_MASK = IFCAP_TOE | IFCAP_TSO | IFCAP_TXCSUM | IFCAP_TXCSUM_IPV6 | IFCAP_MEXTPG
"""What every member must be able to do, or none does it."""
IFCAPS_STRIP = IFCAP_LRO
IFBIF_STP_FLAGS = (
    IFBIF_BSTP_EDGE | IFBIF_BSTP_AUTOEDGE | IFBIF_BSTP_PTP | IFBIF_BSTP_AUTOPTP | IFBIF_BSTP_ADMEDGE | IFBIF_BSTP_ADMCOST
)
NOT_A_MEMBER = "Interface is not a bridge member"
UNSUPPORTED = "Unsupported interface type"

F = TypeVar("F", bound=Callable[..., Any])
_CONTROLS: dict[type[BridgeControl], tuple[Callable[..., Any], bool]] = {}
"""Request -> what serves it, and whether it changes something (BC_F_SUSER)."""


def control(request: type[BridgeControl], change: bool = True) -> Callable[[F], F]:
    """Declare the method that serves a request."""

    def register(method: F) -> F:
        _CONTROLS[request] = (method, change)
        return method

    return register


@cloner("bridge", sub=SI_SUB_PROTO_IFATTACHDOMAIN)
class Bridge(BridgePath):
    """bridge(4)."""

    type = IFT_BRIDGE

    def __init__(self, kernel: Kernel, unit: int) -> None:
        super().__init__(kernel, unit)
        self.capabilities = self.capenable = IFCAP_VLAN_HWTAGGING
        self.stp = bridgestp.Stp(kernel, lambda: list(self.member), self._state_changed, self._rtable_expire)
        self.timer = kernel.clock.callout()
        self.defaddr = b""
        """The address it was made with."""
        self.ifaddr: Ifnet | None = None
        """The member whose address it has taken."""

    # life ------------------------------------------------------------------------------------------------------
    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Bridge:
        """bridge_clone_create."""
        kernel = ifc.vnet.kernel
        ifp = cls(kernel, unit)
        ifp.defaddr = ether_gen_addr(kernel, td.ucred.prison if td is not None else kernel.prison0, ifp.xname)
        ether_ifattach(ifp, ifc.vnet, ifp.defaddr)
        ifp.baudrate = 0
        ifc.vnet[BridgeModule].bridges.insert(0, ifp)
        return ifp

    def wiring(self) -> Iterable[Wiring]:
        """Its members."""
        return [(MEMBER, port.ifp) for port in self.ports]

    def destroy(self) -> None:
        """bridge_clone_destroy."""
        self.stop()
        self.flags &= ~IFF_UP
        self._release()
        for bridges in (v[BridgeModule].bridges for v in self.kernel.vnets if v.get(BridgeModule) is not None):
            if self in bridges:
                bridges.remove(self)
        ether_ifdetach(self)

    def _release(self) -> None:
        while self.ports:
            self.delete_member(self.ports[0], gone=False)
        self.spans.clear()

    def reassign(self, vnet: Vnet) -> None:
        """bridge_reassign: it leaves its members behind."""
        self._release()
        super().reassign(vnet)

    def init(self) -> None:
        """bridge_init."""
        if not self.flags & IFF_DRV_RUNNING:
            self.timer.reset(RTABLE_PRUNE_PERIOD * SECOND, self._timeout)
            self.flags |= IFF_DRV_RUNNING
            self.stp.init()

    def stop(self) -> None:
        """bridge_stop."""
        if self.flags & IFF_DRV_RUNNING:
            self.timer.stop()
            self.stp.stop()
            self.rtflush(False)
            self.flags &= ~IFF_DRV_RUNNING

    def _timeout(self) -> None:
        """bridge_timer."""
        self.rtage()
        if self.flags & IFF_DRV_RUNNING:
            self.timer.reset(RTABLE_PRUNE_PERIOD * SECOND, self._timeout)

    def linkstate(self, ifp: Ifnet) -> None:
        """bridge_linkstate: a member's link came or went."""
        port = self.member.get(ifp)
        if port is not None:
            self.linkcheck()
            if port.stp is not None:
                port.stp.linkstate()

    def linkcheck(self) -> None:
        """bridge_linkcheck: up if one of the members is."""
        up = any(port.ifp.link_state == LINK_STATE_UP for port in self.ports)
        blind = bool(self.ports) and not any(port.ifp.capabilities & IFCAP_LINKSTATE for port in self.ports)
        if_link_state_change(self, LINK_STATE_UP if up or blind else LINK_STATE_DOWN)

    def address_on_member(self, ifp: Ifnet) -> None:
        """A member is given a network address: EINVAL if members may have none (bridge_member_ifaddrs_p)."""
        if not self.vnet[BridgeModule].member_addresses:
            raise KError(EINVAL)
        if_printf(
            ifp,
            "WARNING: Assigning an IP address to an interface which is also a bridge member is deprecated and will be "
            "unsupported in a future release.",
        )

    def _state_changed(self, ifp: Ifnet, state: int) -> None:
        if self.vnet[BridgeModule].log_stp:
            self.kernel.log(LOG_NOTICE, f"{self.xname}: state changed to {STP_STATES[state]} on {ifp.xname}")

    def _rtable_expire(self, ifp: Ifnet, age: int) -> None:
        """bridge_rtable_expire: the topology changed."""
        port = self.member[ifp]
        if not age:
            self.rtflush(False, port)
            return
        limit = self.clock.now // SECOND + age
        for node in self.table.values():
            if node.port is port and node.flags & IFBAF_TYPEMASK == IFBAF_DYNAMIC:
                node.expire = min(node.expire, limit)

    # requests --------------------------------------------------------------------------------------------------
    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """bridge_ioctl."""
        if isinstance(request, (SIOCADDMULTI, SIOCDELMULTI)):
            return None
        if isinstance(request, SIOCSIFFLAGS):
            if self.flags & IFF_UP:
                self.init()
            else:
                self.stop()
            return None
        if isinstance(request, SIOCSIFMTU):
            return self._setmtu(request.mtu)
        if isinstance(request, (SIOCGDRVSPEC, SIOCSDRVSPEC)):
            return self._control(request.arg, isinstance(request, SIOCSDRVSPEC), td)
        return super().ioctl(request, td)

    def _control(self, arg: Record | None, setting: bool, td: Proc | None) -> Any:
        entry = _CONTROLS.get(type(arg))  # type: ignore[arg-type]
        if entry is None:
            raise KError(EINVAL, "Invalid control command")
        method, change = entry
        if change != setting:
            raise KError(EINVAL, f"Inappropriate ioctl for command (expected SIOC{'S' if change else 'G'}DRVSPEC)")
        if change and td is not None:
            priv_check(td, PRIV_NET_BRIDGE)
        old = self.mtu
        answer = method(self, arg)
        if self.mtu != old:
            if_notifymtu(self)
        return answer

    def _setmtu(self, mtu: int) -> None:
        if mtu < IF_MINMTU:
            raise KError(EINVAL, "Requested MTU is lower than IF_MINMTU")
        try:
            for port in self.ports:
                port.ifp.ioctl(SIOCSIFMTU(port.ifp.xname, mtu), None)
        except KError:
            self.kernel.log(LOG_NOTICE, f"{self.xname}: invalid MTU: {mtu} for member {port.ifp.xname}")
            for port in self.ports:
                port.ifp.ioctl(SIOCSIFMTU(port.ifp.xname, self.mtu), None)
            raise KError(EINVAL, "Failed to set MTU on member interface") from None
        self.mtu = mtu

    # members ---------------------------------------------------------------------------------------------------
    def lookup(self, name: str) -> BridgePort:
        """bridge_lookup_member.  ENOENT."""
        for port in self.ports:
            if port.ifp.xname == name:
                return port
        raise KError(ENOENT, NOT_A_MEMBER)

    @control(BRDGADD)
    def _add(self, req: BRDGADD) -> None:
        ifs = ifunit(self.vnet, req.ifname)
        if ifs is None:
            raise KError(ENOENT, "No such interface")
        self._check_new(ifs)
        if not self.ports:
            self.mtu = ifs.mtu
        elif self.mtu != ifs.mtu:
            try:
                ifs.ioctl(SIOCSIFMTU(ifs.xname, self.mtu), None)
            except KError:
                self.kernel.log(LOG_NOTICE, f"{self.xname}: invalid MTU: {self.mtu} for new member {ifs.xname}")
                raise KError(EINVAL, "Failed to set MTU on new member") from None
        flags = IFBIF_LEARNING | IFBIF_DISCOVER | (IFBIF_QINQ if self.bflags & IFBRF_DEFQINQ else 0)
        port = BridgePort(ifs, flags, bridgestp.Port(self.stp, ifs))
        port.vlanproto, port.pvid = ETHERTYPE_VLAN, self.defpvid
        if self.vnet[BridgeModule].inherit_mac and not self.ports and self.lladdr == self.defaddr:
            self._inherit(ifs)
        ifs.bridge = self
        self.ports.insert(0, port)
        self.member[ifs] = port
        self._mutecaps()
        self.linkcheck()
        if ifs.type in (IFT_ETHER, IFT_L2VLAN):
            try:
                ifpromisc(ifs, True)
            except KError:
                self.delete_member(port, gone=False)
                raise

    def _check_new(self, ifs: Ifnet) -> None:
        """May it become a member?"""
        if ifs.type == IFT_L2VLAN:
            trunk = getattr(ifs, "trunk", None)
            if trunk is not None and trunk.parent.type == IFT_BRIDGE:
                raise KError(EINVAL, "Bridge SVI cannot be added to a bridge")
        if any(span.ifp is ifs for span in self.spans):
            raise KError(EBUSY, "Span interface cannot be a member")
        if ifs.bridge is self:
            raise KError(EEXIST, "Interface is already a member of this bridge")
        if ifs.bridge is not None:
            raise KError(EBUSY, "Interface is already a member of another bridge")
        if ifs.type not in (IFT_ETHER, IFT_L2VLAN, IFT_GIF):
            raise KError(EINVAL, UNSUPPORTED)
        module = self.vnet[BridgeModule]
        if not module.allow_llz_overlap and _has_linklocal(self):
            for ifp in (*(port.ifp for port in self.ports), ifs):
                self._strip_inet6(ifp)
        if ifs.type != IFT_GIF and any(ifa.family in (AF_INET, AF_INET6) for ifa in ifs.addrs):
            if not module.member_addresses:
                raise KError(EINVAL, "Member interface may not have an IP address assigned")
            self.kernel.log(
                6,
                f"{self.xname}: WARNING: Adding member interface {ifs.xname} which has an IP address assigned is deprecated "
                "and will be unsupported in a future release.",
            )

    def _strip_inet6(self, ifp: Ifnet) -> None:
        """A link-local zone cannot be on the bridge and on its members."""
        if not _has_linklocal(ifp):
            return
        from vshell.kernel.netinet6.in6_ifattach import in6_ifdetach

        in6_ifdetach(ifp)
        self.kernel.log(
            6,
            f"{self.xname}: IPv6 addresses on {ifp.xname} have been removed before adding it as a member to prevent IPv6 "
            "address scope violation.",
        )

    def _inherit(self, ifp: Ifnet | None) -> None:
        self.lladdr = ifp.lladdr if ifp is not None else self.defaddr
        self.ifaddr = ifp
        for event in iflladdr_event:
            event(self)

    def delete_member(self, port: BridgePort, gone: bool) -> None:
        """bridge_delete_member."""
        ifs, stp = port.ifp, port.stp
        assert stp is not None
        if port.flags & IFBIF_STP:
            stp.disable()
        ifs.bridge = None
        self.ports.remove(port)
        del self.member[ifs]
        if self.ifaddr is ifs and self.vnet[BridgeModule].inherit_mac:
            self._inherit(self.ports[0].ifp if self.ports else None)
        self.linkcheck()
        self._mutecaps()
        self.rtflush(True, port)
        if not gone:
            if ifs.type in (IFT_ETHER, IFT_L2VLAN) and ifs.flags & IFF_PROMISC:
                try:
                    ifpromisc(ifs, False)
                except KError:
                    pass
            self._set_ifcap(ifs, port.savedcaps)
        stp.destroy()

    def _mutecaps(self) -> None:
        """bridge_mutecaps: members can do what all of them can."""
        common = IFCAPS_MASK
        for port in self.ports:
            common &= port.savedcaps
        for port in self.ports:
            self._set_ifcap(port.ifp, port.ifp.capenable & ~(IFCAPS_STRIP | IFCAPS_MASK) | common)

    def _set_ifcap(self, ifp: Ifnet, wanted: int) -> None:
        if ifp.capenable == wanted:
            return
        try:
            ifp.ioctl(SIOCSIFCAP(ifp.xname, wanted), None)
        except KError as e:
            self.kernel.log(6, f"{self.xname}: error setting capabilities on {ifp.xname}: {e.errno}")
        stuck = ifp.capenable & (IFCAPS_MASK | IFCAPS_STRIP) & ~wanted
        if stuck:
            self.kernel.log(6, f"{self.xname}: can't disable some capabilities on {ifp.xname}: 0x{stuck:x}")

    @control(BRDGDEL)
    def _del(self, req: BRDGDEL) -> None:
        self.delete_member(self.lookup(req.ifname), gone=False)

    @control(BRDGADDS)
    def _addspan(self, req: BRDGADDS) -> None:
        ifs = ifunit(self.vnet, req.ifname)
        if ifs is None:
            raise KError(ENOENT, "No such interface")
        if any(span.ifp is ifs for span in self.spans):
            raise KError(EBUSY, "Interface is already a span port")
        if ifs.bridge is not None:
            raise KError(EEXIST, "Interface is already a bridge member")
        if ifs.type not in (IFT_ETHER, IFT_GIF, IFT_L2VLAN):
            raise KError(EINVAL, UNSUPPORTED)
        self.spans.insert(0, BridgePort(ifs, IFBIF_SPAN, None))

    @control(BRDGDELS)
    def _delspan(self, req: BRDGDELS) -> None:
        ifs = ifunit(self.vnet, req.ifname)
        if ifs is None:
            raise KError(ENOENT, "No such interface")
        for span in self.spans:
            if span.ifp is ifs:
                self.spans.remove(span)
                return
        raise KError(ENOENT, "Interface is not a span port")

    # members' properties ---------------------------------------------------------------------------------------
    def _describe(self, port: BridgePort) -> Member:
        stp = port.stp
        assert stp is not None
        flags = port.flags
        for bit, on in (
            (IFBIF_BSTP_EDGE, stp.operedge), (IFBIF_BSTP_AUTOEDGE, stp.flags & bridgestp.AUTOEDGE),
            (IFBIF_BSTP_PTP, stp.ptp_link), (IFBIF_BSTP_AUTOPTP, stp.flags & bridgestp.AUTOPTP),
            (IFBIF_BSTP_ADMEDGE, stp.flags & bridgestp.ADMEDGE), (IFBIF_BSTP_ADMCOST, stp.flags & bridgestp.ADMCOST),
        ):  # fmt: skip
            if on:
                flags |= bit
        return Member(
            port.ifp.xname, flags, stp.state, stp.priority, stp.path_cost, port.ifp.index & 0xFFF, stp.protover, stp.role,
            port.addrcnt, port.addrmax, port.addrexceeded, port.pvid, port.vlanproto,
        )  # fmt: skip

    @control(BRDGGIFFLGS, change=False)
    def _gifflags(self, req: BRDGGIFFLGS) -> Member:
        return self._describe(self.lookup(req.ifname))

    @control(BRDGSIFFLGS)
    def _sifflags(self, req: BRDGSIFFLGS) -> None:
        port = self.lookup(req.ifname)
        stp = port.stp
        assert stp is not None
        if req.flags & IFBIF_SPAN:
            raise KError(EINVAL, "Span interface cannot be modified")
        if req.flags & IFBIF_STP and not port.flags & IFBIF_STP:
            try:
                stp.enable()
            except KError as e:
                raise KError(e.errno, "Failed to enable STP") from None
        elif port.flags & IFBIF_STP and not req.flags & IFBIF_STP:
            stp.disable()
        stp.set_edge(bool(req.flags & IFBIF_BSTP_EDGE))
        stp.set_autoedge(bool(req.flags & IFBIF_BSTP_AUTOEDGE))
        stp.ptp_link = bool(req.flags & IFBIF_BSTP_PTP)
        stp.set_autoptp(bool(req.flags & IFBIF_BSTP_AUTOPTP))
        port.flags = req.flags & ~IFBIF_STP_FLAGS

    @control(BRDGGIFS, change=False)
    def _gifs(self, req: BRDGGIFS) -> tuple[Member, ...]:
        found = [self._describe(port) for port in self.ports]
        # The structure that held the last member is used again for span ports.
        last = found[-1] if found else Member()
        for span in self.spans:
            found.append(replace(last, ifname=span.ifp.xname, flags=span.flags, portno=span.ifp.index & 0xFFF))
        return tuple(found)

    @control(BRDGSIFPRIO)
    def _sifprio(self, req: BRDGSIFPRIO) -> None:
        self._stp_port(req).set_priority(req.value)

    @control(BRDGSIFCOST)
    def _sifcost(self, req: BRDGSIFCOST) -> None:
        self._stp_port(req).set_path_cost(req.value & 0xFFFFFFFF)

    def _stp_port(self, req: MemberControl) -> bridgestp.Port:
        stp = self.lookup(req.ifname).stp
        assert stp is not None
        return stp

    @control(BRDGSIFAMAX)
    def _sifmaxaddr(self, req: BRDGSIFAMAX) -> None:
        self.lookup(req.ifname).addrmax = req.value

    @control(BRDGSIFPVID)
    def _sifpvid(self, req: BRDGSIFPVID) -> None:
        port = self.lookup(req.ifname)
        if req.value > DOT1Q_VID_MAX:
            raise KError(EINVAL, "Invalid VLAN ID")
        port.pvid = req.value

    @control(BRDGSIFVLANPROTO)
    def _svlanproto(self, req: BRDGSIFVLANPROTO) -> None:
        port = self.lookup(req.ifname)
        if req.value not in (ETHERTYPE_VLAN, ETHERTYPE_QINQ):
            raise KError(EINVAL, "Invalid VLAN protocol")
        port.vlanproto = req.value

    @control(BRDGSIFVLANSET)
    def _sifvlanset(self, req: BRDGSIFVLANSET) -> None:
        port = self.lookup(req.ifname)
        if req.vlans & ~BRVLAN_ALL:
            raise KError(EINVAL, "Invalid VLAN ID in set")
        if req.op == BRDG_VLAN_OP_SET:
            port.vlans = req.vlans
        elif req.op == BRDG_VLAN_OP_ADD:
            port.vlans |= req.vlans
        else:
            port.vlans &= ~req.vlans

    @control(BRDGGIFVLANSET, change=False)
    def _gifvlanset(self, req: BRDGGIFVLANSET) -> int:
        return self.lookup(req.ifname).vlans

    # addresses -------------------------------------------------------------------------------------------------
    @control(BRDGRTS, change=False)
    def _rts(self, req: BRDGRTS) -> tuple[BridgeAddress, ...]:
        now = self.clock.now // SECOND
        return tuple(
            BridgeAddress(
                n.port.ifp.xname, n.addr, n.vlan,
                max(n.expire - now, 0) if n.flags & IFBAF_TYPEMASK == IFBAF_DYNAMIC else 0, n.flags,
            )
            for n in reversed(self.table.values())
        )  # fmt: skip

    @control(BRDGSADDR)
    def _saddr(self, req: BRDGSADDR) -> None:
        error = self.rtupdate(req.addr, req.vlan, self.lookup(req.ifname), req.flags)
        if error is not None:
            raise KError(*error)

    @control(BRDGDADDR)
    def _daddr(self, req: BRDGDADDR) -> None:
        found = [n for n in self.table.values() if n.addr == req.addr and req.vlan in (0, n.vlan)]
        if not found:
            raise KError(ENOENT)
        for node in found:
            self.rtdestroy(node)

    @control(BRDGFLUSH)
    def _flush(self, req: BRDGFLUSH) -> None:
        self.rtflush(bool(req.how))

    # the bridge's properties -----------------------------------------------------------------------------------
    @control(BRDGPARAM, change=False)
    def _gbparam(self, req: BRDGPARAM) -> BridgeParam:
        bs = self.stp
        return BridgeParam(
            bs.max_age >> 8, bs.htime >> 8, bs.fdelay >> 8, bs.root_port.ifp.index if bs.root_port is not None else 0,
            bs.txholdcount, bs.priority, bs.protover, bs.root_pv[1], bs.bridge_pv[2], bs.root_pv[0],
        )  # fmt: skip

    @control(BRDGGCACHE, change=False)
    def _gcache(self, req: BRDGGCACHE) -> int:
        return self.tablemax

    @control(BRDGSCACHE)
    def _scache(self, req: ValueControl) -> None:
        self.tablemax = req.value
        self.rttrim()

    @control(BRDGGTO, change=False)
    def _gto(self, req: BRDGGTO) -> int:
        return self.timeout

    @control(BRDGSTO)
    def _sto(self, req: ValueControl) -> None:
        self.timeout = req.value

    @control(BRDGGFLAGS, change=False)
    def _gflags(self, req: BRDGGFLAGS) -> int:
        return self.bflags

    @control(BRDGSFLAGS)
    def _sflags(self, req: ValueControl) -> None:
        self.bflags = req.value

    @control(BRDGGDEFPVID, change=False)
    def _gdefpvid(self, req: BRDGGDEFPVID) -> int:
        return self.defpvid

    @control(BRDGSDEFPVID)
    def _sdefpvid(self, req: ValueControl) -> None:
        if req.value > DOT1Q_VID_MAX:
            raise KError(EINVAL)
        self.defpvid = req.value

    @control(BRDGSPRI)
    def _spri(self, req: ValueControl) -> None:
        self.stp.set_priority(req.value)

    @control(BRDGSHT)
    def _sht(self, req: ValueControl) -> None:
        self.stp.set_htime(req.value)

    @control(BRDGSFD)
    def _sfd(self, req: ValueControl) -> None:
        self.stp.set_fdelay(req.value)

    @control(BRDGSMA)
    def _sma(self, req: ValueControl) -> None:
        self.stp.set_maxage(req.value)

    @control(BRDGSTXHC)
    def _stxhc(self, req: ValueControl) -> None:
        self.stp.set_holdcount(req.value)

    @control(BRDGSPROTO)
    def _sproto(self, req: ValueControl) -> None:
        self.stp.set_protocol(req.value)


def _has_linklocal(ifp: Ifnet) -> bool:
    """in6ifa_llaonifp."""
    return any(ifa.family == AF_INET6 and ifa.addr[0] == 0xFE and ifa.addr[1] & 0xC0 == 0x80 for ifa in ifp.addrs)


def bridge_ifdetach(ifp: Ifnet) -> None:
    """A member or span port leaves the stack."""
    if ifp.flags & IFF_RENAMING:
        return
    bridge = ifp.bridge
    if isinstance(bridge, Bridge):
        bridge.delete_member(bridge.member[ifp], gone=True)
        return
    module = ifp.vnet.get(BridgeModule)
    for other in module.bridges if module is not None else ():
        other.spans[:] = [span for span in other.spans if span.ifp is not ifp]


ifnet_departure_event.append(bridge_ifdetach)
