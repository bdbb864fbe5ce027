"""Rules in force, and the anchors they are in (netpfil/pf/pf_ruleset.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi import pf as P
from vshell.abi.pf import PfCounters, PfEthRule, PfEthRuleInfo, PfRule, PfRuleAddr, PfRuleInfo
from vshell.abi.record import replace
from vshell.abi.socket import AF_INET, AF_INET6

if TYPE_CHECKING:
    from vshell.kernel.netpfil.pf.pf_ioctl import Pf
    from vshell.kernel.netpfil.pf.pf_pool import Pool
    from vshell.kernel.netpfil.pf.pf_table import Ktable

SIZES = {AF_INET: 4, AF_INET6: 16}
SKIPS = 8


class Side:
    """A source or destination, ready to be compared."""

    __slots__ = ("addr", "any", "high", "low", "mask", "neg", "op", "port0", "port1", "table", "type")

    def __init__(self, side: PfRuleAddr, af: int, table: Ktable | None) -> None:
        self.addr = side.addr
        self.type = side.addr.type
        self.neg = side.neg
        self.op = side.port_op
        self.port0, self.port1 = side.port
        self.table = table
        size = SIZES.get(af, 16)
        self.low = int.from_bytes(side.addr.addr[:size], "big")
        self.mask = int.from_bytes(side.addr.mask[:size], "big")
        self.high = self.mask
        """The end of a range."""
        self.any = self.type == P.PF_ADDR_ADDRMASK and not self.mask
        if self.type == P.PF_ADDR_ADDRMASK:
            self.low &= self.mask


class Krule:
    """struct pf_krule."""

    def __init__(self, pf: Pf, ruleset: Ruleset, rule: PfRule) -> None:
        from vshell.kernel.netpfil.pf.pf_pool import Pool

        self.rule = rule
        self.ruleset = ruleset
        self.nr = rule.nr
        for name in rule.fields:
            if name not in ("src", "dst", "rdr", "nat", "route", "nr"):
                setattr(self, name, getattr(rule, name))
        self.tables: list[Ktable] = []
        self.src = Side(rule.src, rule.af, self._table(pf, rule.src))
        self.dst = Side(rule.dst, rule.af, self._table(pf, rule.dst))
        self.rdr: Pool = Pool(pf, self, rule.rdr)
        self.nat: Pool = Pool(pf, self, rule.nat)
        self.route: Pool = Pool(pf, self, rule.route)
        self.overload: Ktable | None = None
        if rule.overload_tblname:
            self.overload = self.attach(pf, rule.overload_tblname)
            pf.tables.setflags(self.overload, self.overload.flags | P.PFR_TFLAG_ACTIVE)
        self.anchor: Anchor | None = None
        self.anchor_relative = 0
        self.anchor_wildcard = False
        self.evaluations = 0
        self.packets = [0, 0]
        self.bytes = [0, 0]
        self.states_cur = self.states_tot = 0
        self.src_nodes = [0, 0, 0]
        self.cuid = self.cpid = 0
        self.last_active = 0
        self.skip: list[int] = []
        """Index of the next rule worth a look where a test failed, in the order of the tests."""
        self.rate_last = self.rate_count = 0
        self.unlinked = False

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def set_action(self, action: int) -> None:
        """Of the default rule."""
        self.action = action

    def _table(self, pf: Pf, side: PfRuleAddr) -> Ktable | None:
        return self.attach(pf, side.addr.name) if side.addr.type == P.PF_ADDR_TABLE else None

    def attach(self, pf: Pf, name: str) -> Ktable:
        """A table the rule names."""
        anchor = self.ruleset.anchor
        table = pf.tables.attach(anchor.path if anchor is not None else "", name)
        self.tables.append(table)
        return table

    def counters(self) -> PfCounters:
        """As programs see them."""
        return PfCounters(
            self.evaluations, (self.packets[0], self.packets[1]), (self.bytes[0], self.bytes[1]), self.states_cur,
            self.states_tot, sum(self.src_nodes), (self.src_nodes[0], self.src_nodes[1], self.src_nodes[2]), self.cuid,
            self.cpid, self.last_active, tuple(self.skip) or (-1,) * SKIPS,
        )  # fmt: skip

    def clear(self) -> None:
        """Zero them."""
        self.evaluations = self.states_tot = 0
        self.packets = [0, 0]
        self.bytes = [0, 0]


class EthKrule:
    """struct pf_keth_rule."""

    def __init__(self, pf: Pf, ruleset: EthRuleset, rule: PfEthRule) -> None:
        self.rule = rule
        self.ruleset = ruleset
        af = AF_INET if rule.proto == 0x0800 else AF_INET6
        path = ruleset.anchor.path if ruleset.anchor is not None else ""
        self.tables: list[Ktable] = []
        sides = []
        for side in (rule.ipsrc, rule.ipdst):
            table = pf.tables.attach(path, side.addr.name) if side.addr.type == P.PF_ADDR_TABLE else None
            self.tables += [table] if table is not None else []
            sides.append(Side(side, af, table))
        self.ipsrc, self.ipdst = sides
        self.anchor: EthAnchor | None = None
        self.anchor_relative = 0
        self.anchor_wildcard = False
        self.evaluations = self.packets = self.bytes = self.last_active = 0


class Half:
    """One kind of rules of a ruleset: those in force, and those of a transaction."""

    __slots__ = ("active", "inactive", "open", "ticket")

    def __init__(self) -> None:
        self.active: list[Any] = []
        self.inactive: list[Any] = []
        self.open = False
        self.ticket = 0


class Ruleset:
    """struct pf_kruleset."""

    def __init__(self, anchor: Anchor | None) -> None:
        self.anchor = anchor
        self.rules = [Half() for _ in range(P.RULESETS)]
        self.tables = 0
        self.tticket = 0
        self.topen = False

    def empty(self) -> bool:
        """No rules at all, and none being loaded."""
        return not any(h.active or h.inactive or h.open for h in self.rules)


class EthRuleset:
    """struct pf_keth_ruleset."""

    def __init__(self, anchor: EthAnchor | None) -> None:
        self.anchor = anchor
        self.half = Half()
        self.tables, self.topen = 0, False

    def empty(self) -> bool:
        """No rules at all, and none being loaded."""
        return not (self.half.active or self.half.inactive or self.half.open)


class AnchorBase:
    """What both kinds of anchors have."""

    def __init__(self, name: str, path: str, parent: Any) -> None:
        self.name, self.path = name, path
        self.parent = parent
        self.children: dict[str, Any] = {}
        self.refcnt = 0


class Anchor(AnchorBase):
    """struct pf_kanchor."""

    def __init__(self, name: str, path: str, parent: Anchor | None) -> None:
        super().__init__(name, path, parent)
        self.ruleset = Ruleset(self)


class EthAnchor(AnchorBase):
    """struct pf_keth_anchor."""

    def __init__(self, name: str, path: str, parent: EthAnchor | None) -> None:
        super().__init__(name, path, parent)
        self.ruleset = EthRuleset(self)


class Rulesets:
    """The anchors of a stack, of one kind."""

    def __init__(self, main: Any, kind: type[Any]) -> None:
        self.main = main
        self.kind = kind
        self.anchors: dict[str, Any] = {}

    def find(self, path: str) -> Any:
        """pf_find_kruleset, None if there is none."""
        path = path.lstrip("/")
        if not path:
            return self.main
        anchor = self.anchors.get(path)
        return anchor.ruleset if anchor is not None else None

    def create(self, path: str) -> Any:
        """pf_find_or_create_kruleset; None for a name that cannot be."""
        path = path.lstrip("/")
        found = self.find(path)
        if found is not None:
            return found
        parent: Any = None
        done = ""
        for name in path.split("/"):
            done = f"{done}/{name}" if done else name
            anchor = self.anchors.get(done)
            if anchor is None:
                if not name or len(name) >= P.PF_ANCHOR_NAME_SIZE:
                    return None
                anchor = self.anchors[done] = self.kind(name, done, parent)
                if parent is not None:
                    parent.children[name] = anchor
            parent = anchor
        return parent.ruleset if parent is not None else None

    def remove_if_empty(self, ruleset: Any) -> None:
        """pf_remove_if_empty_kruleset: and those it was in."""
        while ruleset is not None and ruleset is not self.main:
            anchor = ruleset.anchor
            if anchor.children or anchor.refcnt > 0 or ruleset.tables > 0 or ruleset.topen or not ruleset.empty():
                return
            self.anchors.pop(anchor.path, None)
            if anchor.parent is None:
                return
            anchor.parent.children.pop(anchor.name, None)
            ruleset = anchor.parent.ruleset

    def children(self, path: str) -> list[str] | None:
        """Names of the anchors in one, None if there is no such."""
        path = path.lstrip("/")
        if not path:
            return sorted(a.name for a in self.anchors.values() if a.parent is None)
        anchor = self.anchors.get(path)
        return sorted(anchor.children) if anchor is not None else None

    def setup(self, rule: Krule | EthKrule, ruleset: Any, name: str) -> bool:
        """pf_kanchor_setup: the anchor a rule calls; False if that cannot be."""
        if not name:
            return True
        if name.startswith("/"):
            path = name[1:]
        else:
            rule.anchor_relative = 1
            path = ruleset.anchor.path if ruleset.anchor is not None else ""
            while name.startswith("../"):
                if not path:
                    return False
                path = path.rpartition("/")[0]
                rule.anchor_relative += 1
                name = name[3:]
            path = f"{path}/{name}" if path else name
        if path.endswith("/*"):
            rule.anchor_wildcard = True
            path = path[:-2]
        found = self.create(path)
        if found is None or found is self.main:
            return False
        rule.anchor = found.anchor
        found.anchor.refcnt += 1
        return True

    def call(self, rule: Krule | EthKrule) -> str:
        """pf_kanchor_copyout: how a rule names its anchor."""
        anchor = rule.anchor
        if anchor is None:
            return ""
        if not rule.anchor_relative:
            text = f"/{anchor.path}"
        else:
            base = rule.ruleset.anchor.path if rule.ruleset.anchor is not None else ""
            text = ""
            for _ in range(1, rule.anchor_relative):
                base = base.rpartition("/")[0]
                text += "../"
            if len(anchor.path) > len(base):
                text += anchor.path[len(base) + 1 if base else 0 :]
        if rule.anchor_wildcard:
            text += "/*" if text else "*"
        return text

    def release(self, rule: Krule | EthKrule) -> None:
        """pf_remove_kanchor."""
        anchor = rule.anchor
        if anchor is None:
            return
        rule.anchor = None
        anchor.refcnt -= 1
        if not anchor.refcnt:
            self.remove_if_empty(anchor.ruleset)


def export(pf: Pf, rule: Krule) -> PfRuleInfo:
    """A rule as programs see it: how many addresses its interfaces and tables have is filled in."""
    record = rule.rule
    src, dst = (_counted(pf, side, table, record.af) for side, table in
                ((record.src, rule.src.table), (record.dst, rule.dst.table)))  # fmt: skip
    record = replace(record, src=src, dst=dst, nr=rule.nr)
    return PfRuleInfo(record, pf.rulesets.call(rule), rule.anchor_wildcard, rule.counters())


def _counted(pf: Pf, side: PfRuleAddr, table: Ktable | None, af: int) -> PfRuleAddr:
    if table is not None:
        kt = table.active()
        return replace(side, addr=replace(side.addr, count=-1 if kt is None else len(kt.entries.found)))
    if side.addr.type == P.PF_ADDR_DYNIFTL:
        families = (af,) if af else (AF_INET, AF_INET6)
        count = sum(len(pf.kifs.dynaddrs(side.addr, family)) for family in families)
        return replace(side, addr=replace(side.addr, count=count))
    return side


def export_eth(pf: Pf, rule: EthKrule) -> PfEthRuleInfo:
    """An Ethernet rule as programs see it."""
    return PfEthRuleInfo(
        rule.rule, pf.eth.call(rule), rule.anchor_wildcard, rule.evaluations, rule.packets, rule.bytes, rule.last_active
    )  # fmt: skip


def calc_skip_steps(rules: list[Krule]) -> None:
    """pf_calc_skip_steps: where to go on when a rule fails at a test that the next ones would fail at too."""
    count = len(rules)
    ahead = [-1] * SKIPS
    for i in range(count - 1, -1, -1):
        rule = rules[i]
        keys = _skip_keys(rule.rule)
        following = _skip_keys(rules[i + 1].rule) if i + 1 < count else None
        steps = []
        for k in range(SKIPS):
            if following is None:
                steps.append(-1)
            elif keys[k] is not None and keys[k] == following[k]:
                steps.append(ahead[k])
            else:
                steps.append(i + 1)
        rule.skip = ahead = steps
        rule.nr = i


def _skip_keys(r: PfRule) -> tuple[Any, ...]:
    def addr(side: PfRuleAddr) -> Any:
        kind = side.addr.type
        # Interfaces and tables are never the same twice.
        return None if kind == P.PF_ADDR_DYNIFTL else (kind, side.neg, side.addr.addr, side.addr.mask, side.addr.name)

    return (
        (r.ifname, r.ifnot), r.direction, r.af, r.proto, addr(r.src), addr(r.dst), (r.src.port_op, r.src.port),
        (r.dst.port_op, r.dst.port),
    )  # fmt: skip
