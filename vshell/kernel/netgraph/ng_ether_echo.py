"""ng_ether_echo(4): frames go back with their addresses exchanged (netgraph/ng_ether_echo.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_respond, ng_send_data

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(depends=("netgraph",), size=0x2060)


class EtherEcho(LastHook, ngtype="ether_echo", cookie=1230155201):
    """The node."""

    def rcvmsg(self, msg: NgMsg) -> None:
        """A message goes back as its own answer."""
        ng_respond(self, msg, msg.data)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Destination and source change places."""
        if len(m) < 14:
            return EINVAL
        data, off = m.data, m.off
        data[off : off + 12] = data[off + 6 : off + 12] + data[off : off + 6]
        return ng_send_data(hook, m)
