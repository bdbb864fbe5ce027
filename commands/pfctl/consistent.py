"""Rules that can be written but make no sense (rule_consistent and its kin, sbin/pfctl/parse.y)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.socket import AF_INET, AF_INET6

if TYPE_CHECKING:
    from vshell.commands.pfctl.config import Rule
    from vshell.commands.pfctl.grammar import Grammar

IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6, IPPROTO_SCTP = 1, 6, 17, 58, 132
WITH_PORTS = (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP)
ICMPS = (IPPROTO_ICMP, IPPROTO_ICMPV6)


def rule_consistent(g: Grammar, r: Rule) -> bool:
    """Everything that is wrong is told."""
    if r.action in (P.PF_PASS, P.PF_MATCH, P.PF_DROP, P.PF_SCRUB, P.PF_NOSCRUB):
        texts = _filter(r)
        if r.keep_state == P.PF_STATE_SYNPROXY and r.direction != P.PF_IN:
            texts = [*texts, ""]
    elif r.action in (P.PF_RDR, P.PF_NORDR):
        texts = _rdr(r)
    else:
        return True
    problems = 0
    for text in [t for t in texts if t is not None]:
        if text == "":
            g.ctx.note(
                f"{g.lex.file.name}:{g.lex.lineno}: warning: synproxy used for inbound rules only, ignored for outbound\n"
            )  # fmt: skip
            continue
        g.yyerror(text)
        problems += 1
    problems += _routing(g, r) if r.action not in (P.PF_RDR, P.PF_NORDR) else 0
    return not problems


def _filter(r: Rule) -> list[str]:
    """filter_consistent, as far as it comes before the warning about synproxy."""
    icmp = r.type or r.code
    ports = r.src.port_op or r.dst.port_op
    checks = (
        (r.proto not in WITH_PORTS and ports, "port only applies to tcp/udp/sctp"),
        (r.proto not in ICMPS and icmp, "icmp-type/code only applies to icmp"),
        (not r.af and icmp, "must indicate address family with icmp-type/code"),
        (r.rule_flag & P.PFRULE_AFTO and r.af == r.naf, "must indicate different address family with af-to"),
        (
            r.overload_tblname and not r.max_src_conn and not r.max_src_conn_rate[1],
            "'overload' requires 'max-src-conn' or 'max-src-conn-rate'",
        ),
        (r.proto == IPPROTO_ICMP and r.af == AF_INET6, "proto icmp doesn't match address family inet6"),
        (r.proto == IPPROTO_ICMPV6 and r.af == AF_INET, "proto icmp6 doesn't match address family inet"),
        (
            r.allow_opts and r.action not in (P.PF_PASS, P.PF_MATCH),
            "allow-opts can only be specified for pass or match rules",
        ),
        (
            r.rule_flag & P.PFRULE_FRAGMENT and (ports or r.flagset or icmp),
            "fragments can be filtered only on IP header fields",
        ),
        (r.rule_flag & P.PFRULE_RETURNRST and r.proto != IPPROTO_TCP, "return-rst can only be applied to TCP rules"),
        (r.max_src_nodes and not r.rule_flag & P.PFRULE_RULESRCTRACK, "max-src-nodes requires 'source-track rule'"),
        (r.action != P.PF_PASS and r.keep_state, "keep state is great, but only for pass rules"),
        (
            r.rule_flag & P.PFRULE_STATESLOPPY and r.keep_state in (P.PF_STATE_MODULATE, P.PF_STATE_SYNPROXY),
            "sloppy state matching cannot be used with synproxy state or modulate state",
        ),
    )
    return [text for wrong, text in checks if wrong]


def _routing(g: Grammar, r: Rule) -> int:
    """The rest of filter_consistent."""
    problems = 0

    def wrong(is_so: object, text: str) -> None:
        nonlocal problems
        if is_so:
            g.yyerror(text)
            problems += 1

    afto = r.rule_flag & P.PFRULE_AFTO
    wrong(afto and r.rt and r.rt not in (P.PF_ROUTETO, P.PF_REPLYTO), "dup-to must not be used on af-to rules")
    if r.action == P.PF_MATCH:
        wrong(r.divert_port, "divert is not supported on match rules")
        wrong(r.rt, "route-to, reply-to, dup-to and fastroute must not be used on match rules")
        wrong(afto, "af-to is not supported on match rules")
    elif r.action == P.PF_DROP:
        wrong(r.rt, "route-to, reply-to and dup-to are not supported on block rules")
    if r.nat.list or r.rdr.list:
        wrong(r.action != P.PF_MATCH and not r.keep_state, "nat-to and rdr-to require keep state")
        wrong(r.direction == P.PF_INOUT, "nat-to and rdr-to require a direction")
    if r.route.opts & P.PF_POOL_STICKYADDR and not r.keep_state:
        g.yyerror("'sticky-address' requires 'keep state'")
    return problems


def _rdr(r: Rule) -> list[str]:
    """rdr_consistent."""
    found = []
    if r.proto not in WITH_PORTS:
        if r.src.port_op:
            found.append("src port only applies to tcp/udp/sctp")
        if r.dst.port_op:
            found.append("dst port only applies to tcp/udp/sctp")
        if r.rdr.proxy_port[0]:
            found.append("rdr port only applies to tcp/udp/sctp")
    if r.dst.port_op not in (P.PF_OP_NONE, P.PF_OP_EQ, P.PF_OP_RRG):
        found.append("invalid port operator for rdr destination port")
    return found
