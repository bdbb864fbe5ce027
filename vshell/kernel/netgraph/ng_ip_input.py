"""ng_ip_input(4): packets for the stack, as if they had just arrived (netgraph/ng_ip_input.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.kernel.kern.module import Kld
from vshell.kernel.net.netisr import netisr_handlers
from vshell.kernel.netgraph.ng_base import LastHook, NgHook
from vshell.wire.ether import ETHERTYPE_IP

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(depends=("netgraph",), size=0x1F90)


class IpInput(LastHook, ngtype="ip_input", cookie=994874907):
    """The node."""

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Queue it for IPv4, as a packet of the loopback interface if it comes from none of this stack."""
        ifp = m.rcvif
        if ifp is None or ifp.vnet is not self.vnet:
            ifp = m.rcvif = self.vnet.loif
        if ifp is not None:
            self.kernel.netisrq.append((netisr_handlers[ETHERTYPE_IP], ifp, m))
        return 0
