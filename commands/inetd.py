"""inetd(8): the internet super-server (usr.sbin/inetd/inetd.c, builtins.c)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from vshell.abi.errno import EINTR, KError, strerror
from vshell.abi.fcntl import O_RDWR, POLLIN, R_OK
from vshell.abi.in6 import IPV6_V6ONLY
from vshell.abi.record import Record
from vshell.abi.signal import SIG_DFL, SIG_IGN, SIGALRM, SIGCHLD, SIGHUP, SIGPIPE
from vshell.abi.socket import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    IPPROTO_IPV6,
    SO_REUSEADDR,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOCK_STREAM,
    SOL_SOCKET,
    SockaddrIn,
    SockaddrIn6,
    SockaddrUn,
)  # fmt: skip
from vshell.abi.syscalls import Main, Syscalls
from vshell.userland.cnumber import strtol
from vshell.userland.getopt import Getopt
from vshell.userland.netdb import AI_PASSIVE, GaiError, getaddrinfo, getservbyname, numeric_name
from vshell.userland.pidfile import Pidfile, Running
from vshell.userland.program import Program, program
from vshell.userland.pwd import getgrnam, getgrouplist, getpwnam
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode
from vshell.userland.strftime import gmtime, strftime
from vshell.userland.syslog import syslog

EX_USAGE, EX_DATAERR, EX_OSERR = 64, 65, 71
USAGE = (
    "usage: inetd [-dlWw] [-a address] [-C rate] [-c maximum] [-p filename] [-R rate] [-s maximum] [configuration_file]"
)  # fmt: skip
CONFIG = "/etc/inetd.conf"
PIDFILE = "/var/run/inetd.pid"
RETRYTIME = 60 * 10
WNOHANG = 1
TOOMANY, CNT_INTVL = 256, 60
LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DAEMON = 3, 4, 6, 24
LINESIZ = 72
RING = bytes(i for i in range(33, 127))
SECONDS_1900 = 25567 * 24 * 60 * 60
SOCKTYPES = {"stream": SOCK_STREAM, "dgram": SOCK_DGRAM, "rdm": 4, "seqpacket": 5, "raw": 3}


class ConfigError(Exception):
    """A line that is to be left out."""


class Service:
    """One line of the configuration (struct servtab)."""

    def __init__(self, name: str, socktype: int, proto: str, family: int, mapped: bool) -> None:
        self.name, self.socktype, self.proto, self.family, self.mapped = name, socktype, proto, family, mapped
        self.accept = True
        self.maxchild = 0
        self.user = self.group = ""
        self.server = ""
        self.argv: list[str] = []
        self.builtin: Builtin | None = None
        self.fd = -1
        self.children: set[int] = set()
        self.checked = True
        self.count = 0
        self.since = 0

    def key(self) -> tuple[str, str, int, int]:
        """What makes it the same service after a new look at the file."""
        return self.name, self.proto, self.socktype, self.family

    def full(self) -> bool:
        """True while no more children are wanted."""
        return 0 < self.maxchild <= len(self.children)


def split_line(line: str) -> list[str]:
    """The words of a line; quotes hold words together (skip)."""
    words: list[str] = []
    at = 0
    while True:
        while at < len(line) and line[at] in " \t":
            at += 1
        if at >= len(line):
            return words
        if line[at] in "\"'":
            end = line.find(line[at], at + 1)
            end = len(line) if end < 0 else end
            words.append(line[at + 1 : end])
            at = end + 1
        else:
            start = at
            while at < len(line) and line[at] not in " \t":
                at += 1
            words.append(line[start:at])


class Inetd:
    """The server."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.sys: Syscalls = p.sys
        self.debug = self.logging = False
        self.perror = True
        self.path = CONFIG
        self.pidfile_path = PIDFILE
        self.address: str | None = None
        self.maxchild = -1
        self.toomany = TOOMANY
        self.pidfile: Pidfile | None = None
        self.services: list[Service] = []
        """The newest first."""
        self.signals: list[int] = []
        self.bind4: bytes | None = None
        self.bind6: bytes | None = None

    # messages -------------------------------------------------------------------------------------------------------
    async def log(self, text: str, priority: int = LOG_ERR) -> None:
        """syslog(3), and the standard error until it has become a daemon."""
        pid = self.sys.getpid()
        await syslog(self.sys, LOG_DAEMON | priority, "inetd", text, pid)
        if self.perror:
            try:
                await self.sys.write(2, f"inetd[{pid}]: {text}\n".encode("utf-8", "surrogateescape"))
            except KError:
                pass

    def trace(self, text: str) -> None:
        """-d."""
        if self.debug:
            self.p.warnx(text)

    # options --------------------------------------------------------------------------------------------------------
    async def parse(self) -> None:
        """Read the options."""
        options = Getopt(self.p, "dlwWR:a:c:C:p:s:")
        whine = {
            "R": "-R %s: bad value for service invocation rate", "c": "-c %s: bad value for maximum children",
            "C": "-C %s: bad value for maximum children/minute", "s": "-s %s: bad value for maximum children per source address",
        }  # fmt: skip
        for letter, value in options:
            if letter == "?":
                await self.log(USAGE)
                self.p.exit(EX_USAGE)
            elif letter in whine:
                number, rest, _ = strtol(value, 0, -(1 << 31), (1 << 31) - 1)
                if number < 0 or rest:
                    await self.log(whine[letter].replace("%s", value))
                elif letter == "R":
                    self.toomany = number
                elif letter == "c":
                    self.maxchild = number
            elif letter == "a":
                self.address = value
            elif letter == "p":
                self.pidfile_path = value
            elif letter == "d":
                self.debug = True
            elif letter == "l":
                self.logging = True
        if options.args:
            self.path = options.args[0]
        if not self.path.startswith("/"):
            self.path = self.sys.getcwd().rstrip("/") + "/" + self.path

    async def addresses(self) -> None:
        """Where to listen."""
        try:
            found = getaddrinfo(self.p, self.address, "0" if self.address is None else None, 0, SOCK_STREAM, 0, AI_PASSIVE)
        except GaiError as e:
            await self.log(f"-a {self.address}: {e}")
            self.p.exit(EX_USAGE)
        for info in found:
            if info.family == AF_INET and self.bind4 is None:
                self.bind4 = info.addr.addr
            elif info.family == AF_INET6 and self.bind6 is None:
                self.bind6 = info.addr.addr

    # configuration --------------------------------------------------------------------------------------------------
    async def config(self) -> None:
        """Read the file and bring the services in line with it."""
        try:
            text = decode(slurp(self.p, self.path))
        except KError as e:
            await self.log(f"{self.path}: {strerror(e.errno)}")
            return
        for service in self.services:
            service.checked = False
        for line in self._lines(text):
            try:
                new = self._entry(split_line(line))
            except ConfigError as e:
                await self.log(str(e))
                continue
            if new is not None and await self._known(new):
                await self._install(new)
        for service in [s for s in self.services if not s.checked]:
            self.services.remove(service)
            self._close(service)

    def _lines(self, text: str) -> list[str]:
        """Logical lines: one that begins with a blank goes on with the one before."""
        lines: list[str] = []
        for line in text.split("\n"):
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in " \t" and lines:
                lines[-1] += line
            else:
                lines.append(line)
        return lines

    def _entry(self, words: list[str]) -> Service | None:
        """getconfigent."""
        if len(words) < 6:
            raise ConfigError(f"{self.path}: syntax error")
        if words[0].startswith(":"):
            words[0] = words[0].rpartition(":")[2]
        name, kind, proto, wait, user, server = words[:6]
        proto = proto.partition("/")[0] if proto.startswith("tcp") else proto
        family, mapped = AF_INET, False
        if proto == "unix":
            family = AF_UNIX
        else:
            digits = proto[len(proto.rstrip("0123456789")) :]
            proto = proto.rstrip("0123456789")
            if digits.strip("46"):
                raise ConfigError(f"bad IP version for {proto}{digits}")
            if "6" in digits:
                family, mapped = AF_INET6, "4" in digits
        service = Service(name, SOCKTYPES.get(kind, -1), proto, family, mapped)
        if not wait.startswith(("wait", "nowait")):
            raise ConfigError(f"{self.path}: bad wait/nowait for service {name}")
        service.accept = wait.startswith("nowait")
        service.maxchild = (max(self.maxchild, 0)) if service.accept else 1
        limit = wait.split("/")[1:]
        if limit:
            if not limit[0].isdecimal():
                raise ConfigError(f"{self.path}: bad max-child for service {name}")
            service.maxchild = int(limit[0])
        user = user.partition("/")[0]
        service.user, _, service.group = user.partition(":")
        service.server, service.argv = server, words[6:]
        if server == "internal":
            service.builtin = BUILTINS.get((name, service.socktype))
            if service.builtin is None:
                raise ConfigError(f"internal service {name} unknown")
            service.accept = True
        return service

    async def _known(self, new: Service) -> bool:
        if getpwnam(self.p, new.user) is None:
            await self.log(f"{new.name}/{new.proto}: no such user '{new.user}', service ignored")
            return False
        if new.group and getgrnam(self.p, new.group) is None:
            await self.log(f"{new.name}/{new.proto}: no such group '{new.group}', service ignored")
            return False
        return True

    async def _install(self, new: Service) -> None:
        old = next((s for s in self.services if s.key() == new.key()), None)
        if old is not None:
            new.fd, new.children = old.fd, old.children
            if old.mapped != new.mapped:
                self._close(new)
            self.services[self.services.index(old)] = new
        else:
            self.services.insert(0, new)
        port = 0
        if new.family != AF_UNIX:
            found = getservbyname(self.p, new.name, new.proto)
            if found is None:
                await self.log(f"{new.name}/{new.proto}: unknown service")
                new.checked = False
                return
            port = found[0]
        if new.fd == -1:
            await self._setup(new, port)

    async def _setup(self, service: Service, port: int) -> None:
        """Open the socket of a service."""
        sys, what = self.sys, f"{service.name}/{service.proto}"
        try:
            service.fd = sys.socket(service.family, service.socktype | SOCK_CLOEXEC)
        except KError as e:
            await self.log(f"{what}: socket: {strerror(e.errno)}")
            return
        sys.setsockopt(service.fd, SOL_SOCKET, SO_REUSEADDR, 1)
        addr: Record = SockaddrIn(self.bind4 or bytes(4), port)
        if service.family == AF_INET6:
            sys.setsockopt(service.fd, IPPROTO_IPV6, IPV6_V6ONLY, 0 if service.mapped else 1)
            addr = SockaddrIn6(self.bind6 or bytes(16), port)
        elif service.family == AF_UNIX:
            try:
                sys.unlink(service.name)
            except KError:
                pass
            addr = SockaddrUn(service.name)
        try:
            sys.bind(service.fd, addr)
        except KError as e:
            await self.log(f"{what}: bind: {strerror(e.errno)}")
            self._close(service)
            sys.alarm(RETRYTIME * 1_000_000_000)
            return
        if service.socktype == SOCK_STREAM:
            sys.listen(service.fd, -1)
        self.trace(f"registered {service.server} on {service.fd}")

    def _close(self, service: Service) -> None:
        if service.fd >= 0:
            self.sys.close(service.fd)
            service.fd = -1

    # the loop -------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Signals."""
        for sig in (SIGALRM, SIGHUP, SIGCHLD):
            self.sys.sigaction(sig, self.signals.append)
        self.sys.sigaction(SIGPIPE, SIG_IGN)

    async def run(self) -> int:
        """For ever: wait for somebody to call."""
        self.start()
        await self.config()
        while True:
            while self.signals:
                await self._signal(self.signals.pop(0))
            waiting = [(s.fd, POLLIN) for s in self.services if s.fd >= 0 and not s.full()]
            try:
                ready = await self.sys.poll(waiting, None)
            except KError as e:
                if e.errno != EINTR:
                    await self.log(f"select: {strerror(e.errno)}", LOG_WARNING)
                    await self.sys.nanosleep(1_000_000_000)
                continue
            fds = {fd for fd, _ in ready}
            for service in list(self.services):
                if service.fd in fds:
                    await self._serve(service)

    async def _signal(self, sig: int) -> None:
        if sig == SIGHUP:
            await self.config()
        elif sig == SIGALRM:
            for service in self.services:
                if service.fd == -1 and service.checked:
                    found = getservbyname(self.p, service.name, service.proto)
                    await self._setup(service, found[0] if found is not None else 0)
        else:
            await self._reap()

    async def _reap(self) -> None:
        while True:
            try:
                pid, status = await self.sys.wait4(-1, WNOHANG)
            except KError:
                return
            if not pid:
                return
            for service in self.services:
                if pid in service.children:
                    service.children.discard(pid)
                    if status:
                        kind, value = ("signal", status & 0x7F) if status & 0x7F else ("status", status >> 8)
                        await self.log(f"{service.server}[{pid}]: exited, {kind} {value}", LOG_WARNING)

    async def _serve(self, service: Service) -> None:
        """Somebody calls."""
        self.trace(f"someone wants {service.name}")
        sys, fd = self.sys, service.fd
        accepted = service.accept and service.socktype == SOCK_STREAM
        if accepted:
            try:
                fd, name = await sys.accept(service.fd)
            except KError as e:
                await self.log(f"accept (for {service.name}): {strerror(e.errno)}", LOG_WARNING)
                return
            if self.logging and isinstance(name, SockaddrIn | SockaddrIn6):
                await self.log(f"{service.name} from {numeric_name(self.p, name.addr)}", LOG_INFO)
        if service.builtin is not None and not service.builtin.forks:
            await service.builtin.run(sys, fd, service)
        elif await self._failing(service):
            self._close(service)
            sys.alarm(RETRYTIME * 1_000_000_000)
        else:
            service.children.add(sys.fork(self._child(service, fd)))
        if accepted:
            sys.close(fd)

    async def _failing(self, service: Service) -> bool:
        """True for a service that is started too often."""
        now = self.sys.clock_gettime("uptime") // 1_000_000_000
        service.count += 1
        if service.count == 1:
            service.since = now
        elif 0 < self.toomany <= service.count:
            if now - service.since <= CNT_INTVL:
                await self.log(f"{service.name}/{service.proto} server failing (looping), service terminated")
                service.count = 0
                return True
            service.since, service.count = now, 1
        return False

    def _child(self, service: Service, fd: int) -> Main:
        """The process that serves one caller."""
        argv, env, log, files = self.p.argv, self.p.env, self.log, [s.fd for s in self.services]

        async def child(sys: Syscalls) -> int:
            for sig in (SIGALRM, SIGHUP, SIGCHLD):
                sys.sigaction(sig, SIG_DFL)
            if service.builtin is not None:
                sys.setargs([f"inetd: {service.name}"])
                await service.builtin.run(sys, fd, service)
                return 0
            sys.sigaction(SIGPIPE, SIG_DFL)
            for number in (0, 1, 2):
                if fd != number:
                    sys.dup2(fd, number)
            for other in {fd, *files}:
                if other > 2:
                    sys.close(other)
            p = Program(sys, argv, env)
            if not _become(p, service):
                return 67
            sys.setsid()
            try:
                sys.execve(service.server, [service.argv[0] if service.argv else service.server, *service.argv[1:]], env)
            except KError as e:
                await log(f"cannot execute {service.server}: {strerror(e.errno)}")
            return 0

        return child


