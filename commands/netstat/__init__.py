"""netstat - show network status (netstat(1), usr.bin/netstat/main.c).

This file reads the options and chooses the mode.  The modes are files of their own: routes (-r), nexthops (-o, -O), interfaces
(-i, -w), statistics (-s), sockets (neither), mbufs (-m), bpf (-B), netisr (-Q), mroute (-g).
"""

from __future__ import annotations

from collections.abc import Coroutine
from importlib import import_module
from typing import Any

from vshell.abi.errno import ENOENT, KError, strerror
from vshell.abi.socket import AF_INET, AF_INET6, AF_LINK, AF_NETGRAPH, AF_UNIX
from vshell.commands.netstat.options import EX_DATAERR, EX_UNAVAILABLE, EX_USAGE, Options
from vshell.commands.netstat.protocols import PF_KEY, PROTOX, Protox, knownname
from vshell.userland.cnumber import atoi, strtol
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

OPTSTRING = "46AaBbCcdF:f:ghI:ij:LlM:mN:nOoPp:Qq:RrSTsuWw:xz"

_FAMILIES = {
    "inet": AF_INET, "inet6": AF_INET6, "pfkey": PF_KEY, "unix": AF_UNIX, "local": AF_UNIX, "ng": AF_NETGRAPH,
    "netgraph": AF_NETGRAPH, "link": AF_LINK,
}  # fmt: skip

Status = int | Coroutine[Any, Any, int] | None


@program("/usr/bin/netstat")
def main(p: Program) -> Status:
    """Options, then the mode."""
    o = Options(p)
    argv = p.argv
    if any(word.startswith("--libxo") for word in argv[1:]):
        argv = o.parse_libxo(argv)
    opts = Getopt(p, OPTSTRING, argv)
    for letter, value in opts:
        if letter == "?":
            o.usage()
        option(o, letter, value)
    operands(o, opts.args)
    if o.jail is not None:
        enter_jail(o, o.jail)
    if {"x", "T"} <= o.flags:
        o.errx(EX_USAGE, "-x and -T are incompatible, pick one.")
    return mode(o)


def option(o: Options, letter: str, value: str) -> None:
    """One option."""
    handler = _HANDLERS.get(letter)
    if handler is not None:
        handler(o, value)
    else:
        o.flags.add(letter)


def _fib(o: Options, value: str) -> None:
    number, rest, error = strtol(value, 0, -(1 << 31), (1 << 31) - 1)
    if rest or error:
        o.errx(EX_DATAERR, f"{value}: invalid fib")
    o.fib = number


def _family(o: Options, value: str) -> None:
    if value not in _FAMILIES:
        o.errx(EX_DATAERR, f"{value}: unknown address family")
    o.af = _FAMILIES[value]


def _interface(o: Options, value: str) -> None:
    o.flags.add("i")
    o.interface = value


def _protocol(o: Options, value: str) -> None:
    if knownname(value) is None:
        from vshell.userland.netdb import getprotobyname, getprotobynumber

        # An alias of a protocol will do as well as its name.
        number = getprotobyname(o.p, value)
        name = getprotobynumber(o.p, number) if number is not None else None
        if name is None or knownname(name) is None:
            o.errx(EX_DATAERR, f"{value}: unknown or uninstrumented protocol")
        value = name
    o.protocol = value


def _numeric(o: Options, value: str) -> None:
    o.numeric_addr += 1
    o.numeric_port = True


def _wait(o: Options, value: str) -> None:
    o.interval = atoi(value)
    o.flags.add("i")


def _stats(o: Options, value: str) -> None:
    o.sflag += 1


_HANDLERS = {
    "4": lambda o, v: setattr(o, "af", AF_INET),
    "6": lambda o, v: setattr(o, "af", AF_INET6),
    "u": lambda o, v: setattr(o, "af", AF_UNIX),
    "j": lambda o, v: setattr(o, "jail", v),
    "q": lambda o, v: setattr(o, "noutputs", atoi(v)),
    "S": lambda o, v: setattr(o, "numeric_addr", 1),
    "M": lambda o, v: setattr(o, "core", v),
    "N": lambda o, v: setattr(o, "live", False),
    "l": lambda o, v: o.flags.add("W"),
    "F": _fib,
    "f": _family,
    "I": _interface,
    "p": _protocol,
    "n": _numeric,
    "w": _wait,
    "s": _stats,
}


