"""ng_UI(4): unnumbered information frames of HDLC (netgraph/ng_UI.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL, EISCONN, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import NGM_FLOW_COOKIE, LastHook, NgHook, NgMsg, ng_send_msg

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(depends=("netgraph",), size=0x2130)


class UI(LastHook, ngtype="UI", cookie=884639499):
    """The node."""

    def newhook(self, hook: NgHook, name: str) -> None:
        """There are two."""
        if name not in ("downstream", "upstream"):
            raise KError(EINVAL)
        if name in self.hooks.names:
            raise KError(EISCONN)

    def _other(self, hook: NgHook) -> NgHook | None:
        return self.findhook("upstream" if hook.name == "downstream" else "downstream")

    def rcvmsg(self, msg: NgMsg) -> None:
        """Flow messages go through."""
        dest = self._other(msg.hook) if msg.hook is not None else None
        if msg.cookie != NGM_FLOW_COOKIE or dest is None:
            raise KError(EINVAL)
        ng_send_msg(self, dest, msg)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """As recorded of 15.1, and not as its source reads: every frame is refused, in both directions."""
        return EINVAL
