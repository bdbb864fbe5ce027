"""traceroute - print the route packets take to a host (traceroute(8), usr.sbin/traceroute/traceroute.c).

The parts: options (the command line), probes (what is sent for each protocol), aslookup (-a).  traceroute6(8) is a program
of its own.
"""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import KError
from vshell.abi.fcntl import POLLIN
from vshell.abi.socket import (
    AF_INET,
    IP_HDRINCL,
    IPPROTO_ICMP,
    IPPROTO_IP,
    IPPROTO_RAW,
    IPPROTO_SCTP,
    SO_DEBUG,
    SO_DONTROUTE,
    SO_SNDBUF,
    SOCK_DGRAM,
    SOCK_RAW,
    SOL_SOCKET,
    SockaddrIn,
)  # fmt: skip
from vshell.abi.sockio import IFF_UP
from vshell.commands.traceroute.options import MAXPACKET, Options
from vshell.commands.traceroute.probes import GenericProbe, Probe
from vshell.userland.addr import inet_ntoa
from vshell.userland.netdb import getprotobyname
from vshell.userland.program import Program, program

IP_DF = 0x4000
ECN_MASK, ECN_NOTECT, ECN_ECT1, ECN_CE = 3, 0, 1, 3
ICMP_ECHOREPLY, ICMP_UNREACH, ICMP_TIMXCEED, ICMP_MINLEN = 0, 3, 11, 8
PORT_UNREACH, PROTO_UNREACH, NEEDFRAG = 3, 2, 4
IP_KEY = "vhtslen id  off tlprsum srcip   dstip   opts"

_UNREACHABLE = {
    0: "N", 1: "H", 2: "P", 5: "S", 6: "U", 7: "W", 8: "I", 9: "A", 10: "Z", 11: "Q", 12: "T", 13: "X", 14: "V", 15: "C",
}  # fmt: skip
_TYPES = (
    "Echo Reply", "ICMP 1", "ICMP 2", "Dest Unreachable", "Source Quench", "Redirect", "ICMP 6", "ICMP 7", "Echo", "ICMP 9",
    "ICMP 10", "Time Exceeded", "Param Problem", "Timestamp", "Timestamp Reply", "Info Request", "Info Reply",
)  # fmt: skip
_ECN = {ECN_ECT1: "passed", ECN_NOTECT: "bleached", ECN_CE: "congested"}


