"""The optimiser of rules (sbin/pfctl/pfctl_optimize.c).

Rules next to one another that do the same make a superblock, within which they may change places.  There rules that others
cover are left out, rules that differ in an address become one with a table, and the rest is put in an order in which the
kernel can skip many of them at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi import pf as P
from vshell.abi.errno import KError
from vshell.abi.pf import PfAddr, PfGetRules, PfrAddr, PfrGetTables, PfrInaDefine, PfrTable, PfRuleAddr, PfRuleInfo
from vshell.abi.record import replace
from vshell.commands.pfctl.config import Rule
from vshell.commands.pfctl.grammar_set import tabledef_text
from vshell.commands.pfctl.hosts import Host, append_addr_host, mask16, unmask
from vshell.commands.pfctl.words import PF_OPT_NOACTION, PFCTL_FLAG_TABLE
from vshell.userland.slurp import random_bytes

if TYPE_CHECKING:
    from vshell.commands.pfctl.config import Anchor, Config

BARRIER, BREAK, NOMERGE, COMBINED, DC, NEVER = range(6)
TABLE_THRESHOLD = 6
PROFILE = 2
_BARRIERS = (
    "label", "prob", "max_states", "max_src_nodes", "max_src_states", "max_src_conn", "max_src_conn_rate", "anchor",
)  # fmt: skip
_KINDS = {
    **dict.fromkeys(
        (
            "af", "ifnot", "ifname", "match_tag_not", "match_tagname", "os_fingerprint", "timeout", "return_icmp", "return_icmp6",
            "uid", "gid", "direction", "proto", "type", "code", "flags", "flagset", "tos",
        ),
        NOMERGE,
    ),
    "nr": DC, **dict.fromkeys(("natpass", "max_mss", "min_ttl", "set_tos"), NEVER),
}  # fmt: skip
"""How much fields of rules may differ; those not listed may not at all in a superblock."""
_ZERO: dict[str, Any] = {}
_FIELDS = (
    "src", "dst", "rdr", "nat", "route", *(n for n in Rule().__dict__ if n not in ("src", "dst", "rdr", "nat", "route")),
)  # fmt: skip
NOTHING = PfAddr()


class OptTable:
    """struct pf_opt_tbl."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.addrs: list[PfrAddr] = []
        self.nodes: list[list[Host]] = []
        self.rulecount = 0
        self.generated = False


