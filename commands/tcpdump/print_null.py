"""tcpdump: link types with a family in front of the packet, or nothing (print-null.c, print-raw.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, tok2str
from vshell.commands.tcpdump.print_ip import ip_print, ipn_print
from vshell.commands.tcpdump.print_ip6 import ip6_print

FAMILIES = {
    2: "IPv4", 6: "NS", 7: "ISO", 16: "Appletalk", 23: "IPX", 24: "IPv6", 28: "IPv6", 30: "IPv6",
}  # fmt: skip


def _header(ndo: Ndo, family: int, length: int) -> None:
    ndo.p(tok2str(FAMILIES, "Unknown AF %u", family) if ndo.q else f"AF {FAMILIES.get(family, 'Unknown')} ({family})")
    ndo.p(f", length {length}: ")


def null_if_print(ndo: Ndo, at: int, length: int, caplen: int) -> int:
    """DLT_NULL and DLT_LOOP."""
    ndo.protocol = "null"
    family = ndo.le4(at)
    ndo.ll_hdr_len += 4
    if family & 0xFFFF0000:
        family = int.from_bytes(family.to_bytes(4, "little"), "big")
    if ndo.e:
        _header(ndo, family, length)
    if family == 2:
        ip_print(ndo, at + 4, length - 4)
    elif family in (24, 28, 30):
        ip6_print(ndo, at + 4, length - 4)
    else:
        if not ndo.e:
            _header(ndo, family, length)
        if not ndo.suppress_default_print:
            ndo.default_print(at + 4, caplen - 4)
    return 0


def raw_if_print(ndo: Ndo, at: int, length: int, caplen: int) -> int:
    """DLT_RAW, DLT_IPV4, DLT_IPV6."""
    ndo.protocol = "raw"
    if ndo.e:
        ndo.p("ip: ")
    ipn_print(ndo, at, length)
    return 0
