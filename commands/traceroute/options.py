"""The command line of traceroute(8)."""

from __future__ import annotations

from typing import Any, NoReturn

from vshell.commands.traceroute.probes import PROTOCOLS, GenericProbe, IcmpProbe, Probe, UdpProbe
from vshell.userland.addr import inet_aton
from vshell.userland.cnumber import strtol
from vshell.userland.getopt import Getopt
from vshell.userland.netdb import getprotobyname, hosts
from vshell.userland.program import Program

USAGE = """\
Usage: {prog} [-adDeEFInrSvx] [-A as_server] [-f first_ttl] [-g gateway]
\t[-i iface] [-m max_ttl] [-M first_ttl] [-p port] [-P proto]
\t[-q nprobes] [-s src_addr] [-t tos] [-w waittime]
\t[-z pausemsecs] host [packetlen]
"""
OPTSTRING = ":aA:eEdDFInrSvxf:g:i:M:m:P:p:q:s:t:w:z:"
NGATEWAYS = (40 - 4 - 1) // 4
MAXPACKET = 32 * 1024
MAXHOSTNAMELEN = 256


class Host:
    """A name and its addresses."""

    def __init__(self, name: str, addrs: list[bytes]) -> None:
        self.name = name
        self.addrs = addrs


class Options:
    """What was asked for."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.as_server: str | None = None
        self.first_ttl = 1
        self.max_ttl = int(p.sys.sysctl("net.inet.ip.ttl"))
        self.gateways: list[bytes] = []
        self.device: str | None = None
        self.probe: type[Probe] = UdpProbe
        self.num = 0
        """The protocol number of a generic probe."""
        self.port: int | None = None
        self.nprobes = -1
        self.source: str | None = None
        self.tos = 0
        self.verbose = 0
        self.checksum = True
        self.waittime = 5
        self.pause = 0
        self.packlen = 40

    # errors ----------------------------------------------------------------------------------------------------
    def die(self, text: str) -> NoReturn:
        """Complain and end."""
        self.p.errx(1, text)

    def usage(self) -> NoReturn:
        """How it is used."""
        self.p.usage(USAGE.format(prog=self.p.name))

    def str2val(self, text: str, what: str, low: int, high: int) -> int:
        """A number, decimal or hexadecimal, within limits; -1 is no limit."""
        if text[:2] in ("0x", "0X"):
            value, rest, _ = strtol(text[2:], 16)
        else:
            value, rest, _ = strtol(text, 10)
        value = (value + (1 << 31)) % (1 << 32) - (1 << 31)
        if rest:
            self.die(f'"{text}" bad value for {what}')
        if value < low and low >= 0:
            self.die(f"{what} must be >= {low}" if low == 0 else f"{what} must be > {low - 1}")
        if value > high >= 0:
            self.die(f"{what} must be <= {high}")
        return value

    # names -----------------------------------------------------------------------------------------------------
    def gethostinfo(self, name: str) -> Host:
        """Addresses of a host."""
        if len(name) >= MAXHOSTNAMELEN:
            self.die(f'hostname "{name[:32]}..." is too long')
        addr = inet_aton(name)
        if addr is not None:
            return Host(name, [addr])
        lower = name.lower()
        found = [h for h in hosts(self.p) if len(h.addr) == 4 and lower in (n.lower() for n in h.names)]
        if not found:
            self.die(f"unknown host {name}")
        return Host(found[0].names[0], [h.addr for h in found])

    def setproto(self, name: str) -> None:
        """-P: a known protocol, or any by name or number."""
        known = PROTOCOLS.get(name.lower())
        if known is not None:
            self.probe = known
            return
        number = getprotobyname(self.p, name)
        self.num = number if number is not None else self.str2val(name, "proto number", 1, 255)
        self.probe = GenericProbe

    # parsing ---------------------------------------------------------------------------------------------------
    def parse(self) -> list[str]:
        """The options; returns the operands."""
        opts = Getopt(self.p, OPTSTRING)
        for letter, value in opts:
            handler = _HANDLERS.get(letter)
            if letter in "?:":
                self.usage()
            elif handler is not None:
                handler(self, value)
            else:
                self.flags.add(letter)
        return opts.args


def _gateway(o: Options, value: str) -> None:
    if len(o.gateways) >= NGATEWAYS:
        o.die(f"No more than {NGATEWAYS} gateways")
    o.gateways.append(o.gethostinfo(value).addrs[0])


def _as_server(o: Options, value: str) -> None:
    o.flags.add("a")
    o.as_server = value


def _first(o: Options, value: str) -> None:
    o.first_ttl = o.str2val(value, "first ttl", 1, 255)


def _verbose(o: Options, value: str) -> None:
    o.verbose += 1


def _checksum(o: Options, value: str) -> None:
    o.checksum = not o.checksum


def _number(name: str, what: str, low: int, high: int) -> Any:
    return lambda o, value: setattr(o, name, o.str2val(value, what, low, high))


_HANDLERS: dict[str, Any] = {
    "A": _as_server,
    "f": _first,
    "M": _first,
    "g": _gateway,
    "i": lambda o, v: setattr(o, "device", v),
    "I": lambda o, v: setattr(o, "probe", IcmpProbe),
    "m": _number("max_ttl", "max ttl", 1, 255),
    "P": lambda o, v: o.setproto(v),
    "p": _number("port", "port", 1, (1 << 16) - 1),
    "q": _number("nprobes", "nprobes", 1, -1),
    "s": lambda o, v: setattr(o, "source", v),
    "t": _number("tos", "tos", 0, 255),
    "v": _verbose,
    "x": _checksum,
    "w": _number("waittime", "wait time", 1, 24 * 60 * 60),
    "z": _number("pause", "pause msecs", 0, 60 * 60 * 1000),
}
