"""tcpdump: OSPF: hellos, and the headers of what it floods (print-ospf.c, print-ospf6.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, bittok2str, tok2str

TYPES = {1: "Hello", 2: "Database Description", 3: "LS-Request", 4: "LS-Update", 5: "LS-Ack"}
OPTIONS = (
    (1, "MultiTopology"), (2, "External"), (4, "Multicast"), (8, "NSSA"), (0x10, "LLS"), (0x20, "Demand Circuit"),
    (0x40, "Opaque"), (0x80, "Up/Down"),
)  # fmt: skip
DD_FLAGS = ((4, "Init"), (2, "More"), (1, "Master"), (8, "OOBResync"))
LSAS = {
    1: "Router", 2: "Network", 3: "Summary", 4: "ASBR Summary", 5: "External", 6: "Multicast Group", 7: "NSSA",
    9: "Link Local Opaque", 10: "Area Local Opaque", 11: "Domain Wide Opaque",
}  # fmt: skip
AUTH = {0: "none", 1: "simple", 2: "MD5"}
OPTIONS6 = (
    (1, "V6"), (2, "External"), (4, "Deprecated"), (8, "NSSA"), (0x10, "Router"), (0x20, "Demand Circuit"),
    (0x100, "AFs Support"), (0x200, "LLS"), (0x400, "Authentication Trailer"),
)  # fmt: skip
HELLO, DD, REQUEST, UPDATE, ACK = 1, 2, 3, 4, 5


def _lsa_header(ndo: Ndo, at: int) -> int:
    """ospf_print_lshdr: the length of the LSA, 0 if it is wrong."""
    size, kind = ndo.u2(at + 18), ndo.u1(at + 3)
    if size < 20:
        ndo.p(f"\n\t    Bogus length {size} < header (20)")
        return 0
    ndo.p(f"\n\t  Advertising Router {ndo.ipaddr(at + 8)}, seq 0x{ndo.u4(at + 12):08x}, age {ndo.u2(at)}s, length {size - 20}")
    ndo.p(f"\n\t    {LSAS.get(kind, 'unknown')} LSA ({kind}), LSA-ID: {ndo.ipaddr(at + 4)}")
    ndo.p(f"\n\t    Options: [{bittok2str(OPTIONS, 'none', ndo.u1(at + 2))}]")
    return size


def _hello(ndo: Ndo, at: int, end: int) -> None:
    ndo.p(f"\n\tOptions [{bittok2str(OPTIONS, 'none', ndo.u1(at + 30))}]")
    ndo.p(f"\n\t  Hello Timer {ndo.u2(at + 28)}s, Dead Timer {ndo.u4(at + 32)}s, Mask {ndo.ipaddr(at + 24)}")
    ndo.p(f", Priority {ndo.u1(at + 31)}")
    if ndo.u4(at + 36):
        ndo.p(f"\n\t  Designated Router {ndo.ipaddr(at + 36)}")
    if ndo.u4(at + 40):
        ndo.p(f", Backup Designated Router {ndo.ipaddr(at + 40)}")
    if at + 44 < end:
        ndo.p("\n\t  Neighbor List:")
    for i in range(at + 44, end, 4):
        ndo.p(f"\n\t    {ndo.ipaddr(i)}")


def _decode(ndo: Ndo, at: int, kind: int, end: int) -> None:
    """ospf_decode_v2."""
    if kind == HELLO:
        _hello(ndo, at, end)
    elif kind == DD:
        ndo.p(f"\n\tOptions [{bittok2str(OPTIONS, 'none', ndo.u1(at + 26))}]")
        ndo.p(f", DD Flags [{bittok2str(DD_FLAGS, 'none', ndo.u1(at + 27))}]")
        if ndo.u2(at + 24):
            ndo.p(f", MTU: {ndo.u2(at + 24)}")
        ndo.p(f", Sequence: 0x{ndo.u4(at + 28):08x}")
        for i in range(at + 32, end, 20):
            if not _lsa_header(ndo, i):
                break
    elif kind == REQUEST:
        for i in range(at + 24, end, 12):
            lsa = ndo.u4(i)
            ndo.p(f"\n\t  Advertising Router: {ndo.ipaddr(i + 8)}, {LSAS.get(lsa, 'unknown')} LSA ({lsa}), ")
            ndo.p(f"LSA-ID: {ndo.ipaddr(i + 4)}")
    elif kind == UPDATE:
        count = ndo.u4(at + 24)
        ndo.p(f", {count} LSA{'' if count == 1 else 's'}")
        lsa = at + 28
        for i in range(count):
            ndo.p(f"\n\t  LSA #{i + 1}")
            size = _lsa_header(ndo, lsa)
            if not size:
                break
            lsa += size
    elif kind == ACK:
        for i in range(at + 24, end, 20):
            _lsa_header(ndo, i)


def ospf_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet."""
    ndo.protocol = "ospf2"
    auth = ndo.u2(at + 14)
    if auth == 2:
        length -= 16
        ndo.snapend -= 16
    kind = ndo.u1(at + 1)
    ndo.p(f"OSPFv{ndo.u1(at)}, {tok2str(TYPES, 'unknown LS-type %u', kind)}, length {length}")
    if kind not in TYPES or not ndo.v:
        return
    size = ndo.u2(at + 2)
    if length != size:
        ndo.p(f" [len {size}]")
    ndo.p(f"\n\tRouter-ID {ndo.ipaddr(at + 4)}, " + (f"Area {ndo.ipaddr(at + 8)}" if ndo.u4(at + 8) else "Backbone Area"))
    ndo.tcheck(at + 16, 8)
    ndo.p(f", Authentication Type: {AUTH.get(auth, 'unknown')} ({auth})")
    if auth == 1:
        ndo.p("\n\tSimple text password: ")
        ndo.printjnp(at + 16, 8)
    elif auth == 2:
        ndo.p(f"\n\tKey-ID: {ndo.u1(at + 18)}, Auth-Length: {ndo.u1(at + 19)}, ")
        ndo.p(f"Crypto Sequence Number: 0x{ndo.u4(at + 20):08x}")
    elif auth:
        return
    if ndo.u1(at) == 2:
        _decode(ndo, at, kind, at + min(size, length))
    else:
        ndo.p(f" ospf [version {ndo.u1(at)}]")


