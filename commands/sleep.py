"""sleep(1) (bin/sleep)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.signal import SIGINFO
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program
from vshell.userland.sh.number import parse_float

USAGE = """\
usage: sleep number[unit] [...]
Unit can be 's' (seconds, the default), m (minutes), h (hours), or d (days).
"""
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _interval(p: Program, text: str) -> float:
    value, used, _ = parse_float(text)
    unit = _UNITS.get(text[used:])
    if not used or unit is None or value != value:
        p.warnx(f"invalid time interval: {text}")
        return float("inf")
    return value * unit


@program("/bin/sleep")
async def main(p: Program) -> int:
    """Wait for some time."""
    opts, args = getopt(p, "")
    if opts or not args:
        p.usage(USAGE)
    seconds = sum(_interval(p, text) for text in args)
    if seconds > 0x7FFFFFFF:
        p.usage(USAGE)
    if seconds < 1e-9:
        return 0
    report = False

    def request(sig: int) -> None:
        nonlocal report
        report = True

    p.sys.cap_enter()
    p.sys.sigaction(SIGINFO, request, False)
    end = p.sys.clock_gettime("uptime") + int(seconds * 1_000_000_000)
    while (left := end - p.sys.clock_gettime("uptime")) > 0:
        try:
            await p.sys.nanosleep(left)
            break
        except KError:
            if report:
                left = max(0, end - p.sys.clock_gettime("uptime"))
                p.warnx(f"about {left // 1_000_000_000} second(s) left out of the original {int(seconds)}")
                report = False
    return 0
