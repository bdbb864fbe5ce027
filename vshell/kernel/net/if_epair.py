"""epair(4): two Ethernet interfaces with a cable between them (net/if_epair.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import E2BIG, EEXIST, ENETDOWN, ENOSPC, ENXIO, KError
from vshell.abi.if_media import IFM_10G_T, IFM_ACTIVE, IFM_AVALID, IFM_ETHER, IFM_FDX
from vshell.abi.sockio import (
    IFCAP_RXCSUM,
    IFCAP_RXCSUM_IPV6,
    IFCAP_TXCSUM,
    IFCAP_TXCSUM_IPV6,
    IFCAP_VLAN_HWTAGGING,
    IFCAP_VLAN_MTU,
    IFF_DRV_RUNNING,
    IFF_UP,
    IFNAMSIZ,
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
from vshell.abi.topology import WIRE
from vshell.kernel.kern.module import KernelModule, sysctl_proc
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_clone import IfCloner, cloner, if_clone_destroyif, ifc_name2unit
from vshell.kernel.net.if_ethersubr import EtherIfnet, ether_gen_addr, ether_ifattach, ether_ifdetach, ether_input
from vshell.kernel.net.if_media import Ifmedia
from vshell.kernel.net.ifioctl import ifunit
from vshell.kernel.net.ifnet import if_link_state_change
from vshell.kernel.net.mbuf import M_BCAST, M_CSUM_IP, M_MCAST, M_SPLIT, M_VLANTAG

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.ifnet import Wiring
    from vshell.kernel.net.mbuf import Mbuf

CAPABILITIES = (
    IFCAP_VLAN_MTU | IFCAP_VLAN_HWTAGGING | IFCAP_TXCSUM | IFCAP_RXCSUM | IFCAP_TXCSUM_IPV6 | IFCAP_RXCSUM_IPV6
)  # fmt: skip
SHARED = IFCAP_TXCSUM | IFCAP_TXCSUM_IPV6 | IFCAP_VLAN_HWTAGGING
"""Capabilities both ends have or have not."""

WORKING = IFF_UP | IFF_DRV_RUNNING
MCAST = M_BCAST | M_MCAST


class EpairModule(KernelModule):
    """Settings of all epairs."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self.use_ether_gen_addr = True

    @sysctl_proc(
        "net.link.epair.ether_gen_addr", "Generate MAC with FreeBSD OUI using ether_gen_addr(9)", flags="wt", fmt="uint8_t"
    )
    def ether_gen_addr(self, td: Any, new: Any) -> int:
        """Where addresses come from."""
        if new is not None:
            self.use_ether_gen_addr = bool(new)
        return int(self.use_ether_gen_addr)


