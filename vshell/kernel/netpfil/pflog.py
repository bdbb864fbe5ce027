"""pflog(4): where packets that rules of pf(4) log can be seen (net/if_pflog.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.bpf import DLT_PFLOG
from vshell.abi.errno import EINVAL, KError
from vshell.abi.sockio import IFF_DRV_RUNNING, IFF_UP, SIOCSIFFLAGS
from vshell.kernel.kern.module import Kld
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.ifnet import Ifnet, if_attach, if_detach

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.mbuf import Mbuf

IFT_PFLOG = 0xF6
PFLOGMTU = 33160
PFLOGIFS_MAX = 16
KLD = Kld(depends=("pf",), size=0x3000)


@cloner("pflog", minifs=1, maxunit=PFLOGIFS_MAX - 1)
class Pflog(Ifnet):
    """pflog(4)."""

    type = IFT_PFLOG
    dlts = (DLT_PFLOG,)

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Pflog:
        """pflog_clone_create."""
        ifp = cls(ifc.vnet.kernel, "pflog", unit)
        ifp.mtu = PFLOGMTU
        if_attach(ifp, ifc.vnet)
        return ifp

    def destroy(self) -> None:
        """pflog_clone_destroy."""
        if_detach(self)

    def output(self, m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
        """pflogoutput: nothing is sent through it."""
        return 0

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """pflogioctl."""
        if not isinstance(request, SIOCSIFFLAGS):
            raise KError(EINVAL)
        if self.flags & IFF_UP:
            self.flags |= IFF_DRV_RUNNING
        else:
            self.flags &= ~IFF_DRV_RUNNING
