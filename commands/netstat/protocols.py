"""The protocols netstat(1) knows, in its order (protox, ip6protox ... of main.c)."""

from __future__ import annotations

from typing import NamedTuple

from vshell.abi.socket import AF_INET, AF_INET6, AF_NETGRAPH

PF_KEY = 29


class Protox(NamedTuple):
    """One protocol."""

    family: int
    name: str
    protocol: int
    sockets: bool
    """It has sockets to list."""
    stats: bool
    """It has statistics."""
    ifstats: bool = False
    """It has statistics per interface."""


PROTOX = (
    Protox(AF_INET, "tcp", 6, True, True),
    Protox(AF_INET, "udp", 17, True, True),
    Protox(AF_INET, "udplite", 136, True, False),
    Protox(AF_INET, "sctp", 132, True, True),
    Protox(AF_INET, "sdp", 6, True, False),
    Protox(AF_INET, "divert", 258, True, True),
    Protox(AF_INET, "ip", 255, True, True),
    Protox(AF_INET, "icmp", 1, True, True),
    Protox(AF_INET, "igmp", 2, True, True),
    Protox(AF_INET, "ipsec", 0, False, True),
    Protox(AF_INET, "ah", 0, False, True),
    Protox(AF_INET, "esp", 0, False, True),
    Protox(AF_INET, "ipcomp", 0, False, True),
    Protox(AF_INET, "pim", 103, True, True),
    Protox(AF_INET, "carp", 0, False, True),
    Protox(AF_INET, "pfsync", 0, False, True),
    Protox(AF_INET, "pflow", 0, False, True),
    Protox(AF_INET, "arp", 0, False, True),
    Protox(AF_INET6, "tcp", 6, True, True),
    Protox(AF_INET6, "udp", 17, True, True),
    Protox(AF_INET6, "udplite", 136, True, False),
    Protox(AF_INET6, "ip6", 255, True, True, True),
    Protox(AF_INET6, "icmp6", 58, True, True, True),
    Protox(AF_INET6, "sdp", 6, True, False),
    Protox(AF_INET6, "ipsec6", 0, False, True),
    Protox(AF_INET6, "rip6", 0, False, True),
    Protox(PF_KEY, "pfkey", 0, False, True),
    Protox(AF_NETGRAPH, "ctrl", 0, True, False),
    Protox(AF_NETGRAPH, "data", 0, True, False),
)


def knownname(name: str) -> Protox | None:
    """The first protocol of that name."""
    for tp in PROTOX:
        if tp.name == name:
            return tp
    return None
