"""ng_hole(4): counts what it swallows (netgraph/ng_hole.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import ENOENT, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ngmsg
from vshell.kernel.netgraph.ng_drop import ng_drop
from vshell.kernel.netgraph.ng_parse import HOOKBUF, UINT64, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(depends=("netgraph",), size=0x2150)

STATS = NgStruct(("frames", UINT64), ("octets", UINT64))


class Hole(LastHook, ngtype="hole", cookie=915433206):
    """A hole."""

    def newhook(self, hook: NgHook, name: str) -> None:
        """Each hook counts."""
        hook.private = [0, 0]

    def _counters(self, name: str, clear: bool) -> dict[str, int]:
        hook = self.findhook(name)
        if hook is None:
            raise KError(ENOENT)
        frames, octets = hook.private
        if clear:
            hook.private = [0, 0]
        return {"frames": frames, "octets": octets}

    @ngmsg(1, "getstats", arg=HOOKBUF, resp=STATS)
    def getstats(self, arg: str, msg: NgMsg) -> Any:
        """The counters of a hook."""
        return self._counters(arg, False)

    @ngmsg(2, "clrstats", arg=HOOKBUF)
    def clrstats(self, arg: str, msg: NgMsg) -> None:
        """Begin anew."""
        self._counters(arg, True)

    @ngmsg(3, "getclrstats", arg=HOOKBUF, resp=STATS)
    def getclrstats(self, arg: str, msg: NgMsg) -> Any:
        """Both."""
        return self._counters(arg, True)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Gone."""
        hook.private[0] += 1
        hook.private[1] += len(m)
        return ng_drop(self, hook, m, "a hole swallows everything")
