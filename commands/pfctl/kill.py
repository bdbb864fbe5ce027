"""pfctl -k, -K and -F: states, source nodes and rules that go (sbin/pfctl/pfctl.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.errno import KError
from vshell.abi.pf import PfAddr, PfKill, PfRuleAddr
from vshell.abi.record import replace
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.commands.pfctl.hosts import mask16, wide
from vshell.commands.pfctl.show import Show
from vshell.commands.pfctl.tables import clear_tables
from vshell.commands.pfctl.words import PF_OPT_IGNFAIL, PF_OPT_KILLMATCH, PF_OPT_NODNS, PF_OPT_QUIET
from vshell.userland.humanize import strtonum
from vshell.userland.netdb import AI_NUMERICHOST, GaiError, getaddrinfo, getprotobyname

if TYPE_CHECKING:
    from vshell.commands.pfctl.context import Context

IFNAMSIZ = 16
ALL_ONES = b"\xff" * 16
Found = tuple[int, PfAddr]


def addrprefix(ctx: Context, text: str) -> list[Found]:
    """pfctl_addrprefix: the addresses of a host, or a network; family and address with mask of each, none twice in a row."""
    name, slash, rest = text.partition("/")
    flags = AI_NUMERICHOST if ctx.opts & PF_OPT_NODNS or slash else 0
    try:
        results = getaddrinfo(ctx.p, name, socktype=2, flags=flags)
    except GaiError as e:
        ctx.p.errx(1, f"getaddrinfo: {e}")
    mask = ALL_ONES
    if slash:
        inet6 = results[0].family == AF_INET6
        prefix, bad = strtonum(rest, 0, 128 if inet6 else 32)
        if bad:
            ctx.p.errx(1, f"prefix is {bad}: {rest}")
        mask = mask16(prefix) if inet6 else mask16(prefix)[:4] + ALL_ONES[4:]
    found: list[Found] = []
    for result in results:
        one = (result.family, PfAddr(addr=wide(result.addr.addr), mask=mask))
        if not found or found[-1] != one:
            found.append(one)
    return found


class Killer:
    """States, by what -k said."""

    def __init__(self, ctx: Context, words: list[str]) -> None:
        self.ctx = ctx
        self.words = words
        iface = ctx.iface or ""
        if len(iface) >= IFNAMSIZ:
            ctx.p.errx(1, f"invalid interface: {iface}")
        self.kill = PfKill(ifname=iface, kill_match=bool(ctx.opts & PF_OPT_KILLMATCH))

    def run(self) -> None:
        """-k."""
        kinds = {"label": self._label, "id": self._id, "gateway": self._gateway, "key": self._key}
        kind = kinds.get(self.words[0])
        if kind is None:
            self._hosts()
            return
        if len(self.words) != 2 or not self.words[1]:
            self.ctx.p.warnx(f"no {self.words[0]} specified")
            self.ctx.usage()
        kind(self.words[1])

    def _ask(self, kill: PfKill) -> int:
        try:
            return int(self.ctx.ioctl(P.PfKillStates(kill)))
        except KError:
            self.ctx.p.errx(1, "DIOCKILLSTATES")

    def _hosts(self) -> None:
        words = self.words
        kill = self.kill
        if len(words) == 2 and words[0] == "nat":
            kill = replace(kill, nat=True)
            words = words[1:]
        killed = sources = dests = 0
        for af, src in addrprefix(self.ctx, words[0]):
            sources += 1
            kill = replace(kill, af=af, src=PfRuleAddr(src))
            if len(words) == 1:
                killed += self._ask(kill)
                continue
            dests = 0
            for other, dst in addrprefix(self.ctx, words[1]):
                if other == af:
                    dests += 1
                    killed += self._ask(replace(kill, dst=PfRuleAddr(dst)))
        self.ctx.say(f"killed {killed} states from {sources} sources and {dests} destinations")

    def _gateway(self, text: str) -> None:
        killed = 0
        for af, addr in addrprefix(self.ctx, text):
            killed += self._ask(replace(self.kill, af=af, rt_addr=PfRuleAddr(addr)))
        self.ctx.say(f"killed {killed} states")

    def _label(self, text: str) -> None:
        if len(text) >= P.PF_RULE_LABEL_SIZE:
            self.ctx.p.errx(1, f"label too long: {text}")
        self.ctx.say(f"killed {self._ask(replace(self.kill, label=text))} states")

    def _id(self, text: str) -> None:
        found = re.match(r"\s*(?:0[xX])?([0-9a-fA-F]{1,16})(?:/(?:0[xX])?([0-9a-fA-F]{1,8}))?", text)
        if found is None:
            self.ctx.p.warnx("wrong id format specified")
            self.ctx.usage()
        number = int(found[1], 16)
        if not number:
            self.ctx.p.warnx("cannot kill id 0")
            self.ctx.usage()
        kill = PfKill(id=number, creatorid=int(found[2] or "0", 16), kill_match=self.kill.kill_match)
        self.ctx.say(f"killed {self._ask(kill)} states")

    def _key(self, text: str) -> None:
        p = self.ctx.p
        words = text.split()
        if len(words) != 4:
            p.errx(1, 'pfctl_key_kill_states: key must be "protocol host1:port1 direction host2:port2" format')
        proto = getprotobyname(p, words[0])
        if proto is None:
            p.errx(1, f"invalid protocol: {words[0]}")
        if words[2] not in ("->", "<-"):
            p.errx(1, f"invalid direction: {words[2]}")
        src, dst = (words[1], words[3]) if words[2] == "->" else (words[3], words[1])
        sides = [self._parse_host(text) for text in (src, dst)]
        af = AF_INET6 if any(sides[0].addr.addr[4:]) else AF_INET
        kill = replace(self.kill, proto=proto, src=sides[0], dst=sides[1], af=af if sides[0].port_op < 0 else 0)
        self.ctx.say(f"killed {self._ask(kill)} states")

    def _parse_host(self, text: str) -> PfRuleAddr:
        """pfctl_parse_host."""
        name, port, family = text, "", 0
        if "[" in text and "]" in text:
            name, _, port = text.partition("[")
            port, family = port.rpartition("]")[0], AF_INET6
        elif ":" in text:
            name, _, port = text.partition(":")
            family = AF_INET
        try:
            result = getaddrinfo(self.ctx.p, name, port or None, family, 2, flags=AI_NUMERICHOST)[0]
        except GaiError:
            self.ctx.p.errx(1, f"invalid host: {text}")
        number = result.addr.port
        return PfRuleAddr(PfAddr(addr=wide(result.addr.addr), mask=ALL_ONES), (number, 0), False, P.PF_OP_EQ)


def kill_src_nodes(ctx: Context, words: list[str]) -> None:
    """pfctl_kill_src_nodes; a destination takes the place of the source, as in the original."""
    killed = sources = dests = 0
    for af, src in addrprefix(ctx, words[0]):
        sources += 1
        targets: list[tuple[PfRuleAddr, PfRuleAddr]] = [(PfRuleAddr(src), PfRuleAddr())]
        if len(words) > 1:
            found = [addr for other, addr in addrprefix(ctx, words[1]) if other == af]
            dests = len(found)
            targets = [(PfRuleAddr(replace(src, addr=addr.addr)), PfRuleAddr(PfAddr(mask=addr.mask))) for addr in found]
        for source, dest in targets:
            try:
                killed += int(ctx.ioctl(P.PfKillSrcNodes(af, source, dest)))
            except KError as e:
                ctx.p.err(1, e, "DIOCKILLSRCNODES")
    ctx.say(f"killed {killed} src nodes from {sources} sources and {dests} destinations")


# flushing ------------------------------------------------------------------------------------------------------


def _empty(ctx: Context, kinds: tuple[int, ...], anchor: str) -> None:
    """Load nothing: begin and commit."""
    items = tuple((kind, anchor) for kind in kinds)
    tickets = ctx.ioctl(P.PfXBegin(items))
    ctx.ioctl(P.PfXCommit(tuple((kind, anchor, ticket) for kind, ticket in zip(kinds, tickets, strict=True))))


def flush_eth_rules(ctx: Context, anchor: str) -> None:
    """pfctl_flush_eth_rules."""
    try:
        _empty(ctx, (P.PF_RULESET_ETH,), anchor)
    except KError as e:
        ctx.p.err(1, e, "pfctl_clear_eth_rules")
    ctx.say("Ethernet rules cleared")


def flush_rules(ctx: Context, anchor: str) -> int:
    """pfctl_flush_rules."""
    try:
        _empty(ctx, (P.PF_RULESET_SCRUB, P.PF_RULESET_FILTER), anchor)
    except KError as e:
        ctx.pfctl_err(1, e, "pfctl_flush_rules")
        return 1
    ctx.say("rules cleared")
    return 0


def flush_nat(ctx: Context, anchor: str) -> None:
    """pfctl_flush_nat."""
    try:
        _empty(ctx, (P.PF_RULESET_NAT, P.PF_RULESET_BINAT, P.PF_RULESET_RDR), anchor)
    except KError as e:
        ctx.p.err(1, e, "pfctl_clear_nat")
    ctx.say("nat cleared")


def clear_iface_states(ctx: Context) -> None:
    """pfctl_clear_iface_states."""
    iface = ctx.iface or ""
    if len(iface) >= IFNAMSIZ:
        ctx.p.errx(1, f"invalid interface: {iface}")
    killed = 0
    try:
        killed = ctx.ioctl(P.PfClearStates(PfKill(ifname=iface, kill_match=bool(ctx.opts & PF_OPT_KILLMATCH))))
    except KError as e:
        ctx.pfctl_err(1, e, "DIOCCLRSTATUS")
    ctx.say(f"{killed} states cleared")


def clear_src_nodes(ctx: Context) -> None:
    """pfctl_clear_src_nodes."""
    try:
        ctx.ioctl(P.PfClrSrcNodes())
    except KError as e:
        ctx.pfctl_err(1, e, "DIOCCLRSRCNODES")
    ctx.say("source tracking entries cleared")


def clear_stats(ctx: Context) -> None:
    """pfctl_clear_stats."""
    try:
        ctx.ioctl(P.PfClrStatus())
    except KError as e:
        ctx.pfctl_err(1, e, "DIOCCLRSTATUS")
    ctx.say("pf: statistics cleared")


def recurse(ctx: Context, anchor: str, tables: bool, rules: bool) -> None:
    """pfctl_recurse: all anchors in one, the last first, and itself."""
    paths = [anchor, *Show(ctx).walk(anchor)]
    saved = ctx.opts
    ctx.out("Removing:\n")
    for path in reversed(paths):
        ctx.out(f"  {path or '/'}\n")
        ctx.opts = saved | PF_OPT_IGNFAIL | PF_OPT_QUIET
        if tables:
            clear_tables(ctx, path)
        if rules:
            flush_rules(ctx, path)
        ctx.opts = saved
