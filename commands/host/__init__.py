"""host(1): ask the domain name system (usr.bin/host, which is ldns-host).

DIFFERS: zones are not transferred (-l, -t axfr, -t ixfr, -C end with "; Transfer failed." or the first answer).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vshell.abi.errno import KError
from vshell.abi.fcntl import POLLIN
from vshell.abi.record import Record
from vshell.abi.socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM, Message
from vshell.commands.host import report
from vshell.commands.host.dns import CLASSES, TYPES, BadName, Packet, ask, labels, number_of, read
from vshell.userland.addr import inet_pton4, inet_pton6
from vshell.userland.cnumber import atoi
from vshell.userland.getopt import Getopt
from vshell.userland.netdb import AI_NUMERICHOST, GaiError, gai_strerror, getaddrinfo
from vshell.userland.program import Program, program
from vshell.userland.slurp import random_bytes, slurp

USAGE = """Usage: host [-aCdilrsTvw46] [-c class] [-N ndots] [-R number]
            [-t type] [-W wait] name [server]
\t-a same as -v -t ANY
\t-C query SOA records from all authoritative name servers
\t-c use this query class (IN, CH, HS, etc)
\t-d produce verbose output, same as -v
\t-i use IP6.INT for IPv6 reverse lookups
\t-l list records in a zone via AXFR
\t-N consider names with at least this many dots as absolute
\t-R retry UDP queries this many times
\t-r disable recursive query
\t-s do not ignore SERVFAIL responses
\t-T send query via TCP
\t-t use this query type (A, AAAA, MX, etc)
\t-v produce verbose output
\t-w wait forever for a server reply
\t-W wait this many seconds for a reply
\t-4 use IPv4 only
\t-6 use IPv6 only
"""
AXFR, DEFAULT, SINGLE, SOA = "axfr", "default", "single", "soa"
NS = 1_000_000_000
TCP_TIMEOUT, UDP_TIMEOUT = 10, 5
SERVFAIL = 2
PORT = "53"


@dataclass(slots=True)
class Options:
    """The command line."""

    mode: str = DEFAULT
    type: int = 0
    cls: int = 1
    verbose: bool = False
    recursive: bool = True
    tcp: bool = False
    ignore_servfail: bool = True
    base6: str = "ip6.arpa"
    ndots: int = 1
    retries: int = 1
    timeout: int = 0
    family: int = 0


@dataclass(slots=True)
class Resolver:
    """resolv.conf(5), as far as ldns reads it."""

    servers: list[str] = field(default_factory=list)
    domain: str = ""
    search: list[str] = field(default_factory=list)


def _options(p: Program) -> tuple[Options, list[str]]:
    o = Options()
    letters = Getopt(p, "aCdilrsTvw46c:N:R:t:W:")
    flags = {"d": ("verbose", True), "v": ("verbose", True), "i": ("base6", "ip6.int"), "r": ("recursive", False),
             "s": ("ignore_servfail", False), "T": ("tcp", True), "4": ("family", AF_INET), "6": ("family", AF_INET6),
             "w": ("timeout", 0x7FFFFFFF)}  # fmt: skip
    for letter, value in letters:
        if letter in flags:
            setattr(o, *flags[letter])
        elif letter == "a":
            o.mode = o.mode if o.mode == AXFR else SINGLE
            o.type, o.verbose = TYPES["ANY"], True
        elif letter == "C":
            o.mode, o.cls, o.type = SOA, CLASSES["IN"], TYPES["NS"]
        elif letter == "l":
            o.mode, o.tcp = AXFR, True
            o.type = o.type or TYPES["AXFR"]
        elif letter == "c":
            o.cls = number_of(value, CLASSES, "CLASS")
            if not o.cls:
                _die(p, 2, f"invalid class: {value}\n")
        elif letter == "t":
            _type(p, o, value)
        elif letter == "N":
            o.ndots = max(atoi(value), 0)
        elif letter == "R":
            o.retries = min(max(atoi(value), 1), 255)
        elif letter == "W":
            o.timeout = max(atoi(value), 1)
        else:
            _usage(p)
    if not letters.args:
        _usage(p)
    o.type = o.type or TYPES["A"]
    return o, letters.args


def _type(p: Program, o: Options, value: str) -> None:
    o.mode = o.mode if o.mode == AXFR else SINGLE
    o.type = TYPES["IXFR"] if value.lower().startswith("ixfr=") else number_of(value, TYPES, "TYPE")
    if not o.type:
        _die(p, 2, f"invalid type: {value}\n")
    if o.type in (TYPES["AXFR"], TYPES["IXFR"]):
        o.verbose = o.verbose or o.type == TYPES["AXFR"]
        o.mode, o.type = AXFR, TYPES["ANY"]


def _usage(p: Program) -> None:
    p.stderr.write(USAGE)
    p.exit(1)


def _die(p: Program, code: int, text: str) -> None:
    p.stderr.write(f"host: {text}\n")
    p.exit(code)


def _resolver(p: Program) -> Resolver:
    """ldns_resolver_new_frm_file: /etc/resolv.conf; without servers those of this host."""
    r = Resolver()
    try:
        text = slurp(p, "/etc/resolv.conf")
    except KError:
        text = b""
    for line in text.decode("utf-8", "replace").splitlines():
        words = line.partition("#")[0].split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver" and (inet_pton4(words[1]) or inet_pton6(words[1].partition("%")[0])):
            r.servers.append(words[1])
        elif words[0] == "domain":
            r.domain = words[1]
        elif words[0] == "search":
            r.search = words[1:]
    r.servers = r.servers or ["127.0.0.1", "::1"]
    return r


class Host:
    """One run."""

    def __init__(self, p: Program, o: Options, resolver: Resolver) -> None:
        self.p, self.o, self.resolver = p, o, resolver
        self.servers: list[str] = list(resolver.servers)
        self.out = report.Report(p, o.verbose, o.mode == SOA)

    def use(self, server: str) -> None:
        """The server of the command line, by address or name."""
        if inet_pton4(server) or inet_pton6(server.partition("%")[0]):
            self.servers = [server]
        else:
            try:
                found = getaddrinfo(self.p, server, None, self.o.family, SOCK_STREAM)
            except GaiError as e:
                _die(self.p, 1, f"couldn't get address for '{server}': {gai_strerror(e.code)}")
            self.servers = [report.text_of(place.addr) for place in found]
        self.out.server = server

    async def query(self, name: str) -> tuple[bool, Packet]:
        """Ask the servers in turn."""
        o = self.o
        if o.verbose:
            self.p.stdout.write(f'Trying "{name.rstrip(".")}"\n')
        packet: Packet | None = None
        for server in self.servers:
            packet = await self.send(server, name, o.tcp)
            if packet is None:
                continue
            if packet.flags & 0x200 and not o.tcp:
                if o.verbose:
                    self.p.stdout.write(";; Truncated, retrying in TCP mode.\n")
                packet = await self.send(server, name, True) or packet
            if o.ignore_servfail and packet.rcode == SERVFAIL and len(self.servers) > 1:
                continue
            return packet.rcode == 0, packet
        if packet is None:
            self.p.stdout.write(";; connection timed out; no servers could be reached\n")
            self.p.exit(1)
        assert packet is not None
        return False, packet

    async def send(self, server: str, name: str, tcp: bool) -> Packet | None:
        """ldns_resolver_send_to: one server, as often as it takes."""
        try:
            place = getaddrinfo(self.p, server, PORT, self.o.family, SOCK_STREAM if tcp else SOCK_DGRAM, 0, AI_NUMERICHOST)[0]
        except GaiError:
            return None
        ident = int.from_bytes(random_bytes(self.p, 2), "big")
        question = ask(ident, name, TYPES["AXFR"] if self.o.mode == AXFR else self.o.type, self.o.cls, self.o.recursive)
        wait = (self.o.timeout or (TCP_TIMEOUT if tcp else UDP_TIMEOUT)) * NS
        for _ in range(self.o.retries + 1):
            start = self.p.sys.clock_gettime()
            data = await self._once(place.family, place.addr, question, wait, tcp)
            packet = read(data) if data is not None else None
            if packet is not None and packet.ident == ident:
                self.out.received(server, (self.p.sys.clock_gettime() - start) // 1_000_000)
                return packet
        return None

    async def _once(self, family: int, addr: Record, question: bytes, wait: int, tcp: bool) -> bytes | None:
        sys = self.p.sys
        fd = -1
        try:
            fd = sys.socket(family, SOCK_STREAM if tcp else SOCK_DGRAM)
            if not tcp:
                await sys.sendto(fd, question, addr)
                if not await sys.poll([(fd, POLLIN)], wait):
                    return None
                message = await sys.recvmsg(fd, 65535)
                assert isinstance(message, Message)
                return message.data
            await sys.connect(fd, addr)
            await sys.sendto(fd, len(question).to_bytes(2, "big") + question)
            data = b""
            while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
                if not await sys.poll([(fd, POLLIN)], wait):
                    return None
                more = await sys.read(fd, 65535)
                if not more:
                    return None
                data += more
            return data[2:]
        except KError:
            return None
        finally:
            if fd >= 0:
                sys.close(fd)

    async def search(self, name: str, absolute: bool) -> tuple[str | None, Packet]:
        """The name as it is, and below the domains of resolv.conf: (which was found, last answer)."""
        base = name.rstrip(".")
        tries = [f"{base}.{domain}" for domain in [self.resolver.domain, *self.resolver.search] if domain]
        tries = [name, *tries] if absolute else [*tries, name]
        for one in tries:
            found, packet = await self.query(one)
            if found:
                return one, packet
        return None, packet

    async def ask(self, name: str, filtered: bool = False) -> bool:
        """Ask once and tell."""
        found, packet = await self.query(name)
        if filtered:
            packet.answer = [rr for rr in packet.answer if rr.type == self.o.type]
        self.out.tell(name, packet, self.o.type, self.o.mode == SINGLE)
        return found

    async def run(self, name: str) -> bool:
        """What the mode wants."""
        o = self.o
        addr4, addr6 = inet_pton4(name), inet_pton6(name)
        if addr4 or addr6:
            o.mode, o.type = SINGLE, TYPES["PTR"]
            return await self.ask(report.reverse(addr4 or addr6 or b"", o.base6))
        try:
            labels(name)
        except BadName as e:
            _die(self.p, 1, f"'{name}' is not a legal name ({e})")
        found, packet = await self.search(name, name.count(".") >= o.ndots)
        self.out.tell(found or name, packet, o.type, o.mode == SINGLE)
        if o.mode == AXFR:
            self.p.stdout.write("; Transfer failed.\n")
            return False
        if found is None or o.mode != DEFAULT:
            return found is not None
        for kind in ("AAAA", "MX"):
            o.type = TYPES[kind]
            if not await self.ask(found, True):
                return False
        return True


@program("/usr/bin/host")
async def main(p: Program) -> int:
    """host(1)."""
    o, args = _options(p)
    run = Host(p, o, _resolver(p))
    if len(args) > 1:
        run.use(args[1])
    return 0 if await run.run(args[0]) else 1
