"""Rules as pf.conf(5) has them (print_rule, print_eth_rule, sbin/pfctl/pfctl_parser.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.pf import PfEthAddr, PfPool, PfRuleAddr
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.commands.pfctl.hosts import addr_text, narrow
from vshell.commands.pfctl.words import TCPFLAGS, TIMEOUT_NAMES, code_name, type_name
from vshell.userland.netdb import getprotobynumber, getservbyport

if TYPE_CHECKING:
    from vshell.abi.pf import PfEthRule, PfRule
    from vshell.userland.program import Program

ACTIONS = ("pass", "block", "scrub", "no scrub", "nat", "no nat", "binat", "no binat", "rdr", "no rdr", "", "", "match")
ANCHORS = (
    "anchor", "anchor", "anchor", "anchor", "nat-anchor", "nat-anchor", "binat-anchor", "binat-anchor", "rdr-anchor",
    "rdr-anchor",
)  # fmt: skip
OPERATORS = {
    P.PF_OP_EQ: "=", P.PF_OP_NE: "!=", P.PF_OP_LT: "<", P.PF_OP_LE: "<=", P.PF_OP_GT: ">", P.PF_OP_GE: ">=",
}  # fmt: skip
IPPROTO_TCP = 6


def op_text(op: int, a: str, b: str) -> str:
    """print_op."""
    if op == P.PF_OP_IRG:
        return f" {a} >< {b}"
    if op == P.PF_OP_XRG:
        return f" {a} <> {b}"
    if op == P.PF_OP_RRG:
        return f" {a}:{b}"
    return f" {OPERATORS[op]} {a}" if op in OPERATORS else ""


def anonymous(call: str) -> bool:
    """Is it an anchor without a name of its own?"""
    return call.rpartition("/")[2].startswith("_")


class RulePrinter:
    """print_rule: the words of one rule."""

    def __init__(self, p: Program, numeric: bool, numbers: bool) -> None:
        self.p = p
        self.numeric = numeric
        self.numbers = numbers

    def text(self, r: PfRule, call: str) -> str:
        """The whole rule without the end of the line."""
        return "".join(
            (
                self._head(r, call), self._block(r), self._where(r), self.fromto(r.src, r.dst, r.af, r.proto, r.os_fingerprint),
                self._match(r, call), self._set(r), self._keep(r, call), self._options(r), self._scrub(r), self._names(r),
                "" if call else self._target(r),
            )
        )  # fmt: skip

    def _head(self, r: PfRule, call: str) -> str:
        text = f"@{r.nr} " if self.numbers else ""
        if r.action == P.PF_MATCH:
            return text + "match"
        if r.action > P.PF_NORDR:
            return f"{text}action({r.action})"
        if call:
            return text + ANCHORS[r.action] + ("" if anonymous(call) else f' "{call}"')
        return text + ACTIONS[r.action] + (" pass" if r.natpass else "")

    def _block(self, r: PfRule) -> str:
        if r.action != P.PF_DROP:
            return ""
        if r.rule_flag & P.PFRULE_RETURN:
            return " return"
        if r.rule_flag & P.PFRULE_RETURNRST:
            return f" return-rst(ttl {r.return_ttl})" if r.return_ttl else " return-rst"
        if not r.rule_flag & P.PFRULE_RETURNICMP:
            return " drop"
        four = code_name(r.return_icmp >> 8, r.return_icmp & 255, False) or str(r.return_icmp & 255)
        six = code_name(r.return_icmp6 >> 8, r.return_icmp6 & 255, True) or str(r.return_icmp6 & 255)
        if r.af == AF_INET:
            return f" return-icmp({four})"
        return f" return-icmp6({six})" if r.af == AF_INET6 else f" return-icmp({four}, {six})"

    def _where(self, r: PfRule) -> str:
        text = {P.PF_IN: " in", P.PF_OUT: " out"}.get(r.direction, "")
        if r.log:
            text += " log"
            kinds = (("all", P.PF_LOG_ALL), ("matches", P.PF_LOG_MATCHES), ("user", P.PF_LOG_USER))
            words = [word for word, flag in kinds if r.log & flag]
            if r.logif:
                words.append(f"to pflog{r.logif}")
            if r.log & ~P.PF_LOG or r.logif:
                text += f" ({', '.join(words)})"
        text += " quick" if r.quick else ""
        if r.ifname:
            text += f" on {'! ' if r.ifnot else ''}{r.ifname}"
        if r.rt:
            words2 = {P.PF_ROUTETO: " route-to", P.PF_REPLYTO: " reply-to", P.PF_DUPTO: " dup-to"}
            text += f"{words2.get(r.rt, '')} {self.pool(r.route, 0, 0, P.PF_PASS)}"
        if r.af:
            text += " inet" if r.af == AF_INET else " inet6"
        if r.proto:
            text += f" proto {getprotobynumber(self.p, r.proto) or r.proto}"
        return text

    def fromto(self, src: PfRuleAddr, dst: PfRuleAddr, af: int, proto: int, os: str, verbose: bool | None = None) -> str:
        """print_fromto."""
        plain = PfRuleAddr()
        if not os and all(
            (a.addr.type, a.addr.addr, a.addr.mask, a.neg, a.port_op) == (P.PF_ADDR_ADDRMASK, P.ZERO, P.ZERO, plain.neg, 0)
            for a in (src, dst)
        ):
            return " all"
        text = f" from {self._side(src, af, proto, verbose)}"
        text += f' os "{os}"' if os else ""
        return f"{text} to {self._side(dst, af, proto, verbose)}"

    def _side(self, side: PfRuleAddr, af: int, proto: int, verbose: bool | None) -> str:
        text = "! " if side.neg else ""
        text += addr_text(side.addr, af, self.numbers if verbose is None else verbose)
        if not side.port_op:
            return text
        a, b = str(side.port[0]), str(side.port[1])
        if not self.numeric and side.port_op in (P.PF_OP_EQ, P.PF_OP_NE):
            a = getservbyport(self.p, side.port[0], "tcp" if proto == IPPROTO_TCP else "udp") or a
        return f"{text} port{op_text(side.port_op, a, b)}"

    def _match(self, r: PfRule, call: str) -> str:
        text = f" {'!' if r.rcvifnot else ''}received-on {r.rcv_ifname}" if r.rcv_ifname else ""
        for word, (a, b, op) in (("user", r.uid), ("group", r.gid)):
            if op:
                text += f" {word}{op_text(op, str(a & 0xFFFFFFFF), str(b & 0xFFFFFFFF))}"
        if r.flags or r.flagset:
            text += f" flags {flags_text(r.flags)}/{flags_text(r.flagset)}"
        elif (
            r.action in (P.PF_PASS, P.PF_MATCH) and r.proto in (0, IPPROTO_TCP) and not r.rule_flag & P.PFRULE_FRAGMENT
            and not call and r.keep_state
        ):  # fmt: skip
            text += " flags any"
        if r.type:
            inet6 = r.af == AF_INET6
            text += f" {'icmp6' if inet6 else 'icmp'}-type {type_name(r.type - 1, inet6) or r.type - 1}"
            if r.code:
                text += f" code {code_name(r.type - 1, r.code - 1, inet6) or r.code - 1}"
        text += f" tos 0x{r.tos:02x}" if r.tos else ""
        if r.prio:
            text += f" prio {0 if r.prio == P.PF_PRIO_ZERO else r.prio}"
        if r.pktrate[0]:
            text += f" max-pkt-rate {r.pktrate[0]}/{r.pktrate[1]}"
        return text + (f" max-pkt-size {r.max_pkt_size}" if r.max_pkt_size else "")

    def _set(self, r: PfRule) -> str:
        if not r.scrub_flags & P.PFSTATE_SETMASK:
            return ""
        words = []
        if r.scrub_flags & P.PFSTATE_SETPRIO:
            a, b = r.set_prio
            words.append(f" prio {a}" if a == b else f" prio({a}, {b})")
        if r.scrub_flags & P.PFSTATE_SETTOS:
            words.append(f" tos 0x{r.set_tos:02x}")
        return f" set ({','.join(words)} )"

    def _keep(self, r: PfRule, call: str) -> str:
        if not r.keep_state and r.action == P.PF_PASS and not call:
            text = " no state"
        else:
            words = {P.PF_STATE_NORMAL: "keep", P.PF_STATE_MODULATE: "modulate", P.PF_STATE_SYNPROXY: "synproxy"}
            text = f" {words[r.keep_state]} state" if r.keep_state in words else ""
        if r.prob:
            text += f" probability {f'{r.prob * 100.0 / 4294967296.0:f}'.rstrip('0').rstrip('.')}%"
        return text

    def _options(self, r: PfRule) -> str:
        """The options of a state in parentheses."""
        flag = r.rule_flag
        words = []
        if r.max_states:
            words.append(f"max {r.max_states}")
        if flag & P.PFRULE_NOSYNC:
            words.append("no-sync")
        if flag & P.PFRULE_SRCTRACK:
            words.append(f"source-track {'rule' if flag & P.PFRULE_RULESRCTRACK else 'global'}")
        if r.max_src_states:
            words.append(f"max-src-states {r.max_src_states}")
        if r.max_src_conn:
            words.append(f"max-src-conn {r.max_src_conn}")
        if r.max_src_conn_rate[0]:
            words.append(f"max-src-conn-rate {r.max_src_conn_rate[0]}/{r.max_src_conn_rate[1]}")
        if r.max_src_nodes:
            words.append(f"max-src-nodes {r.max_src_nodes}")
        if r.overload_tblname:
            more = (" flush" if r.flush else "") + (" global" if r.flush & P.PF_FLUSH_GLOBAL else "")
            words.append(f"overload <{r.overload_tblname}>{more}")
        words += [
            word
            for word, bit in (("if-bound", P.PFRULE_IFBOUND), ("sloppy", P.PFRULE_STATESLOPPY), ("pflow", P.PFRULE_PFLOW))
            if flag & bit
        ]
        words += [f"{TIMEOUT_NAMES.get(i, 'inv.timeout')} {seconds}" for i, seconds in enumerate(r.timeout) if seconds]
        text = f" ({', '.join(words)})" if words else ""
        text += " allow-opts" if r.allow_opts else ""
        return text + (" fragment" if flag & P.PFRULE_FRAGMENT else "")

    def _scrub(self, r: PfRule) -> str:
        numbers = (f" min-ttl {r.min_ttl}" if r.min_ttl else "", f" max-mss {r.max_mss}" if r.max_mss else "")
        if r.action == P.PF_SCRUB:
            flag = r.rule_flag
            text = (" no-df" if flag & P.PFRULE_NODF else "") + (" random-id" if flag & P.PFRULE_RANDOMID else "")
            text += "".join(numbers)
            text += f" set-tos 0x{r.set_tos:02x}" if flag & P.PFRULE_SET_TOS else ""
            text += " reassemble tcp" if flag & P.PFRULE_REASSEMBLE_TCP else ""
            return f"{text} fragment {'no ' if flag & P.PFRULE_FRAGMENT_NOREASS else ''}reassemble"
        if not (r.scrub_flags & P.PFSTATE_SCRUBMASK or r.min_ttl or r.max_mss):
            return ""
        flag = r.scrub_flags
        text = (" no-df" if flag & P.PFSTATE_NODF else "") + (" random-id" if flag & P.PFSTATE_RANDOMID else "")
        text += numbers[0]
        text += f" set-tos 0x{r.set_tos:02x}" if flag & P.PFSTATE_SETTOS else ""
        text += " reassemble tcp" if flag & P.PFSTATE_SCRUB_TCP else ""
        return f" scrub({text}{numbers[1]})"

    def _names(self, r: PfRule) -> str:
        text = "".join(f' label "{label}"' for label in r.label if label)
        text += f" ridentifier {r.ridentifier}" if r.ridentifier else ""
        word = "dnpipe" if r.free_flags & P.PFRULE_DN_IS_PIPE else "dnqueue"
        if r.dnrpipe:
            text += f" {word}({r.dnpipe}, {r.dnrpipe})"
        elif r.dnpipe:
            text += f" {word} {r.dnpipe}"
        if r.qname and r.pqname:
            text += f" queue({r.qname}, {r.pqname})"
        elif r.qname:
            text += f" queue {r.qname}"
        text += f" tag {r.tagname}" if r.tagname else ""
        if r.match_tagname:
            text += f"{' !' if r.match_tag_not else ''} tagged {r.match_tagname}"
        if r.rtableid != -1:
            text += f" rtable {r.rtableid}"
        return text + (f" divert-to {r.divert_port}" if r.divert_port else "")

    def _target(self, r: PfRule) -> str:
        if r.action in (P.PF_NAT, P.PF_BINAT, P.PF_RDR):
            return f" -> {self.pool(r.rdr, *r.rdr.proxy_port, r.action)}"
        afto = r.rule_flag & P.PFRULE_AFTO
        text = ""
        if r.nat.list:
            names = {AF_INET: "inet", AF_INET6: "inet6"}
            text += f" af-to {names.get(r.naf, '? ')} from " if afto else " nat-to "
            text += self.pool(r.nat, *r.nat.proxy_port, P.PF_NAT)
        if r.rdr.list:
            text += (" to " if afto else " rdr-to ") + self.pool(r.rdr, *r.rdr.proxy_port, P.PF_RDR)
        return text

    def pool(self, pool: PfPool, p1: int, p2: int, kind: int) -> str:
        """print_pool."""
        words = []
        for entry in pool.list:
            text = addr_text(entry.addr, entry.af, False)
            if kind in (P.PF_PASS, P.PF_MATCH):
                text = f"({entry.ifname} {text})" if any(narrow(entry.addr.addr, entry.af)) or entry.addr.name else entry.ifname
            words.append(text)
        text = ", ".join(words)
        if len(words) > 1:
            text = f"{{ {text} }}"
        if kind == P.PF_NAT:
            if (p1, p2) not in ((P.PF_NAT_PROXY_PORT_LOW, P.PF_NAT_PROXY_PORT_HIGH), (0, 0)):
                text += f" port {p1}" if p1 == p2 else f" port {p1}:{p2}"
        elif kind == P.PF_RDR and p1:
            text += f" port {p1}" + (f":{p2}" if p2 and p2 != p1 else "")
        how = pool.opts & P.PF_POOL_TYPEMASK
        if how == P.PF_POOL_SRCHASH:
            text += " source-hash 0x" + "".join(f"{word:08x}" for word in pool.key)
        else:
            text += {P.PF_POOL_BITMASK: " bitmask", P.PF_POOL_RANDOM: " random", P.PF_POOL_ROUNDROBIN: " round-robin"}.get(
                how, ""
            )
        text += " sticky-address" if pool.opts & P.PF_POOL_STICKYADDR else ""
        text += " endpoint-independent" if pool.opts & P.PF_POOL_ENDPI else ""
        text += " static-port" if kind == P.PF_NAT and not p1 and not p2 else ""
        if pool.mape[0]:
            text += " map-e-portset {}/{}/{}".format(*pool.mape)
        return text + (" prefer-ipv6-nexthop" if pool.opts & P.PF_POOL_IPV6NH else "")

    # ether -----------------------------------------------------------------------------------------------------
    def eth_text(self, r: PfEthRule, call: str) -> str:
        """print_eth_rule."""
        text = f"@{r.nr} " if self.numbers else ""
        text += "ether "
        if call:
            text += "anchor" if call.startswith("_") else f'anchor "{call}"'
        else:
            text += ACTIONS[r.action]
        text += {P.PF_IN: " in", P.PF_OUT: " out"}.get(r.direction, "") + (" quick" if r.quick else "")
        if r.ifname:
            text += f" on {'! ' if r.ifnot else ''}{r.ifname}"
        text += f" bridge-to {r.bridge_to}" if r.bridge_to else ""
        text += f" proto 0x{r.proto:04x}" if r.proto else ""
        text += f" from {eth_addr_text(r.src)}" if r.src.isset else ""
        text += f" to {eth_addr_text(r.dst)}" if r.dst.isset else ""
        text += " l3" + self.fromto(r.ipsrc, r.ipdst, AF_INET if r.proto == 0x0800 else AF_INET6, 0, "", False)
        text += "".join(f' label "{label}"' for label in r.label if label)
        text += f" ridentifier {r.ridentifier}" if r.ridentifier else ""
        text += f" queue {r.qname}" if r.qname else ""
        text += f" tag {r.tagname}" if r.tagname else ""
        if r.match_tagname:
            text += f"{' !' if r.match_tag_not else ''} tagged {r.match_tagname}"
        if r.dnpipe:
            text += f" {'dnpipe' if r.dnflags & P.PFRULE_DN_IS_PIPE else 'dnqueue'} {r.dnpipe}"
        return text


def flags_text(flags: int) -> str:
    """print_flags."""
    return "".join(letter for i, letter in enumerate(TCPFLAGS) if flags & 1 << i)


def eth_addr_text(a: PfEthAddr) -> str:
    """print_eth_addr: with a length if the mask is one, or the mask."""
    if not any(a.addr):
        return ""
    text = ("! " if a.neg else "") + a.addr.hex(":")
    mask = int.from_bytes(a.mask, "little")
    length = (~mask & (mask + 1)).bit_length() - 1
    if mask == (1 << 48) - 1:
        return text
    if mask == (1 << length) - 1:
        return f"{text}/{length}"
    return f"{text}&{a.mask.hex(':')}"


def expand_label(p: Program, text: str, r: PfRule) -> str:
    """expand_label: $if, $srcaddr, $dstaddr, $srcport, $dstport, $proto and $nr."""
    if "$" not in text:
        return text
    text = text.replace("$if", r.ifname or "any")
    for word, side in (("$srcaddr", r.src), ("$dstaddr", r.dst)):
        if word in text:
            text = text.replace(word, ("! " if side.neg else "") + _label_addr(side, r.af))
    for word, side in (("$srcport", r.src), ("$dstport", r.dst)):
        text = text.replace(word, _label_port(side))
    return text.replace("$proto", getprotobynumber(p, r.proto) or str(r.proto)).replace("$nr", str(r.nr))


def _label_addr(side: PfRuleAddr, af: int) -> str:
    addr = side.addr
    if addr.type == P.PF_ADDR_DYNIFTL:
        return f"({addr.name})"
    if addr.type == P.PF_ADDR_RANGE:
        return "?"
    if addr.type == P.PF_ADDR_ADDRMASK and (not af or not (any(narrow(addr.addr, af)) or any(narrow(addr.mask, af)))):
        return "any"
    return addr_text(addr, af, False)


def _label_port(side: PfRuleAddr) -> str:
    a, b = side.port
    if side.port_op in (P.PF_OP_IRG, P.PF_OP_XRG):
        return f"{a}{'><' if side.port_op == P.PF_OP_IRG else '<>'}{b}"
    if side.port_op == P.PF_OP_EQ:
        return str(a)
    return f"{OPERATORS[side.port_op]}{a}" if side.port_op in OPERATORS else ""
