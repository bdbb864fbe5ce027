"""The daemon of syslogd(8): sockets, messages, files."""

from __future__ import annotations

import re
from typing import cast

from vshell.abi.errno import EINTR, KError, strerror
from vshell.abi.fcntl import O_APPEND, O_CREAT, O_RDWR, O_WRONLY, POLLIN
from vshell.abi.in6 import IPV6_V6ONLY
from vshell.abi.signal import SIG_IGN, SIGALRM, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM
from vshell.abi.socket import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    IPPROTO_IPV6,
    SO_REUSEADDR,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOL_SOCKET,
    Message,
    SockaddrIn,
    SockaddrIn6,
    SockaddrUn,
)  # fmt: skip
from vshell.abi.syscalls import Syscalls
from vshell.commands.syslogd import Options
from vshell.commands.syslogd.selectors import MARK, Action, read
from vshell.userland.addr import inet_ntop, masked
from vshell.userland.netdb import AI_PASSIVE, GaiError, getaddrinfo, gethostbyaddr
from vshell.userland.pidfile import Pidfile
from vshell.userland.program import Program
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode
from vshell.userland.strftime import gmtime, strftime
from vshell.userland.syslog import FACILITIES, PRIORITIES

NS = 1_000_000_000
LOG_ERR, LOG_INFO, LOG_KERN, LOG_USER, LOG_SYSLOG = 3, 6, 0, 8, 40
DEFUPRI = LOG_USER | 5
REPEAT = (30, 120, 600)
TIMERINTVL = 30
PORT = 514
_STAMP = re.compile(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ")
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[-+]\d\d:\d\d) ")
_FIELD = re.compile(r"([!-~]+) ")
_DATA = re.compile(r'((?:\[[^\s=\]"]+(?: [^\s=\]"]+="(?:[^"\\]|\\.)*")*\])+) ')
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TAG = re.compile(r"([\w/-]+)(\[(\d+)\])?: ")


class Line:
    """A message taken apart."""

    def __init__(self, priority: int, stamp: str, host: str, app: str, pid: str, text: str) -> None:
        self.priority, self.stamp, self.host, self.app, self.pid, self.text = priority, stamp, host, app, pid, text
        self.time = ""
        """When, as RFC 5424 writes it, if that is known."""
        self.msgid = self.data = "-"


