"""What route(8) says to the kernel about one route, and how it shows the answer (route_netlink.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL, ENOTSUP, ESRCH, KError
from vshell.abi.record import Record
from vshell.abi.route import (
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_REPLACE,
    RTF_BLACKHOLE,
    RTF_DONE,
    RTF_GATEWAY,
    RTF_HOST,
    RTF_REJECT,
    RTF_UP,
    RTN_BLACKHOLE,
    RTN_PROHIBIT,
    RTN_UNICAST,
    DelRoute,
    GetRoute,
    NewRoute,
    RtGateway,
    RtMsg,
)  # fmt: skip
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.commands.route.names import ROUTE_FLAGS, Sockaddr, printb, routename
from vshell.userland.addr import is_linklocal, plen2mask
from vshell.userland.rtnl import get_link, request

if TYPE_CHECKING:
    from vshell.commands.route.options import Options

_U32 = 0xFFFFFFFF


class Request:
    """A route as the command line describes it."""

    def __init__(self) -> None:
        self.dst: Sockaddr | None = None
        self.mask: Sockaddr | None = None
        self.gateway: Sockaddr | None = None
        self.metrics: dict[str, int] = {}


def rtmsg(o: Options, command: str, flags: int, fib: int, r: Request) -> int:
    """Carry out `command` ("add", ...) in one table; complains itself and returns the error number."""
    dst = r.dst
    if dst is None:
        return EINVAL
    if dst.family not in (AF_INET, AF_INET6):
        return ENOTSUP
    message = _message(command, flags, fib, r, dst)
    try:
        answers = request(o.p, message)
    except KError as e:
        if e.errno == ESRCH:
            o.p.warnx("route has not been found")
        else:
            o.p.warn(e, "message indicates error")
        return e.errno
    for answer in answers:
        if isinstance(answer, RtMsg):
            print_getmsg(o, answer, dst)
    return 0


def _message(command: str, flags: int, fib: int, r: Request, dst: Sockaddr) -> Record:
    width = 32 if dst.family == AF_INET else 128
    plen = width
    if not flags & RTF_HOST and r.mask is not None:
        plen = int.from_bytes(r.mask.addr, "big").bit_count()
    gateway, oif = _gateway(flags, r.gateway)
    if dst.family == AF_INET6 and not oif and is_linklocal(dst.addr):
        oif = dst.scope
    if command[0] in "gs":
        return GetRoute(dst.family, dst.addr, plen, oif, fib, r.mask is not None)
    if command[0] == "d":
        return DelRoute(dst.family, dst.addr, plen, dst.scope, gateway, oif, fib, flags)
    kind = RTN_PROHIBIT if flags & RTF_REJECT else RTN_BLACKHOLE if flags & RTF_BLACKHOLE else RTN_UNICAST
    return NewRoute(
        dst.family, dst.addr, plen, dst.scope, gateway, oif, fib, flags, kind,
        mtu=r.metrics.get("mtu", 0) & _U32, expire=r.metrics.get("expire", 0), weight=r.metrics.get("weight", 0) & _U32,
        nlflags=NLM_F_REPLACE if command[0] == "c" else NLM_F_CREATE | NLM_F_APPEND,
    )  # fmt: skip


def _gateway(flags: int, gw: Sockaddr | None) -> tuple[RtGateway | None, int]:
    """(gateway, interface) to ask for."""
    if gw is None:
        return None, 0
    if not flags & RTF_GATEWAY:
        return None, gw.scope
    if gw.family not in (AF_INET, AF_INET6):
        return None, 0
    scope = gw.scope if is_linklocal(gw.addr) else 0
    return RtGateway(gw.family, gw.addr, scope), scope


def print_getmsg(o: Options, r: RtMsg, dst: Sockaddr) -> None:
    """What `get` prints."""
    write = o.p.stdout.write
    link = get_link(o.p, r.oif)
    flags = r.rtflags | RTF_UP | RTF_DONE
    width = 32 if r.family == AF_INET else 128
    write(f"   route to: {routename(o, dst)}\n")
    write(f"destination: {routename(o, Sockaddr(r.family, r.dst, _scope(r.dst, r.oif)))}\n")
    if r.plen != width:
        write(f"       mask: {routename(o, Sockaddr(r.family, plen2mask(r.plen, width // 8)))}\n")
    if r.gateway is not None and flags & RTF_GATEWAY:
        gw = Sockaddr(r.gateway.family, r.gateway.addr, _scope(r.gateway.addr, r.oif))
        write(f"    gateway: {routename(o, gw)}\n")
    write(f"        fib: {r.table}\n")
    write(f"  interface: {link.name if link is not None else f'if#{r.oif}'}\n")
    write(f"      flags: {printb(flags, ROUTE_FLAGS)}")
    titles = ("recvpipe", "sendpipe", "ssthresh", "rtt,msec", "mtu   ")
    write("\n" + "".join(f"{title:>9} " for title in titles) + f"{'weight':>10} {'expire':>9}\n")
    mtu = r.mtu or (link.mtu if link is not None else 0)
    weight = 1 if r.weight is None else r.weight
    write("".join(f"{value:8d}  " for value in (0, 0, 0, 0, mtu, weight)) + f"{r.expires:8d} \n")


def _scope(addr: bytes, oif: int) -> int:
    """A link-local address is shown with the interface of the route (finalize_sockaddr of netlink_snl_route.h)."""
    return oif if is_linklocal(addr) else 0
