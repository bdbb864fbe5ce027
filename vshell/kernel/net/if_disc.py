"""disc(4): an interface that throws away everything sent to it (net/if_disc.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EAFNOSUPPORT, EINVAL, KError
from vshell.abi.sockio import (
    IFF_DRV_RUNNING,
    IFF_LOOPBACK,
    IFF_MULTICAST,
    IFT_LOOP,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCSIFMTU,
)  # fmt: skip
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.ifnet import Ifnet, if_attach, if_detach

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.mbuf import Mbuf

DSMTU = 65532


@cloner("disc")
class Disc(Ifnet):
    """disc(4)."""

    type = IFT_LOOP

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Disc:
        """disc_clone_create."""
        ifp = cls(ifc.vnet.kernel, "disc", unit)
        ifp.mtu = DSMTU
        ifp.flags = IFF_LOOPBACK | IFF_MULTICAST | IFF_DRV_RUNNING
        if_attach(ifp, ifc.vnet)
        return ifp

    def destroy(self) -> None:
        """disc_clone_destroy."""
        if_detach(self)

    def output(self, m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
        """discoutput."""
        if self.bpf:
            for tap in self.bpf:
                tap(self, m, True)
        self.opackets += 1
        self.obytes += len(m)
        return 0

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """discioctl."""
        if isinstance(request, SIOCSIFMTU):
            self.mtu = request.mtu
            return
        raise KError(EAFNOSUPPORT if isinstance(request, (SIOCADDMULTI, SIOCDELMULTI)) else EINVAL)
