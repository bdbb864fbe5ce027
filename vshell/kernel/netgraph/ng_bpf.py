"""ng_bpf(4): each hook has a filter that says by which hook its packets leave (netgraph/ng_bpf.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, ENOENT, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_drop import ng_drop
from vshell.kernel.netgraph.ng_parse import HINT16, HOOKBUF, INT32, UINT8, UINT32, UINT64, Array, NgStruct, preceding
from vshell.wire.bpf_filter import Insn, bpf_filter, bpf_validate

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(depends=("netgraph",), size=0x2950)

INSN = NgStruct(("code", HINT16), ("jt", UINT8), ("jf", UINT8), ("k", UINT32))
HOOKPROG = NgStruct(
    ("thisHook", HOOKBUF), ("ifMatch", HOOKBUF), ("ifNotMatch", HOOKBUF), ("bpf_prog_len", INT32),
    ("bpf_prog", Array(INSN, preceding(4))),
)  # fmt: skip
HEADER, INSN_SIZE = 100, 8
STAT_NAMES = ("recvFrames", "recvOctets", "recvMatchFrames", "recvMatchOctets", "xmitFrames", "xmitOctets")
HOOKSTAT = NgStruct(*((name, UINT64) for name in STAT_NAMES))


class HookInfo:
    """The program of a hook, where its packets go, its counters."""

    __slots__ = ("insns", "match", "nomatch", "prog", "stats")

    def __init__(self, name: str) -> None:
        ret = {"code": 6, "jt": 0, "jf": 0, "k": 0}
        self.prog: dict[str, Any] = {
            "thisHook": name, "ifMatch": "", "ifNotMatch": "", "bpf_prog_len": 1, "bpf_prog": [ret],
        }  # fmt: skip
        self.insns: list[Insn] = [(6, 0, 0, 0)]
        self.match: NgHook | None = None
        self.nomatch: NgHook | None = None
        self.stats = dict.fromkeys(STAT_NAMES, 0)


class Bpf(LastHook, ngtype="bpf", cookie=944100792):
    """The node."""

    def newhook(self, hook: NgHook, name: str) -> None:
        """A new hook takes nothing; others may have waited for it."""
        hook.private = HookInfo(name)
        for other in self.hooks:
            info = other.private
            if info.prog["ifMatch"] == name:
                info.match = hook
            if info.prog["ifNotMatch"] == name:
                info.nomatch = hook

    def disconnect(self, hook: NgHook) -> None:
        """Nobody sends there any more."""
        for other in self.hooks:
            info = other.private
            if info.match is hook:
                info.match = None
            if info.nomatch is hook:
                info.nomatch = None
        super().disconnect(hook)

    def _info(self, name: str) -> HookInfo:
        hook = self.findhook(name)
        if hook is None:
            raise KError(ENOENT)
        info: HookInfo = hook.private
        return info

    @ngmsg(1, "setprogram", arg=HOOKPROG, size=0)
    def setprogram(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """Give a hook a program."""
        if len(msg.data) < HEADER or len(msg.data) != HEADER + INSN_SIZE * arg["bpf_prog_len"]:
            raise KError(EINVAL)
        info = self._info(arg["thisHook"])
        insns = [(i["code"], i["jt"], i["jf"], i["k"]) for i in arg["bpf_prog"]]
        if not bpf_validate(insns):
            raise KError(EINVAL)
        info.prog, info.insns = arg, insns
        info.match, info.nomatch = self.findhook(arg["ifMatch"]), self.findhook(arg["ifNotMatch"])

    @ngmsg(2, "getprogram", arg=HOOKBUF, resp=HOOKPROG)
    def getprogram(self, arg: str, msg: NgMsg) -> Any:
        """The program of a hook."""
        return self._info(arg).prog

    def _stats(self, name: str, clear: bool) -> dict[str, int]:
        info = self._info(name)
        stats = info.stats
        if clear:
            info.stats = dict.fromkeys(STAT_NAMES, 0)
        return stats

    @ngmsg(3, "getstats", arg=HOOKBUF, resp=HOOKSTAT)
    def getstats(self, arg: str, msg: NgMsg) -> Any:
        """The counters of a hook."""
        return self._stats(arg, False)

    @ngmsg(4, "clrstats", arg=HOOKBUF)
    def clrstats(self, arg: str, msg: NgMsg) -> None:
        """Begin anew."""
        self._stats(arg, True)

    @ngmsg(5, "getclrstats", arg=HOOKBUF, resp=HOOKSTAT)
    def getclrstats(self, arg: str, msg: NgMsg) -> Any:
        """Both."""
        return self._stats(arg, True)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Ask the program of the hook; it may also cut the packet."""
        info: HookInfo = hook.private
        size = len(m.data) - m.off
        info.stats["recvFrames"] += 1
        info.stats["recvOctets"] += size
        taken = bpf_filter(info.insns, m.data, m.off) if size else 0
        dest = info.nomatch
        if taken:
            info.stats["recvMatchFrames"] += 1
            info.stats["recvMatchOctets"] += size
            if taken < size:
                m.adj(taken - size)
                size = taken
            dest = info.match
        if dest is None:
            return ng_drop(self, hook, m, f"there is no hook for what {'matches' if taken else 'does not match'}")
        dest.private.stats["xmitOctets"] += size
        dest.private.stats["xmitFrames"] += 1
        return ng_send_data(dest, m)
