"""ng_etf(4): frames by their Ethernet type (netgraph/ng_etf.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EEXIST, EINVAL, ENOENT, ENOTCONN, EPROTOTYPE, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_drop import SHORT, ng_drop
from vshell.kernel.netgraph.ng_parse import HOOKBUF, UINT16, UINT32, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x2678)

STATUS = NgStruct(("packets_in", UINT32), ("packets_out", UINT32))
FILTER = NgStruct(("matchhook", HOOKBUF), ("ethertype", UINT16))


class Etf(LastHook, ngtype="etf", cookie=983084516):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.status = {"packets_in": 0, "packets_out": 0}
        self.filters: dict[int, NgHook] = {}
        self.flags = 0

    def newhook(self, hook: NgHook, name: str) -> None:
        """Any name will do; with a new "downstream" counting begins anew."""
        if name == "downstream":
            self.status = {"packets_in": 0, "packets_out": 0}

    def disconnect(self, hook: NgHook) -> None:
        """Its filters go with it."""
        self.filters = {etype: h for etype, h in self.filters.items() if h is not hook}
        super().disconnect(hook)

    @ngmsg(1, "setflag", arg=UINT32)
    def setflag(self, arg: int, msg: NgMsg) -> None:
        """Kept, and nothing else."""
        self.flags = arg

    @ngmsg(2, "getstatus", resp=STATUS)
    def getstatus(self, arg: Any, msg: NgMsg) -> Any:
        """The counters."""
        return self.status

    @ngmsg(3, "setfilter", arg=FILTER)
    def setfilter(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """A type for a hook."""
        hook = self.findhook(arg["matchhook"])
        if hook is None:
            raise KError(ENOENT)
        if hook.name == "downstream":
            raise KError(EINVAL)
        if arg["ethertype"] in self.filters:
            raise KError(EEXIST)
        self.filters[arg["ethertype"]] = hook

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """From "downstream" to the hook of the type or to "nomatch"; back only by the same."""
        if len(m) < 14:
            return ng_drop(self, hook, m, SHORT, EINVAL)
        match = self.filters.get(m.data[m.off + 12] << 8 | m.data[m.off + 13]) or self.findhook("nomatch")
        if hook.name == "downstream":
            self.status["packets_in"] += 1
            if match is None:
                return ng_drop(self, hook, m, "no filter takes it, and there is no hook nomatch", ENOTCONN)
            return ng_send_data(match, m)
        if match is not hook:
            return ng_drop(self, hook, m, "this Ethernet type belongs to another hook", EPROTOTYPE)
        error = ng_send_data(self.findhook("downstream"), m)
        if not error:
            self.status["packets_out"] += 1
        return error