def _become(p: Program, service: Service) -> bool:
    """Take the identity a service runs under."""
    user = getpwnam(p, service.user)
    if user is None:
        return False
    group = getgrnam(p, service.group) if service.group else None
    gid = group.gid if group is not None else user.gid
    if user.uid:
        p.sys.setgid(gid)
        p.sys.setgroups(getgrouplist(p, user.name, gid))
        p.sys.setuid(user.uid)
    return True


# built-in services ------------------------------------------------------------------------------------------------
class Builtin:
    """A service inetd knows itself."""

    def __init__(self, forks: bool, run: Callable[[Syscalls, int, Service], Awaitable[None]]) -> None:
        self.forks, self.run = forks, run


async def _echo_stream(sys: Syscalls, fd: int, service: Service) -> None:
    try:
        while data := await sys.read(fd, 8192):
            await sys.write(fd, data)
    except KError:
        return


async def _discard_stream(sys: Syscalls, fd: int, service: Service) -> None:
    try:
        while await sys.read(fd, 8192):
            pass
    except KError:
        return


async def _chargen_stream(sys: Syscalls, fd: int, service: Service) -> None:
    at = 0
    try:
        while True:
            await sys.write(fd, (RING * 2)[at : at + LINESIZ] + b"\r\n")
            at = (at + 1) % len(RING)
    except KError:
        return


