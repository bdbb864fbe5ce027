"""tcpdump: BGP: which messages a segment has (print-bgp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo

TYPES = {1: "Open", 2: "Update", 3: "Notification", 4: "Keepalive", 5: "Route Refresh"}
MARKER, HEADER = b"\xff" * 16, 19


def bgp_print(ndo: Ndo, at: int, length: int) -> None:
    """A segment."""
    ndo.protocol = "bgp"
    ndo.p(": BGP")
    if not ndo.v:
        return
    start = at
    while ndo.ttest(at, 1):
        at = ndo.data.find(MARKER, at, ndo.snapend)
        if at < 0:
            return
        if not ndo.ttest(at, HEADER):
            ndo.trunc()
            return
        if start != at:
            ndo.trunc()
        size, kind = ndo.u2(at + 16), ndo.u1(at + 18)
        if size < HEADER:
            ndo.p(f"\nmessage length {size} < {HEADER}")
            ndo.invalid()
            return
        if not ndo.ttest(at, size):
            ndo.p(f"\n[|BGP {TYPES.get(kind, 'Unknown Message Type')}]")
            return
        ndo.p(f"\n\t{TYPES.get(kind, 'Unknown')} Message ({kind}), length: {size}")
        start = at = at + size
