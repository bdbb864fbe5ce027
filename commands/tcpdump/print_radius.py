"""tcpdump: RADIUS, without its attributes (print-radius.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo

COMMANDS = {
    1: "Access-Request", 2: "Access-Accept", 3: "Access-Reject", 4: "Accounting-Request", 5: "Accounting-Response",
    11: "Access-Challenge", 12: "Status-Server", 13: "Status-Client", 40: "Disconnect-Request", 41: "Disconnect-ACK",
    42: "Disconnect-NAK", 43: "CoA-Request", 44: "CoA-ACK", 45: "CoA-NAK", 255: "Reserved",
}  # fmt: skip


def radius_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet."""
    ndo.protocol = "radius"
    if not ndo.ttest(at, 20) or ndo.u2(at + 2) < 20:
        ndo.trunc()
        return
    size = min(ndo.u2(at + 2), length)
    code = ndo.u1(at)
    what = f"{COMMANDS.get(code, 'Unknown Command')} ({code}), id: 0x{ndo.u1(at + 1):02x}"
    if not ndo.v:
        ndo.p(f"RADIUS, {what} length: {size}")
    else:
        ndo.p(f"RADIUS, length: {size}\n\t{what}, Authenticator: {ndo.get(at + 4, 16).hex()}")
