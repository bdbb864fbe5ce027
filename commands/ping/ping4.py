"""ping -4: ICMP echo, timestamps and masks (sbin/ping/ping.c)."""

from __future__ import annotations

from vshell.abi.errno import EINTR, ENOBUFS, KError
from vshell.abi.fcntl import POLLIN
from vshell.abi.signal import SIGALRM, SIGINFO, SIGINT
from vshell.abi.socket import (
    AF_INET,
    IP_HDRINCL,
    IP_MULTICAST_IF,
    IP_MULTICAST_LOOP,
    IP_MULTICAST_TTL,
    IP_OPTIONS,
    IP_TTL,
    IPPROTO_ICMP,
    IPPROTO_IP,
    SO_DEBUG,
    SO_DONTROUTE,
    SO_RCVBUF,
    SO_SNDBUF,
    SOCK_RAW,
    SOL_SOCKET,
    Message,
    SockaddrIn,
)  # fmt: skip
from vshell.commands.ping.icmp4text import OptionPrinter, pr_icmph
from vshell.commands.ping.options4 import DEFDATALEN, EX_NOPERM, EX_USAGE, NS, Options4
from vshell.commands.ping.summary import Summary
from vshell.userland.addr import inet_aton, inet_ntoa
from vshell.userland.netdb import gethostbyaddr, gethostbyname, hosts
from vshell.userland.program import Program
from vshell.wire.cksum import in_cksum
from vshell.wire.icmp import ICMP_ECHO, ICMP_ECHOREPLY, ICMP_MASKREPLY, ICMP_MASKREQ, ICMP_TSTAMP, ICMP_TSTAMPREPLY
from vshell.wire.ip import IP_DF, IP_MAXPACKET, IPOPT_MINOFF, IPOPT_RR

EX_NOHOST, EX_OSERR = 68, 71
MS = 1_000_000
TIMELEN = 8
MAX_IPOPTLEN = 40
ICMP_LEN = 28
"""sizeof(struct icmp): how much of a quoted message must be there."""
MAX_DUP_CHK = 8 * 128


