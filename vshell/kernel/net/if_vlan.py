"""vlan(4): IEEE 802.1Q and 802.1ad interfaces on top of Ethernet ones (net/if_vlan.c).

A trunk is what hangs on the parent (`ifp.vlantrunk`): its VLANs by number.  It does not matter in which stack a VLAN and its
parent are: frames go from one interface to the other, not through the stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EBUSY, EEXIST, EINVAL, ENETDOWN, ENOENT, ENXIO, EPERM, EPROTONOSUPPORT, KError
from vshell.abi.if_vlan import (
    SIOCGETVLAN,
    SIOCGVLANPCP,
    SIOCSETVLAN,
    SIOCSVLANPCP,
    VLAN_PCP_MAX,
    VlanReq,
)  # fmt: skip
from vshell.abi.record import replace
from vshell.abi.socket import AF_INET
from vshell.abi.sockio import (
    IFCAP_HWCSUM,
    IFCAP_HWCSUM_IPV6,
    IFCAP_LINKSTATE,
    IFCAP_LRO,
    IFCAP_MEXTPG,
    IFCAP_TOE,
    IFCAP_TSO,
    IFCAP_TXTLS,
    IFCAP_TXTLS_RTLMT,
    IFCAP_VLAN_HWCSUM,
    IFCAP_VLAN_HWTAGGING,
    IFCAP_VLAN_HWTSO,
    IFCAP_VLAN_MTU,
    IFF_ALLMULTI,
    IFF_BROADCAST,
    IFF_DRV_RUNNING,
    IFF_MULTICAST,
    IFF_PROMISC,
    IFF_RENAMING,
    IFF_SIMPLEX,
    IFF_UP,
    IFT_BRIDGE,
    IFT_ETHER,
    IFT_L2VLAN,
    LINK_STATE_UNKNOWN,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCGIFMEDIA,
    SIOCSIFCAP,
    SIOCSIFFLAGS,
    SIOCSIFMTU,
)  # fmt: skip
from vshell.abi.topology import ON
from vshell.kernel.kern.kern_priv import PRIV_NET_SETLANPCP, priv_check
from vshell.kernel.kern.module import SI_SUB_PROTO_IFATTACHDOMAIN
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_clone import IfCloner, cloner, ifc_name2unit
from vshell.kernel.net.if_ethersubr import (
    ETHER_VLAN_ENCAP_LEN,
    ETHERMTU,
    EtherIfnet,
    arp_ifinit,
    ether_ifattach,
    ether_ifdetach,
    ether_input,
    ether_vlanencap,
)  # fmt: skip
from vshell.kernel.net.ifhwioctl import if_notifymtu
from vshell.kernel.net.ifioctl import ifunit
from vshell.kernel.net.ifnet import (
    Ifaddr,
    Ifnet,
    if_allmulti,
    if_link_state_change,
    if_setlladdr,
    iflladdr_event,
    ifnet_departure_event,
    ifpromisc,
)  # fmt: skip
from vshell.kernel.net.mbuf import M_BCAST, M_MCAST, M_VLANTAG
from vshell.wire.ether import ETHERTYPE_VLAN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.ifnet import Wiring
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

WORKING = IFF_UP | IFF_DRV_RUNNING
VLAN_IFFLAGS = IFF_BROADCAST | IFF_MULTICAST
ETHERMIN = 46
ALL_CAPS = (1 << 35) - 1


class VlanTrunk:
    """The VLANs of one parent (struct ifvlantrunk)."""

    __slots__ = ("parent", "vlans")

    def __init__(self, parent: Ifnet) -> None:
        self.parent = parent
        self.vlans: dict[int, Vlan] = {}

    def input(self, ifp: Ifnet, m: Mbuf) -> None:
        """vlan_input: a tagged frame came in on the parent."""
        m.flags &= ~M_VLANTAG
        vlan = self.vlans.get(m.vtag & 0xFFF)
        if vlan is None or vlan.flags & WORKING != WORKING:
            ifp.noproto += 1
            return
        m.rcvif = vlan
        vlan.ipackets += 1
        ether_input(vlan, m)

    def linkstate(self, ifp: Ifnet) -> None:
        """vlan_link_state."""
        for vlan in list(self.vlans.values()):
            vlan.baudrate = self.parent.baudrate
            if_link_state_change(vlan, self.parent.link_state)

    def capabilities(self, ifp: Ifnet) -> None:
        """vlan_trunk_capabilities."""
        for vlan in self.vlans.values():
            vlan.set_capabilities()


def _match(ifc: IfCloner, name: str) -> bool:
    """vlan_clone_match: PARENT.TAG, or vlanN."""
    return match_ethervid(ifc.vnet, name) is not None or IfCloner.match(ifc, name)


def match_ethervid(vnet: Vnet, name: str) -> tuple[Ifnet, int] | None:
    """Parent and tag in an interface's name."""
    parent, dot, tag = name.rpartition(".")
    if not dot or not tag or not (tag.isascii() and tag.isdigit()):
        return None
    ifp = ifunit(vnet, parent)
    return None if ifp is None else (ifp, int(tag))


