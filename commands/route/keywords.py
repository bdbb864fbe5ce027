"""The words of route(8): commands and modifiers, with the kind of argument each takes and what it is for.

One table for the parser and for a completer.
"""

from __future__ import annotations

COMMANDS: dict[str, str] = {
    "add": "add a route",
    "change": "change aspects of a route",
    "del": "delete a route",
    "delete": "delete a route",
    "flush": "remove all routes that have a gateway",
    "get": "look up and display the route for a destination",
    "monitor": "report changes as they happen",
    "show": "look up and display the route for a destination",
}

MODIFIERS: dict[str, tuple[str, str]] = {
    "4": ("", "addresses are IPv4"),
    "6": ("", "addresses are IPv6"),
    "blackhole": ("", "discard packets silently"),
    "dst": ("address", "the destination"),
    "expire": ("number", "when the route ends, +SECONDS from now"),
    "fib": ("fibs", "the tables: numbers, ranges, all, default"),
    "gateway": ("address", "the gateway"),
    "genmask": ("mask", "no longer used"),
    "hopcount": ("number", "no longer used"),
    "host": ("", "the destination is a host"),
    "iface": ("", "the gateway is an interface"),
    "ifa": ("address", "the source address"),
    "ifp": ("interface", "the outgoing interface"),
    "inet": ("", "addresses are IPv4"),
    "inet6": ("", "addresses are IPv6"),
    "interface": ("", "the gateway is an interface"),
    "link": ("", "addresses are link-level ones"),
    "lock": ("", "no longer used"),
    "lockrest": ("", "no longer used"),
    "mtu": ("number", "largest packet"),
    "net": ("", "the destination is a network"),
    "netmask": ("mask", "the mask of the destination"),
    "nostatic": ("", "as if the kernel or a daemon had added it"),
    "nostick": ("", "no longer used"),
    "prefixlen": ("number", "the length of the destination's prefix"),
    "proto1": ("", "set the first flag of routing daemons"),
    "proto2": ("", "set the second flag of routing daemons"),
    "proxy": ("", "set the second flag of routing daemons"),
    "recvpipe": ("number", "no longer used"),
    "reject": ("", "answer that the destination is unreachable"),
    "rtt": ("number", "no longer used"),
    "rttvar": ("number", "no longer used"),
    "sa": ("", "addresses are hexadecimal octets"),
    "sendpipe": ("number", "no longer used"),
    "ssthresh": ("number", "no longer used"),
    "static": ("", "added by hand"),
    "sticky": ("", "no longer used"),
    "weight": ("number", "share of this path among several"),
    "xresolve": ("", "no longer used"),
}

FLUSH_MODIFIERS = ("4", "6", "fib", "inet", "inet6", "link")
MONITOR_MODIFIERS = ("fib",)