def ospf6_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet of version 3."""
    ndo.protocol = "ospf3"
    kind = ndo.u1(at + 1)
    if kind not in TYPES:
        ndo.p(f"unknown packet type ({kind}), length {length}")
        return
    ndo.p(f"OSPFv3, {TYPES[kind]}, length {length}")
    if not ndo.v:
        return
    size = ndo.u2(at + 2)
    if length != size:
        ndo.p(f" [len {size}]")
        return
    ndo.p(f"\n\tRouter-ID {ndo.ipaddr(at + 4)}, " + (f"Area {ndo.ipaddr(at + 8)}" if ndo.u4(at + 8) else "Backbone Area"))
    if ndo.u1(at + 14):
        ndo.p(f", Instance {ndo.u1(at + 14)}")
    if kind != HELLO:
        return
    ndo.p(f"\n\tOptions [{bittok2str(OPTIONS6, 'none', ndo.u4(at + 20))}]")
    ndo.p(f"\n\t  Hello Timer {ndo.u2(at + 24)}s, Dead Timer {ndo.u2(at + 26)}s, Interface-ID {ndo.ipaddr(at + 16)}")
    ndo.p(f", Priority {ndo.u1(at + 20)}")
    if ndo.u4(at + 28):
        ndo.p(f"\n\t  Designated Router {ndo.ipaddr(at + 28)}")
    if ndo.u4(at + 32):
        ndo.p(f", Backup Designated Router {ndo.ipaddr(at + 32)}")
    if ndo.v > 1:
        ndo.p("\n\t  Neighbor List:")
        for i in range(at + 36, at + length, 4):
            ndo.p(f"\n\t    {ndo.ipaddr(i)}")
