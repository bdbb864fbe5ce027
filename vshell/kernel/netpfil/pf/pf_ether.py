"""Ethernet rules (pf_test_eth_rule of netpfil/pf/pf.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi import pf as P
from vshell.kernel.net.pfil import PFIL_CONSUMED, PFIL_DROPPED, PFIL_PASS
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netpfil.pf.pf_if import kif_match
from vshell.kernel.netpfil.pf.pf_match import mismatch
from vshell.wire.ether import ETHERTYPE_IP, ETHERTYPE_IPV6

if TYPE_CHECKING:
    from vshell.abi.pf import PfEthAddr
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.netpfil.pf.pf_ioctl import Pf
    from vshell.kernel.netpfil.pf.pf_ruleset import EthKrule, EthRuleset


class Frame:
    """One frame, with what mismatch() wants to know of a packet."""

    def __init__(self, pf: Pf, m: Mbuf, ifp: Ifnet, direction: int) -> None:
        data, off = m.data, m.off
        self.pf, self.m, self.ifp, self.dir = pf, m, ifp, direction
        self.mac_dst, self.mac_src = bytes(data[off : off + 6]), bytes(data[off + 6 : off + 12])
        self.proto = data[off + 12] << 8 | data[off + 13]
        self.src = self.dst = b""
        if self.proto == ETHERTYPE_IP and len(m) >= 34:
            self.src, self.dst = bytes(data[off + 26 : off + 30]), bytes(data[off + 30 : off + 34])
        elif self.proto == ETHERTYPE_IPV6 and len(m) >= 54:
            self.src, self.dst = bytes(data[off + 22 : off + 38]), bytes(data[off + 38 : off + 54])
        self.tag: str = (m.tags or {}).get("pf_tag", "")
        self.newtag = ""
        self.rm: EthKrule | None = None

    def match(self, ruleset: EthRuleset, depth: int = 0) -> bool:
        """The last rule that matches is in `rm`; True if a quick one ended it."""
        for rule in ruleset.half.active:
            rule.evaluations += 1
            if not self._matches(rule):
                continue
            r = rule.rule
            self.newtag = r.tagname or self.newtag
            if rule.anchor is None:
                self.rm = rule
                if r.quick:
                    return True
                continue
            before = self.rm
            inner = sorted(rule.anchor.children.items()) if rule.anchor_wildcard else [("", rule.anchor)]
            for _, anchor in inner:
                if depth < 32 and self.match(anchor.ruleset, depth + 1):
                    return True
            if r.quick and self.rm is not before:
                return True
        return False

    def _matches(self, rule: EthKrule) -> bool:
        r = rule.rule
        if r.ifname and kif_match(r.ifname, self.ifp) == r.ifnot:
            return False
        if (r.direction and r.direction != self.dir) or (r.proto and r.proto != self.proto):
            return False
        if not (_mac(self.mac_src, r.src) and _mac(self.mac_dst, r.dst)):
            return False
        packet: Any = self
        if self.src and (mismatch(packet, rule.ipsrc, self.src, True) or mismatch(packet, rule.ipdst, self.dst, False)):
            return False
        return not (r.match_tagname and ((self.newtag or self.tag) == r.match_tagname) == r.match_tag_not)


def _mac(addr: bytes, wanted: PfEthAddr) -> bool:
    """pf_match_eth_addr."""
    if not wanted.isset:
        return True
    same = all((a ^ b) & mask == 0 for a, b, mask in zip(addr, wanted.addr, wanted.mask, strict=True))
    return same != wanted.neg


class EtherFilter:
    """The hook at the link level."""

    def __init__(self, pf: Pf) -> None:
        self.pf = pf
        self.why = ""

    def check(self, m: Mbuf, ifp: Ifnet | None, direction: int, inp: Any) -> int:
        """pf_eth_check_in, pf_eth_check_out."""
        if ifp is None:
            return PFIL_PASS
        tags = m.tags or {}
        if "pf_dummynet" in tags:
            m.tags = {k: v for k, v in tags.items() if k != "pf_dummynet"}
            return PFIL_PASS
        frame = Frame(self.pf, m, ifp, direction)
        frame.match(self.pf.eth_main)
        rule = frame.rm
        if rule is None:
            return PFIL_PASS
        rule.packets += 1
        rule.bytes += len(m)
        rule.last_active = self.pf.vnet.kernel.clock.realtime() // 1_000_000_000
        if rule.rule.action == P.PF_DROP:
            self.why = f"denied by pf ether rule {rule.rule.nr}, {'in' if direction == P.PF_IN else 'out'}"
            return PFIL_DROPPED
        if frame.newtag:
            m.tags = {**(m.tags or {}), "pf_tag": frame.newtag}
        verdict = self._dummynet(frame, rule) if rule.rule.dnpipe else PFIL_PASS
        return self._bridge(frame, rule.rule.bridge_to) if verdict == PFIL_PASS and rule.rule.bridge_to else verdict

    def _bridge(self, frame: Frame, name: str) -> int:
        """pf_bridge_to: out by another interface."""
        ifp = next((ifp for ifp in self.pf.vnet.ifnets if ifp.xname == name), None)
        if ifp is None:
            self.why = f"denied by pf: there is no {name} to bridge to"
            return PFIL_DROPPED
        ifp.transmit(frame.m)
        return PFIL_CONSUMED

    def _dummynet(self, frame: Frame, rule: EthKrule) -> int:
        io = self.pf.vnet[Ip].dummynet_io
        if io is None:
            self.why = "denied by pf: dummynet is not loaded"
            return PFIL_DROPPED
        from vshell.kernel.netpfil.ipfw.ip_dummynet_args import DnArgs

        m, r = frame.m, rule.rule
        six = frame.proto == ETHERTYPE_IPV6
        m.tags = {**(m.tags or {}), "pf_dummynet": True}
        flow = (six, int.from_bytes(frame.dst, "big"), int.from_bytes(frame.src, "big"), 0, 0, 0, r.dnpipe, 0)
        pipe = bool(r.dnflags & P.PFRULE_DN_IS_PIPE)
        args = DnArgs(r.dnpipe, pipe, frame.dir == P.PF_IN, frame.ifp, flow, None, layer2=True, ip6=six)
        if not io(m, args):
            return PFIL_CONSUMED
        m.tags = {k: v for k, v in m.tags.items() if k != "pf_dummynet"}
        return PFIL_PASS
