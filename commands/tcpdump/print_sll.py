"""tcpdump: what Linux captures on all interfaces at once (print-sll.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, tok2str
from vshell.commands.tcpdump.print_ether import ETHERTYPES, ethertype_print, tci
from vshell.commands.tcpdump.print_llc import llc_print

TYPES = {0: "In", 1: "B", 2: "M", 3: "P", 4: "Out"}
FRAME_8023, FRAME_8022 = 1, 4


def _protocol(ndo: Ndo, etype: int, length: int) -> None:
    if ndo.q:
        return
    if etype > 1500:
        ndo.p(f"ethertype {ETHERTYPES.get(etype, 'Unknown')} (0x{etype:04x})")
    else:
        ndo.p({FRAME_8023: "802.3", FRAME_8022: "802.2"}.get(etype, f"ethertype Unknown (0x{etype:04x})"))
    ndo.p(f", length {length}: ")


def _payload(ndo: Ndo, etype: int, at: int, length: int, caplen: int, again: tuple[int, int, int]) -> int:
    """What follows the header; how much of it belongs to the link layer."""
    hdrlen = 0
    while etype == 0x8100:
        if caplen < 4:
            ndo.protocol = "vlan"
            ndo.trunc()
            return hdrlen + caplen
        if ndo.e:
            ndo.p(f"{tci(ndo.u2(at))}, ")
        etype = ndo.u2(at + 2)
        if etype <= 1500:
            etype = FRAME_8022
        if not ndo.q:
            ndo.p(f"ethertype {ETHERTYPES.get(etype, 'Unknown')}, ")
        at, length, caplen, hdrlen = at + 4, length - 4, caplen - 4, hdrlen + 4
    if etype == FRAME_8022:
        size = llc_print(ndo, at, length, caplen, -1, -1)
        if size >= 0:
            return hdrlen + size
    elif etype > 1500:
        if ethertype_print(ndo, etype, at, length, caplen):
            return hdrlen
        if not ndo.e:
            _address(ndo, *again[:2])
            _protocol(ndo, etype, again[2])
    if not ndo.suppress_default_print:
        ndo.default_print(at, caplen)
    return hdrlen


def _address(ndo: Ndo, at: int, size: int) -> None:
    if size == 6:
        ndo.p(f"{ndo.etheraddr(at)} ")


def sll_if_print(ndo: Ndo, at: int, length: int, caplen: int) -> int:
    """DLT_LINUX_SLL."""
    ndo.protocol = "sll"
    ndo.tcheck(at, 16)
    size, etype = ndo.u2(at + 4), ndo.u2(at + 14)
    if ndo.e:
        ndo.p(f"{tok2str(TYPES, '?', ndo.u2(at)):>3} ")
        _address(ndo, at + 6, size)
        _protocol(ndo, etype, length)
    return 16 + _payload(ndo, etype, at + 16, length - 16, caplen - 16, (at + 6, size, length))


def sll2_if_print(ndo: Ndo, at: int, length: int, caplen: int) -> int:
    """DLT_LINUX_SLL2."""
    ndo.protocol = "sll2"
    ndo.tcheck(at, 20)
    size, etype = ndo.u1(at + 11), ndo.u2(at)
    ndo.p(f"{'?':<5} {tok2str(TYPES, '?', ndo.u1(at + 10)):<3} ")
    if ndo.e:
        ndo.p(f"ifindex {ndo.u4(at + 4)} ")
        _address(ndo, at + 12, size)
        _protocol(ndo, etype, length)
    return 20 + _payload(ndo, etype, at + 20, length - 20, caplen - 20, (at + 12, size, length))
