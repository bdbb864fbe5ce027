"""tcpdump: GRE (print-gre.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, bittok2str
from vshell.commands.tcpdump.print_ether import ETHERTYPES, ether_within, find

CHECKSUM, ROUTING, KEY, SEQUENCE, ACK = 0x8000, 0x4000, 0x2000, 0x1000, 0x80
FLAGS = (
    (CHECKSUM, "checksum present"), (ROUTING, "routing present"), (KEY, "key present"), (SEQUENCE, "sequence# present"),
    (0x0800, "source routing present"), (ACK, "ack present"),
)  # fmt: skip
WITHIN = {0x0800: ("print_ip", "ip_print"), 0x86DD: ("print_ip6", "ip6_print"), 0x8847: ("print_mpls", "mpls_print")}


class Short(Exception):
    """There is too little of it."""


class Gre:
    """A packet that is being printed."""

    def __init__(self, ndo: Ndo, at: int, length: int) -> None:
        self.ndo = ndo
        self.at = at
        self.left = self.length = length

    def take(self, size: int) -> int:
        """The next field."""
        if not self.ndo.ttest(self.at, size) or self.left < size:
            raise Short
        value = int.from_bytes(self.ndo.get(self.at, size), "big")
        self.at += size
        self.left -= size
        return value

    def print(self) -> None:
        """gre_print."""
        ndo = self.ndo
        flags = self.take(2)
        version = flags & 7
        ndo.p(f"GREv{version}")
        if version > 1:
            ndo.p(" ERROR: unknown-version")
            return
        if ndo.v:
            ndo.p(f", Flags [{bittok2str(FLAGS, 'none', flags)}]")
        proto = self.take(2)
        if version == 0:
            self.plain(flags, proto)
        else:
            self.enhanced(flags, proto)

    def head(self, proto: int) -> None:
        """The protocol and the length."""
        ndo = self.ndo
        if ndo.e:
            ndo.p(f", proto {ETHERTYPES.get(proto, 'unknown')} (0x{proto:04x})")
        ndo.p(f", length {self.length}")

    def plain(self, flags: int, proto: int) -> None:
        """gre_print_0."""
        ndo = self.ndo
        if flags & (CHECKSUM | ROUTING):
            total = self.take(2)
            if ndo.v:
                ndo.p(f", sum 0x{total:x}")
            ndo.p(f", off 0x{self.take(2):x}")
        if flags & KEY:
            ndo.p(f", key=0x{self.take(4):x}")
        if flags & SEQUENCE:
            ndo.p(f", seq {self.take(4)}")
        while flags & ROUTING:
            family, _offset, size = self.take(2), self.take(1), self.take(1)
            if not family and not size:
                break
            ndo.p(f", (rtaf=0x{family:x})")
            if self.left < size:
                raise Short
            self.at += size
            self.left -= size
        self.head(proto)
        ndo.p("\n\t" if ndo.v else ": ")
        if proto in WITHIN:
            find(WITHIN[proto])(ndo, self.at, self.left)
        elif proto == 0x6558:
            ether_within(ndo, self.at, self.left)
        else:
            ndo.p(f"gre-proto-0x{proto:x}")

    def enhanced(self, flags: int, proto: int) -> None:
        """gre_print_1: PPTP's."""
        ndo = self.ndo
        if flags & KEY:
            ndo.p(f", call {self.take(4) & 0xFFFF}")
        if flags & SEQUENCE:
            ndo.p(f", seq {self.take(4)}")
        if flags & ACK:
            ndo.p(f", ack {self.take(4)}")
        if not flags & SEQUENCE:
            ndo.p(", no-payload")
        self.head(proto)
        if not flags & SEQUENCE:
            return
        ndo.p("\n\t" if ndo.v else ": ")
        if proto == 0x880B:
            find(("print_ppp", "ppp_print"))(ndo, self.at, self.left)
        else:
            ndo.p(f"gre-proto-0x{proto:x}")


def gre_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet."""
    ndo.protocol = "gre"
    try:
        Gre(ndo, at, length).print()
    except Short:
        ndo.trunc()
