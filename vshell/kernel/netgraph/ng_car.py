"""ng_car(4): a committed access rate between "upper" and "lower": token buckets, RED, shaping (netgraph/ng_car.c)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_drop import ng_drop
from vshell.kernel.netgraph.ng_parse import UINT8, UINT64, NgStruct

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x3508)

STAT_NAMES = ("passed", "dropped", "green", "yellow", "red", "errors")
HOOKSTATS = NgStruct(*((name, UINT64) for name in STAT_NAMES))
STATS = NgStruct(("upstream", HOOKSTATS), ("downstream", HOOKSTATS))
HOOKCONF = NgStruct(
    ("cbs", UINT64), ("ebs", UINT64), ("cir", UINT64), ("pir", UINT64), ("greenAction", UINT8), ("yellowAction", UINT8),
    ("redAction", UINT8), ("mode", UINT8), ("opt", UINT8),
)  # fmt: skip
CONF = NgStruct(("upstream", HOOKCONF), ("downstream", HOOKCONF))

FORWARD, DROP, MARK = 1, 2, 3
SINGLE_RATE, DOUBLE_RATE, RED, SHAPE = range(4)
COLOR_AWARE, COUNT_PACKETS = 1, 2
COLORS = ("green", "yellow", "red")
GREEN, YELLOW, BAD = range(3)
TAG = "qos_color"
QUEUE_SIZE, QUEUE_MIN, MAX_RATE = 100, 8, 1_000_000_000
PACKET_TOKENS = 128
WORD = (1 << 64) - 1
TICK, SECOND = 10_000_000, 1_000_000_000


class Direction:
    """What comes in by one hook (struct hookinfo)."""

    def __init__(self, node: Car) -> None:
        self.conf = {
            "cbs": 8192, "ebs": 8192, "cir": 10240, "pir": 0, "greenAction": FORWARD, "yellowAction": FORWARD,
            "redAction": DROP, "mode": SINGLE_RATE, "opt": 0,
        }  # fmt: skip
        self.node = node
        self.dest: NgHook | None = None
        self.stats = dict.fromkeys(STAT_NAMES, 0)
        self.tc, self.te = 8192, 8192
        """Tokens of the committed and of the exceeded burst."""
        self.clock = node.kernel.clock
        self.refilled = self.clock.now
        self.queue: deque[Mbuf] = deque()
        self.timer = self.clock.callout()

    def configure(self, conf: dict[str, int]) -> None:
        """Begin with full buckets."""
        self.conf = conf
        self.tc = conf["cbs"]
        self.te = 0 if conf["mode"] in (RED, SHAPE) else conf["ebs"]

    def cost(self, m: Mbuf) -> int:
        """Tokens of a packet."""
        return PACKET_TOKENS if self.conf["opt"] & COUNT_PACKETS else len(m)

    def refill(self) -> None:
        """ng_car_refillhook: tokens for the time that went by, at most 1000 s."""
        conf, now = self.conf, self.clock.now
        part = (min(now - self.refilled, 1000 * SECOND) << 20) // SECOND
        self.tc += conf["cir"] * part >> 23
        over = self.tc - conf["cbs"]
        if over > 0:
            self.tc = conf["cbs"]
            if conf["mode"] == SINGLE_RATE:
                self.te = min(self.te + over, conf["ebs"])
        if conf["mode"] == DOUBLE_RATE:
            self.te = min(self.te + (conf["pir"] * part >> 23), conf["ebs"])
        self.refilled = now

    def color(self, m: Mbuf) -> int:
        """What a node before has said of a packet, if that counts."""
        found: int = (m.tags or {}).get(TAG, GREEN) if self.conf["opt"] & COLOR_AWARE else GREEN
        return found

    def judge(self, m: Mbuf) -> int | None:
        """The colour of a packet; None if it has to wait."""
        size, before = self.cost(m), self.color(m)
        if before != GREEN or self.tc < size:
            self.refill()
        if before == GREEN and self.tc >= size:
            self.tc -= size
            return GREEN
        mode, ebs = self.conf["mode"], self.conf["ebs"]
        if mode == SHAPE:
            return None
        if mode != RED:
            if self.te >= size and before <= YELLOW:
                self.te -= size
                return YELLOW
            return BAD
        # Both are compared as numbers without a sign.
        small = size - (self.tc - size) & WORD <= ebs
        if small and before <= YELLOW and self.te + size - self.tc & WORD < ebs:
            self.te += size - self.tc
            self.tc -= size
            return YELLOW
        self.te = 0
        return BAD

    def send(self, m: Mbuf) -> int:
        """A packet has passed."""
        error = ng_send_data(self.dest, m)
        if error:
            self.stats["errors"] += 1
        self.stats["passed"] += 1
        return error

    def enqueue(self, m: Mbuf) -> None:
        """ng_car_enqueue: wait for tokens; a long queue drops now and then."""
        waiting = len(self.queue)
        if waiting >= QUEUE_SIZE - 1 or self.te + waiting >= QUEUE_SIZE or self.color(m) >= BAD:
            self.stats["red"] += 1
            self.stats["dropped"] += 1
            self.te = 0
            ng_drop(self.node, None, m, "more than the rate allows, and the queue is full")
            return
        self.stats["yellow"] += 1
        self.queue.append(m)
        if waiting > QUEUE_MIN:
            self.te += waiting - QUEUE_MIN
        if not waiting:
            self.tc -= self.cost(m)
            self.schedule()

    def schedule(self) -> None:
        """Come back when there are tokens."""
        ticks = -self.tc * 100 * 8 // max(self.conf["cir"], 1) + 1
        self.timer.reset(max(ticks, 1) * TICK, self.event)

    def event(self) -> None:
        """ng_car_q_event: send what there are tokens for."""
        self.refill()
        while self.tc >= 0 and self.queue:
            self.send(self.queue.popleft())
            if self.queue:
                self.tc -= self.cost(self.queue[0])
        if self.queue:
            self.schedule()


class Car(LastHook, ngtype="car", cookie=1173648034):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.upper, self.lower = Direction(self), Direction(self)

    def newhook(self, hook: NgHook, name: str) -> None:
        """There are two."""
        if name not in ("upper", "lower"):
            raise KError(EINVAL)
        ours, other = (self.upper, self.lower) if name == "upper" else (self.lower, self.upper)
        hook.private = ours
        other.dest = hook
        ours.stats = dict.fromkeys(STAT_NAMES, 0)

    def disconnect(self, hook: NgHook) -> None:
        """What waits is lost."""
        hook.private.queue.clear()
        hook.private.timer.stop()
        (self.lower if hook.private is self.upper else self.upper).dest = None
        super().disconnect(hook)

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

    @ngmsg(4, "getconf", resp=CONF)
    def getconf(self, arg: Any, msg: NgMsg) -> Any:
        """The settings."""
        return {"downstream": _scale(self.upper.conf, False), "upstream": _scale(self.lower.conf, False)}

    @ngmsg(5, "setconf", arg=CONF)
    def setconf(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """Set all of it."""
        confs = [_scale(arg["downstream"], True), _scale(arg["upstream"], True)]
        for conf in confs:
            if conf["cir"] > MAX_RATE or conf["pir"] > MAX_RATE or not (conf["cbs"] or conf["ebs"]):
                raise KError(EINVAL)
            if conf["mode"] == SHAPE and not conf["cir"]:
                raise KError(EINVAL)
        self.upper.configure(confs[0])
        self.lower.configure(confs[1])

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """ng_car_rcvdata."""
        way: Direction = hook.private
        color = None if way.queue else way.judge(m)
        if color is None:
            way.enqueue(m)
            return 0
        way.stats[COLORS[color]] += 1
        action = way.conf[f"{COLORS[color]}Action"]
        if action == MARK:
            m.tags = {**(m.tags or {}), TAG: color}
        elif action != FORWARD:
            way.stats["dropped"] += 1
            return ng_drop(self, hook, m, f"more than the rate allows: {COLORS[color]}")
        return way.send(m)


def _scale(conf: dict[str, int], inward: bool) -> dict[str, int]:
    """Rates that count packets are kept in 1/128 packets and 1/1024 per second."""
    conf = dict(conf)
    if conf["opt"] & COUNT_PACKETS:
        for name, factor in (("cir", 1024), ("pir", 1024), ("cbs", PACKET_TOKENS), ("ebs", PACKET_TOKENS)):
            conf[name] = conf[name] * factor if inward else conf[name] // factor
    return conf
