"""ng_tty(4): a terminal line as a node (netgraph/ng_tty.c).

DIFFERS: no terminal of this kernel can be taken over, so its messages answer as for a descriptor that is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EBADF, EINVAL, EISCONN, ENXIO, ESRCH, KError
from vshell.kernel.kern.kern_proc import pfind
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import NgHook, NgMsg, Node, ng_respond
from vshell.kernel.netgraph.ng_parse import INT32, ng_dump

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x2840)

GET_HOTCHAR, SET_HOTCHAR, SET_TTY = 1, 2, 3


class Tty(Node, ngtype="tty", cookie=1226109660):
    """The node; it stays when its hook is gone."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.hotchar = 0

    def newhook(self, hook: NgHook, name: str) -> None:
        """There is one."""
        if name != "hook":
            raise KError(EINVAL)
        if self.hooks:
            raise KError(EISCONN)

    def rcvmsg(self, msg: NgMsg) -> None:
        """They have no ASCII form, so none is in the list of messages."""
        if msg.cookie != self.cookie or msg.cmd not in (GET_HOTCHAR, SET_HOTCHAR, SET_TTY):
            raise KError(EINVAL)
        if msg.cmd == GET_HOTCHAR:
            ng_respond(self, msg, ng_dump(INT32, self.hotchar))
        elif msg.cmd == SET_HOTCHAR:
            if len(msg.data) != INT32.size:
                raise KError(EINVAL)
            hotchar = INT32.load(msg.data, 0)[0]
            if not -1 <= hotchar <= 0xFF:
                raise KError(EINVAL)
            self.hotchar = hotchar
        else:
            pid = INT32.load(msg.data, 0)[0]
            raise KError(ESRCH if pfind(self.kernel, pid) is None else EBADF)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """There is no line."""
        return ENXIO
