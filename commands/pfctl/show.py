"""pfctl -s rules, nat, labels, ethernet, Anchors (sbin/pfctl/pfctl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.errno import EINVAL, ENOENT, KError, strerror
from vshell.abi.pf import PfCounters, PfEthRuleInfo, PfRuleInfo
from vshell.commands.pfctl.context import ctime, pf_strerror
from vshell.commands.pfctl.printing import RulePrinter, anonymous
from vshell.commands.pfctl.words import (
    PF_OPT_CLRRULECTRS,
    PF_OPT_DEBUG,
    PF_OPT_NUMERIC,
    PF_OPT_RECURSE,
    PF_OPT_SHOWALL,
    PF_OPT_VERBOSE,
    PF_OPT_VERBOSE2,
)

if TYPE_CHECKING:
    from vshell.commands.pfctl.context import Context

NOTHING, RULES, LABELS = range(3)
SKIPS = ("i", "d", "f", "p", "sa", "da", "sp", "dp")


class Show:
    """Rules of anchors."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        opts = ctx.opts
        self.clear = bool(opts & PF_OPT_CLRRULECTRS)
        self.recurse = bool(opts & PF_OPT_RECURSE)
        self.all = bool(opts & PF_OPT_SHOWALL)
        numeric = bool(opts & PF_OPT_NUMERIC)
        self.rule_printer = RulePrinter(ctx.p, numeric, bool(opts & (PF_OPT_VERBOSE2 | PF_OPT_DEBUG)))
        self.nat_printer = RulePrinter(ctx.p, numeric, bool(opts & PF_OPT_VERBOSE2))

    def indent(self, depth: int) -> str:
        """INDENT: not with -v."""
        return "" if self.ctx.opts & PF_OPT_VERBOSE else "  " * depth

    def _path(self, path: str, name: str) -> str:
        if name.endswith("/*"):
            name = name[:-2]
        if name.startswith("/"):
            return name
        return f"{path}/{name}" if path and name else path or name

    def _get(self, path: str, kind: int, clear: bool = False) -> list[PfRuleInfo]:
        found: list[PfRuleInfo] = self.ctx.ioctl(P.PfGetRules(path, kind, clear))
        return found

    # rules and labels ------------------------------------------------------------------------------------------
    def rules(self, what: int, path: str, name: str, depth: int = 0, wildcard: bool = False) -> None:
        """pfctl_show_rules."""
        ctx = self.ctx
        path = self._path(path, name)
        if wildcard and self.recurse:
            self._children(path, depth, "anchor", lambda child: self.rules(what, path, child, depth + 1))
            return
        try:
            scrub = self._get(path, P.PF_RULESET_SCRUB, self.clear)
        except KError as e:
            ctx.p.warnx(pf_strerror(e.errno))
            return
        if self.all:
            if what == RULES:
                ctx.title("FILTER RULES:")
            elif what == LABELS and ctx.labels:
                ctx.title("LABEL COUNTERS:")
        if what == RULES:
            for info in scrub:
                ctx.out(self.rule_printer.text(info.rule, info.anchor_call) + "\n")
                self.counters(info.counters, info.rule.nr, info)
        try:
            filters = self._get(path, P.PF_RULESET_FILTER, self.clear)
        except KError as e:
            ctx.p.warn(e, "DIOCGETRULES")
            return
        for info in filters:
            if what == LABELS:
                self._label(info)
            elif what == RULES:
                ctx.labels |= bool(info.rule.label) and self.all
                ctx.out(self.indent(depth) + self.rule_printer.text(info.rule, info.anchor_call))
            call = info.anchor_call
            deeper = call and (anonymous(call) or self.recurse)
            if what == RULES:
                ctx.out(" {\n" if deeper else "\n")
                self.counters(info.counters, info.rule.nr, info)
            if deeper and what != NOTHING:
                self.rules(what, path, call, depth + (what == RULES), info.wildcard)
                if what == RULES:
                    ctx.out(self.indent(depth) + "}\n")

    def _children(self, path: str, depth: int, word: str, show: object) -> None:
        try:
            names: list[str] = self.ctx.ioctl(P.PfGetRulesets(path))
        except KError as e:
            self.ctx.p.errx(1, pf_strerror(e.errno))
        for child in names:
            self.ctx.out(f'{self.indent(depth)}{word} "{child}" all {{\n')
            show(child)  # type: ignore[operator]
            self.ctx.out(self.indent(depth) + "}\n")

    def _label(self, info: PfRuleInfo) -> None:
        labels = [label for label in info.rule.label if label]
        if not labels:
            return
        c = info.counters
        (pin, pout), (bin_, bout) = c.packets, c.bytes
        self.ctx.out(
            f"{' '.join(labels)} {c.evaluations} {pin + pout} {bin_ + bout} {pin} {bin_} {pout} {bout} {c.states_tot}\n"
        )  # fmt: skip

    def counters(self, c: PfCounters, nr: int, info: PfRuleInfo) -> None:
        """pfctl_print_rule_counters."""
        ctx = self.ctx
        opts = ctx.opts
        if opts & PF_OPT_DEBUG:
            steps = ""
            for word, to in zip(SKIPS, c.skip, strict=True):
                if to != nr + 1:
                    steps += f"{word}={'end' if to == -1 else to} "
            ctx.out(f"  [ Skip steps: {steps}]\n")
            ctx.out(f"  [ queue: qname={info.rule.qname} qid=0 pqname={info.rule.pqname} pqid=0 ]\n")
        if opts & PF_OPT_VERBOSE:
            ctx.out(
                f"  [ Evaluations: {c.evaluations:<8}  Packets: {sum(c.packets):<8}  Bytes: {sum(c.bytes):<10}  "
                f"States: {c.states_cur:<6}]\n"
            )  # fmt: skip
            limit, nat, route = c.src_nodes_type
            ctx.out(
                f"  [ Source Nodes: {c.src_nodes:<6} Limit: {limit:<6} NAT/RDR: {nat:<6} Route: {route:<6} ]\n"
            )  # fmt: skip
            if not opts & PF_OPT_DEBUG:
                ctx.out(f"  [ Inserted: uid {c.cuid} pid {c.cpid} State Creations: {c.states_tot:<6}]\n")
        if opts & PF_OPT_VERBOSE2:
            ctx.out(f"  [ Last Active Time: {ctime(ctx.p, c.last_active) if c.last_active else 'N/A'} ]\n")

    # nat -------------------------------------------------------------------------------------------------------
    def nat(self, path: str, name: str, depth: int = 0, wildcard: bool = False) -> None:
        """pfctl_show_nat."""
        ctx = self.ctx
        path = self._path(path, name)
        if wildcard and self.recurse:
            self._children(path, depth, "nat-anchor", lambda child: self.nat(path, child, depth + 1))
            return
        title = self.all
        for kind in (P.PF_RULESET_NAT, P.PF_RULESET_RDR, P.PF_RULESET_BINAT):
            try:
                found = self._get(path, kind)
            except KError as e:
                ctx.p.warn(e, "DIOCGETRULES")
                return
            for info in found:
                ctx.out(self.indent(depth))
                if title:
                    ctx.title("TRANSLATION RULES:")
                    title = False
                call = info.anchor_call
                deeper = call and (anonymous(call) or self.recurse)
                ctx.out(self.nat_printer.text(info.rule, call) + (" {\n" if deeper else "\n"))
                self.counters(info.counters, info.rule.nr, info)
                if deeper:
                    self.nat(path, call, depth + 1, info.wildcard)
                    ctx.out(self.indent(depth) + "}\n")

    # ether -----------------------------------------------------------------------------------------------------
    def ether(self, path: str, name: str, depth: int = 0, wildcard: bool = False) -> None:
        """pfctl_show_eth_rules; it prints even when only counters are to be cleared."""
        ctx = self.ctx
        path = self._path(path, name)
        if wildcard and self.recurse:
            for child in self._eth_children(path, name):
                ctx.out(f'{self.indent(depth)}anchor "{child}" all {{\n')
                self.ether(path, child, depth + 1)
                ctx.out(self.indent(depth) + "}\n")
            return
        try:
            found: list[PfEthRuleInfo] = ctx.ioctl(P.PfGetEthRules(path, self.clear))
        except KError as e:
            ctx.p.warn(e, "DIOCGETETHRULES")
            return
        title = self.all
        for info in found:
            call = info.anchor_call
            at = call.rfind("_")
            brace = bool(call) and (at == 0 or (at > 0 and call[at - 1] == "/") or self.recurse)
            if brace and call.endswith("*"):
                call = call[:-2]
            ctx.out(self.indent(depth))
            if title:
                ctx.title("ETH RULES:")
                title = False
            ctx.out(self.rule_printer.eth_text(info.rule, call) + (" {\n" if brace else "\n"))
            if ctx.opts & PF_OPT_VERBOSE:
                ctx.out(
                    f"  [ Evaluations: {info.evaluations:<8}  Packets: {info.packets:<8}  Bytes: {info.bytes:<10}]\n"
                )  # fmt: skip
            if ctx.opts & PF_OPT_VERBOSE2:
                ctx.out(f"  [ Last Active Time: {ctime(ctx.p, info.last_active) if info.last_active else 'N/A'} ]\n")
            if brace:
                self.ether(path, call, depth + 1, info.wildcard)
                ctx.out(self.indent(depth) + "}\n")

    def _eth_children(self, path: str, name: str) -> list[str]:
        try:
            found: list[str] = self.ctx.ioctl(P.PfGetEthRulesets(path))
        except KError as e:
            if e.errno == EINVAL:
                self.ctx.note(f"Anchor '{name}' not found.\n")
            else:
                self.ctx.p.warn(e, "DIOCGETETHRULESETS")
            return []
        return found

    # anchors ---------------------------------------------------------------------------------------------------
    def walk(self, path: str) -> list[str]:
        """pfctl_walk_anchors: the paths of all anchors in one, each before those in it."""
        try:
            names: list[str] = self.ctx.ioctl(P.PfGetRulesets(path))
        except KError as e:
            self.ctx.p.errx(1, pf_strerror(e.errno))
        found = []
        for name in names:
            if name == P.PF_RESERVED_ANCHOR:
                continue
            sub = f"{path}/{name}" if path else name
            found += [sub, *self.walk(sub)]
        return found

    def anchors(self, path: str) -> None:
        """pfctl_show_anchors, pfctl_show_eth_anchors."""
        ctx = self.ctx
        for sub in self.walk(path):
            if not sub.startswith("_") or ctx.verbose:
                ctx.out(f"  {sub}\n")
        if ctx.opts & PF_OPT_VERBOSE2:
            ctx.out("Ethernet:\n")
        self._eth_anchors(path)

    def _eth_anchors(self, path: str) -> None:
        ctx = self.ctx
        try:
            names: list[str] = ctx.ioctl(P.PfGetEthRulesets(path))
        except KError as e:
            if e.errno != ENOENT:
                ctx.p.errx(1, f"DIOCGETETHRULESETS: {strerror(e.errno)}")
            return
        for name in names:
            if name == P.PF_RESERVED_ANCHOR:
                continue
            sub = f"{path}/{name}" if path else name
            if not sub.startswith("_") or ctx.verbose:
                ctx.out(f"  {sub}\n")
            if ctx.verbose:
                self._eth_anchors(sub)
