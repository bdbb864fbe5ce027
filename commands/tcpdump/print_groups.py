"""tcpdump: what IGMPv3 and MLDv2 have in common: group records and lists of sources (print-igmp.c, print-icmp6.c)."""

from __future__ import annotations

from collections.abc import Callable

from vshell.commands.tcpdump.netdissect import Ndo, tok2str

RECORDS = {1: "is_in", 2: "is_ex", 3: "to_in", 4: "to_ex", 5: "allow", 6: "block"}


def report(ndo: Ndo, at: int, length: int, size: int, address: Callable[[int], str], unknown: str) -> None:
    """print_igmpv3_report, mldv2_report_print: `size` is that of an address, which `address` prints."""
    if length < (16 if size == 4 else 8) or (size == 4 and length & 3):
        ndo.p(f" [invalid len {length}]")
        return
    groups = ndo.u2(at + 6)
    ndo.p(f", {groups} group record(s)")
    if not ndo.v:
        return
    group = 8
    for _ in range(groups):
        if length < group + 4 + size:
            ndo.p(" [invalid number of groups]")
            return
        ndo.p(f" [gaddr {address(at + group + 4)} {tok2str(RECORDS, unknown, ndo.u1(at + group))}")
        sources = ndo.u2(at + group + 2)
        after = group + 4 + size
        if length < after + sources * size:
            ndo.p(f" [invalid number of sources {sources}]")
            return
        _sources(ndo, at + after, sources, size, address, ndo.v > 1)
        group = after + sources * size
        ndo.p("]")


def queried(ndo: Ndo, at: int, length: int, start: int, size: int, address: Callable[[int], str]) -> None:
    """The sources of a query, `start` octets into it; their number stands right before them."""
    sources = ndo.u2(at + start - 2)
    if sources:
        if length < start + sources * size:
            ndo.p(" [invalid number of sources]")
        else:
            _sources(ndo, at + start, sources, size, address, ndo.v > 1)
    ndo.p("]")


def _sources(ndo: Ndo, at: int, count: int, size: int, address: Callable[[int], str], listed: bool) -> None:
    if not listed:
        ndo.p(f", {count} source(s)")
        return
    ndo.p(" {")
    for i in range(count):
        ndo.p(f" {address(at + i * size)}")
    ndo.p(" }")
