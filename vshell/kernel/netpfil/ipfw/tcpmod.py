"""tcp-setmss: lower the maximum segment size that a SYN announces (netpfil/ipfw/pmod/tcpmod.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.socket import IPPROTO_TCP
from vshell.kernel.kern.module import SI_ORDER_ANY, SI_SUB_PROTO_FIREWALL, VnetModule
from vshell.kernel.netpfil.ipfw.ip_fw_eaction import EA_MATCHED, EA_NEXT, Eaction, SrvObjects
from vshell.kernel.netpfil.ipfw.ip_fw_match import tcp_options

if TYPE_CHECKING:
    from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw
    from vshell.kernel.netpfil.ipfw.ip_fw_args import FwArgs

SYN = 2
OPT_MSS = 2


class TcpMod(VnetModule, sub=SI_SUB_PROTO_FIREWALL, order=SI_ORDER_ANY):
    """The action of a stack."""

    def init(self) -> None:
        """tcpmod_init."""
        self.vnet[SrvObjects].add_eaction(Eaction("tcp-setmss", setmss, lambda mss: mss))

    def destroy(self) -> None:
        """tcpmod_uninit."""
        srv = self.vnet.get(SrvObjects)
        if srv is not None:
            srv.del_eaction("tcp-setmss")


def setmss(f: IpFw, a: FwArgs, mss: Any) -> int:
    """A SYN with the option matches, whether it had to be changed or not."""
    if a.proto != IPPROTO_TCP or a.ulp < 0 or not a.tcpflags & SYN:
        return EA_NEXT
    data, tcp = a.data, a.ulp
    if not 20 < (data[tcp + 12] >> 4) * 4 <= len(data) - tcp:
        return EA_NEXT
    for kind, at, size in tcp_options(a):
        if kind != OPT_MSS:
            continue
        if size != 4:
            return EA_NEXT
        old = data[at + 2] << 8 | data[at + 3]
        if old > mss:
            data[at + 2 : at + 4] = mss.to_bytes(2, "big")
            _adjust(data, tcp + 16, old, mss, bool(at - tcp & 1))
        return EA_MATCHED
    return EA_NEXT


def _adjust(data: bytearray, at: int, old: int, new: int, odd: bool) -> None:
    """RFC 1624; a word at an odd place counts with its octets swapped (the original forgets that)."""
    if odd:
        old, new = (old & 0xFF) << 8 | old >> 8, (new & 0xFF) << 8 | new >> 8
    total = (~(data[at] << 8 | data[at + 1]) & 0xFFFF) + (~old & 0xFFFF) + new
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    data[at : at + 2] = (~total & 0xFFFF).to_bytes(2, "big")
