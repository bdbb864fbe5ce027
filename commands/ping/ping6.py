"""ping -6: ICMPv6 echo (sbin/ping/ping6.c).

Routing headers through intermediate hops are not built: FreeBSD's hosts refuse them.
"""

from __future__ import annotations

from typing import cast

from vshell.abi.errno import EPERM, KError, strerror
from vshell.abi.fcntl import POLLIN
from vshell.abi.in6 import (
    ICMP6_FILTER,
    IPV6_DONTFRAG,
    IPV6_HOPLIMIT,
    IPV6_MULTICAST_HOPS,
    IPV6_PATHMTU,
    IPV6_PKTINFO,
    IPV6_RECVHOPLIMIT,
    IPV6_RECVPATHMTU,
    IPV6_RECVPKTINFO,
    IPV6_TCLASS,
    IPV6_UNICAST_HOPS,
    IPV6_USE_MIN_MTU,
    In6Pktinfo,
)  # fmt: skip
from vshell.abi.signal import SIG_IGN, SIGALRM, SIGINFO, SIGINT
from vshell.abi.socket import (
    AF_INET6,
    IPPROTO_ICMPV6,
    IPPROTO_IPV6,
    SO_DEBUG,
    SO_RCVBUF,
    SO_SNDBUF,
    SOCK_DGRAM,
    SOCK_RAW,
    SOL_SOCKET,
    Message,
    SockaddrIn6,
)  # fmt: skip
from vshell.commands.ping.icmp6text import pr_icmph
from vshell.commands.ping.nodeinfo6 import NODEADDR_FLAGS, NodeInfo, describe, nigroup
from vshell.commands.ping.summary import Summary, pattern
from vshell.userland.addr import is_linklocal
from vshell.userland.cnumber import strtol
from vshell.userland.getopt import Getopt
from vshell.userland.netdb import (
    AI_CANONNAME,
    AI_NUMERICHOST,
    NI_NUMERICHOST,
    GaiError,
    gai_strerror,
    getaddrinfo,
    getnameinfo,
    if_nametoindex,
)
from vshell.userland.program import Program
from vshell.wire.ip6 import IP6_HLEN
from vshell.wire.nodeinfo import ICMP6_NI_REPLY

PING6OPTS = ".::6Aab:C:c:Dde:fHI:i:k:l:m:nNoOp:qS:s:t:uvyYW:z:P:"
NS, MS = 1_000_000_000, 1_000_000
EX_USAGE, EX_NOHOST, EX_OSERR = 64, 68, 71
ECHOREQUEST, ECHOREPLY = 128, 129
ECHOLEN, TIMELEN = 8, 8
MAXALARM = 60 * 60
INT_MAX = 0x7FFFFFFF
EXTRA = 256
"""Room for headers nobody thought of."""


