"""Finding interface addresses (the ifa_ifwith... family of net/if.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.socket import AF_INET
from vshell.abi.sockio import IFF_BROADCAST, IFF_POINTOPOINT
from vshell.wire.ip6 import is_scoped

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifaddr, Ifnet
    from vshell.kernel.net.vnet import Vnet


def same_prefix(one: bytes, two: bytes, plen: int) -> bool:
    """True if two addresses agree in the first `plen` bits."""
    shift = len(one) * 8 - plen
    return len(one) == len(two) and int.from_bytes(one, "big") >> shift == int.from_bytes(two, "big") >> shift


def _here(ifp: Ifnet, addr: bytes, scope: int) -> bool:
    """False if a link-local address belongs to another interface."""
    return not scope or not is_scoped(addr) or ifp.index == scope


def ifa_ifwithaddr(vnet: Vnet, family: int, addr: bytes, scope: int = 0) -> Ifaddr | None:
    """The address itself, or one whose broadcast address it is."""
    for ifp in vnet.ifnets:
        for ifa in ifp.addrs:
            if ifa.family != family:
                continue
            if ifa.addr == addr and _here(ifp, addr, scope):
                return ifa
            if ifp.flags & IFF_BROADCAST and ifa.broadaddr == addr:
                return ifa
    return None


def ifa_ifwithdstaddr(vnet: Vnet, family: int, addr: bytes, fib: int | None = None, scope: int = 0) -> Ifaddr | None:
    """The address of the point-to-point interface whose other end has `addr`."""
    for ifp in vnet.ifnets:
        if not ifp.flags & IFF_POINTOPOINT or (fib is not None and ifp.fib != fib):
            continue
        for ifa in ifp.addrs:
            if ifa.family == family and ifa.dstaddr == addr and _here(ifp, addr, scope):
                return ifa
    return None


def ifa_ifwithnet(
    vnet: Vnet, family: int, addr: bytes, ignore_ptp: bool = False, fib: int | None = None, scope: int = 0
) -> Ifaddr | None:
    """The address with the longest mask whose network holds `addr`."""
    best: Ifaddr | None = None
    for ifp in vnet.ifnets:
        if fib is not None and ifp.fib != fib:
            continue
        for ifa in ifp.addrs:
            if ifa.family != family:
                continue
            if family == AF_INET and ifp.flags & IFF_POINTOPOINT and not ignore_ptp:
                # A point-to-point link is known by its other end.
                if ifa.dstaddr == addr:
                    return ifa
            elif best is not None and ifa.prefixlen <= best.prefixlen:
                continue
            elif same_prefix(ifa.addr, addr, ifa.prefixlen) and _here(ifp, addr, scope):
                best = ifa
    return best


def ifaof_ifpforaddr(family: int, addr: bytes, ifp: Ifnet) -> Ifaddr | None:
    """The address of `ifp` best suited to talk to `addr`: on its network, else the first of the family."""
    first: Ifaddr | None = None
    for ifa in ifp.addrs:
        if ifa.family != family:
            continue
        first = first or ifa
        if ifp.flags & IFF_POINTOPOINT:
            if ifa.dstaddr == addr:
                return ifa
        elif same_prefix(ifa.addr, addr, ifa.prefixlen):
            return ifa
    return first
