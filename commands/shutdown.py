"""shutdown(8), poweroff(8): stop the machine at a given time (sbin/shutdown/shutdown.c)."""

from __future__ import annotations

import re

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_CREAT, O_TRUNC, O_WRONLY
from vshell.abi.syscalls import Syscalls
from vshell.userland.getopt import getopt
from vshell.userland.noshutdown import NOSHUTDOWN, prevented
from vshell.userland.program import Program, program
from vshell.userland.pwd import user_from_uid
from vshell.userland.stdio import decode
from vshell.userland.strftime import gmtime, strftime
from vshell.userland.syslog import FACILITIES, PRIORITIES, syslog

USAGE = """\
usage: shutdown [-] [-c | -f | -h | -p | -r | -k] [-o [-n]] [-q] time [warning-message ...]
       poweroff"""
NOLOGIN = "/var/run/nologin"
NOLOG_TIME = 300
SECOND = 1_000_000_000
UNITS = {"": 60, "m": 60, "min": 60, "mins": 60, "h": 3600, "hour": 3600, "hours": 3600, "s": 1, "sec": 1, "secs": 1}
WARNINGS = (
    (36000, 18000), (18000, 10800), (7200, 3600), (3600, 1800), (1800, 600), (1200, 600), (600, 300), (300, 180), (120, 60),
    (60, 30), (30, 30), (0, 0),
)  # fmt: skip
"""How long before the end users are warned, and how long until the next time, seconds."""
DAY = 86400
MAXMESSAGE = 8192


