"""tcpdump: NTP (print-ntp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, tok2str
from vshell.userland.strftime import gmtime, strftime

MODES = (
    "unspecified", "symmetric active", "symmetric passive", "Client", "Server", "Broadcast", "Control Message", "Reserved",
)  # fmt: skip
LEAPS = {0: "", 0x40: "+1s", 0x80: "-1s", 0xC0: "clock unsynchronized"}
STRATA = {0: "unspecified", 1: "primary reference"}
HEADER = 48


def ntp_time(ndo: Ndo, stamp: int) -> None:
    """p_ntp_time."""
    seconds, fraction = stamp >> 32, stamp & 0xFFFFFFFF
    ndo.p(f"{seconds}.{int(fraction / 4294967296.0 * 1000000000.0):09d}")
    if seconds:
        unix = seconds - 2208988800 if seconds & 0x80000000 else seconds + 2085978496
        ndo.p(f" ({strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(unix))})")


def _delta(ndo: Ndo, before: int, now: int) -> None:
    if not before:
        ntp_time(ndo, now)
        return
    gap = abs(now - before)
    sign = "+" if now > before else "-"
    ndo.p(f"{sign}{gap >> 32}.{int((gap & 0xFFFFFFFF) / 4294967296.0 * 1000000000.0):09d}")


def _fixed(ndo: Ndo, at: int) -> str:
    return f"{ndo.u2(at)}.{int(ndo.u2(at + 2) / 65536.0 * 1000000.0):06d}"


def _poll(value: int) -> str:
    if not -32 < value < 32:
        return ""
    return f" ({1 << value}s)" if value >= 0 else f" (1/{1 << -value}s)"


def _time(ndo: Ndo, at: int, length: int) -> None:
    """ntp_time_print."""
    if length < HEADER:
        ndo.invalid()
        ndo.tcheck(at, length)
        return
    stratum = ndo.u1(at + 1)
    ndo.p(f", Stratum {stratum} ({STRATA.get(stratum, 'secondary reference' if 2 <= stratum <= 15 else 'reserved')})")
    ndo.p(f", poll {ndo.s1(at + 2)}{_poll(ndo.s1(at + 2))}")
    ndo.p(f", precision {ndo.s1(at + 3)}")
    ndo.tcheck(at + 4, 4)
    ndo.p(f"\n\tRoot Delay: {_fixed(ndo, at + 4)}")
    ndo.tcheck(at + 8, 4)
    ndo.p(f", Root dispersion: {_fixed(ndo, at + 8)}")
    ndo.tcheck(at + 12, 4)
    ndo.p(", Reference-ID: ")
    if stratum == 0:
        ndo.p("(unspec)")
    elif stratum == 1:
        ndo.printn(at + 12, 4)
    elif stratum in (62, 63):
        ndo.p(f"{ndo.ipaddr(at + 12)} INFO_{'QUERY' if stratum == 62 else 'REPLY'}")
        return
    else:
        ndo.p(f"0x{ndo.u4(at + 12):08x}")
    stamps = []
    for i, name in enumerate(
        ("Reference Timestamp:  ", "Origin Timestamp:     ", "Receive Timestamp:    ", "Transmit Timestamp:   ")
    ):
        ndo.tcheck(at + 16 + 8 * i, 8)
        stamps.append(ndo.u8(at + 16 + 8 * i))
        ndo.p(f"\n\t  {name}")
        ntp_time(ndo, stamps[-1])
    ndo.p("\n\t    Originator - Receive Timestamp:  ")
    _delta(ndo, stamps[1], stamps[2])
    ndo.p("\n\t    Originator - Transmit Timestamp: ")
    _delta(ndo, stamps[1], stamps[3])
    digest = length - HEADER - 4
    if digest in (0, 16, 20):
        ndo.p(f"\n\tKey id: {ndo.u4(at + 48)}")
        if digest:
            ndo.p(f"\n\tAuthentication: {ndo.get(at + 52, digest).hex()}")
    elif length > HEADER:
        ndo.p(f"\n\t({length - HEADER} more bytes after the header)")


def _control(ndo: Ndo, at: int, length: int) -> None:
    """ntp_control_print."""
    if length >= 12:
        bits = ndo.u1(at + 1)
        ndo.p(f", {'Response' if bits & 0x80 else 'Request'}, {'Error' if bits & 0x40 else 'OK'}, ")
        ndo.p(f"{'More' if bits & 0x20 else 'Last'}, OpCode={bits & 0x1F}\n")
        ndo.p(f"\tSequence={ndo.u2(at + 2)}")
        status = ndo.u2(at + 4)
        ndo.p(f", Status={f'0x{status:x}' if status else 0}")
        ndo.p(f", Assoc.={ndo.u2(at + 6)}")
        ndo.p(f", Offset={ndo.u2(at + 8)}")
        count = ndo.u2(at + 10)
        ndo.p(f", Count={count}")
        if 12 + count <= length:
            if count:
                ndo.tcheck(at + 12, count)
                ndo.p("\n\tTO-BE-DONE: data not interpreted")
            return
    ndo.invalid()
    ndo.tcheck(at, length)


def ntp_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet."""
    ndo.protocol = "ntp"
    status = ndo.u1(at)
    mode = status & 7
    ndo.p(f"NTPv{status >> 3 & 7}, {MODES[mode]}, length {length}")
    if not ndo.v:
        return
    leap = status & 0xC0
    ndo.p(f"\n\tLeap indicator: {tok2str(LEAPS, 'Unknown', leap)} ({leap})")
    if mode <= 5:
        _time(ndo, at, length)
    elif mode == 6:
        _control(ndo, at, length)
