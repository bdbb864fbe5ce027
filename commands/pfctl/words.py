"""Words of pf.conf(5): keywords, ICMP types and codes, timeouts, limits (sbin/pfctl/parse.y, pfctl_parser.c, pfctl.c)."""

from __future__ import annotations

from vshell.abi import pf as P

KEYWORDS = frozenset(
    [
        "af-to",
        "all",
        "allow-opts",
        "allow-related",
        "altq",
        "anchor",
        "antispoof",
        "any",
        "bandwidth",
        "binat",
        "binat-anchor",
        "binat-to",
        "bitmask",
        "block",
        "block-policy",
        "bridge-to",
        "buckets",
        "cbq",
        "code",
        "codelq",
        "debug",
        "divert-reply",
        "divert-to",
        "dnpipe",
        "dnqueue",
        "drop",
        "dup-to",
        "endpoint-independent",
        "ether",
        "fail-policy",
        "fairq",
        "fastroute",
        "file",
        "fingerprints",
        "flags",
        "floating",
        "flush",
        "for",
        "fragment",
        "from",
        "global",
        "group",
        "hfsc",
        "hogs",
        "hostid",
        "icmp-type",
        "icmp6-type",
        "if-bound",
        "in",
        "include",
        "inet",
        "inet6",
        "interval",
        "keep",
        "keepcounters",
        "l3",
        "label",
        "limit",
        "linkshare",
        "load",
        "log",
        "loginterface",
        "map-e-portset",
        "match",
        "matches",
        "max",
        "max-mss",
        "max-pkt-rate",
        "max-pkt-size",
        "max-src-conn",
        "max-src-conn-rate",
        "max-src-nodes",
        "max-src-states",
        "min-ttl",
        "modulate",
        "nat",
        "nat-anchor",
        "nat-to",
        "no",
        "no-df",
        "no-route",
        "no-sync",
        "on",
        "optimization",
        "os",
        "out",
        "overload",
        "pass",
        "pflow",
        "port",
        "prefer-ipv6-nexthop",
        "prio",
        "priority",
        "priq",
        "probability",
        "proto",
        "qlimit",
        "queue",
        "quick",
        "random",
        "random-id",
        "rdr",
        "rdr-anchor",
        "rdr-to",
        "realtime",
        "reassemble",
        "received-on",
        "reply-to",
        "require-order",
        "return",
        "return-icmp",
        "return-icmp6",
        "return-rst",
        "ridentifier",
        "round-robin",
        "route",
        "route-to",
        "rtable",
        "rule",
        "ruleset-optimization",
        "scrub",
        "set",
        "set-tos",
        "skip",
        "sloppy",
        "source-hash",
        "source-track",
        "state",
        "state-defaults",
        "state-policy",
        "static-port",
        "sticky-address",
        "syncookies",
        "synproxy",
        "table",
        "tag",
        "tagged",
        "target",
        "tbrsize",
        "timeout",
        "to",
        "tos",
        "ttl",
        "upperlimit",
        "urpf-failed",
        "user",
    ]
)

TCPFLAGS = "FSRPAUEWe"
TH_FLAGS = 0xFF

