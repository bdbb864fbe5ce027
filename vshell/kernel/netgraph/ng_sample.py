"""ng_sample(4): the skeleton FreeBSD has for those who write a node; it hands packets on like a line with channels
(netgraph/ng_sample.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EADDRINUSE, EINVAL, ENOBUFS, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_parse import INT32, UINT32, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x26F0)

CHANNELS, MAX_DLCI = 16, 1023
STATUS = NgStruct(("packets_in", UINT32), ("packets_out", UINT32))


class Sample(LastHook, ngtype="sample", cookie=915491374):
    """The node; the private data of a hook is its channel."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.line: NgHook | None = None
        self.channels: dict[int, NgHook | None] = {}
        """Channels keep their numbers when their hooks are gone."""
        self.packets_in = self.packets_out = 0
        self.flags = 0

    def newhook(self, hook: NgHook, name: str) -> None:
        """The line, "debug", or a channel."""
        if not name.startswith("dlci"):
            if name not in ("downstream", "debug"):
                raise KError(EINVAL)
            if name == "downstream":
                self.line, hook.private = hook, 0
            return
        digits = name[4:]
        if not (digits.isascii() and digits.isdigit()) or str(int(digits)) != digits or int(digits) > MAX_DLCI:
            raise KError(EINVAL)
        dlci = int(digits)
        if dlci not in self.channels and len(self.channels) == CHANNELS:
            raise KError(ENOBUFS)
        if self.channels.get(dlci) is not None:
            raise KError(EADDRINUSE)
        self.channels[dlci] = hook
        hook.private = dlci

    def disconnect(self, hook: NgHook) -> None:
        """One less."""
        if hook is self.line:
            self.line = None
        elif hook.private is not None and self.channels.get(hook.private) is hook:
            self.channels[hook.private] = None
        super().disconnect(hook)

    @ngmsg(1, "setflag", arg=INT32)
    def setflag(self, arg: int, msg: NgMsg) -> None:
        """A number to keep."""
        self.flags = arg

    @ngmsg(2, "getstatus", resp=STATUS)
    def getstatus(self, arg: Any, msg: NgMsg) -> Any:
        """The counters."""
        return {"packets_in": self.packets_in, "packets_out": self.packets_out}

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """To the line, whatever hook it came by, the line itself included: the sample never marks that one."""
        if hook.private is None:
            return 0
        ng_send_data(self.line, m)
        self.packets_out += 1
        return 0
