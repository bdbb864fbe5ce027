"""traceroute6 - print the route IPv6 packets take to a host (traceroute6(8), usr.sbin/traceroute6/traceroute6.c)."""

from __future__ import annotations

from typing import Any, NoReturn

from vshell.abi.errno import KError
from vshell.abi.fcntl import POLLIN
from vshell.abi.in6 import (
    IPV6_HOPLIMIT,
    IPV6_PKTINFO,
    IPV6_RECVHOPLIMIT,
    IPV6_RECVPKTINFO,
    IPV6_RTHDR,
    IPV6_TCLASS,
    IPV6_UNICAST_HOPS,
)
from vshell.abi.socket import (
    AF_INET6,
    IPPROTO_ICMPV6,
    IPPROTO_IPV6,
    IPPROTO_NONE,
    IPPROTO_SCTP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    SO_DEBUG,
    SO_DONTROUTE,
    SO_SNDBUF,
    SOCK_DGRAM,
    SOCK_RAW,
    SOL_SOCKET,
    SockaddrIn6,
)  # fmt: skip
from vshell.commands.traceroute.probes import BASE_PORT, Probe, SctpProbe, TcpProbe, UdpProbe, be16
from vshell.userland.addr import inet_ntop6
from vshell.userland.cnumber import strtol
from vshell.userland.getopt import Getopt
from vshell.userland.netdb import (
    AI_CANONNAME,
    AI_NUMERICHOST,
    GaiError,
    getaddrinfo,
    gethostbyaddr,
    gethostbyname,
    numeric_name,
)  # fmt: skip
from vshell.userland.program import Program, program

USAGE = """\
Usage: traceroute6 [-adEIlnNrSTUv] [-A as_server] [-f firsthop] [-g gateway]
\t[-m hoplimit] [-p port] [-q probes] [-s src] [-t tclass]
\t[-w waittime] target [datalen]
"""
OPTSTRING = "aA:dEf:g:Ilm:nNp:q:rs:St:TUvw:"
MAXPACKET = 65535
DUMMY_PORT = 10010
ULONG_MAX = (1 << 64) - 1

DST_UNREACH, TIME_EXCEEDED, PARAM_PROB, ECHO_REQUEST, ECHO_REPLY = 1, 3, 4, 128, 129
ECN_MASK, ECN_NOTECT, ECN_ECT1, ECN_CE = 3, 0, 1, 3
_ECN = {ECN_ECT1: "passed", ECN_NOTECT: "bleached", ECN_CE: "congested"}
_UNREACHABLE = {0: "N", 1: "P", 2: "S", 3: "A"}
_TYPES = {
    1: "Destination Unreachable", 2: "Packet Too Big", 3: "Time Exceeded", 4: "Parameter Problem", 128: "Echo Request",
    129: "Echo Reply", 130: "Group Membership Query", 131: "Group Membership Report", 132: "Group Membership Reduction",
    133: "Router Solicitation", 134: "Router Advertisement", 135: "Neighbor Solicitation", 136: "Neighbor Advertisement",
    137: "Redirect",
}  # fmt: skip
_PROTOCOLS = {"I": IPPROTO_ICMPV6, "N": IPPROTO_NONE, "S": IPPROTO_SCTP, "T": IPPROTO_TCP, "U": IPPROTO_UDP}
_LEAST = {IPPROTO_ICMPV6: 8, IPPROTO_UDP: 8, IPPROTO_NONE: 0, IPPROTO_SCTP: 12, IPPROTO_TCP: 20}


class Icmp6Probe(Probe):
    """ICMPv6: an echo request; the kernel fills in the checksum."""

    def make(self, seq: int, pseudo: bytes) -> bytes:
        """The header; the rest is zeros."""
        return self.pad(bytes((ECHO_REQUEST, 0, 0, 0)) + be16(self.ident) + be16(seq))

    def check(self, inner: bytes, seq: int) -> bool:
        """By identifier and sequence."""
        return inner[4:8] == be16(self.ident) + be16(seq)


class Udp6Probe(UdpProbe):
    """UDP; ports begin again behind the highest."""

    def dport(self, seq: int) -> int:
        """The destination port of a probe."""
        return self.port + seq & 0xFFFF