def operands(o: Options, args: list[str]) -> None:
    """The old way to give an interval, and core files."""
    if args and "0" <= args[0][:1] <= "9":
        o.interval = atoi(args[0])
        if o.interval <= 0:
            o.usage()
        o.flags.add("i")
        args = args[1:]
    if args:
        o.live = False
        if len(args) > 1:
            o.core = args[1]


def enter_jail(o: Options, name: str) -> None:
    """-j."""
    from vshell.userland.libjail import JailError, jail_getid

    try:
        jid = jail_getid(o.p.sys, name)
    except (KError, JailError):
        jid = -1
    if jid == -1:
        o.errx(EX_UNAVAILABLE, "Jail not found")
    try:
        o.p.sys.jail_attach(jid)
    except KError:
        o.errx(EX_UNAVAILABLE, "Cannot attach to jail")


def mode(o: Options) -> Status:
    """The mode, by the order in which netstat looks at its flags."""
    flags = o.flags
    if o.core is not None:
        # DIFFERS: there are no core files of this kernel.  Without one, -N still reads the memory of the live one.
        (o.xo or o.p).warnx(f"kvm not available: {o.core}: {strerror(ENOENT)}")
        return 0
    if "B" in flags:
        if not o.live:
            o.usage()
        return run(o, "bpf", "bpf_stats")
    if "m" in flags:
        return run(o, "mbufs", "mbpr")
    if "Q" in flags:
        return run(o, "netisr", "netisr_stats")
    if "i" in flags and not o.sflag:
        return run(o, "interfaces", "intpr")
    if "r" in flags:
        return run(o, "routes", "rt_stats" if o.sflag else "routepr")
    if "o" in flags or "O" in flags:
        return run(o, "nexthops", "nhops_print" if "o" in flags else "nhgrp_print")
    if "g" in flags:
        return run(o, "mroute", "mroutepr")
    return protocols(o)


def run(o: Options, name: str, function: str, *args: Any) -> Status:
    """Call a mode: function(o, ...) of the file that holds it."""
    try:
        module = import_module(f"vshell.commands.netstat.{name}")
    except ModuleNotFoundError:
        o.errx(EX_UNAVAILABLE, f"{name}: not supported")
    result: Status = getattr(module, function)(o, *args)
    return result


def protocols(o: Options) -> Status:
    """Statistics with -s, else sockets, of one protocol or of all of the family."""
    if o.protocol is not None:
        tp = knownname(o.protocol)
        assert tp is not None
        chosen = [tp]
    else:
        chosen = [tp for tp in PROTOX if o.af in (0, tp.family)]
    if not o.sflag:
        # With no protocol named, unix(4) sockets come after the others.
        return run(o, "sockets", "socketpr", chosen, o.protocol is None and o.af in (0, AF_UNIX))
    if o.xo is not None:
        o.open_statistics(o.xo)
    for tp in chosen:
        _statistics(o, tp)
    if o.xo is not None:
        o.close_statistics(o.xo)
    return 0


def _statistics(o: Options, tp: Protox) -> None:
    if "i" in o.flags:
        if tp.ifstats:
            run(o, "statistics", "print_ifstats", tp)
        elif o.protocol is not None:
            message(o, f"{tp.name}: no per-interface stats routine")
    elif tp.stats:
        run(o, "statistics", "print_stats", tp)
    elif o.protocol is not None:
        message(o, f"{tp.name}: no stats routine")


def message(o: Options, text: str) -> None:
    """xo_message."""
    if o.xo is None:
        o.p.stdout.write(text + "\n")


def complete(c: Context) -> Iterator[Candidate]:
    """Interfaces, address families, protocols and jails after their options."""
    from vshell.userland.completion import words

    typing = c.options("FfIjMNpqw").typing
    if typing == "I":
        yield from c.interfaces()
    elif typing == "f":
        yield from words(("inet", "inet6", "pfkey", "netgraph", "unix", "link"))
    elif typing == "p":
        yield from words(("ip", "icmp", "igmp", "udp", "tcp", "ip6", "icmp6", "arp", "carp", "pfsync", "sctp", "rip6"))
    elif typing == "j":
        yield from c.jails()
