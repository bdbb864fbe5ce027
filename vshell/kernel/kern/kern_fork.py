"""fork(2), execve(2), _exit(2), wait4(2): the life of a process (kern_fork.c, kern_exec.c, kern_exit.c)."""

from __future__ import annotations

from vshell.abi.elf import ELF_IDENT
from vshell.abi.errno import EACCES, EAGAIN, ECHILD, EINVAL, ENOENT, ENOEXEC, EPERM, ESRCH, KError
from vshell.abi.fcntl import S_ISGID, S_ISUID, WCONTINUED, WNOHANG, WUNTRACED, X_OK
from vshell.abi.signal import SIG_DFL, SIG_IGN, SIGCHLD, SIGCONT
from vshell.kernel.kern.kern_proc import Proc
from vshell.kernel.kern.kern_sig import ProcExit, psignal
from vshell.kernel.kern.kern_synch import mi_switch, suspend, tsleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from vshell.kernel.kern.kern_proc import Entry
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.kern.vfs import Vnode

EXEC_COST = 1_000_000
"""Virtual time a program start takes, ns (about what fork, exec and rtld take on real hardware)."""

FORK_COST = 200_000
"""Virtual time a fork takes, ns: a loop that starts processes without end must not stop the clock."""

MAXINTERP = 5
MAXPROC = 3924
"""kern.maxproc: processes there may be; the last ten are root's."""


class ExecImage(BaseException):
    """Unwinds the old image of a process that called execve(2)."""

    def __init__(self, start: Entry) -> None:
        super().__init__()
        self.start = start


def fork1(kernel: Kernel, parent: Proc, entry: Entry) -> Proc:
    """Make a child of `parent` that will run `entry`."""
    p = kernel.new_proc(parent, parent.ucred)
    p.pgid, p.sid, p.ctty = parent.pgid, parent.sid, parent.ctty
    p.comm, p.args, p.env, p.text = parent.comm, parent.args, parent.env, parent.text
    p.cdir, p.rdir, p.cmask = parent.cdir, parent.rdir, parent.cmask
    p.fibnum, p.nice, p.rtprio, p.cpuset = parent.fibnum, parent.nice, parent.rtprio, parent.cpuset
    p.fd = parent.fd.copy(p.limits)
    p.sigmask = parent.sigmask
    p.sigacts = dict(parent.sigacts)
    start(p, entry)
    return p


def start(p: Proc, entry: Entry) -> None:
    """Tell a new process what it will run and make it runnable."""
    p.entry = entry
    p.kernel.runq.append(p)


async def life(p: Proc, entry: Entry) -> None:
    """A process from its first instruction to its exit: one image after another."""
    while True:
        try:
            if p.siglist:
                p.cursig(False)
            status = (await entry(p.sysent) & 0xFF) << 8
            # exit(3) of an ended main is the last chance to die of a signal that came meanwhile.
            if p.siglist:
                p.cursig(False)
            break
        except ExecImage as image:
            entry = image.start
        except ProcExit as e:
            status = e.status
            break
    if p.stopped:
        try:
            await suspend(p)
            p.cursig(False)
        except ProcExit as e:
            status = e.status
    exit1(p, status)


def exit1(p: Proc, status: int) -> None:
    """End a process: close its files, hand its children to init, become a zombie, tell the parent."""
    kernel = p.kernel
    if p.alarm_timer is not None:
        p.alarm_timer.stop()
    p.fd.close_all()
    p.exited = True
    p.xstat = status
    p.stopped = False
    heir = reaper_of(p)
    for child in p.children:
        child.parent = heir
        if heir is not None:
            heir.children.append(child)
            if child.exited:
                psignal(heir, SIGCHLD)
                heir.waitchan.wakeup()
    p.children = []
    if p.ctty is not None and p.sid == p.pid:
        p.ctty.session_ended(p)
    for hook in kernel.process_exit:
        hook(p)
    p.ucred.prison.proc_leave(p)
    parent = p.parent
    if parent is None:
        kernel.procs.pop(p.pid, None)
        p.ucred.prison.free()
    elif parent.handler(SIGCHLD) == SIG_IGN:
        _reap(p)
        parent.waitchan.wakeup()
    else:
        psignal(parent, SIGCHLD)
        parent.waitchan.wakeup()


def reaper_of(p: Proc) -> Proc | None:
    """Who inherits the children of `p`: the nearest ancestor that asked for it (procctl(2)), or init."""
    up = p.parent
    while up is not None and not up.reaper:
        up = up.parent
    if up is None and p is not p.kernel.initproc:
        return p.kernel.initproc
    return up


def _reap(p: Proc) -> None:
    p.kernel.procs.pop(p.pid, None)
    p.ucred.prison.free()
    if p.parent is not None:
        if p in p.parent.children:
            p.parent.children.remove(p)
        for name in ("utime", "stime"):
            p.parent.rusage["c" + name] += p.rusage[name] + p.rusage["c" + name]


