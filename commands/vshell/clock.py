"""vshell clock: show the machine's time, and how fast it passes."""

from __future__ import annotations

from time import gmtime, strftime

from vshell.abi.errno import EINVAL, ENOSYS, KError
from vshell.abi.vshell import CLOCK, PACE, SKIP, ClockState
from vshell.commands.vshell._session import ask
from vshell.userland.program import Program

SYNOPSIS = "[pause | resume | rate N | step [N] | run TIME]"
UNITS = {"ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000}


def duration(text: str) -> int | None:
    """Nanoseconds of "10", "10s", "1.5m", "20ms", "2h"; None if it is none of these."""
    number = text.rstrip("msh")
    unit = UNITS.get(text[len(number) :] or "s")
    try:
        value = float(number)
    except ValueError:
        return None
    return int(value * unit) if unit is not None and 0 <= value < 1e9 else None


async def main(p: Program, args: list[str]) -> int:
    """Show the time, or change its course."""
    word = args[0] if args else ""
    if not word:
        return _show(p)
    if word in ("pause", "resume") and len(args) == 1:
        ask(p, "clock", PACE(0.0 if word == "pause" else 1.0))
        return 0
    if word == "rate" and len(args) == 2:
        return _rate(p, args[1])
    if word == "step" and (len(args) == 1 or (len(args) == 2 and args[1].isdecimal())):
        return await _step(p, int(args[1]) if len(args) == 2 else 1)
    if word == "run" and len(args) == 2 and (ns := duration(args[1])) is not None:
        await _skip(p, ns)
        return 0
    p.stderr.write(f"usage: vshell clock {SYNOPSIS}\n")
    return 2


def _show(p: Program) -> int:
    from tabulate import tabulate

    state: ClockState = p.sys.vshell(CLOCK())
    try:
        rate = p.sys.vshell(PACE())
        course = "paused between commands" if not rate else "real time" if rate == 1 else f"{rate:g} times real time"
    except KError:
        course = "jumps from event to event"
    due = f", the next in {(state.next - state.uptime) / 1e9:.6f} s" if state.next >= 0 else ""
    rows = (
        ("time", strftime("%Y-%m-%d %H:%M:%S UTC", gmtime(state.realtime // 1_000_000_000))),
        ("uptime", f"{state.uptime / 1e9:.6f} s"),
        ("course", course),
        ("events", f"{state.pending} pending{due}"),
    )
    p.stdout.write(tabulate(rows, tablefmt="plain", disable_numparse=True) + "\n")
    return 0


def _rate(p: Program, text: str) -> int:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    try:
        p.sys.vshell(PACE(rate))
    except KError as e:
        if e.errno == EINVAL:
            p.errx(1, f"clock: {text}: not a rate")
        p.errx(1, "clock: time jumps from event to event here")
    return 0


async def _step(p: Program, count: int) -> int:
    """To the next event, `count` times."""
    for _ in range(count):
        state: ClockState = p.sys.vshell(CLOCK())
        if state.next < 0:
            p.stdout.write("no event is pending\n")
            break
        await _skip(p, max(1, state.next - state.uptime))
    return 0


async def _skip(p: Program, ns: int) -> None:
    """Let time pass as fast as it can."""
    try:
        p.sys.vshell(SKIP(p.sys.vshell(CLOCK()).uptime + ns))
    except KError as e:
        if e.errno != ENOSYS:
            raise
    await p.sys.nanosleep(ns)
