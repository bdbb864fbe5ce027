"""tcpdump: IPsec (print-ah.c, print-esp.c, print-ipcomp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo


def ah_print(ndo: Ndo, at: int) -> int:
    """An authentication header; its length."""
    ndo.protocol = "ah"
    ndo.p("AH")
    words = ndo.u1(at + 1)
    size = (words + 2) * 4
    ndo.p("(")
    if ndo.v:
        ndo.p(f"length={words}({size}-bytes),")
    reserved = ndo.u2(at + 2)
    if reserved:
        ndo.p(f"reserved=0x{reserved:x}[MustBeZero],")
    ndo.p(f"spi=0x{ndo.u4(at + 4):08x},")
    ndo.p(f"seq=0x{ndo.u4(at + 8):x},icv=0x")
    for i in range(at + 12, at + size):
        ndo.p(f"{ndo.u1(i):02x}")
    ndo.p("): ")
    return size


def esp_print(ndo: Ndo, at: int, length: int, ip: int) -> None:
    """An encrypted payload."""
    ndo.protocol = "esp"
    if at + 8 >= ndo.snapend:
        ndo.trunc()
        return
    ndo.p(f"ESP(spi=0x{ndo.u4(at):08x},seq=0x{ndo.u4(at + 4):x}), length {length}")


def ipcomp_print(ndo: Ndo, at: int) -> None:
    """A compressed payload."""
    ndo.protocol = "ipcomp"
    ndo.p(f"IPComp(cpi=0x{ndo.u2(at + 2):04x})")
