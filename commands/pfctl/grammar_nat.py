"""nat, rdr and binat rules, and the parts of ether rules (sbin/pfctl/parse.y)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.pf import PfEthAddr, PfPool, PfPoolAddr, PfRuleAddr
from vshell.abi.record import replace
from vshell.commands.pfctl.config import Rule
from vshell.commands.pfctl.expand import Expander, Lists
from vshell.commands.pfctl.grammar import LogQuick, Recover
from vshell.commands.pfctl.grammar_hosts import FromTo, Redirspec, remove_invalid_hosts
from vshell.commands.pfctl.grammar_set import STATE_NAT, SetGrammar
from vshell.commands.pfctl.hosts import Host, check_netmask, gen_dynnode
from vshell.commands.pfctl.lexer import ARROW, NUMBER

if TYPE_CHECKING:
    from vshell.commands.pfctl.config import EthRule

MAC = re.compile(":".join(["([0-9a-fA-F]{1,2})"] * 6))


class NatGrammar(SetGrammar):
    """Translation in the old form."""

    def tag_name(self, name: str) -> str:
        """A tag that is not too long."""
        if len(name) >= P.PF_TAG_NAME_SIZE:
            self.fail(f"tag too long, max {P.PF_TAG_NAME_SIZE - 1} chars")
        return name

    def rule_label(self, labels: list[str]) -> tuple[str, ...]:
        """rule_label."""
        if any(len(label) >= P.PF_RULE_LABEL_SIZE for label in labels):
            self.fail(f"rule label too long (max {P.PF_RULE_LABEL_SIZE - 1} chars)")
        return tuple(labels)

    def translation(self, r: Rule, spec: Redirspec) -> None:
        """Where packets are translated to has the family of the rule, or gives it one."""
        if not r.af and spec.host and not spec.host[0].ifindex:
            r.af = spec.host[0].af
        spec.host, r.af = remove_invalid_hosts(spec.host, r.af)
        if self.invalid_redirect(spec.host, r.af):
            raise Recover
        if spec.host[0].addr.type == P.PF_ADDR_DYNIFTL:
            spec.host = [gen_dynnode(spec.host[0], r.af)]
        if check_netmask(self.ctx, spec.host, r.af):
            raise Recover

    def _natpasslog(self) -> tuple[bool, LogQuick]:
        log = LogQuick()
        passing = bool(self.accept("pass"))
        if self.peek() == "log":
            self.log(log)
        return passing, log

    def _tagged(self) -> tuple[str, bool]:
        neg = self.neg()
        if not self.accept("tagged"):
            if neg:
                self.syntax_error()
            return "", False
        return self.string(), neg

    def natrule(self, no: bool = False) -> None:
        """nat and rdr."""
        word = self.next()
        passing, log = self._natpasslog()
        if no and passing:
            self.fail('"pass" not valid with "no"')
        interfaces = self.interface()
        af = self.af()
        protos = self.proto()
        fromto = self.fromto()
        tag = self.string_token() if self.accept("tag") else ""
        match_tag, match_not = self._tagged()
        rtable = self.rtable_number() if self.accept("rtable") else -1
        spec = self.port_redirspec() if self.accept(ARROW) else None
        if self.peek() != "\n":
            self.syntax_error()
        self.check_rulestate(STATE_NAT)
        kinds = {("nat", False): P.PF_NAT, ("nat", True): P.PF_NONAT, ("rdr", False): P.PF_RDR, ("rdr", True): P.PF_NORDR}
        r = Rule(action=kinds[word, no], natpass=int(passing), log=log.log, logif=log.logif, af=af)
        if not r.af:
            for hosts in (fromto.src, fromto.dst):
                if hosts and hosts[0].af and not hosts[0].ifindex:
                    r.af = hosts[0].af
                    break
        r.tagname, r.match_tagname = self.tag_name(tag), self.tag_name(match_tag)
        r.match_tag_not, r.rtableid = match_not, rtable
        if no:
            if spec is not None:
                self.fail("translation rule with 'no' does not need '->'")
        else:
            if spec is None or not spec.host:
                self.fail("translation rule requires '-> address'")
            if spec.pool_opts.opts & P.PF_POOL_IPV6NH:
                self.fail("The prefer-ipv6-nexthop option can't be used for nat/rdr/binat pools")
            self.translation(r, spec)
        lists = Lists()
        lists.interfaces, lists.protos, lists.src_os, lists.rdr = interfaces, protos, fromto.src_os, spec
        lists.src, lists.dst, lists.src_port, lists.dst_port = fromto.src, fromto.dst, fromto.src_port, fromto.dst_port
        Expander(self, r, lists, "").run()

    # binat -----------------------------------------------------------------------------------------------------
    def binatrule(self, no: bool = False) -> None:
        """binat."""
        self.next()
        passing, log = self._natpasslog()
        interfaces = self.interface()
        af = self.af()
        protos = self.proto()
        self.expect("from")
        src = self.ipspec()
        dst = self.ipspec() if self.accept("to") else []
        tag = self.string_token() if self.accept("tag") else ""
        match_tag, match_not = self._tagged()
        rtable = self.rtable_number() if self.accept("rtable") else -1
        spec: Redirspec | None = None
        if self.accept(ARROW):
            spec = Redirspec(self.host())
            if self.accept("port"):
                spec.rport = self.parseport(self.numberstring(), ranges=True, star=True)
        if self.peek() != "\n":
            self.syntax_error()
        self.check_rulestate(STATE_NAT)
        self.disallow_urpf_failed(dst, '"urpf-failed" is not permitted as a binat destination')
        if no and passing:
            self.fail('"pass" not valid with "no"')
        r = Rule(action=P.PF_NOBINAT if no else P.PF_BINAT, natpass=int(passing), log=log.log, logif=log.logif, af=af)
        for hosts in (src, dst, spec.host if spec is not None else []):
            if not r.af and hosts:
                r.af = hosts[0].af
        if not r.af:
            self.fail("address family (inet/inet6) undefined")
        if interfaces:
            r.ifname, r.ifnot = interfaces[0].ifname, interfaces[0].neg
        r.tagname, r.match_tagname = self.tag_name(tag), self.tag_name(match_tag)
        r.match_tag_not, r.rtableid = match_not, rtable
        if protos:
            r.proto = protos[0]
        self._binat_sides(r, src, dst, spec)
        self._binat_target(r, spec, no)
        self.pf.append_rule(r, "")

    def _binat_sides(self, r: Rule, src: list[Host], dst: list[Host], spec: Redirspec | None) -> None:
        target = spec.host if spec is not None else []
        if (
            self.disallow_table(src, "invalid use of table <%s> as the source address of a binat rule")
            or self.disallow_alias(src, "invalid use of interface (%s) as the source address of a binat rule")
            or self.disallow_table(target, "invalid use of table <%s> as the redirect address of a binat rule")
            or self.disallow_alias(target, "invalid use of interface (%s) as the redirect address of a binat rule")
        ):
            raise Recover
        if src:
            r.src = PfRuleAddr(self._binat_side(r, src, True).addr)
        if dst:
            host = self._binat_side(r, dst, False)
            r.dst = PfRuleAddr(host.addr, neg=host.neg)

    def _binat_side(self, r: Rule, hosts: list[Host], source: bool) -> Host:
        if len(hosts) > 1:
            self.fail("multiple binat ip addresses")
        host = hosts[0]
        dynamic = host.addr.type == P.PF_ADDR_DYNIFTL
        if dynamic and source:
            host.af = r.af
        if host.af != r.af and (source or host.af):
            self.fail("binat ip versions must match")
        if dynamic:
            host = gen_dynnode(host, r.af)
        if check_netmask(self.ctx, [host], r.af):
            raise Recover
        return host

    def _binat_target(self, r: Rule, spec: Redirspec | None, no: bool) -> None:
        if no:
            if spec is not None:
                self.fail("'no binat' rule does not need '->'")
            return
        if spec is None or not spec.host:
            self.fail("'binat' rule requires '-> address'")
        spec.host, r.af = remove_invalid_hosts(spec.host, r.af)
        if self.invalid_redirect(spec.host, r.af):
            raise Recover
        if len(spec.host) > 1:
            self.fail("binat rule must redirect to a single address")
        host = spec.host[0]
        if host.addr.type == P.PF_ADDR_DYNIFTL:
            host = gen_dynnode(host, r.af)
        if check_netmask(self.ctx, [host], r.af):
            raise Recover
        size = 4 if r.af == 2 else 16
        mask = r.src.addr.mask[:size]
        if any(mask) and mask != host.addr.mask[:size]:
            self.fail("'binat' source mask and redirect mask must be the same")
        r.rdr = replace(PfPool(), list=(PfPoolAddr(host.addr, "", host.af),))

    # ether -----------------------------------------------------------------------------------------------------
    def etherproto(self) -> list[int]:
        """proto NUMBER."""
        if not self.accept("proto"):
            return []
        return self.one_or_braces(self._etherproto_item)

    def _etherproto_item(self) -> int:
        if self.peek() == NUMBER:
            number = self.number_token()
            if not 0 <= number <= 65565:
                self.fail("protocol outside range")
        else:
            text = self.string_token()
            found = re.match("0x([0-9a-fA-F]{1,4})", text)
            if found is None:
                if text.startswith("0x"):
                    self.fail("invalid EtherType hex")
                self.yyerror("Symbolic EtherType not yet supported")
                return 1
            number = int(found[1], 16)
        if not number & 0xFFFF:
            self.fail("proto 0 cannot be used")
        return number & 0xFFFF

    def etherfromto(self) -> tuple[list[PfEthAddr], list[PfEthAddr]]:
        """all, or from and to."""
        if self.accept("all"):
            return [], []
        src = self._macspec() if self.accept("from") else []
        return src, self._macspec() if self.accept("to") else []

    def _macspec(self) -> list[PfEthAddr]:
        return self.one_or_braces(self._xmac)

    def _xmac(self) -> PfEthAddr:
        neg = self.neg()
        text = self.string()
        mask = b"\xff" * 6
        if self.accept("/"):
            bits = self.number_token()
            if not 0 <= bits <= 48:
                self.fail("invalid MAC mask length")
            mask = ((1 << bits) - 1).to_bytes(6, "little")
        elif "&" in text:
            text, _, second = text.partition("&")
            addr = self._mac(text)
            found = MAC.match(second)
            if found is None:
                self.fail("invalid MAC mask")
            return PfEthAddr(addr, bytes(int(part, 16) for part in found.groups()), neg, True)
        return PfEthAddr(self._mac(text), mask, neg, True)

    def _mac(self, text: str) -> bytes:
        found = MAC.match(text)
        if found is None:
            self.fail("invalid MAC address")
        return bytes(int(part, 16) for part in found.groups())

    def l3fromto(self) -> FromTo:
        """l3 from ... to ..."""
        if not self.accept("l3"):
            return FromTo()
        found = self.fromto()
        for word, hosts in (("from", found.src), ("to", found.dst)):
            if hosts and hosts[0].addr.type not in (P.PF_ADDR_ADDRMASK, P.PF_ADDR_TABLE):
                self.fail(f"{word} must be an address or table")
        return found

    def etherfilter_opts(self, r: EthRule) -> None:
        """Options of an ether rule."""
        labels: list[str] = []
        while word := self.accept("queue", "ridentifier", "label", "tag", "dnpipe", "dnqueue", "tagged", "!"):
            if word == "queue":
                paren = self.accept("(")
                name = self.string_token()
                if paren:
                    self.expect(")")
                if r.qname:
                    self.fail("queue cannot be redefined")
                r.qname = name
            elif word == "ridentifier":
                r.ridentifier = self.number()
            elif word == "label":
                self.add_label(labels)
            elif word == "tag":
                r.tagname = self.string()
            elif word in ("dnpipe", "dnqueue"):
                r.dnpipe = self.number()
                r.dnflags |= P.PFRULE_DN_IS_PIPE if word == "dnpipe" else P.PFRULE_DN_IS_QUEUE
            else:
                if word == "!":
                    self.expect("tagged")
                r.match_tagname, r.match_tag_not = self.string(), word == "!"
        r.label = tuple(labels)
