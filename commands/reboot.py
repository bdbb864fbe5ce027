"""reboot(8), halt(8), fastboot(8), fasthalt(8): stop the machine (sbin/reboot/reboot.c)."""

from __future__ import annotations

from vshell.abi.errno import EPERM, ESRCH, KError
from vshell.abi.reboot import RB_DUMP, RB_HALT, RB_NOSYNC, RB_POWERCYCLE, RB_POWEROFF, RB_REROOT
from vshell.abi.signal import SIG_IGN, SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGQUIT, SIGTERM, SIGTSTP
from vshell.userland.getopt import getopt
from vshell.userland.noshutdown import NOSHUTDOWN, prevented
from vshell.userland.program import Program, program
from vshell.userland.pwd import user_from_uid
from vshell.userland.syslog import FACILITIES, PRIORITIES, syslog

SECOND = 1_000_000_000
FLAGS = {"c": RB_POWERCYCLE, "d": RB_DUMP, "n": RB_NOSYNC, "p": RB_POWEROFF, "r": RB_REROOT}


def check(p: Program, howto: int, flags: set[str]) -> None:
    """What does not go together."""
    if "f" not in flags and prevented(p.sys):
        p.errx(1, f"Reboot cannot be done, {NOSHUTDOWN} is present")
    if "D" in flags and (howto & ~RB_HALT or "k" in flags):
        p.errx(1, "cannot delete existing nextboot config and do anything else")
    if howto & RB_DUMP and howto & RB_HALT:
        p.errx(1, "cannot dump (-d) when halting; must reboot instead")
    if "N" in flags and howto & RB_NOSYNC:
        p.errx(1, "-N cannot be used with -n")
    if howto & RB_POWEROFF and howto & RB_POWERCYCLE:
        p.errx(1, "-c and -p cannot be used together")
    if howto & RB_REROOT and howto != RB_REROOT:
        p.errx(1, "-r cannot be used with -c, -d, -n, or -p")
    if howto & RB_REROOT and "k" in flags:
        p.errx(1, "-r and -k cannot be used together, there is no next kernel")


async def note(p: Program, howto: int) -> None:
    """Who does it goes into the log."""
    tag, what = "reboot", "rebooted"
    if howto & RB_HALT:
        tag, what = "halt", "halted"
    elif howto & RB_REROOT:
        tag, what = "reroot", "rerooted"
    elif howto & RB_POWEROFF:
        what = "powered off"
    elif howto & RB_POWERCYCLE:
        what = "power cycled"
    level = FACILITIES["auth"] | PRIORITIES["crit"]
    await syslog(p.sys, level, tag, f"{what} by {user_from_uid(p, p.sys.getuid())}")


async def kill_all(p: Program) -> None:
    """Everybody gets a chance to end, and then none."""
    for number in (SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGPIPE):
        p.sys.sigaction(number, SIG_IGN)
    try:
        p.sys.kill(-1, SIGTERM)
    except KError as e:
        if e.errno != ESRCH:
            p.err(1, e, "SIGTERM processes")
    await p.sys.nanosleep(5 * SECOND)
    for i in range(1, 7):
        try:
            p.sys.kill(-1, SIGKILL)
        except KError as e:
            if e.errno != ESRCH:
                p.errx(1, str(e))
            return
        if i > 5:
            p.stderr.write("WARNING: some process(es) wouldn't die\n")
            return
        await p.sys.nanosleep(2 * i * SECOND)


@program("/sbin/reboot", "/sbin/halt", "/sbin/fastboot", "/sbin/fasthalt")
async def main(p: Program) -> int:
    """reboot [-cdlNnpqr] [-k kernel]"""
    halt = "halt" in p.name
    howto = RB_HALT if halt else 0
    options, args = getopt(p, "cDde:fk:lNno:pqr")
    flags = {letter for letter, _ in options}
    for letter in flags & set(FLAGS):
        howto |= FLAGS[letter]
    if "?" in flags or args:
        what = "halt [-clNnpq]" if halt else "reboot [-cdlNnpqr]"
        p.usage(f"usage: {what} [-k kernel]")
    check(p, howto, flags)
    if "D" in flags:
        return 0  # there is no next boot to configure
    if p.sys.geteuid():
        p.err(1, EPERM)
    kernel = dict(options).get("k")
    if kernel is not None and "f" not in flags:
        try:
            p.sys.stat(f"/boot/{kernel}/kernel")
        except KError as e:
            p.err(1, e, f"stat /boot/{kernel}/kernel")
    if "q" not in flags:
        if "l" not in flags:
            await note(p, howto)
        await kill_all(p)
    try:
        p.sys.reboot(howto)
    except KError as e:
        if "q" in flags:
            p.err(1, e)
        p.errx(1, str(e))
    await p.sys.nanosleep(SECOND)
    return 0
