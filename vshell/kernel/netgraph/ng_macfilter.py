"""ng_macfilter(4): frames go to the hook their source address was given (netgraph/ng_macfilter.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_drop import SHORT, ng_drop
from vshell.kernel.netgraph.ng_parse import ENADDR, HOOKBUF, UINT16, UINT32, UINT64, Array, NgStruct, preceding

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x2E58)

DEFAULT = 0
DIRECT = NgStruct(("ether", ENADDR), ("hookname", HOOKBUF))
DIRECT_ID = NgStruct(("ether", ENADDR), ("hookid", UINT16))
COUNTERS = ("packets_in", "bytes_in", "packets_out", "bytes_out")
MAC = NgStruct(("ether", ENADDR), ("hookid", UINT16), *((name, UINT64) for name in COUNTERS))
MACS = NgStruct(("n", UINT32), ("macs", Array(MAC, lambda data, off: int.from_bytes(data[off - 8 : off - 4], "little"))))
HOOK = NgStruct(("hookname", HOOKBUF), ("hookid", UINT16), ("maccnt", UINT32))
HOOKS = NgStruct(("n", UINT32), ("hooks", Array(HOOK, preceding(4))))


class Macfilter(LastHook, ngtype="macfilter", cookie=1042445461):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.ether: NgHook | None = None
        self.upper: list[NgHook | None] = []
        """Hooks by id; the first is "default"."""
        self.table: list[dict[str, Any]] = []
        """Addresses in their order; behind those in use there are places that still have old counters."""
        self.macs: dict[bytes, dict[str, Any]] = {}
        """Those in use by address."""

    def newhook(self, hook: NgHook, name: str) -> None:
        """Any name will do; a hook gets the lowest id that is free."""
        if name == "ether":
            self.ether = hook
            return
        if name == "default":
            number = DEFAULT
        else:
            number = 1
            while number < len(self.upper) and self.upper[number] is not None:
                number += 1
        self.upper += [None] * (number + 1 - len(self.upper))
        self.upper[number] = hook

    def disconnect(self, hook: NgHook) -> None:
        """Its addresses go with it."""
        if hook is self.ether:
            self.ether = None
        elif hook in self.upper:
            number = self.upper.index(hook)
            self.upper[number] = None
            used = self._used()
            kept = [dict(mac) for mac in used if mac["hookid"] != number]
            self.table[: len(kept)] = kept
            self._index(len(kept))
            while self.upper and self.upper[-1] is None:
                self.upper.pop()
        super().disconnect(hook)

    # messages --------------------------------------------------------------------------------------------------
    def _used(self) -> list[dict[str, Any]]:
        return self.table[: len(self.macs)]

    def _index(self, used: int) -> None:
        self.macs = {mac["ether"]: mac for mac in self.table[:used]}

    def _change(self, ether: bytes, number: int) -> None:
        """Give an address to a hook; the default hook has all that nobody has."""
        used, table = len(self.macs), self.table
        if ether in self.macs and number != DEFAULT:
            self.macs[ether]["hookid"] = number
        elif ether in self.macs:
            # What is behind it moves; the last place stays as it is.
            table.insert(used, dict(table[used - 1]))
            table.remove(self.macs[ether])
            self._index(used - 1)
        elif number != DEFAULT:
            # The new one has the counters that were in its place.
            at = sum(other < ether for other in self.macs)
            new = dict(table[at]) if at < len(table) else dict.fromkeys(COUNTERS, 0)
            del table[used : used + 1]
            table.insert(at, {**new, "ether": ether, "hookid": number})
            self._index(used + 1)

    @ngmsg(1, "reset")
    def reset(self, arg: Any, msg: NgMsg) -> None:
        """Forget all addresses."""
        self._index(0)

    @ngmsg(2, "direct", arg=DIRECT)
    def direct(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """An address for a hook; a name nobody has is that of the default hook."""
        number = next((i for i, h in enumerate(self.upper) if h is not None and h.name == arg["hookname"]), DEFAULT)
        self._change(arg["ether"], number)

    @ngmsg(3, "directi", arg=DIRECT_ID)
    def directi(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """The same by id."""
        if arg["hookid"] >= len(self.upper) or self.upper[arg["hookid"]] is None:
            raise KError(EINVAL)
        self._change(arg["ether"], arg["hookid"])

    def _list(self, clear: bool) -> dict[str, Any]:
        macs = [dict(mac) for mac in self._used()]
        if clear:
            for mac in self.macs.values():
                mac.update(dict.fromkeys(COUNTERS, 0))
        return {"n": len(macs), "macs": macs}

    @ngmsg(4, "getmacs", resp=MACS)
    def getmacs(self, arg: Any, msg: NgMsg) -> Any:
        """All addresses with their counters."""
        return self._list(False)

    @ngmsg(5, "getclrmacs", resp=MACS)
    def getclrmacs(self, arg: Any, msg: NgMsg) -> Any:
        """Both."""
        return self._list(True)

    @ngmsg(6, "clrmacs")
    def clrmacs(self, arg: Any, msg: NgMsg) -> None:
        """Count anew."""
        self._list(True)

    @ngmsg(7, "gethooks", resp=HOOKS)
    def gethooks(self, arg: Any, msg: NgMsg) -> Any:
        """All hooks."""
        hooks = [
            {"hookname": h.name, "hookid": i, "maccnt": sum(mac["hookid"] == i for mac in self.macs.values())}
            for i, h in enumerate(self.upper)
            if h is not None
        ]
        return {"n": len(hooks), "hooks": hooks}

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Up by source address, down to "ether"."""
        size = len(m)
        if size < 14:
            return ng_drop(self, hook, m, SHORT, EINVAL)
        if hook is self.ether:
            mac = self.macs.get(bytes(m.data[m.off + 6 : m.off + 12]))
            number = DEFAULT
            if mac is not None:
                mac["packets_in"] += 1
                mac["bytes_in"] += size - 14
                number = mac["hookid"]
            dest = self.upper[number] if number < len(self.upper) else None
        else:
            mac = self.macs.get(bytes(m.data[m.off : m.off + 6]))
            if mac is not None and self.ether is not None:
                mac["packets_out"] += 1
                mac["bytes_out"] += size - 14
            dest = self.ether
        if dest is None:
            return ng_drop(self, hook, m, "there is no hook for this address")
        return ng_send_data(dest, m)
