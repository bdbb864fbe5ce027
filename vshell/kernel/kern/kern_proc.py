"""Processes: struct proc, credentials, the table of processes (proc(9), kern_proc.c)."""

from __future__ import annotations

from vshell.kernel.kern.kern_sig import Signals
from vshell.kernel.kern.kern_synch import Wchan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from vshell.kernel.kern.clock import Callout
    from vshell.kernel.kern.kern_descrip import FileDesc
    from vshell.kernel.kern.kern_jail import Prison
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.kern.tty import Tty
    from vshell.kernel.kern.vfs import Vnode
    from vshell.kernel.net.vnet import Vnet

    Entry = Callable[[Any], Coroutine[Any, Any, int]]

DEFAULT_LIMITS = {
    "cpu": -1, "fsize": -1, "data": 34359738368, "stack": 536870912, "core": -1, "rss": -1, "memlock": -1,
    "nproc": 12141, "nofile": 14094, "sbsize": -1, "vmem": -1, "npts": -1, "swap": -1, "kqueues": -1, "umtxp": -1,
    "pipebuf": -1,
}  # fmt: skip


class Ucred:
    """User credentials (ucred(9)); copied before a change, so a reference is a snapshot."""

    __slots__ = ("capmode", "cpuset", "gid", "groups", "prison", "rgid", "ruid", "svgid", "svuid", "uid")

    def __init__(self, prison: Prison, uid: int = 0, gid: int = 0, groups: tuple[int, ...] = (0,)) -> None:
        self.prison = prison
        self.uid = self.ruid = self.svuid = uid
        self.gid = self.rgid = self.svgid = gid
        self.groups = groups
        """Supplementary groups."""
        self.capmode = False
        """True in capability mode (capsicum(4))."""

    def copy(self) -> Ucred:
        """crdup: a copy to change."""
        new = Ucred(self.prison, self.uid, self.gid, self.groups)
        new.ruid, new.svuid, new.rgid, new.svgid, new.capmode = self.ruid, self.svuid, self.rgid, self.svgid, self.capmode
        return new

    def member(self, gid: int) -> bool:
        """groupmember(9)."""
        return gid == self.gid or gid in self.groups


class Proc(Signals):
    """One process.  `wait`, `exit` and exec live in kern_fork.py, signals in kern_sig.py."""

    __slots__ = (
        "alarm_timer", "args", "cdir", "children", "cmask", "comm", "coro", "cpuset", "ctty", "entry", "env", "exited", "fd",
        "fibnum", "kernel", "limits", "nice", "parent", "pgid", "pid", "rdir", "reaper", "rtprio", "rusage", "sid", "sleeping",
        "start", "sysent", "text", "timedout", "ucred", "waitchan", "wchans", "xstat",
    )  # fmt: skip

    def __init__(self, kernel: Kernel, pid: int, parent: Proc | None, ucred: Ucred) -> None:
        super().__init__()
        self.kernel = kernel
        self.pid = pid
        self.parent = parent
        self.ucred = ucred
        self.children: list[Proc] = []
        self.pgid = self.sid = pid
        self.ctty: Tty | None = None
        self.comm = ""
        self.args: list[str] = []
        self.env: dict[str, str] = {}
        """The environment its image was started with."""
        self.text: tuple[Vnode, str, Vnode] | None = None
        """Its program: file, path, and the directory the path starts at."""
        self.start = kernel.clock.now
        self.entry: Entry
        """What the process runs first."""
        self.coro: Coroutine[Any, Any, None] | None = None
        """Its execution; made when it first gets the processor."""
        self.sysent: Any = None
        """The process's system calls (kern/syscalls.py)."""
        self.fd: FileDesc
        self.cdir: Vnode
        self.rdir: Vnode
        self.cmask = 0o022
        self.fibnum = 0
        self.nice = 0
        self.rtprio = ("normal", 0)
        self.cpuset: tuple[Prison, int] | None = None
        """A numbered set of processors of its own, valid as long as it is in that jail (kern_cpuset.py)."""
        self.limits: dict[str, int] = dict(DEFAULT_LIMITS if parent is None else parent.limits)
        self.rusage = {"utime": 0, "stime": 0, "cutime": 0, "cstime": 0}
        self.sleeping = False
        self.timedout = False
        self.wchans: tuple[Wchan, ...] = ()
        self.waitchan = Wchan("wait")
        self.alarm_timer: Callout | None = None
        """The timer of alarm(3), made when it is first set."""
        self.exited = False
        self.reaper = False
        """True if it inherits the orphans among its descendants (procctl(2))."""
        self.xstat = 0

    @property
    def vnet(self) -> Vnet:
        """The network stack the process is in: that of its jail (TD_TO_VNET)."""
        return self.ucred.prison.vnet

    def unsleep(self) -> None:
        """Take the process off its wait channels."""
        for chan in self.wchans:
            if self in chan.sleepers:
                chan.sleepers.remove(self)
        self.wchans = ()
        self.sleeping = False

    def setrunnable(self, timedout: bool = False) -> None:
        """Put a sleeping process on the run queue (a stopped one once it is continued)."""
        if self.sleeping:
            self.unsleep()
            self.timedout = timedout
            if self.stopped:
                self.resume_pending = True
            else:
                self.kernel.runq.append(self)


def pfind(kernel: Kernel, pid: int) -> Proc | None:
    """The live process with that id."""
    p = kernel.procs.get(pid)
    return None if p is None or p.exited else p


def p_cansee(p: Proc, other: Proc) -> bool:
    """True if `p` may see `other`: same jail or below (prison_check)."""
    return p.ucred.prison.contains(other.ucred.prison)