class Shutdown:
    """One end of a machine."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.offset = 0
        self.when = self.now = p.sys.clock_gettime() // SECOND
        self.flags: set[str] = set()
        self.message = ""
        self.whom = user_from_uid(p, p.sys.getuid())

    def usage(self, text: str = "") -> None:
        """What is wrong, and how it is done."""
        if text:
            self.p.warnx(text)
        self.p.usage(USAGE)

    def bad_time(self) -> None:
        """No time at all."""
        self.p.errx(1, "bad time format")

    def set_time(self, text: str) -> None:
        """getoffset: now, +minutes, hhmm, hh:mm, and with the date in front."""
        if text.lower() == "now":
            return
        if text.startswith("+"):
            match = re.fullmatch(r"(\d{1,15})([a-z]*)", text[1:].lower(), re.ASCII)
            if match is None or match[2] not in UNITS:
                self.bad_time()
                return
            self.offset = int(match[1]) * UNITS[match[2]]
            self.when = self.now + self.offset
            return
        if text[-3:-2] == ":":
            text = text[:-3] + text[-2:]
        if not (text.isascii() and text.isdigit()) or len(text) not in (4, 6, 8, 10):
            self.bad_time()
        tm = gmtime(self.now)
        pairs = [int(text[i : i + 2]) for i in range(0, len(text), 2)]
        tm.minute, tm.hour, tm.sec = pairs.pop(), pairs.pop(), 0
        today = not pairs
        if pairs:
            tm.mday = pairs.pop()
        if pairs:
            tm.mon = pairs.pop()
        if pairs:
            year, this = pairs.pop(), tm.year
            tm.year = year + (100 if year < this % 100 - 1 else 0) + this - this % 100
        if not (1 <= tm.mon <= 12 and 1 <= tm.mday <= 31 and tm.hour <= 23 and tm.minute <= 59):
            self.bad_time()
        self.when = tm.timegm()
        if self.when < self.now:
            if not today:
                self.p.errx(1, "that time is already past.")
            self.when += DAY
        self.offset = self.when - self.now

    async def run(self) -> int:
        """The exit status."""
        p = self.p
        if p.sys.geteuid():
            p.errx(1, "NOT super-user")
        if p.name == "poweroff":
            options, args = getopt(p, "")
            if options or args:
                self.usage()
            self.flags = {"p"}
        else:
            args = self.arguments()
        if "-" in self.flags:
            self.message = decode(await p.stdin.read())[:MAXMESSAGE]
        elif args:
            self.message = " ".join(args)[:MAXMESSAGE] + "\n"
        if "f" not in self.flags and prevented(p.sys):
            p.stdout.write(f"Shutdown cannot be done, {NOSHUTDOWN} is present\n")
            return 2
        at = f"at {strftime('%a %b %e %T %Y', gmtime(self.when))}." if self.offset else "NOW!"
        p.stdout.write(f"Shutdown {at}\n")
        await p.stdout.drain()
        pid = p.sys.fork(self.wait)
        p.errx(0, f"[pid {pid}]")
        return 0

    def arguments(self) -> list[str]:
        """Options and the time; what is left is the message."""
        options, args = getopt(self.p, "cfhknopqr")
        self.flags = {letter for letter, _ in options}
        if args[:1] == ["-"]:
            self.flags.add("-")
            args = args[1:]
        if "?" in self.flags or not args:
            self.usage()
        if len(self.flags & set("chkpr")) > 1:
            self.usage("incompatible switches -c, -h, -k, -p and -r")
        if "o" in self.flags and not self.flags & set("chpr"):
            self.usage("-o requires -c, -h, -p or -r")
        if "n" in self.flags and "o" not in self.flags:
            self.usage("-n requires -o")
        self.set_time(args[0])
        if "q" in self.flags and args[1:]:
            self.usage("warning-message supplied but suppressed with -q")
        return args[1:]

    # the process that waits ----------------------------------------------------------------------------------------
    async def wait(self, sys: Syscalls) -> int:
        """loop: warn, and warn, and do it."""
        sys.setsid()
        closed = self.offset <= NOLOG_TIME
        if closed:
            self.no_login(sys)
        left = self.offset
        for at, (before, pause) in enumerate(WARNINGS):
            if before > left:
                continue
            if before < left:
                if at and "q" not in self.flags and left - before > pause // 5:
                    await self.warn(sys, left)
                await sys.nanosleep((left - before) * SECOND)
                left = before
            if "q" not in self.flags:
                await self.warn(sys, left)
            if not closed and left <= NOLOG_TIME:
                closed = True
                self.no_login(sys)
        return await self.stop(sys)

    def no_login(self, sys: Syscalls) -> None:
        """Nobody logs in any more."""
        try:
            fd = sys.open(NOLOGIN, O_WRONLY | O_CREAT | O_TRUNC, 0o664)
        except KError:
            return
        at = strftime("%H:%M", gmtime(self.when))
        text = f"\n\nNO LOGINS: System going down at {at}\n\n{self.message}"
        sys.write_nowait(fd, text.encode("utf-8", "surrogateescape"))
        sys.close(fd)

    async def warn(self, sys: Syscalls, left: int) -> None:
        """timewarn: a message for whoever is at the terminal."""
        final = "" if left else "FINAL "
        text = f"\a*** {final}System shutdown message from {self.whom}@{sys.sysctl('kern.hostname')} ***\a\n"
        if left > 600:
            text += f"System going down at {strftime('%H:%M', gmtime(self.when))}\n\n"
        elif left > 59:
            text += f"System going down in {left // 60} minute{'s' if left > 60 else ''}\n\n"
        elif left:
            text += f"System going down in {'less than ' if 0 < self.offset < 30 else ''}30 seconds\n\n"
        else:
            text += "System going down IMMEDIATELY\n\n"
        if sys.isatty(1):
            await sys.write(1, (text + self.message).encode("utf-8", "surrogateescape"))

    async def stop(self, sys: Syscalls) -> int:
        """die_you_gravy_sucking_pig_dog.  DIFFERS: init does nothing by itself here, so reboot(8) is run in all cases."""
        names = {"r": "reboot", "h": "halt", "p": "power-down", "c": "power-cycle"}
        chosen = next((letter for letter in "rhpc" if letter in self.flags), "")
        level = FACILITIES["auth"] | PRIORITIES["notice"]
        await syslog(sys, level, "shutdown", f"{names.get(chosen, 'shutdown')} by {self.whom}: {self.message}")
        await sys.write(1, b"\r\nSystem shutdown time has arrived\a\a\r\n")
        if "k" in self.flags:
            await sys.write(1, b"\rbut you'll have to do it yourself\r\n")
            return 0
        argv = {"r": ["reboot", "-l"], "h": ["halt", "-l"], "p": ["halt", "-l", "-p"], "c": ["halt", "-l", "-c"]}.get(chosen)
        try:
            if argv is not None:
                sys.execve(f"/sbin/{argv[0]}", argv, {})
        except KError:
            pass
        try:
            sys.unlink(NOLOGIN)
        except KError:
            pass
        return 0


@program("/sbin/shutdown", "/sbin/poweroff")
async def main(p: Program) -> int:
    """shutdown [-] [-c | -f | -h | -p | -r | -k] [-o [-n]] [-q] time [warning-message ...]"""
    return await Shutdown(p).run()