class Ping6:
    """One run of ping -6."""

    def __init__(self, p: Program, usage: str) -> None:
        self.p = p
        self.usage = usage
        self.npackets = self.preload = 0
        self.interval = NS
        self.waittime = 10000
        self.timeout = 0
        self.datalen = 8
        self.hoplimit = self.tclass = -1
        self.minmtu = 0
        self.sockbuf = 0
        self.flags: set[str] = set()
        self.fill = b""
        self.ifname = ""
        self.gateway = ""
        self.source: SockaddrIn6 | None = None
        self.interrupted = self.info = 0
        self.failures = 0
        self.oldgroups = -1
        """-N given once asks the groups of RFC 4620, twice those of the draft before it."""
        self.dots = b"."
        self.dot = self.missed = 0
        self.nodeinfo = ""
        """The kind of node information that is asked for, none for an echo."""
        self.naflags = 0
        self.info6: NodeInfo | None = None
        self.summary: Summary

    # options ---------------------------------------------------------------------------------------------------
    def number(self, text: str, what: str, low: int, high: int = INT_MAX) -> int:
        """A decimal argument within bounds."""
        value, rest, _ = strtol(text, 10)
        if not text or rest or not low <= value <= high:
            self.p.errx(1, f"illegal {what} -- {text}")
        return value

    def parse(self) -> list[str]:
        """Read the options; the operands."""
        parsed = Getopt(self.p, PING6OPTS)
        for letter, value in parsed:
            self.option(letter, value)
        if not parsed.args:
            self.p.usage(self.usage)
        return parsed.args

    def option(self, letter: str, value: str) -> None:
        """One option."""
        p = self.p
        if letter in "6ADadHNoquv":
            if letter == "u":
                self.minmtu += 1
            if letter == "N":
                self.oldgroups += 1
            self.flags.add(letter)
        elif letter == "n":
            self.flags.discard("H")
        elif letter == ".":
            self.flags.add(".")
            self.dots = value.encode("utf-8", "surrogateescape") or self.dots
        elif letter in "OyY":
            self.nodeinfo = letter
        elif letter == "k":
            self.nodeinfo = letter
            if any(c not in NODEADDR_FLAGS for c in value):
                p.usage(self.usage)
            for c in value:
                self.naflags |= NODEADDR_FLAGS[c]
        elif letter == "P":
            self.policy(value)
        elif letter == "c":
            self.npackets = self.number(value, "number of packets", 1)
        elif letter == "m":
            self.hoplimit = self.number(value, "hoplimit", -1, 255)
        elif letter == "z":
            self.tclass = self.number(value, "traffic class", -1, 255)
        elif letter == "C":
            self.number(value, "vlan pcp", -1, 7)
        elif letter == "l":
            if p.sys.getuid():
                p.errx(1, "Must be superuser to preload")
            self.preload = self.number(value, "preload value", 0)
        elif letter == "s":
            self.datalen = self.number(value, "datalen value", 1)
            if self.datalen > 65535 * 2:
                p.errx(1, f"datalen value too large, maximum is {65535 * 2}")
        elif letter == "b":
            if not value.isdecimal() or int(value) > INT_MAX:
                p.errx(1, "invalid socket buffer size")
            self.sockbuf = int(value)
        elif letter == "f":
            if p.sys.getuid():
                p.errx(1, "Must be superuser to flood ping")
            self.flags |= {"f", "."}
            p.stdout.setvbuf("none")
        elif letter == "I":
            self.ifname = value
        elif letter == "e":
            self.gateway = value
        elif letter == "p":
            self.fill = pattern(p, value, "q" in self.flags)
        elif letter in "iWtS":
            self.time_or_source(letter, value)
        else:
            p.usage(self.usage)

    def policy(self, value: str) -> None:
        """-P: only policies of IPsec that ask for nothing can be had."""
        if not value.startswith(("in", "out")):
            self.p.errx(1, "invalid security policy")
        if value.split()[1:2] not in (["none"], ["bypass"]):
            self.p.warnx("Unable to set IPsec policy")

    def time_or_source(self, letter: str, value: str) -> None:
        """-i, -W, -t, -S."""
        p = self.p
        if letter == "i":
            self.set_interval(value)
        elif letter == "W":
            try:
                self.waittime = int(float(value))
            except (ValueError, OverflowError):
                p.errx(EX_USAGE, f"invalid timing interval: `{value}'")
            self.flags.add("W")
        elif letter == "t":
            seconds, rest, _ = strtol(value, 0)
            if rest or not value or seconds < 1:
                p.errx(EX_USAGE, f"invalid timeout: `{value}'")
            if seconds > MAXALARM:
                p.errx(EX_USAGE, f"invalid timeout: `{value}' > {MAXALARM}")
            self.timeout = seconds
            p.sys.alarm(seconds * NS)
        else:
            try:
                found = getaddrinfo(p, value, family=AF_INET6, socktype=SOCK_RAW, flags=AI_NUMERICHOST)
            except GaiError as e:
                p.errx(1, f"invalid source address: {gai_strerror(e.code)}")
            self.source = cast(SockaddrIn6, found[0].addr)

    def set_interval(self, value: str) -> None:
        """-i."""
        p = self.p
        try:
            seconds = float(value)
        except ValueError:
            p.errx(1, f"illegal timing interval {value}")
        if seconds < 1 and p.sys.getuid():
            p.errx(1, f"{strerror(EPERM)}: only root may use interval < 1s")
        if not 0 <= seconds < INT_MAX:
            p.errx(1, f"illegal timing interval {value}")
        self.interval = int(seconds * NS)
        if self.interval < 1000:
            p.warnx("too small interval, raised to .000001")
            self.interval = 1000
        self.flags.add("i")

    # preparation -----------------------------------------------------------------------------------------------
    def packlen(self) -> int:
        """Room for an answer: what is longer is cut off."""
        return (2048 if "v" in self.flags or self.info6 else self.datalen) + IP6_HLEN + ECHOLEN + EXTRA

    def socket(self, name: str) -> int:
        """A raw socket."""
        try:
            return self.p.sys.socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)
        except KError as e:
            self.p.err(1, e, f"socket {name}")

    def resolve(self, target: str) -> SockaddrIn6:
        """The destination."""
        p = self.p
        try:
            found = getaddrinfo(p, target, family=AF_INET6, socktype=SOCK_RAW, protocol=IPPROTO_ICMPV6, flags=AI_CANONNAME)[0]
        except GaiError as e:
            p.errx(EX_NOHOST, f"cannot resolve {target}: {gai_strerror(e.code)}")
        self.summary = Summary(found.canonname or target)
        return cast(SockaddrIn6, found.addr)

    def option_or_die(self, fd: int, option: int, value: object, what: str) -> None:
        """setsockopt at the IPv6 level, or the end."""
        try:
            self.p.sys.setsockopt(fd, IPPROTO_IPV6, option, value)
        except KError as e:
            self.p.err(1, e, what)

    def prepare(self, target: str) -> tuple[int, int, SockaddrIn6, SockaddrIn6]:
        """(sending socket, receiving socket, source, destination)."""
        p, sys = self.p, self.p.sys
        dst = self.resolve(target)
        ssend, srecv = self.socket("ssend"), self.socket("srecv")
        if self.source is not None:
            dst = self.bind(ssend, self.source, dst)
        sys.setuid(sys.getuid())
        if {"f", "i"} <= self.flags:
            p.errx(1, "-f and -i incompatible options")
        if self.nodeinfo:
            self.datalen = 2048
            self.info6 = NodeInfo(p, self.nodeinfo, self.naflags)
        self.summary.timing = self.info6 is None and self.datalen >= TIMELEN
        if "D" in self.flags:
            self.option_or_die(ssend, IPV6_DONTFRAG, 1, "IPV6_DONTFRAG")
        if "d" in self.flags:
            sys.setsockopt(ssend, SOL_SOCKET, SO_DEBUG, 1)
        if dst.addr[0] == 0xFF:
            self.option_or_die(ssend, IPV6_MULTICAST_HOPS, 64, "IPV6_MULTICAST_HOPS")
        if self.minmtu == 1:
            self.option_or_die(srecv, IPV6_RECVPATHMTU, 1, "setsockopt(IPV6_RECVPATHMTU)")
        else:
            self.option_or_die(ssend, IPV6_USE_MIN_MTU, 0 if self.minmtu > 1 else 1, "setsockopt(IPV6_USE_MIN_MTU)")
        blocked = frozenset() if "v" in self.flags else frozenset(range(256)) - {ICMP6_NI_REPLY if self.info6 else ECHOREPLY}
        sys.setsockopt(srecv, IPPROTO_ICMPV6, ICMP6_FILTER, blocked)
        pktinfo = self.packet_options(ssend)
        src = self.source or self.find_source(dst, pktinfo)
        try:
            self.connect_now(ssend, dst)
        except KError as e:
            p.err(1, e, "connect() ssend")
        if pktinfo is not None:
            self.option_or_die(ssend, IPV6_PKTINFO, pktinfo, "setsockopt(IPV6_PKTINFO)")
        self.buffers(ssend, srecv)
        self.option_or_die(srecv, IPV6_RECVPKTINFO, 1, "setsockopt(IPV6_RECVPKTINFO)")
        self.option_or_die(srecv, IPV6_RECVHOPLIMIT, 1, "setsockopt(IPV6_HOPLIMIT)")
        return ssend, srecv, src, dst

    def bind(self, fd: int, src: SockaddrIn6, dst: SockaddrIn6) -> SockaddrIn6:
        """Use the source address of -S; source and destination lend each other a missing zone."""
        if is_linklocal(src.addr) and (is_linklocal(dst.addr) or (dst.addr[0] == 0xFF and dst.addr[1] & 0xF in (1, 2))):
            scope = src.scope_id or dst.scope_id
            src = self.source = SockaddrIn6(src.addr, 0, scope)
            dst = SockaddrIn6(dst.addr, 0, dst.scope_id or scope)
        try:
            self.p.sys.bind(fd, src)
        except KError as e:
            self.p.err(1, e, "bind")
        return dst

    def packet_options(self, ssend: int) -> In6Pktinfo | None:
        """Interface, hop limit and traffic class of what is sent."""
        pktinfo = None
        if self.ifname:
            index = if_nametoindex(self.p, self.ifname)
            if not index:
                self.p.errx(1, f"{self.ifname}: invalid interface name")
            pktinfo = In6Pktinfo(ifindex=index)
        if self.hoplimit != -1:
            self.option_or_die(ssend, IPV6_UNICAST_HOPS, self.hoplimit, "setsockopt(IPV6_HOPLIMIT)")
            self.option_or_die(ssend, IPV6_MULTICAST_HOPS, self.hoplimit, "setsockopt(IPV6_HOPLIMIT)")
        if self.tclass != -1:
            self.option_or_die(ssend, IPV6_TCLASS, self.tclass, "setsockopt(IPV6_TCLASS)")
        return pktinfo

    def find_source(self, dst: SockaddrIn6, pktinfo: In6Pktinfo | None) -> SockaddrIn6:
        """The source the kernel would choose, asked for with a UDP socket."""
        p, sys = self.p, self.p.sys
        dummy = sys.socket(AF_INET6, SOCK_DGRAM)
        if pktinfo is not None:
            self.option_or_die(dummy, IPV6_PKTINFO, pktinfo, "UDP setsockopt(IPV6_PKTINFO)")
        try:
            self.connect_now(dummy, SockaddrIn6(dst.addr, 7777, dst.scope_id))
            return cast(SockaddrIn6, sys.getsockname(dummy))
        except KError as e:
            p.err(1, e, "UDP connect")
        finally:
            sys.close(dummy)

    def connect_now(self, fd: int, addr: SockaddrIn6) -> None:
        """connect(2) of a datagram socket, which never waits."""
        try:
            self.p.sys.connect(fd, addr).send(None)
        except StopIteration:
            return

    def buffers(self, ssend: int, srecv: int) -> None:
        """Socket buffer sizes, and the warning about them."""
        p, sys = self.p, self.p.sys
        if self.datalen > (self.sockbuf or 8 * 1024):
            p.warnx("you need -b to increase socket buffer size")
        if self.sockbuf:
            sys.setsockopt(ssend, SOL_SOCKET, SO_SNDBUF, self.sockbuf)
        sys.setsockopt(srecv, SOL_SOCKET, SO_RCVBUF, self.sockbuf or 48 * 1024)

    # the exchange ----------------------------------------------------------------------------------------------
    def name(self, addr: SockaddrIn6) -> str:
        """An address as it is printed."""
        return getnameinfo(self.p, addr.addr, addr.scope_id, 0 if "H" in self.flags else NI_NUMERICHOST)

    def payload(self) -> bytes:
        """The bytes that follow the time: the pattern, or their own positions."""
        size = self.datalen - TIMELEN if self.summary.timing else self.datalen
        if self.fill:
            return (self.fill * (size // len(self.fill) + 1))[:size]
        return bytes(i & 0xFF for i in range(ECHOLEN, ECHOLEN + max(size, 0)))

    async def pinger(self, fd: int) -> None:
        """Send one request."""
        p, summary = self.p, self.summary
        if self.npackets and summary.transmitted >= self.npackets:
            return
        body = self.request(summary.sent())
        try:
            await p.sys.sendto(fd, body)
        except KError as e:
            self.failures += 1
            p.warn(e, "sendmsg")
            p.stdout.write(f"ping: wrote {summary.hostname} {len(body)} chars, ret=-1\n")
        if "." in self.flags and "q" not in self.flags:
            p.sys.write_nowait(1, self.dots[self.dot : self.dot + 1])
            self.dot = (self.dot + 1) % len(self.dots)

    def request(self, seq: int) -> bytes:
        """The next message to send."""
        if self.info6 is not None:
            return self.info6.query(seq, self.dst.addr)
        body = bytes((ECHOREQUEST, 0, 0, 0)) + self.ident.to_bytes(2, "big") + seq.to_bytes(2, "big")
        if self.summary.timing:
            now = self.p.sys.clock_gettime("uptime")
            body += (now // NS & 0xFFFFFFFF).to_bytes(4, "big") + (now % NS).to_bytes(4, "big")
        return body + self.payload()

    def signal(self, sig: int) -> None:
        """SIGINT and SIGALRM end the run, SIGINFO shows where it stands."""
        if sig == SIGINFO:
            self.info += 1
        else:
            self.interrupted += 1

    async def run(self) -> int:
        """Everything after the options."""
        target = self.parse()[-1]
        p = self.p
        self.ident = p.sys.getpid() & 0xFFFF
        if "N" in self.flags:
            target = nigroup(target, old=self.oldgroups != 0) or p.usage(self.usage)
        ssend, srecv, src, dst = self.prepare(target)
        self.dst = dst
        size = len(self.info6.query(0, dst.addr)) if self.info6 else ECHOLEN + self.datalen
        p.stdout.write(f"PING({40 + size}=40+8+{size - 8} bytes) {self.name(src)} --> {self.name(dst)}\n")
        for _ in range(min(self.preload, self.npackets or self.preload) or 1):
            await self.pinger(ssend)
        for sig in (SIGINT, SIGINFO, *([SIGALRM] if self.timeout else [])):
            p.sys.sigaction(sig, self.signal, restart=False)
        await self.loop(ssend, srecv)
        p.sys.sigaction(SIGINT, SIG_IGN)
        p.sys.sigaction(SIGALRM, SIG_IGN)
        self.summary.print(p.stdout)
        if self.summary.received:
            return 0
        return 2 if self.summary.transmitted > self.failures else EX_OSERR

    async def loop(self, ssend: int, srecv: int) -> None:
        """Send at intervals, take answers as they come."""
        p, sys, summary = self.p, self.p.sys, self.summary
        interval = 10 * MS if "f" in self.flags else self.interval
        last = sys.clock_gettime("uptime")
        ending = False
        while not self.interrupted:
            if self.info:
                summary.print(p.stderr)
                self.info = 0
                continue
            left = max(last + interval - sys.clock_gettime("uptime"), 0)
            try:
                ready = await sys.poll([(srecv, POLLIN)], left)
            except KError:
                continue
            if ready:
                if self.pr_pack(cast(Message, await sys.recvmsg(srecv, self.packlen()))):
                    await p.stdout.drain()
                if (summary.received and "o" in self.flags) or (self.npackets and summary.received >= self.npackets):
                    return
            if ready and "f" not in self.flags:
                continue
            if not self.npackets or summary.transmitted < self.npackets:
                await self.pinger(ssend)
            elif ending:
                return
            else:
                ending = True
                interval = max(int(2 * summary.tmax / 1000), 1) * NS if summary.received else self.waittime * MS
            last = sys.clock_gettime("uptime")
            missed = summary.transmitted - summary.received - 1
            if missed > self.missed:
                self.missed = missed
                if "A" in self.flags:
                    sys.write_nowait(1, b"\a")

    def pr_pack(self, message: Message) -> bool:
        """Print one answer; True if a line was finished, which shows at once."""
        p, summary, body = self.p, self.summary, message.data
        if not body:
            if "v" in self.flags and IPV6_PATHMTU in message.control:
                p.stdout.write(f"new path MTU ({message.control[IPV6_PATHMTU]}) is notified\n")
            return False
        peer = cast(SockaddrIn6, message.name)
        hlim = cast(int, message.control.get(IPV6_HOPLIMIT, 0))
        if self.info6 is not None and self.info6.answers(body):
            summary.arrived(int.from_bytes(body[8:10], "big"), None)
            if "q" in self.flags:
                return False
            p.stdout.write(f"{len(body)} bytes from {self.name(peer)}: {describe(body, 'v' in self.flags)}")
            if "." not in self.flags:
                p.stdout.write("\n")
            return "." not in self.flags
        if len(body) < ECHOLEN or body[0] != ECHOREPLY or int.from_bytes(body[4:6], "big") != self.ident:
            if "v" in self.flags and len(body) >= ECHOLEN:
                p.stdout.write(f"{len(body)} bytes from {self.name(peer)}: {pr_icmph(body)}")
                if "." not in self.flags:
                    p.stdout.write("\n")
                    return True
            return False
        seq = int.from_bytes(body[6:8], "big")
        trip = None
        if summary.timing and len(body) >= ECHOLEN + TIMELEN:
            sent = int.from_bytes(body[8:12], "big") * NS + int.from_bytes(body[12:16], "big")
            trip = (p.sys.clock_gettime("uptime") - sent) / 1e6
        duplicate = summary.arrived(seq, trip)
        if "q" in self.flags:
            return False
        if "W" in self.flags and trip is not None and trip > self.waittime:
            summary.late += 1
            return False
        if "." in self.flags:
            p.sys.write_nowait(1, b"\b")
            return False
        if "a" in self.flags:
            p.sys.write_nowait(1, b"\a")
        text = f"{len(body)} bytes from {self.name(peer)}, icmp_seq={seq} hlim={hlim}"
        if "v" in self.flags:
            info = cast(In6Pktinfo, message.control[IPV6_PKTINFO])
            text += f" dst={self.name(SockaddrIn6(info.addr, 0, info.ifindex))}"
        if trip is not None:
            text += f" time={trip:.3f} ms"
        p.stdout.write(text + ("(DUP!)" if duplicate else "") + self.damage(body) + "\n")
        return True

    def damage(self, body: bytes) -> str:
        """A complaint about the first byte that did not come back as it was sent."""
        start = ECHOLEN + (TIMELEN if self.summary.timing else 0)
        for i, (got, want) in enumerate(zip(body[start:], self.payload(), strict=False)):
            if got != want:
                return f"\nwrong data byte #{start - ECHOLEN + i} should be 0x{want:x} but was 0x{got:x}"
        return ""


async def ping6(p: Program, usage: str) -> int:
    """ping -6; `usage` is the text of ping(8)."""
    return await Ping6(p, usage).run()
