"""route flush: remove every route that has a gateway (flushroutes of route.c, flushroutes_fib_nl)."""

from __future__ import annotations

from typing import cast

from vshell.abi.errno import EPERM, KError
from vshell.abi.route import RTF_GATEWAY, RTF_HOST, DelRoute, DumpRoutes, RtGateway, RtMsg
from vshell.abi.socket import AF_INET, AF_INET6, AF_LINK
from vshell.commands.route.names import Sockaddr, netname, routename
from vshell.commands.route.options import EX_NOPERM, EX_USAGE, Options, usage
from vshell.userland.addr import is_linklocal
from vshell.userland.rtnl import request

_FAMILIES = {"4": AF_INET, "inet": AF_INET, "6": AF_INET6, "inet6": AF_INET6, "link": AF_LINK}


def flushroutes(o: Options, words: list[str]) -> int:
    """The arguments, then each table."""
    if not (o.privileged or o.debug or o.test):
        o.p.errx(EX_NOPERM, "must be root to alter routing table")
    fibs: list[int] = []
    at = 1
    while at < len(words):
        word = words[at]
        if word.startswith("-") and word[1:] in _FAMILIES:
            o.af = _FAMILIES[word[1:]]
        elif word == "-fib" and at + 1 < len(words):
            at += 1
            found = o.fiblist(words[at])
            if found is None:
                o.p.errx(EX_USAGE, f"invalid fib number: {words[at]}")
            fibs += found
        else:
            usage(o.p, word)
        at += 1
    for fib in fibs or [o.defaultfib]:
        _flush(o, fib)
    return 0


def _flush(o: Options, fib: int) -> None:
    from vshell.commands.route.monitor import print_route

    if o.af not in (0, AF_INET, AF_INET6):
        return
    try:
        routes = cast("list[RtMsg]", request(o.p, DumpRoutes(o.af, fib)))
    except KError:
        return
    for r in routes:
        if o.verbose:
            print_route(o, r, "new", 0)
        # Without -4 or -6 no family is the one that was asked for, and nothing is removed: so does the original.
        if r.family != o.af or not r.rtflags & RTF_GATEWAY or o.debug:
            continue
        _delete(o, r)


def _delete(o: Options, r: RtMsg) -> None:
    from vshell.commands.route.monitor import print_route

    try:
        request(o.p, DelRoute(r.family, r.dst, r.plen, r.scope, table=r.table))
    except KError as e:
        if e.errno == EPERM:
            o.p.err(1, e, "RTM_DELROUTE failed:")
        o.p.warn(e, "RTM_DELROUTE failed:")
        return
    if o.verbose:
        print_route(o, RtMsg(r.family, r.dst, r.plen, r.scope, r.table, 0, 0, 0), "del", 0)
    elif r.multipath:
        for path in r.multipath:
            _print_flushed(o, r, path.gateway, path.oif)
    else:
        _print_flushed(o, r, r.gateway, r.oif)


def _print_flushed(o: Options, r: RtMsg, gateway: RtGateway | None, oif: int) -> None:
    dst = Sockaddr(r.family, r.dst, oif if is_linklocal(r.dst) else 0)
    name = routename(o, dst) if r.rtflags & RTF_HOST else netname(o, dst)
    via = ""
    if gateway is not None:
        via = routename(o, Sockaddr(gateway.family, gateway.addr, oif if is_linklocal(gateway.addr) else 0))
    o.p.stdout.write(f"{name:<20.20} {via:<20.20} -fib {r.table:<3d} done\n")