class OptRule:
    """struct pf_opt_rule."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.src_tbl: OptTable | None = None
        self.dst_tbl: OptTable | None = None
        self.profile = 0


def optimize_ruleset(pf: Config, anchor: Anchor) -> bool:
    """pfctl_optimize_ruleset; False if that failed."""
    rules = anchor.rules[P.PF_RULESET_FILTER]
    if not rules:
        return True
    blocks = _superblocks(pf, [OptRule(rule) for rule in rules])
    profiles = _profile(pf, blocks) if pf.optimize & PROFILE else {}
    if profiles is None:
        return False
    done: list[OptRule] = []
    for i, block in enumerate(blocks):
        found = Block(pf, block).optimize(profiles.get(i))
        if found is None:
            return False
        done += found
    for number, one in enumerate(done):
        one.rule.nr = number
    anchor.rules[P.PF_RULESET_FILTER] = [one.rule for one in done]
    return True


# superblocks ---------------------------------------------------------------------------------------------------


def _comparable(rule: Rule, level: int) -> dict[str, Any]:
    """comparable_rule: what must be the same, the rest left out."""
    found: dict[str, Any] = {}
    for name in _FIELDS:
        value = getattr(rule, name)
        if name in ("src", "dst"):
            addr = NOTHING if level <= COMBINED else value.addr
            found[name] = (addr, (0, 0), 0, False) if level <= NOMERGE else (addr, value.port, value.port_op, value.neg)
        elif name in ("rdr", "nat", "route"):
            found[name] = id(rule) if value.list else 0
        elif name == "anchor":
            found[name] = id(value) if value is not None else 0
        elif _KINDS.get(name, BREAK) < level:
            found[name] = value
    return found


def _superblocks(pf: Config, rules: list[OptRule]) -> list[list[OptRule]]:
    """construct_superblocks."""
    blocks: list[list[OptRule]] = []
    for one in rules:
        if blocks and _inclusive(pf, blocks[-1][0].rule, one.rule):
            blocks[-1].append(one)
        else:
            blocks.append([one])
    return blocks


def _inclusive(pf: Config, first: Rule, rule: Rule) -> bool:
    """superblock_inclusive."""
    if any(getattr(rule, name) for name in _BARRIERS if name != "max_src_conn_rate") or any(rule.max_src_conn_rate):
        return False
    if rule.rule_flag & P.PFRULE_RULESRCTRACK:
        return False
    groups = pf.ctx.interfaces.groups | {"all"}
    if (rule.ifname in groups or first.ifname in groups) and rule.ifname.lower() != first.ifname.lower():
        return False
    return _comparable(first, NOMERGE) == _comparable(rule, NOMERGE)


def _profile(pf: Config, blocks: list[list[OptRule]]) -> dict[int, list[OptRule]] | None:
    """load_feedback_profile: the rules in force, where their superblocks are those of the new ones."""
    try:
        active: list[PfRuleInfo] = pf.ctx.ioctl(PfGetRules("", P.PF_RULESET_FILTER))
    except KError as e:
        from vshell.commands.pfctl.context import pf_strerror

        pf.ctx.p.warnx(pf_strerror(e.errno))
        return None
    old = []
    for info in active:
        one = OptRule(Rule(**{name: getattr(info.rule, name) for name in info.rule.fields}))
        one.profile = sum(info.counters.packets)
        old.append(one)
    found: dict[int, list[OptRule]] = {}
    for i, (mine, theirs) in enumerate(zip(blocks, _superblocks(pf, old), strict=False)):
        if _comparable(mine[0].rule, BREAK) != _comparable(theirs[0].rule, BREAK):
            break
        found[i] = theirs
    return found


# one superblock ------------------------------------------------------------------------------------------------


class Block:
    """A superblock on its way through the passes."""

    def __init__(self, pf: Config, rules: list[OptRule]) -> None:
        self.pf = pf
        self.rules = rules

    def optimize(self, profile: list[OptRule] | None) -> list[OptRule] | None:
        """optimize_superblock; None if it failed."""
        if len(self.rules) == 1:
            return self.rules
        self._remove_identical()
        if not self._combine():
            return None
        if profile is not None and self.rules[0].rule.quick:
            self._feedback(profile)
            return self.rules
        return Reorder(self.rules).run()

    def _remove_identical(self) -> None:
        """remove_identical_rules: those that are the same as others, or within them."""
        i = 0
        rules = self.rules
        while i < len(rules):
            j = i + 1
            gone = False
            while j < len(rules):
                one, other = rules[i].rule, rules[j].rule
                if _covers(one, other):
                    del rules[j]
                elif _covers(other, one):
                    del rules[i]
                    gone = True
                    break
                else:
                    j += 1
            if not gone:
                i += 1

    # tables --------------------------------------------------------------------------------------------------
    def _combine(self) -> bool:
        """combine_rules: rules that differ in one address only."""
        ctx = self.pf.ctx
        if not self.pf.loadopt & PFCTL_FLAG_TABLE:
            ctx.p.warnx("Must enable table loading for optimizations")
            return False
        i = 0
        while i < len(self.rules):
            j = i + 1
            while j < len(self.rules):
                if self._pair(self.rules[i], self.rules[j]):
                    del self.rules[j]
                else:
                    j += 1
            i += 1
        return self._name_tables()

    def _pair(self, p1: OptRule, p2: OptRule) -> bool:
        """True if the second is not needed any more."""
        src_eq = _addrs_equal(p1.rule.src, p2.rule.src)
        dst_eq = _addrs_equal(p1.rule.dst, p2.rule.dst)
        if src_eq == dst_eq or p2.src_tbl is not None or p2.dst_tbl is not None:
            return False
        mine, side = ("src_tbl", "dst") if src_eq else ("dst_tbl", "src")
        if getattr(p1, mine) is not None or _comparable(p1.rule, COMBINED) != _comparable(p2.rule, COMBINED):
            return False
        a: PfRuleAddr = getattr(p1.rule, side)
        b: PfRuleAddr = getattr(p2.rule, side)
        if a.addr.type != P.PF_ADDR_ADDRMASK or a.addr.type != b.addr.type:
            return False
        if (a.neg, a.port_op, a.port) != (b.neg, b.port_op, b.port):
            return False
        table: OptTable | None = getattr(p1, f"{side}_tbl")
        if table is None:
            ctx = self.pf.ctx
            table = OptTable(f"__automatic_{ctx.table_number}")
            ctx.table_number += 1
            setattr(p1, f"{side}_tbl", table)
            self._add(table, p1.rule.af, a)
        self._add(table, p1.rule.af, b)
        if table.rulecount >= TABLE_THRESHOLD:
            return True
        setattr(p2, f"{side}_tbl", table)
        return False

    def _add(self, table: OptTable, af: int, side: PfRuleAddr) -> None:
        """add_opt_table."""
        host = Host(side.addr, af)
        append_addr_host(table.addrs, [host], False, False)
        table.nodes.append([host])
        table.rulecount += 1

    def _name_tables(self) -> bool:
        ctx = self.pf.ctx
        kept = []
        for one in self.rules:
            table = one.src_tbl or one.dst_tbl
            if table is None or table.rulecount < TABLE_THRESHOLD:
                kept.append(one)
                continue
            if table.generated:
                continue
            table.generated = True
            if not ctx.opts & PF_OPT_NOACTION:
                self._create(table)
            if ctx.verbose:
                ctx.out(tabledef_text(table.name, P.PFR_TFLAG_CONST, True, list(table.nodes)) + "\n")
            side = "src" if one.src_tbl is table else "dst"
            old: PfRuleAddr = getattr(one.rule, side)
            setattr(one.rule, side, replace(old, addr=PfAddr(P.PF_ADDR_TABLE, name=table.name)))
            kept.append(one)
        self.rules = kept
        return True

    def _create(self, table: OptTable) -> None:
        """pf_opt_create_table: under a name nobody has."""
        ctx = self.pf.ctx
        taken = {t.name.lower() for t in ctx.ioctl(PfrGetTables(flags=P.PFR_FLAG_ALLRSETS))}
        while True:
            if not ctx.tables_named:
                ctx.tables_named = int.from_bytes(random_bytes(ctx.p, 4), "big") or 1
            name = f"__automatic_{ctx.tables_named:x}_{ctx.table_serial}"
            if name.lower() not in taken:
                break
            ctx.tables_named = 0
        ctx.table_serial += 1
        table.name = name
        root = self.pf.astack[0] or self.pf.anchor
        definition = PfrTable(name, root.path, P.PFR_TFLAG_CONST)
        ctx.ioctl(PfrInaDefine(definition, P.PFR_FLAG_ADDRSTOO, tuple(table.addrs), root.tticket))

    def _feedback(self, profile: list[OptRule]) -> None:
        """block_feedback: rules that matched most come first."""
        for old in profile:
            for one in self.rules:
                if not one.profile and _comparable(old.rule, DC) == _comparable(one.rule, DC):
                    one.profile = old.profile
                    break
        self.rules.sort(key=lambda one: -one.profile)


def _addrs_equal(a: PfRuleAddr, b: PfRuleAddr) -> bool:
    return a.neg == b.neg and a.addr == b.addr


def _covers(general: Rule, special: Rule) -> bool:
    """exclude_supersets: does a rule match all the other does?"""
    sub = special.copy()
    if not general.ifname:
        sub.ifname = ""
    if general.direction == P.PF_INOUT:
        sub.direction = P.PF_INOUT
    if general.proto in (0, sub.proto) and not general.flags and not general.flagset:
        sub.flags, sub.flagset = general.flags, general.flagset
    if not general.proto:
        sub.proto = 0
    for name in ("src", "dst"):
        setattr(sub, name, _without(getattr(general, name), getattr(sub, name), general.af == sub.af))
    if not general.af:
        sub.af = 0
    a, b = _comparable(general, DC), _comparable(sub, DC)
    for name in ("rdr", "nat", "route"):
        b[name] = id(special) if b[name] else 0
    return a == b


def _without(wide: PfRuleAddr, sub: PfRuleAddr, same_af: bool) -> PfRuleAddr:
    """One side of exclude_supersets."""
    if not wide.port_op:
        sub = replace(sub, port_op=0, port=(0, 0))
    if wide.addr.type != P.PF_ADDR_ADDRMASK:
        return sub
    if not wide.neg and not sub.neg and wide.addr.mask == P.ZERO:
        return replace(sub, addr=NOTHING)
    if sub.addr.type != P.PF_ADDR_ADDRMASK or wide.neg != sub.neg or not same_af:
        return sub
    bits = unmask(wide.addr.mask)
    if bits >= unmask(sub.addr.mask):
        return sub
    mask = mask16(bits)
    if wide.addr.addr != bytes(a & m for a, m in zip(sub.addr.addr, mask, strict=True)):
        return sub
    return replace(sub, addr=wide.addr)


# order ---------------------------------------------------------------------------------------------------------


def _addr_key(side: PfRuleAddr) -> object:
    addr = side.addr
    if addr.type == P.PF_ADDR_ADDRMASK:
        return None if addr.addr == P.ZERO else (side.neg, addr.type, addr.addr, addr.mask)
    if addr.type == P.PF_ADDR_DYNIFTL:
        return (side.neg, addr.type, addr.name, addr.iflags, addr.mask)
    if addr.type == P.PF_ADDR_TABLE:
        return (side.neg, addr.type, addr.name)
    return (side.neg, addr.type) if addr.type in (P.PF_ADDR_NOROUTE, P.PF_ADDR_URPFFAILED) else None


_SKIPS = (
    lambda r: (r.ifname, r.ifnot) if r.ifname else None,
    lambda r: r.direction or None,
    lambda r: r.af or None,
    lambda r: r.proto or None,
    lambda r: _addr_key(r.src),
    lambda r: _addr_key(r.dst),
    lambda r: (r.src.port_op, r.src.port) if r.src.port_op else None,
    lambda r: (r.dst.port_op, r.dst.port) if r.dst.port_op else None,
)
"""What rules must have in common for a skip step, in the kernel's order; None has nothing in common with anything."""