@cloner("epair", autounit=False)
class Epair(EtherIfnet):
    """One end of a pair."""

    __slots__ = ("netisrq", "oifp")

    driver = "epair"
    oifp: Epair
    """The other end."""

    def __init__(self, kernel: Kernel, name: str, unit: int) -> None:
        super().__init__(kernel, self.driver, unit)
        self.xname = name
        self.capabilities = self.capenable = CAPABILITIES
        self.baudrate = 10_000_000_000
        self.media = Ifmedia(
            (IFM_ETHER | IFM_10G_T,),
            lambda: (IFM_AVALID | IFM_ACTIVE, IFM_ETHER | IFM_10G_T | IFM_FDX),
            lambda: None,
        )
        self.netisrq = kernel.netisrq
        self.paired = True

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Epair:
        """epair_clone_create."""
        unit, name = handle_unit(ifc, name)
        kernel = ifc.vnet.kernel
        a, b = cls(kernel, name + "a", unit), cls(kernel, name + "b", unit)
        a.oifp, b.oifp = b, a
        first, second = generate_macs(kernel, a, b, td)
        ether_ifattach(a, ifc.vnet, first)
        ether_ifattach(b, ifc.vnet, second)
        ifc.link_ifp(b)
        a.set_state(True)
        b.set_state(True)
        return a

    def destroy(self) -> None:
        """epair_clone_destroy: the other end goes along, wherever it is."""
        if not self.paired:
            return
        other, ifc = self.oifp, self.cloner
        assert ifc is not None
        self.set_state(False)
        other.set_state(False)
        ether_ifdetach(self)
        ether_ifdetach(other)
        other.paired = False
        if_clone_destroyif(ifc, other, force=True)
        ifc.free_unit(self.dunit)

    def wiring(self) -> Iterable[Wiring]:
        """Its other end."""
        return ((WIRE, self.oifp),)

    def set_state(self, running: bool) -> None:
        """epair_set_state."""
        if running:
            self.flags |= IFF_DRV_RUNNING
            if_link_state_change(self, LINK_STATE_UP)
        else:
            if_link_state_change(self, LINK_STATE_DOWN)
            self.flags &= ~IFF_DRV_RUNNING

    def transmit(self, m: Mbuf) -> int:
        """epair_transmit: hand the frame to the other end."""
        size = len(m.data) - m.off
        if size > self.mtu + 18:
            self.oerrors += 1
            drop(self, m, "epair_transmit", "frame is longer than the MTU", True)
            return E2BIG
        other = self.oifp
        if self.flags & other.flags & WORKING != WORKING:
            return self._down(m)
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        m.rcvif = other
        m.tags = None
        self.opackets += 1
        self.obytes += size
        flags = m.flags
        if flags and flags != M_CSUM_IP:
            if flags & MCAST:
                self.omcasts += 1
            m.flags = flags & (M_VLANTAG | M_CSUM_IP | M_SPLIT)
        other.ipackets += 1
        self.netisrq.append((ether_input, other, m))
        return 0

    def _down(self, m: Mbuf) -> int:
        """One of the ends does not work: an error if it is this one, else the frame is sent for nothing."""
        self.oerrors += 1
        if self.flags & WORKING != WORKING:
            drop(self, m, "epair_transmit", "interface is down", True)
            return ENETDOWN if self.flags & IFF_DRV_RUNNING else ENXIO
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        drop(self, m, "epair_transmit", "the other end is down", True)
        return 0

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """epair_ioctl."""
        if isinstance(request, (SIOCSIFFLAGS, SIOCADDMULTI, SIOCDELMULTI)):
            return None
        if isinstance(request, SIOCGIFMEDIA):
            return self.media.get()
        if isinstance(request, SIOCSIFMEDIA):
            return self.media.set(request.media)
        if isinstance(request, SIOCSIFMTU):
            self.mtu = request.mtu
            return None
        if isinstance(request, SIOCSIFCAP):
            return self._setcap(request.reqcap)
        return super().ioctl(request, td)

    def _setcap(self, wanted: int) -> None:
        # Incoming packets may claim a good checksum, so receive offload cannot be switched off.
        self.capenable = wanted | IFCAP_RXCSUM | IFCAP_RXCSUM_IPV6
        other = self.oifp
        other.capenable = other.capenable & ~SHARED | self.capenable & SHARED
        for end in (self, other):
            if end.vlantrunk is not None:
                end.vlantrunk.capabilities(end)


def handle_unit(ifc: IfCloner, name: str) -> tuple[int, str]:
    """epair_handle_unit: (unit, name of the pair)."""
    unit = ifc_name2unit(name)
    wildcard = unit < 0
    unit = ifc.alloc_unit(unit)
    if wildcard:
        name = f"{name}{unit}"
    try:
        if len(name) + 1 >= IFNAMSIZ:
            raise KError(ENOSPC)
        if ifunit(ifc.vnet, name + "b") is not None or ifunit(ifc.vnet, name + "a") is not None:
            raise KError(EEXIST)
    except KError:
        ifc.free_unit(unit)
        raise
    return unit, name


def generate_macs(kernel: Kernel, a: Epair, b: Epair, td: Proc | None) -> tuple[bytes, bytes]:
    """Addresses for both ends."""
    prison = td.ucred.prison if td is not None else kernel.prison0
    module = kernel[EpairModule]
    if module.use_ether_gen_addr:
        return ether_gen_addr(kernel, prison, a.xname), ether_gen_addr(kernel, prison, b.xname)
    middle = kernel.random.bytes(4)
    return b"\x02" + middle + b"\x0a", b"\x02" + middle + b"\x0b"
