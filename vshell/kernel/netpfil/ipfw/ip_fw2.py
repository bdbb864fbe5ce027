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
from vshell.kernel.netpfil.ipfw.ip_fw_args import FwArgs
from vshell.kernel.netpfil.ipfw.ip_fw_dynamic import Dynamic
from vshell.kernel.netpfil.ipfw.ip_fw_match import compile_tests, lookup_of
from vshell.kernel.netpfil.ipfw.ip_fw_table import Tables

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

STATEFUL = (O_PROBE_STATE, O_KEEP_STATE, O_LIMIT, O_SKIP_ACTION)
NAME = "default"
VERDICTS = {PASS: PFIL_PASS, DENY: PFIL_DROPPED, CONSUMED: PFIL_CONSUMED}


class Rule:
    """A rule in the chain (struct ip_fw)."""

    __slots__ = (
        "action",
        "bcnt",
        "check",
        "flags",
        "insns",
        "keep",
        "ofs",
        "pcnt",
        "probe",
        "rulenum",
        "set",
        "skip",
        "tables",
        "tag",
        "tests",
        "timestamp",
    )

    def __init__(self, rule: IpFwRule, tables: Tables, number: int) -> None:
        self.rulenum = rule.rulenum
        self.set = rule.set
        self.flags = rule.flags
        self.insns = rule.cmd
        self.ofs = rule.act_ofs
        self.pcnt = self.bcnt = self.timestamp = 0
        tail = rule.cmd[rule.act_ofs :]
        self.tag = next((c for c in tail if c.opcode == O_TAG), None)
        body = rule.cmd[: rule.act_ofs]
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
                found[id(cmd)] = tables.reference(look[0], rule.set, look[1])
        self.tests = compile_tests(tuple(c for c in body if c.opcode not in STATEFUL), found, number)
        actions = tuple(c for c in tail if c.opcode not in (O_TAG, O_LOG))
        if not actions:
            raise KError(EINVAL)
        self.action, instance = compile_action(actions, tables.vnet, rule.set)
        self.tables = [*found.values()] if instance is None else [*found.values(), instance]
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

    def clear(self) -> None:
        """Zero the counters."""
        self.pcnt = self.bcnt = self.timestamp = 0


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
        self.map = [Rule(each, self.tables, IPFW_DEFAULT_RULE) for each in (count, default)]
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
        return self.chk(FwArgs(self.vnet, m, ifp, direction == PFIL_IN, inp, False))

    def check_frame(self, m: Mbuf, ifp: Ifnet | None, direction: int, inp: Any) -> int:
        """ipfw_check_frame."""
        if m.flags & M_SKIP_FIREWALL:
            return PFIL_PASS
        return self.chk(FwArgs(self.vnet, m, ifp, direction == PFIL_IN, inp, True))

    def chk(self, a: FwArgs) -> int:
        """ipfw_chk: along the rules until one decides."""
        if a.short:
            return PFIL_DROPPED
        rules, disabled, pos = self.map, self.set_disable, 0
        while True:
            rule = rules[pos]
            if disabled and disabled >> rule.set & 1:
                pos += 1
                continue
            if rule.probe is not None:
                state = None
                if not a.looked or (rule.probe and rule.probe not in a.looked):
                    a.looked += (rule.probe,)
                    state = self.dynamic.lookup(a, rule.probe)
                if state is not None:
                    pos = self._hit(a, state.rule)
                    if pos < 0:
                        return VERDICTS[pos]
                    continue
                if rule.check:
                    pos += 1
                    continue
            for test in rule.tests:
                if not test(a):
                    break
            else:
                if rule.keep is not None and not self.dynamic.install(a, rule):
                    self.count(rule, a)
                    return PFIL_DROPPED
                if rule.skip:
                    pos += 1
                    continue
                if rule.tag is not None:
                    self._tag(a, rule.tag)
                pos = rule.action(self, a, rule, pos)
                if pos < 0:
                    return VERDICTS[pos]
                continue
            pos += 1

    def _hit(self, a: FwArgs, rule: Rule) -> int:
        """A state's packet goes on with the action of its rule; if that was deleted, the last rule but one counts."""
        alive = rule in self.map
        pos = self.map.index(rule) if alive else len(self.map) - 2
        if rule.tag is not None:
            self._tag(a, rule.tag)
        return rule.action(self, a, rule if alive else self.map[-2], pos)

    def _tag(self, a: FwArgs, cmd: Insn) -> None:
        """tag, untag."""
        tags = a.m.tags = dict(a.m.tags or {})
        have = frozenset(tags.get("ipfw_tags", ()))
        tags["ipfw_tags"] = have - {cmd.arg1} if cmd.flags & F_NOT else have | {cmd.arg1}

    def count(self, rule: Rule, a: FwArgs) -> None:
        """IPFW_INC_RULE_COUNTER."""
        rule.pcnt += 1
        rule.bcnt += a.iplen
        rule.timestamp = self.vnet.kernel.clock.realtime() // 1_000_000_000
