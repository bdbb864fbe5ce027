"""tcpdump: which message of PIM it is (print-pim.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo

TYPES = {
    0: "Hello", 1: "Register", 2: "Register Stop", 3: "Join / Prune", 4: "Bootstrap", 5: "Assert", 6: "Graft",
    7: "Graft Acknowledgement", 8: "Candidate RP Advertisement", 9: "Prune Refresh", 10: "DF Election", 11: "ECMP Redirect",
}  # fmt: skip


def pim_print(ndo: Ndo, at: int, length: int, ip: int, ver: int) -> None:
    """A message."""
    ndo.protocol = "pim"
    first = ndo.u1(at)
    kind = TYPES.get(first & 0xF, "Unknown Type")
    if first >> 4 != 2:
        ndo.p(f"PIMv{first >> 4}, length {length}")
    else:
        ndo.p(f"PIMv2, length {length}\n\t{kind}" if ndo.v else f"PIMv2, {kind}, length {length}")