class Ping4:
    """One run of ping -4."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.o: Options4
        self.summary = Summary("")
        """Sequence numbers answered, modulo MAX_DUP_CHK (rcvd_tbl)."""
        self.question, self.answer = ICMP_ECHO, ICMP_ECHOREPLY
        self.phdr_len = 0
        self.target = b""
        self.ident = p.sys.getpid() & 0xFFFF
        self.datalen = 0
        self.extra = 0
        """Headers of a packet besides its payload (icmp_len)."""
        self.sweepsent = 0
        self.data = bytearray()
        self.filled = 0
        self.interrupts = self.infos = 0
        self.missedmax = 0
        self.dot = 0
        self.shown: OptionPrinter

    # preparation -----------------------------------------------------------------------------------------------
    def sockets(self) -> tuple[int, int]:
        """The sending and the receiving socket, made with the rights that are given up then."""
        p = self.p
        fds: list[int] = []
        failed: list[KError] = []
        for _ in range(2):
            try:
                fds.append(p.sys.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))
            except KError as e:
                failed.append(e)
        try:
            p.sys.setuid(p.sys.getuid())
        except KError as e:
            p.err(EX_NOPERM, e, "setuid() failed")
        if failed:
            p.err(EX_OSERR, failed[0], "ssend socket" if not fds else "srecv socket")
        return fds[0], fds[1]

    def resolve(self, name: str) -> tuple[bytes, str]:
        """(address, name to show) of a host."""
        numeric = inet_aton(name)
        if numeric is not None:
            return numeric, name
        found = gethostbyname(self.p, name)
        if not found:
            self.p.errx(EX_NOHOST, f"cannot resolve {name}: Host name lookup failure")
        lower = name.lower()
        entry = next(h for h in hosts(self.p) if h.addr == found[0] and lower in (n.lower() for n in h.names))
        return found[0], entry.names[0]

    def messages(self) -> None:
        """What is asked."""
        o, p = self.o, self.p
        if o.mask and o.time:
            p.errx(EX_USAGE, "ICMP_TSTAMP and ICMP_MASKREQ are exclusive.")
        if o.mask:
            self.question, self.answer, self.phdr_len, text = ICMP_MASKREQ, ICMP_MASKREPLY, 4, "ICMP_MASKREQ\n"
        elif o.time:
            self.question, self.answer, self.phdr_len, text = ICMP_TSTAMP, ICMP_TSTAMPREPLY, 12, "ICMP_TSTAMP\n"
        else:
            return
        if "q" not in o.flags:
            p.stdout.write(text)

    def prepare(self) -> tuple[int, int]:
        """Everything up to the first packet."""
        p = self.p
        ssend, srecv = self.sockets()
        self.o = o = Options4(p)
        target = o.parse()
        self.messages()
        self.extra = 20 + 8 + self.phdr_len + (MAX_IPOPTLEN if "R" in o.flags else 0)
        maxpayload = IP_MAXPACKET - self.extra
        if o.datalen > maxpayload:
            p.errx(EX_USAGE, f"packet size too large: {o.datalen} > {maxpayload}")
        self.datalen = o.datalen
        if "p" in o.flags:
            o.make_pattern()
        source = bytes(4)
        shown = ""
        if o.source:
            source, shown = self.resolve(o.source)
            self.or_die(1, "bind", lambda: p.sys.bind(ssend, SockaddrIn(source)))
        self.target, self.summary.hostname = self.resolve(target)
        return ssend, self.finish(ssend, srecv, source, shown, maxpayload)

    def or_die(self, status: int, what: str, call: object) -> None:
        """A system call that must not fail."""
        try:
            call()  # type: ignore[operator]
        except KError as e:
            self.p.err(status, e, what)

    def finish(self, ssend: int, srecv: int, source: bytes, shown: str, maxpayload: int) -> int:
        """Checks that need the target, socket options, the first line; the receiving socket."""
        p, o = self.p, self.o
        flags = o.flags
        multicast = self.target[0] & 0xF0 == 0xE0
        if {"f", "i"} <= flags:
            p.errx(EX_USAGE, "-f and -i: incompatible options")
        if "f" in flags and multicast:
            p.errx(EX_USAGE, "-f flag cannot be used with multicast destination")
        if flags & {"I", "L", "T"} and not multicast:
            p.errx(EX_USAGE, "-I, -L, -T flags cannot be used with unicast destination")
        self.summary.timing = o.datalen >= TIMELEN
        self.fill(o)
        self.source = source
        self.set_options(ssend, srecv)
        self.sweep(maxpayload)
        p.sys.setsockopt(srecv, SOL_SOCKET, SO_RCVBUF, IP_MAXPACKET + 128)
        if not o.uid:
            p.sys.setsockopt(ssend, SOL_SOCKET, SO_SNDBUF, IP_MAXPACKET + 128)
        text = f"PING {self.summary.hostname} ({inet_ntoa(self.target)})"
        if o.source:
            text += f" from {shown}"
        if o.sweepmax:
            text += f": ({o.sweepmin} ... {o.sweepmax}) data bytes\n"
        else:
            text += f": {self.datalen} data bytes\n"
        p.stdout.write(text)
        return srecv

    def fill(self, o: Options4) -> None:
        """The payload: a pattern, or each byte its own place."""
        size = max(o.datalen, o.sweepmax) + o.sweepincr
        data = bytearray(min(size, IP_MAXPACKET))
        if o.pattern:
            rest = len(data) - TIMELEN
            data[TIMELEN:] = (o.pattern * (rest // len(o.pattern) + 1))[: max(rest, 0)]
        elif not o.flags & {"p", "G"}:
            for i in range(TIMELEN, o.datalen):
                data[i] = i & 0xFF
        self.data = data
        self.filled = TIMELEN

    def set_options(self, ssend: int, srecv: int) -> None:
        """Socket options, in the order that decides which error comes first."""
        sys, o = self.p.sys, self.o
        flags = o.flags
        if "d" in flags:
            sys.setsockopt(ssend, SOL_SOCKET, SO_DEBUG, 1)
            sys.setsockopt(srecv, SOL_SOCKET, SO_DEBUG, 1)
        if "r" in flags:
            sys.setsockopt(ssend, SOL_SOCKET, SO_DONTROUTE, 1)
        if flags & {"D", "z"}:
            if not flags & {"m", "T"}:
                o.ttl = sys.sysctl("net.inet.ip.ttl")
            sys.setsockopt(ssend, IPPROTO_IP, IP_HDRINCL, 1)
        if "R" in flags:
            room = bytes((IPOPT_RR, MAX_IPOPTLEN - 1, IPOPT_MINOFF)).ljust(MAX_IPOPTLEN, b"\0")
            self.or_die(EX_OSERR, "setsockopt IP_OPTIONS", lambda: sys.setsockopt(ssend, IPPROTO_IP, IP_OPTIONS, room))
        if "m" in flags:
            self.or_die(EX_OSERR, "setsockopt IP_TTL", lambda: sys.setsockopt(ssend, IPPROTO_IP, IP_TTL, o.ttl))
        if "L" in flags:
            sys.setsockopt(ssend, IPPROTO_IP, IP_MULTICAST_LOOP, 0)
        if "T" in flags:
            sys.setsockopt(ssend, IPPROTO_IP, IP_MULTICAST_TTL, o.mttl)
        if "I" in flags:
            what = "setsockopt IP_MULTICAST_IF"
            self.or_die(EX_OSERR, what, lambda: sys.setsockopt(ssend, IPPROTO_IP, IP_MULTICAST_IF, o.mcast_if))

    def sweep(self, maxpayload: int) -> None:
        """Sizes that grow."""
        p, o = self.p, self.o
        self.perstep = 0
        if o.sweepmax:
            if o.sweepmin > o.sweepmax:
                p.errx(EX_USAGE, "Maximum packet size must be no less than the minimum packet size")
            if o.sweepmax > maxpayload - TIMELEN:
                p.errx(EX_USAGE, "Invalid sweep maximum")
            if o.datalen != DEFDATALEN:
                p.errx(EX_USAGE, "Packet size and ping sweep are mutually exclusive")
            self.perstep = o.npackets or 1
            o.npackets = 0
            self.datalen = o.sweepmin
        elif "G" in o.flags:
            p.errx(EX_USAGE, "Maximum sweep size must be specified")

    # the loop --------------------------------------------------------------------------------------------------
    def onsignal(self, sig: int) -> None:
        """SIGINT and SIGALRM end it, SIGINFO shows how it stands."""
        if sig == SIGINFO:
            self.infos += 1
            return
        if "H" not in self.o.flags and self.interrupts:
            self.p.sys.exit(0 if self.summary.received else 2)
        self.interrupts += 1

    async def run(self) -> int:
        """ping(8) from beginning to end."""
        p, sys = self.p, self.p.sys
        ssend, srecv = self.prepare()
        o, summary = self.o, self.summary
        # The target is known to the socket, so that the kernel checks it once.
        try:
            await sys.connect(ssend, SockaddrIn(self.target))
        except KError as e:
            p.stdout.discard()
            p.err(1, e, "connect")
        self.shown = OptionPrinter(self.pr_addr, "." in o.flags)
        for sig in (SIGINT, SIGINFO, *((SIGALRM,) if o.timeout else ())):
            sys.sigaction(sig, self.onsignal, False)
        preload = min(o.preload, o.npackets) if o.npackets else o.preload
        for _ in range(preload or 1):
            await self.pinger(ssend)
        interval = 10 * MS if "f" in o.flags else o.interval * MS
        await self.loop(ssend, srecv, interval)
        summary.print(p.stdout)
        return 0 if summary.received else 2

    async def loop(self, ssend: int, srecv: int, interval: int) -> None:
        """Wait for answers, send when it is time."""
        p, sys, o, summary = self.p, self.p.sys, self.o, self.summary
        last = sys.clock_gettime("uptime")
        ending = False
        while not self.interrupts:
            if self.infos:
                summary.print(p.stderr)
                self.infos = 0
                continue
            left = max(last + interval - sys.clock_gettime("uptime"), 0)
            try:
                if not left:
                    await sys.sched_yield()
                ready = await sys.poll([(srecv, POLLIN)], left)
            except KError as e:
                if e.errno != EINTR:
                    raise
                continue
            if ready:
                message = await sys.recvmsg(srecv, IP_MAXPACKET)
                assert isinstance(message, Message)
                await self.pr_pack(message)
                if ("o" in o.flags and summary.received) or (o.npackets and summary.received >= o.npackets):
                    return
                if "f" not in o.flags:
                    continue
            if self.swept():
                return
            if not o.npackets or summary.transmitted < o.npackets:
                await self.pinger(ssend)
            elif ending:
                return
            else:
                ending = True
                interval = (int(2 * summary.tmax / 1000) or 1) * NS if summary.received else o.waittime * MS
            last = sys.clock_gettime("uptime")
            if summary.transmitted - summary.received - 1 > self.missedmax:
                self.missedmax = summary.transmitted - summary.received - 1
                if "A" in o.flags:
                    sys.write_nowait(1, b"\a")

    def swept(self) -> bool:
        """Go on to the next size of a sweep; True if there is none."""
        o = self.o
        if not o.sweepmax or self.sweepsent != self.perstep:
            return False
        if self.datalen + o.sweepincr > o.sweepmax:
            return True
        for i in range(o.sweepincr):
            if self.filled < len(self.data):
                self.data[self.filled] = i & 0xFF
            self.filled += 1
        self.datalen += o.sweepincr
        self.sweepsent = 0
        return False

    async def pinger(self, ssend: int) -> None:
        """Send one packet."""
        p, o, summary = self.p, self.o, self.summary
        summary.forget(summary.transmitted % MAX_DUP_CHK)
        now = p.sys.clock_gettime("uptime")
        head = bytearray(8 + self.phdr_len)
        head[0] = self.question
        head[4:6] = self.ident.to_bytes(2, "little")
        head[6:8] = (summary.transmitted & 0xFFFF).to_bytes(2, "big")
        if o.time:
            ms = now // NS % 86400 * 1000 + now % NS // MS
            head[8:12] = ms.to_bytes(4, "big")
        if summary.timing:
            self.data[:TIMELEN] = (now // NS & 0xFFFFFFFF).to_bytes(4, "big") + (now % NS).to_bytes(4, "big")
        packet = head + self.data[: self.datalen]
        packet[2:4] = in_cksum(packet).to_bytes(2, "big")
        if o.flags & {"D", "z"}:
            packet = self.header(len(packet) + 20) + packet
        try:
            await p.sys.sendto(ssend, bytes(packet))
        except KError as e:
            if "f" in o.flags and e.errno == ENOBUFS:
                await p.sys.nanosleep(20 * MS)
                return
            p.warn(e, "sendto")
        summary.transmitted += 1
        self.sweepsent += 1
        if "." in o.flags and "q" not in o.flags:
            p.sys.write_nowait(1, o.dots[self.dot % len(o.dots) :][:1])
            self.dot += 1

    def header(self, size: int) -> bytearray:
        """The IP header, when options need one of our own."""
        o = self.o
        off = IP_DF if "D" in o.flags else 0
        head = bytearray((0x45, o.tos)) + size.to_bytes(2, "big") + b"\0\0" + off.to_bytes(2, "big")
        return head + bytes((o.ttl, IPPROTO_ICMP, 0, 0)) + self.source + self.target

    # answers ---------------------------------------------------------------------------------------------------
    def pr_addr(self, addr: bytes) -> str:
        """An address, with its name if -H asked for that."""
        text = inet_ntoa(addr)
        if "H" not in self.o.flags:
            return text
        name = gethostbyaddr(self.p, addr)
        return text if name is None else f"{name} ({text})"

    async def pr_pack(self, message: Message) -> None:
        """Show a packet, if it concerns us."""
        p, o = self.p, self.o
        packet = message.data
        sender = message.name.addr if isinstance(message.name, SockaddrIn) else bytes(4)
        hlen = (packet[0] & 0xF) << 2 if packet else 0
        if hlen < 20 or len(packet) < hlen + 8:
            if "v" in o.flags:
                p.warnx(f"packet too short ({len(packet)} bytes) from {inet_ntoa(sender)}")
            return
        icmp = packet[hlen:]
        if icmp[0] == self.answer:
            text = self.reply(packet, icmp, sender)
        else:
            text = self.other(icmp, sender)
        if text is None:
            return
        p.stdout.write(text + self.shown.text(packet[20:hlen]))
        if "." not in o.flags:
            p.stdout.write("\n")
            await p.stdout.drain()

    def reply(self, packet: bytes, icmp: bytes, sender: bytes) -> str | None:
        """An answer to a question of ours; None if nothing is to be printed."""
        p, o, summary = self.p, self.o, self.summary
        if icmp[4:6] != self.ident.to_bytes(2, "little"):
            return None
        trip = 0.0
        timed: float | None = None
        if summary.timing:
            stamp = icmp[8 + self.phdr_len :]
            if len(stamp) >= 16:
                sent = int.from_bytes(stamp[:4], "big") * NS + int.from_bytes(stamp[4:8], "big")
                trip = timed = max((p.sys.clock_gettime("uptime") - sent) / 1e6, 0.0)
            else:
                summary.timing = False
        seq = icmp[6] << 8 | icmp[7]
        duplicate = summary.arrived(seq % MAX_DUP_CHK, timed)
        if "q" in o.flags:
            return None
        if "W" in o.flags and trip > o.waittime:
            summary.late += 1
            return None
        if "." in o.flags:
            p.sys.write_nowait(1, b"\b")
            return ""
        text = f"{len(icmp)} bytes from {self.pr_addr(sender)}: icmp_seq={seq} ttl={packet[8]}"
        if summary.timing:
            text += f" time={trip:.3f} ms"
        if duplicate:
            text += " (DUP!)"
        if "a" in o.flags:
            p.sys.write_nowait(1, b"\a")
        if o.mask:
            text += f" mask={inet_ntoa(icmp[8:12])}"
        if o.time:
            text += f" tso={pr_ntime(icmp[8:12])} tsr={pr_ntime(icmp[12:16])} tst={pr_ntime(icmp[16:20])}"
        return text + self.damage(packet, icmp)

    def damage(self, packet: bytes, icmp: bytes) -> str:
        """What is wrong with an answer: its length, or a byte of it."""
        text = ""
        want = self.extra + self.datalen
        if len(packet) != want:
            text += f"\nwrong total length {len(packet)} instead of {want}"
        body = icmp[8 + self.phdr_len :]
        for i in range(TIMELEN if self.summary.timing else 0, min(self.datalen, len(body))):
            if body[i] == self.data[i]:
                continue
            text += f"\nwrong data byte #{i} should be 0x{self.data[i]:x} but was 0x{body[i]:x}"
            for name, data in (("cp", icmp[8:]), ("dp", bytes(self.phdr_len) + self.data)):
                text += f"\n{name}:"
                for at, byte in enumerate(data[: self.datalen]):
                    text += ("\n\t" if at % 16 == 8 else "") + f" {byte:2x}"
            break
        return text

    def other(self, icmp: bytes, sender: bytes) -> str | None:
        """Something else: shown if it is about a packet of ours, or all of it with -v."""
        p, o = self.p, self.o
        quoted = icmp[8:]
        verbose = "v" in o.flags
        if len(quoted) < 20 + ICMP_LEN:
            if verbose:
                p.warnx(f"quoted data too short ({len(quoted)} bytes) from {inet_ntoa(sender)}")
            return None
        ohlen = (quoted[0] & 0xF) << 2
        if ohlen < 20:
            if verbose:
                p.warnx(f"inner IHL too short ({ohlen} bytes) from {inet_ntoa(sender)}")
            return None
        if len(quoted) < ohlen + ICMP_LEN:
            if verbose:
                p.warnx(f"inner packet too short ({len(quoted)} bytes) from {inet_ntoa(sender)}")
            return None
        ours = (
            "Q" not in o.flags
            and quoted[16:20] == self.target
            and quoted[9] == IPPROTO_ICMP
            and quoted[ohlen] == ICMP_ECHO
            and quoted[ohlen + 4 : ohlen + 6] == self.ident.to_bytes(2, "little")
        )
        if not ours and not (verbose and not o.uid):
            return None
        return f"{len(icmp)} bytes from {self.pr_addr(sender)}: {pr_icmph(icmp)}"


def pr_ntime(stamp: bytes) -> str:
    """A timestamp of ICMP as time of day."""
    seconds = int.from_bytes(stamp, "big") // 1000
    return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"


async def ping4(p: Program) -> int:
    """ping -4."""
    return await Ping4(p).run()
