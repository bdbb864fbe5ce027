"""route - manipulate the routing tables (route(8), sbin/route/route.c, route_netlink.c).

The parts: keywords (the words), newroute (add, change, delete, get), flush, monitor, interfaces (`-d monitor`), names (how
addresses are printed), message (what is said to the kernel and what it answers).
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from vshell.abi.errno import KError
from vshell.commands.route.options import EX_USAGE, Options, usage
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program


@program("/sbin/route")
def main(p: Program) -> int | Coroutine[Any, Any, int]:
    """Options, the jail, and the command."""
    if len(p.argv) < 2:
        usage(p)
    o = Options(p)
    jail = None
    opts = Getopt(p, "46nqdtvj:")
    for letter, value in opts:
        if letter == "?":
            usage(p)
        if letter == "j":
            jail = value
        else:
            o.flag(letter)
    if jail is not None:
        _enter_jail(p, jail)
    o.ask_fibs()
    args = opts.args
    command = args[0] if args else None
    if command in ("get", "show", "change", "add", "del", "delete"):
        from vshell.commands.route.newroute import newroute

        return newroute(o, args)
    if command == "monitor":
        from vshell.commands.route.monitor import monitor

        return monitor(o, args)
    if command == "flush":
        from vshell.commands.route.flush import flushroutes

        return flushroutes(o, args)
    usage(p, command)


def _enter_jail(p: Program, name: str) -> None:
    from vshell.userland.libjail import JailError, jail_getid

    try:
        jid = jail_getid(p.sys, name)
    except (KError, JailError):
        jid = -1
    if jid == -1:
        p.errx(1, "Jail not found")
    try:
        p.sys.jail_attach(jid)
    except KError:
        p.errx(1, "Cannot attach to jail")


__all__ = ["EX_USAGE", "main"]
