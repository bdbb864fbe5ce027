"""ng_tee(4): between "left" and "right", with copies for "left2right" and "right2left" (netgraph/ng_tee.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import NGM_FLOW_COOKIE, LastHook, NgHook, NgMsg, ng_bypass, ng_send_data, ng_send_msg, ngmsg
from vshell.kernel.netgraph.ng_parse import UINT64, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(depends=("netgraph",), size=0x24C8)

NAMES = ("right", "left", "right2left", "left2right")
COUNTERS = ("inOctets", "inFrames", "outOctets", "outFrames")
HOOKSTAT = NgStruct(*((name, UINT64) for name in COUNTERS))
STATS = NgStruct(*((name, HOOKSTAT) for name in NAMES))


class Tee(LastHook, ngtype="tee", cookie=916107047):
    """A tee."""

    def __init__(self, vnet: Any) -> None:
        super().__init__(vnet)
        self.ends: dict[str, NgHook] = {}

    def newhook(self, hook: NgHook, name: str) -> None:
        """There are four."""
        if name not in NAMES:
            raise KError(EINVAL)
        hook.private = [0, 0, 0, 0]
        self.ends[name] = hook

    def _stats(self, clear: bool) -> dict[str, dict[str, int]]:
        stats = {name: dict(zip(COUNTERS, hook.private, strict=True)) for name, hook in self.ends.items()}
        if clear:
            for hook in self.ends.values():
                hook.private = [0, 0, 0, 0]
        return stats

    @ngmsg(1, "getstats", resp=STATS)
    def getstats(self, arg: Any, msg: NgMsg) -> Any:
        """The counters of all hooks."""
        return self._stats(False)

    @ngmsg(2, "clrstats")
    def clrstats(self, arg: Any, msg: NgMsg) -> None:
        """Begin anew."""
        self._stats(True)

    @ngmsg(3, "getclrstats", resp=STATS)
    def getclrstats(self, arg: Any, msg: NgMsg) -> Any:
        """Both."""
        return self._stats(True)

    def rcvmsg(self, msg: NgMsg) -> None:
        """Flow messages go through, all others are its own."""
        if msg.cookie != NGM_FLOW_COOKIE:
            super().rcvmsg(msg)
            return
        other = {"left": "right", "right": "left"}.get(msg.hook.name if msg.hook is not None else "")
        if other in self.ends:
            ng_send_msg(self, self.ends[other], msg)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """On to the other side; the copy first."""
        size = len(m)
        hook.private[0] += size
        hook.private[1] += 1
        name = hook.name
        if name in ("left", "right"):
            other = "right" if name == "left" else "left"
            copy = self.ends.get(f"{name}2{other}")
            if copy is not None:
                _send(copy, m.copy(), size)
        else:
            other = name.partition("2")[2]
        dest = self.ends.get(other)
        return 0 if dest is None else _send(dest, m, size)

    def close(self) -> None:
        """What it stood between is connected with each other."""
        left, right = self.ends.get("left"), self.ends.get("right")
        if left is not None and right is not None:
            ng_bypass(left, right)

    def disconnect(self, hook: NgHook) -> None:
        """One less."""
        self.ends.pop(hook.name, None)
        super().disconnect(hook)


def _send(hook: NgHook, m: Mbuf, size: int) -> int:
    error = ng_send_data(hook, m)
    if not error:
        hook.private[2] += size
        hook.private[3] += 1
    return error
