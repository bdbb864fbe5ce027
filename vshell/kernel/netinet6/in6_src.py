"""Source address selection (RFC 6724, netinet6/in6_src.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EADDRNOTAVAIL, EHOSTUNREACH, EINVAL, ENETUNREACH, KError
from vshell.abi.in6 import (
    IN6_IFF_ANYCAST,
    IN6_IFF_DETACHED,
    IN6_IFF_NOTREADY,
    IN6_IFF_PREFER_SOURCE,
    IN6_IFF_TEMPORARY,
    ND6_IFF_NO_PREFER_IFACE,
)
from vshell.abi.in6_policy import ADDR_LABEL_NOTAPP
from vshell.abi.socket import AF_INET6
from vshell.abi.sockio import IFF_LOOPBACK, IFF_UP
from vshell.kernel.net.ifnet import Ifnet, ifnet_byindex
from vshell.kernel.net.route.nhop import NHF_BLACKHOLE, NHF_HOST, NHF_REJECT
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet6.in6_policy import AddrselPolicy
from vshell.kernel.netinet6.in6_var import In6Ifaddr, Ip6, ext6
from vshell.wire.ip6 import is_linklocal, is_multicast, is_scoped

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet

LOOPBACK = bytes(15) + b"\1"


def in6_addrscope(addr: bytes) -> int:
    """The scope of an address: 1 interface, 2 link, 5 site, 14 global."""
    if is_multicast(addr):
        return addr[1] & 0x0F
    if is_linklocal(addr):
        return 2
    if addr[0] == 0xFE and addr[1] & 0xC0 == 0xC0:
        return 5
    if addr == bytes(15) + b"\1":
        return 1
    return 14


def _matchlen(one: bytes, two: bytes) -> int:
    return 128 - (int.from_bytes(one, "big") ^ int.from_bytes(two, "big")).bit_length()


def in6_selectif(vnet: Vnet, dst: bytes, scope: int, ifp: Ifnet | None, fib: int, forced: bool = False) -> Ifnet:
    """The interface a packet would leave through: `ifp` for multicasts, or where it is `forced`.  EHOSTUNREACH, ENETUNREACH."""
    if ifp is not None and (forced or is_multicast(dst)):
        return ifp
    if is_scoped(dst) and is_multicast(dst) and scope:
        ifp = ifnet_byindex(vnet, scope)
        if ifp is None:
            raise KError(EHOSTUNREACH)
        return ifp
    nh = fib_lookup(vnet, AF_INET6, dst, fib, scope)
    if nh is None:
        vnet[Ip6].ip6stat.noroute += 1
        raise KError(EHOSTUNREACH)
    if nh.flags & (NHF_REJECT | NHF_BLACKHOLE):
        raise KError(EHOSTUNREACH if nh.flags & NHF_HOST else ENETUNREACH)
    return nh.aifp


def in6_selectsrc(
    vnet: Vnet, dst: bytes, scope: int = 0, outgoing: Ifnet | None = None, fib: int = 0, forced: bool = False
) -> tuple[bytes, Ifnet]:
    """The best source for a destination, and the interface.  EADDRNOTAVAIL and the errors of in6_selectif."""
    ifp = in6_selectif(vnet, dst, scope, outgoing, fib, forced)
    if dst == LOOPBACK and not ifp.flags & IFF_LOOPBACK:
        raise KError(EINVAL)  # the zone of ::1 is a loopback interface
    ia = select_for(ifp, dst)
    if ia is None:
        vnet[Ip6].ip6stat.sources_none += 1
        raise KError(EADDRNOTAVAIL)
    stat, level = vnet[Ip6].ip6stat, in6_addrscope(ia.addr)
    (stat.sources_sameif if ia.ifp is ifp else stat.sources_otherif)[level] += 1
    (stat.sources_samescope if in6_addrscope(dst) == level else stat.sources_otherscope)[level] += 1
    return ia.addr, ifp


def in6_selectsrc_nbr(ifp: Ifnet, dst: bytes) -> bytes | None:
    """A source for neighbour discovery on an interface."""
    ia = select_for(ifp, dst)
    return ia.addr if ia is not None else None


def select_for(ifp: Ifnet, dst: bytes) -> In6Ifaddr | None:
    """The best source for a packet to `dst` that leaves through `ifp`."""
    ip6 = ifp.vnet[Ip6]
    best: In6Ifaddr | None = None
    now = ifp.kernel.clock.now
    ia: In6Ifaddr
    for ia in ip6.ifaddrhead:
        if ia.flags6 & (IN6_IFF_NOTREADY | IN6_IFF_ANYCAST | IN6_IFF_DETACHED):
            continue
        if (is_scoped(dst) or is_linklocal(ia.addr)) and ia.ifp is not ifp:
            continue  # the zone of the address does not contain the interface
        if ia.avoided(now) and not ip6.use_deprecated:
            continue
        if ia.addr == dst:
            return ia
        if best is None or _better(ia, best, dst, ifp, ip6, now):
            best = ia
    return best


def _labels(policy: AddrselPolicy, one: bytes, two: bytes, dst: bytes) -> tuple[bool, bool]:
    """Whether each has the label of the destination; no table has nothing to say."""
    if not policy.table or (want := policy.label(dst)) == ADDR_LABEL_NOTAPP:
        return False, False
    return policy.label(one) == want, policy.label(two) == want


def _better(ia: In6Ifaddr, best: In6Ifaddr, dst: bytes, ifp: Ifnet, ip6: Ip6, now: int) -> bool:
    """True if `ia` beats `best`: the first rule that tells them apart decides."""
    mine, its, want = in6_addrscope(ia.addr), in6_addrscope(best.addr), in6_addrscope(dst)
    if its < mine:
        return its < want
    if mine < its:
        return mine >= want
    extra = ext6(ifp)
    prefer_iface = extra is None or not extra.nd.flags & ND6_IFF_NO_PREFER_IFACE
    temporary = bool(ip6.prefer_tempaddr)
    rules = (
        (not ia.avoided(now), not best.avoided(now)),
        (prefer_iface and ia.ifp is ifp, prefer_iface and best.ifp is ifp),
        _labels(ifp.vnet[AddrselPolicy], ia.addr, best.addr, dst),
        (bool(ia.flags6 & IN6_IFF_TEMPORARY) == temporary, bool(best.flags6 & IN6_IFF_TEMPORARY) == temporary),
        (bool(ia.ifp.flags & IFF_UP), bool(best.ifp.flags & IFF_UP)),
        (bool(ia.flags6 & IN6_IFF_PREFER_SOURCE), bool(best.flags6 & IN6_IFF_PREFER_SOURCE)),
    )
    for one, two in rules:
        if one != two:
            return one
    return _matchlen(ia.addr, dst) > _matchlen(best.addr, dst)
