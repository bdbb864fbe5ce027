"""ng_async(4): PPP frames as bytes of an asynchronous line, and back (netgraph/ng_async.c, RFC 1662)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, EISCONN, EMSGSIZE, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_parse import HINT32, INT8, UINT16, UINT32, NgStruct
from vshell.kernel.netgraph.ppp_fcs import PPP_GOODFCS, PPP_INITFCS, ppp_fcs

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x3078)

FLAG, ESCAPE, TRANS = 0x7E, 0x7D, 0x20
ALL_ESCAPED = 0xFFFFFFFF
LCP_HEADER = b"\xff\x03\xc0\x21"
MIN_MRU, MAX_MRU, DEFAULT_MRU = 1, 8192, 1600
HUNT, NORMAL, ESCAPED = range(3)
SECOND = 1_000_000_000

STAT_NAMES = (
    "syncOctets", "syncFrames", "syncOverflows", "asyncOctets", "asyncFrames", "asyncRunts", "asyncOverflows",
    "asyncBadCheckSums",
)  # fmt: skip
STATS = NgStruct(*((name, UINT32) for name in STAT_NAMES))
CONFIG = NgStruct(("enabled", INT8), ("amru", UINT16), ("smru", UINT16), ("accm", HINT32))


class Async(LastHook, ngtype="async", cookie=886473717):
    """The node: frames on "sync", bytes on "async"."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.conf = {"enabled": 0, "amru": DEFAULT_MRU, "smru": DEFAULT_MRU, "accm": ALL_ESCAPED}
        self.stats = dict.fromkeys(STAT_NAMES, 0)
        self.ends: dict[str, NgHook] = {}
        self.mode = HUNT
        self.frame = bytearray()
        self.last_second = 0

    def newhook(self, hook: NgHook, name: str) -> None:
        """There are two."""
        if name not in ("async", "sync"):
            raise KError(EINVAL)
        if name in self.ends:
            raise KError(EISCONN)
        self.ends[name] = hook

    def disconnect(self, hook: NgHook) -> None:
        """Count anew."""
        self.ends.pop(hook.name, None)
        self.stats = dict.fromkeys(STAT_NAMES, 0)
        self.last_second = 0
        super().disconnect(hook)

    # messages --------------------------------------------------------------------------------------------------
    @ngmsg(1, "getstats", resp=STATS)
    def getstats(self, arg: Any, msg: NgMsg) -> Any:
        """The counters."""
        return self.stats

    @ngmsg(2, "clrstats", arg=STATS, size=0)
    def clrstats(self, arg: Any, msg: NgMsg) -> None:
        """Begin anew; what the arguments are does not matter."""
        self.stats = dict.fromkeys(STAT_NAMES, 0)

    @ngmsg(3, "setconfig", arg=CONFIG)
    def setconfig(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Sizes, and what is escaped; not enabled, everything goes through as it is."""
        if not (MIN_MRU <= arg["amru"] <= MAX_MRU and MIN_MRU <= arg["smru"] <= MAX_MRU):
            raise KError(EINVAL)
        if arg["amru"] > self.conf["amru"] or not arg["enabled"]:
            self.mode = HUNT
            self.frame.clear()
        self.conf = {**arg, "enabled": int(bool(arg["enabled"]))}

    @ngmsg(4, "getconfig", resp=CONFIG)
    def getconfig(self, arg: Any, msg: NgMsg) -> Any:
        """The settings."""
        return self.conf

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """To the other side."""
        to_async = hook.name == "sync"
        if not self.conf["enabled"]:
            return ng_send_data(self.ends.get("async" if to_async else "sync"), m)
        return self._encode(m) if to_async else self._decode(m)

    def _encode(self, m: Mbuf) -> int:
        """nga_rcv_sync: a frame with its checksum, escaped, between flags."""
        data = m.bytes()
        if len(data) > self.conf["smru"]:
            self.stats["syncOverflows"] += 1
            return EMSGSIZE
        self.stats["syncFrames"] += 1
        self.stats["syncOctets"] += len(data)
        accm = ALL_ESCAPED if data[:4] == LCP_HEADER else self.conf["accm"]
        out = bytearray()
        second = self.kernel.clock.realtime() // SECOND
        if second >= self.last_second + 1:
            # After a pause the receiver may be out of step, so a frame then has a flag in front too.
            out.append(FLAG)
            self.last_second = second
        fcs = ~ppp_fcs(PPP_INITFCS, data) & 0xFFFF
        for byte in data + fcs.to_bytes(2, "little"):
            if byte in (ESCAPE, FLAG) or (byte < 32 and accm >> byte & 1):
                out += bytes((ESCAPE, byte ^ TRANS))
            else:
                out.append(byte)
        out.append(FLAG)
        return self._send("async", bytes(out), m)

    def _decode(self, m: Mbuf) -> int:
        """nga_rcv_async: bytes one by one."""
        stats, limit = self.stats, self.conf["amru"] + 10
        for byte in m.bytes():
            stats["asyncOctets"] += 1
            if byte == FLAG:
                self._end(m)
            elif self.mode == HUNT:
                continue
            elif self.mode == NORMAL and byte == ESCAPE:
                self.mode = ESCAPED
            elif len(self.frame) >= limit:
                stats["asyncOverflows"] += 1
                self.mode = HUNT
                self.frame.clear()
            else:
                self.frame.append(byte ^ TRANS if self.mode == ESCAPED else byte)
                self.mode = NORMAL
        return 0

    def _end(self, m: Mbuf) -> None:
        """A flag: what there is between it and the one before may be a frame."""
        frame, self.frame, self.mode = bytes(self.frame), bytearray(), NORMAL
        if len(frame) < 2:
            self.stats["asyncRunts"] += bool(frame)
            return
        if ppp_fcs(PPP_INITFCS, frame) != PPP_GOODFCS:
            self.stats["asyncBadCheckSums"] += 1
            return
        frame = frame[:-2]
        if frame[:2] == b"\xff\x03":
            frame = frame[2:]
        if len(frame) > self.conf["amru"]:
            self.stats["asyncOverflows"] += 1
            return
        self._send("sync", frame, m)
        self.stats["asyncFrames"] += 1

    def _send(self, name: str, data: bytes, m: Mbuf) -> int:
        new = m_get(data)
        new.rcvif = m.rcvif
        return ng_send_data(self.ends.get(name), new)
