"""The packet filter of a stack: its state, its transactions, its device (netpfil/pf/pf_ioctl.c)."""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING, Any

from vshell.abi import pf as P
from vshell.abi.errno import EACCES, EBUSY, EINVAL, ENODEV, ENOTTY, EPERM, KError
from vshell.abi.fcntl import O_ACCMODE, O_RDONLY, S_IFCHR, Stat
from vshell.abi.pf import PfEthRule, PfRule
from vshell.kernel.kern.devfs import destroy_dev, make_dev
from vshell.kernel.kern.kern_descrip import File
from vshell.kernel.kern.module import (
    SI_ORDER_ANY,
    SI_SUB_PROTO_FIREWALL,
    KernelModule,
    Sysctl,
    VnetModule,
)  # fmt: skip
from vshell.kernel.net.pfil import Pfil
from vshell.kernel.netpfil.pf.pf_if import Kifs
from vshell.kernel.netpfil.pf.pf_ruleset import (
    Anchor,
    EthAnchor,
    EthKrule,
    EthRuleset,
    Half,
    Krule,
    Ruleset,
    Rulesets,
    calc_skip_steps,
)
from vshell.kernel.netpfil.pf.pf_src import SrcNodes
from vshell.kernel.netpfil.pf.pf_state import States
from vshell.kernel.netpfil.pf.pf_table import Tables

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.pf.pf_osfp import Fingerprint

NS = 1_000_000_000
READS = (
    P.PfGetStatus, P.PfGetSyncookies, P.PfGetAltqs, P.PfGetRules, P.PfGetEthRules, P.PfGetRulesets, P.PfGetEthRulesets,
    P.PfGetTimeout, P.PfGetLimit, P.PfGetIfaces, P.PfGetStates, P.PfGetCreators, P.PfGetSrcNodes, P.PfOsfpGet, P.PfrGetTables,
    P.PfrGetTstats, P.PfrGetAddrs, P.PfrGetAstats, P.PfrTstAddrs,
)  # fmt: skip
"""What may be asked on a descriptor that is open for reading only."""


class PfGlobal(KernelModule, sub=SI_SUB_PROTO_FIREWALL):
    """What all stacks share: the device."""

    rule_tag_hashsize = Sysctl(
        "net.pf.rule_tag_hashsize", 128, "Size of pf(4) rule tag hashtable", flags="t", fmt="unsigned integer"
    )
    request_maxcount = Sysctl(
        "net.pf.request_maxcount",
        65535,
        "Maximum number of tables, addresses, ... in a single ioctl() call",
        flags="wt",
        fmt="unsigned long",
    )

    def init(self) -> None:
        """pf_load."""
        make_dev(self.kernel, "pf", open_pf, mode=0o600)

    def destroy(self) -> None:
        """pf_unload."""
        destroy_dev(self.kernel, "pf")


