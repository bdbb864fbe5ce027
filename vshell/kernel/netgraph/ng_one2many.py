"""ng_one2many(4): packets of "one" are dealt out to "many0" ... "many63", and back (netgraph/ng_one2many.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, EISCONN, ENOTCONN, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import (
    NGM_FLOW_COOKIE,
    NGM_LINK_IS_DOWN,
    NGM_LINK_IS_UP,
    LastHook,
    NgHook,
    NgMsg,
    ng_send_data,
    ng_send_msg,
    ngmsg,
)  # fmt: skip
from vshell.kernel.netgraph.ng_drop import ng_drop
from vshell.kernel.netgraph.ng_parse import INT32, UINT8, UINT32, UINT64, Array, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x2C40)

MAX_LINKS = 64
ONE = -1
ROUNDROBIN, ALL, FAILOVER = 1, 2, 3
MANUAL, NOTIFY = 1, 2
STAT_NAMES = ("recvOctets", "recvPackets", "xmitOctets", "xmitPackets", "memoryFailures")

CONFIG = NgStruct(("xmitAlg", UINT32), ("failAlg", UINT32), ("enabledLinks", Array(UINT8, MAX_LINKS)))
STATS = NgStruct(*((name, UINT64) for name in STAT_NAMES))


class One2many(LastHook, ngtype="one2many", cookie=1100897444):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.conf: dict[str, Any] = {"xmitAlg": ROUNDROBIN, "failAlg": MANUAL, "enabledLinks": [0] * MAX_LINKS}
        self.links: dict[int, NgHook] = {}
        self.stats = {number: dict.fromkeys(STAT_NAMES, 0) for number in range(ONE, MAX_LINKS)}
        self.active: list[int] = []
        self.next = 0

    def newhook(self, hook: NgHook, name: str) -> None:
        """A new link is enabled."""
        number = ONE
        if name.startswith("many"):
            digits = name[4:]
            if not (digits.isascii() and digits.isdigit()) or str(int(digits)) != digits or int(digits) >= MAX_LINKS:
                raise KError(EINVAL)
            number = int(digits)
        elif name != "one":
            raise KError(EINVAL)
        if number in self.links:
            raise KError(EISCONN)
        hook.private = number
        self.links[number] = hook
        self.stats[number] = dict.fromkeys(STAT_NAMES, 0)
        if number != ONE:
            self.conf["enabledLinks"][number] = 1
            self._update()

    def disconnect(self, hook: NgHook) -> None:
        """A link is gone."""
        del self.links[hook.private]
        if hook.private != ONE:
            self.conf["enabledLinks"][hook.private] = 0
            self._update()
        super().disconnect(hook)

    def _update(self) -> None:
        """Which links are in use; "one" is told when there are none, and when there are some again."""
        before = len(self.active)
        self.active = [n for n in range(MAX_LINKS) if n in self.links and self.conf["enabledLinks"][n]]
        if bool(before) != bool(self.active):
            cmd = NGM_LINK_IS_UP if self.active else NGM_LINK_IS_DOWN
            ng_send_msg(self, self.links.get(ONE), NgMsg(NGM_FLOW_COOKIE, cmd))
        if self.conf["xmitAlg"] == ROUNDROBIN and self.active:
            self.next %= len(self.active)

    # messages --------------------------------------------------------------------------------------------------
    @ngmsg(0, "setconfig", arg=CONFIG)
    def setconfig(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """Set all of it."""
        if arg["xmitAlg"] not in (ROUNDROBIN, ALL, FAILOVER) or arg["failAlg"] not in (MANUAL, NOTIFY):
            raise KError(EINVAL)
        arg["enabledLinks"] = [int(bool(on)) for on in arg["enabledLinks"]]
        self.conf = arg
        self._update()

    @ngmsg(1, "getconfig", resp=CONFIG)
    def getconfig(self, arg: Any, msg: NgMsg) -> Any:
        """The settings."""
        return self.conf

    def _link(self, number: int, clear: bool) -> dict[str, int]:
        if not ONE <= number < MAX_LINKS:
            raise KError(EINVAL)
        stats = self.stats[number]
        if clear:
            self.stats[number] = dict.fromkeys(STAT_NAMES, 0)
        return stats

    @ngmsg(2, "getstats", arg=INT32, resp=STATS)
    def getstats(self, arg: int, msg: NgMsg) -> Any:
        """The counters of a link."""
        return self._link(arg, False)

    @ngmsg(3, "clrstats", arg=INT32)
    def clrstats(self, arg: int, msg: NgMsg) -> None:
        """Begin anew."""
        self._link(arg, True)

    @ngmsg(4, "getclrstats", arg=INT32, resp=STATS)
    def getclrstats(self, arg: int, msg: NgMsg) -> Any:
        """Both."""
        return self._link(arg, True)

    def rcvmsg(self, msg: NgMsg) -> None:
        """Flow messages of links switch them, if so configured."""
        if msg.cookie != NGM_FLOW_COOKIE:
            super().rcvmsg(msg)
            return
        if self.conf["failAlg"] != NOTIFY or msg.hook is None or msg.hook.private == ONE:
            return
        if msg.cmd in (NGM_LINK_IS_UP, NGM_LINK_IS_DOWN):
            self.conf["enabledLinks"][msg.hook.private] = int(msg.cmd == NGM_LINK_IS_UP)
            self._update()

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """ng_one2many_rcvdata."""
        size = len(m.data) - m.off
        stats = self.stats[hook.private]
        stats["recvPackets"] += 1
        stats["recvOctets"] += size
        if hook.private != ONE:
            return self._send(ONE, m, size)
        if not self.active:
            return ng_drop(self, hook, m, "no link is up", ENOTCONN)
        first = self.active[0]
        if self.conf["xmitAlg"] == ROUNDROBIN:
            first = self.active[self.next]
            self.next = (self.next + 1) % len(self.active)
        elif self.conf["xmitAlg"] == ALL:
            for number in self.active[1:]:
                self._send(number, m.copy(), size)
        return self._send(first, m, size)

    def _send(self, number: int, m: Mbuf, size: int) -> int:
        stats = self.stats[number]
        stats["xmitPackets"] += 1
        stats["xmitOctets"] += size
        return ng_send_data(self.links.get(number), m)
