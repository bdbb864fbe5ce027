"""ipfw list and show (ipfw_list, ipfw_show_config, show_dyn_state of sbin/ipfw/ipfw2.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.ip_fw import IPFW_DEFAULT_RULE, O_KEEP_STATE, O_LIMIT, O_LIMIT_PARENT, FwConfig, FwState, XGet
from vshell.commands.ipfw.cmdline import Options
from vshell.commands.ipfw.show import show_static_rule
from vshell.commands.ipfw.words import EX_OSERR, EX_UNAVAILABLE, EX_USAGE
from vshell.userland.addr import inet_ntop
from vshell.userland.cnumber import strtol
from vshell.userland.netdb import getprotobynumber

KINDS = {O_LIMIT: " LIMIT", O_KEEP_STATE: " STATE"}


class Listing:
    """One listing: what the kernel said, how wide the counters are."""

    def __init__(self, o: Options, config: FwConfig, counters: bool) -> None:
        self.o = o
        self.config = config
        self.counters = counters
        self.widths = (0, 0)
        if counters:
            wanted = [c for r, c in config.rules if o.use_set in (None, r.set)]
            states = [s for s in config.states if o.use_set in (None, s.set)] if o.dynamic else []
            both = [(c.packets, c.bytes) for c in wanted] + [(s.packets, s.bytes) for s in states]
            if both:
                self.widths = (max(len(str(n)) for n, _ in both), max(len(str(n)) for _, n in both))

    def rules(self, first: int, last: int) -> int:
        """list_static_range: how many rules there were."""
        seen = 0
        for rule, counters in self.config.rules:
            if self.o.use_set in (None, rule.set) and first <= rule.rulenum <= last:
                shown = counters if self.counters or self.o.time else None
                self.o.p.stdout.write(show_static_rule(self.o, rule, shown, self.widths, self.config.set_mask))
                seen += 1
        return seen

    def states(self, first: int, last: int) -> None:
        """list_dyn_range."""
        for state in self.config.states:
            if self.o.use_set in (None, state.set) and first <= state.rulenum <= last:
                self.o.p.stdout.write(self.state(state) + "\n")

    def state(self, s: FwState) -> str:
        """show_dyn_state."""
        if not s.expire and s.kind != O_LIMIT_PARENT:
            return ""
        out = f"{s.rulenum:05d}"
        if any(self.widths):
            out += f" {s.packets:>{self.widths[0]}} {s.bytes:>{self.widths[1]}} ({s.expire}s)"
        out += f" PARENT {s.count}" if s.kind == O_LIMIT_PARENT else KINDS[s.kind]
        out += f" {getprotobynumber(self.o.p, s.proto) or f'proto {s.proto}'}"
        out += f" {inet_ntop(s.src)} {s.sport} <-> {inet_ntop(s.dst)} {s.dport}"
        if s.name:
            out += f" :{s.name}"
        return out


def _range(text: str) -> tuple[int, int, str]:
    number, rest, _ = strtol(text)
    first = last = number & 0xFFFFFFFF
    if rest[:1] == "-":
        number, rest, _ = strtol(rest[1:])
        last = number & 0xFFFFFFFF
    return first, last, rest


def ipfw_list(o: Options, av: list[str], counters: bool) -> None:
    """list, print, show."""
    if o.test_only:
        o.p.stderr.write("Testing only, list disabled\n")
        return
    static = o.dynamic != 2
    try:
        ranges = [_range(word) for word in av]
        first, last = min((r[0] for r in ranges), default=0), max((r[1] for r in ranges), default=0)
        config = o.request(XGet(first, last, static, bool(o.dynamic)))
    except KError as e:
        o.err(EX_OSERR, e, "retrieving config failed")
    listing = Listing(o, config, counters)
    states = bool(o.dynamic and config.states)
    if not av:
        if static:
            listing.rules(0, IPFW_DEFAULT_RULE)
        if states:
            count = len(config.states)
            o.p.stdout.write(f"## Dynamic rules ({count} {count * 112 + 16}):\n")
            listing.states(0, IPFW_DEFAULT_RULE)
        return
    status = _ranges(o, listing, av, static)
    if states:
        o.p.stdout.write("## Dynamic rules:\n")
        for word in av:
            first, last, rest = _range(word)
            if not rest:
                listing.states(first, last)
    if status:
        o.exit(status)


def _ranges(o: Options, listing: Listing, av: list[str], static: bool) -> int:
    """The rules that are named; the exit status."""
    status = 0
    for word in av:
        first, last, rest = _range(word)
        if rest:
            status = EX_USAGE
            o.warnx(f"invalid rule number: {word}")
        elif static and not listing.rules(first, last):
            status = status or EX_UNAVAILABLE
            o.warnx(f"rule {first} does not exist" if first == last else f"no rules in range {first}-{last}")
    return status
