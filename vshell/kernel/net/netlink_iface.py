"""netlink(4) about links and addresses (netlink/route/iface.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EAFNOSUPPORT, EINVAL, ENODEV, ENOENT, KError
from vshell.abi.if_media import IFM_ACTIVE, IFM_ETHER, IFM_TYPE
from vshell.abi.in6 import ND6_INFINITE_LIFETIME, SIOCAIFADDR_IN6, SIOCDIFADDR_IN6
from vshell.abi.in_ import MCAST_EXCLUDE, SIOCAIFADDR, SIOCDIFADDR
from vshell.abi.netlink_iface import (
    RTM_DELADDR,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_GETMADDR,
    RTM_GETQUERIER,
    RTM_NEWADDR,
    Address,
    GroupAddress,
    Link,
    Querier,
)
from vshell.abi.record import replace
from vshell.abi.socket import AF_INET, AF_INET6, AF_LINK
from vshell.abi.sockio import (
    IFF_BROADCAST,
    IFF_LOWER_UP,
    IFF_MONITOR,
    IFF_POINTOPOINT,
    IFF_UP,
    IFT_ETHER,
    IFT_IEEE8023ADLAG,
    IFT_L2VLAN,
    SIOCGIFMEDIA,
    IfMediaReq,
)  # fmt: skip
from vshell.kernel.kern.prison_ip import prison_check_ip
from vshell.kernel.net.ifioctl import ifioctl_on, ifunit, net_priv_check
from vshell.kernel.net.ifnet import Ifaddr, Ifnet, ifnet_byindex
from vshell.kernel.net.netlink import nlrequest

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.vnet import Vnet

COUNTERS = (
    "ipackets", "ierrors", "iqdrops", "ibytes", "imcasts", "opackets", "oerrors", "oqdrops", "obytes", "omcasts",
    "collisions", "noproto",
)  # fmt: skip


def operstate_up(ifp: Ifnet) -> bool:
    """get_operstate: True for IF_OPER_UP, which the user sees as LOWER_UP."""
    if ifp.type not in (IFT_ETHER, IFT_L2VLAN):
        return bool(ifp.flags & IFF_UP)
    if ifp.flags & IFF_MONITOR:
        return False
    try:
        media: IfMediaReq = ifp.ioctl(SIOCGIFMEDIA(ifp.xname), None)
    except KError:
        return False
    return IFM_TYPE(media.active) == IFM_ETHER and bool(media.status & IFM_ACTIVE)


def dump_iface(ifp: Ifnet) -> Link:
    """All about one interface."""
    hwaddr = ifp.hwaddr if ifp.type in (IFT_ETHER, IFT_IEEE8023ADLAG) else None
    return Link(
        index=ifp.index, name=ifp.xname, type=ifp.type, flags=ifp.flags | (IFF_LOWER_UP if operstate_up(ifp) else 0),
        mtu=ifp.mtu, metric=ifp.metric, lladdr=ifp.lladdr, hwaddr=hwaddr, broadcast=ifp.broadcastaddr,
        description=ifp.description, capabilities=ifp.capabilities, capenable=ifp.capenable, dname=ifp.dname,
        dunit=ifp.dunit, groups=tuple(ifp.groups), fib=ifp.fib, tunnelfib=ifp.tunnelfib, pcp=ifp.pcp,
        link_state=ifp.link_state, baudrate=ifp.baudrate, hdrlen=ifp.hdrlen, lastchange=ifp.lastchange,
        **{name: getattr(ifp, name) for name in COUNTERS},
    )  # fmt: skip


@nlrequest(RTM_GETLINK)
def rtnl_handle_getlink(vnet: Vnet, request: RTM_GETLINK, td: Proc) -> list[Link]:
    """One link, or all in order of arrival."""
    if request.index or request.name:
        ifp = ifnet_byindex(vnet, request.index) if request.index else ifunit(vnet, request.name)
        if ifp is None or (request.name and ifp.xname != request.name):
            raise KError(ENODEV)
        return [dump_iface(ifp)]
    return [dump_iface(ifp) for ifp in vnet.ifnets]


def dump_addr(ifa: Ifaddr) -> Address:
    """An address; a family that has more to tell defines `dump` on its addresses."""
    ifp = ifa.ifp
    dump = getattr(ifa, "dump", None)
    if dump is not None:
        told: Address = dump()
    else:
        told = Address(
            ifp.index, ifp.xname, ifa.family, ifa.addr, ifa.prefixlen, ifa.dstaddr, ifa.broadaddr, ifa.flags,
            vhid=getattr(ifa.carp, "vhid", 0), ipackets=ifa.ipackets, ibytes=ifa.ibytes, opackets=ifa.opackets,
            obytes=ifa.obytes,
        )  # fmt: skip
    # Only a point-to-point link has another end, whatever the address remembers.
    return told if ifp.flags & IFF_POINTOPOINT or told.dstaddr is None else replace(told, dstaddr=None)


@nlrequest(RTM_GETADDR)
def rtnl_handle_getaddr(vnet: Vnet, request: RTM_GETADDR, td: Proc) -> list[Address]:
    """Addresses, interface by interface; a jail sees its own only (prison_if)."""
    found = []
    for ifp in vnet.ifnets:
        if request.index and ifp.index != request.index:
            continue
        for ifa in ifp.addrs:
            if request.family and ifa.family != request.family:
                continue
            if prison_check_ip(td.ucred, ifa.family, ifa.addr):
                continue
            found.append(dump_addr(ifa))
    return found


def _target(vnet: Vnet, index: int, td: Proc) -> Ifnet:
    net_priv_check(td)
    ifp = ifnet_byindex(vnet, index)
    if ifp is None:
        raise KError(ENOENT, f"Unable to find interface with index {index}")
    return ifp


@nlrequest(RTM_NEWADDR)
def rtnl_handle_newaddr(vnet: Vnet, request: RTM_NEWADDR, td: Proc) -> None:
    """Add an address."""
    ifp = _target(vnet, request.index, td)
    if request.family == AF_INET:
        handle_newaddr_inet(ifp, request, td)
    elif request.family == AF_INET6:
        handle_newaddr_inet6(ifp, request, td)
    else:
        raise KError(EAFNOSUPPORT)


def handle_newaddr_inet(ifp: Ifnet, request: RTM_NEWADDR, td: Proc) -> None:
    """On a point-to-point link both ends are asked for; elsewhere a broadcast address is made if none is given."""
    plen, local, dst, broadcast = request.prefixlen, request.local, request.address, request.broadcast
    if plen > 32:
        raise KError(EINVAL, "invalid ifa_prefixlen")
    mask = (0xFFFFFFFF << 32 - plen & 0xFFFFFFFF).to_bytes(4, "big")
    if ifp.flags & IFF_POINTOPOINT:
        if local is None or dst is None:
            raise KError(EINVAL, "Empty IFA_LOCAL/IFA_ADDRESS")
        broadcast = None
    else:
        local = local or dst
        if local is None:
            raise KError(EINVAL, "Empty IFA_LOCAL/IFA_ADDRESS")
        dst = None
        if ifp.flags & IFF_BROADCAST and broadcast is None:
            host = 0xFFFFFFFF if plen == 31 else 0xFFFFFFFF >> plen
            broadcast = (int.from_bytes(local, "big") | host).to_bytes(4, "big")
    ifioctl_on(ifp, SIOCAIFADDR(ifp.xname, local, mask, broadcast, dst, request.vhid), td)


def handle_newaddr_inet6(ifp: Ifnet, request: RTM_NEWADDR, td: Proc) -> None:
    """A point-to-point link may have addresses without another end."""
    local, dst = request.local, request.address
    if request.prefixlen > 128:
        raise KError(EINVAL, "invalid ifa_prefixlen")
    if local is None:
        local, dst = dst, None
    elif local == dst:
        dst = None
    if local is None:
        raise KError(EINVAL, "Empty IFA_LOCAL/IFA_ADDRESS")
    vltime = ND6_INFINITE_LIFETIME if request.vltime is None else request.vltime
    pltime = ND6_INFINITE_LIFETIME if request.pltime is None else request.pltime
    new = SIOCAIFADDR_IN6(
        ifp.xname, local, request.prefixlen, dst, request.flags, vltime, pltime, request.vhid, prefix_given=True
    )
    ifioctl_on(ifp, new, td)


@nlrequest(RTM_DELADDR)
def rtnl_handle_deladdr(vnet: Vnet, request: RTM_DELADDR, td: Proc) -> None:
    """Remove an address."""
    ifp = _target(vnet, request.index, td)
    if request.family not in (AF_INET, AF_INET6):
        raise KError(EAFNOSUPPORT)
    if request.local is None:
        raise KError(EINVAL, "empty IFA_ADDRESS/IFA_LOCAL")
    cls = SIOCDIFADDR if request.family == AF_INET else SIOCDIFADDR_IN6
    ifioctl_on(ifp, cls(ifp.xname, request.local), td)


@nlrequest(RTM_GETMADDR)
def get_maddrs(vnet: Vnet, request: RTM_GETMADDR, td: Proc) -> list[GroupAddress]:
    """Group memberships, interface by interface, the youngest first."""
    return [
        GroupAddress(ifp.index, ifp.xname, family, addr, count, *_filter(ifp, family, addr))
        for ifp in vnet.ifnets
        if not request.index or ifp.index == request.index
        for family, addr, count in _groups(ifp)
    ]


def _filter(ifp: Ifnet, family: int, addr: bytes) -> tuple[int, tuple[bytes, ...]]:
    """Mode and sources of a group; groups of IPv6 are held by the kernel without sources."""
    info = ifp.afdata.get(AF_INET) if family == AF_INET else None
    inm = info.igmp.members.get(addr) if info is not None else None
    return (inm.st[1].fmode, tuple(inm.in_mode())) if inm is not None else (MCAST_EXCLUDE, ())


@nlrequest(RTM_GETQUERIER)
def get_querier(vnet: Vnet, request: RTM_GETQUERIER, td: Proc) -> list[Querier]:
    """IGMP or MLD on a link.  ENOENT: not on this one."""
    for ifp in vnet.ifnets:
        data = ifp.afdata.get(request.family) if ifp.index == request.index else None
        if data is not None:
            return [data.igmp.querier() if request.family == AF_INET else data.mld.querier()]
    raise KError(ENOENT)


def _groups(ifp: Ifnet) -> list[tuple[int, bytes, int]]:
    """(family, address, references) of network-level groups, and of the link-level ones they are mapped to."""
    found: list[tuple[int, bytes, int]] = []
    links: dict[bytes, int] = {}
    extra = ifp.afdata.get(AF_INET6)
    for group, count in extra.groups.items() if extra is not None else ():
        found.insert(0, (AF_INET6, group, count))
        if ifp.addrlen == 6:
            link = b"\x33\x33" + group[12:]
            links[link] = links.get(link, 0) + 1
    found.extend((AF_LINK, link, count) for link, count in reversed(links.items()))
    found.extend((family, addr, count) for (family, addr), count in reversed(ifp.multiaddrs.items()))
    return found
