"""nc(1): arbitrary TCP and UDP connections and listens (contrib/netcat/netcat.c)."""

from __future__ import annotations

from vshell.abi.errno import EAGAIN, EINPROGRESS, EINTR, ENAMETOOLONG, EOPNOTSUPP, ETIMEDOUT, KError
from vshell.abi.fcntl import O_RDWR, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT
from vshell.abi.in6 import IPV6_TCLASS
from vshell.abi.record import Record
from vshell.abi.signal import SIG_IGN, SIGPIPE
from vshell.abi.socket import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    AF_UNSPEC,
    IP_BINDANY,
    IP_TOS,
    IPPROTO_IP,
    IPPROTO_IPV6,
    IPPROTO_SCTP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    MSG_PEEK,
    SHUT_RD,
    SHUT_WR,
    SO_DEBUG,
    SO_ERROR,
    SO_RCVBUF,
    SO_REUSEPORT,
    SO_SETFIB,
    SO_SNDBUF,
    SOCK_DGRAM,
    SOCK_STREAM,
    SOL_SOCKET,
    SockaddrIn,
    SockaddrIn6,
    SockaddrUn,
)  # fmt: skip
from vshell.abi.tcp import TCP_MD5SIG, TCP_NOOPT
from vshell.userland.cnumber import strtol
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.humanize import strtonum
from vshell.userland.netdb import (
    AI_NUMERICHOST,
    AI_PASSIVE,
    NI_NUMERICHOST,
    Addrinfo,
    GaiError,
    getaddrinfo,
    getnameinfo,
    getservbyname,
    getservbyport,
)  # fmt: skip
from vshell.userland.program import Program, program

USAGE = """\
usage: nc [-46DdEFhklNnrStUuvz] [-e policy] [-I length] [-i interval] [-O length]
\t  [--no-tcpopt] [--sctp]
\t  [-P proxy_username] [-p source_port] [-s source] [-T ToS]
\t  [--tun tundev] [-V rtable] [-w timeout] [-X proxy_protocol]
\t  [-x proxy_address[:port]] [destination] [port]
"""
HELP = """\
\tCommand Summary:
\t\t-4\t\tUse IPv4
\t\t-6\t\tUse IPv6
\t\t--crlf\tConvert LF into CRLF when sending data over the network
\t\t-D\t\tEnable the debug socket option
\t\t-d\t\tDetach from stdin
\t\t-E\t\tUse IPsec ESP
\t\t-e policy\tUse specified IPsec policy
\t\t-F\t\tPass socket fd
\t\t-h\t\tThis help text
\t\t-I length\tTCP receive buffer length
\t\t-i secs\t\tDelay interval for lines sent, ports scanned
\t\t-k\t\tKeep inbound sockets open for multiple connects
\t\t-l\t\tListen mode, for inbound connects
\t\t-N\t\tShutdown the network socket after EOF on stdin
\t\t-n\t\tSuppress name/port resolutions
\t\t--no-tcpopt\tDisable TCP options
\t\t--sctp\t\tSCTP mode
\t\t--tun tundev\tUse tun device rather than stdio
\t\t-O length\tTCP send buffer length
\t\t-P proxyuser\tUsername for proxy authentication
\t\t-p port\t\tSpecify local port for remote connects
\t\t-r\t\tRandomize remote ports
\t\t-S\t\tEnable the TCP MD5 signature option
\t\t-s addr\t\tLocal source address
\t\t-T toskeyword\tSet IP Type of Service
\t\t-t\t\tAnswer TELNET negotiation
\t\t-U\t\tUse UNIX domain socket
\t\t-u\t\tUDP mode
\t\t-V rtable\tSpecify alternate routing table
\t\t-v\t\tVerbose
\t\t-w secs\t\tTimeout for connects and final net reads
\t\t-X proto\tProxy protocol: "4", "5" (SOCKS) or "connect"
\t\t-x addr[:port]\tSpecify proxy address and port
\t\t-z\t\tZero-I/O mode [used for scanning]
\t\tPort numbers can be individual or ranges: lo-hi [inclusive]
\tSee ipsec_set_policy(3) for -e argument format
"""
LONGS = {
    "crlf": (NO, "crlf"), "lb": (NO, "lb"), "no-tcpopt": (NO, "no-tcpopt"), "sctp": (NO, "sctp"), "tun": (REQUIRED, "tun"),
}  # fmt: skip
TOS = {
    "af11": 0x28, "af12": 0x30, "af13": 0x38, "af21": 0x48, "af22": 0x50, "af23": 0x58, "af31": 0x68, "af32": 0x70, "af33": 0x78,
    "af41": 0x88, "af42": 0x90, "af43": 0x98, "critical": 0xA0, "cs0": 0, "cs1": 0x20, "cs2": 0x40, "cs3": 0x60, "cs4": 0x80,
    "cs5": 0xA0, "cs6": 0xC0, "cs7": 0xE0, "ef": 0xB8, "inetcontrol": 0xC0, "lowdelay": 0x10, "netcontrol": 0xE0,
    "reliability": 0x04, "throughput": 0x08,
}  # fmt: skip
BUFSIZE = 16384
LOOKUP = 3_000_000
"""How long it takes to find a service by its port, in ns: long enough for one that is quick to answer first."""
PORT_MAX = 65535
SUN_PATH = 104
IAC, DONT, DO, WONT, WILL = 255, 254, 253, 252, 251


