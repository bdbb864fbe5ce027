"""The vocabulary of ipfw(8): tables that the parser and the printer both read (the _s_x tables of sbin/ipfw/ipfw2.c)."""

from __future__ import annotations

from vshell.abi.ip_fw import (
    DYN_DST_ADDR,
    DYN_DST_PORT,
    DYN_SRC_ADDR,
    DYN_SRC_PORT,
    EXT_AH,
    EXT_DSTOPTS,
    EXT_ESP,
    EXT_FRAGMENT,
    EXT_HOPOPTS,
    EXT_ROUTING,
    EXT_RTHDR0,
    EXT_RTHDR2,
    IP_FW_IPOPT_LSRR,
    IP_FW_IPOPT_RR,
    IP_FW_IPOPT_SSRR,
    IP_FW_IPOPT_TS,
    IP_FW_TCPOPT_CC,
    IP_FW_TCPOPT_MSS,
    IP_FW_TCPOPT_SACK,
    IP_FW_TCPOPT_TS,
    IP_FW_TCPOPT_WINDOW,
)

EX_USAGE, EX_DATAERR, EX_NOHOST, EX_UNAVAILABLE, EX_OSERR = 64, 65, 68, 69, 71

TCPFLAGS = {"syn": 2, "fin": 1, "ack": 0x10, "psh": 8, "rst": 4, "urg": 0x20}
TCPOPTS = {
    "mss": IP_FW_TCPOPT_MSS, "maxseg": IP_FW_TCPOPT_MSS, "window": IP_FW_TCPOPT_WINDOW, "sack": IP_FW_TCPOPT_SACK,
    "ts": IP_FW_TCPOPT_TS, "timestamp": IP_FW_TCPOPT_TS, "cc": IP_FW_TCPOPT_CC,
}  # fmt: skip
IPOPTS = {"ssrr": IP_FW_IPOPT_SSRR, "lsrr": IP_FW_IPOPT_LSRR, "rr": IP_FW_IPOPT_RR, "ts": IP_FW_IPOPT_TS}
IPTOS = {"lowdelay": 16, "throughput": 8, "reliability": 4}
IPTOS_PARSED = {**IPTOS, "congestion": 3, "ecntransport": 2}
IPOFF = {"rf": 0x80, "df": 0x40, "mf": 0x20, "offset": 1}
DSCP = {
    "af11": 10, "af12": 12, "af13": 14, "af21": 18, "af22": 20, "af23": 22, "af31": 26, "af32": 28, "af33": 30, "af41": 34,
    "af42": 36, "af43": 38, "be": 0, "va": 44, "ef": 46, "cs0": 0, "cs1": 8, "cs2": 16, "cs3": 24, "cs4": 32, "cs5": 40,
    "cs6": 48, "cs7": 56,
}  # fmt: skip
LIMIT_MASKS = {
    "all": DYN_SRC_ADDR | DYN_SRC_PORT | DYN_DST_ADDR | DYN_DST_PORT, "src-addr": DYN_SRC_ADDR, "src-port": DYN_SRC_PORT,
    "dst-addr": DYN_DST_ADDR, "dst-port": DYN_DST_PORT,
}  # fmt: skip
IPPROTO_ETHERTYPE = 0x1000
"""Not a protocol: lists of Ethernet types are read and printed like lists of ports."""
ETHERTYPES = {
    "ip": 0x0800, "ipv4": 0x0800, "ipv6": 0x86DD, "arp": 0x0806, "rarp": 0x8035, "vlan": 0x8100, "loop": 0x9000,
    "trail": 0x1000, "at": 0x809B, "atalk": 0x809B, "aarp": 0x80F3, "pppoe_disc": 0x8863, "pppoe_sess": 0x8864,
    "ipx_8022": 0x00E0, "ipx_8023": 0x0000, "ipx_ii": 0x8137, "ipx_snap": 0x8137, "ipx": 0x8137, "ns": 0x0600,
}  # fmt: skip
ICMPCODES = {
    "net": 0, "host": 1, "protocol": 2, "port": 3, "needfrag": 4, "srcfail": 5, "net-unknown": 6, "host-unknown": 7,
    "isolated": 8, "net-prohib": 9, "host-prohib": 10, "tosnet": 11, "toshost": 12, "filter-prohib": 13,
    "host-precedence": 14, "precedence-cutoff": 15,
}  # fmt: skip
ICMP6CODES = {"no-route": 0, "admin-prohib": 1, "address": 3, "port": 4}
EXT6HDRS = {
    "frag": EXT_FRAGMENT, "hopopt": EXT_HOPOPTS, "route": EXT_ROUTING, "dstopt": EXT_DSTOPTS, "ah": EXT_AH, "esp": EXT_ESP,
    "rthdr0": EXT_RTHDR0, "rthdr2": EXT_RTHDR2,
}  # fmt: skip
EXT6NAMES = (
    (EXT_FRAGMENT, "fragmentation"), (EXT_HOPOPTS, "hop options"), (EXT_ROUTING, "routing options"), (EXT_RTHDR0, "rthdr0"),
    (EXT_RTHDR2, "rthdr2"), (EXT_DSTOPTS, "destination options"), (EXT_AH, "authentication header"),
    (EXT_ESP, "encapsulating security payload"),
)  # fmt: skip
RETURNS = {"next-rulenum": 0, "next-rule": 1}
EACTIONS = ("nat64clat", "nat64lsn", "nat64stl", "nptv6", "tcp-setmss")
LOOKUP_KEYS = (
    "dst-ip", "src-ip", "dst-port", "src-port", "uid", "jail", "dscp", "dst-mac", "src-mac", "mark", "rulenum", "dst-ip6",
    "src-ip6", "dst-ip4", "src-ip4",
)  # fmt: skip
TVALUES = ("tag", "pipe", "divert", "skipto", "netgraph", "fib", "nat", "nh4", "nh6", "dscp", "limit", "mark")
RESERVED = (
    "altq", "//", "diverted", "dst-port", "src-port", "established", "keep-state", "frag", "icmptypes", "in", "out", "ip6",
    "any", "to", "via", "{", "lookup", "tagged",
)  # fmt: skip
"""Words that cannot be a port."""


def name_of(table: dict[str, int], value: int) -> str | None:
    """match_value: the first name of a value."""
    return next((name for name, number in table.items() if number == value), None)


def contigmask(mask: bytes) -> int:
    """The number of leading ones, -1 if others follow a zero."""
    bits = "".join(f"{octet:08b}" for octet in mask)
    ones = bits.find("0")
    if ones < 0:
        return len(bits)
    return -1 if "1" in bits[ones:] else ones
