"""procctl(2): reapers of orphaned processes; scheduling priorities (sys/kern/kern_procctl.c, kern_resource.c)."""

from __future__ import annotations

from vshell.abi.errno import EACCES, EINVAL, EPERM, ESRCH, KError
from vshell.kernel.kern.kern_priv import PRIV_SCHED_IDPRIO, PRIV_SCHED_RTPRIO, priv_check
from vshell.kernel.kern.kern_proc import p_cansee, pfind
from vshell.kernel.kern.kern_synch import Wchan, tsleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel

PRIO_MIN, PRIO_MAX = -20, 20
RTP_PRIO_MAX = 31


def descendants(p: Proc) -> list[Proc]:
    """All living processes below `p`, parents first."""
    found: list[Proc] = []
    todo = list(p.children)
    while todo:
        child = todo.pop(0)
        if not child.exited:
            found.append(child)
        todo += child.children
    return found


class ProcctlCalls:
    """System calls that control processes other than by signals."""

    proc: Proc
    kernel: Kernel

    def procctl_reap_acquire(self) -> None:
        """PROC_REAP_ACQUIRE: orphans among the descendants become children of this process."""
        self.proc.reaper = True

    def procctl_reap_pids(self) -> list[int]:
        """PROC_REAP_GETPIDS: the living descendants."""
        return [p.pid for p in descendants(self.proc)]

    def getpriority(self, pid: int = 0) -> int:
        """getpriority(PRIO_PROCESS)."""
        return self._target(pid).nice

    def setpriority(self, pid: int, nice: int) -> None:
        """setpriority(PRIO_PROCESS): only root may lower the number."""
        target = self._target(pid)
        cred = self.proc.ucred
        if cred.uid not in (0, target.ucred.uid, target.ucred.ruid):
            raise KError(EPERM)
        nice = max(PRIO_MIN, min(PRIO_MAX, nice))
        if nice < target.nice and cred.uid != 0:
            raise KError(EACCES)
        target.nice = nice

    def rtprio(self, pid: int) -> tuple[str, int]:
        """rtprio(2), RTP_LOOKUP."""
        return self._target(pid).rtprio

    def rtprio_set(self, pid: int, kind: str, prio: int) -> None:
        """rtprio(2), RTP_SET: processes are told apart by it, but all run alike (DIFFERS)."""
        target = self._target(pid)
        cred = self.proc.ucred
        if cred.uid not in (0, target.ucred.uid, target.ucred.ruid):
            raise KError(EPERM)
        if kind != "normal":
            priv_check(self.proc, PRIV_SCHED_RTPRIO if kind == "realtime" else PRIV_SCHED_IDPRIO)
        if not 0 <= prio <= RTP_PRIO_MAX:
            raise KError(EINVAL)
        target.rtprio = (kind, prio)

    def setargs(self, args: Sequence[str]) -> None:
        """What ps(1) shows as the arguments (sysctl kern.proc.args, as setproctitle(3) sets them)."""
        self.proc.args = list(args)

    def proc_limits(self, pid: int) -> dict[str, tuple[int, int]]:
        """sysctl kern.proc.rlimit: (soft, hard) of all limits of a process, by their sh names."""
        limits = self._target(pid).limits
        return {n: (v, limits.get(f"{n}.hard", v)) for n, v in limits.items() if not n.endswith(".hard")}

    async def wait_exit(self, pids: Sequence[int], timeout: int | None) -> tuple[int, int] | None:
        """The first of some processes (not only children) to end, with its status; None after `timeout` ns.

        What kqueue(2) with EVFILT_PROC and NOTE_EXIT does.  EINTR.
        """
        chan = Wchan("kqread")
        ended: list[tuple[int, int]] = []

        def hook(p: Proc) -> None:
            if p.pid in pids:
                ended.append((p.pid, p.xstat))
                chan.wakeup()

        hooks = self.kernel.process_exit
        hooks.append(hook)
        try:
            while not ended:
                if not await tsleep(self.proc, chan, timeout=timeout, eintr=True):
                    return None
        finally:
            hooks.remove(hook)
        return ended[0]

    def _target(self, pid: int) -> Proc:
        target = self.proc if pid == 0 else pfind(self.kernel, pid)
        if target is None or not p_cansee(self.proc, target):
            raise KError(ESRCH)
        return target
