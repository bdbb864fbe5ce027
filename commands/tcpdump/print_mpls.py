"""tcpdump: MPLS (print-mpls.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo
from vshell.commands.tcpdump.print_ip import ip_print
from vshell.commands.tcpdump.print_ip6 import ip6_print

LABELS = {0: "IPv4 explicit NULL", 1: "router alert", 2: "IPv6 explicit NULL", 3: "implicit NULL"}


def mpls_print(ndo: Ndo, at: int, length: int) -> None:
    """A stack of labels and the packet."""
    ndo.protocol = "mpls"
    ndo.p("MPLS")
    entry = depth = 0
    while not entry & 0x100:
        if length < 4:
            ndo.invalid()
            ndo.tcheck(at, length)
            return
        entry = ndo.u4(at)
        label = entry >> 12
        ndo.p(f"{chr(10) + chr(9) if depth and ndo.v else ' '}(label {label}")
        depth += 1
        if ndo.v and label < 16:
            ndo.p(f" ({LABELS.get(label, 'rsvd')})")
        ndo.p(f", tc {entry >> 9 & 7}{', [S]' if entry & 0x100 else ''}, ttl {entry & 0xFF})")
        at, length = at + 4, length - 4
    label = entry >> 12
    if label in (0, 3):
        version = 4
    elif label == 2:
        version = 6
    elif length < 1:
        return
    else:
        first = ndo.u1(at)
        version = 4 if 0x45 <= first <= 0x4F else 6 if 0x60 <= first <= 0x6F else 0
    if version:
        ndo.p("\n\t" if ndo.v else " ")
        (ip_print if version == 4 else ip6_print)(ndo, at, length)
    elif not ndo.suppress_default_print:
        ndo.default_print(at, length)
