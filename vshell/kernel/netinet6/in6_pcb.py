"""What IPv6 sockets have in common: the control block, binding, options (netinet6/in6_pcb.c, ip6_ctloutput)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, ENETUNREACH, ENOPROTOOPT, ENXIO, KError
from vshell.abi.in6 import (
    IN6_IFF_DETACHED,
    IN6_IFF_NOTREADY,
    IPV6_AUTOFLOWLABEL,
    IPV6_CHECKSUM,
    IPV6_DONTFRAG,
    IPV6_DSTOPTS,
    IPV6_HOPLIMIT,
    IPV6_HOPOPTS,
    IPV6_JOIN_GROUP,
    IPV6_LEAVE_GROUP,
    IPV6_MULTICAST_HOPS,
    IPV6_MULTICAST_IF,
    IPV6_MULTICAST_LOOP,
    IPV6_NEXTHOP,
    IPV6_PKTINFO,
    IPV6_PREFER_TEMPADDR,
    IPV6_RECVDSTOPTS,
    IPV6_RECVHOPLIMIT,
    IPV6_RECVHOPOPTS,
    IPV6_RECVPATHMTU,
    IPV6_RECVPKTINFO,
    IPV6_RECVRTHDR,
    IPV6_RECVTCLASS,
    IPV6_RTHDR,
    IPV6_TCLASS,
    IPV6_UNICAST_HOPS,
    IPV6_USE_MIN_MTU,
    IPV6_V6ONLY,
    In6Pktinfo,
)  # fmt: skip
from vshell.abi.socket import IN6ADDR_ANY, SockaddrIn6
from vshell.kernel.net.ifnet import Ifnet, ifnet_byindex
from vshell.kernel.netinet6.in6_src import in6_selectsrc
from vshell.kernel.netinet6.in6_var import Ip6, in6ifa_ifwithaddr
from vshell.kernel.netinet6.ip6_output import Moptions
from vshell.kernel.netinet6.mld6 import in6_joingroup, in6_leavegroup
from vshell.wire.ip6 import LOOPBACK, is_multicast, is_scoped

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.uipc_socket import Socket
    from vshell.kernel.net.vnet import Vnet

_FLAGS = (
    IPV6_CHECKSUM, IPV6_V6ONLY, IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVRTHDR, IPV6_RECVHOPOPTS, IPV6_RECVDSTOPTS,
    IPV6_USE_MIN_MTU, IPV6_RECVPATHMTU, IPV6_NEXTHOP, IPV6_HOPOPTS, IPV6_DSTOPTS, IPV6_RTHDR, IPV6_RECVTCLASS, IPV6_AUTOFLOWLABEL,
    IPV6_TCLASS, IPV6_DONTFRAG, IPV6_PREFER_TEMPADDR,
)  # fmt: skip


class In6pcb:
    """The IPv6 part of a socket."""

    def __init__(self, so: Socket) -> None:
        self.so = so
        self.laddr = self.faddr = IN6ADDR_ANY
        self.lport = self.fport = 0
        self.scope = 0
        """Interface index of a scoped local or foreign address."""
        self.lscope = 0
        """That of the address the socket was bound to."""
        self.hops = -1
        self.pktinfo: In6Pktinfo | None = None
        self.moptions = Moptions(None, 1, True)
        self.memberships: list[tuple[Ifnet, bytes]] = []
        self.values: dict[int, Any] = {}
        self.tunnel: Callable[..., bool] | None = None
        """A tunnel that takes the datagrams (net/udp_tunnel.py)."""

    def flag(self, option: int) -> bool:
        """True if a boolean option is on."""
        return bool(self.values.get(option))

    def outgoing(self) -> Ifnet | None:
        """The interface IPV6_PKTINFO or IPV6_MULTICAST_IF names."""
        if self.pktinfo is not None and self.pktinfo.ifindex:
            return ifnet_byindex(self.so.vnet, self.pktinfo.ifindex)
        return self.moptions.ifp

    def sending(self, dst: bytes) -> tuple[Moptions | None, Ifnet | None]:
        """How to send to `dst`: (multicast options, interface)."""
        if not is_multicast(dst):
            return None, self.outgoing() if self.pktinfo is not None else None
        return Moptions(self.outgoing(), self.moptions.hlim, self.moptions.loop), self.outgoing()

    def hlim(self, dst: bytes) -> int:
        """The hop limit of a packet to `dst`."""
        if is_multicast(dst):
            return self.moptions.hlim
        ip6: Ip6 = self.so.vnet[Ip6]
        return self.hops if self.hops >= 0 else ip6.hlim

    def detach(self) -> None:
        """Leave the groups."""
        for ifp, group in self.memberships:
            in6_leavegroup(ifp, group)
        self.memberships.clear()


def check6(addr: Record) -> SockaddrIn6:
    """The address of a call, if it is an IPv6 one.  EAFNOSUPPORT."""
    if not isinstance(addr, SockaddrIn6):
        raise KError(EAFNOSUPPORT)
    return addr


def in6_pcbbind(pcb: In6pcb, addr: SockaddrIn6) -> None:
    """Check and set the local address.  EADDRNOTAVAIL."""
    vnet = pcb.so.vnet
    if is_multicast(addr.addr):
        raise KError(EADDRNOTAVAIL)
    if addr.addr != IN6ADDR_ANY:
        ia = in6ifa_ifwithaddr(vnet, addr.addr, addr.scope_id)
        if ia is None or ia.flags6 & (IN6_IFF_NOTREADY | IN6_IFF_DETACHED):
            raise KError(EADDRNOTAVAIL)
        pcb.scope = pcb.lscope = addr.scope_id
    pcb.laddr = addr.addr


def sa6_embedscope(vnet: Vnet, addr: SockaddrIn6) -> SockaddrIn6:
    """The address with its zone: the default interface's where none is given and net.inet6.ip6.use_defaultzone is 1.  ENXIO."""
    if not is_scoped(addr.addr):
        return addr
    ip6: Ip6 = vnet[Ip6]
    scope = addr.scope_id or (ip6.defifindex if ip6.use_defzone else 0)
    if scope and ifnet_byindex(vnet, scope) is None:
        raise KError(ENXIO)
    return addr if scope == addr.scope_id else SockaddrIn6(addr.addr, addr.port, scope, addr.flowinfo)