@cloner("vlan", autounit=False, match=_match, sub=SI_SUB_PROTO_IFATTACHDOMAIN)
class Vlan(EtherIfnet):
    """vlan(4)."""

    type = IFT_L2VLAN

    def __init__(self, kernel: Kernel, name: str, unit: int | None) -> None:
        super().__init__(kernel, "vlan", unit)
        self.xname = name
        self.flags = VLAN_IFFLAGS
        self.trunk: VlanTrunk | None = None
        self.vid = self.proto = self.vpcp = 0
        self.pflags = 0
        """Flags we hold on the parent."""
        self.mtufudge = 0
        self.reqcap = ALL_CAPS

    # life ------------------------------------------------------------------------------------------------------
    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Vlan:
        """vlan_clone_create: parent and tag come as parameters, in the name, or later."""
        parent, tag, proto = None, 0, ETHERTYPE_VLAN
        if isinstance(params, VlanReq):
            tag, proto = params.tag, params.proto or ETHERTYPE_VLAN
            parent = ifunit(ifc.vnet, params.parent)
            if parent is None:
                raise KError(ENXIO)
        allocated: int | None = None
        try:
            unit = ifc_name2unit(name)
        except KError:
            found = match_ethervid(ifc.vnet, name)
            if found is None:
                raise KError(ENXIO) from None
            if parent is not None and parent is not found[0]:
                raise KError(EINVAL) from None
            parent, tag = found
        else:
            # So does a name without digits in front of the dot: a stack has one "lan.100" and no "wan.100" beside it.
            allocated = ifc.alloc_unit(unit)
            if unit < 0:
                name = f"{name}{allocated}"
        ifp = cls(ifc.vnet.kernel, name, allocated)
        ether_ifattach(ifp, ifc.vnet, bytes(6))
        ifp.baudrate, ifp.hdrlen = 0, ETHER_VLAN_ENCAP_LEN
        if parent is not None:
            try:
                ifp.config(parent, tag, proto)
            except KError:
                ether_ifdetach(ifp)
                ifc.free_unit(allocated)
                raise
        return ifp

    def wiring(self) -> Iterable[Wiring]:
        """The interface it is on."""
        return ((ON, self.trunk.parent),) if self.trunk is not None else ()

    def destroy(self) -> None:
        """vlan_clone_destroy."""
        if self.vlantrunk is not None:
            raise KError(EBUSY)
        ether_ifdetach(self)
        self.unconfig()
        if self.cloner is not None:
            self.cloner.free_unit(self.dunit)

    def config(self, parent: Ifnet, vid: int, proto: int) -> None:
        """vlan_config."""
        if parent.type not in (IFT_ETHER, IFT_L2VLAN, IFT_BRIDGE) and not parent.capenable & IFCAP_VLAN_HWTAGGING:
            raise KError(EPROTONOSUPPORT)
        if parent.flags & VLAN_IFFLAGS != VLAN_IFFLAGS:
            raise KError(EPROTONOSUPPORT)
        if not 0 < vid < 0xFFF:
            raise KError(EINVAL)
        if self.trunk is not None:
            self._retag(parent, vid, proto)
            return
        trunk = parent.vlantrunk or VlanTrunk(parent)
        if vid in trunk.vlans:
            raise KError(EEXIST)
        parent.vlantrunk = trunk
        trunk.vlans[vid] = self
        self.vid, self.proto, self.vpcp, self.pcp = vid, proto, 0, 0
        self.pflags, self.reqcap = 0, ALL_CAPS
        self.mtufudge = 0 if parent.capenable & IFCAP_VLAN_MTU else ETHER_VLAN_ENCAP_LEN
        self.trunk = trunk
        self.mtu = parent.mtu - self.mtufudge
        self.baudrate = parent.baudrate
        self.flags = self.flags & ~IFF_SIMPLEX | parent.flags & IFF_SIMPLEX
        self.link_state = parent.link_state
        self.set_capabilities()
        if self.lladdr != parent.lladdr:
            if_setlladdr(self, parent.lladdr)
        self.flags |= IFF_DRV_RUNNING
        self.set_parent_flags(True)

    def _retag(self, parent: Ifnet, vid: int, proto: int) -> None:
        trunk = self.trunk
        assert trunk is not None
        if trunk.parent is not parent:
            raise KError(EBUSY)
        self.proto = proto
        if vid != self.vid:
            if vid in trunk.vlans:
                raise KError(EEXIST)
            del trunk.vlans[self.vid]
            trunk.vlans[vid] = self
            self.vid = vid

    def unconfig(self) -> None:
        """vlan_unconfig: the parent is taken away."""
        trunk = self.trunk
        if trunk is not None:
            self.set_parent_flags(False)
            del trunk.vlans[self.vid]
            self.trunk = None
            if not trunk.vlans:
                trunk.parent.vlantrunk = None
        self.mtu = ETHERMTU
        self.link_state = LINK_STATE_UNKNOWN
        self.flags &= ~IFF_DRV_RUNNING

    def set_parent_flags(self, on: bool) -> None:
        """vlan_setflags: what we want of the parent, counted there."""
        assert self.trunk is not None
        for bit, change in ((IFF_PROMISC, ifpromisc), (IFF_ALLMULTI, if_allmulti)):
            wanted = self.flags & bit if on else 0
            if wanted != self.pflags & bit:
                change(self.trunk.parent, bool(wanted))
                self.pflags = self.pflags & ~bit | wanted

    def set_capabilities(self) -> None:
        """vlan_capabilities: what the parent can do for tagged frames too."""
        assert self.trunk is not None
        p = self.trunk.parent
        have, on = p.capabilities, p.capenable
        mine = on & self.reqcap
        always = IFCAP_TOE | IFCAP_LINKSTATE | IFCAP_MEXTPG | IFCAP_TXTLS | IFCAP_TXTLS_RTLMT
        cap, ena = have & always, mine & always
        if have & IFCAP_VLAN_HWCSUM:
            cap |= have & (IFCAP_HWCSUM | IFCAP_HWCSUM_IPV6 | IFCAP_LRO)
        if on & IFCAP_VLAN_HWCSUM:
            ena |= mine & IFCAP_LRO
            if on & IFCAP_VLAN_HWTAGGING:
                ena |= mine & (IFCAP_HWCSUM | IFCAP_HWCSUM_IPV6)
        if have & IFCAP_VLAN_HWTSO:
            cap |= have & IFCAP_TSO
        if on & IFCAP_VLAN_HWTSO:
            ena |= mine & IFCAP_TSO
        self.capabilities, self.capenable = cap, ena

    # data ------------------------------------------------------------------------------------------------------
    def transmit(self, m: Mbuf) -> int:
        """vlan_transmit: tag the frame and send it as the parent would."""
        trunk = self.trunk
        if trunk is None:
            self.oerrors += 1
            drop(self, m, "vlan_transmit", "the VLAN has no parent", link=True)
            return ENETDOWN
        p = trunk.parent
        size = len(m)
        multicast = m.flags & (M_BCAST | M_MCAST)
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        if p.flags & WORKING != WORKING:
            self.oerrors += 1
            drop(self, m, "vlan_transmit", f"parent {p.xname} is not up and running", link=True)
            return ENETDOWN
        pcp = m.vtag >> 13 if m.flags & M_VLANTAG else self.vpcp
        m.vtag = pcp << 13 | self.vid
        if p.capenable & IFCAP_VLAN_HWTAGGING and self.proto == ETHERTYPE_VLAN:
            m.flags |= M_VLANTAG
        else:
            ether_vlanencap(m, self.proto)
        error = p.transmit(m)
        if error:
            self.oerrors += 1
            return error
        self.opackets += 1
        self.obytes += size
        if multicast:
            self.omcasts += 1
        return 0

    def setaddr(self, ifa: Ifaddr) -> None:
        """vlan_ioctl(SIOCSIFADDR)."""
        self.flags |= IFF_UP
        if ifa.family == AF_INET:
            for announce in arp_ifinit:
                announce(self, ifa)

    # requests --------------------------------------------------------------------------------------------------
    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """vlan_ioctl."""
        if isinstance(request, SIOCGIFMEDIA):
            if self.trunk is None:
                raise KError(EINVAL)
            media = self.trunk.parent.ioctl(request, td)
            return replace(media, ulist=(media.current,))
        if isinstance(request, SIOCSIFMTU):
            return self._setmtu(request.mtu)
        if isinstance(request, SIOCSIFFLAGS):
            return self.set_parent_flags(True) if self.trunk is not None else None
        if isinstance(request, (SIOCADDMULTI, SIOCDELMULTI)):
            return None
        if isinstance(request, SIOCSIFCAP):
            self.reqcap = request.reqcap
            return self.set_capabilities() if self.trunk is not None else None
        if isinstance(request, (SIOCSETVLAN, SIOCGETVLAN, SIOCSVLANPCP, SIOCGVLANPCP)):
            if self.vnet is not self.home_vnet:
                raise KError(EPERM)
            return self._vlan_request(request, td)
        raise KError(EINVAL)

    def _setmtu(self, mtu: int) -> None:
        if self.trunk is None or not ETHERMIN - self.mtufudge <= mtu <= self.trunk.parent.mtu - self.mtufudge:
            raise KError(EINVAL)
        self.mtu = mtu

    def _vlan_request(self, request: Record, td: Proc | None) -> Any:
        if isinstance(request, SIOCGETVLAN):
            return VlanReq(self.trunk.parent.xname, self.vid, self.proto) if self.trunk is not None else VlanReq()
        if isinstance(request, SIOCGVLANPCP):
            return self.vpcp
        if isinstance(request, SIOCSVLANPCP):
            if td is not None:
                priv_check(td, PRIV_NET_SETLANPCP)
            if not 0 <= request.pcp <= VLAN_PCP_MAX:
                raise KError(EINVAL)
            self.vpcp = self.pcp = request.pcp
            return None
        assert isinstance(request, SIOCSETVLAN)
        return self._setvlan(request.vlan)

    def _setvlan(self, wanted: VlanReq) -> None:
        if not wanted.parent:
            self.unconfig()
            return
        parent = ifunit(self.vnet, wanted.parent)
        if parent is None:
            raise KError(ENOENT)
        if self.bridge is not None and parent.type == IFT_BRIDGE:
            raise KError(EINVAL)
        old = self.mtu
        try:
            self.config(parent, wanted.tag, wanted.proto or ETHERTYPE_VLAN)
        finally:
            if self.mtu != old:
                if_notifymtu(self)


def vlan_ifdetach(ifp: Ifnet) -> None:
    """The parent leaves its stack: its VLANs lose it."""
    if ifp.flags & IFF_RENAMING or not isinstance(ifp.vlantrunk, VlanTrunk):
        return
    for vlan in list(ifp.vlantrunk.vlans.values()):
        vlan.unconfig()


def vlan_iflladdr(ifp: Ifnet) -> None:
    """The parent has another address: so have its VLANs."""
    if isinstance(ifp.vlantrunk, VlanTrunk):
        for vlan in list(ifp.vlantrunk.vlans.values()):
            if_setlladdr(vlan, ifp.lladdr)


ifnet_departure_event.append(vlan_ifdetach)
iflladdr_event.append(vlan_iflladdr)
