"""ipfwN and ipfwlogN: where bpf(4) sees the packets that rules log (netpfil/ipfw/ip_fw_bpf.c).

A stack has one of each at most.  Nothing is sent through them, and they take no requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EEXIST, EINVAL, KError
from vshell.abi.sockio import IFF_MULTICAST, IFF_UP
from vshell.kernel.kern.module import SI_SUB_PROTO_FIREWALL, VnetModule
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.ifnet import Ifnet, if_attach, if_detach
from vshell.kernel.net.mbuf import Mbuf

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.ipfw.ip_fw_args import FwArgs

IFT_PFLOG = 0xF6
IFF_SIMPLEX = 0x800
DLT_EN10MB, DLT_PFLOG = 1, 117


class LogIfs(VnetModule, sub=SI_SUB_PROTO_FIREWALL):
    """The log interfaces of a stack (V_log_if, V_pflog_if)."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.found: dict[str, Ifnet] = {}


class LogIf(Ifnet):
    """What both have in common."""

    type = IFT_PFLOG
    kind = ""
    dlts: tuple[int, ...] = ()

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> LogIf:
        """ipfw_clone_create; a second one is made, shown to everybody and taken away again."""
        ifp = cls(ifc.vnet.kernel, cls.kind, unit)
        ifp.flags = IFF_UP | IFF_SIMPLEX | IFF_MULTICAST
        ifp.mtu = 65536
        if_attach(ifp, ifc.vnet)
        found = ifc.vnet[LogIfs].found
        if cls.kind in found:
            if_detach(ifp)
            raise KError(EEXIST)
        found[cls.kind] = ifp
        return ifp

    def destroy(self) -> None:
        """ipfw_clone_destroy."""
        for module in (self.vnet.get(LogIfs),):
            if module is not None and module.found.get(self.kind) is self:
                del module.found[self.kind]
        if_detach(self)

    def output(self, m: Mbuf, family: int, gateway: bytes, ro: Any = None) -> int:
        """ipfw_bpf_output."""
        return 0

    def ioctl(self, request: Record, td: Proc | None) -> Any:
        """ipfw_bpf_ioctl."""
        raise KError(EINVAL)


@cloner("ipfw")
class IpfwIf(LogIf):
    """ipfw0."""

    kind = "ipfw"
    dlts = (DLT_EN10MB,)


@cloner("ipfwlog")
class IpfwlogIf(LogIf):
    """ipfwlog0."""

    kind = "ipfwlog"
    dlts = (DLT_PFLOG,)


HEADERS = {4: b"DDDDDDSSSSSS\x08\x00", 6: b"DDDDDDSSSSSS\x86\xdd"}
"""A packet without a frame gets a header that nobody takes for a real one."""


def log_ipfw0(a: FwArgs) -> None:
    """ipfw_log_ipfw0: show the packet to who listens at ipfw0."""
    ifp = a.vnet[LogIfs].found.get("ipfw")
    if ifp is None or not ifp.bpf:
        return
    m = a.m.copy()
    if not a.layer2:
        header = HEADERS.get(m.data[m.off] >> 4 if len(m) else 0, b"DDDDDDSSSSSS\xff\xff")
        m = Mbuf(bytearray(header) + m.data[m.off :], 0, m.rcvif, m.fib)
    for tap in ifp.bpf:
        tap(ifp, m, False)