class Pf(VnetModule, sub=SI_SUB_PROTO_FIREWALL, order=SI_ORDER_ANY):
    """The packet filter of one stack."""

    default_to_drop = Sysctl("net.pf.default_to_drop", 0, "Make the default rule drop all packets.", flags="t", fmt="uint8_t")
    filter_local = Sysctl(
        "net.pf.filter_local",
        0,
        "Enable filtering for packets delivered to local network stack",
        flags="w",
        fmt="uint8_t",
    )
    udpendpoint_hashsize = Sysctl(
        "net.pf.udpendpoint_hashsize", 32768, "Size of pf(4) endpoint hashtable", flags="t", fmt="unsigned long"
    )
    source_nodes_hashsize = Sysctl(
        "net.pf.source_nodes_hashsize", 32768, "Size of pf(4) source nodes hashtable", flags="t", fmt="unsigned long"
    )
    states_hashsize = Sysctl("net.pf.states_hashsize", 131072, "Size of pf(4) states hashtable", flags="t", fmt="unsigned long")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.running = False
        self.since = 0
        """Uptime, s, of the last start or stop."""
        self.debug = P.PF_DEBUG_URGENT
        self.hostid = vnet.kernel.random.arc4random()
        self.reass = 0
        self.keep_counters = False
        self.syncookies = P.PF_SYNCOOKIES_ADAPTIVE
        self.syncookies_water = (P.PF_SYNCOOKIES_LOWATPCT, P.PF_SYNCOOKIES_HIWATPCT)
        self.statusif = ""
        self.timeout = list(P.PFTM_DEFAULTS)
        self.limits = list(P.PF_LIMIT_DEFAULTS)
        self.chksum = bytes(16)
        self.why = ""
        """Why the last packet was dropped."""
        self.kifs = Kifs(vnet)
        self.main = Ruleset(None)
        self.rulesets = Rulesets(self.main, Anchor)
        self.eth_main = EthRuleset(None)
        self.eth = Rulesets(self.eth_main, EthAnchor)
        self.tables = Tables(self)
        self.states = States(self)
        self.src = SrcNodes(self)
        self.fingerprints: list[Fingerprint] = []
        self.unlinked: list[Krule] = []
        self.udp_mappings: dict[Any, Any] = {}
        self.counters = [0] * len(P.PFRES_NAMES)
        self.lcounters = [0] * len(P.LCNT_NAMES)
        self.fcounters = [0, 0, 0]
        self.scounters = [0, 0, 0]
        self.default_rule = Krule(self, self.main, PfRule(action=P.PF_PASS, nr=-1, timeout=P.PFTM_DEFAULTS))
        self.timer = vnet.kernel.clock.callout()
        from vshell.kernel.netpfil.pf.pf_norm import Fragments

        self.fragments = Fragments(self)

    def init(self) -> None:
        """pfattach_vnet."""
        self.default_rule.set_action(P.PF_DROP if self.default_to_drop else P.PF_PASS)

    def destroy(self) -> None:
        """pf_unload_vnet."""
        if self.running:
            self.stop()
        self.timer.stop()
        for state in list(self.states.all.values()):
            self.states.remove(state)

    def uptime(self) -> int:
        """time_uptime: in seconds, and it begins with 1."""
        return self.vnet.kernel.clock.now // NS + 1

    # on and off ------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """hook_pf."""
        from vshell.kernel.netpfil.pf.pf_hooks import hook

        hook(self)
        self.running = True
        self.since = self.uptime()

    def stop(self) -> None:
        """dehook_pf."""
        from vshell.kernel.netpfil.pf.pf_hooks import dehook

        dehook(self)
        self.running = False
        self.since = self.uptime()

    def hook_eth(self) -> None:
        """hook_pf_eth, dehook_pf_eth: only while there are such rules."""
        from vshell.kernel.netpfil.pf.pf_hooks import hook_eth

        hook_eth(self, bool(self.running and self.eth_main.half.active))

    @property
    def pfil(self) -> Pfil:
        """The heads of the stack."""
        found: Pfil = self.vnet[Pfil]
        return found

    # time ------------------------------------------------------------------------------------------------------
    def wake(self) -> None:
        """There is something that will have to be purged: arm the timer of pf_purge_thread."""
        if not self.timer.pending:
            self.timer.reset(NS - self.vnet.kernel.clock.now % NS, self.purge)

    def purge(self) -> None:
        """pf_purge_thread: states little by little, here once a second, the rest once per interval."""
        self.states.purge()
        if not self.vnet.kernel.clock.now // NS % max(1, self.timeout[P.PFTM_INTERVAL]):
            self.fragments.purge()
            self.src.purge()
            self._purge_rules()
        if self.states.all or self.src.found or self.unlinked or self.fragments.found:
            self.wake()

    def _purge_rules(self) -> None:
        """pf_purge_unlinked_rules: those no state refers to any more."""
        used: set[int] = set()
        for state in self.states.all.values():
            used |= {id(r) for r in (state.rule, state.anchor, state.nat_rule, *state.match_rules)}
        used |= {id(node.rule) for node in self.src.found.values()}
        left = []
        for rule in self.unlinked:
            if id(rule) in used:
                left.append(rule)
            else:
                self.free_rule(rule)
        self.unlinked = left

    def free_rule(self, rule: Krule) -> None:
        """pf_free_rule."""
        for table in rule.tables:
            self.tables.detach(table)
        rule.tables = []
        for name in (rule.ifname, rule.rcv_ifname):
            if name:
                self.kifs.get(name).rulerefs -= 1
        self.rulesets.release(rule)

    # transactions ----------------------------------------------------------------------------------------------
    def half(self, kind: int, path: str) -> tuple[Any, Half] | None:
        """The ruleset of an anchor, and the rules of a kind in it."""
        ruleset = self.eth.find(path) if kind == P.PF_RULESET_ETH else self.rulesets.find(path)
        if ruleset is None:
            return None
        return ruleset, ruleset.half if kind == P.PF_RULESET_ETH else ruleset.rules[kind]

    def begin(self, kind: int, path: str) -> int:
        """pf_begin_rules, pf_begin_eth, pfr_ina_begin; the ticket.  EINVAL."""
        if kind == P.PF_RULESET_TABLE:
            return self.tables.ina_begin(path)
        ruleset = self.eth.create(path) if kind == P.PF_RULESET_ETH else self.rulesets.create(path)
        if ruleset is None:
            raise KError(EINVAL)
        half: Half = ruleset.half if kind == P.PF_RULESET_ETH else ruleset.rules[kind]
        self._drop(half)
        half.ticket += 1
        half.open = True
        return half.ticket

    def _drop(self, half: Half) -> None:
        for rule in half.inactive:
            if isinstance(rule, Krule):
                self.free_rule(rule)
            else:
                self._free_eth(rule)
        half.inactive = []

    def _free_eth(self, rule: EthKrule) -> None:
        for table in rule.tables:
            self.tables.detach(table)
        self.eth.release(rule)

    def _is_open(self, kind: int, path: str, ticket: int) -> bool:
        if kind == P.PF_RULESET_TABLE:
            return self.tables.ina_open(path, ticket)
        found = self.half(kind, path)
        return found is not None and found[1].open and found[1].ticket == ticket

    def rollback(self, items: tuple[tuple[int, str, int], ...]) -> None:
        """DIOCXROLLBACK."""
        for kind, path, ticket in items:
            if kind == P.PF_RULESET_TABLE:
                self.tables.ina_rollback(path, ticket)
                continue
            found = self.half(kind, path)
            if found is None:
                if kind == P.PF_RULESET_ETH:
                    raise KError(EINVAL)
                continue
            ruleset, half = found
            if half.open and half.ticket == ticket:
                self._drop(half)
                half.open = False
                self._remove_if_empty(kind, ruleset)

    def _remove_if_empty(self, kind: int, ruleset: Any) -> None:
        (self.eth if kind == P.PF_RULESET_ETH else self.rulesets).remove_if_empty(ruleset)

    def commit(self, items: tuple[tuple[int, str, int], ...]) -> None:
        """DIOCXCOMMIT: first look whether all can be done."""
        for kind, path, ticket in items:
            if not self._is_open(kind, path, ticket):
                raise KError(EBUSY)
        for kind, path, _ in items:
            if kind == P.PF_RULESET_TABLE:
                self.tables.ina_commit(path)
                continue
            found = self.half(kind, path)
            if found is not None:
                self._commit(kind, *found)
        self.hook_eth()

    def _commit(self, kind: int, ruleset: Any, half: Half) -> None:
        """pf_commit_rules."""
        old, half.active, half.inactive = half.active, half.inactive, []
        half.open = False
        if kind == P.PF_RULESET_ETH:
            for rule in old:
                self._free_eth(rule)
        else:
            if self.keep_counters:
                _keep_counters(old, half.active)
            calc_skip_steps(half.active)
            for rule in old:
                rule.unlinked = True
            self.unlinked += old
            if old:
                self.wake()
            if ruleset is self.main and kind == P.PF_RULESET_FILTER:
                text = repr([half.active[i].rule for i in range(len(half.active))]).encode()
                self.chksum = md5(text, usedforsecurity=False).digest()
        self._remove_if_empty(kind, ruleset)

    def add_rule(self, r: P.PfAddRule, td: Proc) -> None:
        """pf_ioctl_addrule."""
        from vshell.kernel.netpfil.pf.pf_requests import RULESET_OF

        kind = RULESET_OF.get(r.rule.action)
        found = self.half(kind, r.anchor) if kind is not None else None
        if found is None:
            raise KError(EINVAL)
        ruleset, half = found
        if half.ticket != r.ticket:
            raise KError(EBUSY)
        rule = Krule(self, ruleset, r.rule)
        rule.nr = half.inactive[-1].nr + 1 if half.inactive else 0
        rule.cuid = td.ucred.uid  # The process of a netlink message is its port, which pfctl leaves 0.
        for name in (rule.ifname, rule.rcv_ifname):
            if name:
                self.kifs.get(name).rulerefs += 1
        needs = rule.action in (P.PF_NAT, P.PF_RDR, P.PF_BINAT) and not r.anchor_call and not rule.rdr
        if needs or (rule.rt > P.PF_NOPFROUTE and not rule.route) or not self.rulesets.setup(rule, ruleset, r.anchor_call):
            self.free_rule(rule)
            raise KError(EINVAL)
        half.inactive.append(rule)

    def add_eth_rule(self, r: P.PfAddEthRule) -> None:
        """DIOCADDETHRULE."""
        found = self.half(P.PF_RULESET_ETH, r.anchor)
        if found is None:
            raise KError(EINVAL)
        ruleset, half = found
        if half.ticket != r.ticket:
            raise KError(EBUSY)
        record: PfEthRule = r.rule
        rule = EthKrule(self, ruleset, record)
        if not self.eth.setup(rule, ruleset, r.anchor_call):
            raise KError(EINVAL)
        half.inactive.append(rule)


