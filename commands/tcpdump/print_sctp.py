"""tcpdump: SCTP: its chunks, and what is in those that set up and carry data (print-sctp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, tok2str

CHUNKS = {
    0: "DATA", 1: "INIT", 2: "INIT ACK", 3: "SACK", 4: "HB REQ", 5: "HB ACK", 6: "ABORT", 7: "SHUTDOWN", 8: "SHUTDOWN ACK",
    9: "OP ERR", 10: "COOKIE ECHO", 11: "COOKIE ACK", 12: "ECN ECHO", 13: "ECN CWR", 14: "SHUTDOWN COMPLETE",
    0xC0: "FOR CUM TSN", 0xC1: "REL CTRL", 0xC2: "REL CTRL ACK",
}  # fmt: skip
DATA, INIT, INIT_ACK, SACK = 0, 1, 2, 3


def sctp_print(ndo: Ndo, at: int, ip: int, length: int) -> None:
    """A packet."""
    ndo.protocol = "sctp"
    if length < 12:
        ndo.p(f"truncated-sctp - {12 - length} bytes missing!")
        return
    if not ndo.ttest(at, 12):
        ndo.trunc()
        return
    six = ndo.u1(ip) >> 4 == 6
    src, dst = (ndo.ip6addr(ip + 8), ndo.ip6addr(ip + 24)) if six else (ndo.ipaddr(ip + 12), ndo.ipaddr(ip + 16))
    ndo.p(f"{src}.{ndo.u2(at)} > {dst}.{ndo.u2(at + 2)}: sctp")
    sep = "\n\t" if ndo.v >= 2 else " ("
    at, left, count = at + 12, length - 12, 0
    while left:
        count += 1
        if left < 4:
            ndo.p(f"{sep}{count}) [chunk descriptor cut off at end of packet]")
            break
        if not ndo.ttest(at, 4):
            ndo.trunc()
            return
        size = ndo.u2(at + 2)
        if size < 4:
            ndo.p(f"{sep}{count}) [Bad chunk length {size}, < size of chunk descriptor]")
            break
        if left < size:
            ndo.p(f"{sep}{count}) [Bad chunk length {size}, > remaining data in packet]")
            break
        if not ndo.ttest(at, size):
            ndo.trunc()
            return
        kind = ndo.u1(at)
        ndo.p(f"{sep}{count}) [{tok2str(CHUNKS, 'Unknown chunk type: 0x%x', kind)}] ")
        if not _chunk(ndo, kind, at, size):
            ndo.p(f"bogus chunk length {size}]")
            return
        padded = min((size + 3) & ~3, left)
        at, left = at + padded, left - padded
        if ndo.v < 2:
            sep = ", ("


def _chunk(ndo: Ndo, kind: int, at: int, size: int) -> bool:
    """What is in a chunk; False if it is too short."""
    if kind == DATA:
        flags = ndo.u1(at + 1)
        text = "".join(letter for bit, letter in ((4, "(U)"), (2, "(B)"), (1, "(E)")) if flags & bit)
        ndo.p(text + (" " if text else ""))
        if size <= 16:
            return False
        ndo.p(f"[TSN: {ndo.u4(at + 4)}] [SID: {ndo.u2(at + 8)}] [SSEQ {ndo.u2(at + 10)}] [PPID 0x{ndo.u4(at + 12):x}] ")
        if ndo.v >= 2:
            ndo.p("[Payload")
            if not ndo.suppress_default_print:
                ndo.p(":")
                ndo.default_print(at + 16, size - 16)
            ndo.p("]")
    elif kind in (INIT, INIT_ACK):
        if size < 20:
            return False
        ndo.p(f"[init tag: {ndo.u4(at + 4)}] [rwnd: {ndo.u4(at + 8)}] [OS: {ndo.u2(at + 12)}] [MIS: {ndo.u2(at + 14)}] ")
        ndo.p(f"[init TSN: {ndo.u4(at + 16)}] ")
    elif kind == SACK:
        if size < 16:
            return False
        ndo.p(f"[cum ack {ndo.u4(at + 4)}] [a_rwnd {ndo.u4(at + 8)}] [#gap acks {ndo.u2(at + 12)}] ")
        ndo.p(f"[#dup tsns {ndo.u2(at + 14)}] ")
    return True
