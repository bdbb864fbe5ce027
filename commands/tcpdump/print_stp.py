"""tcpdump: spanning tree (print-stp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, bittok2str, tok2str

VERSIONS = {0: "802.1d", 2: "802.1w", 3: "802.1s", 4: "802.1aq"}
FLAGS = (
    (0x01, "Topology change"), (0x02, "Proposal"), (0x10, "Learn"), (0x20, "Forward"), (0x40, "Agreement"),
    (0x80, "Topology change ACK"),
)  # fmt: skip
CONFIG, RSTP, TOPOLOGY = 0, 2, 0x80
TYPES = {CONFIG: "Config", RSTP: "Rapid STP", TOPOLOGY: "Topology Change"}
ROLES = ("Unknown", "Alternate", "Root", "Designated")


def bridge(ndo: Ndo, at: int) -> str:
    """stp_print_bridge_id."""
    raw = ndo.get(at, 8)
    return f"{raw[:2].hex()}.{raw[2:].hex(':')}"


def times(ndo: Ndo, at: int) -> str:
    """The four timers."""
    age, oldest, hello, delay = (ndo.u2(at + 27 + 2 * i) / 256 for i in range(4))
    return f"message-age {age:.2f}s, max-age {oldest:.2f}s, hello-time {hello:.2f}s, forwarding-delay {delay:.2f}s"


def role(flags: int) -> str:
    """The role of the port."""
    return ROLES[flags >> 2 & 3]


def _config(ndo: Ndo, at: int, length: int) -> None:
    flags = ndo.u1(at + 4)
    ndo.p(f", Flags [{bittok2str(FLAGS, 'none', flags)}]")
    ndo.p(f", bridge-id {bridge(ndo, at + 17)}.{ndo.u2(at + 25):04x}, length {length}")
    if not ndo.v:
        return
    ndo.p(f"\n\t{times(ndo, at)}")
    ndo.p(f"\n\troot-id {bridge(ndo, at + 5)}, root-pathcost {ndo.u4(at + 13)}")
    if ndo.u1(at + 2) == 2:
        ndo.p(f", port-role {role(flags)}")


def _mstp(ndo: Ndo, at: int, length: int) -> None:
    flags = ndo.u1(at + 4)
    ndo.p(f", CIST Flags [{bittok2str(FLAGS, 'none', flags)}], length {length}")
    if not ndo.v:
        return
    ndo.p(f"\n\tport-role {role(flags)}, CIST root-id {bridge(ndo, at + 5)}, CIST ext-pathcost {ndo.u4(at + 13)}")
    ndo.p(f"\n\tCIST regional-root-id {bridge(ndo, at + 17)}, CIST port-id {ndo.u2(at + 25):04x},")
    ndo.p(f"\n\t{times(ndo, at)}\n\tv3len {ndo.u2(at + 36)}, MCID Name ")
    ndo.printjnp(at + 39, 32)
    ndo.p(f", rev {ndo.u2(at + 71)},\n\t\tdigest {ndo.get(at + 73, 16).hex()}, CIST int-root-pathcost {ndo.u4(at + 89)},")
    ndo.p(f"\n\tCIST bridge-id {bridge(ndo, at + 93)}, CIST remaining-hops {ndo.u1(at + 101)}")
    left, i = ndo.u2(at + 36) - 64, at + 102
    while left >= 16:
        flags = ndo.u1(i)
        ndo.p(f"\n\tMSTI {ndo.u2(i + 1) & 0xFFF}, Flags [{bittok2str(FLAGS, 'none', flags)}], port-role {role(flags)}")
        ndo.p(f"\n\t\tMSTI regional-root-id {bridge(ndo, i + 1)}, pathcost {ndo.u4(i + 9)}")
        ndo.p(f"\n\t\tMSTI bridge-prio {ndo.u1(i + 13) >> 4}, port-prio {ndo.u1(i + 14) >> 4}, hops {ndo.u1(i + 15)}")
        left -= 16
        i += 16


def stp_print(ndo: Ndo, at: int, length: int) -> None:
    """A BPDU."""
    ndo.protocol = "stp"
    if length < 4:
        ndo.invalid()
        return
    if ndo.u2(at):
        ndo.p(f"unknown STP version, length {length}")
        return
    version = ndo.u1(at + 2)
    ndo.p(f"STP {tok2str(VERSIONS, 'Unknown STP protocol (0x%02x)', version)}")
    if version not in VERSIONS:
        return
    kind = ndo.u1(at + 3)
    ndo.p(f", {tok2str(TYPES, 'Unknown BPDU Type (0x%02x)', kind)}")
    if kind == CONFIG or (kind == RSTP and version == 2):
        if length < (35 if kind == CONFIG else 36):
            ndo.invalid()
        else:
            _config(ndo, at, length)
    elif kind == RSTP and version in (3, 4):
        if length < 102 or ndo.u1(at + 35) or length < 36 + ndo.u2(at + 36) + 2:
            ndo.invalid()
        else:
            _mstp(ndo, at, length)
