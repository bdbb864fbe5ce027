"""Groups of IPv4 sockets: how they send to them, and what they want to hear (the upper half of netinet/in_mcast.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS, ENOMEM, ENOPROTOOPT, ENOSPC, EOPNOTSUPP, KError
from vshell.abi.in_ import (
    IP_DEFAULT_MULTICAST_TTL,
    IP_MAX_MEMBERSHIPS,
    MCAST_EXCLUDE,
    MCAST_INCLUDE,
    MCAST_UNDEFINED,
    GroupSourceReq,
    IpMreq,
    IpMreqSource,
    MsFilterReq,
)
from vshell.abi.socket import (
    AF_INET,
    IP_ADD_MEMBERSHIP,
    IP_ADD_SOURCE_MEMBERSHIP,
    IP_BLOCK_SOURCE,
    IP_DROP_MEMBERSHIP,
    IP_DROP_SOURCE_MEMBERSHIP,
    IP_MSFILTER,
    IP_MULTICAST_IF,
    IP_MULTICAST_LOOP,
    IP_MULTICAST_TTL,
    IP_UNBLOCK_SOURCE,
    MCAST_BLOCK_SOURCE,
    MCAST_JOIN_GROUP,
    MCAST_JOIN_SOURCE_GROUP,
    MCAST_LEAVE_GROUP,
    MCAST_LEAVE_SOURCE_GROUP,
    MCAST_UNBLOCK_SOURCE,
)
from vshell.abi.sockio import IFF_LOOPBACK, IFF_MULTICAST
from vshell.kernel.net.ifnet import ifnet_byindex
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet.igmp_var import Mfilter
from vshell.kernel.netinet.in_mcast import in_changefilter, in_joingroup, in_leavegroup
from vshell.kernel.netinet.in_var import in_multicast
from vshell.kernel.netinet.ip_var import Ip, IpGlobal

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netinet.in_pcb import Inpcb

MCAST_PASS, MCAST_NOTGMEMBER, MCAST_NOTSMEMBER = 0, 1, 2
"""What a socket does with a packet to a group: takes it, is no member, does not want that source."""

JOIN = (IP_ADD_MEMBERSHIP, IP_ADD_SOURCE_MEMBERSHIP, MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP)
LEAVE = (IP_DROP_MEMBERSHIP, IP_DROP_SOURCE_MEMBERSHIP, MCAST_LEAVE_GROUP, MCAST_LEAVE_SOURCE_GROUP)
BLOCK = (IP_BLOCK_SOURCE, MCAST_BLOCK_SOURCE)
UNBLOCK = (IP_UNBLOCK_SOURCE, MCAST_UNBLOCK_SOURCE)
MOPTIONS = frozenset((IP_MULTICAST_IF, IP_MULTICAST_TTL, IP_MULTICAST_LOOP, IP_MSFILTER, *JOIN, *LEAVE, *BLOCK, *UNBLOCK))


class Ipmoptions:
    """struct ip_moptions: how a socket sends to groups, and which it is a member of."""

    __slots__ = ("filters", "ifp", "loop", "ttl")

    def __init__(self, vnet: Vnet) -> None:
        self.ifp: Ifnet | None = None
        self.ttl = IP_DEFAULT_MULTICAST_TTL
        self.loop: int = vnet.kernel[IpGlobal].mcast_loop
        self.filters: dict[tuple[Ifnet, bytes], Mfilter] = {}
        """Memberships, in the order they were made."""

    def destroy(self) -> None:
        """The socket is gone: its memberships end."""
        for (ifp, group), imf in self.filters.items():
            imf.leave()
            in_leavegroup(ifp, group, imf)
        self.filters.clear()

    def filter(self, ifp: Ifnet, group: bytes, source: bytes) -> int:
        """imo_multi_filter: MCAST_PASS, or why not."""
        imf = self.filters.get((ifp, group))
        if imf is None:
            return MCAST_NOTGMEMBER
        return MCAST_PASS if imf.wants(source) else MCAST_NOTSMEMBER

    def match(self, ifp: Ifnet | None, group: bytes) -> tuple[tuple[Ifnet, bytes], Mfilter]:
        """imo_match_group: a membership on that interface or on any.  EADDRNOTAVAIL."""
        for key, imf in self.filters.items():
            if key[1] == group and ifp in (None, key[0]):
                return key, imf
        raise KError(EADDRNOTAVAIL)


def moptions(inp: Inpcb) -> Ipmoptions:
    """inp_findmoptions: those of a socket, made when they are first needed."""
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
    ifp = None
    if isinstance(value, IpMreq):
        if value.ifindex < 0:
            raise KError(EINVAL)
        ifp = ifnet_byindex(vnet, value.ifindex) if value.ifindex else None
        missing = bool(value.ifindex) and ifp is None
    else:
        ifp = inaddr_to_ifp(vnet, value) if value != bytes(4) else None
        missing = value != bytes(4) and ifp is None
    if missing:
        raise KError(EADDRNOTAVAIL)
    if ifp is not None and not ifp.flags & IFF_MULTICAST:
        raise KError(EOPNOTSUPP)
    moptions(inp).ifp = ifp


def _lookup_mcast_ifp(inp: Inpcb, group: bytes, addr: bytes) -> Ifnet | None:
    """The interface to join on: by address, by the route to the group, the first that can."""
    vnet = inp.info.vnet
    if addr != bytes(4):
        return inaddr_to_ifp(vnet, addr)
    nh = fib_lookup(vnet, AF_INET, group, inp.fib)
    if nh is not None:
        return nh.ifp
    for ia in vnet[Ip].in_ifaddrhead:
        if ia.ifp.flags & IFF_MULTICAST and not ia.ifp.flags & IFF_LOOPBACK:
            return ia.ifp  # type: ignore[no-any-return]
    return None


def _by_index(inp: Inpcb, index: int) -> Ifnet:
    ifp = ifnet_byindex(inp.info.vnet, index)
    if ifp is None:
        raise KError(EADDRNOTAVAIL)
    return ifp


def _check(group: bytes) -> None:
    if len(group) != 4 or not in_multicast(group):
        raise KError(EINVAL)


def _source(name: int, value: Any) -> bytes | None:
    """The source a request names; those with the index of an interface must have one when they are about sources."""
    if isinstance(value, GroupSourceReq):
        if name in (MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP):
            return None
        if value.source is None or len(value.source) != 4:
            raise KError(EINVAL)
        return value.source
    return value.source if isinstance(value, IpMreqSource) else None


def inp_join_group(inp: Inpcb, name: int, value: Any) -> None:
    """Become a member of a group, or hear one more source of it."""
    group = value.group if isinstance(value, GroupSourceReq) else value.multiaddr
    _check(group)
    source = _source(name, value)
    ifp: Ifnet | None
    if isinstance(value, GroupSourceReq):
        ifp = _by_index(inp, value.ifindex)
    elif isinstance(value, IpMreq) and value.ifindex:
        ifp = ifnet_byindex(inp.info.vnet, value.ifindex)
    else:
        ifp = _lookup_mcast_ifp(inp, group, value.interface)
    if ifp is None or not ifp.flags & IFF_MULTICAST:
        raise KError(EADDRNOTAVAIL)
    imo = moptions(inp)
    imf = imo.filters.get((ifp, group))
    if imf is not None:
        _join_more(ifp, group, imf, source)
        return
    if len(imo.filters) >= IP_MAX_MEMBERSHIPS:
        raise KError(ENOMEM)
    imf = Mfilter(MCAST_UNDEFINED, MCAST_EXCLUDE if source is None else MCAST_INCLUDE)
    if source is not None:
        imf.graft(source, MCAST_INCLUDE)
    in_joingroup(ifp, group, imf)
    imo.filters[ifp, group] = imf
    imf.commit()


def _join_more(ifp: Ifnet, group: bytes, imf: Mfilter, source: bytes | None) -> None:
    """A member joins again: only a source more makes sense, and only to one that names its sources."""
    if source is None:
        raise KError(EADDRINUSE if imf.st1 == MCAST_EXCLUDE else EINVAL)
    if imf.st1 != MCAST_INCLUDE:
        raise KError(EINVAL)
    if source in imf.sources:
        raise KError(EADDRNOTAVAIL)
    imf.graft(source, MCAST_INCLUDE)
    _change(ifp, group, imf)


def _change(ifp: Ifnet, group: bytes, imf: Mfilter) -> None:
    """What the filter is to be comes to be, or it stays as it was."""
    try:
        in_changefilter(ifp, group, imf)
    except KError:
        imf.rollback()
        raise
    imf.commit()


def _hinted(inp: Inpcb, value: Any) -> Ifnet | None:
    """The interface a request names; one that is not there counts as none when it is named by address."""
    if isinstance(value, GroupSourceReq):
        return _by_index(inp, value.ifindex)
    return inaddr_to_ifp(inp.info.vnet, value.interface) if value.interface != bytes(4) else None


def inp_leave_group(inp: Inpcb, name: int, value: Any) -> None:
    """Leave a group, or hear one source less of it."""
    source = _source(name, value)
    ifp = _hinted(inp, value)
    group = value.group if isinstance(value, GroupSourceReq) else value.multiaddr
    _check(group)
    imo = moptions(inp)
    key, imf = imo.match(ifp, group)
    if source is None:
        del imo.filters[key]
        imf.leave()
        in_leavegroup(*key, imf)
        return
    if imf.st0 == MCAST_EXCLUDE or source not in imf.sources:
        raise KError(EADDRNOTAVAIL)
    imf.sources[source][1] = MCAST_UNDEFINED
    _change(*key, imf)


def inp_block_source(inp: Inpcb, name: int, value: Any) -> None:
    """A member that wants every source does not want this one, or wants it again."""
    block = name in BLOCK
    source = _source(name, value)
    ifp = _hinted(inp, value)
    group = value.group if isinstance(value, GroupSourceReq) else value.multiaddr
    _check(group)
    key, imf = moptions(inp).match(ifp, group)
    if imf.st0 != MCAST_EXCLUDE or source is None:
        raise KError(EINVAL)
    if (source in imf.sources) == block:
        raise KError(EADDRNOTAVAIL)
    if block:
        imf.graft(source, MCAST_EXCLUDE)
    else:
        imf.sources[source][1] = MCAST_UNDEFINED
    _change(*key, imf)


def inp_set_source_filters(inp: Inpcb, req: MsFilterReq) -> None:
    """setsourcefilter(3): mode and sources at once."""
    if req.fmode not in (MCAST_EXCLUDE, MCAST_INCLUDE):
        raise KError(EINVAL)
    _check(req.group)
    maximum = inp.info.vnet.kernel[IpGlobal].mcast_maxsocksrc
    if len(req.sources) > maximum:
        raise KError(ENOBUFS)
    key, imf = moptions(inp).match(_by_index(inp, req.ifindex), req.group)
    if req.sources:
        imf.leave()
    imf.st1 = req.fmode
    for source in req.sources:
        if source not in imf.sources:
            if len(imf.sources) >= maximum:
                imf.rollback()
                raise KError(ENOSPC)
            imf.graft(source, MCAST_UNDEFINED)
        imf.sources[source][1] = req.fmode
    _change(*key, imf)


def inp_get_source_filters(imo: Ipmoptions) -> tuple[MsFilterReq, ...]:
    """getsourcefilter(3): of every membership; the library picks."""
    return tuple(
        MsFilterReq(ifp.index, group, imf.st1, tuple(s for s in sorted(imf.sources) if imf.sources[s][0] == imf.st0))
        for (ifp, group), imf in imo.filters.items()
    )


def inp_setmoptions(inp: Inpcb, name: int, value: Any) -> None:
    """setsockopt(2) of what concerns groups."""
    if name == IP_MULTICAST_IF:
        _multicast_if(inp, value)
    elif name == IP_MULTICAST_TTL:
        if not 0 <= value <= 255:
            raise KError(EINVAL)
        moptions(inp).ttl = value
    elif name == IP_MULTICAST_LOOP:
        moptions(inp).loop = int(bool(value))
    elif name in JOIN:
        inp_join_group(inp, name, value)
    elif name in LEAVE:
        inp_leave_group(inp, name, value)
    elif name == IP_MSFILTER:
        inp_set_source_filters(inp, value)
    else:
        inp_block_source(inp, name, value)


def inp_getmoptions(inp: Inpcb, name: int) -> Any:
    """getsockopt(2) of what concerns groups."""
    imo = inp.moptions or Ipmoptions(inp.info.vnet)
    if name == IP_MULTICAST_TTL:
        return imo.ttl
    if name == IP_MULTICAST_LOOP:
        return imo.loop
    if name == IP_MSFILTER:
        return inp_get_source_filters(imo)
    if name == IP_MULTICAST_IF:
        ia = next((a for a in inp.info.vnet[Ip].in_ifaddrhead if a.ifp is imo.ifp), None)
        return ia.addr if ia is not None else bytes(4)
    raise KError(ENOPROTOOPT)
