"""tcpdump: DHCPv6; of the options those that clients and servers of an address exchange (print-dhcp6.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, tok2str

TYPES = {
    1: "solicit", 2: "advertise", 3: "request", 4: "confirm", 5: "renew", 6: "rebind", 7: "reply", 8: "release", 9: "decline",
    10: "reconfigure", 11: "inf-req", 12: "relay-fwd", 13: "relay-reply", 14: "leasequery", 15: "leasequery-reply",
    16: "leasequery-done", 17: "leasequery-data",
}  # fmt: skip
OPTIONS = {
    1: "client-ID", 2: "server-ID", 3: "IA_NA", 4: "IA_TA", 5: "IA_ADDR", 6: "option-request", 7: "preference",
    8: "elapsed-time", 9: "relay-message", 11: "authentication", 12: "server-unicast", 13: "status-code", 14: "rapid-commit",
    15: "user-class", 16: "vendor-class", 17: "vendor-specific-info", 18: "interface-ID", 19: "reconfigure-message",
    20: "reconfigure-accept", 21: "SIP-servers-domain", 22: "SIP-servers-address", 23: "DNS-server", 24: "DNS-search-list",
    25: "IA_PD", 26: "IA_PD-prefix", 31: "SNTP-servers", 32: "lifetime", 27: "NIS-server", 28: "NIS+-server",
    29: "NIS-domain-name", 30: "NIS+-domain-name", 33: "BCMCS-domain-name", 34: "BCMCS-server", 36: "Geoconf-Civic",
    37: "Remote-ID", 38: "Subscriber-ID", 39: "Client-FQDN", 40: "PANA-agent", 41: "POSIX-timezone", 42: "POSIX-tz-database",
    43: "Echo-request-option", 44: "Lease-query", 45: "LQ-client-data", 46: "Clt-time", 47: "LQ-relay-data",
    48: "LQ-client-link", 56: "NTP-server", 59: "Bootfile-URL", 64: "AFTR-Name", 112: "MUD-URL", 136: "SZTP-redirect",
}  # fmt: skip
STATUS = (
    "Success", "UnspecFail", "NoAddrsAvail", "NoBinding", "NotOnLink", "UseMulticast", "NoPrefixAvail",
)  # fmt: skip


def dhcp6_print(ndo: Ndo, at: int, length: int) -> None:
    """A message."""
    ndo.protocol = "dhcp6"
    ndo.p("dhcp6")
    end = min(ndo.snapend, at + length)
    if not ndo.ttest(at, 4):
        ndo.trunc()
        return
    kind = ndo.u1(at)
    ndo.p(f" {tok2str(TYPES, 'msgtype-%u', kind)}")
    if not ndo.v:
        return
    if kind in (12, 13):
        ndo.p(f" (linkaddr={ndo.ip6addr(at + 2)} peeraddr={ndo.ip6addr(at + 18)}")
        options(ndo, at + 34, end)
    else:
        ndo.p(f" (xid={ndo.u3(at + 1):x}")
        options(ndo, at + 4, end)
    ndo.p(")")


def options(ndo: Ndo, at: int, end: int) -> None:
    """dhcp6opt_print."""
    while at < end:
        if end < at + 4 or not ndo.ttest(at, 4):
            ndo.trunc()
            return
        kind, size = ndo.u2(at), ndo.u2(at + 2)
        if end < at + 4 + size:
            ndo.trunc()
            return
        ndo.p(f" ({tok2str(OPTIONS, 'opt_%u', kind)}")
        if not ndo.ttest(at + 4, size):
            ndo.trunc()
            return
        _option(ndo, kind, at + 4, size)
        ndo.p(")")
        at += 4 + size


def _option(ndo: Ndo, kind: int, at: int, size: int) -> None:
    """The value of an option."""
    least = {1: 2, 2: 2, 3: 12, 4: 4, 5: 24, 12: 16, 13: 2, 25: 12, 26: 25, 32: 4}.get(kind, 0)
    exact = {7: 1, 8: 2}.get(kind, size)
    if size < least or size != exact or (kind in (6, 43) and size % 2) or (kind in (22, 23, 27, 28, 31, 34) and size % 16):
        ndo.p(" ?")
    elif kind in (1, 2):
        _duid(ndo, at, size)
    elif kind in (3, 25):
        ndo.p(f" IAID:{ndo.u4(at)} T1:{ndo.u4(at + 4)} T2:{ndo.u4(at + 8)}")
        options(ndo, at + 12, at + size)
    elif kind == 4:
        ndo.p(f" IAID:{ndo.u4(at)}")
        options(ndo, at + 4, at + size)
    elif kind == 5:
        ndo.p(f" {ndo.ip6addr(at)} pltime:{ndo.u4(at + 16)} vltime:{ndo.u4(at + 20)}")
        options(ndo, at + 24, at + size)
    elif kind == 26:
        ndo.p(f" {ndo.ip6addr(at + 9)}/{ndo.u1(at + 8)} pltime:{ndo.u4(at)} vltime:{ndo.u4(at + 4)}")
        options(ndo, at + 25, at + size)
    elif kind in (6, 43):
        for i in range(0, size, 2):
            ndo.p(f" {tok2str(OPTIONS, 'opt_%u', ndo.u2(at + i))}")
    elif kind in (7, 8, 32):
        ndo.p(f" {int.from_bytes(ndo.get(at, min(size, 4)), 'big')}")
    elif kind == 13:
        code = ndo.u2(at)
        ndo.p(f" {STATUS[code] if code < len(STATUS) else f'code{code}'}")
    elif kind in (12, 22, 23, 27, 28, 31, 34):
        for i in range(0, size, 16):
            ndo.p(f" {ndo.ip6addr(at + i)}")
    elif kind == 9:
        ndo.p(" (")
        saved = ndo.snapend
        ndo.snapend = min(saved, at + size)
        dhcp6_print(ndo, at, size)
        ndo.snapend = saved
    elif kind in (18, 37, 38):
        ndo.p(f" {ndo.get(at, min(size, 10)).hex()}{'...' if size > 10 else ''}")


def _duid(ndo: Ndo, at: int, size: int) -> None:
    kind = ndo.u2(at)
    if kind == 1 and size >= 8:
        ndo.p(f" hwaddr/time type {ndo.u2(at + 2)} time {ndo.u4(at + 4)} {ndo.get(at + 8, size - 8).hex()}")
    elif kind == 2 and size >= 6:
        ndo.p(f" enterprise {ndo.u4(at + 2)} {ndo.get(at + 6, size - 6).hex()}")
    elif kind == 3 and size >= 4:
        ndo.p(f" hwaddr type {ndo.u2(at + 2)} {ndo.get(at + 4, size - 4).hex()}")
    elif kind == 4:
        ndo.p(f" uuid {ndo.get(at + 2, 16).hex() if size == 18 else '?'}")
    else:
        ndo.p(" ?" if kind in (1, 2, 3) else f" type {kind}")