class Trace:
    """One run."""

    def __init__(self, o: Options) -> None:
        self.o = o
        self.p = o.p
        self.sys = o.p.sys
        self.write = o.p.stdout.write
        self.hostname = ""
        self.to = b""
        self.src = b""
        self.icmp = self.out = -1
        self.probe: Probe
        self.outpacket = b""
        self.packet = b""
        """The last ICMP message that came, with its IP header."""
        self.quoted = b""
        """The packet it quotes."""
        self.pmtu = 0
        self.asn: Any = None
        self.domain: str | None = None
        self.number = 0

    # preparation -----------------------------------------------------------------------------------------------
    def destination(self, args: list[str]) -> None:
        """Operands: the host and the size of packets."""
        o = self.o
        optlen = (len(o.gateways) + 1) * 4 if o.gateways else 0
        least = 20 + o.probe.hdrlen + optlen
        o.packlen = max(least, 40)
        if not 1 <= len(args) <= 2:
            o.usage()
        if len(args) == 2:
            o.packlen = o.str2val(args[1], "packet length", least, MAXPACKET)
        host = o.gethostinfo(args[0])
        self.to = host.addrs[0]
        if len(host.addrs) > 1:
            self.p.warnx(f"Warning: {args[0]} has multiple addresses; using {inet_ntoa(self.to)}")
        self.hostname = host.name
        self.p.stdout.setvbuf("line")
        number = o.num or o.probe.num
        if number == IPPROTO_SCTP and o.probe is not GenericProbe and o.packlen & 3:
            o.die("packet length must be a multiple of 4")
        ident = (self.sys.getpid() & 0xFFFF) | 0x8000
        port = o.port if o.port is not None else o.probe.base
        self.probe = o.probe(ident, port, "e" in o.flags, o.packlen - 20 - optlen, o.checksum)
        self.number = number

    def sockets(self) -> None:
        """Set the two sockets up."""
        options = (("d", SO_DEBUG), ("r", SO_DONTROUTE))
        for letter, name in options:
            if letter in self.o.flags:
                self.sys.setsockopt(self.icmp, SOL_SOCKET, name, 1)
        self.try_("SO_SNDBUF", lambda: self.sys.setsockopt(self.out, SOL_SOCKET, SO_SNDBUF, self.o.packlen))
        self.try_("IP_HDRINCL", lambda: self.sys.setsockopt(self.out, IPPROTO_IP, IP_HDRINCL, 1))
        for letter, name in options:
            if letter in self.o.flags:
                self.sys.setsockopt(self.out, SOL_SOCKET, name, 1)

    def try_(self, what: str, call: Any) -> None:
        """A system call whose failure ends the program."""
        try:
            call()
        except KError as e:
            self.o.die(f"{what}: {e}")

    def ifaddrlist(self) -> list[tuple[str, bytes]]:
        """(interface, its first address) for each IPv4 address of an interface that is up."""
        from vshell.userland.rtnl import dump_addrs, dump_links

        up = {link.index for link in dump_links(self.p) if link.flags & IFF_UP}
        first: dict[str, bytes] = {}
        found = []
        for a in dump_addrs(self.p, AF_INET):
            if a.index in up:
                first.setdefault(a.ifname, a.addr)
                found.append((a.ifname, first[a.ifname]))
        return found

    async def source(self) -> None:
        """Choose the source address."""
        o = self.o
        interfaces = self.ifaddrlist()
        if not interfaces:
            o.die("Can't find any network interfaces")
        device = None
        if o.device is not None:
            device = next((addr for name, addr in interfaces if name == o.device), None)
            if device is None:
                o.die(f"Can't find interface {o.device[:32]}")
        if o.source is None:
            self.src = device if device is not None else await self.findsaddr()
            return
        host = o.gethostinfo(o.source)
        o.source = host.name
        self.src = host.addrs[0]
        if device is not None:
            if device not in host.addrs:
                o.die(f"{host.name} is not on interface {o.device}")
            self.src = device
        elif len(host.addrs) > 1:
            self.p.warnx(f"Warning: {host.name} has multiple addresses; using {inet_ntoa(self.src)}")

    async def findsaddr(self) -> bytes:
        """The address the kernel would send from."""
        try:
            fd = self.sys.socket(AF_INET, SOCK_DGRAM)
        except KError:
            self.o.die("findsaddr: failed to open DGRAM socket for src addr selection.")
        try:
            await self.sys.connect(fd, SockaddrIn(self.to, 65535))
            name: Any = self.sys.getsockname(fd)
        except KError:
            self.o.die("findsaddr: failed to connect to peer for src addr selection.")
        self.sys.close(fd)
        return bytes(name.addr)

    def header(self, seq: int, ttl: int) -> bytes:
        """The IP header of a probe."""
        o = self.o
        tos = o.tos & ~ECN_MASK | ECN_ECT1 if "E" in o.flags else o.tos
        options, dst = b"", self.to
        if o.gateways:
            dst = o.gateways[0]
            route = b"".join(o.gateways[1:]) + self.to
            options = bytes((1, 131, len(route) + 3, 4)) + route
        off = IP_DF if "F" in o.flags else 0
        head = bytes((0x45 + len(options) // 4, tos)) + o.packlen.to_bytes(2, "big")
        head += ((self.probe.ident + seq) & 0xFFFF).to_bytes(2, "big") + off.to_bytes(2, "big")
        return head + bytes((ttl, self.number, 0, 0)) + self.src + dst + options

    # probing ---------------------------------------------------------------------------------------------------
    async def send_probe(self, seq: int, ttl: int) -> None:
        """Send one."""
        head = self.header(seq, ttl)
        pseudo = head[12:20] + bytes((0, self.number)) + self.probe.size.to_bytes(2, "big")
        self.outpacket = head + self.probe.make(seq, pseudo)
        if self.o.verbose > 1:
            self.dump_sent()
        try:
            await self.sys.sendto(self.out, self.outpacket)
        except KError as e:
            self.p.stderr.write(f"{self.p.name}: sendto: {e}\n")
            self.write(f"{self.p.name}: wrote {self.hostname} {self.o.packlen} chars, ret=-1\n")
            self.p.stdout.flush()

    def dump_sent(self) -> None:
        """-vv: the packet in hexadecimal."""
        text = f"[ {self.o.packlen} bytes"
        data = self.outpacket
        for i in range(0, len(data), 2):
            text += "\n\t" if i % 16 == 0 else ""
            text += f" {data[i : i + 2].hex()}"
        self.write(text + "]\n")

    async def wait_for_reply(self, start: int) -> tuple[bytes, bytes]:
        """(packet, sender) of what came within the time, empty if nothing did."""
        left = max(start + self.o.waittime * 1_000_000_000 - self.sys.clock_gettime(), 1000)
        if not await self.sys.poll([(self.icmp, POLLIN)], left):
            return b"", b""
        message: Any = await self.sys.recvmsg(self.icmp, 512)
        return message.data, message.name.addr

    def packet_ok(self, packet: bytes, sender: bytes, seq: int) -> int:
        """0: not ours; -2: echo reply; -1: time exceeded; else the code of an unreachable and one."""
        hlen = (packet[0] & 0xF) << 2
        if len(packet) < hlen + ICMP_MINLEN:
            if self.o.verbose:
                self.write(f"packet too short ({len(packet)} bytes) from {inet_ntoa(sender)}\n")
            return 0
        icmp = packet[hlen:]
        kind, code = icmp[0], icmp[1]
        self.pmtu = int.from_bytes(icmp[6:8], "big") if code == NEEDFRAG else 0
        if kind == ICMP_ECHOREPLY and self.number == IPPROTO_ICMP and self.probe.check(icmp, seq & 0xFF):
            self.quoted = b""
            return -2
        if (kind == ICMP_TIMXCEED and code == 0) or kind == ICMP_UNREACH:
            self.quoted = quoted = icmp[8:]
            qlen = (quoted[0] & 0xF) << 2 if quoted else 0
            ours = qlen + 16 <= len(icmp) and quoted[9:10] == bytes((self.number,))
            if ours and self.probe.check(quoted[qlen:], seq & 0xFF):
                return -1 if kind == ICMP_TIMXCEED else code + 1
        if self.o.verbose:
            self.dump_stray(packet, icmp, sender)
        return 0

    def dump_stray(self, packet: bytes, icmp: bytes, sender: bytes) -> None:
        """-v: a message that is not about our probe."""
        kind = _TYPES[icmp[0]] if icmp[0] <= 16 else "OUT-OF-RANGE"
        text = f"\n{len(icmp)} bytes from {inet_ntoa(sender)} to {inet_ntoa(packet[16:20])}: icmp type {icmp[0]} ({kind})"
        text += f" code {icmp[1]}\n"
        for i in range(4, len(icmp) - ICMP_MINLEN + 1, 4):
            text += f"{i:2d}: {icmp[4 + i : 8 + i].ljust(4, bytes(1)).hex()}\n"
        self.write(text)

    # output ----------------------------------------------------------------------------------------------------
    def inetname(self, addr: bytes) -> str:
        """The name of an address without the local domain."""
        from vshell.userland.netdb import gethostbyaddr

        if self.domain is None:
            self.domain = self.sys.gethostname().partition(".")[2]
        name = gethostbyaddr(self.p, addr) if addr != bytes(4) else None
        if name is None:
            return inet_ntoa(addr)
        host, dot, domain = name.partition(".")
        return host if dot and domain == self.domain else name

    async def print_hop(self, packet: bytes, sender: bytes) -> None:
        """Who answered."""
        addr = inet_ntoa(sender)
        if self.asn is not None:
            number = await self.asn.lookup(addr, 32)
            if number is None:
                self.asn = None
            else:
                self.write(f" [AS{number}]")
        self.write(f" {addr}" if "n" in self.o.flags else f" {self.inetname(sender)} ({addr})")
        if self.o.verbose:
            size = len(packet) - ((packet[0] & 0xF) << 2)
            self.write(f" {size} bytes to {inet_ntoa(packet[16:20])}")

    def difference(self) -> None:
        """-D: what was sent and how it was quoted."""
        width = (self.outpacket[0] & 0xF) << 3
        self.write(f"\n{IP_KEY[:width]:<{width}}{self.probe.key}\n")
        self.write(self.outpacket.hex() + "\n")
        pairs = zip(self.outpacket, self.quoted, strict=False)
        text = "".join("__" if a == b else f"{b:02x}" for a, b in pairs)
        self.write(text + self.quoted[len(self.outpacket) :].hex() + "\n")

    def outcome(self, result: int, packet: bytes) -> tuple[bool, bool]:
        """Print what kind of answer it was; returns (we are there, it cannot be reached)."""
        if result == -1:
            return False, False
        code = result - 1
        if result == -2 or code == PORT_UNREACH:
            self.write(" !" if packet[8] <= 1 else "")
            return True, False
        if code == NEEDFRAG:
            self.write(f" !F-{self.pmtu}")
        else:
            self.write(f" !{_UNREACHABLE[code]}" if code in _UNREACHABLE else f" !<{code}>")
        return code == PROTO_UNREACH, code != PROTO_UNREACH

    async def hop(self, ttl: int, seq: int) -> tuple[bool, int]:
        """All probes of one hop; returns (we are there, how often it could not be reached)."""
        o = self.o
        last = b""
        there, unreachable, loss = False, 0, 0
        self.write(f"{ttl:2d} ")
        for n in range(o.nprobes):
            if n and o.pause:
                await self.sys.nanosleep(o.pause * 1_000_000)
            start = self.sys.clock_gettime()
            await self.send_probe(seq + n + 1, ttl)
            while True:
                packet, sender = await self.wait_for_reply(start)
                if not packet:
                    loss += 1
                    self.write(" *")
                    break
                end = self.sys.clock_gettime()
                result = self.packet_ok(packet, sender, seq + n + 1)
                if not result:
                    continue
                if sender != last:
                    if last:
                        self.write("\n   ")
                    await self.print_hop(packet, sender)
                    last = sender
                self.write(f"  {(end // 1000 - start // 1000) / 1000:.3f} ms")
                if "E" in o.flags and self.quoted:
                    self.write(f" (ecn={_ECN.get(self.quoted[1] & ECN_MASK, 'mangled')})")
                if "D" in o.flags:
                    self.difference()
                arrived, failed = self.outcome(result, packet)
                there, unreachable = there or arrived, unreachable + failed
                break
            await self.p.stdout.drain()
        self.write(f" ({loss * 100 // o.nprobes}% loss)\n" if "S" in o.flags else "\n")
        return there, unreachable

    async def run(self) -> None:
        """Hop after hop until we are there."""
        o = self.o
        source = f" from {o.source}" if o.source is not None else ""
        self.p.stderr.write(
            f"{self.p.name} to {self.hostname} ({inet_ntoa(self.to)}){source}, {o.max_ttl} hops max, {o.packlen} byte packets\n"
        )
        seq = 0
        for ttl in range(o.first_ttl, o.max_ttl + 1):
            there, unreachable = await self.hop(ttl, seq)
            seq += o.nprobes
            if there or (unreachable and unreachable >= o.nprobes - 1):
                break


@program("/usr/sbin/traceroute")
async def main(p: Program) -> int:
    """traceroute(8)."""
    failure: KError | None = None
    icmp = out = -1
    try:
        icmp = p.sys.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)
        out = p.sys.socket(AF_INET, SOCK_RAW, IPPROTO_RAW)
    except KError as e:
        failure = e
    p.sys.setuid(p.sys.getuid())
    o = Options(p)
    args = o.parse()
    if o.nprobes == -1:
        o.nprobes = 1 if "D" in o.flags else 3
    if o.first_ttl > o.max_ttl:
        o.die(f"first ttl ({o.first_ttl}) may not be greater than max ttl ({o.max_ttl})")
    if not o.checksum:
        p.warnx("Warning: ip checksums disabled")
    trace = Trace(o)
    trace.destination(args)
    if getprotobyname(p, "icmp") is None:
        o.die("unknown protocol icmp")
    if failure is not None:
        o.die(f"{'icmp' if icmp < 0 else 'raw'} socket: {failure}")
    trace.icmp, trace.out = icmp, out
    trace.sockets()
    await trace.source()
    trace.try_("bind", lambda: p.sys.bind(out, SockaddrIn(trace.src)))
    if "a" in o.flags:
        from vshell.commands.traceroute.aslookup import as_setup

        trace.asn = await as_setup(p, o.as_server)
    try:
        await p.sys.connect(out, SockaddrIn(trace.to))
    except KError as e:
        o.die(f"connect: {e}")
    await trace.run()
    return 0
