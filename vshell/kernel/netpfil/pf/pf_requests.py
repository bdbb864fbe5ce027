"""What programs ask of /dev/pf (pfioctl and its kin, netpfil/pf/pf_ioctl.c, pf_nl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi import pf as P
from vshell.abi.errno import EEXIST, EINVAL, ENOENT, KError
from vshell.abi.pf import PfKill, PfrTable, PfStatus
from vshell.kernel.netpfil.pf.pf_ioctl import NS, Pf
from vshell.kernel.netpfil.pf.pf_osfp import Fingerprint
from vshell.kernel.netpfil.pf.pf_ruleset import export, export_eth
from vshell.kernel.netpfil.pf.pf_state import STACK, WIRE, State, masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.abi.pf import PfRuleAddr
    from vshell.kernel.kern.kern_proc import Proc

RULESET_OF = {
    P.PF_SCRUB: P.PF_RULESET_SCRUB, P.PF_NOSCRUB: P.PF_RULESET_SCRUB, P.PF_PASS: P.PF_RULESET_FILTER,
    P.PF_MATCH: P.PF_RULESET_FILTER, P.PF_DROP: P.PF_RULESET_FILTER, P.PF_NAT: P.PF_RULESET_NAT, P.PF_NONAT: P.PF_RULESET_NAT,
    P.PF_BINAT: P.PF_RULESET_BINAT, P.PF_NOBINAT: P.PF_RULESET_BINAT, P.PF_RDR: P.PF_RULESET_RDR, P.PF_NORDR: P.PF_RULESET_RDR,
}  # fmt: skip
"""pf_get_ruleset_number."""


def start(pf: Pf, r: P.PfStart, td: Proc) -> None:
    """DIOCSTART."""
    if pf.running:
        raise KError(EEXIST)
    pf.start()


def stop(pf: Pf, r: P.PfStop, td: Proc) -> None:
    """DIOCSTOP."""
    if not pf.running:
        raise KError(ENOENT)
    pf.stop()


def get_status(pf: Pf, r: P.PfGetStatus, td: Proc) -> PfStatus:
    """DIOCGETSTATUSNV."""
    clock = pf.vnet.kernel.clock
    kif = pf.kifs.get(pf.statusif) if pf.statusif else None
    pcounters = tuple(((x[0][0], x[0][1]), (x[1][0], x[1][1])) for x in kif.packets) if kif is not None else ()
    bcounters = tuple((sum(x[0]), sum(x[1])) for x in kif.bytes) if kif is not None else ()
    halfopen = sum(s.src.state < 4 or s.dst.state < 4 for s in pf.states.all.values() if s.keys[0][1] == 6)
    return PfStatus(
        pf.running, clock.realtime() // NS - (pf.uptime() - pf.since), pf.debug, pf.hostid, len(pf.states.all),
        len(pf.src.found), tuple(pf.counters), tuple(pf.lcounters), tuple(pf.fcounters), tuple(pf.scounters), pf.statusif,
        pcounters, bcounters, pf.chksum, pf.reass, pf.syncookies, pf.syncookies == P.PF_SYNCOOKIES_ALWAYS, pf.syncookies_water,
        halfopen,
    )  # fmt: skip


def clr_status(pf: Pf, r: P.PfClrStatus, td: Proc) -> None:
    """DIOCCLRSTATUS."""
    for table in (pf.counters, pf.lcounters, pf.fcounters, pf.scounters):
        table[:] = [0] * len(table)
    pf.since = pf.uptime()
    if pf.statusif:
        pf.kifs.get(pf.statusif).zero()


def set_statusif(pf: Pf, r: P.PfSetStatusIf, td: Proc) -> None:
    """DIOCSETSTATUSIF."""
    if len(r.ifname) >= 16:
        raise KError(EINVAL)
    pf.statusif = r.ifname


def get_syncookies(pf: Pf, r: P.PfGetSyncookies, td: Proc) -> tuple[int, int, int]:
    """DIOCGETSYNCOOKIES."""
    return pf.syncookies, *pf.syncookies_water


def set_syncookies(pf: Pf, r: P.PfSetSyncookies, td: Proc) -> None:
    """DIOCSETSYNCOOKIES."""
    if r.mode not in (P.PF_SYNCOOKIES_NEVER, P.PF_SYNCOOKIES_ALWAYS, P.PF_SYNCOOKIES_ADAPTIVE) or r.low >= r.high or r.high > 100:
        raise KError(EINVAL)
    pf.syncookies, pf.syncookies_water = r.mode, (r.low, r.high)


def xbegin(pf: Pf, r: P.PfXBegin, td: Proc) -> list[int]:
    """DIOCXBEGIN."""
    return [pf.begin(kind, path) for kind, path in r.items]


def xcommit(pf: Pf, r: P.PfXCommit, td: Proc) -> None:
    """DIOCXCOMMIT."""
    pf.commit(r.items)


def xrollback(pf: Pf, r: P.PfXRollback, td: Proc) -> None:
    """DIOCXROLLBACK."""
    pf.rollback(r.items)


def add_rule(pf: Pf, r: P.PfAddRule, td: Proc) -> None:
    """DIOCADDRULE."""
    pf.add_rule(r, td)


def get_rules(pf: Pf, r: P.PfGetRules, td: Proc) -> list[P.PfRuleInfo]:
    """DIOCGETRULES, DIOCGETRULE for each."""
    found = pf.half(r.ruleset, r.anchor)
    if found is None:
        raise KError(EINVAL)
    rows = []
    for rule in found[1].active:
        rows.append(export(pf, rule))
        if r.clear:
            rule.clear()
    return rows


def add_eth_rule(pf: Pf, r: P.PfAddEthRule, td: Proc) -> None:
    """DIOCADDETHRULE."""
    pf.add_eth_rule(r)


def get_eth_rules(pf: Pf, r: P.PfGetEthRules, td: Proc) -> list[P.PfEthRuleInfo]:
    """DIOCGETETHRULES, DIOCGETETHRULE for each."""
    found = pf.half(P.PF_RULESET_ETH, r.anchor)
    if found is None:
        raise KError(ENOENT)
    rows = []
    for rule in found[1].active:
        rows.append(export_eth(pf, rule))
        if r.clear:
            rule.evaluations = rule.packets = rule.bytes = 0
    return rows


def get_rulesets(pf: Pf, r: P.PfGetRulesets, td: Proc) -> list[str]:
    """DIOCGETRULESETS, DIOCGETRULESET for each."""
    found = pf.rulesets.children(r.path)
    if found is None:
        raise KError(EINVAL)
    return found


def get_eth_rulesets(pf: Pf, r: P.PfGetEthRulesets, td: Proc) -> list[str]:
    """DIOCGETETHRULESETS."""
    found = pf.eth.children(r.path)
    if found is None:
        raise KError(ENOENT)
    return found


def set_timeout(pf: Pf, r: P.PfSetTimeout, td: Proc) -> None:
    """DIOCSETTIMEOUT."""
    if not 0 <= r.timeout < P.PFTM_MAX or r.seconds < 0:
        raise KError(EINVAL)
    seconds = r.seconds
    if r.timeout == P.PFTM_INTERVAL and not seconds:
        seconds = 1
    shorter = r.timeout == P.PFTM_INTERVAL and seconds < pf.timeout[r.timeout]
    pf.timeout[r.timeout] = seconds
    if shorter and pf.timer.pending:
        pf.timer.stop()
        pf.wake()


def get_timeout(pf: Pf, r: P.PfGetTimeout, td: Proc) -> int:
    """DIOCGETTIMEOUT."""
    if not 0 <= r.timeout < P.PFTM_MAX:
        raise KError(EINVAL)
    return pf.timeout[r.timeout]


def set_limit(pf: Pf, r: P.PfSetLimit, td: Proc) -> None:
    """DIOCSETLIMIT."""
    if not 0 <= r.index < P.PF_LIMIT_MAX:
        raise KError(EINVAL)
    pf.limits[r.index] = r.limit


def get_limit(pf: Pf, r: P.PfGetLimit, td: Proc) -> int:
    """DIOCGETLIMIT."""
    if not 0 <= r.index < P.PF_LIMIT_MAX:
        raise KError(EINVAL)
    return pf.limits[r.index]


def set_debug(pf: Pf, r: P.PfSetDebug, td: Proc) -> None:
    """DIOCSETDEBUG."""
    pf.debug = r.level


def set_hostid(pf: Pf, r: P.PfSetHostid, td: Proc) -> None:
    """DIOCSETHOSTID."""
    pf.hostid = r.hostid or pf.vnet.kernel.random.arc4random()


def set_reass(pf: Pf, r: P.PfSetReass, td: Proc) -> None:
    """DIOCSETREASS."""
    pf.reass = r.reass if r.reass & P.PF_REASS_ENABLED else 0


def keep_counters(pf: Pf, r: P.PfKeepCounters, td: Proc) -> None:
    """DIOCKEEPCOUNTERS."""
    pf.keep_counters = r.keep


def set_ifflag(pf: Pf, r: P.PfSetIfFlag, td: Proc) -> None:
    """DIOCSETIFFLAG."""
    pf.kifs.set_flags(r.ifname, r.flags, True)


def clr_ifflag(pf: Pf, r: P.PfClrIfFlag, td: Proc) -> None:
    """DIOCCLRIFFLAG."""
    pf.kifs.set_flags(r.ifname, r.flags, False)


def get_ifaces(pf: Pf, r: P.PfGetIfaces, td: Proc) -> list[P.PfiKif]:
    """DIOCIGETIFACES."""
    return pf.kifs.export(r.filter)


# states --------------------------------------------------------------------------------------------------------


def get_states(pf: Pf, r: P.PfGetStates, td: Proc) -> list[P.PfState]:
    """DIOCGETSTATESV2: those of an interface are the ones bound to it."""
    return [pf.states.export(s) for s in pf.states.all.values() if not r.ifname or s.ifname == r.ifname]


def _side(side: PfRuleAddr, key: tuple[Any, ...], at: int) -> bool:
    """Does one end of a state match?"""
    if not masked(key[0], key[2 + at], side.addr) or side.neg:
        return False
    return not side.port_op or side.port[0] == key[4 + at]


def _matches(state: State, k: PfKill) -> bool:
    """pf_killstates_row."""
    key = state.keys[STACK if k.nat else WIRE]
    if k.ifname and (state.orig_ifname if state.ifname == "all" else state.ifname) != k.ifname:
        return False
    if k.label and k.label not in state.rule.label:
        return False
    if (k.af and key[0] != k.af) or (k.proto and key[1] != k.proto):
        return False
    src, dst = (1, 0) if state.direction == P.PF_OUT else (0, 1)
    if not _side(k.src, key, src) or not _side(k.dst, key, dst):
        return False
    if any(k.rt_addr.addr.mask):
        return bool(state.act.rt_addr) and masked(state.act.rt_af, state.act.rt_addr, k.rt_addr.addr)
    return True


def _kill(pf: Pf, states: list[State], match: bool) -> int:
    """Remove them, and with -M the ones on the other side of a translation."""
    count = 0
    for state in states:
        if state.dead:
            continue
        if match:
            other_side = state.keys[STACK if state.direction == P.PF_IN else WIRE]
            for other in list(pf.states.by_key.get(other_side, ())):
                if other is not state and other.direction != state.direction:
                    pf.states.remove(other)
                    count += 1
        pf.states.remove(state)
        count += 1
    return count


def kill_states(pf: Pf, r: P.PfKillStates, td: Proc) -> int:
    """DIOCKILLSTATESNV."""
    k = r.kill
    if k.id:
        creator = k.creatorid or pf.hostid
        chosen = [s for s in pf.states.all.values() if s.id == k.id and s.creatorid == creator]
    else:
        chosen = [s for s in pf.states.all.values() if _matches(s, k)]
    return _kill(pf, chosen, k.kill_match)


def clear_states(pf: Pf, r: P.PfClearStates, td: Proc) -> int:
    """DIOCCLRSTATESNV."""
    k = r.kill
    chosen = [s for s in pf.states.all.values() if not k.ifname or s.ifname == k.ifname]
    return _kill(pf, chosen, k.kill_match)


def get_creators(pf: Pf, r: P.PfGetCreators, td: Proc) -> list[int]:
    """PFNL_CMD_GETCREATORS."""
    return sorted({s.creatorid for s in pf.states.all.values()})


def get_src_nodes(pf: Pf, r: P.PfGetSrcNodes, td: Proc) -> list[P.PfSrcNode]:
    """PFNL_CMD_GET_SRCNODES."""
    return pf.src.export()


def clr_src_nodes(pf: Pf, r: P.PfClrSrcNodes, td: Proc) -> None:
    """DIOCCLRSRCNODES."""
    pf.src.clear()


def kill_src_nodes(pf: Pf, r: P.PfKillSrcNodes, td: Proc) -> int:
    """DIOCKILLSRCNODES: they expire at once, and their states forget them."""
    killed = 0
    for node in list(pf.src.found.values()):
        if node.af != r.af or not masked(node.af, node.addr, r.src.addr):
            continue
        if node.raddr and not masked(node.raf, node.raddr, r.dst.addr):
            continue
        for state in pf.states.all.values():
            state.sns = [None if sn is node else sn for sn in state.sns]
        node.states, node.expire = 0, 1
        killed += 1
    pf.src.purge()
    return killed


# fingerprints --------------------------------------------------------------------------------------------------


def osfp_flush(pf: Pf, r: P.PfOsfpFlush, td: Proc) -> None:
    """DIOCOSFPFLUSH."""
    pf.fingerprints = []


def osfp_add(pf: Pf, r: P.PfOsfpAdd, td: Proc) -> None:
    """DIOCOSFPADD."""
    pf.fingerprints.append(Fingerprint(r.name, r.fingerprint))


def osfp_get(pf: Pf, r: P.PfOsfpGet, td: Proc) -> list[P.PfOsfpAdd]:
    """DIOCOSFPGET."""
    return [P.PfOsfpAdd(f.name, f.shape) for f in pf.fingerprints]


def _table(name: str) -> Callable[[Pf, Any, Proc], Any]:
    """A request about tables; they are named as the kernel takes names."""

    def handler(pf: Pf, r: Any, td: Proc) -> Any:
        table: PfrTable = r.table
        if len(table.name) >= P.PF_TABLE_NAME_SIZE or len(table.anchor) >= 1024:
            raise KError(EINVAL)
        return getattr(pf.tables, name)(r)

    return handler


HANDLERS: dict[type[Any], Callable[[Pf, Any, Proc], Any]] = {
    P.PfGetAltqs: lambda pf, r, td: None, P.PfStart: start, P.PfStop: stop, P.PfGetStatus: get_status, P.PfClrStatus: clr_status,
    P.PfSetStatusIf: set_statusif, P.PfGetSyncookies: get_syncookies, P.PfSetSyncookies: set_syncookies, P.PfXBegin: xbegin,
    P.PfXCommit: xcommit, P.PfXRollback: xrollback, P.PfAddRule: add_rule, P.PfGetRules: get_rules,
    P.PfAddEthRule: add_eth_rule, P.PfGetEthRules: get_eth_rules, P.PfGetRulesets: get_rulesets,
    P.PfGetEthRulesets: get_eth_rulesets, P.PfSetTimeout: set_timeout, P.PfGetTimeout: get_timeout, P.PfSetLimit: set_limit,
    P.PfGetLimit: get_limit, P.PfSetDebug: set_debug, P.PfSetHostid: set_hostid, P.PfSetReass: set_reass,
    P.PfKeepCounters: keep_counters, P.PfSetIfFlag: set_ifflag, P.PfClrIfFlag: clr_ifflag, P.PfGetIfaces: get_ifaces,
    P.PfGetStates: get_states, P.PfKillStates: kill_states, P.PfClearStates: clear_states, P.PfGetCreators: get_creators,
    P.PfGetSrcNodes: get_src_nodes, P.PfClrSrcNodes: clr_src_nodes, P.PfKillSrcNodes: kill_src_nodes,
    P.PfOsfpFlush: osfp_flush, P.PfOsfpAdd: osfp_add, P.PfOsfpGet: osfp_get, P.PfrClrTables: _table("clr_tables"),
    P.PfrAddTable: _table("add_table"), P.PfrDelTable: _table("del_table"), P.PfrGetTables: _table("get_tables"),
    P.PfrGetTstats: _table("get_tstats"), P.PfrClrTstats: _table("clr_tstats"), P.PfrClrAddrs: _table("clr_addrs"),
    P.PfrAddAddrs: _table("add_addrs"), P.PfrDelAddrs: _table("del_addrs"), P.PfrSetAddrs: _table("set_addrs"),
    P.PfrTstAddrs: _table("tst_addrs"), P.PfrClrAstats: _table("clr_astats"), P.PfrGetAddrs: _table("get_addrs"),
    P.PfrGetAstats: _table("get_astats"), P.PfrInaDefine: _table("ina_define"),
}  # fmt: skip
