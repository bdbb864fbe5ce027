"""Internet addresses and per-interface state of IPv4 (netinet/in_var.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.socket import AF_INET
from vshell.abi.sockio import IFF_BROADCAST, IFF_LOOPBACK, IFF_POINTOPOINT
from vshell.kernel.net.ifnet import Ifaddr
from vshell.kernel.netinet.ip_var import Ip

if TYPE_CHECKING:
    from vshell.kernel.kern.clock import Callout
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netinet.igmp_var import IgmpIfinfo
    from vshell.kernel.netinet.lltable import Lltable

IFA_ROUTE = 0x1
"""The address carries the route of its prefix."""
RFC3021_MASK = 0xFFFFFFFE


class InIfaddr(Ifaddr):
    """struct in_ifaddr."""

    family = AF_INET

    def __init__(self, ifp: Ifnet, addr: bytes, mask: bytes) -> None:
        super().__init__(ifp)
        self.addr = addr
        self.mask = mask
        self.subnetmask = int.from_bytes(mask, "big")
        self.subnet = int.from_bytes(addr, "big") & self.subnetmask
        self.prefixlen = mask_len(self.subnetmask)
        self.garp_timer: Callout | None = None
        self.garp_count = 0
        self.vhid = 0

    def covers(self, addr: bytes) -> bool:
        """True if an address is in the subnet."""
        return int.from_bytes(addr, "big") & self.subnetmask == self.subnet

    def prefix(self) -> tuple[bytes, int]:
        """ia_getrtprefix: the (network, mask) whose route the address stands for."""
        flags = self.ifp.flags
        if flags & IFF_POINTOPOINT:
            return self.dstaddr or bytes(4), 0xFFFFFFFF
        if flags & IFF_LOOPBACK:
            return self.addr, 0xFFFFFFFF
        return self.subnet.to_bytes(4, "big"), self.subnetmask


class InIfinfo:
    """struct in_ifinfo: what IPv4 keeps for an interface, `ifp.afdata[AF_INET]`."""

    def __init__(self, lltable: Lltable, igmp: IgmpIfinfo) -> None:
        self.lltable = lltable
        self.igmp = igmp
        self.allhosts = False
        """Member of 224.0.0.1."""


def mask_len(mask: int) -> int:
    """in_mask2len: the leading ones of a mask."""
    return 32 - (mask ^ 0xFFFFFFFF).bit_length()


def in_addrs(ifp: Ifnet) -> list[InIfaddr]:
    """The IPv4 addresses of an interface, in order."""
    return [a for a in ifp.addrs if isinstance(a, InIfaddr)]


def in_localip(vnet: Vnet, addr: bytes) -> bool:
    """True if an address is one of the stack's."""
    return addr in vnet[Ip].inaddr_hash


def in_localip_fib(vnet: Vnet, addr: bytes, fib: int) -> bool:
    """True if an address is one of the stack's, on an interface of that fib."""
    return any(ia.ifp.fib == fib and (ia.carp is None or ia.carp.master()) for ia in vnet[Ip].inaddr_hash.get(addr, ()))


def in_multicast(addr: bytes | bytearray) -> bool:
    """IN_MULTICAST."""
    return addr[0] & 0xF0 == 0xE0


def in_linklocal(addr: bytes | bytearray) -> bool:
    """IN_LINKLOCAL: 169.254/16."""
    return addr[0] == 169 and addr[1] == 254


def in_broadcast(addr: bytes) -> bool:
    """in_broadcast: all ones or 0.0.0.0."""
    return addr == b"\xff\xff\xff\xff" or addr == b"\0\0\0\0"


def in_loopback(ip: Ip, addr: bytes | bytearray) -> bool:
    """IN_LOOPBACK: in the network reserved for this host."""
    shift = 32 - ip.loopback_plen
    return int.from_bytes(addr, "big") >> shift == 0x7F000000 >> shift


def in_canforward(ip: Ip, addr: bytes) -> bool:
    """in_canforward: a destination that may leave the host it came to."""
    if in_multicast(addr) or in_linklocal(addr) or in_loopback(ip, addr) or addr == b"\0\0\0\0":
        return False
    if addr[0] >= 0xF0 and not ip.allow_net240:
        return False
    return bool(addr[0] or ip.allow_net0)


def in_ifaddr_broadcast(ip: Ip, addr: bytes, ia: InIfaddr) -> bool:
    """True if an address is the broadcast address of that one."""
    if ia.subnetmask == 0xFFFFFFFF:
        return False
    if addr == ia.broadaddr:
        return True
    return bool(ip.broadcast_lowest and ia.subnetmask != RFC3021_MASK and int.from_bytes(addr, "big") == ia.subnet)


def in_ifnet_broadcast(addr: bytes, ifp: Ifnet) -> bool:
    """True if an address may be a broadcast address on an interface."""
    if in_broadcast(addr):
        return True
    if not ifp.flags & IFF_BROADCAST:
        return False
    ip: Any = ifp.vnet[Ip]
    return any(in_ifaddr_broadcast(ip, addr, ia) for ia in in_addrs(ifp))


def _fits(ifp: Ifnet, fib: int) -> bool:
    return fib < 0 or ifp.fib == fib


def ifa_ifwithaddr(vnet: Vnet, addr: bytes) -> InIfaddr | None:
    """The address itself, or the one whose broadcast address it is (ifa_ifwithaddr)."""
    found = vnet[Ip].inaddr_hash.get(addr)
    if found:
        for ifp in vnet.ifnets:
            for ia in found:
                if ia.ifp is ifp:
                    return ia  # type: ignore[no-any-return]
    for ifp in vnet.ifnets:
        if ifp.flags & IFF_BROADCAST:
            for ia in in_addrs(ifp):
                if ia.broadaddr == addr and addr != bytes(4):
                    return ia
    return None


def ifa_ifwithbroadaddr(vnet: Vnet, addr: bytes, fib: int) -> InIfaddr | None:
    """The address whose broadcast address this is."""
    for ifp in vnet.ifnets:
        if _fits(ifp, fib) and ifp.flags & IFF_BROADCAST:
            for ia in in_addrs(ifp):
                if ia.broadaddr == addr:
                    return ia
    return None


def ifa_ifwithdstaddr(vnet: Vnet, addr: bytes, fib: int) -> InIfaddr | None:
    """The address of a point-to-point link whose other end this is."""
    for ifp in vnet.ifnets:
        if _fits(ifp, fib) and ifp.flags & IFF_POINTOPOINT:
            for ia in in_addrs(ifp):
                if ia.dstaddr == addr:
                    return ia
    return None


def ifa_ifwithnet(vnet: Vnet, addr: bytes, fib: int) -> InIfaddr | None:
    """The address with the most specific subnet that covers this one."""
    best: InIfaddr | None = None
    for ifp in vnet.ifnets:
        if not _fits(ifp, fib):
            continue
        for ia in in_addrs(ifp):
            if ifp.flags & IFF_POINTOPOINT:
                if ia.dstaddr == addr:
                    return ia
            elif ia.covers(addr) and (best is None or ia.subnetmask > best.subnetmask):
                best = ia
    return best


def ifaof_ifpforaddr(ifp: Ifnet, addr: bytes) -> InIfaddr | None:
    """The address of an interface that suits another: its subnet, else the first there is."""
    maybe: InIfaddr | None = None
    for ia in in_addrs(ifp):
        if maybe is None:
            maybe = ia
        if ifp.flags & IFF_POINTOPOINT:
            if ia.dstaddr == addr:
                return ia
        elif ia.covers(addr):
            return ia
    return maybe
