"""time(1): how long a program takes (usr.bin/time/time.c)."""

from __future__ import annotations

from vshell.abi.errno import EINTR, ENOENT, KError
from vshell.abi.fcntl import O_APPEND, O_CREAT, O_TRUNC, O_WRONLY, WEXITSTATUS, WIFEXITED, WIFSIGNALED, WTERMSIG
from vshell.abi.signal import SIG_DFL, SIG_IGN, SIGINT, SIGKILL, SIGQUIT, SIGSTOP
from vshell.abi.syscalls import Syscalls
from vshell.userland.execvp import execvp
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

USAGE = "usage: time [-al] [-h | -p] [-o file] utility [argument ...]"
CS = 10_000_000
USAGE_LINES = (
    "maximum resident set size", "average shared memory size", "average unshared data size", "average unshared stack size",
    "page reclaims", "page faults", "swaps", "block input operations", "block output operations", "messages sent",
    "messages received", "signals received", "voluntary context switches", "involuntary context switches",
)  # fmt: skip


def split(ns: int) -> tuple[int, int]:
    """Seconds and hundredths."""
    return ns // 1_000_000_000, ns // CS % 100


def human(ns: int) -> str:
    """-h: 1m2.34s"""
    seconds, cents = split(ns)
    out = ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            out += f"{seconds // size}{unit}"
            seconds %= size
    return f"\t{out}{seconds}.{cents:02d}s"


def report(flags: set[str], real: int, user: int, system: int) -> str:
    """The times in the form asked for."""
    times = (("real", real), ("user", user), ("sys", system))
    if "p" in flags:
        return "".join(f"{name} {s}.{c:02d}\n" for name, (s, c) in ((n, split(t)) for n, t in times))
    if "h" in flags:
        return " ".join(f"{human(t)} {name}" for name, t in times).replace(" \t", "\t") + "\n"
    return " ".join(f"{s:9d}.{c:02d} {name}" for name, (s, c) in ((n, split(t)) for n, t in times)) + "\n"


def more() -> str:
    """-l: the rest of struct rusage, none of which is modelled."""
    return "".join(f"{0:10d}  {name}\n" for name in USAGE_LINES)


@program("/usr/bin/time")
async def main(p: Program) -> int:
    """time [-al] [-h | -p] [-o file] utility [argument ...]"""
    options, args = getopt(p, "ahlo:p")
    flags = {k for k, _ in options}
    if "?" in flags:
        p.usage(USAGE)
    if not args:
        return 0
    fd = 2
    for key, value in options:
        if key == "o":
            try:
                fd = p.sys.open(value, O_WRONLY | O_CREAT | (O_APPEND if "a" in flags else O_TRUNC))
            except KError as e:
                p.err(1, e, value)
    env = p.env

    async def child(sys: Syscalls) -> int:
        try:
            execvp(sys, args, env)
        except KError as e:
            sys.write_nowait(2, f"time: {args[0]}: {e}\n".encode("utf-8", "surrogateescape"))
            return 127 if e.errno == ENOENT else 126

    before = p.sys.clock_gettime("uptime")
    pid = p.sys.fork(child)
    p.sys.sigaction(SIGINT, SIG_IGN)
    p.sys.sigaction(SIGQUIT, SIG_IGN)
    while True:
        try:
            _, status = await p.sys.wait4(pid)
            break
        except KError as e:
            if e.errno != EINTR:
                raise
    real = p.sys.clock_gettime("uptime") - before
    usage = p.sys.getrusage("children")
    if not WIFEXITED(status):
        p.warnx("command terminated abnormally")
    text = report(flags, real, usage.get("cutime", 0), usage.get("cstime", 0))
    await p.sys.write(fd, (text + (more() if "l" in flags else "")).encode())
    if WIFSIGNALED(status):
        sig = WTERMSIG(status)
        if sig not in (SIGKILL, SIGSTOP):
            p.sys.sigaction(sig, SIG_DFL)
        p.sys.kill(p.sys.getpid(), sig)
        await p.sys.sched_yield()
    return WEXITSTATUS(status)


def complete(c: Context) -> Iterator[Candidate]:
    """A command."""
    o = c.options("o")
    yield from c.files() if o.typing == "o" else c.command(o.operands)