class Nc:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.family = AF_UNSPEC
        self.timeout = -1
        """In ms."""
        self.flags: set[str] = set()
        self.values: dict[str, str] = {}
        self.interval = self.rcvbuf = self.sndbuf = 0
        self.tos = self.rtable = -1
        self.tun = -1
        self.unix_client = ""

    # options --------------------------------------------------------------------------------------------------------
    def parse(self) -> list[str]:
        """Read the options; returns the operands."""
        options = GetoptLong(self.p, "46DdEe:FhI:i:klMNnoO:P:p:rSs:tT:UuV:vw:X:x:z", LONGS)
        for letter, value in options:
            if letter == "?":
                self.p.usage(USAGE)
            elif letter in "46U":
                self.family = {"4": AF_INET, "6": AF_INET6, "U": AF_UNIX}[letter]
            elif letter in ("I", "O", "T", "V", "X", "i", "w"):
                self._number(letter, value)
            elif letter == "h":
                self.p.stderr.write(USAGE)
                self.p.usage(HELP)
            elif letter == "M":
                self.p.errx(1, "-M requires stats(3) support")
            elif letter == "o":
                self.p.stderr.write("option -o is deprecated.\n")
            elif value:
                self.values[letter] = value
                self.flags.add(letter)
            else:
                self.flags.add(letter)
        return options.args

    def _range(self, text: str, least: int, most: int, what: str) -> int:
        value, error = strtonum(text, least, most)
        if error:
            self.p.errx(1, f"{what} {error}: {text}")
        return value

    def _number(self, letter: str, value: str) -> None:
        p = self.p
        if letter == "i":
            self.interval = self._range(value, 0, 0xFFFFFFFF, "interval")
        elif letter == "w":
            self.timeout = self._range(value, 0, 2147483, "timeout") * 1000
        elif letter == "I":
            self.rcvbuf = self._range(value, 1, 65536 << 14, "TCP receive window")
        elif letter == "O":
            self.sndbuf, error = strtonum(value, 1, 65536 << 14)
            if error and error != "invalid":
                p.errx(1, f"TCP send window {error}: {value}")
        elif letter == "V":
            self.rtable = self._range(value, 0, int(p.sys.sysctl("net.fibs")) - 1, "rtable")
        elif letter == "X":
            if value.lower() != "connect" and value not in ("4", "5"):
                p.errx(1, "unsupported proxy protocol")
        elif value in TOS:
            self.tos = TOS[value]
        else:
            self.tos, error = (strtol(value, 16)[0], "") if value[:2] == "0x" else strtonum(value, 0, 255)
            if error or not 0 <= self.tos <= 255:
                p.errx(1, f"illegal tos value {value}")

    def check(self, args: list[str]) -> tuple[str | None, str]:
        """The operands, (host, port or service), and whether the options fit together."""
        p, f = self.p, self.flags
        if len(args) == 1 and self.family == AF_UNIX:
            host, port = args[0], ""
        elif len(args) == 1 and "l" in f:
            host, port = None, args[0]
        elif len(args) >= 2:
            host, port = args[0], args[1]
        else:
            p.usage(USAGE)
        for letter, text in (("s", "-s and -l"), ("p", "-p and -l"), ("z", "-z and -l")):
            if "l" in f and letter in f:
                p.errx(1, f"cannot use {text}")
        if "l" not in f and "k" in f:
            p.errx(1, "must use -l with -k")
        if "l" not in f and "lb" in f:
            p.errx(1, "must use -l with --lb")
        if "sctp" in f and "u" in f:
            p.errx(1, "cannot use -u and --sctp")
        if "sctp" in f and self.family == AF_UNIX:
            p.errx(1, "cannot use -U and --sctp")
        if "tun" in f:
            self._open_tun()
        if "x" in f:
            self._check_proxy()
        return host, port

    def _open_tun(self) -> None:
        if "u" not in self.flags:
            self.p.errx(1, "must use --tun with -u")
        try:
            self.tun = self.p.sys.open(self.values["tun"], O_RDWR)
        except KError:
            self.p.errx(1, f"unable to open tun device {self.values['tun']}")

    def _check_proxy(self) -> None:
        f = self.flags
        cases = (
            ("u" in f, "UDP mode"), ("sctp" in f, "SCTP mode"), ("l" in f, "listen"), (self.family == AF_UNIX, "unix sockets"),
            (self.family == AF_INET6, "IPv6"), ("s" in f, "local source address"),
        )  # fmt: skip
        for wrong, what in cases:
            if wrong:
                self.p.errx(1, f"no proxy support for {what}")

    # sockets --------------------------------------------------------------------------------------------------------
    def _info(self, host: str | None, port: str | None, family: int, flags: int) -> list[Addrinfo]:
        udp = "u" in self.flags
        proto = IPPROTO_UDP if udp else IPPROTO_SCTP if "sctp" in self.flags else IPPROTO_TCP
        flags |= AI_NUMERICHOST if "n" in self.flags else 0
        try:
            return getaddrinfo(self.p, host, port, family, SOCK_DGRAM if udp else SOCK_STREAM, proto, flags)
        except GaiError as e:
            self.p.errx(1, f"getaddrinfo: {e}")

    def _setsockopt(self, s: int, level: int, name: int, value: int, what: str = "") -> None:
        try:
            self.p.sys.setsockopt(s, level, name, value)
        except KError as e:
            self.p.err(1, e, what)

    def _common(self, s: int, family: int) -> None:
        """set_common_sockopts."""
        if "S" in self.flags:
            self._setsockopt(s, IPPROTO_TCP, TCP_MD5SIG, 1)
        if "D" in self.flags:
            self._setsockopt(s, SOL_SOCKET, SO_DEBUG, 1)
        if self.tos != -1:
            level, name = (IPPROTO_IPV6, IPV6_TCLASS) if family == AF_INET6 else (IPPROTO_IP, IP_TOS)
            self._setsockopt(s, level, name, self.tos, "set IP ToS")
        if self.rcvbuf:
            self._setsockopt(s, SOL_SOCKET, SO_RCVBUF, self.rcvbuf, "set TCP receive buffer size")
        if self.sndbuf:
            self._setsockopt(s, SOL_SOCKET, SO_SNDBUF, self.sndbuf, "set TCP send buffer size")
        if "no-tcpopt" in self.flags:
            self._setsockopt(s, IPPROTO_TCP, TCP_NOOPT, 1, "disable TCP options")

    async def remote_connect(self, host: str, port: str) -> int:
        """A socket connected to a peer, -1 if none can be had."""
        p, udp = self.p, "u" in self.flags
        for info in self._info(host, port, self.family, 0):
            try:
                s = p.sys.socket(info.family, info.socktype, info.protocol)
            except KError:
                continue
            if self.rtable >= 0:
                self._setsockopt(s, SOL_SOCKET, SO_SETFIB, self.rtable, "setsockopt SO_SETFIB")
            if "s" in self.flags or "p" in self.flags:
                self._bind(s, info)
            self._common(s, info.family)
            try:
                await self._connect(s, info.addr)
            except KError as e:
                if "v" in self.flags:
                    p.warn(e, f"connect to {host} port {port} ({'udp' if udp else 'tcp'}) failed")
                p.sys.close(s)
                continue
            return s
        return -1

    def _bind(self, s: int, info: Addrinfo) -> None:
        p = self.p
        try:
            p.sys.setsockopt(s, IPPROTO_IP, IP_BINDANY, 1)
        except KError:
            pass
        proto = IPPROTO_UDP if "u" in self.flags else IPPROTO_TCP
        try:
            source, port = self.values.get("s"), self.values.get("p")
            found = getaddrinfo(p, source, port, info.family, info.socktype, proto, AI_PASSIVE)
        except GaiError as e:
            p.errx(1, f"getaddrinfo: {e}")
        try:
            p.sys.bind(s, found[0].addr)
        except KError as e:
            p.err(1, e, "bind failed")

    async def _connect(self, s: int, addr: Record) -> None:
        """timeout_connect."""
        sys = self.p.sys
        if self.timeout == -1:
            await sys.connect(s, addr)
            return
        sys.set_nonblock(s, True)
        try:
            await sys.connect(s, addr)
        except KError as e:
            if e.errno != EINPROGRESS:
                raise
            if not await sys.poll([(s, POLLOUT)], self.timeout * 1_000_000):
                raise KError(ETIMEDOUT) from e
            if error := sys.getsockopt(s, SOL_SOCKET, SO_ERROR):
                raise KError(error) from e
        sys.set_nonblock(s, False)

    def local_listen(self, host: str | None, port: str) -> int:
        """A listening socket."""
        p = self.p
        family = AF_INET if host is None and self.family == AF_UNSPEC else self.family
        failure: KError | None = None
        for info in self._info(host, port, family, AI_PASSIVE):
            try:
                s = p.sys.socket(info.family, info.socktype, info.protocol)
            except KError as e:
                failure = e
                continue
            if self.rtable >= 0:
                self._setsockopt(s, SOL_SOCKET, SO_SETFIB, self.rtable, "setsockopt SO_SETFIB")
            self._setsockopt(s, SOL_SOCKET, SO_REUSEPORT, 1)
            self._common(s, info.family)
            try:
                p.sys.bind(s, info.addr)
            except KError as e:
                failure = e
                p.sys.close(s)
                continue
            if "u" not in self.flags:
                try:
                    p.sys.listen(s, 1)
                except KError as e:
                    p.err(1, e, "listen")
            return s
        p.err(1, failure or KError(EOPNOTSUPP))

    def unix_bind(self, path: str) -> int:
        """A local socket with a name."""
        s = self.p.sys.socket(AF_UNIX, SOCK_DGRAM if "u" in self.flags else SOCK_STREAM)
        try:
            if len(path) >= SUN_PATH:
                raise KError(ENAMETOOLONG)
            self.p.sys.bind(s, SockaddrUn(path))
        except KError:
            self.p.sys.close(s)
            raise
        return s

    async def unix_connect(self, path: str) -> int:
        """A local socket connected to a name."""
        sys = self.p.sys
        s = self.unix_bind(self.unix_client) if "u" in self.flags else sys.socket(AF_UNIX, SOCK_STREAM)
        try:
            if len(path) >= SUN_PATH:
                raise KError(ENAMETOOLONG)
            await sys.connect(s, SockaddrUn(path))
        except KError:
            sys.close(s)
            raise
        return s

    # modes ----------------------------------------------------------------------------------------------------------
    async def server(self, host: str | None, port: str) -> int:
        """-l."""
        p, udp = self.p, "u" in self.flags
        s = -1
        try:
            if self.family == AF_UNIX:
                s = self.unix_bind(host or "")
                if not udp:
                    p.sys.listen(s, 5)
        except KError as e:
            p.err(1, e)
        while True:
            if self.family != AF_UNIX:
                s = self.local_listen(host, port)
            if udp and "k" in self.flags:
                await self.readwrite(s)
            elif udp:
                await self._udp_peer(s)
            else:
                try:
                    fd, name = await p.sys.accept(s)
                except KError as e:
                    p.err(1, e, "accept")
                self._report(name)
                await self.readwrite(fd)
                self._close(fd)
            if self.family != AF_UNIX:
                self._close(s)
            if "k" not in self.flags:
                return 0

    async def _udp_peer(self, s: int) -> None:
        """Whoever sends first is the one to talk to."""
        p = self.p
        try:
            message = await p.sys.recvmsg(s, 2048, MSG_PEEK)
        except KError as e:
            p.err(1, e, "recvfrom")
        name = getattr(message, "name", None)
        if isinstance(name, SockaddrIn | SockaddrIn6 | SockaddrUn):
            try:
                await p.sys.connect(s, name)
            except KError as e:
                p.err(1, e, "connect")
            self._report(name)
        await self.readwrite(s)

    def _report(self, name: Record) -> None:
        """report_connect."""
        if "v" not in self.flags or not isinstance(name, SockaddrIn | SockaddrIn6):
            return
        scope = name.scope_id if isinstance(name, SockaddrIn6) else 0
        host = getnameinfo(self.p, name.addr, scope, NI_NUMERICHOST if "n" in self.flags else 0)
        self.p.stderr.write(f"Connection from {host} {name.port} received!\n")

    async def unix_client_mode(self, path: str) -> int:
        """-U without -l."""
        p = self.p
        if "u" in self.flags:
            self.unix_client = self.values.get("s") or f"/tmp/nc.{p.sys.getpid():010d}"
        try:
            s = await self.unix_connect(path)
        except KError:
            return 1
        status = 1
        if "z" not in self.flags:
            await self.readwrite(s)
            self._close(s)
            status = 0
        if "u" in self.flags:
            try:
                p.sys.unlink(self.unix_client)
            except KError:
                pass
        return status

    async def client(self, host: str, ports: list[str]) -> int:
        """Connect to each port in turn."""
        p, f, udp = self.p, self.flags, "u" in self.flags
        status, s = 1, 0
        for port in ports:
            if s > 0:
                self._close(s)
            s = await self.remote_connect(host, port)
            if s < 0:
                continue
            status = 0
            if "v" in f or "z" in f:
                if udp and not await self._udptest(s):
                    status = 1
                    continue
                proto = "udp" if udp else "tcp"
                name = None
                if "n" not in f:
                    await p.sys.nanosleep(LOOKUP)
                    name = getservbyport(p, int(port), proto)
                p.stderr.write(f"Connection to {host} {port} port [{proto}/{name or '*'}] succeeded!\n")
            if "z" not in f:
                await self.readwrite(s)
        return status

    async def _udptest(self, s: int) -> bool:
        ok = False
        for _ in range(4):
            try:
                ok = await self.p.sys.write(s, b"X") == 1
            except KError:
                ok = False
        return ok

    def ports(self, text: str) -> list[str]:
        """build_ports."""
        low, dash, high = text.partition("-")
        if not dash:
            return [str(self._port(text))]
        hi, lo = self._port(high), self._port(low)
        found = list(range(min(lo, hi), max(lo, hi) + 1))
        if "r" in self.flags and len(found) > 1:
            noise = self.p.sys.clock_gettime()
            for x in range(len(found)):
                noise = (noise * 1103515245 + 12345) & 0x7FFFFFFF
                y = (noise >> 8) % (len(found) - 1)
                found[x], found[y] = found[y], found[x]
        return [str(port) for port in found]

    def _port(self, text: str) -> int:
        port, error = strtonum(text, 1, PORT_MAX)
        if not error:
            return port
        if error != "invalid":
            self.p.errx(1, f"port number {error}: {text}")
        entry = getservbyname(self.p, text, "udp" if "u" in self.flags else "tcp")
        if entry is None:
            self.p.errx(1, f'service "{text}" unknown')
        return entry[0]

    def _close(self, fd: int) -> None:
        try:
            self.p.sys.close(fd)
        except KError:
            pass

    async def readwrite(self, net: int) -> None:
        """Carry bytes between the standard streams and the network until both are done."""
        await Pump(self, net).run()


