"""enc(4): where packets of IPsec can be seen and filtered (net/if_enc.c); there is no IPsec here, so it stays quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.bpf import DLT_ENC
from vshell.abi.errno import EINVAL, KError
from vshell.abi.sockio import IFF_DRV_RUNNING, IFF_UP, IFT_ENC, SIOCSIFFLAGS
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.ifnet import Ifnet, if_attach, if_detach

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.mbuf import Mbuf

ENCMTU = 1024 + 512


@cloner("enc", minifs=1, maxunit=0)
class Enc(Ifnet):
    """enc(4)."""

    type = IFT_ENC
    dlts = (DLT_ENC,)

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Enc:
        """enc_clone_create."""
        ifp = cls(ifc.vnet.kernel, "enc", unit)
        ifp.mtu = ENCMTU
        if_attach(ifp, ifc.vnet)
        return ifp

    def destroy(self) -> None:
        """enc_clone_destroy."""
        if_detach(self)

    def output(self, m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
        """enc_output: nothing is sent through it."""
        return 0

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """enc_ioctl."""
        if not isinstance(request, SIOCSIFFLAGS):
            raise KError(EINVAL)
        if self.flags & IFF_UP:
            self.flags |= IFF_DRV_RUNNING
        else:
            self.flags &= ~IFF_DRV_RUNNING
