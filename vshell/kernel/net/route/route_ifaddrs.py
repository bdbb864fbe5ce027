"""Routes that belong to addresses: the network behind one, and the host route to it over lo0 (net/route/route_ifaddrs.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EEXIST, EHOSTUNREACH, ENETUNREACH, ENOENT, ESRCH, KError
from vshell.abi.route import RTF_HOST, RTF_PINNED, RTF_STATIC, RTM_ADD, RTM_CHANGE, RTM_DELETE
from vshell.abi.socket import AF_LINK
from vshell.kernel.net.ifa import ifaof_ifpforaddr
from vshell.kernel.net.route.nhop import NhGrp, Nhop
from vshell.kernel.net.route.route_ctl import RTM_F_CREATE, RTM_F_FORCE, RtInfo, rib_action, rib_add_route_px
from vshell.kernel.net.route.route_tables import Rtable

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifaddr, Ifnet
    from vshell.kernel.net.route.rib import Rib, Rtentry


def rib_handle_ifaddr_info(fib: int, cmd: int, family: int, info: RtInfo, ifp: Ifnet) -> None:
    """Add or delete the prefix of an address in its fib, or in all of them with net.add_addr_allfibs."""
    vnet = ifp.vnet
    error: KError | None = None
    worked = False
    plen = info.plen
    fibs = range(vnet.numfibs) if vnet[Rtable].add_addr_allfibs else (fib,)
    for number in fibs:
        info.plen = plen
        try:
            rib_action(vnet, number, family, cmd, info)
            worked = True
        except KError as e:
            error = e
    if cmd == RTM_DELETE:
        if not worked:
            raise KError(EHOSTUNREACH if info.flags & RTF_HOST else ENETUNREACH)
    elif error is not None:
        raise error


def _prefix_info(ifa: Ifaddr, dst: bytes, plen: int | None, ifp: Ifnet, scope: int, flags: int) -> RtInfo:
    def ours(rt: Rtentry, nh: Nhop) -> bool:
        return nh.ifa is ifa

    flags |= RTF_PINNED | (RTF_HOST if plen is None else 0)
    return RtInfo(dst, plen, (AF_LINK, b"", ifa.ifp.index), flags, scope=scope, ifp=ifp, ifa=ifa, filter=ours)


def rib_add_kernel_px(ifa: Ifaddr, dst: bytes, plen: int | None, ifp: Ifnet, scope: int = 0, flags: int = 0) -> None:
    """Add the direct route to `dst`/`plen` (None: a host) that `ifa` brings, sent over `ifp` (in_handle_prefix_route).

    EEXIST if the kernel already has one; a user's route of that prefix is replaced.
    """
    info = _prefix_info(ifa, dst, plen, ifp, scope, flags)
    rib_handle_ifaddr_info(ifa.ifp.fib, RTM_ADD, ifa.family, info, ifa.ifp)


def rib_del_kernel_px(ifa: Ifaddr, dst: bytes, plen: int | None, ifp: Ifnet, scope: int = 0, flags: int = 0) -> None:
    """Take it away again, if it still is this address's.  EHOSTUNREACH, ENETUNREACH."""
    info = _prefix_info(ifa, dst, plen, ifp, scope, flags)
    rib_handle_ifaddr_info(ifa.ifp.fib, RTM_DELETE, ifa.family, info, ifa.ifp)


def _loopback_route(cmd: int, ifa: Ifaddr, addr: bytes, scope: int) -> None:
    ifp = ifa.ifp
    loif = ifp.vnet.loif
    info = RtInfo(addr, None, (AF_LINK, b"", ifp.index), RTF_HOST | RTF_STATIC | RTF_PINNED, scope=scope)
    if cmd != RTM_DELETE:
        info.ifp = loif
    if cmd == RTM_ADD and loif is not None:
        info.ifa = ifaof_ifpforaddr(ifa.family, ifa.addr, loif)
        if info.ifa is None and loif.addrs:
            info.ifa = None
    if cmd == RTM_ADD and loif is None:
        raise KError(ENETUNREACH)
    try:
        rib_action(ifp.vnet, ifp.fib, ifa.family, cmd, info)
    except KError as e:
        if (cmd == RTM_ADD and e.errno == EEXIST) or (cmd == RTM_DELETE and e.errno in (ENOENT, ESRCH)):
            return
        raise


def ifa_add_loopback_route(ifa: Ifaddr, addr: bytes, scope: int = 0) -> None:
    """The host route to one's own address, over lo0 of the stack.  One that exists already will do."""
    _loopback_route(RTM_ADD, ifa, addr, scope)


def ifa_del_loopback_route(ifa: Ifaddr, addr: bytes, scope: int = 0) -> None:
    """Remove it; that there is none is no error."""
    _loopback_route(RTM_DELETE, ifa, addr, scope)


def ifa_switch_loopback_route(ifa: Ifaddr, addr: bytes, scope: int = 0) -> None:
    """Let it stand for `ifa`, another interface with the same address."""
    _loopback_route(RTM_CHANGE, ifa, addr, scope)


def copy_kernel_routes(source: Rib, target: Rib) -> None:
    """rib_copy_kernel_routes: a new fib begins with the routes of addresses of interfaces of the old one."""
    for rt in source.walk():
        nh = rt.nhop
        if isinstance(nh, NhGrp) or not nh.pinned or nh.aifp.fib != nh.fibnum:
            continue
        new = nh.copy()
        new.fibnum = target.fibnum
        op = RTM_F_CREATE | RTM_F_FORCE
        try:
            rib_add_route_px(target, rt.key, rt.plen, target.nhc.get_nhop(new), rt.weight, op)
        except KError:
            continue