def _keep_counters(old: list[Krule], new: list[Krule]) -> None:
    """pf_rule_tree, V_pf_status.keep_counters: the same rule goes on counting."""
    known = {rule.rule: rule for rule in reversed(old)}
    for rule in new:
        before = known.get(rule.rule)
        if before is not None:
            rule.evaluations, rule.packets, rule.bytes = before.evaluations, list(before.packets), list(before.bytes)


# the device ----------------------------------------------------------------------------------------------------


class PfDevice(File):
    """/dev/pf."""

    kind = "vnode"

    def ioctl(self, td: Proc, request: Record) -> Any:
        """pfioctl; requests FreeBSD sends over netlink are refused in jails that share a stack."""
        from vshell.kernel.netpfil.pf.pf_requests import HANDLERS

        handler = HANDLERS.get(type(request))
        if handler is None:
            raise KError(ENOTTY)
        if isinstance(request, P.PfGetAltqs):
            raise KError(ENODEV)
        jailed = td.ucred.prison is not td.kernel.prison0
        if isinstance(request, P.PfGeneric) and jailed and td.ucred.prison.vnet is td.kernel.vnet0:
            raise KError(EPERM)
        if not isinstance(request, READS) and self.flags & O_ACCMODE == O_RDONLY and not isinstance(request, P.PfGeneric):
            dummy = isinstance(request, P.PfrRequest) and request.flags & P.PFR_FLAG_DUMMY
            if not dummy:
                raise KError(EACCES)
        pf = td.vnet.get(Pf)
        if pf is None:
            raise KError(ENODEV)
        return handler(pf, request, td)

    def stat(self, td: Proc) -> Stat:
        """fstat(2)."""
        dev = td.kernel.devices["pf"]
        now = td.kernel.clock.boottime
        return Stat(0, dev.minor, S_IFCHR | dev.mode, 1, dev.uid, dev.gid, 0, now, now, now, dev.minor)


def open_pf(proc: Proc, flags: int) -> File:
    """Open it."""
    return PfDevice(flags)
