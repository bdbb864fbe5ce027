"""Signals and traps (bin/sh/trap.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.signal import (
    SIG_DFL,
    SIG_IGN,
    SIGCHLD,
    SIGINT,
    SIGNAMES,
    SIGQUIT,
    SIGSEGV,
    SIGSTOP,
    SIGTERM,
    SIGTSTP,
    SIGTTIN,
    SIGTTOU,
)
from vshell.userland.sh.state import Shell, ShError, ShExit, ShInterrupt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

S_DFL, S_CATCH, S_IGN, S_HARD_IGN, S_RESET = 1, 2, 3, 4, 5

NSIG = 32


def signal_number(text: str) -> int:
    """The number of a signal given by number or name, 0 for EXIT, -1 if there is none."""
    if text.isdigit() and text.isascii():
        number = int(text)
        return number if number < NSIG else -1
    name = text.upper()
    if name == "EXIT":
        return 0
    name = name.removeprefix("SIG")
    return SIGNAMES.index(name, 1) if name in SIGNAMES[1:NSIG] else -1


def setsignal(sh: Shell, signo: int) -> None:
    """Make the action of a signal what trap and the kind of shell ask for."""
    action = _action(sh, signo)
    mode = sh.sigmode.get(signo, 0)
    if mode == 0:
        try:
            old = sh.sys.sigaction(signo, SIG_DFL)
        except KError:
            return
        if old == SIG_IGN:
            sh.sys.sigaction(signo, SIG_IGN)
            soft = sh.mflag and signo in (SIGTSTP, SIGTTIN, SIGTTOU)
            mode = sh.sigmode[signo] = S_IGN if soft else S_HARD_IGN
        else:
            mode = S_RESET
    if mode in (S_HARD_IGN, action):
        return
    sh.sigmode[signo] = action
    if action == S_CATCH:
        sh.sys.sigaction(signo, lambda s: onsig(sh, s), False)
    else:
        sh.sys.sigaction(signo, SIG_IGN if action == S_IGN else SIG_DFL)


def _action(sh: Shell, signo: int) -> int:
    trap = sh.traps.get(signo)
    if trap is not None:
        return S_CATCH if trap else S_IGN
    if signo in (SIGINT, SIGQUIT):
        return S_CATCH
    if signo == SIGTERM and sh.rootshell and sh.iflag:
        return S_IGN
    if signo in (SIGTSTP, SIGTTOU) and sh.rootshell and sh.mflag:
        return S_IGN
    return S_DFL


def ignoresig(sh: Shell, signo: int) -> None:
    """Ignore a signal in a background process."""
    if sh.sigmode.get(signo, 0) == 0:
        setsignal(sh, signo)
    if sh.sigmode.get(signo) not in (S_IGN, S_HARD_IGN):
        sh.sys.sigaction(signo, SIG_IGN)
        sh.sigmode[signo] = S_IGN


def after_fork(sh: Shell) -> None:
    """In the child: traps are gone, and signals that stay caught must be caught by this shell."""
    for signo in [s for s, action in sh.traps.items() if action]:
        del sh.traps[signo]
        if signo:
            setsignal(sh, signo)
    for signo, mode in sh.sigmode.items():
        if mode == S_CATCH:
            sh.sys.sigaction(signo, lambda s: onsig(sh, s), False)


def have_traps(sh: Shell) -> bool:
    """True if some trap would run a command."""
    return any(sh.traps.values()) if sh.traps else False


def onsig(sh: Shell, signo: int) -> None:
    """A signal arrived."""
    if signo == SIGINT and SIGINT not in sh.traps:
        sh.intpending = True
        sh.waitsig = signo
        return
    if signo in (SIGINT, SIGQUIT):
        sh.waitsig = signo
    if sh.traps.get(signo) and not (signo == SIGCHLD and sh.ignore_sigchld):
        sh.gotsig.add(signo)
        sh.pendingsig = sh.waitsig = signo


async def check(sh: Shell) -> None:
    """Do what signals that arrived ask for."""
    if sh.intpending and not sh.suppressint:
        await onint(sh)
    if sh.pendingsig:
        await dotrap(sh)


async def onint(sh: Shell) -> None:
    """SIGINT without a trap: back to the prompt, or die of it."""
    sh.intpending = False
    sh.waitsig = 0
    if sh.rootshell and sh.iflag:
        raise ShInterrupt
    await die(sh, SIGINT, 128 + SIGINT)


async def die(sh: Shell, signo: int, status: int) -> NoReturn:
    """End by a signal whose action was caught."""
    sh.flush_nowait()
    sh.sys.sigaction(signo, SIG_DFL)
    sh.sys.sigprocmask(frozenset())
    sh.sys.kill(sh.sys.getpid(), signo)
    await sh.sys.sched_yield()
    sh.sys.exit(status)


async def overflow(sh: Shell) -> NoReturn:
    """The stack is full: functions called each other too deeply."""
    await die(sh, SIGSEGV, 128 + SIGSEGV)


async def dotrap(sh: Shell) -> None:
    """Run the traps of the signals that arrived."""
    sh.in_dotrap += 1
    while True:
        sh.pendingsig = sh.waitsig = 0
        if not sh.gotsig:
            break
        signo = min(sh.gotsig)
        sh.gotsig.discard(signo)
        action = sh.traps.get(signo)
        if action is None:
            continue
        if signo == SIGCHLD:
            sh.ignore_sigchld += 1
        skip, count = sh.evalskip, sh.skipcount
        sh.evalskip = 0
        sh.last_trapsig = signo
        status = sh.exitstatus
        await sh.evalstring(action, 0)
        if sh.evalskip == 0 or skip:
            sh.evalskip, sh.skipcount = skip, count
            sh.exitstatus = status
        if signo == SIGCHLD:
            sh.ignore_sigchld -= 1
    sh.in_dotrap -= 1


async def exitshell(sh: Shell, status: int | None) -> NoReturn:
    """End the shell; without a status with that of the last command."""
    sig = 0
    if status is not None:
        sh.exiting = status
    elif sh.exiting is None:
        if sh.in_dotrap and sh.last_trapsig:
            sig = sh.last_trapsig
            sh.exiting = 128 + sig
        else:
            sh.exiting = sh.oexitstatus
    sh.exitstatus = sh.oexitstatus = sh.exiting
    action = sh.traps.get(0)
    if action:
        sh.evalskip = 0
        del sh.traps[0]
        sh.suppressint = 0
        try:
            await sh.evalstring(action, 0)
        except (ShError, ShExit, ShInterrupt):
            pass
    await sh.flush()
    if sig and sig not in (SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU):
        await die(sh, sig, sh.exiting)
    sh.sys.exit(sh.exiting & 0xFF)
