"""tcpdump: CDP (print-cdp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, bittok2str

CAPABILITIES = (
    (1, "Router"), (2, "Transparent Bridge"), (4, "Source Route Bridge"), (8, "L2 Switch"), (0x10, "L3 capable"),
    (0x20, "IGMP snooping"), (0x40, "L1 capable"),
)  # fmt: skip
STRINGS = (1, 3, 6, 9, 0x14)
TLVS = {
    0x01: ("Device-ID", 0, 0), 0x02: ("Address", 0, 0), 0x03: ("Port-ID", 0, 0), 0x04: ("Capability", 4, 4),
    0x05: ("Version String", 0, 0), 0x06: ("Platform", 0, 0), 0x07: ("Prefixes", 0, 0), 0x08: ("Protocol-Hello option", 0, 0),
    0x09: ("VTP Management Domain", 0, 0), 0x0A: ("Native VLAN ID", 2, 2), 0x0B: ("Duplex", 1, 1),
    0x0E: ("ATA-186 VoIP VLAN assignment", 3, 3), 0x0F: ("ATA-186 VoIP VLAN request", 2, 3), 0x10: ("power consumption", 1, 3),
    0x11: ("MTU", 4, 4), 0x12: ("AVVID trust bitmap", 1, 1), 0x13: ("AVVID untrusted ports CoS", 1, 1),
    0x14: ("System Name", 0, 0), 0x15: ("System Object ID (not decoded)", 0, 0), 0x16: ("Management Addresses", 4, 0),
    0x17: ("Physical Location", 1, 0),
}  # fmt: skip
"""Name, shortest and longest value."""
SNAP_IP6 = b"\xaa\xaa\x03\0\0\0\x86\xdd"


def cdp_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet."""
    ndo.protocol = "cdp"
    whole = length
    if length < 4:
        ndo.p(f" (packet length {length} < 4)")
        ndo.invalid()
        return
    ndo.p(f"CDPv{ndo.u1(at)}, ttl: {ndo.u1(at + 1)}s")
    checksum = ndo.u2(at + 2)
    if ndo.v:
        ndo.p(f", checksum: 0x{checksum:04x} (unverified), length {whole}")
    at, length = at + 4, length - 4
    while length:
        if length < 4:
            ndo.p(f" (remaining packet length {length} < 4)")
            ndo.invalid()
            return
        kind, size = ndo.u2(at), ndo.u2(at + 2)
        name, least, most = TLVS.get(kind, ("unknown field type", 0, 0))
        if size < 4:
            plural = "" if size == 1 else "s"
            ndo.p(f"\n\t{name} (0x{kind:02x}), TLV length: {size} byte{plural} (too short)" if ndo.v else "")
            ndo.p("" if ndo.v else f", {name} TLV length {size} too short")
            ndo.invalid()
            return
        if size > length:
            ndo.p(f" (TLV length {size} > {length})")
            ndo.invalid()
            return
        _tlv(ndo, kind, at + 4, size - 4, least, most)
        at, length = at + size, length - size
    if not ndo.v:
        ndo.p(f", length {whole}")


def _tlv(ndo: Ndo, kind: int, at: int, size: int, least: int, most: int) -> None:
    covered = False
    if ndo.v:
        name = TLVS.get(kind, ("unknown field type",))[0]
        ndo.p(f"\n\t{name} (0x{kind:02x}), value length: {size} byte{'' if size == 1 else 's'}: ")
    elif kind == 1:
        ndo.p(", Device-ID ")
    if kind in TLVS:
        if size < least or (most and size > most):
            ndo.p(" (malformed TLV)")
        elif ndo.v or kind == 1:
            _value(ndo, kind, at, size)
            covered = True
    if ndo.v and not covered:
        ndo.tcheck(at, size)
        ndo.unknown_data(at, "\n\t  ", size)


def _value(ndo: Ndo, kind: int, at: int, size: int) -> None:
    if kind in STRINGS:
        ndo.p("'")
        ndo.printjn(at, size)
        ndo.p("'")
    elif kind in (2, 0x16):
        _addresses(ndo, at, size)
    elif kind == 4:
        ndo.p(f"(0x{ndo.u4(at):08x}): {bittok2str(CAPABILITIES, 'none', ndo.u4(at))}")
    elif kind == 5:
        ndo.p("\n\t  ")
        for i in range(at, at + size):
            c = ndo.u1(i)
            if c == 10:
                ndo.p("\n\t  ")
            else:
                ndo.char(c)
    elif kind == 7:
        _prefixes(ndo, at, size)
    elif kind == 0x0A:
        ndo.p(f"{ndo.u2(at)}")
    elif kind == 0x0B:
        ndo.p("full" if ndo.u1(at) else "half")
    elif kind in (0x0E, 0x0F):
        ndo.p(f"unknown 0x{ndo.u2(at):04x}" if size == 2 else f"app {ndo.u1(at)}, vlan {ndo.u2(at + 1)}")
    elif kind == 0x10:
        ndo.p(f"{int.from_bytes(ndo.get(at, size), 'big') / 1000:.2f}W")
    elif kind == 0x11:
        ndo.p(f"{ndo.u4(at)} bytes")
    elif kind in (0x12, 0x13, 0x17):
        ndo.p(f"0x{ndo.u1(at):02x}")
        if kind == 0x17 and size > 1:
            ndo.p("/")
            ndo.printjn(at + 1, size - 1)
    else:
        ndo.tcheck(at, size)


def _prefixes(ndo: Ndo, at: int, size: int) -> None:
    if size % 5:
        ndo.p(f" [length {size} is not a multiple of 5]")
        ndo.tcheck(at, size)
        return
    ndo.p(f" IPv4 Prefixes ({size // 5}):")
    for i in range(at, at + size, 5):
        ndo.p(f" {'.'.join(map(str, ndo.get(i, 4)))}/{ndo.u1(i + 4)}")


def _addresses(ndo: Ndo, at: int, left: int) -> None:
    """cdp_print_addr."""
    if left < 4:
        ndo.p(" (not enough space for num)")
        ndo.tcheck(at, left)
        return
    count = ndo.u4(at)
    at, left = at + 4, left - 4
    while count:
        if left < 2:
            ndo.p(" (not enough space for PT+PL)")
            return
        kind, size = ndo.u1(at), ndo.u1(at + 1)
        at, left = at + 2, left - 2
        if left < size + 2:
            ndo.p(" (not enough space for P+AL)")
            return
        proto, width = ndo.get(at, size), ndo.u2(at + size)
        at, left = at + size + 2, left - size - 2
        text = ""
        if not (kind == 1 and proto == b"\xcc" and width == 4) and not (kind == 2 and proto == SNAP_IP6 and width == 16):
            text = f"pt=0x{kind:02x}, pl={size}, pb={''.join(f' {c:02x}' for c in proto)}, al={width}, a="
            ndo.p(text)
        if left < width:
            ndo.p(" (not enough space for A)")
            return
        raw = ndo.get(at, width)
        ndo.p("".join(f" {c:02x}" for c in raw) if text else f"IPv{4 if width == 4 else 6} ({count}) {ndo.host(raw)}")
        at, left = at + width, left - width
        count -= 1
        if count:
            ndo.p(" ")
    if left:
        ndo.p(f" ({left} bytes of stray data)")
