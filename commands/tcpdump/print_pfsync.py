"""tcpdump: the header of pfsync(4) (print-pfsync.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo

ACTIONS = (
    "clear all", "insert 13.1", "insert ack", "update 13.1", "update compressed", "request uncompressed", "delete",
    "delete compressed", "frag insert", "frag delete", "bulk update status", "tdb", "eof", "insert", "update", "insert", "update",
)  # fmt: skip
VERSION, HEADER = 6, 20


def pfsync_ip_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet: its length, and the first action in it."""
    if length < HEADER or not ndo.ttest(at, length):
        ndo.p("[|pfsync]")
        return
    version, size = ndo.u1(at), ndo.u2(at + 2)
    ndo.p(f"PFSYNCv{version} len {size}")
    if version != VERSION or length < HEADER + 4:
        return
    action = ndo.u1(at + HEADER)
    if action >= len(ACTIONS):
        ndo.p(f"\n    act UNKNOWN id {action}")
        return
    ndo.p(f"\n    {ACTIONS[action]} count {ndo.u2(at + HEADER + 2)}")


def pfsync_if_print(ndo: Ndo, at: int, length: int, caplen: int) -> int:
    """DLT_PFSYNC."""
    pfsync_ip_print(ndo, at, caplen)
    return 0