ICMP_TYPES = {
    "echoreq": 8, "echorep": 0, "unreach": 3, "squench": 4, "redir": 5, "althost": 6, "routeradv": 9, "routersol": 10,
    "timex": 11, "paramprob": 12, "timereq": 13, "timerep": 14, "inforeq": 15, "inforep": 16, "maskreq": 17, "maskrep": 18,
    "trace": 30, "dataconv": 31, "mobredir": 32, "ipv6-where": 33, "ipv6-here": 34, "mobregreq": 35, "mobregrep": 36,
    "skip": 39, "photuris": 40,
}  # fmt: skip
ICMP6_TYPES = {
    "unreach": 1, "toobig": 2, "timex": 3, "paramprob": 4, "echoreq": 128, "echorep": 129, "groupqry": 130, "listqry": 130,
    "grouprep": 131, "listenrep": 131, "groupterm": 132, "listendone": 132, "routersol": 133, "routeradv": 134,
    "neighbrsol": 135, "neighbradv": 136, "redir": 137, "routrrenum": 138, "wrureq": 139, "wrurep": 140, "fqdnreq": 139,
    "fqdnrep": 140, "niqry": 139, "nirep": 140, "mtraceresp": 200, "mtrace": 201, "listenrepv2": 143,
}  # fmt: skip
ICMP_CODES = {
    "net-unr": (3, 0), "host-unr": (3, 1), "proto-unr": (3, 2), "port-unr": (3, 3), "needfrag": (3, 4), "srcfail": (3, 5),
    "net-unk": (3, 6), "host-unk": (3, 7), "isolate": (3, 8), "net-prohib": (3, 9), "host-prohib": (3, 10),
    "net-tos": (3, 11), "host-tos": (3, 12), "filter-prohib": (3, 13), "host-preced": (3, 14), "cutoff-preced": (3, 15),
    "redir-net": (5, 0), "redir-host": (5, 1), "redir-tos-net": (5, 2), "redir-tos-host": (5, 3), "normal-adv": (9, 0),
    "common-adv": (9, 16), "transit": (11, 0), "reassemb": (11, 1), "badhead": (12, 0), "optmiss": (12, 1), "badlen": (12, 2),
    "unknown-ind": (40, 1), "auth-fail": (40, 2), "decrypt-fail": (40, 3),
}  # fmt: skip
ICMP6_CODES = {
    "admin-unr": (1, 1), "noroute-unr": (1, 0), "notnbr-unr": (1, 2), "beyond-unr": (1, 2), "addr-unr": (1, 3),
    "port-unr": (1, 4), "transit": (3, 0), "reassemb": (3, 1), "badhead": (4, 0), "nxthdr": (4, 1), "redironlink": (137, 0),
    "redirrouter": (137, 1),
}  # fmt: skip

TIMEOUTS = {
    "tcp.first": P.PFTM_TCP_FIRST_PACKET, "tcp.opening": P.PFTM_TCP_OPENING, "tcp.established": P.PFTM_TCP_ESTABLISHED,
    "tcp.closing": P.PFTM_TCP_CLOSING, "tcp.finwait": P.PFTM_TCP_FIN_WAIT, "tcp.closed": P.PFTM_TCP_CLOSED,
    "tcp.tsdiff": P.PFTM_TS_DIFF, "sctp.first": P.PFTM_SCTP_FIRST_PACKET, "sctp.opening": P.PFTM_SCTP_OPENING,
    "sctp.established": P.PFTM_SCTP_ESTABLISHED, "sctp.closing": P.PFTM_SCTP_CLOSING, "sctp.closed": P.PFTM_SCTP_CLOSED,
    "udp.first": P.PFTM_UDP_FIRST_PACKET, "udp.single": P.PFTM_UDP_SINGLE, "udp.multiple": P.PFTM_UDP_MULTIPLE,
    "icmp.first": P.PFTM_ICMP_FIRST_PACKET, "icmp.error": P.PFTM_ICMP_ERROR_REPLY, "other.first": P.PFTM_OTHER_FIRST_PACKET,
    "other.single": P.PFTM_OTHER_SINGLE, "other.multiple": P.PFTM_OTHER_MULTIPLE, "frag": P.PFTM_FRAG,
    "interval": P.PFTM_INTERVAL, "adaptive.start": P.PFTM_ADAPTIVE_START, "adaptive.end": P.PFTM_ADAPTIVE_END,
    "src.track": P.PFTM_SRC_NODE,
}  # fmt: skip
TIMEOUT_NAMES = {number: name for name, number in TIMEOUTS.items()}

LIMITS = ("states", "src-nodes", "frags", "table-entries", "anchors", "eth-anchors")