def in6_pcbconnect(pcb: In6pcb, dst: SockaddrIn6, wild: bool = True) -> None:
    """Set the peer; the source follows, in the zone of the interface it was found on."""
    bound = pcb.laddr != IN6ADDR_ANY
    pcb.laddr, ifp = _choose(pcb, dst, wild)
    if not bound:
        pcb.lscope = ifp.index if ifp is not None and is_scoped(pcb.laddr) else 0
    pcb.faddr, pcb.fport, pcb.scope = dst.addr, dst.port, dst.scope_id


def in6_pcbladdr(pcb: In6pcb, dst: SockaddrIn6, wild: bool = True) -> bytes:
    """The source address for a destination: the bound one, or the best.  EHOSTUNREACH, EADDRNOTAVAIL, ..."""
    return _choose(pcb, dst, wild)[0]


def _choose(pcb: In6pcb, dst: SockaddrIn6, wild: bool) -> tuple[bytes, Ifnet | None]:
    """The source, and the interface it was chosen for if it was.

    With `wild` the unspecified address means ::1, as net.inet6.ip6.connect_in6addr_wild says.
    """
    dst = sa6_embedscope(pcb.so.vnet, dst)
    ip6: Ip6 = pcb.so.vnet[Ip6]
    if wild and dst.addr == IN6ADDR_ANY:
        if not ip6.connect_in6addr_wild or not ip6.ifaddrhead:
            raise KError(ENETUNREACH)
        dst = SockaddrIn6(LOOPBACK, dst.port)
    if pcb.pktinfo is not None and pcb.pktinfo.addr != IN6ADDR_ANY:
        ia = in6ifa_ifwithaddr(pcb.so.vnet, pcb.pktinfo.addr)
        if ia is None or not ia.usable():
            raise KError(EADDRNOTAVAIL)
        return pcb.pktinfo.addr, ia.ifp
    if pcb.laddr != IN6ADDR_ANY:
        return pcb.laddr, None
    scope = dst.scope_id
    if not scope and is_scoped(dst.addr) and pcb.outgoing() is not None:
        ifp = pcb.outgoing()
        scope = ifp.index if ifp is not None else 0
    forced = pcb.pktinfo is not None and bool(pcb.pktinfo.ifindex)
    return in6_selectsrc(pcb.so.vnet, dst.addr, scope, pcb.outgoing(), pcb.so.fibnum, forced)


