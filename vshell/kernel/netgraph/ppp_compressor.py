"""What the nodes deflate and pred1 have in common: one hook, which makes it compress or expand, and the same messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, ENXIO, KError
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ng_send_msg_id, ngmsg
from vshell.kernel.netgraph.ng_parse import UINT64, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

RESETREQ = 2
LOG_NOTICE = 5
STAT_NAMES = ("FramesPlain", "FramesComp", "FramesUncomp", "InOctets", "OutOctets", "Errors")
STATS = NgStruct(*((name, UINT64) for name in STAT_NAMES))


class Compressor(LastHook):
    """A node that answers where it was asked: frames come in and go out by the same hook."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.enabled = 0
        self.compressing = False
        self.ctrlnode = 0
        """Who gets to know that the other side must begin anew."""
        self.stats = dict.fromkeys(STAT_NAMES, 0)

    # what a type provides --------------------------------------------------------------------------------------
    def compress(self, data: bytes) -> bytes:
        """A frame in short, or as it is."""
        raise NotImplementedError

    def expand(self, data: bytes) -> bytes:
        """The frame it was."""
        raise NotImplementedError

    def restart(self) -> None:
        """Forget what was learned."""
        raise NotImplementedError

    # hooks -----------------------------------------------------------------------------------------------------
    def newhook(self, hook: NgHook, name: str) -> None:
        """There is one, and its name says what the node does."""
        if self.hooks or name not in ("comp", "decomp"):
            raise KError(EINVAL)
        self.compressing = name == "comp"

    # messages --------------------------------------------------------------------------------------------------
    @ngmsg(RESETREQ, "resetreq")
    def resetreq(self, arg: Any, msg: NgMsg) -> None:
        """Begin anew."""
        self.restart()

    @ngmsg(3, "getstats", resp=STATS)
    def getstats(self, arg: Any, msg: NgMsg) -> Any:
        """The counters."""
        return self.stats

    @ngmsg(4, "clrstats")
    def clrstats(self, arg: Any, msg: NgMsg) -> None:
        """Count anew."""
        self.stats = dict.fromkeys(STAT_NAMES, 0)

    @ngmsg(5, "getclrstats", resp=STATS)
    def getclrstats(self, arg: Any, msg: NgMsg) -> Any:
        """Both."""
        stats, self.stats = self.stats, dict.fromkeys(STAT_NAMES, 0)
        return stats

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Work on a frame and send it back."""
        if not self.enabled:
            return ENXIO
        try:
            data = self.compress(m.bytes()) if self.compressing else self.expand(m.bytes())
        except KError as e:
            self.stats["Errors"] += 1
            self.kernel.log(LOG_NOTICE, f"ng_{self.ngtype}_rcvdata: error: {e.errno}")
            if not self.compressing and self.ctrlnode:
                ng_send_msg_id(self, self.ctrlnode, NgMsg(self.cookie, RESETREQ))
            return e.errno
        new = m_get(data, m.fib)
        new.rcvif = m.rcvif
        return ng_send_data(hook, new)
