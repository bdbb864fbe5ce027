"""May a neighbour be on this interface?  The routing table says (in_lltable_rtcheck of netinet/in.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL
from vshell.abi.socket import AF_INET
from vshell.abi.sockio import IFF_NOARP, IFF_STATICARP, IFT_ETHER
from vshell.kernel.net.route.nhop import NHF_GATEWAY, NHF_HOST
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet.in_var import ifaof_ifpforaddr

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet


def in_lltable_rtcheck(ifp: Ifnet, addr: bytes) -> int:
    """0 if a route covers the address on this interface, EINVAL if not."""
    nh = fib_lookup(ifp.vnet, AF_INET, addr, ifp.fib)
    if nh is None:
        return EINVAL
    if nh.flags & NHF_GATEWAY and (
        # A host route whose gateway is the host itself lets ARP proceed.
        not nh.flags & NHF_HOST or nh.ifp.type != IFT_ETHER or nh.ifp.flags & (IFF_NOARP | IFF_STATICARP) or nh.gateway != addr
    ):
        return EINVAL
    if nh.ifp is not ifp and not nh.flags & NHF_HOST:
        # Two interfaces with one prefix: the route leads over the other.
        ia = ifaof_ifpforaddr(ifp, addr)
        if ia is None or not ia.covers(addr):
            return EINVAL
    return 0
