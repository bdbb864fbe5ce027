"""tcpdump: LACP and markers (print-slow.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, bittok2str, tok2str

NAMES = {1: "LACP", 2: "MARKER", 3: "OAM"}
LACP, MARKER, OAM = 1, 2, 3
TLVS = {
    (LACP, 0): "Terminator", (LACP, 1): "Actor Information", (LACP, 2): "Partner Information",
    (LACP, 3): "Collector Information", (MARKER, 0): "Terminator", (MARKER, 1): "Marker Information",
}  # fmt: skip
STATES = (
    (1, "Activity"), (2, "Timeout"), (4, "Aggregation"), (8, "Synchronization"), (0x10, "Collecting"), (0x20, "Distributing"),
    (0x40, "Default"), (0x80, "Expired"),
)  # fmt: skip
SIZES = {(LACP, 1): 20, (LACP, 2): 20, (LACP, 3): 16, (MARKER, 1): 16}


def slow_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet."""
    ndo.protocol = "slow"
    short = "\n\t\t packet is too short" if ndo.v else " (packet is too short)"
    if length < 1:
        ndo.p(short)
        return
    kind = ndo.u1(at)
    name = tok2str(NAMES, "unknown (%u)", kind)
    if kind in (LACP, MARKER):
        if length < 2:
            ndo.p(short)
            return
        if ndo.u1(at + 1) != 1:
            ndo.p(f"{name} version {ndo.u1(at + 1)} packet not supported")
            return
        ndo.p(f"{name}v1, length {length}")
        if ndo.v:
            _tlvs(ndo, kind, at + 2, length - 2)
        return
    ndo.p(f"{name}, length {length}")
    if kind != OAM or ndo.v:
        ndo.unknown_data(at, "\n\t", length)


def _tlvs(ndo: Ndo, kind: int, at: int, left: int) -> None:
    """slow_marker_lacp_print."""
    while left > 0:
        if left < 2:
            ndo.p("\n\t\t packet is too short")
            return
        tlv, size = ndo.u1(at), ndo.u1(at + 1)
        ndo.p(f"\n\t{TLVS.get((kind, tlv), 'Unknown')} TLV (0x{tlv:02x}), length {size}")
        if not tlv:
            return
        if size < 2:
            ndo.p("\n\t    ERROR: illegal length - should be >= 2")
            return
        if left < size:
            ndo.p("\n\t\t packet is too short")
            return
        ndo.tcheck(at, size)
        wanted = SIZES.get((kind, tlv))
        if wanted is None:
            if ndo.v <= 1:
                ndo.unknown_data(at + 2, "\n\t  ", size - 2)
        elif wanted != size:
            ndo.p(f"\n\t    ERROR: illegal length - should be {wanted}")
        else:
            _tlv(ndo, kind, tlv, at + 2)
        if ndo.v > 1:
            ndo.unknown_data(at + 2, "\n\t  ", size - 2)
        at, left = at + size, left - size


def _tlv(ndo: Ndo, kind: int, tlv: int, at: int) -> None:
    if kind == MARKER:
        ndo.p(f"\n\t  Request System {ndo.etheraddr(at + 2)}, Request Port {ndo.u2(at)}, ")
        ndo.p(f"Request Transaction ID 0x{ndo.u4(at + 8):08x}")
    elif tlv == 3:
        ndo.p(f"\n\t  Max Delay {ndo.u2(at)}")
    else:
        ndo.p(f"\n\t  System {ndo.etheraddr(at + 2)}, System Priority {ndo.u2(at)}, Key {ndo.u2(at + 8)}")
        ndo.p(f", Port {ndo.u2(at + 12)}, Port Priority {ndo.u2(at + 10)}")
        ndo.p(f"\n\t  State Flags [{bittok2str(STATES, 'none', ndo.u1(at + 14))}]")
