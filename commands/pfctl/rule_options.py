"""Options are put into a rule (filteropts_to_rule, the loop over state options of pfrule, sbin/pfctl/parse.y)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.commands.pfctl.grammar_opts import StateOpt
from vshell.commands.pfctl.words import parse_flags

if TYPE_CHECKING:
    from vshell.commands.pfctl.config import Rule
    from vshell.commands.pfctl.grammar_nat import NatGrammar
    from vshell.commands.pfctl.grammar_opts import FilterOpts

SRCTRACK_GLOBAL, SRCTRACK_RULE = 2, 3


def filteropts_to_rule(g: NatGrammar, r: Rule, o: FilterOpts) -> None:
    """filteropts_to_rule."""
    r.keep_state, r.pktrate, r.prob, r.rtableid = o.keep, o.pktrate, o.prob, o.rtableid
    r.ridentifier, r.max_pkt_size, r.tos = o.ridentifier, o.max_pkt_size, o.tos
    r.scrub_flags |= (P.PFSTATE_NODF if o.nodf else 0) | (P.PFSTATE_RANDOMID if o.randomid else 0)
    r.min_ttl, r.max_mss = o.minttl or r.min_ttl, o.max_mss or r.max_mss
    if o.tag:
        r.tagname = g.tag_name(o.tag)
    if o.match_tag:
        r.match_tagname = g.tag_name(o.match_tag)
    r.match_tag_not = o.match_tag_not
    r.label = g.rule_label(o.label)
    r.rule_flag |= P.PFRULE_AFTO if "afto" in o.marker else 0
    r.scrub_flags |= P.PFSTATE_SCRUB_TCP if "scrub_tcp" in o.marker else 0
    if "prio" in o.marker:
        r.prio = o.prio or P.PF_PRIO_ZERO
    if "setprio" in o.marker:
        r.set_prio = o.set_prio
        r.scrub_flags |= P.PFSTATE_SETPRIO
    if "settos" in o.marker:
        r.scrub_flags |= P.PFSTATE_SETTOS
        r.set_tos = o.settos
    r.flags, r.flagset = o.flags, o.flagset
    if o.flags & o.flagset != o.flags:
        g.fail("flags always false")
    if o.queue is not None:
        for word, name in (("qname", o.queue[0]), ("pqname", o.queue[1])):
            if len(name) >= P.PF_QNAME_SIZE:
                g.fail(f"rule {word} too long (max {P.PF_QNAME_SIZE - 1} chars)")
        r.qname, r.pqname = o.queue
    r.rule_flag |= P.PFRULE_FRAGMENT if o.fragment else 0
    r.allow_opts = int(o.allowopts)


def default_state(g: NatGrammar, r: Rule, o: FilterOpts) -> tuple[list[StateOpt], bool]:
    """Rules that pass keep state unless they say otherwise; the options of the state."""
    if not r.keep_state and not r.action and "keep" not in o.marker:
        r.keep_state = P.PF_STATE_NORMAL
        return list(g.keep_state_defaults or ()), True
    return o.keep_options, False


_COUNTS = {
    "max-src-states": ("max_src_states", P.PFRULE_SRCTRACK),
    "max-src-conn": ("max_src_conn", P.PFRULE_SRCTRACK | P.PFRULE_RULESRCTRACK),
    "max-src-nodes": ("max_src_nodes", P.PFRULE_SRCTRACK | P.PFRULE_RULESRCTRACK),
}
_FLAGS = {
    "no-sync": (P.PFRULE_NOSYNC, "state option 'sync' multiple definitions"),
    "sloppy": (P.PFRULE_STATESLOPPY, "state sloppy option: multiple definitions"),
    "pflow": (P.PFRULE_PFLOW, "state pflow option: multiple definitions"),
    "allow-related": (P.PFRULE_ALLOW_RELATED, "state allow-related option: multiple definitions"),
}


def state_options(g: NatGrammar, r: Rule, o: FilterOpts, options: list[StateOpt]) -> None:
    """What a state is kept with."""
    timeout = list(r.timeout)
    seen: set[str] = set()
    adaptive = False
    srctrack = 0
    for opt in options:
        if opt.kind == "timeout":
            adaptive |= opt.value in (P.PFTM_ADAPTIVE_START, P.PFTM_ADAPTIVE_END)
            if timeout[opt.value]:
                g.fail(f"state timeout {opt.name} multiple definitions")
            timeout[opt.value] = opt.second
        elif opt.kind == "source-track":
            if srctrack:
                g.fail("state option 'source-track' multiple definitions")
            srctrack = opt.value
            r.rule_flag |= P.PFRULE_SRCTRACK
        elif opt.kind == "statelock":
            if "statelock" in seen:
                g.fail("state locking option: multiple definitions")
            r.rule_flag |= opt.value
        else:
            _state_option(g, r, opt)
        seen.add(opt.kind)
    if not r.action and not r.flags and not r.flagset and not o.fragment and "flags" not in o.marker and r.keep_state:
        r.flags, r.flagset = parse_flags("S"), parse_flags("SA")
    if not adaptive and r.max_states:
        timeout[P.PFTM_ADAPTIVE_START] = r.max_states // 10 * 6
        timeout[P.PFTM_ADAPTIVE_END] = r.max_states // 10 * 12
    if r.rule_flag & P.PFRULE_SRCTRACK:
        _source_tracking(g, r, srctrack, timeout)
    r.timeout = tuple(timeout)


def _state_option(g: NatGrammar, r: Rule, opt: StateOpt) -> None:
    if opt.kind in _FLAGS:
        flag, text = _FLAGS[opt.kind]
        if r.rule_flag & flag:
            g.fail(text)
        r.rule_flag |= flag
    elif opt.kind == "max":
        if r.max_states:
            g.fail("state option 'max' multiple definitions")
        r.max_states = opt.value
    elif opt.kind == "max-src-conn-rate":
        if r.max_src_conn_rate[0]:
            g.fail("state option 'max-src-conn-rate' multiple definitions")
        if not opt.value or not opt.second:
            g.fail("'max-src-conn-rate' values must be > 0")
        if opt.value > P.PF_THRESHOLD_MAX:
            g.fail(f"'max-src-conn-rate' maximum rate must be < {P.PF_THRESHOLD_MAX}")
        r.max_src_conn_rate = (opt.value, opt.second)
        r.rule_flag |= P.PFRULE_SRCTRACK | P.PFRULE_RULESRCTRACK
    elif opt.kind == "overload":
        if r.overload_tblname:
            g.fail("multiple 'overload' table definitions")
        r.overload_tblname, r.flush = opt.name, opt.value
    else:
        attr, flags = _COUNTS[opt.kind]
        if getattr(r, attr):
            g.fail(f"state option '{opt.kind}' multiple definitions")
        if not opt.value:
            g.fail(f"'{opt.kind}' must be > 0")
        setattr(r, attr, opt.value)
        r.rule_flag |= flags


def _source_tracking(g: NatGrammar, r: Rule, srctrack: int, timeout: list[int]) -> None:
    if srctrack == SRCTRACK_GLOBAL:
        for word, value in (
            ("max-src-nodes", r.max_src_nodes), ("max-src-conn", r.max_src_conn), ("max-src-conn-rate", r.max_src_conn_rate[1]),
        ):  # fmt: skip
            if value:
                g.fail(f"'{word}' is incompatible with 'source-track global'")
    timeout[P.PFTM_SRC_NODE] = max(timeout[P.PFTM_SRC_NODE], r.max_src_conn_rate[1])
    if srctrack == SRCTRACK_RULE:
        r.rule_flag |= P.PFRULE_RULESRCTRACK
