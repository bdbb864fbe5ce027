"""ng_split(4): one hook for both ways, "mixed", is split into "in" and "out" (netgraph/ng_split.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL, EISCONN, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, ng_send_data
from vshell.kernel.netgraph.ng_drop import ng_drop

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(depends=("netgraph",), size=0x2070)

ROUTES = {"in": "mixed", "mixed": "out"}


class Split(LastHook, ngtype="split", cookie=949409402):
    """The node."""

    def newhook(self, hook: NgHook, name: str) -> None:
        """There are three."""
        if name not in ("mixed", "in", "out"):
            raise KError(EINVAL)
        if name in self.hooks.names:
            raise KError(EISCONN)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """From "in" to "mixed", from "mixed" to "out"."""
        if hook.name == "out":
            self.kernel.printf("ng_split: got packet from out hook!")
            return EINVAL
        dest = self.findhook(ROUTES[hook.name])
        if dest is None:
            return ng_drop(self, hook, m, f"there is no hook {ROUTES[hook.name]}")
        return ng_send_data(dest, m)