class Skiplist:
    """struct pf_skip_step: rules with a field in common."""

    def __init__(self) -> None:
        self.count = 0
        self.rules: list[OptRule] = []


class Reorder:
    """reorder_rules: a superblock is taken apart into runs of rules that have something in common."""

    def __init__(self, rules: list[OptRule]) -> None:
        self.rules = rules
        self.lists: list[list[Skiplist]] = [[] for _ in _SKIPS]

    def run(self) -> list[OptRule]:
        """The rules in their new order."""
        for lists, key in zip(self.lists, _SKIPS, strict=True):
            self._fill(lists, key)
        total = len(self.rules)
        largest = 0
        for lists in self.lists:
            first = lists[0]
            if first.count in (total, 1):
                first.count = 0
            largest = max(largest, first.count)
        if not largest:
            return self.rules
        head, self.rules = self.rules, []
        before: list[OptRule] = []
        while head:
            best, largest = self._largest()
            if largest <= 1:
                self.rules += head
                break
            chosen = self.lists[best].pop(0)
            group = list(chosen.rules)
            for one in group:
                head.remove(one)
                chosen.rules.remove(one)
                self._forget(best, one, chosen)
            if chosen.count > 2:
                before += Reorder(group).run()
            else:
                self.rules += group
        return before + self.rules

    def _fill(self, lists: list[Skiplist], key: Any) -> None:
        for one in self.rules:
            wanted = key(one.rule)
            found = None
            if wanted is not None:
                found = next((s for s in lists if key(s.rules[0].rule) == wanted), None)
            if found is None:
                found = Skiplist()
                lists.append(found)
            found.count += 1
            found.rules.append(one)
            at = lists.index(found)
            while at and lists[at - 1].count < found.count:
                lists[at - 1], lists[at] = lists[at], lists[at - 1]
                at -= 1

    def _largest(self) -> tuple[int, int]:
        largest, best = 1, 0
        for i, lists in enumerate(self.lists):
            if lists and lists[0].count > largest:
                largest, best = lists[0].count, i
        return best, largest

    def _forget(self, chosen_list: int, one: OptRule, active: Skiplist) -> None:
        """remove_from_skipsteps."""
        for lists in self.lists:
            if not lists or lists[0] is active or lists[0].count <= 1:
                continue
            for at, skiplist in enumerate(lists):
                if one not in skiplist.rules:
                    continue
                skiplist.rules.remove(one)
                skiplist.count -= 1
                while at + 1 < len(lists) and lists[at + 1].count > skiplist.count:
                    lists[at], lists[at + 1] = lists[at + 1], lists[at]
                    at += 1
                break