class Syslogd:
    """The server."""

    def __init__(self, p: Program, o: Options, pidfile: Pidfile | None) -> None:
        self.p, self.sys, self.o, self.pidfile = p, p.sys, o, pidfile
        self.unix: list[int] = []
        self.inet: dict[int, int] = {}
        """Sockets of the network, with their families."""
        self.actions: list[Action] = []
        self.signals: list[int] = []
        self.marked = 0

    # sockets --------------------------------------------------------------------------------------------------------
    def open(self) -> None:
        """All sockets; what cannot be had is reported and left out."""
        sys, o = self.sys, self.o
        for path, mode in o.sockets:
            try:
                sys.unlink(path)
            except KError:
                pass
            try:
                fd = sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC)
                sys.bind(fd, SockaddrUn(path))
                sys.chmod(path, mode)
            except KError as e:
                self.p.warn(e, path)
                continue
            self.unix.append(fd)
        if o.secure < 2:
            self._network()

    def _network(self) -> None:
        o = self.o
        places: list[SockaddrIn | SockaddrIn6] = []
        for text in o.bind:
            host, _, service = text.partition(":") if text.count(":") == 1 else (text, "", "")
            try:
                found = getaddrinfo(self.p, host or None, service or str(PORT), 0, SOCK_DGRAM, 0, AI_PASSIVE)
            except GaiError:
                continue
            places += [cast(SockaddrIn, info.addr) for info in found if info.family in (AF_INET, AF_INET6)]
        if not o.bind:
            places = [SockaddrIn6(bytes(16), PORT), SockaddrIn(bytes(4), PORT)]
        for place in places:
            if ("4" in o.flags and place.family == AF_INET6) or ("6" in o.flags and place.family == AF_INET):
                continue
            try:
                fd = self.sys.socket(place.family, SOCK_DGRAM | SOCK_CLOEXEC)
                if place.family == AF_INET6:
                    self.sys.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)
                self.sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1)
                if "N" not in o.flags:
                    self.sys.bind(fd, place)
            except KError:
                continue
            self.inet[fd] = place.family

    # the loop -------------------------------------------------------------------------------------------------------
    async def run(self, p: Program) -> int:
        """For ever."""
        self.p, self.sys = p, p.sys
        for sig in (SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM):
            self.sys.sigaction(sig, self.signals.append)
        self.sys.sigaction(SIGPIPE, SIG_IGN)
        if self.pidfile is not None:
            self.pidfile.write(p)
        await self.configure()
        self.marked = self.now()
        while True:
            while self.signals:
                if not await self._signal(self.signals.pop(0)):
                    return 1
            receiving = [*self.unix, *(self.inet if self.o.secure == 0 else ())]
            try:
                ready = await self.sys.poll([(fd, POLLIN) for fd in receiving], self._next())
            except KError as e:
                if e.errno != EINTR:
                    return 1
                continue
            for fd, _ in ready:
                await self._receive(fd)
            await self._timers()

    def now(self) -> int:
        """Seconds."""
        return self.sys.clock_gettime("uptime") // NS

    def _next(self) -> int | None:
        """Until something has to be done by itself: only while repetitions are held back, or marks are wanted."""
        waiting = any(action.count for action in self.actions)
        marks = any(action.mask[MARK] < 8 for action in self.actions)
        return TIMERINTVL * NS if waiting or (marks and self.o.mark) else None

    async def _timers(self) -> None:
        """domark."""
        now = self.now()
        if self.o.mark and now - self.marked >= self.o.mark:
            self.marked = now
            await self.log(Line(MARK << 3 | LOG_INFO, "", self.hostname(), "", "", "-- MARK --"))
        for action in self.actions:
            if action.count and now >= action.since + REPEAT[action.backoff]:
                await self._successive(action)

    async def _signal(self, sig: int) -> bool:
        if sig == SIGHUP:
            await self.configure()
        elif sig in (SIGINT, SIGQUIT, SIGTERM):
            for action in self.actions:
                if action.count:
                    await self._successive(action)
            await self.own(LOG_SYSLOG | LOG_ERR, f"exiting on signal {sig}")
            if self.pidfile is not None:
                self.pidfile.remove(self.p)
            return False
        return True

    async def own(self, priority: int, text: str) -> None:
        """A message of our own."""
        await self.log(Line(priority, "", self.hostname(), "syslogd", "", text))

    def hostname(self) -> str:
        """The name of this host without its domain."""
        return str(self.sys.sysctl("kern.hostname")).partition(".")[0]

    # configuration --------------------------------------------------------------------------------------------------
    async def configure(self) -> None:
        """init: read the file anew."""
        for action in self.actions:
            if action.count:
                await self._successive(action)
            if action.fd >= 0:
                self.sys.close(action.fd)
        errors: list[str] = []
        try:
            text = decode(slurp(self.p, self.o.conffile))
        except KError:
            text = "*.ERR\t/dev/console\n*.PANIC\t*\n"
        self.actions = list(read(text, "u" in self.o.flags, self._include, errors.append))
        for action in self.actions:
            try:
                self._prepare(action)
            except KError as e:
                errors.append(f"{action.target}: {strerror(e.errno)}")
        await self.own(LOG_SYSLOG | LOG_INFO, "restart")
        for each in errors:
            await self.own(LOG_SYSLOG | LOG_ERR, each)
        if "o" not in self.o.flags:
            await self.own(LOG_KERN | LOG_INFO, f"kernel boot file is {self.sys.sysctl('kern.bootfile')}")

    def _include(self, path: str) -> list[str]:
        try:
            names = [n for n in sorted(self.sys.listdir(path)) if n.endswith(".conf") and not n.startswith(".")]
        except KError:
            names = []
        texts = []
        for each in [f"{path}/{n}" for n in names] or [path]:
            try:
                texts.append(decode(slurp(self.p, each)))
            except KError:
                continue
        return texts

    def _prepare(self, action: Action) -> None:
        if action.kind == "file":
            flags = O_WRONLY | O_APPEND | (O_CREAT if "C" in self.o.flags else 0)
            action.fd = self.sys.open(action.target, flags, 0o600)
            self.sys.set_cloexec(action.fd, True)
        elif action.kind == "forward":
            host, _, port = action.target[1:].partition(":")
            try:
                info = getaddrinfo(self.p, host, port or str(PORT), 0, SOCK_DGRAM)[0]
            except GaiError as e:
                raise KError(2) from e
            action.peer = info.addr
            # Messages leave from where they are received, if there is such a place.
            if info.family not in self.inet.values():
                action.fd = self.sys.socket(info.family, SOCK_DGRAM | SOCK_CLOEXEC)

    # messages -------------------------------------------------------------------------------------------------------
    async def _receive(self, fd: int) -> None:
        try:
            message = cast(Message, await self.sys.recvmsg(fd, 8192))
        except KError:
            return
        host = self.hostname()
        if fd in self.inet:
            name = cast("SockaddrIn | SockaddrIn6", message.name)
            if not self._allowed(name):
                return
            resolved = None if "n" in self.o.flags else gethostbyaddr(self.p, name.addr)
            host = (resolved or inet_ntop(name.addr)).partition(".")[0] if resolved else inet_ntop(name.addr)
        text = decode(message.data.partition(b"\0")[0]).rstrip("\n")
        line = self.parse(text, host)
        if line is not None:
            await self.log(line)

    def _allowed(self, name: SockaddrIn | SockaddrIn6) -> bool:
        """validate: without -a everybody may."""
        if not self.o.allowed:
            return True
        for addr, plen, port in self.o.allowed:
            same = len(addr) == len(name.addr) and masked(addr, plen) == masked(name.addr, plen)
            if same and port in ("*", str(name.port)):
                return True
        return False

    def parse(self, text: str, host: str) -> Line | None:
        """parsemsg: priority, time, perhaps a host, program and process, text; None if it makes no sense."""
        priority = DEFUPRI
        match = re.match(r"<(\d{1,3})>", text)
        if match is not None:
            text = text[match.end() :]
            priority = int(match.group(1)) & 0x3FF
        if priority >> 3 > MARK or (priority >> 3 == 0 and "k" not in self.o.flags):
            priority = LOG_USER | priority & 7
        if match is not None and text.startswith("1 "):
            return self._rfc5424(priority, text[2:], host)
        stamp = ""
        if _STAMP.match(text):
            stamp, text = text[:15], text[16:]
            end = next((i for i, c in enumerate(text[:255]) if c in " :"), -1)
            if end >= 0 and text[end] == " ":
                host = text[:end] if "H" in self.o.flags else host
                text = text[end + 1 :]
        if "T" in self.o.flags:
            stamp = ""
        match = _TAG.match(text)
        if match is None:
            return Line(priority, stamp, host, "", "", text)
        return Line(priority, stamp, host, match.group(1), match.group(3) or "", text[match.end() :])

    def _rfc5424(self, priority: int, text: str, host: str) -> Line | None:
        """parsemsg_rfc5424."""
        line = Line(priority, "", host, "", "", "")
        if text.startswith("- "):
            text = text[2:]
        else:
            match = _TIME.match(text)
            if match is None or not 1 <= int(match[2]) <= 12:
                return None
            if "T" not in self.o.flags:
                usec = (match[5] or "").ljust(6, "0")[:6]
                zone = "+00:00" if match[6] == "Z" else match[6]
                line.stamp = f"{MONTHS[int(match[2]) - 1]} {int(match[3]):2} {match[4]}"
                line.time = f"{match[1]}-{match[2]}-{match[3]}T{match[4]}.{usec}{zone}"
            text = text[match.end() :]
        fields = []
        for _ in range(4):
            match = _FIELD.match(text)
            if match is None:
                return None
            fields.append("" if match[1] == "-" else match[1])
            text = text[match.end() :]
        line.host = fields[0] if fields[0] and "H" in self.o.flags else host
        line.app, line.pid, line.msgid = fields[1], fields[2], fields[3] or "-"
        if text == "-" or text.startswith("- "):
            line.text = text[2:]
            return line
        match = _DATA.match(text)
        if match is None:
            return None
        line.data, line.text = match[1], text[match.end() :]
        return line

    async def log(self, line: Line) -> None:
        """logmsg: to everybody who wants it."""
        facility, level = line.priority >> 3, line.priority & 7
        line.stamp = line.stamp or strftime("%b %e %T", gmtime(self.sys.clock_gettime() // NS))
        key = f"{line.priority} {line.host} {line.app} {line.pid} {line.text}"
        for action in list(self.actions):
            if not action.wants(facility, level, line.host, line.app, line.text):
                continue
            compress = self.o.uncompressed - (action.kind != "pipe") < 1 and facility != MARK
            if compress and key == action.previous:
                action.count += 1
                if self.now() > action.since + REPEAT[action.backoff]:
                    await self._successive(action)
                continue
            if action.count:
                await self._successive(action)
            action.previous, action.since, action.backoff = key, self.now(), 0
            await self._print(action, line)

    async def _successive(self, action: Action) -> None:
        """How often the last message was repeated."""
        count, action.count = action.count, 0
        action.since, action.backoff = self.now(), min(action.backoff + 1, len(REPEAT) - 1)
        stamp = strftime("%b %e %T", gmtime(self.sys.clock_gettime() // NS))
        times = f"last message repeated {count} times"
        await self._print(action, Line(int(action.previous.split(" ")[0]), stamp, self.hostname(), "", "", times))

    async def _print(self, action: Action, line: Line) -> None:
        who = f"{line.app}{f'[{line.pid}]' if line.pid else ''}: " if line.app else ""
        if self.o.format == "rfc5424":
            now = self.sys.clock_gettime()
            stamp = line.time or strftime(f"%Y-%m-%dT%H:%M:%S.{now % NS // 1000:06}+00:00", gmtime(now // NS))
            text = f"<{line.priority}>1 {stamp} {line.host} {line.app or '-'} {line.pid or '-'} "
            text += f"{line.msgid} {line.data} {line.text}"
        else:
            text = f"{line.stamp} {self._facility(line.priority)}{line.host} {who}{line.text}"
        if "d" in self.o.flags:
            self.p.stdout.write(f"Logging to {action.kind} {action.target}\n")
        try:
            await self._deliver(action, line, text, who)
        except KError as e:
            kind, action.kind = action.kind, "unused"
            if kind == "file":
                await self.own(LOG_SYSLOG | LOG_ERR, f"{action.target}: {strerror(e.errno)}")

    async def _deliver(self, action: Action, line: Line, text: str, who: str) -> None:
        if action.kind == "file" and action.fd >= 0:
            end = "\r\n" if self.sys.isatty(action.fd) else "\n"
            await self.sys.write(action.fd, (text + end).encode("utf-8", "surrogateescape"))
        elif action.kind == "forward" and action.peer is not None:
            host = f"{line.host} " if self.o.format == "strict" else f"Forwarded from {line.host}: "
            host = "" if line.host == self.hostname() and self.o.format == "bsd" else host
            packet = text if self.o.format == "rfc5424" else f"<{line.priority}>{line.stamp} {host}{who}{line.text}"
            family = AF_INET6 if isinstance(action.peer, SockaddrIn6) else AF_INET
            fd = action.fd if action.fd >= 0 else next(fd for fd, each in self.inet.items() if each == family)
            await self.sys.sendto(fd, packet[: self.o.maxforward].encode("utf-8", "surrogateescape"), action.peer)
        elif action.kind == "pipe":
            if action.fd < 0:
                action.fd = self._pipe(action.target[1:].strip())
            await self.sys.write(action.fd, (text + "\n").encode("utf-8", "surrogateescape"))

    def _facility(self, priority: int) -> str:
        """-v: facility and priority, by number or by name."""
        if not self.o.facilities:
            return ""
        if self.o.facilities == 1:
            return f"<{priority >> 3}.{priority & 7}> "
        facility = next((n for n, v in FACILITIES.items() if v == priority & ~7), str(priority >> 3))
        level = {1: "alert", 2: "crit", 7: "debug", 0: "emerg", 3: "err", 6: "info", 5: "notice", 4: "warning"}[priority & 7]
        assert PRIORITIES[level] == priority & 7
        return f"<{facility}.{level}> "

    def _pipe(self, command: str) -> int:
        """A program that gets messages on its standard input."""
        reader, writer = self.sys.pipe()
        self.sys.set_cloexec(writer, True)

        async def child(own: Syscalls) -> int:
            own.setsid()
            null = own.open("/dev/null", O_RDWR)
            own.dup2(reader, 0)
            for fd in (1, 2):
                own.dup2(null, fd)
            for fd in (null, reader):
                if fd > 2:
                    own.close(fd)
            try:
                own.execve("/bin/sh", ["sh", "-c", command], {"PATH": "/sbin:/bin:/usr/sbin:/usr/bin"})
            except KError:
                return 255

        self.sys.fork(child)
        self.sys.close(reader)
        return writer
