"""Packets in packets: who takes a protocol whose payload is another packet (netinet/ip_encap.c).

A tunnel type registers f(ifp, m, hlen, proto) for IPv4 or IPv6 outer headers; it answers True if it took the packet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vshell.abi.socket import IPPROTO_ETHERIP, IPPROTO_GRE, IPPROTO_IPV4, IPPROTO_IPV6
from vshell.kernel.netinet.in_proto import IPPROTO_ANY, ip_protox

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf

Taker = Callable[["Ifnet", "Mbuf", int, int], bool]

encap4: dict[int, list[Taker]] = {}
"""Protocol -> tunnel types over IPv4, in order of registration."""
encap6: dict[int, list[Taker]] = {}
"""The same over IPv6."""


def ip_encap_attach(proto: int, taker: Taker) -> None:
    """Register for IPv4."""
    encap4.setdefault(proto, []).append(taker)


def ip6_encap_attach(proto: int, taker: Taker) -> None:
    """Register for IPv6."""
    encap6.setdefault(proto, []).append(taker)


def encap4_input(ifp: Ifnet, m: Mbuf, hlen: int, proto: int) -> None:
    """Find a tunnel; without one it is a matter of raw sockets."""
    for taker in encap4.get(proto, ()):
        if taker(ifp, m, hlen, proto):
            return
    ip_protox[IPPROTO_ANY](ifp, m, hlen, proto)


for _proto in (IPPROTO_IPV4, IPPROTO_IPV6, IPPROTO_GRE, IPPROTO_ETHERIP):
    ip_protox[_proto] = encap4_input