def ip6_setopt(pcb: In6pcb, name: int, value: Any) -> None:
    """setsockopt(2) at level IPPROTO_IPV6."""
    if name in (IPV6_UNICAST_HOPS, IPV6_HOPLIMIT):
        if not -1 <= value <= 255:
            raise KError(EINVAL)
        pcb.hops = value
    elif name == IPV6_PKTINFO:
        if value is not None and value.ifindex and ifnet_byindex(pcb.so.vnet, value.ifindex) is None:
            raise KError(ENXIO)
        pcb.pktinfo = value
    elif name == IPV6_MULTICAST_IF:
        ifp = ifnet_byindex(pcb.so.vnet, value) if value else None
        if value and ifp is None:
            raise KError(EADDRNOTAVAIL)
        pcb.moptions.ifp = ifp
    elif name == IPV6_MULTICAST_HOPS:
        if not -1 <= value <= 255:
            raise KError(EINVAL)
        pcb.moptions.hlim = 1 if value == -1 else value
    elif name == IPV6_MULTICAST_LOOP:
        pcb.moptions.loop = bool(value)
    elif name in (IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP):
        _membership(pcb, name == IPV6_JOIN_GROUP, value)
    elif name in _FLAGS:
        if name == IPV6_TCLASS and not -1 <= value <= 255:
            raise KError(EINVAL)
        pcb.values[name] = value
    else:
        raise KError(ENOPROTOOPT)


def _membership(pcb: In6pcb, join: bool, value: In6Pktinfo) -> None:
    ifp = ifnet_byindex(pcb.so.vnet, value.ifindex)
    if not is_multicast(value.addr):
        raise KError(EINVAL)
    if ifp is None:
        raise KError(ENXIO if value.ifindex else EADDRNOTAVAIL)
    if join:
        if (ifp, value.addr) in pcb.memberships:
            raise KError(EADDRINUSE)
        in6_joingroup(ifp, value.addr)
        pcb.memberships.append((ifp, value.addr))
        return
    if (ifp, value.addr) not in pcb.memberships:
        raise KError(EADDRNOTAVAIL)
    pcb.memberships.remove((ifp, value.addr))
    in6_leavegroup(ifp, value.addr)


def ip6_getopt(pcb: In6pcb, name: int) -> Any:
    """getsockopt(2) at level IPPROTO_IPV6."""
    if name == IPV6_UNICAST_HOPS:
        return pcb.hlim(IN6ADDR_ANY)
    if name == IPV6_MULTICAST_HOPS:
        return pcb.moptions.hlim
    if name == IPV6_MULTICAST_LOOP:
        return int(pcb.moptions.loop)
    if name == IPV6_MULTICAST_IF:
        return pcb.moptions.ifp.index if pcb.moptions.ifp is not None else 0
    if name == IPV6_PKTINFO:
        return pcb.pktinfo
    if name in _FLAGS:
        return pcb.values.get(name, -1 if name == IPV6_CHECKSUM else 0)
    raise KError(ENOPROTOOPT)


def control(pcb: In6pcb, ifp: Ifnet, hlim: int, dst: bytes, tclass: int) -> dict[int, object]:
    """The control items a receiver asked for (ip6_savecontrol)."""
    items: dict[int, object] = {}
    if pcb.flag(IPV6_RECVPKTINFO):
        items[IPV6_PKTINFO] = In6Pktinfo(dst, ifp.index)
    if pcb.flag(IPV6_RECVHOPLIMIT):
        items[IPV6_HOPLIMIT] = hlim
    if pcb.flag(IPV6_RECVTCLASS):
        items[IPV6_TCLASS] = tclass
    return items
