"""The rules of a stack, and a packet's way through them (ipfw_chk, netpfil/ipfw/ip_fw2.c, ip_fw_pfil.c).

Conditions are compiled when a rule is added (ip_fw_match.py), so that a packet costs the rules it is compared with and no
more.  The last rule always matches and ends it.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, KError
from vshell.abi.ip_fw import (
    F_NOT,
    IP_FW_TARG,
    IPFW_DEFAULT_RULE,
    IPFW_RULE_NOOPT,
    O_ACCEPT,
    O_CHECK_STATE,
    O_COUNT,
    O_DENY,
    O_KEEP_STATE,
    O_LIMIT,
    O_LOG,
    O_NOP,
    O_PROBE_STATE,
    O_SKIP_ACTION,
    O_SOCKARG,
    O_TAG,
    RESVD_SET,
    FwCounters,
    Insn,
    IpFwRule,
)
from vshell.kernel.kern.module import SI_ORDER_ANY, SI_SUB_PROTO_FIREWALL, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.net.mbuf import M_SKIP_FIREWALL
from vshell.kernel.net.pfil import PFIL_CONSUMED, PFIL_DROPPED, PFIL_IN, PFIL_PASS, Pfil, PfilHead
from vshell.kernel.netinet6.in6_var import Ip6
from vshell.kernel.netpfil.ipfw.ip_fw_action import CONSUMED, DENY, PASS, compile_action
from vshell.kernel.netpfil.ipfw.ip_fw_args import LONELY, NOTHING, STRANGE, FwArgs, RuleRef
from vshell.kernel.netpfil.ipfw.ip_fw_compile import always, compile_rule, never
from vshell.kernel.netpfil.ipfw.ip_fw_dynamic import Dynamic
from vshell.kernel.netpfil.ipfw.ip_fw_log import Log, ipfw_log
from vshell.kernel.netpfil.ipfw.ip_fw_match import Test, lookup_of
from vshell.kernel.netpfil.ipfw.ip_fw_table import Tables

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

STATEFUL = (O_PROBE_STATE, O_KEEP_STATE, O_LIMIT, O_SKIP_ACTION)
NAME = "default"
identity = id
MAX_HITS = 64
VERDICTS = {PASS: PFIL_PASS, DENY: PFIL_DROPPED, CONSUMED: PFIL_CONSUMED}


class Rule:
    """A rule in the chain (struct ip_fw)."""

    __slots__ = (
        "action",
        "bcnt",
        "before",
        "check",
        "flags",
        "id",
        "insns",
        "keep",
        "log",
        "lookups",
        "match",
        "ofs",
        "pcnt",
        "plain",
        "probe",
        "rulenum",
        "set",
        "skip",
        "tables",
        "tag",
        "timestamp",
    )

    def __init__(self, rule: IpFwRule, tables: Tables, number: int, id: int = 0) -> None:
        self.rulenum = rule.rulenum
        self.id = id
        """Rules are counted as they are added."""
        self.set = rule.set
        self.flags = rule.flags
        self.insns = rule.cmd
        self.ofs = rule.act_ofs
        self.pcnt = self.bcnt = self.timestamp = 0
        tail = rule.cmd[rule.act_ofs :]
        body = rule.cmd[: rule.act_ofs]
        self.tag = next((c for c in tail if c.opcode == O_TAG), None)
        self.keep = next((c for c in body if c.opcode in (O_KEEP_STATE, O_LIMIT)), None)
        self.skip = any(c.opcode == O_SKIP_ACTION for c in body)
        probes = [str(c.data[0]) for c in rule.cmd if c.opcode in (O_PROBE_STATE, O_CHECK_STATE)]
        self.probe = probes[0] if probes else None
        """The name of the states to look through first, "" for all."""
        self.check = any(c.opcode == O_CHECK_STATE for c in tail)
        self.tables: list[Any] = []
        """What the rule refers to, each with `refs`: tables, instances of external actions."""
        found = {}
        for cmd in body:
            look = lookup_of(cmd)
            if look is not None:
                found[identity(cmd)] = tables.reference(look[0], rule.set, look[1])
        self.match = compile_rule(tuple(c for c in body if c.opcode not in STATEFUL), found, number)
        self.lookups = bool(found) or any(c.opcode == O_SOCKARG for c in body)
        actions = tuple(c for c in tail if c.opcode not in (O_TAG, O_LOG))
        if not actions:
            raise KError(EINVAL)
        logs = [c for c in tail if c.opcode == O_LOG]
        self.log = Log(logs[0], actions[0]) if logs else None
        self.action, instance = compile_action(actions, tables.vnet, rule.set)
        self.before = bool(self.log or self.tag)
        self.plain = not (self.keep or self.skip or self.before or self.probe is not None)
        """Nothing but its conditions and its action."""
        self.tables = [*found.values()] if instance is None else [*found.values(), instance]
        names = {str(c.data[-1]) for c in rule.cmd if (c.opcode in STATEFUL and c.data) or c.opcode == O_CHECK_STATE} - {""}
        if names:
            from vshell.kernel.netpfil.ipfw.ip_fw_eaction import state_names

            self.tables += state_names(tables.vnet, names)
        for table in self.tables:
            table.refs += 1

    def release(self) -> None:
        """The rule is gone: it refers to no table any more."""
        for table in self.tables:
            table.refs -= 1

    def export(self) -> tuple[IpFwRule, FwCounters]:
        """As programs see it."""
        rule = IpFwRule(self.rulenum, self.set, self.flags, self.insns, self.ofs)
        return rule, FwCounters(self.pcnt, self.bcnt, self.timestamp)

    def clear(self, log_only: bool = False) -> None:
        """Zero the counters, and start to count what is logged anew."""
        if not log_only:
            self.pcnt = self.bcnt = self.timestamp = 0
        if self.log is not None:
            self.log.reset()


class IpFw(VnetModule, sub=SI_SUB_PROTO_FIREWALL, order=SI_ORDER_ANY):
    """The firewall of a stack (V_layer3_chain)."""

    one_pass = Sysctl(
        "net.inet.ip.fw.one_pass",
        1,
        "Only do a single pass through ipfw when using dummynet(4), ipfw_nat or other divert(4)-like interfaces",
    )
    autoinc_step = Sysctl("net.inet.ip.fw.autoinc_step", 100, "Rule number auto-increment step")
    verbose = Sysctl("net.inet.ip.fw.verbose", 0, "Log matches to ipfw rules")
    verbose_limit = Sysctl("net.inet.ip.fw.verbose_limit", 0, "Set upper limit of matches of ipfw rules logged")
    skipto_cache = Sysctl(
        "net.inet.ip.fw.skipto_cache", 0, "Status of linear skipto cache: 1 - enabled, 0 - disabled.", flags="r"
    )
    default_rule = Sysctl("net.inet.ip.fw.default_rule", IPFW_DEFAULT_RULE, "The default/max possible rule number.", flags="r")
    frag6 = Sysctl("net.inet6.ip6.fw.permit_single_frag6", 1, "Permit single packet IPv6 fragments")
    exthdrs = Sysctl("net.inet6.ip6.fw.deny_unknown_exthdrs", 1, "Deny packets with unknown IPv6 Extension Headers")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.enabled = {"inet": 0, "inet6": 0, "ethernet": 0}
        self.set_disable = 0
        self.id = 0
        """Changes with the rules."""
        self.denied = 0
        """The rule that refused a packet last: what net/drops.py tells of it."""
        accept = vnet.kernel.kenv.get("net.inet.ip.fw.default_to_accept", "0").strip() not in ("", "0")
        self.accept = int(accept)
        count = IpFwRule(
            IPFW_DEFAULT_RULE,
            RESVD_SET,
            0,
            (Insn(O_NOP, F_NOT, 0, ("orphaned dynamic states counter",), 9), Insn(O_COUNT)),
            1,
        )
        default = IpFwRule(IPFW_DEFAULT_RULE, RESVD_SET, IPFW_RULE_NOOPT, (Insn(O_ACCEPT if accept else O_DENY),), 0)
        self.tables: Tables = vnet[Tables]
        self.added = 0
        """Rules that were ever added."""
        self.map: list[Rule] = []
        self.seek: list[Test] = []
        """What each of them matches; a rule that begins with its states is always looked at, one that is disabled never."""
        self.replace([Rule(each, self.tables, IPFW_DEFAULT_RULE) for each in (count, default)])
        self.dynamic: Dynamic = vnet[Dynamic]

    def init(self) -> None:
        """Hook in for IPv4 and IPv6."""
        self._enable("inet", 1)
        self._enable("inet6", 1)

    def destroy(self) -> None:
        """Leave no hook behind."""
        for name in self.enabled:
            self._enable(name, 0)

    # switches --------------------------------------------------------------------------------------------------
    def _enable(self, name: str, on: int) -> None:
        pfil = self.vnet[Pfil]
        head: PfilHead = {"inet": pfil.inet, "inet6": pfil.inet6, "ethernet": pfil.link}[name]
        if bool(on) != bool(self.enabled[name]):
            if on:
                head.link(NAME, self.check_frame if name == "ethernet" else self.check_packet)
            else:
                head.unlink(NAME)
            if name == "inet6":
                self.vnet[Ip6].pfil = head if head.input or head.output else None
        self.enabled[name] = on

    def _switch(self, name: str, new: Any) -> int:
        if new is not None:
            self._enable(name, new)
        return self.enabled[name]

    @sysctl_proc("net.inet.ip.fw.enable", "Enable ipfw", flags="w")
    def _inet(self, td: Any, new: Any) -> Any:
        return self._switch("inet", new)

    @sysctl_proc("net.inet6.ip6.fw.enable", "Enable ipfw+6", flags="w")
    def _inet6(self, td: Any, new: Any) -> Any:
        return self._switch("inet6", new)

    @sysctl_proc("net.link.ether.ipfw", "Pass ether pkts through firewall", flags="w")
    def _ether(self, td: Any, new: Any) -> Any:
        return self._switch("ethernet", new)

    @sysctl_proc("net.inet.ip.fw.static_count", "Number of static rules", flags="r")
    def _static_count(self, td: Any, new: Any) -> Any:
        return len(self.map)

    @sysctl_proc("net.inet.ip.fw.default_to_accept", "Make the default rule accept all packets.", flags="rt")
    def _default_to_accept(self, td: Any, new: Any) -> Any:
        return self.accept

    # rules -----------------------------------------------------------------------------------------------------
    def replace(self, rules: list[Rule]) -> None:
        """swap_map: other rules are in force from now on."""
        self.map = rules
        self.id += 1
        self.refresh()

    def refresh(self) -> None:
        """Rules or sets have changed: which rules are to be looked at?"""
        disabled = self.set_disable
        self.seek = [
            never if disabled >> rule.set & 1 else rule.match if rule.probe is None else always for rule in self.map
        ]  # fmt: skip

    def find(self, number: int) -> int:
        """ipfw_find_rule: the place of the first rule with that number or a higher one."""
        return min(bisect_left(self.map, number, key=lambda r: r.rulenum), len(self.map) - 1)

    def jump(self, pos: int, number: int, backwards: bool) -> int:
        """Where skipto and call go; skipto never back."""
        if not backwards and number <= self.map[pos].rulenum:
            number = self.map[pos].rulenum + 1
        return self.find(number)

    # packets ---------------------------------------------------------------------------------------------------
    def check_packet(self, m: Mbuf, ifp: Ifnet | None, direction: int, inp: Any) -> int:
        """ipfw_check_packet."""
        if m.flags & M_SKIP_FIREWALL:
            return PFIL_PASS
        a = FwArgs(self.vnet, m, ifp, direction == PFIL_IN, inp, False)
        return self.chk(a) if not m.tags or "ipfw_rule" not in m.tags else self._again(a)

    def check_frame(self, m: Mbuf, ifp: Ifnet | None, direction: int, inp: Any) -> int:
        """ipfw_check_frame."""
        if m.flags & M_SKIP_FIREWALL:
            return PFIL_PASS
        a = FwArgs(self.vnet, m, ifp, direction == PFIL_IN, inp, True)
        return self.chk(a) if not m.tags or "ipfw_rule" not in m.tags else self._again(a)

    def refer(self, a: FwArgs, pos: int, info: int = 0) -> RuleRef:
        """set_match: a packet leaves at this rule and is to come back behind it."""
        rule = self.map[pos]
        return RuleRef(self.id, pos + 1, rule.id + 1, rule.rulenum, info, a.mark)

    def _again(self, a: FwArgs) -> int:
        """A packet comes back from dummynet, netgraph or a divert socket."""
        tags = a.m.tags = dict(a.m.tags or {})
        ref: RuleRef = tags.pop("ipfw_rule")
        if ref.onepass:
            return PFIL_PASS
        a.mark, a.info = ref.mark, ref.info
        return self.chk(a, self.resume(ref))

    def resume(self, ref: RuleRef) -> int:
        """Where to go on: the same place, or if rules have changed the first that came after (ipfw_find_rule)."""
        last = len(self.map) - 1
        if ref.chain_id == self.id:
            return min(ref.slot, last)
        wanted = (ref.rulenum, ref.rule_id)
        return next((i for i, rule in enumerate(self.map) if (rule.rulenum, rule.id) >= wanted), last)

    def _strange(self, a: FwArgs) -> bool:
        """Extension headers that are refused."""
        if a.exthdrs & STRANGE and self.exthdrs:
            if self.verbose:
                self.vnet.kernel.printf(f"IPFW2: IPV6 - Unknown Extension Header({a.proto}), ext_hd={a.exthdrs & 0xFFF:x}")
            return True
        if a.exthdrs & LONELY and not self.frag6 and self.exthdrs:
            if self.verbose:
                self.vnet.kernel.printf("IPFW2: IPV6 - Invalid Fragment Header")
            return True
        return False

    def chk(self, a: FwArgs, pos: int = 0) -> int:
        """ipfw_chk: along the rules until one decides."""
        if a.short or (a.exthdrs > 0xFFF and self._strange(a)):
            return PFIL_DROPPED
        jumped = -1
        while True:
            seek = self.seek
            while not seek[pos](a):
                pos += 1
            rule = self.map[pos]
            if not rule.lookups and pos != jumped and a.value is not NOTHING:
                # What a table said holds for the rule it was asked in, and for one that was jumped to from there.
                a.value = NOTHING
            if not rule.plain:
                to = self._stateful(a, rule, pos)
                if to is not None:
                    if to < 0:
                        return VERDICTS[to]
                    pos = jumped = to
                    continue
            to = rule.action(self, a, rule, pos)
            if to < 0:
                return VERDICTS[to]
            jumped = to if to != pos + 1 else -1
            pos = to

    def _stateful(self, a: FwArgs, rule: Rule, pos: int) -> int | None:
        """What comes before the action of a rule that is not plain; None if it is to be done then, or where to go on."""
        if rule.probe is not None:
            if not a.looked or (rule.probe and rule.probe not in a.looked):
                a.looked += (rule.probe,)
                found = self.dynamic.lookup(a, rule.probe)
                if found is not None:
                    a.hits += 1
                    # An action that begins the search anew (nat) may come back here for ever: the original hangs then.
                    return self._hit(a, found.rule) if a.hits < MAX_HITS else DENY
            if rule.check or not rule.match(a):
                return pos + 1
        if rule.keep is not None and not self.dynamic.install(a, rule, self.verbose):
            self.count(rule, a)
            return DENY
        if rule.skip:
            return pos + 1
        if rule.before:
            self.parameters(a, rule)
        return None

    def parameters(self, a: FwArgs, rule: Rule) -> None:
        """What stands in front of an action: log, tag, untag."""
        if rule.log is not None:
            ipfw_log(self, a, rule)
        if rule.tag is not None:
            self._tag(a, rule.tag)

    def _hit(self, a: FwArgs, rule: Rule) -> int:
        """A state's packet goes on with the action of its rule; if that was deleted, the last rule but one counts."""
        alive = rule in self.map
        pos = self.map.index(rule) if alive else len(self.map) - 2
        if rule.before:
            self.parameters(a, rule)
        return rule.action(self, a, rule if alive else self.map[-2], pos)

    def _tag(self, a: FwArgs, cmd: Insn) -> None:
        """tag, untag."""
        number = cmd.arg1 if cmd.arg1 != IP_FW_TARG else a.value.tag
        tags = a.m.tags = dict(a.m.tags or {})
        have = frozenset(tags.get("ipfw_tags", ()))
        tags["ipfw_tags"] = have - {number} if cmd.flags & F_NOT else have | {number}

    def count(self, rule: Rule, a: FwArgs) -> None:
        """IPFW_INC_RULE_COUNTER."""
        rule.pcnt += 1
        rule.bcnt += a.iplen
        rule.timestamp = self.vnet.kernel.clock.realtime() // 1_000_000_000
