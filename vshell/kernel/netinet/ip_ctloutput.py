"""Options of IPv4 sockets (ip_ctloutput of netinet/ip_output.c) and group memberships of sockets (netinet/in_mcast.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOPROTOOPT, KError
from vshell.abi.in_ import IP_DEFAULT_MULTICAST_TTL, IP_PORTRANGE_DEFAULT, IP_PORTRANGE_HIGH, IP_PORTRANGE_LOW, IpMreq
from vshell.abi.socket import (
    AF_INET,
    IP_ADD_MEMBERSHIP,
    IP_BINDANY,
    IP_DONTFRAG,
    IP_DROP_MEMBERSHIP,
    IP_MINTTL,
    IP_MULTICAST_IF,
    IP_MULTICAST_LOOP,
    IP_MULTICAST_TTL,
    IP_ONESBCAST,
    IP_OPTIONS,
    IP_PORTRANGE,
    IP_RECVDSTADDR,
    IP_RECVIF,
    IP_RECVOPTS,
    IP_RECVTOS,
    IP_RECVTTL,
    IP_TOS,
    IP_TTL,
    IPPROTO_IP,
)  # fmt: skip
from vshell.abi.sockio import IFF_MULTICAST
from vshell.kernel.kern.kern_priv import PRIV_NETINET_BINDANY, priv_check
from vshell.kernel.net.ifnet import ifnet_byindex
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet.in_mcast import in_joingroup, in_leavegroup
from vshell.kernel.netinet.in_pcb import INP_HIGHPORT, INP_LOWPORT, Inpcb
from vshell.kernel.netinet.in_var import in_multicast
from vshell.kernel.netinet.ip_options import ip_pcbopts
from vshell.kernel.netinet.ip_var import Ip, IpGlobal

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

_RECV = (IP_RECVOPTS, IP_RECVDSTADDR, IP_RECVTTL, IP_RECVIF, IP_RECVTOS)
_BOOLS = {IP_DONTFRAG: "dontfrag", IP_ONESBCAST: "onesbcast", IP_BINDANY: "bindany"}
_NUMBERS = {IP_TTL: "ttl", IP_TOS: "tos", IP_MINTTL: "minttl"}
_RANGES = {IP_PORTRANGE_DEFAULT: 0, IP_PORTRANGE_HIGH: INP_HIGHPORT, IP_PORTRANGE_LOW: INP_LOWPORT}


class Ipmoptions:
    """struct ip_moptions: how a socket sends to groups, and which it is a member of."""

    __slots__ = ("ifp", "loop", "memberships", "ttl")

    def __init__(self, vnet: Vnet) -> None:
        self.ifp: Ifnet | None = None
        self.ttl = IP_DEFAULT_MULTICAST_TTL
        self.loop: int = vnet.kernel[IpGlobal].mcast_loop
        self.memberships: list[tuple[Ifnet, bytes]] = []

    def destroy(self) -> None:
        """The socket is gone: its memberships end."""
        for ifp, group in self.memberships:
            in_leavegroup(ifp, group)
        self.memberships.clear()

    def member(self, ifp: Ifnet, group: bytes) -> bool:
        """imo_multi_filter, without source filters."""
        return (ifp, group) in self.memberships


def _moptions(inp: Inpcb) -> Ipmoptions:
    if inp.moptions is None:
        inp.moptions = Ipmoptions(inp.info.vnet)
    return inp.moptions


def inaddr_to_ifp(vnet: Vnet, addr: bytes) -> Ifnet | None:
    """INADDR_TO_IFP."""
    found = vnet[Ip].inaddr_hash.get(addr)
    return found[0].ifp if found else None


def _multicast_if(inp: Inpcb, value: Any) -> None:
    """IP_MULTICAST_IF with an address, or an IpMreq whose interface index counts."""
    vnet = inp.info.vnet
    imo = _moptions(inp)
    if isinstance(value, IpMreq) and value.ifindex:
        ifp = ifnet_byindex(vnet, value.ifindex)
        if ifp is None:
            raise KError(EINVAL)
    else:
        addr = value.interface if isinstance(value, IpMreq) else value
        if addr == bytes(4):
            imo.ifp = None
            return
        ifp = inaddr_to_ifp(vnet, addr)
        if ifp is None:
            raise KError(EADDRNOTAVAIL)
    if not ifp.flags & IFF_MULTICAST:
        raise KError(EINVAL if isinstance(value, IpMreq) else EADDRNOTAVAIL)
    imo.ifp = ifp


def _lookup_mcast_ifp(inp: Inpcb, mreq: IpMreq) -> Ifnet | None:
    """The interface to join on: by index, by address, by the route to the group, the first that can."""
    vnet = inp.info.vnet
    if mreq.ifindex:
        return ifnet_byindex(vnet, mreq.ifindex)
    if mreq.interface != bytes(4):
        return inaddr_to_ifp(vnet, mreq.interface)
    nh = fib_lookup(vnet, AF_INET, mreq.multiaddr, inp.fib)
    if nh is not None:
        return nh.ifp
    for ia in vnet[Ip].in_ifaddrhead:
        if ia.ifp.flags & IFF_MULTICAST:
            return ia.ifp  # type: ignore[no-any-return]
    return None


def inp_join_group(inp: Inpcb, mreq: IpMreq) -> None:
    """IP_ADD_MEMBERSHIP."""
    if not in_multicast(mreq.multiaddr):
        raise KError(EINVAL)
    ifp = _lookup_mcast_ifp(inp, mreq)
    if ifp is None or not ifp.flags & IFF_MULTICAST:
        raise KError(EADDRNOTAVAIL)
    imo = _moptions(inp)
    if imo.member(ifp, mreq.multiaddr):
        raise KError(EADDRINUSE)
    imo.memberships.append((ifp, mreq.multiaddr))
    in_joingroup(ifp, mreq.multiaddr)


def inp_leave_group(inp: Inpcb, mreq: IpMreq) -> None:
    """IP_DROP_MEMBERSHIP."""
    if not in_multicast(mreq.multiaddr):
        raise KError(EINVAL)
    imo = _moptions(inp)
    wanted = None
    if mreq.ifindex or mreq.interface != bytes(4):
        wanted = _lookup_mcast_ifp(inp, mreq)
        if wanted is None:
            raise KError(EADDRNOTAVAIL)
    for entry in imo.memberships:
        if entry[1] == mreq.multiaddr and (wanted is None or entry[0] is wanted):
            imo.memberships.remove(entry)
            in_leavegroup(*entry)
            return
    raise KError(EADDRNOTAVAIL)


def ip_setopt(inp: Inpcb, level: int, name: int, value: Any, td: Proc) -> None:
    """setsockopt(2) at level IPPROTO_IP."""
    if level != IPPROTO_IP:
        raise KError(EINVAL)
    if name == IP_OPTIONS:
        inp.options = ip_pcbopts(bytes(value))
    elif name in _NUMBERS:
        if name == IP_MINTTL and not 0 <= value <= 255:
            raise KError(EINVAL)
        setattr(inp, _NUMBERS[name], value & 0xFF)
    elif name in _BOOLS:
        if name == IP_BINDANY:
            priv_check(td, PRIV_NETINET_BINDANY)
        setattr(inp, _BOOLS[name], bool(value))
    elif name in _RECV:
        (inp.recv.add if value else inp.recv.discard)(name)
    elif name == IP_PORTRANGE:
        if value not in _RANGES:
            raise KError(EINVAL)
        inp.portrange = _RANGES[value]
    elif name == IP_MULTICAST_IF:
        _multicast_if(inp, value)
    elif name == IP_MULTICAST_TTL:
        if not 0 <= value <= 255:
            raise KError(EINVAL)
        _moptions(inp).ttl = value
    elif name == IP_MULTICAST_LOOP:
        _moptions(inp).loop = int(bool(value))
    elif name == IP_ADD_MEMBERSHIP:
        inp_join_group(inp, value)
    elif name == IP_DROP_MEMBERSHIP:
        inp_leave_group(inp, value)
    else:
        raise KError(ENOPROTOOPT)


def ip_getopt(inp: Inpcb, level: int, name: int) -> Any:
    """getsockopt(2) at level IPPROTO_IP."""
    if level != IPPROTO_IP:
        raise KError(EINVAL)
    if name == IP_OPTIONS:
        return (inp.options or b"")[4:]
    if name in _NUMBERS:
        return getattr(inp, _NUMBERS[name])
    if name in _BOOLS:
        return int(getattr(inp, _BOOLS[name]))
    if name in _RECV:
        return int(name in inp.recv)
    if name == IP_PORTRANGE:
        return next(k for k, v in _RANGES.items() if v == inp.portrange)
    imo = inp.moptions or Ipmoptions(inp.info.vnet)
    if name == IP_MULTICAST_TTL:
        return imo.ttl
    if name == IP_MULTICAST_LOOP:
        return imo.loop
    if name == IP_MULTICAST_IF:
        ia = next((a for a in inp.info.vnet[Ip].in_ifaddrhead if a.ifp is imo.ifp), None)
        return ia.addr if ia is not None else bytes(4)
    raise KError(ENOPROTOOPT)


def ip_savecontrol(inp: Inpcb, ifp: Ifnet, m: Mbuf) -> dict[int, object]:
    """What the user wants to know about a packet besides its data."""
    control: dict[int, object] = {}
    data, off = m.data, m.off
    for name in inp.recv:
        if name == IP_RECVDSTADDR:
            control[name] = bytes(data[off + 16 : off + 20])
        elif name == IP_RECVTTL:
            control[name] = data[off + 8]
        elif name == IP_RECVTOS:
            control[name] = data[off + 1]
        elif name == IP_RECVIF:
            control[name] = ifp.index
    return control
