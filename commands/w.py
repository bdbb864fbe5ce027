"""w(1), uptime(1): how long the machine is up, and who does what (usr.bin/w)."""

from __future__ import annotations

import struct

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt
from vshell.userland.libxo import Xo
from vshell.userland.program import Program, checks_stdout, program
from vshell.userland.strftime import localtime, strftime
from vshell.userland.utmpx import Utmpx, sessions

W_USAGE = "usage: w [-dhin] [-M core] [-N system] [user ...]\n"
UPTIME_USAGE = "usage: uptime\n"
NS = 1_000_000_000


def uptime_text(seconds: int) -> str:
    """How long the machine is up, in words."""
    seconds = seconds + 30 if seconds > 60 else seconds
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    out = f" {days} day{'s' if days > 1 else ''}," if days else ""
    if hours and minutes:
        return out + f" {hours:2d}:{minutes:02d},"
    out += f" {hours} hr{'s' if hours > 1 else ''}," if hours else ""
    out += f" {minutes} min{'s' if minutes > 1 else ''}," if minutes else ""
    if not days and not hours and not minutes:
        out += f" {rest} sec{'s' if rest > 1 else ''},"
    return out


def load(p: Program) -> tuple[float, float, float]:
    """getloadavg(3)."""
    try:
        raw = p.sys.sysctl("vm.loadavg")
        one, five, fifteen, scale = struct.unpack("<3I4xq", raw)
        return one / scale, five / scale, fifteen / scale
    except (KError, struct.error, TypeError):
        return 0.0, 0.0, 0.0


def header(p: Program, xo: Xo, count: int) -> None:
    """The first line."""
    now = p.sys.clock_gettime() // NS
    xo.emit("{:time-of-day/%s} ", strftime("%l:%M%p", localtime(now, p.env)))
    up = p.sys.clock_gettime("uptime") // NS
    xo.emit(" up{:uptime/%s}", uptime_text(up))
    xo.emit(" {:users/%d} {N:user}{N:/%s}", count, "" if count == 1 else "s")
    one, five, fifteen = load(p)
    xo.emit(", load averages:")
    xo.emit(" {:load-average-1/%.2f}, {:load-average-5/%.2f}, {:load-average-15/%.2f}\n", one, five, fifteen)


def command(p: Program, s: Utmpx) -> str:
    """What runs in the foreground of a session's terminal."""
    procs = [k for k in p.sys.sysctl("kern.proc") if k.tty == s.line]
    front = [k for k in procs if k.foreground] or procs
    return " ".join(front[-1].args) if front else "-"


@checks_stdout(1)
@program("/usr/bin/w", "/usr/bin/uptime")
def main(p: Program) -> int:
    """w [-dhin] [user ...]; uptime"""
    xo = Xo(p)
    argv = xo.parse_args(list(p.argv))
    only_uptime = p.name == "uptime"
    options, args = getopt(p, "" if only_uptime else "dhiflM:N:nsuw", argv)
    if any(k == "?" for k, _ in options) or (only_uptime and args):
        p.usage(UPTIME_USAGE if only_uptime else W_USAGE)
    found = [s for s in sessions(p) if not args or s.user in args]
    flags = {k for k, _ in options}
    xo.open_container("uptime-information")
    if "h" not in flags:
        header(p, xo, len(found))
    if not only_uptime:
        if "h" not in flags:
            xo.emit("{T:USER/%-10s} {T:TTY/%-8s} {T:FROM/%-16s} {T:LOGIN@/%-7s} {T:IDLE/%5s} {T:WHAT}\n")
        for s in found:
            when = strftime("%l:%M%p", localtime(s.time, p.env))
            xo.emit(
                "{:user/%-10s} {:tty/%-8s} {:from/%-16s} {:login-time/%-7s} {:idle/%5s} ",
                s.user,
                s.line,
                s.host or "-",
                when,
                "-",
            )
            xo.emit("{:command/%s}\n", command(p, s))
    xo.close_container("uptime-information")
    xo.finish()
    return 0
