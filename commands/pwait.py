"""pwait(1): wait for processes to end (bin/pwait/pwait.c)."""

from __future__ import annotations

from vshell.abi.errno import EINTR, ESRCH, KError
from vshell.abi.fcntl import WEXITSTATUS, WIFEXITED, WTERMSIG
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program

USAGE = "usage: pwait [-t timeout] [-opv] pid ..."
EX_USAGE, EX_DATAERR = 64, 65
PID_MAX = 99999
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
TIMED_OUT = 124
NS = 1_000_000_000


def timeout(p: Program, text: str) -> int:
    """-t: a number with a unit, in ns."""
    end = len(text)
    while end:
        try:
            value = float(text[:end])
            break
        except ValueError:
            end -= 1
    if not end or value < 0 or value != value:
        p.errx(EX_DATAERR, "timeout value")
    unit = text[end:]
    if unit not in UNITS:
        p.errx(EX_DATAERR, "timeout unit")
    value *= UNITS[unit]
    if value > 100_000_000:
        p.errx(EX_DATAERR, "timeout value")
    return int(value * NS)


def pids(p: Program, words: list[str]) -> list[int]:
    """The processes to wait for."""
    found: list[int] = []
    for word in words:
        name = word.removeprefix("/proc/")
        if not (name.isascii() and name.isdigit()) or int(name) > PID_MAX:
            p.warnx(f"{word}: bad process id")
        elif int(name) == p.sys.getpid():
            p.warnx(f"{word}: skipping my own pid")
        elif int(name) not in found:
            found.append(int(name))
    return found


def report(p: Program, pid: int, status: int) -> None:
    """-v: how a process ended."""
    if WIFEXITED(status):
        p.stdout.write(f"{pid}: exited with status {WEXITSTATUS(status)}.\n")
    else:
        p.stdout.write(f"{pid}: killed by signal {WTERMSIG(status)}.\n")


async def wait(p: Program, waiting: list[int], limit: int | None, flags: set[str]) -> int:
    """Until all (with -o one) have ended, or the time is over."""
    deadline = None if not limit else p.sys.clock_gettime("uptime") + limit
    while waiting:
        left = None if deadline is None else deadline - p.sys.clock_gettime("uptime")
        try:
            ended = None if left is not None and left <= 0 else await p.sys.wait_exit(waiting, left)
        except KError as e:
            if e.errno != EINTR:
                raise
            continue
        if ended is None:
            if "v" in flags:
                p.stdout.write("timeout\n")
            return TIMED_OUT
        pid, status = ended
        if "v" in flags:
            report(p, pid, status)
        waiting.remove(pid)
        if "o" in flags:
            break
    return 0


@program("/bin/pwait", "/usr/bin/pwait")
async def main(p: Program) -> int:
    """pwait [-t timeout] [-opv] pid ..."""
    options, args = getopt(p, "opt:v")
    flags = {k for k, _ in options}
    if "?" in flags:
        p.usage(USAGE, EX_USAGE)
    limit = None
    for key, value in options:
        if key == "t":
            limit = timeout(p, value)
    if not args:
        p.usage(USAGE, EX_USAGE)
    waiting = pids(p, args)
    alive = {k.pid for k in p.sys.sysctl("kern.proc") if k.state != "Z"}
    gone = False
    for pid in waiting[:]:
        if pid not in alive:
            p.warn(ESRCH, str(pid))
            waiting.remove(pid)
            gone = True
    status = 0 if gone and "o" in flags else await wait(p, waiting, limit, flags)
    if "p" in flags:
        p.stdout.write("".join(f"{pid}\n" for pid in sorted(waiting)))
    return status