def _daytime(sys: Syscalls) -> bytes:
    return strftime("%a %b %e %H:%M:%S %Y", gmtime(sys.clock_gettime() // 1_000_000_000)).encode() + b"\r\n"


def _time(sys: Syscalls) -> bytes:
    return (sys.clock_gettime() // 1_000_000_000 + SECONDS_1900 & 0xFFFFFFFF).to_bytes(4, "big")


async def _daytime_stream(sys: Syscalls, fd: int, service: Service) -> None:
    await _put(sys, fd, _daytime(sys))


async def _time_stream(sys: Syscalls, fd: int, service: Service) -> None:
    await _put(sys, fd, _time(sys))


async def _put(sys: Syscalls, fd: int, data: bytes) -> None:
    try:
        await sys.write(fd, data)
    except KError:
        return


async def _answer(sys: Syscalls, fd: int, make: Callable[[bytes], bytes | None]) -> None:
    try:
        message = await sys.recvmsg(fd, 8192)
        name = getattr(message, "name", None)
        answer = make(getattr(message, "data", b""))
        # Two services that answer each other would never end.
        if isinstance(name, SockaddrIn | SockaddrIn6) and name.port >= 20 and answer is not None:
            await sys.sendto(fd, answer, name)
    except KError:
        return


async def _echo_dg(sys: Syscalls, fd: int, service: Service) -> None:
    await _answer(sys, fd, lambda data: data)


async def _discard_dg(sys: Syscalls, fd: int, service: Service) -> None:
    await _answer(sys, fd, lambda data: None)


async def _chargen_dg(sys: Syscalls, fd: int, service: Service) -> None:
    await _answer(sys, fd, lambda data: RING[:LINESIZ] + b"\r\n")


async def _daytime_dg(sys: Syscalls, fd: int, service: Service) -> None:
    await _answer(sys, fd, lambda data: _daytime(sys))


async def _time_dg(sys: Syscalls, fd: int, service: Service) -> None:
    await _answer(sys, fd, lambda data: _time(sys))


BUILTINS = {
    ("echo", SOCK_STREAM): Builtin(True, _echo_stream), ("echo", SOCK_DGRAM): Builtin(False, _echo_dg),
    ("discard", SOCK_STREAM): Builtin(True, _discard_stream), ("discard", SOCK_DGRAM): Builtin(False, _discard_dg),
    ("chargen", SOCK_STREAM): Builtin(True, _chargen_stream), ("chargen", SOCK_DGRAM): Builtin(False, _chargen_dg),
    ("daytime", SOCK_STREAM): Builtin(False, _daytime_stream), ("daytime", SOCK_DGRAM): Builtin(False, _daytime_dg),
    ("time", SOCK_STREAM): Builtin(False, _time_stream), ("time", SOCK_DGRAM): Builtin(False, _time_dg),
}  # fmt: skip


@program("/usr/sbin/inetd")
async def main(p: Program) -> int:
    """inetd(8)."""
    server = Inetd(p)
    await server.parse()
    await server.addresses()
    try:
        p.sys.access(server.path, R_OK)
    except KError as e:
        await server.log(f"Accessing {server.path}: {strerror(e.errno)}, continuing anyway.")
    if server.debug:
        return await server.run()
    try:
        server.pidfile = Pidfile(p, server.pidfile_path)
    except Running as e:
        await server.log(f"inetd already running, pid: {e.pid}")
        return EX_OSERR
    except KError as e:
        await server.log(f"pidfile_open() failed: {strerror(e.errno)}", LOG_WARNING)
    argv, env = p.argv, p.env

    async def daemon(sys: Syscalls) -> int:
        child = Program(sys, argv, env)
        server.p, server.sys, server.perror = child, sys, False
        sys.setsid()
        sys.chdir("/")
        null = sys.open("/dev/null", O_RDWR)
        for fd in (0, 1, 2):
            sys.dup2(null, fd)
        if null > 2:
            sys.close(null)
        if server.pidfile is not None:
            server.pidfile.write(child)
        return await server.run()

    p.sys.fork(daemon)
    return 0
