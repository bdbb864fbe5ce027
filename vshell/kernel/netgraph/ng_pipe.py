"""ng_pipe(4): a link with a bandwidth, a delay, losses and queues (netgraph/ng_pipe.c)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, ENOTCONN, KError
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
from vshell.kernel.netgraph.ng_parse import UINT32, UINT64, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x4F38)

NONE32, NONE64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
"""-1: take a setting away."""
MAX_BANDWIDTH, MAX_BER, MAX_DELAY, MAX_OVERHEAD = 1_000_000_000, 1_000_000_000_000, 10_000_000, 256
US = 1000

STAT_NAMES = ("FwdOctets", "FwdFrames", "queueDropOctets", "queueDropFrames", "delayDropOctets", "delayDropFrames")
RUN_NAMES = ("queues", "queuedOctets", "queuedFrames", "delayedOctets", "delayedFrames")
HOOKSTAT = NgStruct(*((name, UINT64) for name in STAT_NAMES))
STATS = NgStruct(("downstream", HOOKSTAT), ("upstream", HOOKSTAT))
HOOKRUN = NgStruct(*((name, UINT32) for name in RUN_NAMES))
RUN = NgStruct(("downstream", HOOKRUN), ("upstream", HOOKRUN))
HOOKCFG = NgStruct(
    ("bandwidth", UINT64), ("BER", UINT64), ("queuelen", UINT32), ("delaylen", UINT32), ("duplicate", UINT32),
    ("fifo", UINT32), ("drr", UINT32), ("wfq", UINT32), ("droptail", UINT32), ("drophead", UINT32),
)  # fmt: skip
CFG = NgStruct(
    ("bandwidth", UINT64), ("delay", UINT64), ("header_offset", UINT32), ("overhead", UINT32),
    ("downstream", HOOKCFG), ("upstream", HOOKCFG),
)  # fmt: skip


class Flow:
    """The packets of one flow that wait for the bandwidth."""

    __slots__ = ("deficit", "hash", "packets", "vtime")

    def __init__(self, value: int, deficit: int) -> None:
        self.hash = value
        self.packets: deque[Mbuf] = deque()
        self.deficit = deficit
        self.vtime = 0


class Direction:
    """What comes in by one hook and leaves by the other (struct hookinfo)."""

    def __init__(self) -> None:
        self.hook: NgHook | None = None
        self.reset()
        # Before it has a hook for the first time nothing is set.
        self.cfg.update(dict.fromkeys(self.cfg, 0))

    def reset(self) -> None:
        """As a new hook finds it."""
        self.noqueue = False
        self.flows: list[Flow] = []
        self.delayed: deque[tuple[int, Mbuf]] = deque()
        self.utime = 0
        """When the bandwidth is free again, in µs."""
        self.cfg = dict.fromkeys((f[0] for f in HOOKCFG.fields), 0) | {"queuelen": 50, "fifo": 1, "droptail": 1}
        self.run = dict.fromkeys(RUN_NAMES, 0)
        self.stats = dict.fromkeys(STAT_NAMES, 0)

    def count(self, kind: str, size: int) -> None:
        """Count a frame."""
        self.stats[f"{kind}Frames"] += 1
        self.stats[f"{kind}Octets"] += size

    def queued(self, kind: str, frames: int, size: int) -> None:
        """A frame enters or leaves a queue."""
        self.run[f"{kind}Frames"] += frames
        self.run[f"{kind}Octets"] += size * frames

    def configure(self, new: dict[str, int], delay: int) -> None:
        """parse_cfg: 0 leaves a setting as it is, -1 takes it away."""
        cfg = self.cfg
        _set(cfg, "BER", new["BER"], NONE64, 1, MAX_BER)
        _set(cfg, "queuelen", new["queuelen"], NONE32, 5, NONE32)
        _set(cfg, "delaylen", new["delaylen"], NONE32, 5, NONE32)
        _set(cfg, "duplicate", new["duplicate"], NONE32, 1, 50)
        if new["fifo"]:
            cfg.update(fifo=1, wfq=0, drr=0)
        if new["wfq"]:
            cfg.update(fifo=0, wfq=1, drr=0)
        if new["drr"]:
            cfg.update(fifo=0, wfq=0, drr=new["drr"] if new["drr"] >= 32 else 2048)
        if new["droptail"]:
            cfg.update(droptail=1, drophead=0)
        if new["drophead"]:
            cfg.update(droptail=0, drophead=1)
        if new["bandwidth"] == NONE64:
            cfg.update(bandwidth=0, fifo=1, wfq=0, drr=0)
        elif 100 <= new["bandwidth"] <= MAX_BANDWIDTH:
            cfg["bandwidth"] = new["bandwidth"]
        self.noqueue = not (cfg["bandwidth"] or delay or cfg["duplicate"] or cfg["BER"])


def _set(cfg: dict[str, int], name: str, value: int, none: int, low: int, high: int) -> None:
    if value == none:
        cfg[name] = 0
    elif low <= value <= high:
        cfg[name] = value


class Pipe(LastHook, ngtype="pipe", cookie=200708191):
    """A pipe: what comes in by "upper" is downstream, by "lower" upstream."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.upper, self.lower = Direction(), Direction()
        self.delay = self.overhead = self.header_offset = 0
        self.timer = vnet.kernel.clock.callout()

    def newhook(self, hook: NgHook, name: str) -> None:
        """There are two."""
        if name not in ("upper", "lower"):
            raise KError(EINVAL)
        hook.private = way = self.upper if name == "upper" else self.lower
        way.reset()
        way.hook = hook

    def disconnect(self, hook: NgHook) -> None:
        """What waits is lost."""
        hook.private.hook = None
        hook.private.flows.clear()
        hook.private.delayed.clear()
        super().disconnect(hook)

    def shutdown(self) -> bool:
        """Without a timer."""
        self.timer.stop()
        return False

    # messages --------------------------------------------------------------------------------------------------
    def _stats(self, clear: bool) -> dict[str, Any]:
        answer = {"downstream": self.upper.stats, "upstream": self.lower.stats}
        if clear:
            self.upper.stats, self.lower.stats = dict.fromkeys(STAT_NAMES, 0), dict.fromkeys(STAT_NAMES, 0)
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

    @ngmsg(4, "getrun", resp=RUN)
    def getrun(self, arg: Any, msg: NgMsg) -> Any:
        """What waits."""
        return {"downstream": self.upper.run, "upstream": self.lower.run}

    @ngmsg(5, "getcfg", resp=CFG)
    def getcfg(self, arg: Any, msg: NgMsg) -> Any:
        """The settings; one bandwidth if it is the same both ways."""
        down, up = dict(self.upper.cfg), dict(self.lower.cfg)
        bandwidth = 0
        if down["bandwidth"] == up["bandwidth"]:
            bandwidth = down["bandwidth"]
            down["bandwidth"] = up["bandwidth"] = 0
        return {
            "bandwidth": bandwidth, "delay": self.delay, "header_offset": self.header_offset, "overhead": self.overhead,
            "downstream": down, "upstream": up,
        }  # fmt: skip

    @ngmsg(6, "setcfg", arg=CFG)
    def setcfg(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """Change settings; a bit error rate of 1 takes the link down."""
        if arg["delay"] == NONE64:
            self.delay = 0
        elif 0 < arg["delay"] < MAX_DELAY:
            self.delay = arg["delay"]
        self._bandwidth(arg["bandwidth"])
        if arg["overhead"] == NONE32:
            self.overhead = 0
        elif 0 < arg["overhead"] < MAX_OVERHEAD:
            self.overhead = arg["overhead"]
        if arg["header_offset"] == NONE32:
            self.header_offset = 0
        elif 0 < arg["header_offset"] < 64:
            self.header_offset = arg["header_offset"]
        was_down = self._down()
        self.upper.configure(arg["downstream"], self.delay)
        self.lower.configure(arg["upstream"], self.delay)
        if self._down() != was_down:
            cmd = NGM_LINK_IS_UP if was_down else NGM_LINK_IS_DOWN
            for way in (self.lower, self.upper):
                ng_send_msg(self, way.hook, NgMsg(NGM_FLOW_COOKIE, cmd))

    def _bandwidth(self, value: int) -> None:
        if value == NONE64:
            value = 0
            self.overhead = 0
        elif 100 <= value <= MAX_BANDWIDTH:
            # Preamble, checksum and gap of Ethernet, or what HDLC adds to a frame.
            self.overhead = 24 if value >= 10_000_000 else 10
        else:
            return
        self.upper.cfg["bandwidth"] = self.lower.cfg["bandwidth"] = value

    def _down(self) -> bool:
        return self.upper.cfg["BER"] == 1 or self.lower.cfg["BER"] == 1

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """ngp_rcvdata."""
        way: Direction = hook.private
        size = len(m.data) - m.off
        run = way.run
        if way.noqueue and not run["queuedFrames"] and not run["delayedFrames"]:
            error = self._forward(way, m)
            way.count("delayDrop" if error else "Fwd", size)
            return error
        now = self.kernel.clock.now // US
        if not run["queuedFrames"]:
            way.utime = max(way.utime, now)
        value = 0 if way.cfg["fifo"] else _ip_hash(m, self.header_offset)
        flow = next((f for f in way.flows if f.hash == value), None)
        if flow is None:
            flow = Flow(value, way.cfg["drr"])
            run["queues"] += 1
            flow.packets.append(m)
            self._sort(way, flow, now, size)
        else:
            flow.packets.append(m)
        way.queued("queued", 1, size)
        if run["queuedFrames"] > way.cfg["queuelen"]:
            self._drop(way)
        self._dequeue(way, now)
        return 0

    def _forward(self, way: Direction, m: Mbuf) -> int:
        out = self._other(way).hook
        return ng_send_data(out, m) if out is not None else ng_drop(self, way.hook, m, "there is no other hook", ENOTCONN)

    def _other(self, way: Direction) -> Direction:
        return self.lower if way is self.upper else self.upper

    def _sort(self, way: Direction, flow: Flow, now: int, size: int) -> None:
        """Put a flow in its place: at the end, or with WFQ by the time its first packet would be through."""
        if not (way.cfg["wfq"] and way.cfg["bandwidth"]):
            way.flows.append(flow)
            return
        flow.vtime = now + (size + self.overhead) * way.run["queues"] * 8_000_000 // way.cfg["bandwidth"]
        at = next((i for i, f in enumerate(way.flows) if f.vtime > flow.vtime), len(way.flows))
        way.flows.insert(at, flow)

    def _drop(self, way: Direction) -> None:
        """The queue is too long: the longest flow loses a packet."""
        flow = max(way.flows, key=lambda f: len(f.packets))
        m = flow.packets.popleft() if way.cfg["drophead"] else flow.packets.pop()
        size = len(m.data) - m.off
        way.queued("queued", -1, size)
        way.count("queueDrop", size)
        ng_drop(self, way.hook, m, f"the queue is full ({way.cfg['queuelen']} frames)")
        if not flow.packets:
            way.flows.remove(flow)
            way.run["queues"] -= 1

    def _dequeue(self, way: Direction, now: int) -> None:
        """pipe_dequeue: what has the bandwidth goes into the delay, what was delayed long enough goes out."""
        while way.flows and way.utime <= now:
            self._serve(way, now)
        while way.delayed and way.delayed[0][0] <= now:
            _, m = way.delayed.popleft()
            size = len(m.data) - m.off
            way.queued("delayed", -1, size)
            error = self._forward(way, m)
            way.count("delayDrop" if error else "Fwd", size)
        self._schedule()

    def _serve(self, way: Direction, now: int) -> None:
        """One packet of the first flow."""
        cfg, flow = way.cfg, way.flows[0]
        m = flow.packets[0]
        size = len(m.data) - m.off
        if cfg["drr"]:
            if flow.deficit < size:
                flow.deficit += cfg["drr"]
                way.flows.append(way.flows.pop(0))
                return
            flow.deficit -= size
        if cfg["duplicate"] and self.kernel.random.uniform(100) <= cfg["duplicate"]:
            m = m.copy()
        else:
            flow.packets.popleft()
            way.queued("queued", -1, size)
        if cfg["bandwidth"]:
            way.utime += (size + self.overhead) * 8_000_000 // cfg["bandwidth"]
        when = way.utime
        if not flow.packets:
            way.flows.remove(flow)
            way.run["queues"] -= 1
        elif cfg["wfq"]:
            way.flows.remove(flow)
            first = flow.packets[0]
            self._sort(way, flow, now, len(first.data) - first.off)
        lost = cfg["BER"] and self._lost(cfg["BER"], size + self.overhead)
        if lost or (cfg["delaylen"] and way.run["delayedFrames"] >= cfg["delaylen"]):
            way.count("delayDrop", size)
            full = f"too many frames are delayed ({cfg['delaylen']})"
            ng_drop(self, way.hook, m, "lost to bit errors" if lost else full)
            return
        way.delayed.append((when + self.delay, m))
        way.queued("delayed", 1, size)

    def _lost(self, ber: int, size: int) -> bool:
        """Is one of the bits of a frame wrong?  One in `ber` is."""
        clean: float = (1 - 1 / ber) ** (8 * size)
        return self.kernel.random.uniform(1 << 31) >= clean * (1 << 31)

    def _schedule(self) -> None:
        due = []
        for way in (self.upper, self.lower):
            if way.flows:
                due.append(way.utime)
            if way.delayed:
                due.append(way.delayed[0][0])
        if due and not (self.timer.pending and self.timer.when <= min(due) * US):
            self.timer.reset(min(due) * US - self.kernel.clock.now, self._timeout)

    def _timeout(self) -> None:
        now = self.kernel.clock.now // US
        for way in (self.upper, self.lower):
            if way.hook is not None:
                self._dequeue(way, now)


def _ip_hash(m: Mbuf, offset: int) -> int:
    """A flow is a pair of IPv4 addresses."""
    at = m.off + offset
    header = bytes(m.data[at : at + 20])
    if len(header) < 20 or header[0] != 0x45:
        return 0
    src, dst = int.from_bytes(header[12:16], "little"), int.from_bytes(header[16:20], "little")
    value = src ^ src << 13 ^ dst << 7 ^ dst << 19
    return (value ^ value >> 32) & 0xFFFFFFFF
