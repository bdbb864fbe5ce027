"""tcpdump: the loopback of the Ethernet V2 configuration testing protocol (print-loopback.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo


class _Wrong(Exception):
    pass


def loopback_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet."""
    ndo.protocol = "loopback"
    ndo.p("Loopback")
    try:
        if length < 2:
            raise _Wrong
        skip = ndo.le2(at)
        at, length = at + 2, length - 2
        ndo.p(f", skipCount {skip}{' (bogus)' if skip % 8 else ''}")
        if skip > length:
            raise _Wrong
        ndo.tcheck(at, skip)
        at, length = at + skip, length - skip
        if length < 2:
            raise _Wrong
        function = ndo.le2(at)
        at, length = at + 2, length - 2
        size = {1: 2, 2: 6}.get(function, 0)
        ndo.p(", " + {1: "Reply", 2: "Forward Data"}.get(function, f" invalid ({function})"))
        if length < size:
            raise _Wrong
        if size == 2:
            ndo.p(f", receipt number {ndo.le2(at)}, data ({length - 2} octets)")
        elif size == 6:
            ndo.p(f", forwarding address {ndo.etheraddr(at)}, data ({length - 6} octets)")
        at, length = at + size, length - size
    except _Wrong:
        ndo.invalid()
    ndo.tcheck(at, length)
