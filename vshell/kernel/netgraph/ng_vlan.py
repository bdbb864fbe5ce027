"""ng_vlan(4): hooks for VLANs between "downstream" and the rest (netgraph/ng_vlan.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EEXIST, EINVAL, ENETDOWN, ENOENT, EOPNOTSUPP, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.net.mbuf import M_VLANTAG
from vshell.kernel.netgraph.ng_base import NGM_FLOW_COOKIE, LastHook, NgHook, NgMsg, ng_send_data, ng_send_msg, ngmsg
from vshell.kernel.netgraph.ng_drop import SHORT, ng_drop
from vshell.kernel.netgraph.ng_parse import (
    HINT16,
    HINT32,
    HOOKBUF,
    UINT8,
    UINT16,
    UINT32,
    Array,
    NgStruct,
    preceding,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x3318)

FROM_FILTER, FROM_NOMATCH = 1, 2
FILTER = NgStruct(("hook", HOOKBUF), ("vlan", UINT16), ("vid", UINT16), ("pcp", UINT8), ("cfi", UINT8))
TABLE = NgStruct(("n", UINT32), ("filter", Array(FILTER, preceding(4))))


class Vlan(LastHook, ngtype="vlan", cookie=1068486472):
    """The node; a hook's private data is its tag."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.vlans: dict[int, NgHook] = {}
        self.downstream: NgHook | None = None
        self.nomatch: NgHook | None = None
        self.decap, self.encap, self.proto = 0, FROM_FILTER, 0x8100

    def newhook(self, hook: NgHook, name: str) -> None:
        """Any name will do."""
        if name == "downstream":
            self.downstream = hook
        elif name == "nomatch":
            self.nomatch = hook

    def disconnect(self, hook: NgHook) -> None:
        """A filter goes with its hook."""
        if hook is self.downstream:
            self.downstream = None
        elif hook is self.nomatch:
            self.nomatch = None
        elif hook.private is not None:
            del self.vlans[hook.private & 0xFFF]
        super().disconnect(hook)

    # messages --------------------------------------------------------------------------------------------------
    @ngmsg(1, "addfilter", arg=FILTER)
    def addfilter(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """A hook for a VLAN; "vlan" is the old name of "vid"."""
        vid = arg["vid"] or arg["vlan"]
        if arg["vlan"] and vid != arg["vlan"]:
            raise KError(EINVAL)
        if vid > 0xFFF or arg["pcp"] > 7 or arg["cfi"] > 1:
            raise KError(EINVAL)
        hook = self.findhook(arg["hook"])
        if hook is None:
            raise KError(ENOENT)
        if hook in (self.downstream, self.nomatch):
            raise KError(EINVAL)
        if hook.private is not None or vid in self.vlans:
            raise KError(EEXIST)
        hook.private = arg["pcp"] << 13 | arg["cfi"] << 12 | vid
        self.vlans[vid] = hook

    @ngmsg(2, "delfilter", arg=HOOKBUF)
    def delfilter(self, arg: str, msg: NgMsg) -> None:
        """Not this hook any more."""
        hook = self.findhook(arg)
        if hook is None or hook.private is None:
            raise KError(ENOENT)
        del self.vlans[hook.private & 0xFFF]
        hook.private = None

    @ngmsg(3, "gettable", resp=TABLE)
    def gettable(self, arg: Any, msg: NgMsg) -> Any:
        """All filters by VLAN."""
        table = [
            {"hook": h.name, "vlan": vid, "vid": vid, "pcp": h.private >> 13, "cfi": h.private >> 12 & 1}
            for vid, h in sorted(self.vlans.items())
        ]
        return {"n": len(table), "filter": table}

    @ngmsg(4, "delvidflt", arg=UINT16)
    def delvidflt(self, arg: int, msg: NgMsg) -> None:
        """Not this VLAN any more."""
        if arg > 0xFFF:
            raise KError(EINVAL)
        hook = self.vlans.pop(arg, None)
        if hook is None:
            raise KError(ENOENT)
        hook.private = None

    @ngmsg(5, "getdecap", resp=HINT32)
    def getdecap(self, arg: Any, msg: NgMsg) -> int:
        """Are tags for "nomatch" taken out of the frame?"""
        return self.decap

    @ngmsg(6, "setdecap", arg=HINT32)
    def setdecap(self, arg: int, msg: NgMsg) -> None:
        """Set it."""
        self.decap = arg

    @ngmsg(7, "getencap", resp=HINT32)
    def getencap(self, arg: Any, msg: NgMsg) -> int:
        """Whose tags are put into the frame."""
        return self.encap

    @ngmsg(8, "setencap", arg=HINT32)
    def setencap(self, arg: int, msg: NgMsg) -> None:
        """Set it."""
        self.encap = arg

    @ngmsg(9, "getencapproto", resp=HINT16)
    def getencapproto(self, arg: Any, msg: NgMsg) -> int:
        """The type of tagged frames."""
        return self.proto

    @ngmsg(10, "setencapproto", arg=HINT16)
    def setencapproto(self, arg: int, msg: NgMsg) -> None:
        """Set it."""
        self.proto = arg

    def rcvmsg(self, msg: NgMsg) -> None:
        """Flow messages of the wire are passed on to all VLANs."""
        if msg.cookie != NGM_FLOW_COOKIE:
            super().rcvmsg(msg)
        elif msg.hook is not None and msg.hook is self.downstream:
            for _, hook in sorted(self.vlans.items()):
                ng_send_msg(self, hook, NgMsg(msg.cookie, msg.cmd, msg.data))

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """ng_vlan_rcvdata."""
        if len(m) < 14:
            return ng_drop(self, hook, m, SHORT, EINVAL)
        if hook is self.downstream:
            return self._up(m)
        if self.downstream is None:
            return ng_drop(self, hook, m, "there is no hook downstream", ENETDOWN)
        if hook is not self.nomatch:
            if hook.private is None:
                return ng_drop(self, hook, m, "the hook has no VLAN", EOPNOTSUPP)
            if not self.encap & FROM_FILTER:
                m.flags |= M_VLANTAG
                m.vtag = hook.private
                return ng_send_data(self.downstream, m)
            tag = hook.private
        elif not self.encap & FROM_NOMATCH or not m.flags & M_VLANTAG:
            return ng_send_data(self.downstream, m)
        else:
            tag = m.vtag
            m.flags &= ~M_VLANTAG
        addresses = bytes(m.data[m.off : m.off + 12])
        m.off += 12
        m.prepend(addresses + self.proto.to_bytes(2, "big") + tag.to_bytes(2, "big"))
        return ng_send_data(self.downstream, m)

    def _up(self, m: Mbuf) -> int:
        """To the hook of the VLAN, or to "nomatch"."""
        data, off = m.data, m.off
        inband = False
        dest = self.nomatch
        if m.flags & M_VLANTAG:
            vid = m.vtag & 0xFFF
        elif data[off + 12] << 8 | data[off + 13] == self.proto:
            if len(m) < 18:
                return EINVAL
            inband = True
            vid = (data[off + 14] << 8 | data[off + 15]) & 0xFFF
        else:
            if dest is None:
                return ng_drop(self, self.downstream, m, "untagged, and there is no hook nomatch", ENETDOWN)
            return ng_send_data(dest, m)
        found = self.vlans.get(vid)
        if found is not None:
            dest = found
            m.flags &= ~M_VLANTAG
        elif dest is None:
            return ng_drop(self, self.downstream, m, f"no hook for VLAN {vid}", ENETDOWN)
        elif inband and self.decap:
            m.vtag = data[off + 14] << 8 | data[off + 15]
            m.flags |= M_VLANTAG
        if inband and (found is not None or self.decap):
            data[off + 4 : off + 16] = data[off : off + 12]
            m.off = off + 4
        return ng_send_data(dest, m)
