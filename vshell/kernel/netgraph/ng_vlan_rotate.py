"""ng_vlan_rotate(4): turns the stack of VLAN tags between "ordered" and "original" (netgraph/ng_vlan_rotate.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EADDRINUSE, EINVAL, ENETDOWN, ENOSYS, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_drop import ng_drop
from vshell.kernel.netgraph.ng_parse import INT8, UINT8, UINT64, Array, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x2C30)

MAX_VLANS = 10
TAG_TYPES = (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300)
HOOKS = ("ordered", "original", "excessive", "incomplete")
CONF = NgStruct(("rot", INT8), ("min", UINT8), ("max", UINT8))
STAT = NgStruct(("drops", UINT64), ("excessive", UINT64), ("incomplete", UINT64), ("histogram", Array(UINT64, MAX_VLANS)))


def _zero() -> dict[str, Any]:
    return {"drops": 0, "excessive": 0, "incomplete": 0, "histogram": [0] * MAX_VLANS}


class VlanRotate(LastHook, ngtype="vlan_rotate", cookie=1568378766):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.conf = {"rot": 0, "min": 0, "max": MAX_VLANS}
        self.stats = _zero()

    def newhook(self, hook: NgHook, name: str) -> None:
        """There are four."""
        if name not in HOOKS:
            raise KError(EINVAL)
        if name in self.hooks.names:
            raise KError(EADDRINUSE)

    @ngmsg(1, "getconf", resp=CONF)
    def getconf(self, arg: Any, msg: NgMsg) -> Any:
        """The settings."""
        return self.conf

    @ngmsg(2, "setconf", arg=CONF)
    def setconf(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Set them; a maximum of 0 leaves it."""
        arg["max"] = arg["max"] or self.conf["max"]
        if arg["max"] > MAX_VLANS or arg["min"] > arg["max"] or abs(arg["rot"]) >= arg["max"]:
            raise KError(EINVAL)
        self.conf = arg

    @ngmsg(3, "getstat", resp=STAT)
    def getstat(self, arg: Any, msg: NgMsg) -> Any:
        """The counters."""
        return self.stats

    @ngmsg(4, "clrstat")
    def clrstat(self, arg: Any, msg: NgMsg) -> None:
        """Begin anew."""
        self.stats = _zero()

    @ngmsg(5, "getclrstat", resp=STAT)
    def getclrstat(self, arg: Any, msg: NgMsg) -> Any:
        """Both."""
        stats, self.stats = self.stats, _zero()
        return stats

    def _send(self, name: str, m: Mbuf) -> int:
        dest = self.findhook(name)
        if dest is None:
            self.stats["drops"] += 1
            return ng_drop(self, None, m, f"there is no hook {name}", ENOSYS)
        ng_send_data(dest, m)
        return 0

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """ng_vlanrotate_rcvdata."""
        if hook.name not in ("ordered", "original"):
            return self._send("original", m)
        dest, rotate = ("original", self.conf["rot"]) if hook.name == "ordered" else ("ordered", -self.conf["rot"])
        if self.findhook(dest) is None:
            self.stats["drops"] += 1
            return ng_drop(self, hook, m, f"there is no hook {dest}", ENETDOWN)
        data, at, count = m.data, m.off + 12, 0
        while count <= MAX_VLANS:
            if len(data) < at + 4 * count + 4:
                self.stats["drops"] += 1
                return EINVAL
            if data[at + 4 * count] << 8 | data[at + 4 * count + 1] not in TAG_TYPES:
                break
            count += 1
        if count > self.conf["max"] or count >= MAX_VLANS:
            self.stats["excessive"] += 1
            return self._send("excessive", m)
        if count < self.conf["min"] or count <= abs(rotate):
            self.stats["incomplete"] += 1
            return self._send("incomplete", m)
        self.stats["histogram"][count] += 1
        cut = at + 4 * (rotate % count if count else 0)
        data[at : at + 4 * count] = data[cut : at + 4 * count] + data[at:cut]
        return self._send(dest, m)
