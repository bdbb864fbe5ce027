"""tcpdump: ARP and RARP (print-arp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, tok2str
from vshell.commands.tcpdump.print_ether import ETHERTYPES

OPS = {
    1: "Request", 2: "Reply", 3: "Reverse Request", 4: "Reverse Reply", 8: "Inverse Request", 9: "Inverse Reply",
    10: "NACK Reply",
}  # fmt: skip
HARDWARE = {
    1: "Ethernet", 6: "TokenRing", 7: "ArcNet", 15: "FrameRelay", 23: "Strip", 24: "IEEE 1394", 19: "ATM", 32: "InfiniBand",
}  # fmt: skip
ETHERTYPE_IP, ETHERTYPE_TRAIL = 0x0800, 0x1000


class Arp:
    """One packet."""

    def __init__(self, ndo: Ndo, at: int) -> None:
        self.ndo = ndo
        ndo.tcheck(at, 8)
        self.hrd, self.pro = ndo.u2(at), ndo.u2(at + 2)
        self.hln, self.pln = ndo.u1(at + 4), ndo.u1(at + 5)
        self.op = ndo.u2(at + 6)
        self.sha = at + 8
        self.spa = self.sha + self.hln
        self.tha = self.spa + self.pln
        self.tpa = self.tha + self.hln
        ndo.tcheck(self.tpa, self.pln)

    def address(self, at: int) -> str:
        """A protocol address."""
        if self.pro not in (ETHERTYPE_IP, ETHERTYPE_TRAIL):
            return "<wrong proto type>"
        return self.ndo.ipaddr(at) if self.pln == 4 else "<wrong len>"

    def hardware(self, at: int) -> str:
        """A hardware address."""
        return self.ndo.linkaddr(at, self.hln)

    def text(self) -> str | None:
        """What it says, None for an operation without a text."""
        op = self.op
        if op == 1:
            target = f" ({self.hardware(self.tha)})" if any(self.ndo.get(self.tha, self.hln)) else ""
            return f"who-has {self.address(self.tpa)}{target} tell {self.address(self.spa)}"
        if op == 2:
            return f"{self.address(self.spa)} is-at {self.hardware(self.sha)}"
        if op in (3, 8):
            return f"who-is {self.hardware(self.tha)} tell {self.hardware(self.sha)}"
        if op == 4:
            return f"{self.hardware(self.tha)} at {self.address(self.tpa)}"
        if op == 9:
            return f"{self.hardware(self.sha)} at {self.address(self.spa)}"
        return None


def arp_print(ndo: Ndo, at: int, length: int) -> None:
    """arp_print."""
    ndo.protocol = "arp"
    arp = Arp(ndo, at)
    if not ndo.e:
        ndo.p("ARP, ")
    if arp.pro not in (ETHERTYPE_IP, ETHERTYPE_TRAIL) or arp.pln != 4 or not arp.hln or ndo.v:
        ndo.p(
            f"{tok2str(HARDWARE, 'Unknown Hardware (%u)', arp.hrd)} (len {arp.hln}), "
            f"{tok2str(ETHERTYPES, 'Unknown Protocol (0x%04x)', arp.pro)} (len {arp.pln})"
        )
        if not ndo.v:
            ndo.p(f", length {length}")
            return
    ndo.p(f"{', ' if ndo.v else ''}{tok2str(OPS, 'Unknown (%u)', arp.op)} ")
    text = arp.text()
    if text is None:
        ndo.default_print(at, ndo.avail(at))
        return
    ndo.p(f"{text}, length {length}")
