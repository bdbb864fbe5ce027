"""edsc(4): an Ethernet interface that throws away everything sent to it (net/if_edsc.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.sockio import (
    IFCAP_HWCSUM,
    IFCAP_JUMBO_MTU,
    IFCAP_TSO,
    IFCAP_VLAN_HWCSUM,
    IFCAP_VLAN_HWTAGGING,
    IFCAP_VLAN_MTU,
    IFF_DRV_RUNNING,
    SIOCSIFCAP,
)  # fmt: skip
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.if_ethersubr import EtherIfnet, ether_gen_addr, ether_ifattach, ether_ifdetach

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.mbuf import Mbuf


@cloner("edsc")
class Edsc(EtherIfnet):
    """edsc(4)."""

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Edsc:
        """edsc_clone_create."""
        kernel = ifc.vnet.kernel
        ifp = cls(kernel, "edsc", unit)
        # It can pretend to have any feature of hardware; all are off at first.
        ifp.capabilities = IFCAP_VLAN_MTU | IFCAP_VLAN_HWTAGGING | IFCAP_VLAN_HWCSUM | IFCAP_HWCSUM | IFCAP_TSO | IFCAP_JUMBO_MTU
        prison = td.ucred.prison if td is not None else kernel.prison0
        ether_ifattach(ifp, ifc.vnet, ether_gen_addr(kernel, prison, name))
        ifp.flags |= IFF_DRV_RUNNING
        return ifp

    def destroy(self) -> None:
        """edsc_clone_destroy."""
        ether_ifdetach(self)

    def transmit(self, m: Mbuf) -> int:
        """edsc_start."""
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        self.obytes += len(m)
        self.opackets += 1
        return 0

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """edsc_ioctl."""
        if isinstance(request, SIOCSIFCAP):
            self.capenable = request.reqcap
            return None
        return super().ioctl(request, td)
