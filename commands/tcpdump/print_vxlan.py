"""tcpdump: VXLAN and GENEVE (print-vxlan.c, print-geneve.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, bittok2str
from vshell.commands.tcpdump.print_ether import ETHERTYPES, ether_within, ethertype_print

GENEVE_FLAGS = (
    (0x80, "O"), (0x40, "C"), (0x20, "R1"), (0x10, "R2"), (8, "R3"), (4, "R4"), (2, "R5"), (1, "R6"),
)  # fmt: skip
CLASSES = {
    0x0100: "Linux", 0x0101: "Open vSwitch", 0x0102: "Open Virtual Networking (OVN)",
    0x0103: "In-band Network Telemetry (INT)", 0x0104: "VMware",
}  # fmt: skip


def vxlan_print(ndo: Ndo, at: int, length: int) -> None:
    """A header and the frame."""
    ndo.protocol = "vxlan"
    ndo.p("VXLAN")
    if length < 8:
        ndo.invalid()
        return
    flags = ndo.u1(at)
    ndo.p(f", flags [{'I' if flags & 8 else 'invalid'}] (0x{flags:02x}), ")
    ndo.p(f"vni {ndo.u3(at + 4)}\n")
    ndo.tcheck(at + 7, 1)
    ether_within(ndo, at + 8, length - 8)


def _class(number: int) -> str:
    if number in CLASSES:
        return CLASSES[number]
    return "Standard" if number <= 0xFF else "Experimental" if number >= 0xFFF0 else "Unknown"


def _options(ndo: Ndo, at: int, length: int) -> None:
    sep = ""
    while length > 0:
        number, kind = ndo.u2(at), ndo.u1(at + 2)
        size = 4 + (ndo.u1(at + 3) & 0x1F) * 4
        critical = "(C)" if kind & 0x80 else ""
        ndo.p(f"{sep}class {_class(number)} (0x{number:x}) type 0x{kind:x}{critical} len {size}")
        sep = ", "
        if size > length:
            ndo.p(" [bad length]")
            return
        if ndo.v > 1 and size > 4:
            ndo.p(" data")
            for i in range(4, size, 4):
                ndo.p(f" {ndo.u4(at + i):08x}")
        at += size
        length -= size


def geneve_print(ndo: Ndo, at: int, length: int) -> None:
    """A header and what it announces."""
    ndo.protocol = "geneve"
    ndo.p("Geneve")
    if length < 8:
        ndo.p(f" [length {length} < 8]")
        ndo.invalid()
        return
    if not ndo.ttest(at, 8):
        ndo.trunc()
        return
    first, proto = ndo.u1(at), ndo.u2(at + 2)
    if first >> 6:
        ndo.p(f" ERROR: unknown-version {first >> 6}")
        return
    ndo.p(f", Flags [{bittok2str(GENEVE_FLAGS, 'none', ndo.u1(at + 1), '')}], vni 0x{ndo.u3(at + 4):x}")
    if ndo.u1(at + 7):
        ndo.p(f", rsvd 0x{ndo.u1(at + 7):x}")
    if ndo.e:
        ndo.p(f", proto {ETHERTYPES.get(proto, 'unknown')} (0x{proto:04x})")
    at, length = at + 8, length - 8
    size = (first & 0x3F) * 4
    if length < size:
        ndo.p(f" truncated-geneve - {size - length} bytes missing")
        return
    if not ndo.ttest(at, size):
        ndo.trunc()
        return
    if size:
        ndo.p(", options [")
        if ndo.v:
            _options(ndo, at, size)
        else:
            ndo.p(f"{size} bytes")
        ndo.p("]")
    at, length = at + size, length - size
    ndo.p("\n\t" if ndo.v else ": ")
    if not ethertype_print(ndo, proto, at, length, ndo.avail(at)):
        if proto == 0x6558:
            ether_within(ndo, at, length)
        else:
            ndo.p(f"geneve-proto-0x{proto:x}")
