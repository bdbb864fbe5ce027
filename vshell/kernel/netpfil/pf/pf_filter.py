"""What happens to each packet (pf_test of netpfil/pf/pf.c, pf_check_in and the like of pf_ioctl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi import pf as P
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.kernel.net.mbuf import M_SKIP_FIREWALL
from vshell.kernel.net.pfil import PFIL_CONSUMED, PFIL_DROPPED, PFIL_PASS
from vshell.kernel.netinet.ip_icmp import icmp_error
from vshell.kernel.netpfil.pf.pf_af import translate
from vshell.kernel.netpfil.pf.pf_divert import divert, dummynet, route
from vshell.kernel.netpfil.pf.pf_icmp import test_state_icmp
from vshell.kernel.netpfil.pf.pf_log import log_packet
from vshell.kernel.netpfil.pf.pf_norm import normalize, normalize_mss, normalize_tcp, scrub
from vshell.kernel.netpfil.pf.pf_norm6 import is_reassembled, refragment6
from vshell.kernel.netpfil.pf.pf_pdesc import (
    FRAGMENT,
    ICMP,
    ICMPV6,
    RES_FRAG,
    RES_IPOPTIONS,
    RES_MATCH,
    RES_NORM,
    RES_TRANSLATE,
    TCP,
    UDP,
    Pdesc,
)
from vshell.kernel.netpfil.pf.pf_test import tag_packet, test_rule
from vshell.kernel.netpfil.pf.pf_track import test_state
from vshell.wire.icmp import ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.netpfil.pf.pf_ioctl import Pf
    from vshell.kernel.netpfil.pf.pf_ruleset import Krule, Ruleset, Side
    from vshell.kernel.netpfil.pf.pf_state import Key, State

DROP, PASS, AFRT, SYNPROXY = P.PF_DROP, P.PF_PASS, P.PF_AFRT, P.PF_SYNPROXY_DROP
OLD_NAT = (P.PF_NAT, P.PF_RDR, P.PF_BINAT)
LOOPBACK6 = bytes(15) + b"\x01"


class Filter:
    """The hooks of a stack."""

    def __init__(self, pf: Pf) -> None:
        self.pf = pf

    @property
    def why(self) -> str:
        """Of the packet dropped last."""
        return self.pf.why

    def check(self, m: Mbuf, ifp: Ifnet | None, direction: int, inp: Any) -> int:
        """pf_check_in, pf_check_out."""
        return PFIL_PASS if ifp is None else self.test(m, ifp, AF_INET, direction, inp)

    def check6(self, m: Mbuf, ifp: Ifnet | None, direction: int, inp: Any) -> int:
        """pf_check6_in, pf_check6_out."""
        return PFIL_PASS if ifp is None else self.test(m, ifp, AF_INET6, direction, inp)

    def test(self, m: Mbuf, ifp: Ifnet, af: int, direction: int, inp: Any) -> int:
        """pf_test."""
        pf = self.pf
        kif = pf.kifs.get(ifp.xname)
        if kif.flags & P.PFI_IFLAG_SKIP or m.flags & M_SKIP_FIREWALL:
            return PFIL_PASS
        looped = False
        if m.tags:
            if "pf_dummynet" in m.tags:
                m.tags = {k: v for k, v in m.tags.items() if k != "pf_dummynet"}
                return PFIL_PASS
            looped = m.tags.get("ipfw_rule") is not None
            if looped:
                m.tags = {k: v for k, v in m.tags.items() if k != "ipfw_rule"}
        pd = Pdesc(pf, m, ifp, af, direction, inp)
        one = _Packet(pd)
        one.looped = looped
        if not normalize(pd):
            if pd.kept:
                return PFIL_CONSUMED
            return one.finish(DROP, forced=True)
        if not pd.parse():
            return one.finish(DROP, forced=True)
        if direction == P.PF_OUT and m.rcvif is not None and af == AF_INET and pd.df and len(m) > ifp.mtu:
            icmp_error(pf.vnet, m, ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG, mtu=ifp.mtu)
            return PFIL_CONSUMED
        return one.finish(one.decide())


def _ends(key: Key, outgoing: bool) -> tuple[bytes, bytes]:
    """Source and destination of who began."""
    return (key[3], key[2]) if outgoing else (key[2], key[3])


class _Packet:
    """One packet, and what was decided about it."""

    def __init__(self, pd: Pdesc) -> None:
        self.pd = pd
        self.r: Krule = pd.pf.default_rule
        self.a: Krule | None = None
        self.s: State | None = None
        self.ruleset: Ruleset | None = None
        self.match_rules: list[Krule] = []
        self.looped = False

    def decide(self) -> int:
        """States, then rules."""
        pd = self.pd
        proto = pd.virtual_proto
        if proto == FRAGMENT:
            action = self._rules()
            if action != PASS:
                pd.reason = RES_FRAG
            return action
        if proto == TCP and not normalize_tcp(pd):
            return DROP
        if proto in (ICMP, ICMPV6):
            if (proto == ICMP) != (pd.af == AF_INET):
                pd.reason = RES_NORM
                return DROP
            action, state = test_state_icmp(pd)
        else:
            action, state = test_state(pd)
        self.s = state
        if action in (PASS, AFRT):
            if state is not None:
                self.r, self.a = state.rule, state.anchor
            return action
        return self._rules() if state is None else action

    def _rules(self) -> int:
        action, t, self.s = test_rule(self.pd)
        self.r, self.a, self.ruleset = t.rm, t.a, t.rsm
        self.match_rules = t.match_rules
        return action

    def finish(self, action: int, forced: bool = False) -> int:
        """What follows from it."""
        pd, s = self.pd, self.s
        forced |= bool(pd.act.log & P.PF_LOG_FORCE)
        if s is not None:
            pd.act = s.act
        if action == PASS and pd.badopts and not pd.act.allow_opts:
            action, forced = DROP, True
            pd.reason = RES_IPOPTIONS
        if pd.act.max_pkt_size and pd.tot_len > pd.act.max_pkt_size:
            action, forced = DROP, True
            pd.reason = RES_NORM
        tag = s.tag if s is not None else self.r.tagname
        if tag and action != DROP:
            tag_packet(pd, tag)
        if action != DROP:
            self._change()
            if action == PASS and self.r.divert_port and not self.looped:
                self._count(action)
                divert(pd, self.r.divert_port)
                return PFIL_CONSUMED
        if forced or pd.act.log:
            self._log(action, forced)
        self._count(action)
        return self._verdict(action)

    def _change(self) -> None:
        pd, s, m = self.pd, self.s, self.pd.m
        scrub(pd)
        if pd.proto == TCP and pd.act.max_mss and pd.virtual_proto == TCP and pd.flags & 2:
            normalize_mss(pd)
        if pd.act.rtableid >= 0:
            m.fib = pd.act.rtableid
        if pd.act.flags & P.PFSTATE_SETPRIO:
            m.tags = {**(m.tags or {}), "pcp_out": pd.act.set_prio[0]}
        redirected = s is not None and s.nat_rule is not None and s.nat_rule.action in (P.PF_RDR, P.PF_BINAT)
        if pd.dir == P.PF_IN and redirected and pd.proto in (TCP, UDP) and (pd.dst[0] == 127 or pd.dst == LOOPBACK6):
            m.flags |= M_SKIP_FIREWALL

    def _log(self, action: int, forced: bool) -> None:
        pd, s, r = self.pd, self.s, self.r
        if s is not None and s.nat_rule is not None and s.nat_rule.log & P.PF_LOG_ALL:
            r = s.nat_rule
        if forced or r.log & P.PF_LOG_ALL:
            log_packet(pd, action, pd.reason, r, self.a, self.ruleset)
        for rule in s.match_rules if s is not None else ():
            if rule.log & P.PF_LOG_ALL:
                log_packet(pd, action, pd.reason, rule, self.a, self.ruleset)

    def _verdict(self, action: int) -> int:
        pd = self.pd
        if action == SYNPROXY:
            return PFIL_CONSUMED
        if action == PASS:
            if pd.act.rt:
                return route(pd, self.s, self.r)
            verdict = dummynet(pd, self.s, self.r)
            return refragment6(pd) if verdict == PFIL_PASS and pd.m.tags and is_reassembled(pd) else verdict
        if action == AFRT:
            if translate(pd):
                return PFIL_CONSUMED
            pd.reason = RES_TRANSLATE
        self._why()
        return PFIL_DROPPED

    def _why(self) -> None:
        pd, r = self.pd, self.r
        way = "in" if pd.dir == P.PF_IN else "out"
        if pd.reason != RES_MATCH:
            text = f"denied by pf ({P.PFRES_NAMES[pd.reason]}), {way}"
        elif r is pd.pf.default_rule:
            text = f"denied by the default rule of pf, {way}"
        else:
            anchor = r.ruleset.anchor
            text = f"denied by pf rule {r.nr}{f' of anchor {anchor.path}' if anchor is not None else ''}, {way}"
        pd.pf.why = text

    # counters --------------------------------------------------------------------------------------------------
    def _count(self, action: int) -> None:
        """pf_counters_inc."""
        pd, s, r = self.pd, self.s, self.r
        passed = action in (PASS, AFRT)
        out = pd.dir == P.PF_OUT
        kif = pd.pf.kifs.get(pd.ifp.xname)
        kif.packets[pd.af == AF_INET6][out][not passed] += 1
        kif.bytes[pd.af == AF_INET6][out][not passed] += pd.tot_len
        if not passed and r.action != DROP:
            return
        op = int(r.action == PASS)
        src, dst = pd.src, pd.dst
        rules = self.match_rules
        done: Krule | None = None
        if s is not None:
            rules = s.match_rules
            reverse = pd.dir != s.direction
            if action == AFRT and s.direction == P.PF_IN:
                reverse, out = pd.naf == s.rule.af, pd.naf == s.rule.naf
            s.packets[reverse] += 1
            s.bytes[reverse] += pd.tot_len
            for node in s.sns:
                if node is not None:
                    node.packets += 1
                    node.bytes += pd.tot_len
            outgoing = s.direction == P.PF_OUT
            src, dst = _ends(s.keys[outgoing], outgoing)
            if s.nat_rule is not None and s.nat_rule.action in OLD_NAT:
                done = s.nat_rule
                self._count_rule(done, out, op, src, dst)
                src, dst = _ends(s.keys[not outgoing], outgoing)
        for rule in rules:
            self._count_rule(rule, out, op, src, dst)
        if self.a is not None:
            self._count_rule(self.a, out, op, src, dst)
        if r is not done:
            self._count_rule(r, out, op, src, dst)

    def _count_rule(self, r: Krule, out: bool, op: int, src: bytes, dst: bytes) -> None:
        """pf_rule_counters_inc."""
        pd = self.pd
        r.packets[out] += 1
        r.bytes[out] += pd.tot_len
        r.last_active = pd.pf.vnet.kernel.clock.realtime() // 1_000_000_000
        if r.src.table is not None:
            self._count_table(r.src, src, out, op)
        if r.dst.table is not None:
            self._count_table(r.dst, dst, out, op)

    def _count_table(self, side: Side, addr: bytes, out: bool, op: int) -> None:
        if side.table is not None:
            af = AF_INET if len(addr) == 4 else AF_INET6
            side.table.update_stats(af, int.from_bytes(addr, "big"), self.pd.tot_len, out, op, side.neg)
