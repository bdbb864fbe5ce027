"""What is built while pf.conf(5) is read: rules, anchors, options (struct pfctl, sbin/pfctl/pfctl_parser.h)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.pf import PfEthRule, PfRule

if TYPE_CHECKING:
    from vshell.commands.pfctl.context import Context

RULESET_OF = {
    P.PF_SCRUB: P.PF_RULESET_SCRUB, P.PF_NOSCRUB: P.PF_RULESET_SCRUB, P.PF_PASS: P.PF_RULESET_FILTER,
    P.PF_MATCH: P.PF_RULESET_FILTER, P.PF_DROP: P.PF_RULESET_FILTER, P.PF_NAT: P.PF_RULESET_NAT, P.PF_NONAT: P.PF_RULESET_NAT,
    P.PF_BINAT: P.PF_RULESET_BINAT, P.PF_NOBINAT: P.PF_RULESET_BINAT, P.PF_RDR: P.PF_RULESET_RDR, P.PF_NORDR: P.PF_RULESET_RDR,
}  # fmt: skip
"""pf_get_ruleset_number."""


class Rule(SimpleNamespace):
    """A rule that is being built: the fields of a PfRule, and the anchor it calls."""

    def __init__(self, **fields: object) -> None:
        super().__init__(**{name: getattr(PfRule, name) for name in PfRule.fields}, anchor=None)
        self.__dict__.update(fields)

    def copy(self) -> Rule:
        """Another one of the same contents."""
        return Rule(**self.__dict__)

    def record(self) -> PfRule:
        """As the kernel takes it."""
        return PfRule(**{name: getattr(self, name) for name in PfRule.fields})


class EthRule(SimpleNamespace):
    """The same for Ethernet rules."""

    def __init__(self, **fields: object) -> None:
        super().__init__(**{name: getattr(PfEthRule, name) for name in PfEthRule.fields}, anchor=None)
        self.__dict__.update(fields)

    def copy(self) -> EthRule:
        """Another one of the same contents."""
        return EthRule(**self.__dict__)

    def record(self) -> PfEthRule:
        """As the kernel takes it."""
        return PfEthRule(**{name: getattr(self, name) for name in PfEthRule.fields})


class Anchor:
    """struct pfctl_anchor with its ruleset, or struct pfctl_eth_anchor, whose rules are in `eth`."""

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path = path
        self.match = 0
        """Rules in it; one called without braces has none."""
        self.rules: list[list[Rule]] = [[] for _ in range(P.RULESETS)]
        self.eth: list[EthRule] = []
        self.tticket = 0


class Anchors:
    """The anchors by path (pf_anchors)."""

    def __init__(self) -> None:
        self.found: dict[str, Anchor] = {}

    def create(self, path: str) -> Anchor:
        """pf_find_or_create_ruleset."""
        anchor = self.found.get(path)
        if anchor is None:
            anchor = self.found[path] = Anchor(path.rpartition("/")[2], path)
        return anchor

    def setup(self, parent: Anchor, name: str) -> tuple[Anchor, bool]:
        """pfctl_anchor_setup: the anchor a rule calls, and whether it means all in there."""
        path = name[1:] if name.startswith("/") else f"{parent.path}/{name}" if parent.path else name
        wildcard = path.endswith("/*")
        return self.create(path[:-2] if wildcard else path), wildcard

    def remove_if_empty(self, anchor: Anchor) -> None:
        """pf_remove_if_empty_ruleset."""
        if not any(anchor.rules) and not anchor.eth and self.found.get(anchor.path) is anchor:
            del self.found[anchor.path]


class Config:
    """struct pfctl: one file of rules, for one anchor."""

    def __init__(self, ctx: Context, anchorname: str, optimize: int) -> None:
        self.ctx = ctx
        self.anchorname = anchorname
        self.optimize = optimize
        self.loadopt = ctx.loadopt
        self.anchors = Anchors()
        self.eanchors = Anchors()
        self.anchor = Anchor(anchorname, anchorname)
        self.eanchor = Anchor(anchorname, anchorname)
        self.asd = 0
        self.bn = 0
        self.astack: list[Anchor | None] = [self.anchor] + [None] * 65
        self.eastack: list[Anchor | None] = [self.eanchor] + [None] * 65
        self.alast: Anchor = self.anchor
        self.ealast: Anchor = self.eanchor
        self.tickets: dict[tuple[int, str], int] = {}
        """Of the transactions that are open, in order."""
        self.loadanchors: list[tuple[str, str]] = []

        self.timeout = list(P.PFTM_DEFAULTS)
        self.limit = [100000, 10000, 5000, 200000, 0, 0]
        self.debug = P.PF_DEBUG_URGENT
        self.hostid = 0
        self.reassemble = 0
        self.ifname = ""
        self.keep_counters = False
        self.syncookies = P.PF_SYNCOOKIES_NEVER
        self.syncookieswat = (P.PF_SYNCOOKIES_LOWATPCT, P.PF_SYNCOOKIES_HIWATPCT)
        self.syncookieswat_set = False
        self.timeout_set: set[int] = set()
        self.limit_set: set[int] = set()
        self.sets: set[str] = set()
        """Which of debug, ifname, hostid, reass were set."""

    @property
    def parent(self) -> Anchor:
        """The anchor whose rules are read now."""
        found = self.astack[self.asd]
        return found if found is not None else self.anchor

    @property
    def eparent(self) -> Anchor:
        """The same of Ethernet rules."""
        found = self.eastack[self.asd]
        return found if found is not None else self.eanchor

    def append_rule(self, rule: Rule, anchor_call: str) -> None:
        """pfctl_append_rule."""
        if anchor_call and rule.anchor is None:
            rule.anchor = Anchor(anchor_call.rpartition("/")[2], anchor_call)
        self.anchor.rules[RULESET_OF[rule.action]].append(rule.copy())

    def append_eth_rule(self, rule: EthRule, anchor_call: str) -> None:
        """pfctl_append_eth_rule."""
        if anchor_call and rule.anchor is None:
            rule.anchor = Anchor(anchor_call.rpartition("/")[2], anchor_call)
        self.eanchor.eth.append(rule.copy())
