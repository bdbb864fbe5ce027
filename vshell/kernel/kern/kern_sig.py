"""Signals: posting, catching, default actions, stop and continue (sigaction(2), kern_sig.c)."""

from __future__ import annotations

from vshell.abi.errno import EINVAL, EPERM, ESRCH, KError
from vshell.abi.signal import (
    SIG_DFL,
    SIG_IGN,
    SIGABRT,
    SIGBUS,
    SIGCHLD,
    SIGCONT,
    SIGEMT,
    SIGFPE,
    SIGILL,
    SIGINFO,
    SIGIO,
    SIGKILL,
    SIGQUIT,
    SIGSEGV,
    SIGSTOP,
    SIGSYS,
    SIGTHR,
    SIGTRAP,
    SIGTSTP,
    SIGTTIN,
    SIGTTOU,
    SIGURG,
    SIGWINCH,
)  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel

    Handler = int | Callable[[int], None]

NSIG = 128
_IGNORED = frozenset((0, SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGINFO, SIGIO, SIGTHR))
_TTYSTOP = frozenset((SIGTSTP, SIGTTIN, SIGTTOU))
_STOP = _TTYSTOP | {SIGSTOP}
_CORE = frozenset((SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGEMT, SIGFPE, SIGBUS, SIGSEGV, SIGSYS))


class ProcExit(BaseException):
    """Unwinds a process on its way out.  `status` is in wait(2) form."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Signals:
    """The signal state of a process."""

    __slots__ = ("contreport", "resume_pending", "sigacts", "siglist", "sigmask", "stopped", "stopreport")

    def __init__(self) -> None:
        self.siglist: list[int] = []
        """Pending signals."""
        self.sigmask: frozenset[int] = frozenset()
        self.sigacts: dict[int, tuple[Handler, bool]] = {}
        """Signal -> (handler, restart)."""
        self.stopped = False
        self.resume_pending = False
        self.stopreport = 0
        self.contreport = False

    def handler(self, sig: int) -> Handler:
        """SIG_DFL, SIG_IGN or the function."""
        return self.sigacts.get(sig, (SIG_DFL, True))[0]

    def cursig(self, eintr: bool) -> bool:
        """Act on pending signals, the lowest first (issignal, postsig); True if the current system call must fail with EINTR."""
        interrupted = False
        for sig in sorted(self.siglist):
            if sig in self.sigmask:
                continue
            self.siglist.remove(sig)
            action, restart = self.sigacts.get(sig, (SIG_DFL, True))
            if action == SIG_IGN or (action == SIG_DFL and sig in _IGNORED):
                continue
            if action == SIG_DFL:
                raise ProcExit(sig | (0x80 if sig in _CORE else 0))
            assert callable(action)
            action(sig)
            interrupted = interrupted or eintr or not restart
        return interrupted


def psignal(p: Proc, sig: int) -> None:
    """Post a signal to a process."""
    if p.exited or not sig:
        return
    action = p.handler(sig)
    if action == SIG_DFL and p is p.kernel.initproc:
        return  # sys/kern/kern_sig.c, issignal: init takes no default action
    if sig == SIGCONT:
        p.siglist = [s for s in p.siglist if s not in _STOP]
        if p.stopped:
            p.stopped = False
            p.stopreport = 0
            p.contreport = True
            if p.parent is not None:
                psignal(p.parent, SIGCHLD)
                p.parent.waitchan.wakeup()
            if p.resume_pending:
                p.resume_pending = False
                p.kernel.runq.append(p)
    elif sig in _STOP and (action == SIG_DFL or sig == SIGSTOP):
        if sig not in _TTYSTOP or not orphaned(p.kernel, p.pgid):
            _stop(p, sig)
        return
    if sig != SIGKILL and (action == SIG_IGN or (action == SIG_DFL and sig in _IGNORED)):
        return
    if sig not in p.siglist:
        p.siglist.append(sig)
    if sig == SIGKILL and p.stopped:
        p.stopped = False
        if p.resume_pending:
            p.resume_pending = False
            p.kernel.runq.append(p)
    if sig not in p.sigmask or sig == SIGKILL:
        p.setrunnable()


def orphaned(kernel: Kernel, pgid: int) -> bool:
    """True for a process group that no parent in its session could continue (PGRP_ORPHANED)."""
    for q in kernel.procs.values():
        up = q.parent
        if q.pgid == pgid and not q.exited and up is not None and up.pgid != pgid and up.sid == q.sid:
            return False
    return True


def _stop(p: Proc, sig: int) -> None:
    """Stop a process; the one that runs, when it next gives up the processor."""
    if p.stopped:
        return
    p.stopped = True
    p.stopreport = sig
    if p in p.kernel.runq:
        p.kernel.runq.remove(p)
        p.resume_pending = True
    if p.parent is not None:
        psignal(p.parent, SIGCHLD)
        p.parent.waitchan.wakeup()


def p_cansignal(p: Proc, other: Proc, sig: int) -> int:
    """0 if `p` may signal `other`, else the errno (cr_cansignal)."""
    if not p.ucred.prison.contains(other.ucred.prison):
        return ESRCH
    if p.ucred.uid == 0 or (sig == SIGCONT and p.sid == other.sid):
        return 0
    mine, its = p.ucred, other.ucred
    if mine.ruid in (its.ruid, its.svuid) or mine.uid in (its.ruid, its.svuid):
        return 0
    return EPERM


def pgsignal(kernel: Kernel, pgid: int, sig: int) -> None:
    """Post a signal to a process group (pgsignal, from the terminal)."""
    for p in list(kernel.procs.values()):
        if p.pgid == pgid and not p.exited:
            psignal(p, sig)


def sys_kill(p: Proc, pid: int, sig: int) -> None:
    """kill(2)."""
    if not 0 <= sig < NSIG:
        raise KError(EINVAL)
    kernel = p.kernel
    if pid > 0:
        target = kernel.procs.get(pid)
        if target is None or not p.ucred.prison.contains(target.ucred.prison):
            raise KError(ESRCH)
        if error := p_cansignal(p, target, sig):
            raise KError(error)
        psignal(target, sig)
        return
    if pid == -1:
        targets = [q for q in kernel.procs.values() if q.pid > 1 and q is not p and not q.exited]
    else:
        pgid = p.pgid if pid == 0 else -pid
        targets = [q for q in kernel.procs.values() if q.pgid == pgid and not q.exited]
    error = ESRCH
    for q in targets:
        why = p_cansignal(p, q, sig)
        if why == 0:
            psignal(q, sig)
            error = 0
        elif error and why == EPERM:
            error = EPERM
    if error:
        raise KError(error)


class SignalCalls:
    """System calls on signals."""

    proc: Proc

    def kill(self, pid: int, sig: int) -> None:
        """kill(2)."""
        sys_kill(self.proc, pid, sig)

    def sigaction(self, sig: int, handler: Handler, restart: bool = True) -> Any:
        """sigaction(2)."""
        if not 0 < sig < NSIG or sig in (SIGKILL, SIGSTOP):
            raise KError(EINVAL)
        old = self.proc.handler(sig)
        self.proc.sigacts[sig] = (handler, restart)
        if handler == SIG_IGN and sig in self.proc.siglist:
            self.proc.siglist.remove(sig)
        return old

    def sigpending(self) -> frozenset[int]:
        """sigpending(2)."""
        return frozenset(self.proc.siglist)

    def sigprocmask(self, block: frozenset[int]) -> frozenset[int]:
        """Set the mask of blocked signals, return the old one."""
        old = self.proc.sigmask
        self.proc.sigmask = block - {SIGKILL, SIGSTOP}
        return old
