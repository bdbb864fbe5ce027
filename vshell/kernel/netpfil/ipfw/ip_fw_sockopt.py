"""The requests of programs (ipfw_ctl3 and its handlers, netpfil/ipfw/ip_fw_sockopt.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from vshell.abi.errno import EINVAL, ENOPROTOOPT, KError
from vshell.abi.ip_fw import (
    IP_FW3,
    IPFW_DEFAULT_RULE,
    IPFW_MAX_SETS,
    IPFW_RCFLAG_ALL,
    IPFW_RCFLAG_DYNAMIC,
    IPFW_RCFLAG_RANGE,
    IPFW_RCFLAG_SET,
    O_FIB,
    O_SETFIB,
    RESVD_SET,
    FwConfig,
    IpFwRule,
    RangeRequest,
    SetEnable,
    SetMove,
    SetSwap,
    SkiptoCache,
    XAdd,
    XDel,
    XGet,
    XMove,
    XResetlog,
    XZero,
)
from vshell.kernel.kern.kern_priv import PRIV_NETINET_IPFW, priv_check
from vshell.kernel.netinet.raw_ip import raw_setopt
from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw, Rule
from vshell.kernel.netpfil.ipfw.ip_fw_dynamic import State
from vshell.kernel.netpfil.ipfw.ip_fw_log import LOG_NOTICE

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.uipc_socket import Socket

Handler = Callable[[IpFw, Any], Any]
H = TypeVar("H", bound=Handler)
HANDLERS: dict[type[Any], Handler] = {}
manage_sets: list[Callable[[IpFw, RangeRequest, bool], None]] = []
"""f(firewall, request, only test it): what else is in sets, and goes with the rules when those are exchanged or moved."""


def fw3(*requests: type[Any]) -> Callable[[H], H]:
    """The function serves these requests."""

    def mark(handler: H) -> H:
        HANDLERS.update(dict.fromkeys(requests, handler))
        return handler

    return mark


def ipfw_ctl3(so: Socket, name: int, request: Any, td: Proc) -> Any:
    """IP_FW3 on a raw socket; a stack without the module does not know it."""
    f = so.vnet.get(IpFw)
    if f is None:
        raise KError(ENOPROTOOPT)
    priv_check(td, PRIV_NETINET_IPFW)
    handler = HANDLERS.get(type(request))
    if handler is None:
        raise KError(EINVAL)
    return handler(f, request)


raw_setopt[IP_FW3] = ipfw_ctl3


@fw3(XAdd)
def add_rules(f: IpFw, request: XAdd) -> IpFwRule:
    """Put a rule behind those of its number, or behind all if it has none.

    A number that was made up is not told when names came with the rule (it is written into the wrong place).
    """
    rule = request.rule
    if not 0 <= rule.rulenum < IPFW_DEFAULT_RULE or not rule.act_ofs < len(rule.cmd) or not 0 <= rule.set < IPFW_MAX_SETS:
        raise KError(EINVAL)
    for cmd in rule.cmd:
        fib = cmd.arg1 & 0x7FFF if cmd.opcode == O_SETFIB else cmd.arg1
        if cmd.opcode in (O_FIB, O_SETFIB) and fib >= f.vnet.numfibs:
            raise KError(EINVAL)
    step = f.autoinc_step = min(max(f.autoinc_step, 1), 1000)
    place = f.find(rule.rulenum + 1) if rule.rulenum else f.find(IPFW_DEFAULT_RULE)
    place = min(place, f.find(IPFW_DEFAULT_RULE))
    number = rule.rulenum
    if not number:
        number = f.map[place - 1].rulenum if place else 0
        number += step if number < IPFW_DEFAULT_RULE - step else 0
    new = Rule(rule, f.tables, number, f.added + 1)
    f.added += 1
    new.rulenum = number
    f.replace([*f.map[:place], new, *f.map[place:]])
    return IpFwRule(rule.rulenum if request.named else new.rulenum, rule.set, rule.flags, rule.cmd, rule.act_ofs)


@fw3(XGet)
def dump_config(f: IpFw, request: XGet) -> FwConfig:
    """Rules and states; a range of rules comes with the rule behind it."""
    rules = f.map
    if 0 < request.end_rule < IPFW_DEFAULT_RULE:
        rules = rules[f.find(request.start_rule) : f.find(request.end_rule + 1) + 1]
    shown = tuple(r.export() for r in rules) if request.static else ()
    return FwConfig(~f.set_disable & 0xFFFFFFFF, shown, f.dynamic.export() if request.states else ())


def match_range(rule: Rule | State, r: RangeRequest, default: bool = False) -> bool:
    """ipfw_match_range: the default rules only where that is meant."""
    if rule.rulenum == IPFW_DEFAULT_RULE and not default:
        return False
    if r.flags & IPFW_RCFLAG_ALL and rule.set == RESVD_SET:
        return False
    if r.flags & IPFW_RCFLAG_SET and rule.set != r.set:
        return False
    return not r.flags & IPFW_RCFLAG_RANGE or r.start_rule <= rule.rulenum <= r.end_rule


def check_range(r: RangeRequest) -> None:
    """check_range_tlv."""
    if r.start_rule > r.end_rule or r.set >= IPFW_MAX_SETS or r.new_set >= IPFW_MAX_SETS:
        raise KError(EINVAL)


@fw3(XDel)
def del_rules(f: IpFw, r: XDel) -> int:
    """Delete; how many."""
    check_range(r)
    left = [rule for rule in f.map if not match_range(rule, r)]
    if r.flags & IPFW_RCFLAG_DYNAMIC:
        f.dynamic.forget_range(r, match_range)
        return 0
    gone = set(f.map) - set(left)
    f.replace(left)
    f.dynamic.forget(gone)
    for rule in gone:
        rule.release()
    return len(gone)


@fw3(XZero, XResetlog)
def clear_rules(f: IpFw, r: RangeRequest) -> int:
    """Zero counters, those of the default rule too; or count anew what is logged."""
    check_range(r)
    log_only = not isinstance(r, XZero)
    found = [rule for rule in f.map if match_range(rule, r, True)]
    for rule in found:
        rule.clear(log_only)
    if f.verbose:
        if r.flags & IPFW_RCFLAG_ALL:
            text = "All logging counts reset" if log_only else "Accounting cleared"
        else:
            text = "logging count reset" if log_only else "cleared"
        f.vnet.kernel.log(LOG_NOTICE, f"ipfw: {text}.")
    return len(found)


@fw3(XMove)
def move_rules(f: IpFw, r: XMove) -> int:
    """Rules into another set."""
    check_range(r)
    for rule in f.map:
        if match_range(rule, r):
            rule.set = r.new_set
    f.refresh()
    return 0


@fw3(SetSwap, SetMove)
def swap_sets(f: IpFw, r: RangeRequest) -> int:
    """Exchange two sets, or add one to another; the very last rule stays where it is."""
    if r.set >= IPFW_MAX_SETS or r.new_set >= IPFW_MAX_SETS:
        raise KError(EINVAL)
    for manage in manage_sets:
        manage(f, r, True)
    for rule in f.map[:-1]:
        if rule.set == r.set:
            rule.set = r.new_set
        elif rule.set == r.new_set and isinstance(r, SetSwap):
            rule.set = r.set
    for manage in manage_sets:
        manage(f, r, False)
    f.refresh()
    return 0


@fw3(SetEnable)
def enable_sets(f: IpFw, r: SetEnable) -> int:
    """Set 31 is always enabled."""
    f.set_disable = (f.set_disable | r.set) & ~r.new_set & ~(1 << RESVD_SET) & 0xFFFFFFFF
    f.refresh()
    return 0


@fw3(SkiptoCache)
def manage_skipto_cache(f: IpFw, r: SkiptoCache) -> int:
    """Only the switch: places are found by bisection anyway."""
    f.skipto_cache = int(bool(r.enable))
    return 0
