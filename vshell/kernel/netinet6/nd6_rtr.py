"""Prefixes on links (the prefix half of netinet6/nd6_rtr.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.in6 import IN6_IFF_ANYCAST, IN6_IFF_NOTREADY, ND6_INFINITE_LIFETIME
from vshell.kernel.kern.clock import NS
from vshell.kernel.netinet6 import in6_route
from vshell.kernel.netinet6.in6_var import In6Ifaddr, Ip6, NdPrefix, in6ifa_ifpforlinklocal
from vshell.kernel.netinet6.nd6 import lltable_prefix_free

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet


def nd6_prefix_lookup(ifp: Ifnet, network: bytes, plen: int) -> NdPrefix | None:
    """The prefix on this interface."""
    for prefix in ifp.vnet[Ip6].prefixes:
        if prefix.ifp is ifp and prefix.plen == plen and prefix.prefix == network:
            found: NdPrefix = prefix
            return found
    return None


def nd6_prelist_add(
    ifp: Ifnet,
    network: bytes,
    plen: int,
    *,
    auto: bool = False,
    vltime: int = ND6_INFINITE_LIFETIME,
    pltime: int = ND6_INFINITE_LIFETIME,
) -> NdPrefix:
    """Add a prefix and put its route in."""
    prefix = NdPrefix(ifp, network, plen)
    prefix.raf_auto, prefix.vltime, prefix.pltime = auto, vltime, pltime
    ifp.vnet[Ip6].prefixes.insert(0, prefix)
    nd6_prefix_onlink(prefix)
    return prefix


def nd6_prefix_refresh(prefix: NdPrefix, vltime: int, pltime: int) -> None:
    """Another address of the prefix: its lifetimes may grow, never shrink."""
    prefix.vltime = max(prefix.vltime, vltime)
    prefix.pltime = max(prefix.pltime, pltime)
    prefix.lastupdate = prefix.ifp.kernel.clock.now


def nd6_prefix_onlink(prefix: NdPrefix) -> None:
    """Put the interface route of a prefix in, unless another interface has the same prefix on-link."""
    if prefix.onlink:
        return
    for other in prefix.ifp.vnet[Ip6].prefixes:
        same = other.prefix == prefix.prefix and other.plen == prefix.plen and not in6_route.is_scoped_prefix(prefix)
        if other is not prefix and other.onlink and same and in6_route.same_fib(other.ifp, prefix.ifp):
            return
    ia = in6ifa_ifpforlinklocal(prefix.ifp, IN6_IFF_NOTREADY | IN6_IFF_ANYCAST)
    if ia is None:
        ia = next((a for a in prefix.ifp.addrs if isinstance(a, In6Ifaddr)), None)
    if ia is not None and in6_route.add_prefix(prefix, ia):
        prefix.onlink = True


def nd6_prefix_offlink(prefix: NdPrefix) -> None:
    """Take the route out; the same prefix on another interface may step in."""
    if not prefix.onlink:
        return
    in6_route.del_prefix(prefix)
    prefix.onlink = False
    taken = False
    for other in prefix.ifp.vnet[Ip6].prefixes:
        if other is prefix or other.onlink or other.detached or other.plen != prefix.plen or other.prefix != prefix.prefix:
            continue
        nd6_prefix_onlink(other)
        taken = taken or other.onlink
    if not taken:
        lltable_prefix_free(prefix.ifp, prefix.prefix, prefix.plen)


def nd6_prefix_unlink(prefix: NdPrefix) -> None:
    """Forget a prefix."""
    prefixes = prefix.ifp.vnet[Ip6].prefixes
    if prefix in prefixes:
        nd6_prefix_offlink(prefix)
        prefixes.remove(prefix)


def nd6_prefix_expire(vnet: Vnet) -> None:
    """Prefixes whose valid lifetime is over go, or go off-link while addresses still hold them."""
    now = vnet.kernel.clock.now
    for prefix in vnet[Ip6].prefixes[:]:
        if prefix.vltime == ND6_INFINITE_LIFETIME or now - prefix.lastupdate <= prefix.vltime * NS:
            continue
        if prefix.addrcnt == 0:
            nd6_prefix_unlink(prefix)
        else:
            nd6_prefix_offlink(prefix)


def pfxlist_onlink_check(vnet: Vnet) -> None:
    """Detach autoconfigured prefixes without a reachable router; without routers every prefix is attached."""
    for prefix in vnet[Ip6].prefixes:
        if prefix.raf_auto and prefix.detached:
            prefix.detached = False
            nd6_prefix_onlink(prefix)
