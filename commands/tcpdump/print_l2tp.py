"""tcpdump: L2TP; of its control messages only the header (print-l2tp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo
from vshell.commands.tcpdump.print_ppp import ppp_print

TYPE, LENGTH, SEQUENCE, OFFSET, PRIORITY = 0x8000, 0x4000, 0x0800, 0x0200, 0x0100


def l2tp_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet."""
    ndo.protocol = "l2tp"
    flags = ndo.u2(at)
    if flags & 0xF != 2:
        ndo.p(" l2f:" if flags & 0xF == 1 else " Unknown Version, neither L2F(1) nor L2TP(2)")
        return
    letters = ((TYPE, "T"), (LENGTH, "L"), (SEQUENCE, "S"), (OFFSET, "O"), (PRIORITY, "P"))
    ndo.p(f" l2tp:[{''.join(letter for bit, letter in letters if flags & bit)}]")
    start = at
    at += 2
    size = 0
    if flags & LENGTH:
        size = ndo.u2(at)
        at += 2
    ndo.p(f"({ndo.u2(at)}/")
    ndo.p(f"{ndo.u2(at + 2)})")
    at += 4
    if flags & SEQUENCE:
        ndo.p(f"Ns={ndo.u2(at)},")
        ndo.p(f"Nr={ndo.u2(at + 2)}")
        at += 4
    if flags & OFFSET:
        pad = ndo.u2(at)
        ndo.tcheck(at + 2, pad)
        at += 2 + pad
    if flags & LENGTH:
        if length < size:
            ndo.p(f" Length {size} larger than packet")
            return
        length = size
    left = length - (at - start)
    if left < 0:
        ndo.p(f" Length {length} smaller than header length")
    elif not flags & TYPE:
        ndo.p(" {")
        ppp_print(ndo, at, left)
        ndo.p("}")
    elif not flags & LENGTH:
        ndo.p(" No length")
    elif not left:
        ndo.p(" ZLB")
