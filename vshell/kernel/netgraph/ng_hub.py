"""ng_hub(4): what comes in by one hook leaves by all others (netgraph/ng_hub.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_drop import ng_drop

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(depends=("netgraph",), size=0x20F0)


class Hub(LastHook, ngtype="hub", cookie=1082189597):
    """A hub."""

    @ngmsg(1, "setpersistent")
    def setpersistent(self, arg: Any, msg: NgMsg) -> None:
        """Stay without hooks."""
        self.persistent = True

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """A copy to each, the packet itself to the last."""
        others = [h for h in self.hooks if h is not hook]
        error = 0
        for other in others[:-1]:
            ng_send_data(other, m.copy())
        if others:
            # What became of the copies is not told.
            error = ng_send_data(others[-1], m)
        else:
            ng_drop(self, hook, m, "there is no other hook")
        return error
