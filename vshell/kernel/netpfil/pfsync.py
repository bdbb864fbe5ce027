"""pfsync(4): states of pf(4) are told to others (netpfil/pf/if_pfsync.c); its settings are kept, nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.bpf import DLT_PFSYNC
from vshell.abi.errno import EINVAL, KError
from vshell.abi.if_pfsync import PFSYNCF_DEFER, PFSYNCF_OK, SIOCGETPFSYNCNV, SIOCSETPFSYNCNV, Pfsync
from vshell.abi.sockio import IFF_DRV_RUNNING, IFF_UP, SIOCSIFFLAGS, SIOCSIFMTU
from vshell.kernel.kern.module import Kld
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.ifnet import Ifnet, if_attach, if_detach

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.mbuf import Mbuf

IFT_PFSYNC = 0xF7
PFSYNC_VERSION_DEFAULT = 1400
KLD = Kld(depends=("pf",), size=0xC000)


@cloner("pfsync", maxunit=0)
class PfsyncIf(Ifnet):
    """pfsync(4)."""

    type = IFT_PFSYNC
    dlts = (DLT_PFSYNC,)
    state = Pfsync(version=PFSYNC_VERSION_DEFAULT)

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> PfsyncIf:
        """pfsync_clone_create."""
        ifp = cls(ifc.vnet.kernel, "pfsync", unit)
        ifp.mtu = 1500
        ifp.state = Pfsync(flags=PFSYNCF_OK, version=PFSYNC_VERSION_DEFAULT)
        if_attach(ifp, ifc.vnet)
        return ifp

    def destroy(self) -> None:
        """pfsync_clone_destroy."""
        if_detach(self)

    def output(self, m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
        """pfsyncoutput: nothing is sent through it."""
        return 0

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """pfsyncioctl."""
        if isinstance(request, SIOCSIFFLAGS):
            if self.flags & IFF_UP:
                self.flags |= IFF_DRV_RUNNING
            else:
                self.flags &= ~IFF_DRV_RUNNING
            return None
        if isinstance(request, SIOCGETPFSYNCNV):
            return self.state
        if isinstance(request, SIOCSETPFSYNCNV):
            self._set(request.state)
            return None
        if isinstance(request, SIOCSIFMTU):
            return None
        raise KError(EINVAL)

    def _set(self, new: Pfsync) -> None:
        """pfsync_kstatus_to_softc."""
        if not 0 <= new.maxupdates <= 255:
            raise KError(EINVAL)
        if new.syncdev and not any(ifp.xname == new.syncdev for ifp in self.vnet.ifnets):
            raise KError(EINVAL)
        flags = PFSYNCF_OK | new.flags & PFSYNCF_DEFER
        version = new.version or PFSYNC_VERSION_DEFAULT
        self.state = Pfsync(new.syncdev, new.syncpeer, new.maxupdates, flags, version)
