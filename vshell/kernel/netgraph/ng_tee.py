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


class Half:
    """A hook, what its packets do, and what passed (struct hookinfo)."""

    def __init__(self) -> None:
        self.hook: NgHook | None = None
        self.dest: Half | None = None
        self.copy: Half | None = None
        self.clear()

    def clear(self) -> None:
        """Count anew."""
        self.stats = [0, 0, 0, 0]

    def count(self, size: int) -> None:
        """A packet leaves."""
        self.stats[2] += size
        self.stats[3] += 1

    def forget(self, other: Half) -> None:
        """That hook is gone; where there was a copy it becomes the destination."""
        if self.dest is other:
            self.dest, self.copy = self.copy, None
        elif self.copy is other:
            self.copy = None


class Tee(LastHook, ngtype="tee", cookie=916107047):
    """A tee."""

    def __init__(self, vnet: Any) -> None:
        super().__init__(vnet)
        self.halves = {name: Half() for name in NAMES}

    def newhook(self, hook: NgHook, name: str) -> None:
        """There are four; what comes in on one side goes to the other, or to the copies if there is none."""
        half = self.halves.get(name)
        if half is None:
            raise KError(EINVAL)
        if name in ("left", "right"):
            other = "right" if name == "left" else "left"
            source = self.halves[other]
            if source.dest is not None:
                source.copy = source.dest
            source.dest = self.halves[f"{name}2{other}"].dest = half
        else:
            source = self.halves[name.partition("2")[0]]
            if source.dest is not None:
                source.copy = half
            else:
                source.dest = half
        half.hook, hook.private = hook, half
        half.clear()

    def _stats(self, clear: bool) -> dict[str, dict[str, int]]:
        stats = {name: dict(zip(COUNTERS, half.stats, strict=True)) for name, half in self.halves.items()}
        if clear:
            for half in self.halves.values():
                half.clear()
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
        elif msg.hook is not None and msg.hook.name in ("left", "right"):
            half: Half = msg.hook.private
            if half.dest is not None:
                ng_send_msg(self, half.dest.hook, msg)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """The copy first; what is sent on counts whether it arrives or not."""
        half: Half = hook.private
        size = len(m)
        half.stats[0] += size
        half.stats[1] += 1
        if half.copy is not None and not ng_send_data(half.copy.hook, m.copy()):
            half.copy.count(size)
        if half.dest is None:
            return 0
        half.dest.count(size)
        return ng_send_data(half.dest.hook, m)

    def close(self) -> None:
        """What it stood between is connected with each other."""
        left, right = self.halves["left"].hook, self.halves["right"].hook
        if left is not None and right is not None:
            ng_bypass(left, right)

    def disconnect(self, hook: NgHook) -> None:
        """One less."""
        gone: Half = hook.private
        gone.hook = None
        for half in self.halves.values():
            half.forget(gone)
        super().disconnect(hook)
