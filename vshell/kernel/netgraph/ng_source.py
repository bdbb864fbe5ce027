"""ng_source(4): packets that came in by "input" are sent by "output" again and again (netgraph/ng_source.c)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EBUSY, EINVAL, ENOBUFS, ENXIO, KError
from vshell.abi.netgraph import NGF_RESP
from vshell.kernel.kern.module import Kld
from vshell.kernel.net.ifioctl import ifunit
from vshell.kernel.netgraph.ng_base import NgHook, NgMsg, Node, ng_deliver, ng_rmnode, ng_send_data, ng_send_msg, ngmsg
from vshell.kernel.netgraph.ng_parse import (
    HINT8,
    HINT16,
    INT32,
    INT64,
    STRING,
    UINT8,
    UINT32,
    UINT64,
    NgStruct,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x3A20)

ETHER_COOKIE, GET_IFNAME, SET_AUTOSRC = 917786906, 1, 8
QUEUE_MAX, DRIVER_QUEUE = 2048, 4096
TICK = 10_000_000
COUNTERS = 4
ENABLE, PER_LIST = 1, 2
WORD = 0xFFFFFFFF

TIMEVAL = NgStruct(("tv_sec", INT64), ("tv_usec", INT64))
STATS = NgStruct(
    ("outOctets", UINT64), ("outFrames", UINT64), ("queueOctets", UINT32), ("queueFrames", UINT32), ("maxPps", UINT32),
    ("startTime", TIMEVAL), ("endTime", TIMEVAL), ("elapsedTime", TIMEVAL), ("lastTime", TIMEVAL),
)  # fmt: skip
TIMES = ("startTime", "endTime", "elapsedTime", "lastTime")
EMBED_TEXT = NgStruct(("offset", HINT16), ("flags", HINT8))
COUNTER = NgStruct(
    ("offset", HINT16), ("flags", HINT8), ("width", UINT8), ("next_val", UINT32), ("min_val", UINT32), ("max_val", UINT32),
    ("increment", INT32), ("index", UINT8),
)  # fmt: skip


class Source(Node, ngtype="source", cookie=1110646684):
    """The node; times are kept in µs."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.input: NgHook | None = None
        self.output: NgHook | None = None
        self.ifp: Ifnet | None = None
        self.queue: deque[Mbuf] = deque()
        self.last: Mbuf | None = None
        self.octets = 0
        self.packets = 0
        """How many are still to be sent."""
        self.active = False
        self.timer = vnet.kernel.clock.callout()
        self.stats = dict.fromkeys((f[0] for f in STATS.fields), 0)
        self.timestamp = {"offset": 0, "flags": 0}
        self.counters = [dict.fromkeys((f[0] for f in COUNTER.fields), 0) for _ in range(COUNTERS)]

    # hooks -----------------------------------------------------------------------------------------------------
    def newhook(self, hook: NgHook, name: str) -> None:
        """There are two."""
        if name == "input":
            self.input = hook
        elif name == "output":
            self.output = hook
            self.ifp = None
            self.stats = dict.fromkeys(self.stats, 0)
        else:
            raise KError(EINVAL)

    def connect(self, hook: NgHook) -> None:
        """Ask the other end of "output" for its interface."""
        peer = hook.peer.node if hook.peer is not None else None
        if hook is self.output and peer is not None:
            try:
                ng_deliver(peer, NgMsg(ETHER_COOKIE, GET_IFNAME, retaddr=self.id))
            except KError:
                # It is no Ethernet interface.
                pass

    def disconnect(self, hook: NgHook) -> None:
        """Without its output it is nothing."""
        if (not self.hooks or hook is self.output) and self.valid:
            ng_rmnode(self)

    def shutdown(self) -> bool:
        """Send no more."""
        self._stop()
        self.queue.clear()
        return False

    # messages --------------------------------------------------------------------------------------------------
    def rcvmsg(self, msg: NgMsg) -> None:
        """The answer of an interface says which one it is."""
        if msg.cookie != ETHER_COOKIE:
            super().rcvmsg(msg)
            return
        if not msg.flags & NGF_RESP or msg.cmd != GET_IFNAME or len(msg.data) < 2:
            raise KError(EINVAL)
        if self._store(STRING.load(msg.data, 0)[0]):
            ng_send_msg(self, self.output, NgMsg(ETHER_COOKIE, SET_AUTOSRC, bytes(4)))

    def _store(self, name: str) -> bool:
        ifp = ifunit(self.vnet, name)
        if ifp is None:
            self.kernel.printf(f"ng_source_store_output_ifp: can't find interface {name}")
            return False
        self.ifp = ifp
        return True

    def _now(self) -> int:
        return self.kernel.clock.realtime() // 1000

    def _stats(self, clear: bool) -> dict[str, Any]:
        stats = self.stats
        stats["queueOctets"], stats["queueFrames"] = self.octets, len(self.queue)
        if self.active and not stats["endTime"]:
            stats["elapsedTime"] = self._now() - stats["startTime"]
        answer: dict[str, Any] = dict(stats)
        for name in TIMES:
            answer[name] = {"tv_sec": stats[name] // 1_000_000, "tv_usec": stats[name] % 1_000_000}
        if clear:
            self.stats = dict.fromkeys(stats, 0)
        return answer

    @ngmsg(1, "getstats", resp=STATS)
    def getstats(self, arg: Any, msg: NgMsg) -> Any:
        """The counters."""
        return self._stats(False)

    @ngmsg(2, "clrstats")
    def clrstats(self, arg: Any, msg: NgMsg) -> None:
        """Begin anew."""
        self._stats(True)

    @ngmsg(3, "getclrstats", resp=STATS)
    def getclrstats(self, arg: Any, msg: NgMsg) -> Any:
        """Both."""
        return self._stats(True)

    @ngmsg(4, "start", arg=UINT64)
    def start(self, arg: int, msg: NgMsg) -> None:
        """Send so many packets."""
        if self.ifp is None and not self.stats["maxPps"]:
            self.kernel.printf("ng_source: start without iface or pps configured")
            raise KError(ENXIO)
        if self.active:
            raise KError(EBUSY)
        self.active = True
        self.packets = arg
        self.stats["elapsedTime"] = self.stats["endTime"] = 0
        self.stats["startTime"] = self.stats["lastTime"] = self._now()
        self.timer.reset(0, self._intr)

    @ngmsg(5, "stop")
    def stop(self, arg: Any, msg: NgMsg) -> None:
        """No more."""
        self._stop()

    @ngmsg(6, "clrdata")
    def clrdata(self, arg: Any, msg: NgMsg) -> None:
        """Forget the packets."""
        self.queue.clear()
        self.octets, self.last = 0, None

    @ngmsg(7, "setiface", arg=STRING, size=0)
    def setiface(self, arg: str, msg: NgMsg) -> None:
        """The interface whose queue is to be filled."""
        if len(msg.data) < 2:
            raise KError(EINVAL)
        self._store(arg)

    @ngmsg(8, "setpps", arg=UINT32)
    def setpps(self, arg: int, msg: NgMsg) -> None:
        """At most so many packets in a second."""
        self.stats["maxPps"] = arg

    @ngmsg(9, "settimestamp", arg=EMBED_TEXT)
    def settimestamp(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Write the time into packets."""
        self.timestamp = arg

    @ngmsg(10, "gettimestamp", resp=EMBED_TEXT)
    def gettimestamp(self, arg: Any, msg: NgMsg) -> Any:
        """Where to."""
        return self.timestamp

    @ngmsg(11, "setcounter", arg=COUNTER)
    def setcounter(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Write a counter into packets."""
        if arg["index"] >= COUNTERS or arg["width"] not in (1, 2, 4):
            raise KError(EINVAL)
        self.counters[arg["index"]] = arg

    @ngmsg(12, "getcounter", arg=UINT8, resp=COUNTER)
    def getcounter(self, arg: int, msg: NgMsg) -> Any:
        """A counter."""
        if arg >= COUNTERS:
            raise KError(EINVAL)
        return self.counters[arg]

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Keep what is to be sent."""
        if hook is self.output:
            return 0
        if len(self.queue) >= QUEUE_MAX:
            return ENOBUFS
        self.queue.append(m)
        self.octets += len(m)
        self.last = m
        return 0

    def _stop(self) -> None:
        self.timer.stop()
        self.active = False
        self.stats["endTime"] = self._now()
        self.stats["elapsedTime"] = self.stats["endTime"] - self.stats["startTime"]

    def _intr(self) -> None:
        """Once a tick: as many packets as fit, or as the rate allows."""
        if not self.packets or self.output is None or not self.active:
            self._stop()
            return
        count = DRIVER_QUEUE if self.ifp is not None else len(self.queue)
        stats = self.stats
        if stats["maxPps"]:
            now = self._now()
            count = min(count, stats["maxPps"] * (now - stats["lastTime"]) // 1_000_000)
            stats["lastTime"] = now
        self._send(min(count, self.packets))
        if self.packets:
            self.timer.reset(TICK, self._intr)
        else:
            self._stop()

    def _send(self, count: int) -> None:
        for _ in range(count):
            if not self.queue:
                return
            original = self.queue.popleft()
            self.queue.append(original)
            m = self._copy(original)
            self.stats["outFrames"] += 1
            self.stats["outOctets"] += len(m)
            if ng_send_data(self.output, m):
                return
            self.packets -= 1

    def _copy(self, original: Mbuf) -> Mbuf:
        m = original.copy()
        for counter in self.counters:
            if counter["flags"] & ENABLE:
                _write(m, counter["offset"], counter["next_val"].to_bytes(4, "big")[-counter["width"] :])
                if not counter["flags"] & PER_LIST or self.last is original:
                    _advance(counter)
        if self.timestamp["flags"] & ENABLE:
            seconds, micros = divmod(self._now(), 1_000_000)
            _write(m, self.timestamp["offset"], seconds.to_bytes(4, "big") + bytes(4) + micros.to_bytes(4, "big") + bytes(4))
        return m


def _write(m: Mbuf, offset: int, value: bytes) -> None:
    """Overwrite bytes of a packet that has them."""
    if offset + len(value) <= len(m):
        m.data[m.off + offset : m.off + offset + len(value)] = value


def _advance(counter: dict[str, int]) -> None:
    """The next value, from the other end when it leaves its range; all of it in 32 bits without a sign."""
    step, low, high = counter["increment"], counter["min_val"], counter["max_val"]
    value = counter["next_val"] + step & WORD
    if step > 0 and value > high:
        value = low - 1 + value - high & WORD
        value = min(value, high)
    elif step < 0 and value < low:
        value = high + 1 + value - low & WORD
        value = high if value < low else value
    counter["next_val"] = value
