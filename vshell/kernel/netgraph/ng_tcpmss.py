"""ng_tcpmss(4): lowers the maximum segment size in TCP's SYN packets (netgraph/ng_tcpmss.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, ENOENT, KError
from vshell.abi.socket import IPPROTO_TCP
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_parse import HOOKBUF, UINT16, UINT64, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf

KLD = Kld(depends=("netgraph",), size=0x26A8)

STAT_NAMES = ("Octets", "Packets", "maxMSS", "SYNPkts", "FixedPkts")
HOOKSTAT = NgStruct(*((name, UINT16 if name == "maxMSS" else UINT64) for name in STAT_NAMES))
CONFIG = NgStruct(("inHook", HOOKBUF), ("outHook", HOOKBUF), ("maxMSS", UINT16))
SYN, OPT_EOL, OPT_NOP, OPT_MSS = 2, 0, 1, 2


class HookInfo:
    """Where the packets of a hook go, and its counters, the limit among them."""

    __slots__ = ("out", "stats")

    def __init__(self) -> None:
        self.out: NgHook | None = None
        self.stats = dict.fromkeys(STAT_NAMES, 0)


class Tcpmss(LastHook, ngtype="tcpmss", cookie=1097623478):
    """The node."""

    def newhook(self, hook: NgHook, name: str) -> None:
        """Any name will do."""
        hook.private = HookInfo()

    def disconnect(self, hook: NgHook) -> None:
        """Nobody sends there any more."""
        for other in self.hooks:
            if other.private.out is hook:
                other.private.out = None
        super().disconnect(hook)

    def _stats(self, name: str, clear: bool) -> dict[str, int]:
        hook = self.findhook(name)
        if hook is None:
            raise KError(ENOENT)
        stats: dict[str, int] = hook.private.stats
        if clear:
            hook.private.stats = dict.fromkeys(STAT_NAMES, 0)
        return stats

    @ngmsg(1, "getstats", arg=HOOKBUF, resp=HOOKSTAT)
    def getstats(self, arg: str, msg: NgMsg) -> Any:
        """The counters of a hook."""
        return self._stats(arg, False)

    @ngmsg(2, "clrstats", arg=HOOKBUF)
    def clrstats(self, arg: str, msg: NgMsg) -> None:
        """Begin anew; the limit goes too."""
        self._stats(arg, True)

    @ngmsg(3, "getclrstats", arg=HOOKBUF, resp=HOOKSTAT)
    def getclrstats(self, arg: str, msg: NgMsg) -> Any:
        """Both."""
        return self._stats(arg, True)

    @ngmsg(4, "config", arg=CONFIG)
    def config(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """From where to where, and the limit."""
        hook, out = self.findhook(arg["inHook"]), self.findhook(arg["outHook"])
        if hook is None or out is None:
            raise KError(ENOENT)
        hook.private.out = out
        hook.private.stats["maxMSS"] = arg["maxMSS"]

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """ng_tcpmss_rcvdata."""
        info: HookInfo = hook.private
        if info.out is None:
            return 0
        size = len(m)
        info.stats["Octets"] += size
        info.stats["Packets"] += 1
        if info.stats["maxMSS"] and size >= 20:
            first = m.data[m.off]
            iphlen = (first & 0xF) << 2
            if first >> 4 != 4 or not 20 <= iphlen <= size:
                return EINVAL
            if m.data[m.off + 9] == IPPROTO_TCP and size >= iphlen + 20:
                tcp = m.off + iphlen
                tcphlen = m.data[tcp + 12] >> 4 << 2
                if not 20 <= tcphlen <= size - iphlen:
                    return EINVAL
                if m.data[tcp + 13] & SYN and tcphlen > 20:
                    info.stats["SYNPkts"] += 1
                    info.stats["FixedPkts"] += _correct(m.data, tcp, tcphlen, info.stats["maxMSS"])
        return ng_send_data(info.out, m)


def _correct(data: bytearray, tcp: int, tcphlen: int, limit: int) -> int:
    """correct_mss: 1 if options were above the limit and have been lowered, the checksum with them.

    As FreeBSD does it, the checksum becomes wrong if an option is not at an even place.
    """
    at, end, fixed = tcp + 20, tcp + tcphlen, 0
    while at < end and data[at] != OPT_EOL:
        if data[at] == OPT_NOP:
            at += 1
            continue
        size = data[at + 1] if at + 1 < end else 0
        if not 0 < size <= end - at:
            break
        if data[at] == OPT_MSS and size == 4:
            mss = data[at + 2] << 8 | data[at + 3]
            if mss > limit:
                total = mss - limit + (data[tcp + 16] << 8 | data[tcp + 17])
                total = (total >> 16) + (total & 0xFFFF)
                total += total >> 16
                data[tcp + 16 : tcp + 18] = (total & 0xFFFF).to_bytes(2, "big")
                data[at + 2 : at + 4] = limit.to_bytes(2, "big")
                fixed = 1
        at += size
    return fixed
