"""Lists in rules stand for many rules (expand_rule and its kin, sbin/pfctl/parse.y)."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.pf import PfAddr, PfEthAddr, PfPool, PfPoolAddr, PfRuleAddr
from vshell.abi.record import replace
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.commands.pfctl.consistent import rule_consistent
from vshell.commands.pfctl.grammar import If, invalid_range
from vshell.commands.pfctl.grammar_hosts import PoolOpts, Redirspec, multiaddr
from vshell.commands.pfctl.hosts import Host, check_netmask, gen_dynnode
from vshell.commands.pfctl.osfp import known_fingerprint
from vshell.commands.pfctl.words import PF_OPT_VERBOSE2

if TYPE_CHECKING:
    from vshell.commands.pfctl.config import EthRule, Rule
    from vshell.commands.pfctl.grammar_hosts import HostGrammar, Port
    from vshell.commands.pfctl.grammar_set import SetGrammar

IPPROTO_TCP = 6
Id = tuple[int, int, int]
NOBODY: Id = (0, 0, 0)
DYNTYPES = (P.PF_POOL_ROUNDROBIN, P.PF_POOL_RANDOM, P.PF_POOL_SRCHASH)


class Lists:
    """What a rule is expanded over; empty lists mean any."""

    def __init__(self) -> None:
        self.interfaces: list[If] = []
        self.protos: list[int] = []
        self.icmp: list[tuple[int, int, int]] = []
        self.src: list[Host] = []
        self.dst: list[Host] = []
        self.src_port: list[Port] = []
        self.dst_port: list[Port] = []
        self.src_os: list[str] = []
        self.uids: list[Id] = []
        self.gids: list[Id] = []
        self.rcv: If | None = None
        self.nat: Redirspec | None = None
        self.rdr: Redirspec | None = None
        self.route: Redirspec | None = None


class Expander:
    """One rule on its way to many."""

    def __init__(self, g: SetGrammar, rule: Rule, lists: Lists, anchor_call: str) -> None:
        self.g, self.r, self.lists, self.anchor_call = g, rule, lists, anchor_call
        self.af = rule.af
        self.flags = (rule.flags, rule.flagset)
        self.keep_state = rule.keep_state
        self.pools = (rule.rdr, rule.nat, rule.route)
        self.direction = rule.direction
        self.added = 0
        self.errors = 0

    def run(self) -> None:
        """expand_rule: all combinations that make sense."""
        x = self.lists
        for interface, proto, icmp, src, dst, sport, dport, os, uid, gid in product(
            x.interfaces or [If("")], x.protos or [0], x.icmp or [(0, 0, 0)], x.src or [Host(PfAddr())],
            x.dst or [Host(PfAddr())], x.src_port or [(0, 0, 0)], x.dst_port or [(0, 0, 0)], x.src_os or [""],
            x.uids or [NOBODY], x.gids or [NOBODY],
        ):  # fmt: skip
            if self._matches(interface, src, dst):
                self._one(interface, proto, icmp, src, dst, sport, dport, os, uid, gid)
        if not self.added:
            self.g.yyerror("rule expands to no valid combination")

    def _matches(self, interface: If, src: Host, dst: Host) -> bool:
        """Families agree, and link-local addresses are of the interface."""
        af = self.af
        if (af and src.af and af != src.af) or (af and dst.af and af != dst.af) or (src.af and dst.af and src.af != dst.af):
            return False
        if src.ifindex and dst.ifindex and src.ifindex != dst.ifindex:
            return False
        for host in (src, dst):
            if host.ifindex and interface.ifname and host.ifindex != self.g.ctx.interfaces.index(interface.ifname):
                return False
        return True

    def _one(
        self, interface: If, proto: int, icmp: tuple[int, int, int], src: Host, dst: Host, sport: Port, dport: Port, os: str,
        uid: Id, gid: Id,
    ) -> None:  # fmt: skip
        r, g = self.r, self.g
        r.af = self.af or src.af or dst.af
        if r.rule_flag & P.PFRULE_AFTO and self.lists.nat is not None:
            r.naf = self.lists.nat.af
        names = g.ctx.interfaces
        r.ifname = (
            interface.ifname
            or (names.name(src.ifindex) if src.ifindex else "")
            or (names.name(dst.ifindex) if dst.ifindex else "")
        )
        if src.addr.type == P.PF_ADDR_DYNIFTL:
            src = gen_dynnode(src, r.af)
        if dst.addr.type == P.PF_ADDR_DYNIFTL:
            dst = gen_dynnode(dst, r.af)
        self.errors += check_netmask(g.ctx, [src], r.af)
        self.errors += check_netmask(g.ctx, [dst], r.af)
        r.ifnot, r.proto = interface.neg, proto
        r.src = PfRuleAddr(src.addr, sport[:2], src.neg, sport[2])
        r.dst = PfRuleAddr(dst.addr, dport[:2], dst.neg, dport[2])
        r.uid, r.gid = uid, gid
        if self.lists.rcv is not None:
            r.rcv_ifname, r.rcvifnot = self.lists.rcv.ifname, self.lists.rcv.neg
        r.type, r.code = icmp[1], icmp[2]
        modulated = self.keep_state in (P.PF_STATE_MODULATE, P.PF_STATE_SYNPROXY)
        r.keep_state = P.PF_STATE_NORMAL if modulated and proto not in (0, IPPROTO_TCP) else self.keep_state
        r.flags, r.flagset = self.flags if proto in (0, IPPROTO_TCP) else (0, 0)
        if icmp[0] and proto != icmp[0]:
            g.yyerror("icmp-type mismatch")
            self.errors += 1
        r.os_fingerprint = self._os(os)
        self._pools(src)
        self._append()
        nat = self.lists.nat
        if not self.errors and nat is not None and nat.binat:
            self._binat_rdr(interface, proto, icmp, dst, sport, dport, os, uid, gid, nat)
        r.rdr, r.nat, r.route = self.pools

    def _os(self, name: str) -> str:
        """The fingerprint a name stands for; one nobody knows matches nothing."""
        if not name or known_fingerprint(self.g.ctx, name):
            return name
        if self.g.ctx.opts & PF_OPT_VERBOSE2:
            self.g.ctx.note(f"warning: unknown '{name}' OS fingerprint\n")
        return "nomatch"

    def _append(self) -> None:
        r, pf = self.r, self.g.pf
        if not rule_consistent(self.g, r) or self.errors:
            self.g.yyerror("skipping rule due to errors")
            return
        r.nr = pf.parent.match
        pf.parent.match += 1
        pf.append_rule(r, self.anchor_call)
        self.added += 1

    # pools -----------------------------------------------------------------------------------------------------
    def _pools(self, src: Host) -> None:
        r, x = self.r, self.lists
        if r.action == P.PF_RDR:
            self.errors += self._rdr_ports(x.rdr) + self._redirspec("rdr", x.rdr)
            return
        if r.action == P.PF_NAT:
            self.errors += self._nat_ports("rdr", x.rdr) + self._redirspec("rdr", x.rdr)
            return
        self.errors += self._redirspec("route", x.route)
        self.errors += self._nat_ports("nat", x.nat) + self._redirspec("nat", x.nat)
        self.errors += self._rdr_ports(x.rdr) + self._redirspec("rdr", x.rdr)
        if x.nat is not None and x.nat.binat:
            self.errors += self._check_binat(src)

    def _rdr_ports(self, spec: Redirspec | None) -> int:
        """apply_rdr_ports."""
        if spec is None:
            return 0
        r = self.r
        a, b, kind = spec.rport
        if not b and kind:
            last = (a + r.dst.port[1] - r.dst.port[0]) & 0xFFFF
        else:
            if invalid_range(kind, a, b):
                self.g.yyerror("invalid rdr-to port range")
                return 1
            last = b
        r.rdr = replace(r.rdr, proxy_port=(a, last))
        if spec.pool_opts.staticport:
            self.g.yyerror("the 'static-port' option is only valid with nat rules")
            return 1
        if spec.pool_opts.mape[0]:
            self.g.yyerror("the 'map-e-portset' option is only valid with nat rules")
            return 1
        return 0

    def _nat_ports(self, which: str, spec: Redirspec | None) -> int:
        """apply_nat_ports."""
        if spec is None:
            return 0
        low, high = P.PF_NAT_PROXY_PORT_LOW, P.PF_NAT_PROXY_PORT_HIGH
        a, b, _ = spec.rport
        if not a and not b:
            a, b = low, high
        elif not b:
            b = a
        ranged = a != low and b != high
        mape = (0, 0, 0)
        if spec.pool_opts.staticport:
            if ranged:
                self.g.yyerror("the 'static-port' option can't be used when specifying a port range")
                return 1
            a = b = 0
        if spec.pool_opts.mape[0]:
            if spec.pool_opts.staticport:
                self.g.yyerror("the 'map-e-portset' option can't be used 'static-port'")
                return 1
            if ranged:
                self.g.yyerror("the 'map-e-portset' option can't be used when specifying a port range")
                return 1
            mape = spec.pool_opts.mape
        setattr(self.r, which, replace(getattr(self.r, which), proxy_port=(a, b), mape=mape))
        return 0

    def _redirspec(self, which: str, spec: Redirspec | None) -> int:
        """apply_redirspec."""
        if spec is None:
            return 0
        g: HostGrammar = self.g
        kind = spec.pool_opts.type
        first = spec.host[0].addr if spec.host else PfAddr()
        several = len(spec.host) > 1
        if kind == P.PF_POOL_NONE and (several or first.type == P.PF_ADDR_TABLE or multiaddr(first)):
            kind = P.PF_POOL_ROUNDROBIN
        if kind not in DYNTYPES and (
            g.disallow_table(spec.host, "tables are not supported by pool type")
            or g.disallow_alias(spec.host, "interface (%s) is not supported by pool type")
        ):
            return 1
        if several and kind != P.PF_POOL_ROUNDROBIN:
            g.yyerror("r.route.opts must be PF_POOL_ROUNDROBIN")
            return 1
        pool: PfPool = getattr(self.r, which)
        entries = tuple(PfPoolAddr(h.addr, h.ifname or "", h.af) for h in spec.host)
        changed = replace(
            pool, opts=kind | spec.pool_opts.opts, key=spec.pool_opts.key or pool.key, list=pool.list + entries
        )  # fmt: skip
        setattr(self.r, which, changed)
        return 0

    # binat-to --------------------------------------------------------------------------------------------------
    def _check_binat(self, src: Host) -> int:
        """check_binat_redirspec: the rule becomes the one for outgoing packets."""
        g, r = self.g, self.r
        pool = r.nat.list
        first = pool[0].addr if pool else PfAddr()
        errors = 0

        def wrong(text: str) -> int:
            g.yyerror(text)
            return 1

        if len(self.lists.src) > 1:
            errors += wrong("invalid use of table as the source address of a binat-to rule")
        if len(pool) > 1:
            errors += wrong("tables cannot be used as the redirect address of a binat-to rule")
        usable = (P.PF_ADDR_ADDRMASK, P.PF_ADDR_DYNIFTL)
        if g.disallow_table([src], "invalid use of table <%s> as the source address of a binat-to rule") or g.disallow_alias(
            [src], "invalid use of interface (%s) as the source address of a binat-to rule"
        ):
            errors += 1
        elif r.src.addr.type not in usable or first.type not in usable:
            errors += wrong("binat-to requires a specified source and redirect address")
        if multiaddr(r.src.addr) or multiaddr(first):
            errors += wrong("dynamic interfaces must be used with:0 in a binat-to rule")
        size = 4 if self.af == AF_INET else 16
        if not any(r.src.addr.mask[:size]) or not any(first.mask[:size]):
            errors += wrong("source and redir addresses must have a matching network mask in binat-rule")
        if first.type == P.PF_ADDR_TABLE:
            errors += wrong("tables cannot be used as the redirect address of a binat-to rule")
        if r.direction != P.PF_INOUT:
            errors += wrong("binat-to cannot be specified with a direction")
        r.direction = P.PF_OUT
        return errors

    def _binat_rdr(
        self, interface: If, proto: int, icmp: tuple[int, int, int], dst: Host, sport: Port, dport: Port, os: str, uid: Id,
        gid: Id, nat: Redirspec,
    ) -> None:  # fmt: skip
        """add_binat_rdr_rule: the rule for packets that come in."""
        rule = self.r.copy()
        rule.rdr = rule.nat = PfPool()
        rule.direction = P.PF_IN
        source = self.lists.src[0].copy()
        source.ifname = None
        target = Host(nat.host[0].addr)
        opts = PoolOpts()
        opts.__dict__.update(nat.pool_opts.__dict__)
        opts.staticport = False
        lists = Lists()
        lists.interfaces, lists.protos, lists.icmp = [interface], [proto], [icmp]
        lists.src, lists.src_port, lists.dst, lists.dst_port = [dst], [dport], [target], [sport]
        lists.src_os, lists.uids, lists.gids, lists.rcv = [os], [uid], [gid], self.lists.rcv
        lists.rdr = Redirspec([source], opts, nat.rport)
        Expander(self.g, rule, lists, "").run()


def expand_eth_rule(
    g: SetGrammar, r: EthRule, interfaces: list[If], protos: list[int], macs: tuple[list[PfEthAddr], list[PfEthAddr]],
    hosts: tuple[list[Host], list[Host]], bridge_to: str, anchor_call: str,
) -> None:  # fmt: skip
    """expand_eth_rule."""
    nowhere = [Host(PfAddr())]
    for interface, proto, src, dst, ipsrc, ipdst in product(
        interfaces or [If("")], protos or [0], macs[0] or [PfEthAddr()], macs[1] or [PfEthAddr()], hosts[0] or nowhere,
        hosts[1] or nowhere,
    ):  # fmt: skip
        r.ifname, r.ifnot = interface.ifname, interface.neg
        r.proto = proto or {AF_INET: 0x0800, AF_INET6: 0x86DD}.get(ipsrc.af or ipdst.af, 0)
        r.src, r.dst = src, dst
        r.ipsrc, r.ipdst = PfRuleAddr(ipsrc.addr, neg=ipsrc.neg), PfRuleAddr(ipdst.addr, neg=ipdst.neg)
        r.nr = g.pf.eparent.match
        g.pf.eparent.match += 1
        r.bridge_to = bridge_to
        g.pf.append_eth_rule(r, anchor_call)
