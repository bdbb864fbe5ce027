"""netlink(4) about links and addresses (netlink/route/iface.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import ENODEV, KError
from vshell.abi.if_media import IFM_ACTIVE, IFM_ETHER, IFM_TYPE
from vshell.abi.netlink_iface import RTM_GETADDR, RTM_GETLINK, RTM_GETMADDR, Address, GroupAddress, Link
from vshell.abi.sockio import (
    IFF_LOWER_UP,
    IFF_MONITOR,
    IFF_UP,
    IFT_ETHER,
    IFT_IEEE8023ADLAG,
    IFT_L2VLAN,
    SIOCGIFMEDIA,
    IfMediaReq,
)  # fmt: skip
from vshell.kernel.kern.prison_ip import prison_check_ip
from vshell.kernel.net.ifioctl import ifunit
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
    dump = getattr(ifa, "dump", None)
    if dump is not None:
        told: Address = dump()
        return told
    return Address(
        ifa.ifp.index, ifa.ifp.xname, ifa.family, ifa.addr, ifa.prefixlen, ifa.dstaddr, ifa.broadaddr, ifa.flags,
        vhid=getattr(ifa.carp, "vhid", 0), ipackets=ifa.ipackets, ibytes=ifa.ibytes, opackets=ifa.opackets, obytes=ifa.obytes,
    )  # fmt: skip


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


@nlrequest(RTM_GETMADDR)
def get_maddrs(vnet: Vnet, request: RTM_GETMADDR, td: Proc) -> list[GroupAddress]:
    """Group memberships, interface by interface."""
    return [
        GroupAddress(ifp.index, ifp.xname, family, addr, count)
        for ifp in vnet.ifnets
        if not request.index or ifp.index == request.index
        for (family, addr), count in ifp.multiaddrs.items()
    ]
