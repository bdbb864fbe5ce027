"""Routes that belong to IPv6 addresses and prefixes (the rtrequest halves of netinet6/in6.c and nd6_rtr.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import KError
from vshell.abi.socket import AF_INET6
from vshell.kernel.net.route.nhop import NHF_GATEWAY
from vshell.kernel.net.route.route_ifaddrs import (
    ifa_add_loopback_route,
    ifa_del_loopback_route,
    rib_add_kernel_px,
    rib_del_kernel_px,
)  # fmt: skip
from vshell.kernel.net.route.route_tables import Rtable, fib_lookup
from vshell.wire.ip6 import is_scoped

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.netinet6.in6_var import In6Ifaddr, NdPrefix


def _scope(addr: bytes, ifp: Ifnet) -> int:
    return ifp.index if is_scoped(addr) else 0


def _try(call: object, *args: object) -> bool:
    """Run a routing request; False if the table refused it."""
    assert callable(call)
    try:
        call(*args)
    except KError:
        return False
    return True


def add_self(ia: In6Ifaddr) -> bool:
    """The host route to an own address through lo0."""
    return _try(ifa_add_loopback_route, ia, ia.addr, _scope(ia.addr, ia.ifp))


def del_self(ia: In6Ifaddr) -> None:
    """Remove it."""
    _try(ifa_del_loopback_route, ia, ia.addr, _scope(ia.addr, ia.ifp))


def add_dstaddr(ia: In6Ifaddr) -> None:
    """The host route to the other end of a point-to-point link.  EEXIST."""
    assert ia.dstaddr is not None
    rib_add_kernel_px(ia, ia.dstaddr, None, ia.ifp, _scope(ia.dstaddr, ia.ifp))
    ia.route = True


def del_dstaddr(ia: In6Ifaddr) -> None:
    """Remove it."""
    if ia.dstaddr is not None:
        _try(rib_del_kernel_px, ia, ia.dstaddr, None, ia.ifp, _scope(ia.dstaddr, ia.ifp))
    ia.route = False


def add_prefix(prefix: NdPrefix, ia: In6Ifaddr) -> bool:
    """The interface route of a prefix."""
    prefix.ifa = ia
    plen = None if prefix.plen == 128 else prefix.plen
    return _try(rib_add_kernel_px, ia, prefix.prefix, plen, prefix.ifp, _scope(prefix.prefix, prefix.ifp))


def del_prefix(prefix: NdPrefix) -> None:
    """Remove it."""
    plen = None if prefix.plen == 128 else prefix.plen
    if prefix.ifa is not None:
        _try(rib_del_kernel_px, prefix.ifa, prefix.prefix, plen, prefix.ifp, _scope(prefix.prefix, prefix.ifp))


def is_scoped_prefix(prefix: NdPrefix) -> bool:
    """True if the prefix means something else on every interface."""
    return is_scoped(prefix.prefix)


def same_fib(one: Ifnet, two: Ifnet) -> bool:
    """True if routes of both interfaces go into the same table."""
    return one.fib == two.fib or bool(one.vnet[Rtable].add_addr_allfibs)


def is_onlink(ifp: Ifnet, addr: bytes) -> bool:
    """True if the table says the address is directly on the interface."""
    nh = fib_lookup(ifp.vnet, AF_INET6, addr, ifp.fib)
    return nh is not None and nh.aifp is ifp and not nh.flags & NHF_GATEWAY
