"""vtnet(4): the machine's network cards, VirtIO ones (dev/virtio/network/if_vtnet.c).

The link is up, but nothing is at its other end: frames leave and are counted, none arrives.  `wire` is where something
else may be connected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, ENETDOWN, KError
from vshell.abi.if_media import IFM_10G_T, IFM_ACTIVE, IFM_AUTO, IFM_AVALID, IFM_ETHER, IFM_FDX
from vshell.abi.sockio import (
    IFCAP_HWSTATS,
    IFCAP_JUMBO_MTU,
    IFCAP_LINKSTATE,
    IFCAP_NETMAP,
    IFCAP_VLAN_HWFILTER,
    IFCAP_VLAN_MTU,
    IFF_DRV_RUNNING,
    IFF_UP,
    LINK_STATE_UP,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCGIFMEDIA,
    SIOCSIFCAP,
    SIOCSIFFLAGS,
    SIOCSIFMEDIA,
    SIOCSIFMTU,
)  # fmt: skip
from vshell.kernel.kern.module import VnetModule
from vshell.kernel.net.if_ethersubr import EtherIfnet, ether_ifattach
from vshell.kernel.net.if_media import Ifmedia
from vshell.kernel.net.ifnet import if_link_state_change
from vshell.kernel.net.mbuf import M_BCAST, M_MCAST

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.mbuf import Mbuf

SI_SUB_CONFIGURE = 0x3800000
CARDS = (b"\x58\x9c\xfc\x00\x00\x01", b"\x58\x9c\xfc\x00\x00\x02")
"""Addresses of the cards a machine has."""

MIN_MTU, MAX_MTU = 68, 65536


class Vtnet(EtherIfnet):
    """One card."""

    wire: Callable[[Mbuf], None] | None = None

    def __init__(self, kernel: Kernel, unit: int) -> None:
        super().__init__(kernel, "vtnet", unit)
        self.baudrate = 10_000_000_000
        self.capenable = IFCAP_VLAN_MTU | IFCAP_JUMBO_MTU | IFCAP_LINKSTATE | IFCAP_HWSTATS
        self.capabilities = self.capenable | IFCAP_VLAN_HWFILTER | IFCAP_NETMAP
        self.media = Ifmedia(
            (IFM_ETHER | IFM_AUTO,), lambda: (IFM_AVALID | IFM_ACTIVE, IFM_ETHER | IFM_10G_T | IFM_FDX)
        )  # fmt: skip

    def init(self) -> None:
        """vtnet_init."""
        self.flags |= IFF_DRV_RUNNING
        if_link_state_change(self, LINK_STATE_UP)

    def transmit(self, m: Mbuf) -> int:
        """vtnet_txq_mq_start."""
        if not self.flags & IFF_DRV_RUNNING:
            return ENETDOWN
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        self.opackets += 1
        self.obytes += len(m)
        if m.flags & (M_BCAST | M_MCAST):
            self.omcasts += 1
        if self.wire is not None:
            self.wire(m)
        return 0

    def receive(self, m: Mbuf) -> None:
        """vtnet_rxq_eof: a frame came in on the wire."""
        if self.flags & (IFF_UP | IFF_DRV_RUNNING) == IFF_UP | IFF_DRV_RUNNING:
            self.ipackets += 1
            self.ibytes += len(m)
            self.input(m)

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """vtnet_ioctl."""
        if isinstance(request, SIOCSIFFLAGS):
            return self._setflags()
        if isinstance(request, (SIOCADDMULTI, SIOCDELMULTI)):
            return None
        if isinstance(request, SIOCGIFMEDIA):
            return self.media.get()
        if isinstance(request, SIOCSIFMEDIA):
            return self.media.set(request.media)
        if isinstance(request, SIOCSIFMTU):
            if not MIN_MTU <= request.mtu <= MAX_MTU:
                raise KError(EINVAL)
            self.mtu = request.mtu
            return None
        if isinstance(request, SIOCSIFCAP):
            self.capenable ^= (self.capenable ^ request.reqcap) & IFCAP_VLAN_HWFILTER
            if self.vlantrunk is not None:
                self.vlantrunk.capabilities(self)
            return None
        return super().ioctl(request, td)

    def _setflags(self) -> None:
        if not self.flags & IFF_UP:
            self.flags &= ~IFF_DRV_RUNNING
        elif not self.flags & IFF_DRV_RUNNING:
            self.init()


class VirtioNetwork(VnetModule, sub=SI_SUB_CONFIGURE):
    """Finds the cards when the machine boots."""

    def init(self) -> None:
        """vtnet_attach for each card; they belong to the first stack."""
        kernel = self.vnet.kernel
        if self.vnet is not kernel.vnet0:
            return
        for unit, address in enumerate(CARDS):
            ifp = Vtnet(kernel, unit)
            # The link state stays unknown until the card is initialised.
            ether_ifattach(ifp, self.vnet, address)
