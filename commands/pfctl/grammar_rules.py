"""The rules of pf.conf(5), and the file as a whole (sbin/pfctl/parse.y)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.pf import PfAddr
from vshell.abi.sockio import IFF_LOOPBACK
from vshell.commands.pfctl.config import EthRule, Rule
from vshell.commands.pfctl.expand import Expander, Lists, expand_eth_rule
from vshell.commands.pfctl.grammar import If, Recover, atoul
from vshell.commands.pfctl.grammar_altq import AltqGrammar
from vshell.commands.pfctl.grammar_anchors import anchor_call, open_brace
from vshell.commands.pfctl.grammar_hosts import FromTo, decide_address_family, remove_invalid_hosts
from vshell.commands.pfctl.grammar_nat import NatGrammar
from vshell.commands.pfctl.grammar_opts import FilterOpts
from vshell.commands.pfctl.grammar_set import STATE_ETHER, STATE_FILTER, STATE_NAT, STATE_SCRUB
from vshell.commands.pfctl.hosts import Host, mask16
from vshell.commands.pfctl.lexer import EOF, NUMBER
from vshell.commands.pfctl.rule_options import default_state, filteropts_to_rule, state_options
from vshell.commands.pfctl.words import code_number

if TYPE_CHECKING:
    from vshell.commands.pfctl.grammar_hosts import Redirspec

IPPROTO_TCP = 6
RETURNICMP = 3 << 8 | 3
RETURNICMP6 = 1 << 8 | 4
Action = tuple[int, int, int, int]
"""Action, PFRULE_*, and two numbers: a TTL or what ICMP tells."""


class RuleGrammar(AltqGrammar, NatGrammar):
    """Statements."""

    def parse(self, name: str) -> bool:
        """parse_config; False if there were errors."""
        if not self.lex.pushfile(name):
            self.p.warnx("cannot open the main config file!: No such file or directory")
            return False
        while True:
            try:
                if self.peek() == EOF:
                    break
                if not self.accept("\n"):
                    self.statement()
                    self.expect("\n")
            except Recover:
                if not self.recover():
                    # What was read is thrown away.
                    self.lex.files[-1].errors += 1
                    break
        while len(self.lex.files) > 1:
            self.lex.popfile()
        return not self.lex.file.errors

    def statement(self) -> None:
        """One line, or one with lines in braces."""
        token = self.peek()
        handler = _STATEMENTS.get(token)
        if token == "no":
            self.next()
            self._no()
        elif handler is not None:
            handler(self)
        else:
            self.syntax_error()

    def _no(self) -> None:
        if self.peek() == "scrub":
            self._scrubrule(True)
        elif self.peek() in ("nat", "rdr"):
            self.natrule(True)
        elif self.peek() == "binat":
            self.binatrule(True)
        else:
            self.syntax_error()

    # filter rules ----------------------------------------------------------------------------------------------
    def action(self) -> Action:
        """pass, match or block."""
        word = self.next()
        if word == "pass":
            return P.PF_PASS, self.failpolicy, RETURNICMP, RETURNICMP6
        if word == "match":
            return P.PF_MATCH, 0, 0, 0
        how = self.accept("drop", "return-rst", "return-icmp", "return-icmp6", "return")
        if not how:
            return P.PF_DROP, self.blockpolicy, RETURNICMP, RETURNICMP6
        if how == "drop":
            return P.PF_DROP, P.PFRULE_DROP, 0, 0
        if how == "return":
            return P.PF_DROP, P.PFRULE_RETURN, RETURNICMP, RETURNICMP6
        if how == "return-rst":
            ttl = 0
            if self.accept("("):
                self.expect("ttl")
                ttl = self.number_token()
                self.expect(")")
                if not 0 <= ttl <= 255:
                    self.fail(f"illegal ttl value {ttl}")
            return P.PF_DROP, P.PFRULE_RETURNRST, ttl, 0
        icmp, icmp6 = RETURNICMP, RETURNICMP6
        if self.accept("("):
            if how == "return-icmp":
                icmp, icmp6 = self._reticmpspec(False), RETURNICMP
                if self.peek() != ")":
                    self.accept(",")
                    icmp6 = self._reticmpspec(True)
            else:
                icmp6 = self._reticmpspec(True)
            self.expect(")")
        return P.PF_DROP, P.PFRULE_RETURNICMP, icmp, icmp6

    def _reticmpspec(self, inet6: bool) -> int:
        kind = (RETURNICMP6 if inet6 else RETURNICMP) >> 8
        if self.peek() == NUMBER:
            code: int | None = self.number_token()
            if code is not None and not 0 <= code <= 255:
                self.fail(f"invalid icmp code {code & 0xFFFFFFFFFFFFFFFF}")
            return kind << 8 | (code or 0)
        text = self.string_token()
        code = atoul(text)
        if code is None:
            code = code_number(kind, text, inet6)
            if code is None:
                self.fail(f"unknown icmp code {text}")
        if code > 255:
            self.fail(f"invalid icmp code {code}")
        return kind << 8 | code

    def _pfrule(self) -> None:
        action = self.action()
        direction = self.dir()
        logquick = self.logquick()
        interfaces = self.interface()
        rt, route = self._route()
        af = self.af()
        protos = self.proto()
        fromto = self.fromto()
        opts = self.filter_opts()
        if self.peek() not in ("\n", "{"):
            self.syntax_error()
        self.check_rulestate(STATE_FILTER)
        r = Rule(action=action[0], direction=direction, af=af)
        if action[1] == P.PFRULE_RETURNRST:
            r.rule_flag |= P.PFRULE_RETURNRST
            r.return_ttl = action[2]
        elif action[1]:
            r.rule_flag |= action[1]
            r.return_icmp, r.return_icmp6 = action[2], action[3]
        r.log, r.logif, r.quick = logquick.log, logquick.logif, logquick.quick
        filteropts_to_rule(self, r, opts)
        self._check_tcp(opts, fromto, protos, "apply")
        options, _ = default_state(self, r, opts)
        state_options(self, r, opts, options)
        if r.keep_state and not any(o.kind == "statelock" for o in options):
            r.rule_flag |= self.default_statelock
        r.af = decide_address_family(fromto.dst, decide_address_family(fromto.src, r.af))
        if rt:
            self._routing(r, rt, route)
        r.divert_port = opts.divert_port
        if opts.dnpipe or opts.dnrpipe:
            r.dnpipe, r.dnrpipe = opts.dnpipe, opts.dnrpipe
            pipe = opts.free_flags & P.PFRULE_DN_IS_PIPE
            r.free_flags |= P.PFRULE_DN_IS_PIPE if pipe else P.PFRULE_DN_IS_QUEUE
        if "afto" in opts.marker and opts.nat is not None:
            r.naf = opts.nat.af
        else:
            for spec in (opts.nat, opts.rdr):
                if spec is not None:
                    self.translation(r, spec)
        lists = self._lists(interfaces, protos, fromto, opts)
        lists.nat, lists.rdr, lists.route = opts.nat, opts.rdr, route
        Expander(self, r, lists, "").run()

    def _lists(self, interfaces: list[If], protos: list[int], fromto: FromTo, opts: FilterOpts | None = None) -> Lists:
        x = Lists()
        x.interfaces, x.protos, x.src_os = interfaces, protos, fromto.src_os
        x.src, x.dst, x.src_port, x.dst_port = fromto.src, fromto.dst, fromto.src_port, fromto.dst_port
        if opts is not None:
            x.uids, x.gids, x.rcv, x.icmp = opts.uid, opts.gid, opts.rcv, opts.icmpspec
        return x

    def _check_tcp(self, opts: FilterOpts, fromto: FromTo, protos: list[int], verb: str) -> None:
        if not (opts.flags or opts.flagset or fromto.src_os) or not protos or IPPROTO_TCP in protos:
            return
        if opts.flags or opts.flagset:
            self.yyerror("flags only apply to tcp")
        if fromto.src_os:
            self.yyerror(f"OS fingerprinting only {verb} to tcp")
        raise Recover

    def _route(self) -> tuple[int, Redirspec | None]:
        word = self.accept("fastroute", "route-to", "reply-to", "dup-to")
        if word in ("", "fastroute"):
            return P.PF_NOPFROUTE, None
        kind = {"route-to": P.PF_ROUTETO, "reply-to": P.PF_REPLYTO, "dup-to": P.PF_DUPTO}[word]
        return kind, self.route_redirspec()

    def _routing(self, r: Rule, rt: int, route: Redirspec | None) -> None:
        if not r.direction:
            self.fail("direction must be explicit with rules that specify routing")
        r.rt = rt
        if route is None or route.pool_opts.opts & P.PF_POOL_IPV6NH:
            return
        r.af = decide_address_family(route.host, r.af)
        if not r.rule_flag & P.PFRULE_AFTO:
            route.host, r.af = remove_invalid_hosts(route.host, r.af)
        if not route.host:
            self.fail("no routing address with matching address family found.")

    # anchors ---------------------------------------------------------------------------------------------------
    def _anchorname(self) -> str | None:
        if self.peek() != "STRING":
            return None
        name = self.string_token()
        if not name:
            self.fail("anchor name must not be empty")
        if len(self.pf.anchor.path) + 1 + len(name) >= 1024:
            self.fail("anchor name is longer than 1023")
        if name.startswith("_") or "/_" in name:
            self.fail("anchor names beginning with '_' are reserved for internal use")
        return name

    def _anchorrule(self) -> None:
        self.next()
        name = self._anchorname()
        r = Rule()
        direction = self.dir()
        quick = self.quick()
        interfaces = self.interface()
        af = self.af()
        protos = self.proto()
        fromto = self.fromto()
        opts = self.filter_opts()
        if self.accept("{"):
            self._braces()
        if self.peek() != "\n":
            self.syntax_error()
        pf = self.pf
        self.check_rulestate(STATE_FILTER)
        call = anchor_call(self, r, name)
        r.direction, r.quick, r.af = direction, quick, af
        self._check_tcp(opts, fromto, protos, "applies")
        filteropts_to_rule(self, r, opts)
        if opts.keep:
            self.fail("cannot specify state handling on anchors")
        r.af = decide_address_family(fromto.dst, decide_address_family(fromto.src, r.af))
        Expander(self, r, self._lists(interfaces, protos, fromto, opts), call).run()
        pf.astack[pf.asd + 1] = None

    def _braces(self) -> None:
        """pfa_anchor: the rules of an inline anchor, behind the brace."""
        pf = self.pf
        open_brace(self, False)
        self.expect("\n")
        while not self.accept("}"):
            token = self.peek()
            if token == "\n":
                self.next()
                continue
            if token in ("pass", "match", "block"):
                self._pfrule()
            elif token in ("anchor", "nat-anchor", "rdr-anchor", "binat-anchor"):
                _STATEMENTS[token](self)
            elif token == "include":
                self.include()
            else:
                self.syntax_error()
            self.expect("\n")
        pf.alast = pf.anchor
        pf.asd -= 1
        pf.anchor = pf.parent

    def _xanchor(self) -> None:
        """nat-anchor, rdr-anchor, binat-anchor."""
        word = self.next()
        name = self.string()
        interfaces = self.interface()
        af = self.af()
        protos = self.proto()
        fromto = self.fromto()
        rtable = self.rtable_number() if self.accept("rtable") else -1
        if self.peek() != "\n":
            self.syntax_error()
        self.check_rulestate(STATE_NAT)
        r = Rule(af=af, rtableid=rtable)
        r.action = {"nat-anchor": P.PF_NAT, "rdr-anchor": P.PF_RDR, "binat-anchor": P.PF_BINAT}[word]
        if word == "binat-anchor":
            if protos:
                if len(protos) > 1:
                    self.fail("proto list expansion not supported in binat-anchor")
                r.proto = protos[0]
            if fromto.src or fromto.src_port or fromto.dst or fromto.dst_port:
                self.fail("fromto parameter not supported in binat-anchor")
            self.pf.append_rule(r, name)
            return
        r.af = decide_address_family(fromto.dst, decide_address_family(fromto.src, r.af))
        if word == "rdr-anchor":
            if fromto.src_port:
                self.fail("source port parameter not supported in rdr-anchor")
            if len(fromto.dst_port) > 1:
                self.fail("destination port list expansion not supported in rdr-anchor")
            if fromto.dst_port and fromto.dst_port[0][2] != P.PF_OP_EQ:
                self.fail("destination port operators not supported in rdr-anchor")
        Expander(self, r, self._lists(interfaces, protos, fromto), name).run()

    def _loadrule(self) -> None:
        self.next()
        self.expect("anchor")
        name = self._anchorname()
        self.expect("from")
        path = self.string()
        if name is None:
            self.fail("anchor name is missing")
        parent = self.pf.anchor
        self.pf.loadanchors.append((f"{parent.path}/{name}" if parent.name else name, path))

    # scrub, antispoof ------------------------------------------------------------------------------------------
    def _scrubrule(self, no: bool = False) -> None:
        self.expect("scrub")
        direction = self.dir()
        logquick = self.logquick()
        interfaces = self.interface()
        af = self.af()
        protos = self.proto()
        fromto = self.fromto()
        o = self.scrub_opts()
        if self.peek() != "\n":
            self.syntax_error()
        self.check_rulestate(STATE_SCRUB)
        r = Rule(action=P.PF_NOSCRUB if no else P.PF_SCRUB, direction=direction, log=logquick.log, logif=logquick.logif)
        if logquick.quick:
            self.fail("scrub rules do not support 'quick'")
        r.af = af
        r.rule_flag |= (P.PFRULE_NODF if o.nodf else 0) | (P.PFRULE_RANDOMID if o.randomid else 0)
        if o.reassemble_tcp:
            if direction != P.PF_INOUT:
                self.fail("reassemble tcp rules can not specify direction")
            r.rule_flag |= P.PFRULE_REASSEMBLE_TCP
        r.min_ttl, r.max_mss = o.minttl, o.maxmss
        if "settos" in o.marker:
            r.rule_flag |= P.PFRULE_SET_TOS
            r.set_tos = o.settos
        r.rule_flag |= o.fragcache
        if o.match_tag:
            r.match_tagname = self.tag_name(o.match_tag)
        r.match_tag_not, r.rtableid = o.match_tag_not, o.rtableid
        Expander(self, r, self._lists(interfaces, protos, fromto), "").run()

    def _antispoof(self) -> None:
        self.next()
        logquick = self.logquick()
        self.expect("for")
        interfaces = self.one_or_braces(self._antispoof_if)
        af = self.af()
        label: list[str] = []
        ridentifier, rtableid = 0, -1
        while word := self.accept("label", "ridentifier", "rtable"):
            if word == "label":
                self.add_label(label)
            elif word == "ridentifier":
                ridentifier = self.number()
            else:
                rtableid = self.rtable_number()
        if self.peek() != "\n":
            self.syntax_error()
        self.check_rulestate(STATE_FILTER)
        for i in interfaces:
            base = Rule(
                action=P.PF_DROP, direction=P.PF_IN, log=logquick.log, logif=logquick.logif, quick=logquick.quick, af=af,
                ridentifier=ridentifier, rtableid=rtableid,
            )  # fmt: skip
            base.label = self.rule_label(label)
            if i.dynamic:
                addr = PfAddr(P.PF_ADDR_DYNIFTL, mask=mask16(128), name=i.ifname, iflags=P.PFI_AFLAG_NETWORK)
                network = [Host(addr)]
                whole = [Host(PfAddr(P.PF_ADDR_DYNIFTL, mask=mask16(128), name=i.ifname))]
            else:
                network = self.ctx.interfaces.lookup(i.ifname, P.PFI_AFLAG_NETWORK)
                whole = self.ctx.interfaces.lookup(i.ifname, 0)
            elsewhere = If(i.ifname)
            elsewhere.neg = True
            if network:
                lists = Lists()
                lists.interfaces, lists.src = [elsewhere], network
                Expander(self, base.copy(), lists, "").run()
            if whole and not i.flags & IFF_LOOPBACK:
                lists = Lists()
                lists.src = whole
                Expander(self, base.copy(), lists, "").run()

    def _antispoof_if(self) -> If:
        if not self.accept("("):
            return self.if_item()
        found = self.if_item()
        self.expect(")")
        found.dynamic = True
        return found

    # ether rules -----------------------------------------------------------------------------------------------
    def _ether(self) -> None:
        self.next()
        if self.peek() == "anchor":
            self._etheranchor()
            return
        if self.peek() not in ("pass", "match", "block"):
            self.syntax_error()
        action = self.action()
        direction = self.dir()
        quick = self.quick()
        interfaces = self.interface()
        bridge_to = self.string_token() if self.accept("bridge-to") else ""
        protos = self.etherproto()
        macs = self.etherfromto()
        hosts = self.l3fromto()
        r = EthRule(action=action[0], direction=direction, quick=quick)
        self.etherfilter_opts(r)
        if self.peek() != "\n":
            self.syntax_error()
        self.check_rulestate(STATE_ETHER)
        r.label = self.rule_label(list(r.label))
        if r.match_tagname:
            self.tag_name(r.match_tagname)
        expand_eth_rule(self, r, interfaces, protos, macs, (hosts.src, hosts.dst), bridge_to, "")

    def _etheranchor(self) -> None:
        self.next()
        name = self._anchorname()
        r = EthRule(direction=self.dir(), quick=self.quick())
        interfaces = self.interface()
        protos = self.etherproto()
        macs = self.etherfromto()
        hosts = self.l3fromto()
        pf = self.pf
        if self.accept("{"):
            open_brace(self, True)
            self.expect("\n")
            while not self.accept("}"):
                if not self.accept("\n"):
                    if self.peek() != "ether":
                        self.syntax_error()
                    self._ether()
                    self.expect("\n")
            pf.ealast = pf.eanchor
            pf.asd -= 1
            pf.eanchor = pf.eparent
        if self.peek() != "\n":
            self.syntax_error()
        self.check_rulestate(STATE_ETHER)
        call = anchor_call(self, r, name, True)
        expand_eth_rule(self, r, interfaces, protos, macs, (hosts.src, hosts.dst), "", call)
        pf.eastack[pf.asd + 1] = None


_G = RuleGrammar
_STATEMENTS = {
    "set": _G.option, "include": _G.include, "STRING": _G.varset, "table": _G.tabledef, "pass": _G._pfrule, "match": _G._pfrule,
    "block": _G._pfrule, "anchor": _G._anchorrule, "nat-anchor": _G._xanchor, "rdr-anchor": _G._xanchor,
    "binat-anchor": _G._xanchor, "load": _G._loadrule, "scrub": _G._scrubrule, "nat": _G.natrule, "rdr": _G.natrule,
    "binat": _G.binatrule, "antispoof": _G._antispoof, "ether": _G._ether, "altq": _G.altqif, "queue": _G.queuespec,
}  # fmt: skip
