"""timeout(1): run a command with a time limit (bin/timeout/timeout.c)."""

from __future__ import annotations

from vshell.abi.errno import ECHILD, EINTR, ENOENT, ESRCH, KError
from vshell.abi.fcntl import WEXITSTATUS, WIFEXITED, WTERMSIG
from vshell.abi.signal import (
    SIG_DFL,
    SIG_IGN,
    SIGALRM,
    SIGCHLD,
    SIGCONT,
    SIGKILL,
    SIGNAMES,
    SIGSTOP,
    SIGTERM,
    SIGTTIN,
    SIGTTOU,
)
from vshell.abi.syscalls import Syscalls
from vshell.userland.execvp import execvp
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.program import Program, program
from vshell.userland.signame import str2sig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

EXIT_TIMEOUT, EXIT_INVALID, EXIT_CMD_ERROR, EXIT_CMD_NOENT = 124, 125, 126, 127
LONGS = {
    "foreground": (NO, "f"), "help": (NO, "h"), "kill-after": (REQUIRED, "k"), "preserve-status": (NO, "p"),
    "signal": (REQUIRED, "s"), "verbose": (NO, "v"),
}  # fmt: skip
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
NS = 1_000_000_000
FATAL = frozenset(range(1, 16)) | {24, 25, 26, 27, 30, 31}
"""Signals that would end a program: they are passed on as a request to end."""


def usage(p: Program) -> None:
    """How to call it."""
    p.usage(
        f"Usage: {p.name} [-f | --foreground] [-k time | --kill-after time] [-p | --preserve-status] "
        "[-s signal | --signal signal]  [-v | --verbose] <duration> <command> [arg ...]"
    )


def duration(p: Program, text: str) -> int:
    """A time limit in ns."""
    body = text.lstrip(" \t\n")
    end = len(body)
    value = 0.0
    while end:
        try:
            value = float(body[:end])
            if "_" not in body[:end]:
                break
        except ValueError:
            pass
        end -= 1
    if not end:
        p.errx(EXIT_INVALID, "duration is not a number")
    unit = body[end:]
    if len(unit) > 1:
        p.errx(EXIT_INVALID, "duration unit suffix too long")
    if unit and unit not in UNITS:
        p.errx(EXIT_INVALID, "duration unit suffix invalid")
    value *= UNITS.get(unit, 1)
    if unit and not 0 <= value < 100_000_000:
        p.errx(EXIT_INVALID, "duration out of range")
    return int(min(value, 1e9) * NS) if value > 0 else 0


