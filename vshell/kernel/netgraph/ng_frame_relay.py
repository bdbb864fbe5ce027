"""ng_frame_relay(4): the channels of a frame relay line, hooks "dlci16" and so on (netgraph/ng_frame_relay.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EADDRINUSE, EINVAL, ENETDOWN, ENOBUFS, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, ng_send_data

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x2858)

MAX_DLCI, MAX_CHANNELS = 1023, 16
END_ADDRESS = 0x01


class FrameRelay(LastHook, ngtype="frame_relay", cookie=872148478):
    """The node; a hook's private data is its channel, -1 is the line."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.line: NgHook | None = None
        self.channels: dict[int, NgHook] = {}

    def newhook(self, hook: NgHook, name: str) -> None:
        """The line, a channel, or "debug" for nothing."""
        if name == "debug":
            return
        if not name.startswith("dlci"):
            if name != "downstream":
                raise KError(EINVAL)
            if self.line is not None:
                raise KError(EADDRINUSE)
            self.line, hook.private = hook, -1
            return
        digits = name[4:]
        if not (digits.isascii() and digits.isdigit()) or str(int(digits)) != digits or int(digits) > MAX_DLCI:
            raise KError(EINVAL)
        if len(self.channels) >= MAX_CHANNELS:
            self.kernel.log(3, f"No CTX available for dlci {digits}")
            raise KError(ENOBUFS)
        hook.private = int(digits)
        self.channels[hook.private] = hook

    def disconnect(self, hook: NgHook) -> None:
        """The channel is free again."""
        if hook.private == -1:
            self.line = None
        elif hook.private is not None:
            self.channels.pop(hook.private, None)
        super().disconnect(hook)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Two bytes of address come and go."""
        dlci = hook.private
        if dlci is None:
            return ENETDOWN
        if dlci == -1:
            if len(m) < 4:
                return ENOBUFS
            found = self.channels.get(m.data[m.off] >> 2 << 4 | m.data[m.off + 1] >> 4)
            if found is None:
                return ENETDOWN
            m.adj(2)
            return ng_send_data(found, m)
        if self.line is None:
            return ENETDOWN
        m.prepend(bytes((dlci >> 4 << 2, (dlci & 0xF) << 4 | END_ADDRESS)))
        return ng_send_data(self.line, m)
