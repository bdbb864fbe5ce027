"""Time and resource system calls (kern_time.c, kern_resource.c)."""

from __future__ import annotations

from vshell.abi.errno import EINVAL, EPERM, KError
from vshell.abi.signal import SIGALRM
from vshell.kernel.kern.kern_sig import psignal
from vshell.kernel.kern.kern_synch import tsleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel


class TimeCalls:
    """System calls on time and limits."""

    proc: Proc
    kernel: Kernel

    async def nanosleep(self, ns: int) -> None:
        """nanosleep(2)."""
        if ns > 0:
            await tsleep(self.proc, timeout=ns, eintr=True)

    def clock_gettime(self, clock: str = "realtime") -> int:
        """clock_gettime(2)."""
        if clock == "realtime":
            return self.kernel.clock.realtime()
        if clock == "uptime":
            return self.kernel.clock.now
        raise KError(EINVAL)

    def alarm(self, ns: int) -> int:
        """setitimer(2), one shot."""
        timer = self.proc.alarm_timer
        if timer is None:
            timer = self.proc.alarm_timer = self.kernel.clock.callout()
        left = timer.when - self.kernel.clock.now if timer.pending else 0
        if ns > 0:
            timer.reset(ns, psignal, self.proc, SIGALRM)
        else:
            timer.stop()
        return left

    def getrusage(self, who: str = "self") -> dict[str, int]:
        """getrusage(2): times in ns under utime, stime, cutime, cstime."""
        return dict(self.proc.rusage)

    def getrlimit(self, what: str) -> tuple[int, int]:
        """getrlimit(2)."""
        limits = self.proc.limits
        if what not in limits:
            raise KError(EINVAL)
        return limits[what], limits.get(what + ".hard", limits[what])

    def setrlimit(self, what: str, soft: int, hard: int) -> None:
        """setrlimit(2)."""
        limits = self.proc.limits
        if what not in limits:
            raise KError(EINVAL)
        old = limits.get(what + ".hard", limits[what])
        if old != -1 and (hard == -1 or hard > old) and self.proc.ucred.uid != 0:
            raise KError(EPERM)
        if hard != -1 and (soft == -1 or soft > hard):
            soft = hard
        limits[what] = soft
        limits[what + ".hard"] = hard
        if what == "nofile":
            self.proc.fd.limits["nofile"] = soft
