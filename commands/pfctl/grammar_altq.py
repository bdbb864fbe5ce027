"""altq and queue: read, and with -n checked, but FreeBSD's GENERIC kernel has no ALTQ (sbin/pfctl/parse.y, pfctl_altq.c)."""

from __future__ import annotations

from vshell.abi import pf as P
from vshell.commands.pfctl.grammar_opts import strtod
from vshell.commands.pfctl.grammar_set import STATE_QUEUE, SetGrammar
from vshell.commands.pfctl.lexer import STRING

UNITS = {"b": 1, "K": 1000, "M": 1000 * 1000, "G": 1000 * 1000 * 1000}
SCHEDULERS = {
    "cbq": ("default", "borrow", "red", "ecn", "rio", "codel"), "priq": ("default", "red", "ecn", "rio", "codel"),
    "hfsc": ("default", "red", "ecn", "rio", "codel"), "fairq": ("default", "red", "ecn", "rio", "codel"), "codelq": ("ecn",),
}  # fmt: skip
LIMITS = {"priority": 255, "qlimit": 65535, "tbrsize": 0xFFFFFFFF}


class QueueOpts:
    """struct queue_opts."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.scheduler = ""
        self.flags: list[str] = []


class AltqGrammar(SetGrammar):
    """Queues."""

    def altqif(self) -> None:
        """altq on IF scheduler ... queue { ... }."""
        self.next()
        interfaces = self.interface()
        opts = self._queue_opts()
        self.expect("queue")
        names = self._qassign()
        if self.peek() != "\n":
            self.syntax_error()
        self.check_rulestate(STATE_QUEUE)
        if not opts.scheduler:
            self.fail("no scheduler specified!")
        if not names and opts.scheduler != "codelq":
            self.fail("no child queues specified")
        for one in interfaces:
            if one.neg:
                self.fail("altq on ! <interface> is not supported")
            self.queues[one.ifname] = (opts.scheduler, 0)

    def queuespec(self) -> None:
        """queue NAME ..."""
        self.next()
        name = self.string_token()
        interfaces = self.interface()
        opts = self._queue_opts()
        self._qassign()
        if self.peek() != "\n":
            self.syntax_error()
        self.check_rulestate(STATE_QUEUE)
        if len(name) >= P.PF_QNAME_SIZE:
            self.fail(f"queue name too long (max {P.PF_QNAME_SIZE - 1} chars)")
        if "tbrsize" in opts.seen:
            self.fail("cannot specify tbrsize for queue")
        if "default" in opts.flags:
            for ifname in [one.ifname for one in interfaces] or list(self.queues):
                scheduler, count = self.queues.get(ifname, ("", 0))
                self.queues[ifname] = (scheduler, count + 1)

    @property
    def queues(self) -> dict[str, tuple[str, int]]:
        """Interfaces with queues: their scheduler, and how many queues are the default."""
        found: dict[str, tuple[str, int]] = self.__dict__.setdefault("_queues", {})
        return found

    def check_altq(self) -> bool:
        """check_commit_altq: each interface has one default queue."""
        right = True
        for ifname, (scheduler, count) in self.queues.items():
            if scheduler and scheduler != "codelq" and count != 1:
                self.p.warnx(f"should have one default queue on {ifname}")
                right = False
        return right

    def _qassign(self) -> list[str]:
        if self.peek() == STRING:
            return [self.string_token()]
        return self.braces(self.string_token) if self.accept("{") else []

    def _queue_opts(self) -> QueueOpts:
        o = QueueOpts()
        while word := self.accept("bandwidth", "priority", "qlimit", "tbrsize", *SCHEDULERS):
            if word in SCHEDULERS:
                self._scheduler(o, word)
                continue
            value = 0
            if word == "bandwidth":
                self._bandwidth()
            else:
                value = self.number_token()
            if word in o.seen:
                self.fail(f"{word} cannot be respecified")
            o.seen.add(word)
            if word != "bandwidth" and not 0 <= value <= LIMITS[word]:
                most = LIMITS[word]
                self.fail(f"tbrsize too big: max {most}" if word == "tbrsize" else f"{word} out of range: max {most}")
        return o

    def _bandwidth(self) -> None:
        if self.peek() != STRING:
            self.number_token()
            return
        number, unit = strtod(self.string_token())
        if len(unit) > 1 and unit[1:] in ("Bit", "B", "bit", "b"):
            unit = unit[0]
        if unit == "%":
            if not 0 <= number <= 100:
                self.fail("bandwidth spec out of range")
        elif unit not in UNITS:
            self.fail(f"unknown unit {unit}")

    def _scheduler(self, o: QueueOpts, word: str) -> None:
        if self.accept("("):
            self.parens(lambda: self._scheduler_item(o, word))
        if o.scheduler:
            self.fail("scheduler cannot be respecified")
        o.scheduler = word

    def _scheduler_item(self, o: QueueOpts, word: str) -> None:
        curve = self.accept("realtime", "linkshare", "upperlimit", "hogs", "buckets", "interval", "target")
        if curve in ("buckets", "interval", "target"):
            self.number()
            return
        if curve:
            if self.accept("("):
                self._bandwidth()
                self.accept(",")
                self.number_token()
                self.accept(",")
                self._bandwidth()
                self.expect(")")
            else:
                self._bandwidth()
            return
        name = self.string_token()
        if name not in SCHEDULERS[word]:
            self.fail(f'unknown {"codel option" if word == "codelq" else f"{word} flag"} "{name}"')
        o.flags.append(name)