_TCP = ("tcp.first", "tcp.opening", "tcp.established", "tcp.closing", "tcp.finwait", "tcp.closed", "tcp.tsdiff")
_SATELLITE = dict(zip(_TCP, (180, 35, 86400, 905, 50, 95, 60), strict=True))
HINTS = {
    "normal": dict(zip(_TCP, (120, 30, 86400, 900, 45, 90, 30), strict=True)),
    "satellite": _SATELLITE,
    "high-latency": _SATELLITE,
    "conservative": dict(zip(_TCP, (3600, 900, 432000, 3600, 600, 180, 60), strict=True)),
    "aggressive": dict(zip(_TCP, (30, 5, 18000, 60, 30, 30, 10), strict=True)),
}
"""What `set optimization` sets."""

TOS = {
    "af11": 0x28, "af12": 0x30, "af13": 0x38, "af21": 0x48, "af22": 0x50, "af23": 0x58, "af31": 0x68, "af32": 0x70,
    "af33": 0x78, "af41": 0x88, "af42": 0x90, "af43": 0x98, "critical": 0xA0, "cs0": 0, "cs1": 0x20, "cs2": 0x40, "cs3": 0x60,
    "cs4": 0x80, "cs5": 0xA0, "cs6": 0xC0, "cs7": 0xE0, "ef": 0xB8, "inetcontrol": 0xC0, "lowdelay": 0x10, "netcontrol": 0xE0,
    "reliability": 0x04, "throughput": 0x08, "va": 0xB0,
}  # fmt: skip

SYNCOOKIES = ("never", "always", "adaptive")
DEBUG_LEVELS = ("none", "urgent", "misc", "loud")
SN_TYPES = ("limit source-track", "NAT/RDR sticky-address", "route sticky-address")

PF_OPT_DISABLE, PF_OPT_ENABLE, PF_OPT_VERBOSE, PF_OPT_NOACTION, PF_OPT_QUIET, PF_OPT_CLRRULECTRS = 1, 2, 4, 8, 0x10, 0x20
PF_OPT_USEDNS, PF_OPT_VERBOSE2, PF_OPT_DUMMYACTION, PF_OPT_DEBUG, PF_OPT_SHOWALL = 0x40, 0x80, 0x100, 0x200, 0x400
PF_OPT_OPTIMIZE, PF_OPT_NUMERIC, PF_OPT_MERGE, PF_OPT_RECURSE = 0x800, 0x1000, 0x2000, 0x4000
PF_OPT_KILLMATCH, PF_OPT_NODNS, PF_OPT_IGNFAIL = 0x8000, 0x10000, 0x20000
PFCTL_FLAG_ALTQ, PFCTL_FLAG_NAT, PFCTL_FLAG_FILTER, PFCTL_FLAG_OPTION = 2, 4, 8, 16
PFCTL_FLAG_TABLE, PFCTL_FLAG_ETH = 32, 64


def type_name(number: int, inet6: bool) -> str | None:
    """geticmptypebynumber."""
    table = ICMP6_TYPES if inet6 else ICMP_TYPES
    return next((name for name, value in table.items() if value == number), None)


def code_name(kind: int, number: int, inet6: bool) -> str | None:
    """geticmpcodebynumber."""
    table = ICMP6_CODES if inet6 else ICMP_CODES
    return next((name for name, value in table.items() if value == (kind, number)), None)


def code_number(kind: int, name: str, inet6: bool) -> int | None:
    """geticmpcodebyname: the names of a type only."""
    found = (ICMP6_CODES if inet6 else ICMP_CODES).get(name)
    return found[1] if found is not None and found[0] == kind else None


def parse_flags(text: str) -> int:
    """parse_flags: TCP flags by letters, -1 if there is another; none at all stands for all."""
    flags = 0
    for letter in text:
        bit = TCPFLAGS.find(letter)
        if bit < 0:
            return -1
        flags |= 1 << bit
    return flags or TH_FLAGS