class NoProbe(Probe):
    """No next header: nothing to recognise it by."""

    def make(self, seq: int, pseudo: bytes) -> bytes:
        """Nothing."""
        return b""

    def check(self, inner: bytes, seq: int) -> bool:
        """Any will do."""
        return True


_PROBES: dict[int, type[Probe]] = {
    IPPROTO_ICMPV6: Icmp6Probe, IPPROTO_NONE: NoProbe, IPPROTO_SCTP: SctpProbe, IPPROTO_TCP: TcpProbe, IPPROTO_UDP: Udp6Probe,
}  # fmt: skip


class Options:
    """What was asked for."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.as_server: str | None = None
        self.gateways: list[bytes] = []
        self.first_hop = 1
        self.max_hops = 30
        self.port = BASE_PORT
        self.nprobes = 3
        self.source: str | None = None
        self.tclass = -1
        self.proto = IPPROTO_UDP
        self.verbose = 0
        self.waittime = 5

    def die(self, text: str) -> NoReturn:
        """Complain and end."""
        self.p.stderr.write(f"traceroute6: {text}\n")
        self.p.exit(1)

    def perror(self, error: KError, what: str, status: int = 1) -> NoReturn:
        """perror(3) and exit."""
        self.p.stderr.write(f"{what}: {error}\n")
        self.p.exit(status)

    def number(self, text: str, what: str, limit: int = ULONG_MAX) -> int:
        """strtoul(3) of a whole word."""
        value, rest, error = strtol(text, 0, -ULONG_MAX, ULONG_MAX)
        value &= ULONG_MAX
        if error or rest or value > limit:
            self.die(f"invalid {what}.")
        return value

    def option(self, letter: str, value: str) -> None:
        """One option."""
        if letter in _PROTOCOLS:
            self.proto = _PROTOCOLS[letter]
        elif letter == "A":
            self.flags.add("a")
            self.as_server = value
        elif letter == "f":
            self.first_hop = self.number(value, "min hoplimit", 255)
        elif letter == "m":
            self.max_hops = self.number(value, "max hoplimit", 255)
        elif letter == "t":
            self.tclass = self.number(value, "traffic class", 255)
        elif letter == "g":
            self.gateway(value)
        elif letter == "p":
            self.port = self.number(value, "port")
            if not 0 < self.port < 65536:
                self.die("port out of range.")
        elif letter == "q":
            self.nprobes = self.number(value, "nprobes")
            if self.nprobes < 1:
                self.die("nprobes must be >0.")
        elif letter == "w":
            self.waittime = self.number(value, "wait time")
            if self.waittime < 1:
                self.die("wait must be >= 1 sec.")
        elif letter == "s":
            self.source = value
        elif letter == "v":
            self.verbose += 1
        else:
            self.flags.add(letter)

    def gateway(self, name: str) -> None:
        """-g: a node to pass through."""
        found = gethostbyname(self.p, name, AF_INET6)
        if not found:
            self.die(f"unknown host {name}")
        self.gateways.append(found[0])


class Trace:
    """One run."""

    def __init__(self, o: Options) -> None:
        self.o = o
        self.p = o.p
        self.sys = o.p.sys
        self.write = o.p.stdout.write
        self.rcv = self.out = -1
        self.hostname = ""
        self.dst = SockaddrIn6()
        self.src = SockaddrIn6()
        self.datalen = 20
        self.probe: Probe
        self.hlim = 0
        self.to: bytes | None = None
        """Where the last answer was sent to."""
        self.kind = self.code = self.ecn = 0
        self.asn: Any = None

    def destination(self, args: list[str]) -> None:
        """Operands: the host and the size of the data."""
        o = self.o
        try:
            found = getaddrinfo(self.p, args[0], None, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, AI_CANONNAME)
        except GaiError as e:
            o.die(str(e))
        assert isinstance(found[0].addr, SockaddrIn6)
        self.dst = found[0].addr
        self.hostname = found[0].canonname or args[0]
        if len(found) > 1:
            text = numeric_name(self.p, self.dst.addr, self.dst.scope_id)
            self.p.stderr.write(f"traceroute6: Warning: {self.hostname} has multiple addresses; using {text}\n")
        if len(args) > 1:
            self.datalen, rest, error = strtol(args[1], 0, -ULONG_MAX, ULONG_MAX)
            if rest or (error and args[1]):
                o.die("invalid packet length.")
            self.datalen &= ULONG_MAX
        least = _LEAST[o.proto]
        if o.proto == IPPROTO_NONE:
            self.datalen = 0
        if self.datalen < least:
            self.datalen = least
        elif self.datalen >= MAXPACKET:
            o.die(f"packet size must be {least} <= s < {MAXPACKET}.")
        if o.proto == IPPROTO_SCTP and self.datalen & 3:
            o.die("packet size must be a multiple of 4.")
        self.probe = _PROBES[o.proto](self.sys.getpid() & 0xFFFF, o.port, False, self.datalen, True)

    def sockets(self) -> None:
        """Options of the sockets."""
        o = self.o
        for fd in (self.rcv, self.out):
            for letter, name in (("d", SO_DEBUG), ("r", SO_DONTROUTE)):
                if letter in o.flags:
                    self.sys.setsockopt(fd, SOL_SOCKET, name, 1)
            if fd == self.rcv:
                self.attempt("setsockopt(SO_SNDBUF)", 6, self.out, SOL_SOCKET, SO_SNDBUF, self.datalen or 1)
        if o.gateways:
            header = bytes((0, len(o.gateways) * 2, 0, len(o.gateways), 0, 0, 0, 0)) + b"".join(o.gateways)
            self.attempt("setsockopt(IPV6_RTHDR)", 1, self.out, IPPROTO_IPV6, IPV6_RTHDR, header)

    def attempt(self, what: str, status: int, fd: int, level: int, name: int, value: Any) -> None:
        """setsockopt(2) whose failure ends the program."""
        try:
            self.sys.setsockopt(fd, level, name, value)
        except KError as e:
            self.o.perror(e, what, status)

    async def source(self) -> None:
        """Choose the source address and bind to it."""
        o = self.o
        if o.source is not None:
            try:
                info = getaddrinfo(self.p, o.source, "0", AF_INET6, SOCK_DGRAM, 0, AI_NUMERICHOST)[0]
            except GaiError as e:
                self.write(f"traceroute6: {o.source}: {e}\n")
                self.p.exit(1)
            assert isinstance(info.addr, SockaddrIn6)
            self.src = info.addr
        else:
            await self.select_source()
            o.source = numeric_name(self.p, self.src.addr, self.src.scope_id)
        try:
            self.sys.bind(self.out, SockaddrIn6(self.src.addr, 0, self.src.scope_id))
        except KError as e:
            o.perror(e, "bind")

    async def select_source(self) -> None:
        """The address the kernel would send from."""
        fd = self.sys.socket(AF_INET6, SOCK_DGRAM)
        try:
            await self.sys.connect(fd, SockaddrIn6(self.dst.addr, DUMMY_PORT, self.dst.scope_id))
        except KError as e:
            self.o.perror(e, "connect")
        name: Any = self.sys.getsockname(fd)
        self.src = name
        self.sys.close(fd)

    # probing ---------------------------------------------------------------------------------------------------
    async def send_probe(self, seq: int, hops: int) -> None:
        """Send one."""
        try:
            self.sys.setsockopt(self.out, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops)
        except KError as e:
            self.p.stderr.write(f"setsockopt IPV6_UNICAST_HOPS: {e}\n")
        pseudo = self.src.addr + self.dst.addr + self.datalen.to_bytes(4, "big") + bytes((0, 0, 0, self.o.proto))
        try:
            await self.sys.sendto(self.out, self.probe.make(seq, pseudo))
        except KError as e:
            self.p.stderr.write(f"send: {e}\n")
            self.write(f"traceroute6: wrote {self.hostname} {self.datalen} chars, ret=-1\n")
            self.p.stdout.flush()

    def packet_ok(self, message: Any, seq: int) -> bool:
        """True if a message is about our probe."""
        data: bytes = message.data
        if len(data) < 8:
            if self.o.verbose:
                self.write(f"data too short ({len(data)} bytes) from {self.name(message.name)}\n")
            return False
        info, hlim = message.control.get(IPV6_PKTINFO), message.control.get(IPV6_HOPLIMIT)
        if info is None or hlim is None:
            self.p.warnx("failed to get received hop limit or packet info")
        self.hlim = hlim or 0
        self.to = info.addr if info is not None else None
        self.kind, self.code = data[0], data[1]
        quoting = (self.kind, self.code) in ((TIME_EXCEEDED, 0), (PARAM_PROB, 1)) or self.kind == DST_UNREACH
        if quoting:
            inner = self.get_uphdr(data[8:])
            if inner is None:
                if self.o.verbose:
                    self.p.warnx("failed to get upper layer header")
                return False
            if self.probe.check(inner, seq):
                return True
        elif self.o.proto == IPPROTO_ICMPV6 and self.kind == ECHO_REPLY and self.probe.check(data, seq):
            return True
        if self.o.verbose:
            self.dump_stray(message)
        return False

    def get_uphdr(self, packet: bytes) -> bytes | None:
        """What follows the IPv6 header and extensions of a quoted packet, if it is of our protocol."""
        if len(packet) < 40:
            return None
        self.ecn = packet[1] >> 4 & ECN_MASK
        nxt, at = packet[6], 40
        while len(packet) - at >= (0 if nxt == IPPROTO_NONE else 8):
            if nxt in (IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_NONE):
                return packet[at:] if nxt == self.o.proto else None
            if nxt == 50:
                return None
            length = packet[at + 1]
            size = 8 if nxt == 44 else (length + 2) * 4 if nxt == 51 else (length + 1) * 8
            nxt, at = packet[at], at + size
        return None

    def dump_stray(self, message: Any) -> None:
        """-v: a message that is not about our probe."""
        data: bytes = message.data
        to = inet_ntop6(self.to) if self.to is not None else "?"
        text = f"\n{len(data)} bytes from {self.name(message.name)} to {to}"
        text += f": icmp type {self.kind} ({_TYPES.get(self.kind, 'Unknown')}) code {self.code}\n"
        body = data[8:] + bytes(8)
        for i in range(len(data)):
            text += f"{i:04x}:" if i % 16 == 0 else ""
            text += " " if i % 4 == 0 else ""
            text += f"{body[i]:02x}" + ("\n" if i % 16 == 15 else "")
        self.write(text + ("\n" if len(data) % 16 else ""))

    # output ----------------------------------------------------------------------------------------------------
    def name(self, addr: SockaddrIn6) -> str:
        """A numeric address."""
        return numeric_name(self.p, addr.addr, addr.scope_id)

    def inetname(self, addr: SockaddrIn6) -> str:
        """The name of an address without the local domain."""
        name = gethostbyaddr(self.p, addr.addr)
        if name is None:
            return self.name(addr)
        host, dot, domain = name.partition(".")
        local = self.sys.gethostname().partition(".")[2]
        return host if dot and domain == local else name

    async def print_hop(self, message: Any) -> None:
        """Who answered."""
        text = self.name(message.name)
        if self.asn is not None:
            number = await self.asn.lookup(text, 128)
            if number is None:
                self.asn = None
            else:
                self.write(f" [AS{number}]")
        self.write(f" {text}" if "n" in self.o.flags else f" {self.inetname(message.name)} ({text})")
        if self.o.verbose:
            to = inet_ntop6(self.to) if self.to is not None else "?"
            self.write(f" {len(message.data)} bytes of data to {to}")

    def outcome(self) -> tuple[bool, bool]:
        """Print what kind of answer it was; returns (we are there, it cannot be reached)."""
        near = " !" if 0 <= self.hlim <= 1 else ""
        if self.kind == DST_UNREACH:
            if self.code == 4:
                self.write(near)
                return True, False
            self.write(f" !{_UNREACHABLE[self.code]}" if self.code in _UNREACHABLE else f" !<{self.code}>")
            return False, True
        if self.kind == PARAM_PROB:
            self.write(" !H")
            return True, False
        if self.kind == ECHO_REPLY:
            self.write(near)
            return True, False
        return False, False

    async def answer(self, start: int, seq: int) -> Any:
        """The answer to a probe, None if there is none in time."""
        wait = self.o.waittime * 1_000_000_000
        while True:
            if not await self.sys.poll([(self.rcv, POLLIN)], wait):
                return None
            message = await self.sys.recvmsg(self.rcv, 512)
            if self.packet_ok(message, seq):
                return message
            if self.sys.clock_gettime() - start > wait:
                return None

    async def hop(self, hops: int, seq: int) -> tuple[bool, int]:
        """All probes of one hop; returns (we are there, how often it could not be reached)."""
        o = self.o
        last = bytes(16)
        there, unreachable = False, 0
        self.write(f"{hops:2d} ")
        for n in range(o.nprobes):
            start = self.sys.clock_gettime()
            await self.send_probe(seq + n + 1, hops)
            message = await self.answer(start, seq + n + 1)
            end = self.sys.clock_gettime()
            if message is None:
                self.write(" *")
            else:
                if message.name.addr != last:
                    self.write("\n   " if n else "")
                    await self.print_hop(message)
                    last = message.name.addr
                self.write(f"  {(end // 1000 - start // 1000) / 1000:.3f} ms")
                if "E" in o.flags:
                    self.write(f" (ecn={_ECN.get(self.ecn, 'mangled')})")
                arrived, failed = self.outcome()
                there, unreachable = there or arrived, unreachable + failed
            await self.p.stdout.drain()
        self.write("\n")
        return there, unreachable

    async def run(self) -> None:
        """Hop after hop until we are there."""
        o = self.o
        size = self.datalen + (8 if o.proto == IPPROTO_UDP else 0)
        self.p.stderr.write(f"traceroute6 to {self.hostname} ({self.name(self.dst)}) from {o.source}, ")
        self.p.stderr.write(f"{o.max_hops} hops max, {size} byte packets\n")
        if o.first_hop > 1:
            self.write(f"Skipping {o.first_hop - 1} intermediate hops\n")
        try:
            await self.sys.connect(self.out, SockaddrIn6(self.dst.addr, 0, self.dst.scope_id))
        except KError as e:
            o.perror(e, "connect")
        seq = 0
        for hops in range(o.first_hop, o.max_hops + 1):
            there, unreachable = await self.hop(hops, seq)
            seq += o.nprobes
            if there or (unreachable and unreachable >= (o.nprobes + 1) // 2):
                break


@program("/usr/sbin/traceroute6")
async def main(p: Program) -> int:
    """traceroute6(8)."""
    o = Options(p)
    trace = Trace(o)
    try:
        trace.rcv = p.sys.socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)
    except KError as e:
        o.perror(e, "socket(ICMPv6)", 5)
    o.max_hops = int(p.sys.sysctl("net.inet6.ip6.hlim"))
    p.sys.setsockopt(trace.rcv, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
    p.sys.setsockopt(trace.rcv, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
    opts = Getopt(p, OPTSTRING)
    for letter, value in opts:
        if letter == "?":
            p.usage(USAGE)
        o.option(letter, value)
    try:
        trace.out = p.sys.socket(AF_INET6, SOCK_RAW, o.proto)
    except KError as e:
        o.perror(e, "socket(SOCK_RAW)", 5)
    if o.max_hops < o.first_hop:
        o.die("max hoplimit must be larger than first hoplimit.")
    if "E" in o.flags:
        o.tclass = (o.tclass & ~ECN_MASK if o.tclass != -1 else 0) | ECN_ECT1
    p.sys.setuid(p.sys.getuid())
    if o.tclass != -1:
        trace.attempt("setsockopt(IPV6_TCLASS)", 7, trace.out, IPPROTO_IPV6, IPV6_TCLASS, o.tclass)
    if not 1 <= len(opts.args) <= 2:
        p.usage(USAGE)
    p.stdout.setvbuf("line")
    trace.destination(opts.args)
    trace.sockets()
    await trace.source()
    if "a" in o.flags:
        from vshell.commands.traceroute.aslookup import as_setup

        trace.asn = await as_setup(p, o.as_server)
    await trace.run()
    return 0