def exec_entry(p: Proc, path: str, argv: Sequence[str], env: dict[str, str]) -> tuple[Entry, list[str], str, str, Vnode]:
    """Find out what `path` is and how to start it: (entry, final argv, path, name and file of the program).

    The name is the one the file was found by, behind all symbolic links.  execve(2)'s errors.
    """
    from vshell.kernel.kern import vfs

    argv = list(argv)
    for _ in range(MAXINTERP):
        _, found, vnode = vfs.lookup(p, path)
        if not vnode.is_reg:
            raise KError(EACCES)
        vfs.vaccess(vnode, p.ucred, X_OK)
        image = vnode.read_all()
        if image.startswith(ELF_IDENT):
            name = image[len(ELF_IDENT) :].decode("ascii", "replace")
            load = p.kernel.load_program
            main = load(name)
            if main is None:
                raise KError(ENOENT)
            return main(argv, env), argv, path, found, vnode
        if not image.startswith(b"#!"):
            raise KError(ENOEXEC)
        line = image[2 : image.find(b"\n") if b"\n" in image else len(image)].decode("utf-8", "surrogateescape").strip(" \t")
        interpreter, _, option = line.replace("\t", " ").partition(" ")
        if not interpreter:
            raise KError(ENOEXEC)
        argv = [interpreter, *([option.strip()] if option.strip() else []), path, *argv[1:]]
        path = interpreter
    raise KError(ENOEXEC)


def _setid(p: Proc, vnode: Vnode) -> None:
    """The set-user-id and set-group-id bits of a program file."""
    if vnode.mode & (S_ISUID | S_ISGID):
        cred = p.ucred.copy()
        if vnode.mode & S_ISUID:
            cred.uid = vnode.uid
        if vnode.mode & S_ISGID:
            cred.gid = vnode.gid
        cred.svuid, cred.svgid = cred.uid, cred.gid
        p.ucred = cred


class ProcessCalls:
    """System calls on processes."""

    proc: Proc
    kernel: Kernel

    def getpid(self) -> int:
        """getpid(2)."""
        return self.proc.pid

    def getppid(self) -> int:
        """getppid(2)."""
        return self.proc.parent.pid if self.proc.parent is not None else 0

    def getpgrp(self) -> int:
        """getpgrp(2)."""
        return self.proc.pgid

    def setpgid(self, pid: int, pgid: int) -> None:
        """setpgid(2)."""
        p = self.proc if pid in (0, self.proc.pid) else self.kernel.procs.get(pid)
        if p is None or (p is not self.proc and p.parent is not self.proc):
            raise KError(ESRCH)
        if pgid < 0:
            raise KError(EINVAL)
        if p.sid == p.pid or p.sid != self.proc.sid:
            raise KError(EPERM)
        p.pgid = pgid or p.pid

    def setsid(self) -> int:
        """setsid(2)."""
        p = self.proc
        if p.pgid == p.pid or any(q.pgid == p.pid for q in self.kernel.procs.values()):
            raise KError(EPERM)
        p.sid = p.pgid = p.pid
        p.ctty = None
        return p.pid

    def fork(self, main: Entry) -> int:
        """fork(2): see abi.syscalls."""
        limit = self.proc.limits["nproc"]
        uid = self.proc.ucred.ruid
        if len(self.kernel.procs) >= (MAXPROC if not uid else MAXPROC - 10):
            raise KError(EAGAIN)
        if uid and 0 <= limit <= sum(p.ucred.ruid == uid for p in self.kernel.procs.values()):
            raise KError(EAGAIN)
        self.kernel.charge(self.proc, FORK_COST)
        return fork1(self.kernel, self.proc, main).pid

    def execve(self, path: str, argv: Sequence[str], env: dict[str, str]) -> NoReturn:
        """execve(2)."""
        p = self.proc
        entry, p.args, program, found, vnode = exec_entry(p, path, argv, env)
        _setid(p, vnode)
        p.comm = found[:19]
        p.env = env
        p.text = (vnode, program, p.cdir)
        p.fd.close_on_exec()
        p.sigacts = {s: a for s, a in p.sigacts.items() if a[0] == SIG_IGN}
        if p.alarm_timer is not None:
            p.alarm_timer.stop()

        async def run(sysent: Any) -> int:
            if p.stopped or p.siglist or not p.kernel.idle_for(EXEC_COST):
                await tsleep(p, timeout=EXEC_COST)
            return await entry(sysent)

        raise ExecImage(run)

    def exit(self, status: int) -> NoReturn:
        """_exit(2)."""
        raise ProcExit((status & 0xFF) << 8)

    async def wait4(self, pid: int = -1, options: int = 0) -> tuple[int, int]:
        """wait4(2)."""
        p = self.proc
        while True:
            found = False
            for child in p.children:
                if not (pid == -1 or child.pid == pid or (pid == 0 and child.pgid == p.pgid) or child.pgid == -pid):
                    continue
                found = True
                if child.exited:
                    _reap(child)
                    return child.pid, child.xstat
                if child.stopreport and options & WUNTRACED:
                    sig, child.stopreport = child.stopreport, 0
                    return child.pid, sig << 8 | 0x7F
                if child.contreport and options & WCONTINUED:
                    child.contreport = False
                    return child.pid, SIGCONT
            if not found:
                raise KError(ECHILD)
            if options & WNOHANG:
                return 0, 0
            await tsleep(p, p.waitchan, eintr=True)

    async def sched_yield(self) -> None:
        """sched_yield(2); charges a little time so that the clock moves in a busy loop."""
        p = self.proc
        if p.stopped:
            await suspend(p)
        if self.kernel.charge(p, 2_000):
            self.kernel.runq.append(p)
            await mi_switch()
        if p.siglist:
            p.cursig(False)


def init_main(p: Proc) -> Callable[[Any], Any]:
    """What process 1 does: reap what it inherits, for ever."""

    async def main(_sys: Any) -> int:
        while True:
            for child in p.children[:]:
                if child.exited:
                    _reap(child)
            await tsleep(p, p.waitchan)

    p.sigacts[SIGCHLD] = (SIG_DFL, True)
    return main
