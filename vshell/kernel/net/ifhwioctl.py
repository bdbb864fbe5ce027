"""Requests on an interface that do not depend on its type (ifhwioctl of net/if.c).

The order of the checks is that of 15.1: the interface must exist (ENXIO), then the caller be privileged (EPERM), then the
value be right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EADDRINUSE, EADDRNOTAVAIL, EEXIST, EINVAL, ENAMETOOLONG, ENOENT, ENOMSG, EOPNOTSUPP, KError
from vshell.abi.socket import AF_LINK
from vshell.abi.sockio import (
    IF_MAXMTU,
    IF_MINMTU,
    IFF_ALLMULTI,
    IFF_CANTCHANGE,
    IFF_MULTICAST,
    IFF_PALLMULTI,
    IFF_PPROMISC,
    IFF_PROMISC,
    IFF_RENAMING,
    IFF_UP,
    IFNAMSIZ,
    SIOCADDMULTI,
    SIOCAIFGROUP,
    SIOCDELMULTI,
    SIOCDIFGROUP,
    SIOCGHWADDR,
    SIOCGIFCAP,
    SIOCGIFDESCR,
    SIOCGIFFIB,
    SIOCGIFFLAGS,
    SIOCGIFGMEMB,
    SIOCGIFGROUP,
    SIOCGIFINDEX,
    SIOCGIFMETRIC,
    SIOCGIFMTU,
    SIOCSIFCAP,
    SIOCSIFDESCR,
    SIOCSIFFIB,
    SIOCSIFFLAGS,
    SIOCSIFLLADDR,
    SIOCSIFMEDIA,
    SIOCSIFMETRIC,
    SIOCSIFMTU,
    SIOCSIFNAME,
    IfCap,
    IfRequest,
)  # fmt: skip
from vshell.kernel.net.if_groups import if_addgroup, if_delgroup, if_getgroupmembers
from vshell.kernel.net.ifioctl import ifrequest, ifunit, stackrequest
from vshell.kernel.net.ifnet import (
    Ifnet,
    Iftable,
    if_down,
    if_driver_flags,
    if_gethwaddr,
    if_printf,
    if_setlladdr,
    if_up,
    ifmtu_event,
    ifnet_arrival_event,
    ifnet_departure_event,
    ifnet_rename_event,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.uipc_socket import Socket

IFDESCR_MAXLEN = 1024
"""net.ifdescr_maxlen."""


def _changed(ifp: Ifnet) -> None:
    ifp.lastchange = ifp.kernel.clock.now


# questions -----------------------------------------------------------------------------------------------------
@ifrequest(SIOCGIFFLAGS)
def _getflags(ifp: Ifnet, request: SIOCGIFFLAGS, td: Proc) -> int:
    return ifp.flags


@ifrequest(SIOCGIFINDEX)
def _getindex(ifp: Ifnet, request: SIOCGIFINDEX, td: Proc) -> int:
    index: int = ifp.index
    return index


@ifrequest(SIOCGIFCAP)
def _getcap(ifp: Ifnet, request: SIOCGIFCAP, td: Proc) -> IfCap:
    return IfCap(ifp.capabilities, ifp.capenable)


@ifrequest(SIOCGIFMTU)
def _getmtu(ifp: Ifnet, request: SIOCGIFMTU, td: Proc) -> int:
    return ifp.mtu


@ifrequest(SIOCGIFMETRIC)
def _getmetric(ifp: Ifnet, request: SIOCGIFMETRIC, td: Proc) -> int:
    return ifp.metric


@ifrequest(SIOCGIFFIB)
def _getfib(ifp: Ifnet, request: SIOCGIFFIB, td: Proc) -> int:
    return ifp.fib


@ifrequest(SIOCGIFDESCR)
def _getdescr(ifp: Ifnet, request: SIOCGIFDESCR, td: Proc) -> str:
    if not ifp.description:
        raise KError(ENOMSG)
    return ifp.description


@ifrequest(SIOCGHWADDR)
def _gethwaddr(ifp: Ifnet, request: SIOCGHWADDR, td: Proc) -> bytes:
    return if_gethwaddr(ifp)


@ifrequest(SIOCGIFGROUP)
def _getgroups(ifp: Ifnet, request: SIOCGIFGROUP, td: Proc) -> tuple[str, ...]:
    return tuple(ifp.groups)


@stackrequest(SIOCGIFGMEMB)
def _getmembers(so: Socket, request: SIOCGIFGMEMB, td: Proc) -> tuple[str, ...]:
    if len(request.name) >= IFNAMSIZ:
        raise KError(EINVAL)
    return if_getgroupmembers(so.vnet, request.name)


# changes -------------------------------------------------------------------------------------------------------
@ifrequest(SIOCSIFFLAGS, priv=True)
def _setflags(ifp: Ifnet, request: SIOCSIFFLAGS, td: Proc) -> None:
    new = request.flags
    up = False
    if ifp.flags & IFF_UP and not new & IFF_UP:
        if_down(ifp)
    elif new & IFF_UP and not ifp.flags & IFF_UP:
        up = True
    if_setppromisc(ifp, bool(new & IFF_PPROMISC))
    if (ifp.flags ^ new) & IFF_PALLMULTI:
        if new & IFF_PALLMULTI:
            ifp.flags |= IFF_ALLMULTI
        elif not ifp.amcount:
            ifp.flags &= ~IFF_ALLMULTI
    ifp.flags = ifp.flags & IFF_CANTCHANGE | new & ~IFF_CANTCHANGE
    try:
        if_driver_flags(ifp)
    except KError:
        pass  # 15.1 does not look at what the driver says
    if up:
        if_up(ifp)
    _changed(ifp)


def if_setppromisc(ifp: Ifnet, on: bool) -> None:
    """The user's own wish for promiscuous mode, which outlives the others'."""
    if on == bool(ifp.flags & IFF_PPROMISC):
        return
    if on:
        ifp.flags |= IFF_PPROMISC | IFF_PROMISC
    else:
        ifp.flags &= ~IFF_PPROMISC
        if not ifp.pcount:
            ifp.flags &= ~IFF_PROMISC
    if ifp.kernel[Iftable].log_promisc_mode_change:
        if_printf(ifp, f"permanently promiscuous mode {'enabled' if on else 'disabled'}")


@ifrequest(SIOCSIFCAP, priv=True)
def _setcap(ifp: Ifnet, request: SIOCSIFCAP, td: Proc) -> None:
    if request.reqcap & ~ifp.capabilities:
        raise KError(EINVAL)
    ifp.ioctl(request, td)
    _changed(ifp)


@ifrequest(SIOCSIFMTU, priv=True)
def _setmtu(ifp: Ifnet, request: SIOCSIFMTU, td: Proc) -> None:
    if not IF_MINMTU <= request.mtu <= IF_MAXMTU:
        raise KError(EINVAL)
    if ifp.bridge is not None:
        raise KError(EOPNOTSUPP)
    old = ifp.mtu
    try:
        ifp.ioctl(request, td)
        _changed(ifp)
    finally:
        if ifp.mtu != old:
            if_notifymtu(ifp)


def if_notifymtu(ifp: Ifnet) -> None:
    """Tell the protocols about a new MTU."""
    for event in ifmtu_event:
        event(ifp)


@ifrequest(SIOCSIFMETRIC, priv=True)
def _setmetric(ifp: Ifnet, request: SIOCSIFMETRIC, td: Proc) -> None:
    ifp.metric = request.metric
    _changed(ifp)


@ifrequest(SIOCSIFFIB, priv=True)
def _setfib(ifp: Ifnet, request: SIOCSIFFIB, td: Proc) -> None:
    if not 0 <= request.fib < ifp.vnet.numfibs:
        raise KError(EINVAL)
    ifp.fib = request.fib


@ifrequest(SIOCSIFDESCR, priv=True)
def _setdescr(ifp: Ifnet, request: SIOCSIFDESCR, td: Proc) -> None:
    text = request.descr or ""
    if len(text.encode("utf-8", "surrogateescape")) >= IFDESCR_MAXLEN:
        raise KError(ENAMETOOLONG)
    ifp.description = text
    _changed(ifp)


@ifrequest(SIOCSIFNAME, priv=True)
def _setname(ifp: Ifnet, request: SIOCSIFNAME, td: Proc) -> None:
    if len(request.newname.encode("utf-8", "surrogateescape")) >= IFNAMSIZ:
        raise KError(ENAMETOOLONG)
    if_rename(ifp, request.newname)


def if_rename(ifp: Ifnet, name: str) -> None:
    """Give an interface another name.  EINVAL, EEXIST."""
    if not name:
        raise KError(EINVAL)
    if name == ifp.xname:
        return
    if ifunit(ifp.vnet, name) is not None:
        raise KError(EEXIST)
    ifp.flags |= IFF_RENAMING
    for event in ifnet_departure_event:
        event(ifp)
    if_printf(ifp, f"changing name to '{name}'")
    old = ifp.xname
    ifp.vnet.ifnets.rename(ifp, name)
    for event in ifnet_arrival_event:
        event(ifp)
    ifp.flags &= ~IFF_RENAMING
    for event in ifnet_rename_event:
        event(ifp, old)


@ifrequest(SIOCSIFLLADDR, priv=True)
def _setlladdr(ifp: Ifnet, request: SIOCSIFLLADDR, td: Proc) -> None:
    if_setlladdr(ifp, request.lladdr)


@ifrequest(SIOCSIFMEDIA, priv=True)
def _setmedia(ifp: Ifnet, request: SIOCSIFMEDIA, td: Proc) -> Any:
    answer = ifp.ioctl(request, td)
    _changed(ifp)
    return answer


@ifrequest(SIOCAIFGROUP, priv=True)
def _addgroup(ifp: Ifnet, request: SIOCAIFGROUP, td: Proc) -> None:
    if len(request.group) >= IFNAMSIZ:
        raise KError(EINVAL)
    if_addgroup(ifp, request.group)


@ifrequest(SIOCDIFGROUP, priv=True)
def _delgroup(ifp: Ifnet, request: SIOCDIFGROUP, td: Proc) -> None:
    if len(request.group) >= IFNAMSIZ:
        raise KError(EINVAL)
    if_delgroup(ifp, request.group)


def _multicast(ifp: Ifnet, request: IfRequest, address: bytes) -> tuple[int, bytes]:
    if not ifp.flags & IFF_MULTICAST:
        raise KError(EOPNOTSUPP)
    if len(address) != ifp.addrlen:
        raise KError(EINVAL)
    if not address or not address[0] & 1:
        raise KError(EADDRNOTAVAIL)
    return AF_LINK, address


@ifrequest(SIOCADDMULTI, priv=True)
def _addmulti(ifp: Ifnet, request: SIOCADDMULTI, td: Proc) -> None:
    key = _multicast(ifp, request, request.addr)
    if key in ifp.multiaddrs:
        raise KError(EADDRINUSE)
    ifp.multiaddrs[key] = 1
    _changed(ifp)


@ifrequest(SIOCDELMULTI, priv=True)
def _delmulti(ifp: Ifnet, request: SIOCDELMULTI, td: Proc) -> None:
    key = _multicast(ifp, request, request.addr)
    if key not in ifp.multiaddrs:
        raise KError(ENOENT)
    del ifp.multiaddrs[key]
    _changed(ifp)
