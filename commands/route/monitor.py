"""route monitor: print events about links, addresses, routes and neighbours as they come (monitor_nl of route_netlink.c)."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from vshell.abi.errno import KError
from vshell.abi.route import (
    NETLINK_ADD_MEMBERSHIP,
    NETLINK_MSG_INFO,
    RTN_BLACKHOLE,
    RTN_PROHIBIT,
    RTN_UNREACHABLE,
    RTNLGRP_IPV4_IFADDR,
    RTNLGRP_IPV4_ROUTE,
    RTNLGRP_IPV6_IFADDR,
    RTNLGRP_IPV6_ROUTE,
    RTNLGRP_LINK,
    RTNLGRP_NEIGH,
    RTNLGRP_NEXTHOP,
    SOL_NETLINK,
    AddrEvent,
    LinkEvent,
    NeighEvent,
    NlEvent,
    RtGateway,
    RtMsg,
)  # fmt: skip
from vshell.abi.socket import AF_INET, AF_NETLINK, SOCK_RAW
from vshell.abi.sockio import IFF_POINTOPOINT, IFF_UP, IFT_BRIDGE, IFT_ETHER, IFT_L2VLAN
from vshell.commands.route.options import EX_USAGE, Options, usage
from vshell.userland.addr import ether_ntoa, inet_ntop, is_linklocal
from vshell.userland.rtnl import get_link

GROUPS = (
    RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_NEXTHOP, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_IFADDR,
    RTNLGRP_IPV6_ROUTE,
)  # fmt: skip
_OPERSTATE = ("UNKNOWN", "NOTPRESENT", "DOWN", "LLDOWN", "TESTING", "DORMANT", "UP")
_NUDSTATE = ((0x01, "INCOMPLETE"), (0x02, "REACHABLE"), (0x04, "STALE"), (0x08, "DELAY"), (0x10, "PROBE"), (0x20, "FAILED"))


def monitor(o: Options, words: list[str]) -> int | Coroutine[Any, Any, int]:
    """The arguments; then listen for ever."""
    at = 1
    while at < len(words):
        if words[at] != "-fib" or at + 1 >= len(words):
            usage(o.p, words[at])
        at += 1
        if o.fibnumber(words[at]) is None:
            o.p.errx(EX_USAGE, f"invalid fib number: {words[at]}")
        at += 1
    o.verbose = True
    if o.debug:
        from vshell.commands.route.interfaces import interfaces

        return interfaces(o)
    return _listen(o)


async def _listen(o: Options) -> int:
    sys = o.p.sys
    fd = sys.socket(AF_NETLINK, SOCK_RAW)
    sys.setsockopt(fd, SOL_NETLINK, NETLINK_MSG_INFO, 1)
    for group in GROUPS:
        try:
            sys.setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        except KError as e:
            o.p.warn(e, f"Unable to subscribe to group {group}")
    while True:
        message: Any = await sys.recvmsg(fd, 65536)
        if isinstance(message.name, NlEvent):
            print_event(o, message.name)
            await o.p.stdout.drain()


def print_event(o: Options, event: NlEvent) -> None:
    """One event."""
    what = event.what
    if isinstance(what, RtMsg):
        print_route(o, what, event.action, event.pid)
    elif isinstance(what, LinkEvent):
        _print_link(o, what, event)
    elif isinstance(what, AddrEvent):
        _print_addr(o, what, event)
    elif isinstance(what, NeighEvent):
        _print_neigh(o, what, event)


def _head(o: Options, action: str, pid: int, kind: str) -> str:
    """The time, who did it, what: "12:00:47.201 PID    0 add/repl route "."""
    from vshell.userland.strftime import localtime, strftime

    now = o.p.sys.clock_gettime()
    clock = strftime("%T", localtime(now // 1_000_000_000, o.p.env))
    return f"{clock}.{now // 1_000_000 % 1000:03d} PID {pid:4d} {'add/repl' if action == 'new' else 'delete'} {kind} "


def _prefix(o: Options, addr: bytes, plen: int, scope: int) -> str:
    """print_prefix: an address, a link-local one with its interface, and the length unless it is negative."""
    text = inet_ntop(addr)
    if is_linklocal(addr) and scope:
        text += f"%{_ifname(o, scope)}"
    return f"{text}/{plen}" if plen >= 0 else text


def _ifname(o: Options, index: int) -> str:
    link = get_link(o.p, index)
    return link.name if link is not None else f"if#{index}"


# routes --------------------------------------------------------------------------------------------------------


def print_route(o: Options, r: RtMsg, action: str, pid: int) -> None:
    """A route that came, changed or went."""
    head = _head(o, action, pid, "route") + _prefix(o, r.dst, r.plen, r.oif) + " "
    write = o.p.stdout.write
    if r.rtm_type in (RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT):
        kinds = {RTN_BLACKHOLE: "blackhole", RTN_UNREACHABLE: "unreach(reject)", RTN_PROHIBIT: "prohibit(reject)"}
        write(f"{head}{kinds[r.rtm_type]}\n")
        return
    table = f"table {'inet' if r.family == AF_INET else 'inet6'}.{r.table}"
    if not r.multipath:
        write(head + _nexthop(o, r.gateway, r.oif, r.mtu) + table + "\n")
        return
    for i, path in enumerate(r.multipath):
        line = _nexthop(o, path.gateway, path.oif, path.mtu)
        write(head + line + table + "\n" if i == 0 else " " * len(head) + line + "\n")


def _nexthop(o: Options, gateway: RtGateway | None, oif: int, mtu: int) -> str:
    text = ""
    if gateway is not None:
        text = f"gw {_prefix(o, gateway.addr, -1, oif)} "
    if oif:
        link = get_link(o.p, oif)
        mtu = mtu or (link.mtu if link is not None else 0)
        text += f"iface {link.name if link is not None else f'if#{oif}'} " + (f"mtu {mtu} " if mtu else "")
    return text


# links, addresses, neighbours ----------------------------------------------------------------------------------


def _print_link(o: Options, link: LinkEvent, event: NlEvent) -> None:
    text = f"iface#{link.index} {link.name} admin {'UP' if link.flags & IFF_UP else 'DOWN'} "
    if 0 <= link.operstate < len(_OPERSTATE):
        text += f"oper {_OPERSTATE[link.operstate]} "
    if link.mtu > 0:
        text += f"mtu {link.mtu} "
    o.p.stdout.write(_head(o, event.action, event.pid, "iface") + text + "\n")


def _print_addr(o: Options, a: AddrEvent, event: NlEvent) -> None:
    text = _prefix(o, a.addr, a.prefixlen, a.index) + " "
    link = get_link(o.p, a.index)
    if link is not None and link.flags & IFF_POINTOPOINT and a.dstaddr is not None:
        text += f"-> {_prefix(o, a.dstaddr, -1, a.index)} "
    name = link.name if link is not None else a.ifname or f"if#{a.index}"
    o.p.stdout.write(_head(o, event.action, event.pid, "addr") + text + f"iface {name} \n")


def _print_neigh(o: Options, n: NeighEvent, event: NlEvent) -> None:
    text = _prefix(o, n.addr, -1, n.index) + " "
    for bit, name in _NUDSTATE:
        if n.state & bit:
            text += f"state {name} "
            break
    link = get_link(o.p, n.index)
    if n.lladdr:
        ether = len(n.lladdr) == 6 and (link is None or link.type in (IFT_ETHER, IFT_L2VLAN, IFT_BRIDGE))
        text += f"lladdr {ether_ntoa(n.lladdr) if ether else '.'.join(f'{octet:x}' for octet in n.lladdr)} "
    text += f"iface {link.name if link is not None else n.ifname or f'if#{n.index}'} "
    o.p.stdout.write(_head(o, event.action, event.pid, "neigh") + text + "\n")
