"""Redirects received over IPv6: who may send them, and the routes they make (netinet6/icmp6.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import KError
from vshell.abi.route import RTF_GATEWAY
from vshell.abi.socket import AF_INET6
from vshell.kernel.net.route.nhop import NHF_GATEWAY
from vshell.kernel.net.route.route import rib_add_redirect
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet6.in6_var import Ip6

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet


def from_current_router(ifp: Ifnet, dst: bytes, router: bytes) -> bool:
    """True if `router` is the first hop we use for `dst`."""
    nh = fib_lookup(ifp.vnet, AF_INET6, dst, ifp.fib)
    return nh is not None and bool(nh.flags & NHF_GATEWAY) and nh.gateway == router


def install(ifp: Ifnet, dst: bytes, target: bytes, router: bytes) -> None:
    """Send what is for `dst` to `target` from now on, for as long as net.inet6.icmp6.redirtimeout says."""
    lifetime: int = ifp.vnet[Ip6].redirtimeout
    try:
        rib_add_redirect(ifp.vnet, ifp.fib, AF_INET6, dst, (AF_INET6, target, ifp.index), ifp, RTF_GATEWAY, lifetime)
    except KError:
        return  # a hint that cannot be followed is no error
