"""ng_echo(4): everything goes back where it came from (netgraph/ng_echo.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.netgraph import NgVnet
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_deliver, ng_send_data

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(depends=("netgraph",), size=0x2070)


class Echo(LastHook, ngtype="echo", cookie=884298942):
    """An echo."""

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Data goes back by its hook."""
        return ng_send_data(hook, m)

    def rcvmsg(self, msg: NgMsg) -> None:
        """A message goes back to its sender."""
        sender = self.vnet[NgVnet].by_id.get(msg.retaddr)
        if sender is not None:
            msg.retaddr = self.id
            ng_deliver(sender, msg)