class Pump:
    """The loop over the four ends: standard input, network out, network in, standard output (readwrite)."""

    def __init__(self, nc: Nc, net: int) -> None:
        self.nc, self.sys, self.net = nc, nc.p.sys, net
        self.stdin = nc.tun if nc.tun != -1 else -1 if "d" in nc.flags else 0
        self.stdout = nc.tun if nc.tun != -1 else 1
        self.netout = self.netin = net
        self.up = b""
        """Read from standard input, not sent yet."""
        self.down = b""
        """Read from the network, not written yet."""

    async def run(self) -> None:
        """readwrite."""
        nc = self.nc
        while True:
            empty = not self.up and not self.down
            done = empty and self.netin == -1 and (self.stdin == -1 or "l" in nc.flags)
            if done or (self.netout == -1 and self.stdout == -1):
                nc._close(self.net)
                return
            if nc.interval:
                await self.sys.nanosleep(nc.interval * 1_000_000_000)
            events = self._events()
            try:
                ready = await self.sys.poll(events, None if nc.timeout < 0 else nc.timeout * 1_000_000)
            except KError as e:
                nc._close(self.net)
                nc.p.err(1, e, "polling error")
            if not ready:
                return
            seen: dict[int, int] = {}
            for fd, revents in ready:
                seen[fd] = seen.get(fd, 0) | revents
            await self._step(seen)

    def _events(self) -> list[tuple[int, int]]:
        wanted: dict[int, int] = {}
        ends = (
            (self.stdin, POLLIN if len(self.up) < BUFSIZE else 0), (self.netout, POLLOUT if self.up else 0),
            (self.netin, POLLIN if len(self.down) < BUFSIZE else 0), (self.stdout, POLLOUT if self.down else 0),
        )  # fmt: skip
        for fd, events in ends:
            if fd != -1:
                wanted[fd] = wanted.get(fd, 0) | events
        return list(wanted.items())

    async def _step(self, seen: dict[int, int]) -> None:
        reads_in, reads_net = len(self.up) < BUFSIZE, len(self.down) < BUFSIZE
        states = [seen.get(fd, 0) if fd != -1 else 0 for fd in (self.stdin, self.netout, self.netin, self.stdout)]
        self._hangups(states, reads_in, reads_net)
        if states[0] & POLLIN and self.stdin != -1 and reads_in:
            data, end = await self._fill(self.stdin, BUFSIZE - len(self.up))
            self.up += data
            if end:
                self.stdin = -1
        # The network was asked for room only if something had been waiting for it.
        if states[1] & POLLOUT and self.netout != -1 and self.up:
            sent = await self._drain(self.netout, self.up, "crlf" in self.nc.flags)
            if sent < 0:
                self.netout = -1
            else:
                self.up = self.up[sent:]
        if states[2] & POLLIN and self.netin != -1 and reads_net:
            await self._from_network()
        if states[3] & POLLOUT and self.stdout != -1 and self.down:
            sent = await self._drain(self.stdout, self.down, False)
            if sent < 0:
                self.stdout = -1
            else:
                self.down = self.down[sent:]
        if self.stdin == -1 and not self.up:
            if self.netout != -1 and "N" in self.nc.flags:
                self._shutdown(SHUT_WR)
            self.netout = -1
        if self.netin == -1 and not self.down:
            self.stdout = -1

    def _hangups(self, states: list[int], reads_in: bool, reads_net: bool) -> None:
        """Errors and ends that poll reports."""
        bad = POLLERR | POLLNVAL
        if states[0] & bad or (reads_in and states[0] & (POLLHUP | POLLIN) == POLLHUP):
            self.stdin = -1
        if states[2] & bad or (reads_net and states[2] & (POLLHUP | POLLIN) == POLLHUP):
            self.netin = -1
        if states[1] & bad:
            self.netout = -1
        elif states[1] & POLLHUP and self.netout != -1:
            if "N" in self.nc.flags:
                self._shutdown(SHUT_WR)
            self.netout = -1
        if states[3] & (bad | POLLHUP):
            self.stdout = -1
        if self.netout == -1:
            self.stdin = -1
        if self.stdout == -1:
            if self.netin != -1:
                self._shutdown(SHUT_RD)
            self.netin = -1

    async def _from_network(self) -> None:
        data, end = await self._fill(self.netin, BUFSIZE - len(self.down))
        if end:
            self._shutdown(SHUT_RD)
            self.netin = -1
            return
        self.down += data
        if "t" in self.nc.flags:
            await self._telnet(self.down)

    def _shutdown(self, how: int) -> None:
        try:
            self.sys.shutdown(self.net, how)
        except KError:
            pass

    async def _fill(self, fd: int, size: int) -> tuple[bytes, bool]:
        """(bytes, whether that was the end or an error)."""
        try:
            data = await self.sys.read(fd, size)
        except KError as e:
            return b"", e.errno not in (EAGAIN, EINTR)
        return data, not data

    async def _drain(self, fd: int, data: bytes, crlf: bool) -> int:
        """How many bytes went out, -1 on an error."""
        size, newline = len(data), False
        if crlf:
            at = data.find(b"\n")
            if at >= 0 and (at == 0 or data[at - 1] != 13):
                size, newline = at, True
        try:
            done = await self.sys.write(fd, data[:size]) if size else 0
            if newline:
                await self.sys.write(fd, b"\r\n")
                done += 1
        except KError as e:
            return 0 if e.errno in (EAGAIN, EINTR) else -1
        return done

    async def _telnet(self, data: bytes) -> None:
        """Refuse whatever a telnet peer wants to negotiate (atelnet)."""
        at = 0
        while at < len(data) - 2:
            if data[at] == IAC and data[at + 1] in (WILL, WONT, DO, DONT):
                answer = DONT if data[at + 1] in (WILL, WONT) else WONT
                await self._drain(self.net, bytes((IAC, answer, data[at + 2])), False)
                at += 2
            at += 1


@program("/usr/bin/nc")
async def main(p: Program) -> int:
    """nc(1)."""
    p.sys.sigaction(SIGPIPE, SIG_IGN)
    nc = Nc(p)
    host, port = nc.check(nc.parse())
    if "l" in nc.flags:
        return await nc.server(host, port)
    assert host is not None
    if nc.family == AF_UNIX:
        return await nc.unix_client_mode(host)
    return await nc.client(host, nc.ports(port))
