"""The table of protocols over IPv4 (ip_protox, ip_ctlprotox of netinet/ip_input.c): filled by each protocol's file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

Input = Callable[["Ifnet", "Mbuf", int, int], None]
"""f(ifp, m, hlen, proto): `m.off` is at the IP header, which is `hlen` long."""
CtlInput = Callable[["Vnet", bytes], None]
"""f(vnet, icmp): an ICMP error about a packet of ours; `icmp` is the message from its header on."""

IPPROTO_ANY = 256
"""The key of what takes packets nobody else is registered for: raw sockets."""

ip_protox: dict[int, Input] = {}
ip_ctlprotox: dict[int, CtlInput] = {}
