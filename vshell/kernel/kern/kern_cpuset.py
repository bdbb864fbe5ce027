"""Sets of processors (cpuset(2), sys/kern/kern_cpuset.c).  There is one processor, so only their numbers differ.

Set 0 is the root of all, 1 the default one of the host; every jail has a set, which is the root of its processes, and
cpuset(2) makes further ones that live as long as a process is in them.
"""

from __future__ import annotations

from vshell.abi.errno import EDEADLK, EINVAL, ENOENT, EPERM, ESRCH, KError
from vshell.kernel.kern.kern_proc import p_cansee, pfind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.kernel.kern.kern_jail import Prison
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel

CPUS = frozenset({0})
DOMAINS = frozenset({0})
DEFAULT_SET = 1


def proc_set(p: Proc) -> int:
    """The number of the set a process is in."""
    if p.cpuset is not None and p.cpuset[0] is p.ucred.prison:
        return p.cpuset[1]
    return base_set(p.ucred.prison)


def base_set(pr: Prison) -> int:
    """The set new processes of a jail are in."""
    return pr.cpuset if pr.isjail else DEFAULT_SET


def purge(kernel: Kernel) -> None:
    """Forget the sets that nobody is in any more."""
    every = kernel.prison0.all
    used = {1, 2} | {pr.cpuset for pr in every.list} | {proc_set(p) for p in kernel.procs.values() if not p.exited}
    every.cpusets &= used
    every.lowest_cpuset = 1


class CpusetCalls:
    """System calls on sets of processors.  `which`: "pid", "tid", "cpuset", "irq", "jail", "domain"; -1 is the caller."""

    proc: Proc
    kernel: Kernel

    def cpuset(self) -> int:
        """cpuset(2): a new set, which the caller joins."""
        purge(self.kernel)
        number = self.kernel.prison0.all.cpuset_alloc()
        self.proc.cpuset = (self.proc.ucred.prison, number)
        return number

    def cpuset_getid(self, level: str, which: str, number: int) -> int:
        """cpuset_getid(2): the number of the "cpuset" or "root" set of something."""
        if level not in ("root", "cpuset") and which != "cpuset":
            raise KError(EINVAL)
        if which == "jail":
            return self._jail(number).cpuset
        if which == "cpuset":
            if number == -1:
                return proc_set(self.proc)
            self._exists(number)
            return 0 if level == "root" else number
        if which not in ("pid", "tid"):
            raise KError(EINVAL)
        p = self._process(which, number)
        if level == "root":
            return p.ucred.prison.cpuset if p.ucred.prison.isjail else 0
        return proc_set(p)

    def cpuset_setid(self, which: str, number: int, setid: int) -> None:
        """cpuset_setid(2): move a process to another set."""
        self._exists(setid)
        p = self._process("pid", number)
        self._may(p)
        p.cpuset = (p.ucred.prison, setid)

    def cpuset_getaffinity(self, level: str, which: str, number: int) -> frozenset[int]:
        """cpuset_getaffinity(2): the processors of something."""
        self._find(which, number)
        return CPUS

    def cpuset_setaffinity(self, level: str, which: str, number: int, mask: frozenset[int]) -> None:
        """cpuset_setaffinity(2)."""
        if not mask:
            raise KError(EDEADLK)
        self._find(which, number)
        if which in ("pid", "tid"):
            self._may(self._process(which, number))
        if not mask <= CPUS:
            raise KError(EINVAL)

    def cpuset_getdomain(self, level: str, which: str, number: int) -> tuple[str, frozenset[int]]:
        """cpuset_getdomain(2): the policy and the memory domains of something."""
        self._find(which, number)
        return "first-touch", DOMAINS

    def _find(self, which: str, number: int) -> None:
        """ESRCH unless the thing is there."""
        if which == "jail":
            self._jail(number)
        elif which == "cpuset":
            self._exists(number) if number != -1 else None
        elif which in ("pid", "tid"):
            self._process(which, number)
        elif which == "domain":
            if number not in DOMAINS:
                raise KError(ESRCH)
        else:
            raise KError(ESRCH)

    def _exists(self, number: int) -> None:
        purge(self.kernel)
        if number != 0 and number not in self.kernel.prison0.all.cpusets:
            raise KError(ESRCH)

    def _process(self, which: str, number: int) -> Proc:
        if number == -1:
            return self.proc
        p = pfind(self.kernel, number - 100000 if which == "tid" else number)
        if p is None or not p_cansee(self.proc, p):
            raise KError(ESRCH)
        return p

    def _jail(self, number: int) -> Prison:
        mine = self.proc.ucred.prison
        if number in (-1, mine.id):
            return mine
        for pr in self.kernel.prison0.all.list:
            if pr.id == number and mine.contains(pr):
                return pr
        raise KError(ESRCH if number > 0 else ENOENT)

    def _may(self, p: Proc) -> None:
        cred = self.proc.ucred
        if cred.uid != 0 and cred.uid != p.ucred.uid:
            raise KError(EPERM)
