"""ng_vjc(4): Van Jacobson's TCP header compression as a node (netgraph/ng_vjc.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EALREADY, EINVAL, EISCONN, ENOBUFS, ENXIO, KError
from vshell.abi.socket import IPPROTO_TCP
from vshell.kernel.kern.module import Kld
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_parse import HINT8, HINT16, UINT8, UINT16, UINT32, UINT64, Array, NgStruct
from vshell.kernel.netgraph.slcompress import (
    COUNTERS,
    MAX_HDR,
    MAX_STATES,
    TYPE_COMPRESSED_TCP,
    TYPE_IP,
    TYPE_UNCOMPRESSED_TCP,
    Cstate,
    Slcompress,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x3A30)

MIN_CHANNELS, MAX_CHANNELS = 4, MAX_STATES
HOOKS = {TYPE_IP: "vjip", TYPE_UNCOMPRESSED_TCP: "vjuncomp", TYPE_COMPRESSED_TCP: "vjcomp"}
NAMES = ("ip", "vjcomp", "vjuncomp", "vjip")

CONFIG = NgStruct(("enableComp", UINT8), ("enableDecomp", UINT8), ("maxChannel", UINT8), ("compressCID", UINT8))
CSTATE = NgStruct(
    ("cs_next", UINT64), ("cs_hlen", UINT16), ("cs_id", UINT8), ("cs_filler", UINT8), ("cs_hdr", Array(HINT8, MAX_HDR)),
)  # fmt: skip
SLCOMPRESS = NgStruct(
    ("last_cs", UINT64), ("last_recv", UINT8), ("last_xmit", UINT8), ("flags", HINT16),
    *((name, UINT32) for name in COUNTERS), ("tstate", Array(CSTATE, MAX_STATES)), ("rstate", Array(CSTATE, MAX_STATES)),
)  # fmt: skip


class Vjc(LastHook, ngtype="vjc", cookie=868219210):
    """The node: IP on "ip", what goes over the line on the three others."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.conf = dict.fromkeys((f[0] for f in CONFIG.fields), 0)
        self.slc = Slcompress()
        self.ends: dict[str, NgHook] = {}

    def newhook(self, hook: NgHook, name: str) -> None:
        """There are four."""
        if name not in NAMES:
            raise KError(EINVAL)
        if name in self.ends:
            raise KError(EISCONN)
        self.ends[name] = hook

    def disconnect(self, hook: NgHook) -> None:
        """One less."""
        self.ends.pop(hook.name, None)
        super().disconnect(hook)

    # messages --------------------------------------------------------------------------------------------------
    @ngmsg(0, "setconfig", arg=CONFIG)
    def setconfig(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Begin, or end; what runs is not changed."""
        running = self.conf["enableComp"] or self.conf["enableDecomp"]
        start = arg["enableComp"] or arg["enableDecomp"]
        if running and start:
            raise KError(EALREADY)
        if not arg["enableComp"]:
            arg["maxChannel"] = MAX_CHANNELS - 1
        elif not MIN_CHANNELS - 1 <= arg["maxChannel"] <= MAX_CHANNELS - 1:
            raise KError(EINVAL)
        if start:
            self.slc = Slcompress()
            self.slc.init(arg["maxChannel"])
        self.conf = arg

    @ngmsg(1, "getconfig", resp=CONFIG)
    def getconfig(self, arg: Any, msg: NgMsg) -> Any:
        """The settings."""
        return self.conf

    @ngmsg(2, "getstate", resp=SLCOMPRESS)
    def getstate(self, arg: Any, msg: NgMsg) -> Any:
        """Everything there is to know of the compression."""
        slc = self.slc
        return {
            "last_cs": slc.last or 0, "last_recv": slc.last_recv, "last_xmit": slc.last_xmit, "flags": slc.flags, **slc.stats,
            # A pointer is shown as the index of what it points to.
            "tstate": [_cstate(cs, cs.next) for cs in slc.tstate], "rstate": [_cstate(cs, 0) for cs in slc.rstate],
        }  # fmt: skip

    @ngmsg(3, "clrstats")
    def clrstats(self, arg: Any, msg: NgMsg) -> None:
        """Count anew."""
        self.slc.stats = dict.fromkeys(COUNTERS, 0)

    @ngmsg(4, "recverror")
    def recverror(self, arg: Any, msg: NgMsg) -> None:
        """A frame was lost."""
        self.slc.error()

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Compress towards the line, expand towards "ip"."""
        name = hook.name
        if name == "ip":
            return self._out(m)
        if name == "vjip":
            return ng_send_data(self.ends.get("ip"), m)
        if not self.conf["enableDecomp"]:
            return ENXIO
        data = m.bytes()
        if name == "vjuncomp" and not _whole(data):
            return ENOBUFS
        packet = self.slc.expand(data) if name == "vjcomp" else self.slc.uncompressed(data)
        if packet is None:
            return EINVAL
        return ng_send_data(self.ends.get("ip"), m_get(packet, m.fib))

    def _out(self, m: Mbuf) -> int:
        kind = TYPE_IP
        if self.conf["enableComp"]:
            data = m.bytes()
            if len(data) < 20:
                return ENOBUFS
            if data[9] == IPPROTO_TCP:
                if not _whole(data):
                    return ENOBUFS
                kind, packet = self.slc.compress(data, bool(self.conf["compressCID"]))
                if kind != TYPE_IP:
                    m = m_get(packet, m.fib)
        return ng_send_data(self.ends.get(HOOKS[kind]), m)


def _cstate(cs: Cstate, following: int) -> dict[str, Any]:
    return {"cs_next": following, "cs_hlen": cs.hlen, "cs_id": cs.id, "cs_filler": 0, "cs_hdr": list(cs.header)}


def _whole(data: bytes) -> bool:
    """ng_vjc_pulluphdrs: are both headers there?"""
    ihl = (data[0] & 15) * 4 if len(data) >= 20 else len(data)
    return len(data) >= ihl + 20 and len(data) >= ihl + (data[ihl + 12] >> 4) * 4
