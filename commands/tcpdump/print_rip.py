"""tcpdump: RIP and RIPng (print-rip.c, print-ripng.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, tok2str
from vshell.commands.tcpdump.print_null import FAMILIES

COMMANDS = {
    1: "Request", 2: "Response", 3: "Trace on", 4: "Trace off", 6: "Triggered Request", 7: "Triggered Response",
    8: "Triggered Acknowledgement", 9: "Update Request", 10: "Update Response", 11: "Update Acknowledge",
}  # fmt: skip
ROUTE = 20


def _v1(ndo: Ndo, at: int, left: int) -> int:
    """rip_entry_print_v1: the bytes it took, 0 if it was cut off."""
    if left < ROUTE or not ndo.ttest(at, ROUTE):
        return 0
    family = ndo.u2(at)
    if family not in (0, 2):
        ndo.p(f"\n\t AFI {tok2str(FAMILIES, 'Unknown (%u)', family)}, ")
        ndo.unknown_data(at + 4, "\n\t  ", ROUTE - 4)
    elif ndo.u2(at + 2) or ndo.u4(at + 8) or ndo.u4(at + 12):
        ndo.unknown_data(at, "\n\t  ", ROUTE)
    else:
        ndo.p(f"\n\t  {'' if family else 'AFI 0, '}{ndo.ipaddr(at + 4)}, metric: {ndo.u4(at + 16)}")
    return ROUTE


def _v2(ndo: Ndo, at: int, left: int) -> int:
    """rip_entry_print_v2."""
    if left < 4 or not ndo.ttest(at, 4):
        return 0
    family = ndo.u2(at)
    if family == 0xFFFF:
        return _auth(ndo, at, left)
    if family not in (0, 2):
        ndo.p(f"\n\t  AFI {tok2str(FAMILIES, 'Unknown (%u)', family)}")
        ndo.unknown_data(at + 4, "\n\t  ", ROUTE - 4)
        return ROUTE
    if left < ROUTE or not ndo.ttest(at, ROUTE):
        return 0
    mask = ndo.u4(at + 8)
    width = mask.bit_count()
    if mask != (0xFFFFFFFF << (32 - width)) & 0xFFFFFFFF:
        width = -1
    ndo.p(f"\n\t  AFI {tok2str(FAMILIES, '%u', family)}, {ndo.ipaddr(at + 4):>15}/{width:<2}, tag 0x{ndo.u2(at + 2):04x}")
    ndo.p(f", metric: {ndo.u4(at + 16)}, next-hop: {ndo.ipaddr(at + 12) if ndo.u4(at + 12) else 'self'}")
    return ROUTE


def _auth(ndo: Ndo, at: int, left: int) -> int:
    kind = ndo.u2(at + 2)
    at, left = at + 4, left - 4
    if kind == 2:
        ndo.p("\n\t  Simple Text Authentication data: ")
        ndo.printjnp(at, 16)
    elif kind == 3:
        if left < 16 or not ndo.ttest(at, 16):
            return 0
        ndo.p(f"\n\t  Auth header: Packet Len {ndo.u2(at)}, Key-ID {ndo.u1(at + 2)}, Auth Data Len {ndo.u1(at + 3)},")
        ndo.p(f" SeqNo {ndo.u4(at + 4)}, MBZ {ndo.u4(at + 8)}, MBZ {ndo.u4(at + 12)}")
    else:
        ndo.p("\n\t  Auth trailer:" if kind == 1 else f"\n\t  Unknown ({kind}) Authentication data:")
        ndo.unknown_data(at, "\n\t  ", left)
        return 4 + left
    return ROUTE


def rip_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet."""
    ndo.protocol = "rip"
    left = min(ndo.avail(at), length)
    if left < 4:
        ndo.trunc()
        return
    left -= 4
    command, version = ndo.u1(at), ndo.u1(at + 1)
    start = "\n\t" if ndo.v else ""
    ndo.p(f"{start}RIPv{version}, {tok2str(COMMANDS, 'unknown command (%u)', command)}, length: {length}")
    if not ndo.v:
        return
    if command in (1, 2):
        if version in (1, 2):
            ndo.p(f", routes: {length // ROUTE}{' or less' if version == 2 else ''}")
            entry = at + 4
            while left:
                size = (_v1 if version == 1 else _v2)(ndo, entry, left)
                if not size:
                    ndo.trunc()
                    break
                if left < size:
                    ndo.p(f" [remaining entries length {left} < {size}]")
                    ndo.invalid()
                    break
                entry, left = entry + size, left - size
        else:
            ndo.p(", unknown version")
    elif command not in COMMANDS and ndo.v <= 1:
        ndo.unknown_data(at, "\n\t", length)
    if ndo.v > 1:
        ndo.unknown_data(at, "\n\t", length)


def ripng_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet of RIPng."""
    ndo.protocol = "ripng"
    version = ndo.u1(at + 1)
    if version != 1:
        ndo.p(f"ripng [version {version}, must be 1]")
        ndo.invalid()
        return
    command = ndo.u1(at)
    if command not in (1, 2):
        ndo.p(f" ripng-{command} ?? {length}")
        ndo.invalid()
        return
    left = length - 4
    if left < 0:
        ndo.invalid()
        return
    count = left // 20
    if command == 1 and count == 1 and ndo.u1(at + 23) == 16 and not any(ndo.get(at + 4, 16)):
        ndo.p(" ripng-req dump")
        return
    size = f"[{length}]" if count * 20 != left else ""
    ndo.p(f" ripng-{'req' if command == 1 else 'resp'} {count}{size}:")
    for i in range(at + 4, at + 4 + 20 * count, 20):
        ndo.p("\n\t" if ndo.v > 1 else " ")
        ndo.p(f"{ndo.ip6addr(i)}/{ndo.u1(i + 18)}")
        tag = ndo.u2(i + 16)
        if tag:
            ndo.p(f" [{tag}]")
        metric = ndo.u1(i + 19)
        if metric and command == 2:
            ndo.p(f" ({metric})")
    if left % 20:
        ndo.invalid()