class Timeout:
    """One run: the command, and what signals have asked for."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.sys = p.sys
        self.killsig = SIGTERM
        self.foreground = self.preserve = self.verbose = False
        self.second: int | None = None
        self.command = ""
        self.child = 0
        self.alarm = False
        self.term = self.other = 0
        self.timed_out = False

    def log(self, text: str) -> None:
        """-v."""
        if self.verbose:
            self.p.warnx(text)

    def handler(self, sig: int) -> None:
        """Remember what came."""
        if sig == self.killsig:
            self.term = sig
        elif sig == SIGALRM:
            self.alarm = True
        elif sig in FATAL:
            self.term = sig
        elif sig != SIGCHLD:
            self.other = sig

    def catch(self) -> None:
        """Catch everything, to pass it on."""
        for sig in range(1, 32):
            if sig in (SIGTTIN, SIGTTOU):
                self.sys.sigaction(sig, SIG_IGN)
            elif sig not in (SIGKILL, SIGSTOP, SIGCONT, SIGCHLD):
                self.sys.sigaction(sig, self.handler)

    def start(self, argv: list[str]) -> None:
        """Run the command as a child."""
        p = self.p
        self.command = argv[0]
        killsig = self.killsig
        old = {sig: self.sys.sigaction(sig, SIG_DFL) for sig in range(1, 32) if sig not in (SIGKILL, SIGSTOP)}
        for sig, action in old.items():
            self.sys.sigaction(sig, action)  # type: ignore[arg-type]

        async def child(sys: Syscalls) -> int:
            if killsig not in (SIGKILL, SIGSTOP):
                sys.sigaction(killsig, SIG_DFL)
            try:
                execvp(sys, argv, p.env)
            except KError as e:
                sys.write_nowait(2, f"{p.name}: exec({argv[0]}): {e}\n".encode("utf-8", "surrogateescape"))
                return EXIT_CMD_NOENT if e.errno == ENOENT else EXIT_CMD_ERROR

        self.child = self.sys.fork(child)

    def descendants(self) -> list[int]:
        """All processes below this one."""
        return self.sys.procctl_reap_pids() if not self.foreground else [self.child]

    def send(self, sig: int) -> None:
        """Send a signal to the command (and all it started), and make it continue."""
        for number in [sig] if sig in (SIGKILL, SIGSTOP, SIGCONT) else [sig, SIGCONT]:
            self.log(f"sending signal {SIGNAMES[number]}({number}) to command '{self.command}'")
            reached = 0
            for pid in self.descendants():
                try:
                    self.sys.kill(pid, number)
                    reached += 1
                except KError as e:
                    if e.errno != ESRCH:
                        self.p.warn(e, f"kill({pid}, {SIGNAMES[number]})")
            if not self.foreground and number == sig:
                self.log(f"signaled {reached} processes")

    def act(self) -> None:
        """Do what signals asked for."""
        if self.alarm or self.term:
            if self.alarm:
                sig, self.alarm, self.timed_out = self.killsig, False, True
                self.log("time limit reached or received SIGALRM")
            else:
                sig, self.term = self.term, 0
                self.log(f"received terminating signal {SIGNAMES[sig]}({sig})")
            self.send(sig)
            if self.second is not None:
                self.sys.alarm(self.second)
                self.second = None
                self.killsig = SIGKILL
        elif self.other:
            sig, self.other = self.other, 0
            self.log(f"received signal {SIGNAMES[sig]}({sig})")
            self.send(sig)

    async def wait(self) -> int:
        """Until the command and (unless -f) all below it have ended; the command's status."""
        result = 0
        while True:
            self.act()
            try:
                pid, status = await self.sys.wait4(-1)
            except KError as e:
                if e.errno == EINTR:
                    continue
                if e.errno == ECHILD:
                    return result
                raise
            name = "child terminated" if pid == self.child else "collected zombie"
            how = f"exit={WEXITSTATUS(status)}" if WIFEXITED(status) else f"sig={WTERMSIG(status)}"
            self.log(f"{name}: pid={pid}, {how}")
            if pid == self.child:
                result = status
                if self.foreground:
                    return result

    async def run(self, limit: int, argv: list[str]) -> int:
        """The exit status of timeout itself."""
        if not self.foreground:
            self.sys.procctl_reap_acquire()
        self.start(argv)
        self.catch()
        if limit:
            self.sys.alarm(limit)
        status = await self.wait()
        if self.timed_out and not self.preserve:
            return EXIT_TIMEOUT
        if WIFEXITED(status):
            return WEXITSTATUS(status)
        sig = WTERMSIG(status)
        self.log(f"killing self with signal {SIGNAMES[sig]}({sig})")
        if sig not in (SIGKILL, SIGSTOP):
            self.sys.sigaction(sig, SIG_DFL)
        self.sys.setrlimit("core", 0, 0)
        self.sys.kill(self.sys.getpid(), sig)
        await self.sys.sched_yield()
        return 128 + sig


@program("/bin/timeout", "/usr/bin/timeout")
async def main(p: Program) -> int:
    """timeout [-f] [-k time] [-p] [-s signal] [-v] duration command [arg ...]"""
    t = Timeout(p)
    parsed = GetoptLong(p, "+fhk:ps:v", LONGS)
    for key, value in parsed:
        if key == "f":
            t.foreground = True
        elif key == "k":
            t.second = duration(p, value)
        elif key == "p":
            t.preserve = True
        elif key == "s":
            sig = str2sig(value)
            if sig is None:
                p.errx(EXIT_INVALID, "invalid signal")
            t.killsig = sig
        elif key == "v":
            t.verbose = True
        else:
            usage(p)
    args = parsed.args
    if len(args) < 2:
        usage(p)
    return await t.run(duration(p, args[0]), args[1:])


def complete(c: Context) -> Iterator[Candidate]:
    """A time, then a command."""
    o = c.options("ks")
    if o.typing == "s":
        yield from c.signals()
    elif o.operands:
        yield from c.command(o.operands[1:])
