"""tcpdump: what pflog(4), ipfwlog and enc(4) show (print-pflog.c, print-enc.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, tok2str
from vshell.commands.tcpdump.print_ip import ip_print
from vshell.commands.tcpdump.print_ip6 import ip6_print

REASONS = (
    "0(match)", "1(bad-offset)", "2(fragment)", "3(short)", "4(normalize)", "5(memory)", "6(bad-timestamp)", "7(congestion)",
    "8(ip-option)", "9(proto-cksum)", "10(state-mismatch)", "11(state-insert)", "12(state-limit)", "13(src-limit)",
    "14(synproxy)", "15(map-failed)",
)  # fmt: skip
ACTIONS = (
    "pass", "block", "scrub", "noscrub", "nat", "nonat", "binat", "nobinat", "rdr", "nordr", "synproxy-drop", "defer", "match",
)  # fmt: skip
DIRECTIONS = ("in/out", "in", "out")
HEADER, SHORTEST = 72, 61
NOBODY = 0xFFFFFFFF
CONF, AUTH = 0x0400, 0x0800


def _header(ndo: Ndo, at: int) -> None:
    """pflog_print."""
    rule, sub = ndo.u4(at + 36), ndo.u4(at + 40)
    if sub == NOBODY:
        ndo.p(f"rule {rule}/")
    else:
        ndo.p(f"rule {rule}.")
        ndo.printjnp(at + 20, 16)
        ndo.p(f".{sub}/")
    ndo.p(tok2str(dict(enumerate(REASONS)), "unkn(%u)", ndo.u1(at + 3)))
    if ndo.le4(at + 44) < 0x7FFFFFFF:
        ndo.p(f" [uid {ndo.le4(at + 44)}]")
    if ndo.u4(at + 64):
        ndo.p(f" [ridentifier {ndo.u4(at + 64)}]")
    action = tok2str(dict(enumerate(ACTIONS)), "unkn(%u)", ndo.u1(at + 2))
    ndo.p(f": {action} {tok2str(dict(enumerate(DIRECTIONS)), 'unkn(%u)', ndo.u1(at + 60))} on ")
    ndo.printjnp(at + 4, 16)
    ndo.p(": ")


def pflog_if_print(ndo: Ndo, at: int, length: int, caplen: int) -> int:
    """DLT_PFLOG."""
    ndo.protocol = "pflog"
    size = ndo.u1(at)
    if size < SHORTEST:
        ndo.p("[pflog: invalid header length!]")
        return size
    size = (size + 3) & ~3
    if caplen < size or not ndo.ttest(at, HEADER):
        ndo.trunc()
        return size
    if ndo.e:
        _header(ndo, at)
    family = ndo.u1(at + 1)
    if family == 2:
        ip_print(ndo, at + size, length - size)
    elif family in (24, 28, 30):
        ip6_print(ndo, at + size, length - size)
    else:
        if not ndo.e:
            _header(ndo, at)
        if not ndo.suppress_default_print:
            ndo.default_print(at + size, caplen - size)
    return size


def enc_if_print(ndo: Ndo, at: int, length: int, caplen: int) -> int:
    """DLT_ENC."""
    ndo.protocol = "enc"
    ndo.tcheck(at, 12)
    ndo.ll_hdr_len += 12
    family, flags = ndo.le4(at), ndo.le4(at + 8)
    if family & 0xFFFF0000:
        family, flags = ndo.u4(at), ndo.u4(at + 8)
    ndo.p("(" if flags else "(unprotected): ")
    for bit, name in ((AUTH, "authentic"), (CONF, "confidential")):
        if flags & bit:
            ndo.p(f"{name}{'): ' if flags == bit else ','}")
            flags &= ~bit
    ndo.p(f"SPI 0x{ndo.u4(at + 4):08x}: ")
    if family == 2:
        ip_print(ndo, at + 12, length - 12)
    elif family in (24, 28, 30):
        ip6_print(ndo, at + 12, length - 12)
    return 0
