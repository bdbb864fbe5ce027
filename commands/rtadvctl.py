"""rtadvctl(8): look at and steer a running rtadvd(8) over its control socket (usr.sbin/rtadvctl/rtadvctl.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import KError
from vshell.abi.socket import AF_UNIX, SOCK_STREAM, SockaddrUn
from vshell.userland.getopt import Getopt
from vshell.userland.netdb import if_nametoindex
from vshell.userland.program import Program, program
from vshell.userland.strftime import gmtime, strftime

CTRL_SOCK = "/var/run/rtadvd.sock"
COMMANDS = ("show", "reload", "shutdown", "enable", "disable")
HIDDEN = ("echo", "version")
LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_DEBUG = 3, 4, 5, 7
RTPREF = ("medium", "high", "rsv", "low")
INFINITE = 0xFFFFFFFF
NS = 1_000_000_000


def sec2str(s: int) -> str:
    """1d2h3m4s, without what is zero."""
    text = "".join(f"{n}{u}" for n, u in ((s // 86400, "d"), (s // 3600 % 24, "h"), (s // 60 % 60, "m")) if n)
    return text + (f"{s % 60}s" if s % 60 or not text else "")


def usage(p: Program) -> None:
    """The commands there are."""
    p.stdout.write("".join(f"{name}\n" for name in COMMANDS))
    p.exit(1)


class Control:
    """A conversation with the daemon, one connection for each question."""

    def __init__(self, p: Program, verbose: int) -> None:
        self.p, self.verbose = p, verbose

    async def ask(self, what: str, name: str = "") -> Any:
        """The answer, None when the daemon refuses."""
        from json import loads

        sys = self.p.sys
        fd = sys.socket(AF_UNIX, SOCK_STREAM)
        try:
            await sys.connect(fd, SockaddrUn(CTRL_SOCK))
        except KError as e:
            self.p.err(1, e, f"connect: {CTRL_SOCK}")
        answer = b""
        try:
            await sys.write(fd, f"{what} {name}\n".encode("utf-8", "surrogateescape"))
            while data := await sys.read(fd, 65536):
                answer += data
        except KError:
            answer = b""
        sys.close(fd)
        return loads(answer) if answer else None

    async def each(self, what: str, names: list[str]) -> int:
        """An order for several interfaces."""
        failed = 0
        for name in names:
            failed += await self.ask(what, name) is None
        return failed

    def _time(self, at: int) -> str:
        """ctime(3) of an uptime."""
        sys = self.p.sys
        second = (sys.clock_gettime() - sys.clock_gettime("uptime") + at) // NS
        return strftime("%a %b %e %H:%M:%S %Y", gmtime(second))

    async def show(self, args: list[str]) -> int:
        """show [interface ...]"""
        names = args
        for name in args:
            if not if_nametoindex(self.p, name):
                return self.fail("show", f"invalid interface {name}")
        if not args:
            found = await self.ask("ifilist")
            if found is None:
                return self.fail("show")
            names = found
        for name in names:
            ifi = await self.ask("ifi", name)
            if ifi is None:
                return self.fail("show")
            if ifi["persist"] or self.verbose >= LOG_NOTICE:
                self._interface(name, ifi)
        return 0

    def _interface(self, name: str, ifi: dict[str, Any]) -> None:
        configured = ifi["state"] in ("CONFIGURED", "TRANSITIVE")
        flags = ["NONEXISTENT" if not ifi["index"] else "UP" if ifi["up"] else "DOWN"]
        flags += [ifi["state"]] if configured else []
        flags += ["PERSIST"] if ifi["persist"] else []
        status = "INACTIVE"
        if ifi["up"] and configured:
            if ifi["accepts"]:
                status = "RA_RECV"
            elif self.p.sys.sysctl("net.inet6.ip6.forwarding"):
                status = "RA_SEND"
        put = self.p.stdout.write
        put(f"{name}: flags=<{','.join(flags)}> status=<{status}> ")
        if not configured:
            put("\n")
            return
        put(f"mtu {ifi['mtu']}\n")
        rai = ifi.get("rai")
        if rai is None:
            return
        self._settings(ifi, rai, status)
        if self.verbose >= LOG_WARNING:
            self._lists(rai)
        if self.verbose >= LOG_NOTICE:
            self._counters(ifi)

    def _settings(self, ifi: dict[str, Any], rai: dict[str, Any], status: str) -> None:
        put = self.p.stdout.write
        zero = status != "RA_SEND" and not rai["lifetime"]
        put(f"\tDefaultLifetime: {sec2str(rai['lifetime'])}{' (RAs will be sent with zero lifetime)' if zero else ''}\n")
        put(f"\tMinAdvInterval/MaxAdvInterval: {sec2str(rai['mininterval'])}/{sec2str(rai['maxinterval'])}\n")
        flags = ("M" if rai["flags"] & 0x80 else "") + ("O" if rai["flags"] & 0x40 else "")
        put(f"\tAdvLinkMTU: {rai['linkmtu'] or '<none>'}, Flags: {flags or '<none>'}, ")
        put(f"Preference: {RTPREF[rai['rtpref'] >> 3]}\n")
        put(f"\tReachableTime: {sec2str(rai['reachabletime'])}, RetransTimer: {sec2str(rai['retranstimer'])}, ")
        put(f"CurHopLimit: {rai['hoplimit']}\n")
        put(f"\tAdvIfPrefixes: {'yes' if rai['advifprefix'] else 'no'}\n")
        put(f"\tNext RA send: {'never' if ifi['timer'] is None else self._time(ifi['timer'])}\n")
        put(f"\tLast RA send: {self._time(ifi['lastsent']) if ifi['lastsent'] else 'never'}\n")
        if rai["clockskew"]:
            put(f"\tClock skew: {rai['clockskew']}sec\n")

    def _lists(self, rai: dict[str, Any]) -> None:
        put = self.p.stdout.write
        if rai["routes"]:
            put("\tRoute Info:\n")
        for prefix, plen, pref, ltime in rai["routes"]:
            life = "infinity" if ltime == INFINITE else sec2str(ltime)
            put(f"\t  {prefix}/{plen} (pref: {RTPREF[pref >> 3]}, ltime: {life})\n")
        if rai["prefixes"]:
            put(f"\tPrefixes ({len(rai['prefixes'])}):\n")
        for each in rai["prefixes"]:
            self._prefix(each)
        for title, entries in (("RDNSS", rai["rdnss"]), ("DNSSL", rai["dnssl"])):
            if entries:
                put(f"\t{title} entries:\n")
            for values, ltime in entries:
                for value in values:
                    put(f"\t  {value} (ltime={sec2str(ltime)})\n")

    def _prefix(self, x: dict[str, Any]) -> None:
        now = self.p.sys.clock_gettime("uptime") // NS
        parts = [f"\t  {x['prefix']}/{x['plen']} ({x['origin']},"]
        for name, colon in (("vltime", ":"), ("pltime", "")):
            text = f" {name}={'infinity' if x[name] == INFINITE else sec2str(x[name])}"
            expire = x[f"{name}expire"]
            if expire:
                text += f"(expire{colon} {sec2str(expire - now) if expire > now else '0'})"
            parts.append(text + ",")
        flags = ("L" if x["onlink"] else "") + ("A" if x["auto"] else "")
        parts.append(f" flags={flags or '<none>'}")
        if x["rest"] is not None:
            parts.append(f" expire={sec2str(x['rest'])}")
        self.p.stdout.write("".join(parts) + ")\n")

    def _counters(self, ifi: dict[str, Any]) -> None:
        put = self.p.stdout.write
        put(f"\n\tCounters\n\t RA burst counts: {ifi['burstcount']} (interval: {sec2str(ifi['burstinterval'])})\n")
        put(f"\t RS wait counts: {ifi['waiting']}\n\tOutputs\n\t RA: {ifi['raoutput']}\n")
        put(f"\tInputs\n\t RA: {ifi['rainput']} (normal)\n\t RA: {ifi['rainconsistent']} (inconsistent)\n")
        put(f"\t RS: {ifi['rsinput']}\n\n")

    def fail(self, command: str, why: str = "") -> int:
        """The last words."""
        self.p.stdout.flush()
        self.p.stderr.write(f"{command} failed{f': {why}' if why else ''}.\n")
        return 1


@program("/usr/sbin/rtadvctl")
async def main(p: Program) -> int:
    """rtadvctl [-Dv] show | reload | enable | disable | shutdown [interface ...]"""
    verbose = LOG_ERR
    parsed = Getopt(p, "Dv")
    for letter, _ in parsed:
        if letter == "D":
            verbose = LOG_DEBUG
        elif letter == "v":
            verbose += 1
        else:
            usage(p)
    command, args = (parsed.args or [""])[0], parsed.args[1:]
    if command not in COMMANDS + HIDDEN:
        usage(p)
    control = Control(p, verbose)
    if command == "show":
        return await control.show(args)
    if command == "version":
        version = await control.ask("version")
        p.stdout.write(f"version={version}\n")
        return 0
    if command in ("enable", "disable") and not args:
        return control.fail(command)
    names = args if command in ("enable", "disable", "reload") and args else [""]
    failed = await control.each(command, names)
    if failed:
        control.fail(command)
    return failed
