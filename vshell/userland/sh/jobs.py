"""Jobs: processes of a shell, waiting for them, and what is told about them (bin/sh/jobs.c)."""

from __future__ import annotations

from vshell.abi.errno import ECHILD, EINTR, ESRCH, KError
from vshell.abi.fcntl import (
    O_RDONLY,
    WCOREDUMP,
    WEXITSTATUS,
    WIFEXITED,
    WIFSIGNALED,
    WIFSTOPPED,
    WNOHANG,
    WSTOPSIG,
    WTERMSIG,
    WUNTRACED,
)
from vshell.abi.signal import SIG_DFL, SIGCONT, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, strsignal
from vshell.userland.sh import exec as shexec
from vshell.userland.sh import trap
from vshell.userland.sh.show import commandtext
from vshell.userland.sh.state import Shell, ShError, ShExit, ShInterrupt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vshell.abi.syscalls import Syscalls
    from vshell.userland.sh.nodes import Node

    Body = Callable[[Shell], Awaitable[None]]

RUNNING, STOPPED, DONE = 0, 1, 2
FORK_FG, FORK_BG, FORK_NOJOB = 0, 1, 2

WCONTINUED = 4
_CONTINUED = 0x13


class Proc:
    """A process of a job; status is None while it runs."""

    __slots__ = ("_node", "pid", "status")

    def __init__(self, pid: int, node: Node | None) -> None:
        self.pid = pid
        self.status: int | None = None
        self._node = node

    @property
    def cmd(self) -> str:
        """Its command, as text."""
        return commandtext(self._node) if self._node is not None else ""


class Job:
    """A process, or the processes of a pipeline."""

    __slots__ = ("changed", "foreground", "jobctl", "number", "pipefail", "procs", "remembered", "state")

    def __init__(self, number: int, pipefail: bool, jobctl: bool) -> None:
        self.number = number
        self.procs: list[Proc] = []
        self.state = RUNNING
        self.changed = False
        self.foreground = False
        self.remembered = False
        self.pipefail = pipefail
        self.jobctl = jobctl

    def status(self) -> int:
        """The wait status that counts."""
        if not self.pipefail:
            return self.procs[-1].status or 0
        return next((p.status for p in reversed(self.procs) if p.status), 0)


def makejob(sh: Shell) -> Job:
    """A new entry of the job table."""
    jobs = sh.jobs
    for i, job in enumerate(jobs):
        if job is None:
            new = jobs[i] = Job(i + 1, sh.pipefailflag, sh.jobctl)
            return new
    new = Job(len(jobs) + 1, sh.pipefailflag, sh.jobctl)
    jobs.append(new)
    return new


def freejob(sh: Shell, job: Job) -> None:
    """Remove a job from the table."""
    if sh.bgjob is job:
        sh.bgjob = None
    at = job.number - 1
    if at < len(sh.jobs) and sh.jobs[at] is job:
        sh.jobs[at] = None
        while sh.jobs and sh.jobs[-1] is None:
            sh.jobs.pop()
    deljob(sh, job)


def deljob(sh: Shell, job: Job) -> None:
    """The job is no longer a candidate for %+."""
    if job in sh.jobmru:
        sh.jobmru.remove(job)


def setcurjob(sh: Shell, job: Job) -> None:
    """The job was used last."""
    deljob(sh, job)
    sh.jobmru.insert(0, job)


def getcurjob(sh: Shell, but: Job | None = None) -> Job | None:
    """The job used last, a stopped one preferred."""
    for job in sh.jobmru:
        if job is not but and job.state == STOPPED:
            return job
    return next((job for job in sh.jobmru if job is not but), None)


# fork ----------------------------------------------------------------------------------------------------------------


def forkshell(sh: Shell, job: Job | None, node: Node | None, mode: int, body: Body) -> int:
    """Fork a copy of the shell that runs `body` and exits; the child joins the job."""
    sh.environment()  # made once here and not in each child that executes something
    new = sh.fork_copy()
    first = job is None or not job.procs
    leader = job.procs[0].pid if job is not None and job.procs else 0
    wasroot = sh.rootshell

    async def main(sys: Syscalls) -> int:
        new.sys = sys
        await _child(new, wasroot, mode, leader, first, body)
        return 0

    if mode == FORK_BG and first:
        checkzombies(sh)
    sh.flush_nowait()
    try:
        pid = sh.sys.fork(main)
    except KError as e:
        sh.error(f"Cannot fork: {e}")
    forked(sh, job, node, mode, pid)
    return pid


def vforkexec(sh: Shell, job: Job, node: Node, argv: list[str], path: str | None, start: str | None) -> None:
    """Fork and execute a program that needs nothing done before: no copy of the shell is made (vforkexecshell)."""
    env = sh.environment()
    softly = [s for s in (SIGTERM, SIGTSTP, SIGTTOU) if sh.sigmode.get(s) == trap.S_IGN and s not in sh.traps]
    grouped = sh.rootshell and sh.mflag

    async def main(sys: Syscalls) -> int:
        if grouped:
            join_group(sys, 0)
        for signo in softly:
            sys.sigaction(signo, SIG_DFL)
        error = await shexec.shellexec(sys, argv, env, path, start)
        text, status = shexec.not_found(argv[0], error)
        child = sh.fork_copy()
        child.sys = sys

        async def fail(child: Shell) -> None:
            child.error(text, status)

        await _child(child, False, FORK_FG, 0, True, fail)
        return 0

    sh.flush_nowait()
    try:
        pid = sh.sys.fork(main)
    except KError as e:
        sh.error(f"Cannot fork: {e}")
    forked(sh, job, node, FORK_FG, pid)


async def _child(sh: Shell, wasroot: bool, mode: int, leader: int, first: bool, body: Body) -> None:
    """What a forked shell does."""
    try:
        trap.after_fork(sh)
        if wasroot and mode != FORK_NOJOB and sh.mflag:
            join_group(sh.sys, leader)
            trap.setsignal(sh, SIGTSTP)
            trap.setsignal(sh, SIGTTOU)
        elif mode == FORK_BG:
            trap.ignoresig(sh, SIGINT)
            trap.ignoresig(sh, SIGQUIT)
            if first and not sh.fd0_redirected:
                devnull(sh.sys)
        if wasroot and sh.iflag:
            for signo in (SIGINT, SIGQUIT, SIGTERM):
                trap.setsignal(sh, signo)
        await body(sh)
    except (ShError, ShExit, ShInterrupt):
        pass
    except RecursionError:
        await trap.overflow(sh)
    await trap.exitshell(sh, sh.exitstatus)


def join_group(sys: Syscalls, leader: int) -> None:
    """Give a process of a job its process group."""
    try:
        sys.setpgid(0, leader or sys.getpid())
    except KError:
        pass


def devnull(sys: Syscalls) -> None:
    """Standard input of a background process."""
    try:
        fd = sys.open("/dev/null", O_RDONLY)
        if fd != 0:
            sys.dup2(fd, 0)
            sys.close(fd)
    except KError:
        pass


def forked(sh: Shell, job: Job | None, node: Node | None, mode: int, pid: int) -> None:
    """What the parent does after a fork."""
    if sh.rootshell and mode != FORK_NOJOB and sh.mflag:
        leader = job.procs[0].pid if job is not None and job.procs else pid
        try:
            sh.sys.setpgid(pid, leader)
        except KError:
            pass
        if mode == FORK_FG:
            set_foreground(sh, leader)
    if mode == FORK_BG:
        bg = sh.bgjob
        if bg is not None and bg.state == DONE and not bg.remembered and not sh.iflag:
            freejob(sh, bg)
        sh.bgpid = pid
        sh.bgjob = job
    if job is not None:
        job.procs.append(Proc(pid, node if sh.iflag and sh.rootshell else None))
        job.foreground = mode == FORK_FG
        setcurjob(sh, job)


def set_foreground(sh: Shell, pgrp: int) -> None:
    """Hand the terminal to a process group, if there is a terminal."""
    if sh.ttyfd < 0:
        return
    from vshell.abi.termios import TIOCSPGRP

    try:
        sh.sys.ioctl(sh.ttyfd, TIOCSPGRP(pgrp))
    except KError:
        pass


# waiting -------------------------------------------------------------------------------------------------------------


async def waitforjob(sh: Shell, job: Job) -> tuple[int, bool]:
    """Wait until a foreground job ends or stops: (exit status, ended by a signal)."""
    sh.suppressint += 1
    try:
        while job.state == RUNNING:
            if not await dowait(sh, True, job, sh.Tflag) and sh.Tflag and sh.pendingsig:
                await trap.dotrap(sh)
    finally:
        sh.suppressint -= 1
    if job.jobctl:
        set_foreground(sh, sh.rootpid)
    if job.state == STOPPED:
        setcurjob(sh, job)
    status = job.status()
    signaled = WIFSIGNALED(status)
    if WIFEXITED(status):
        st = WEXITSTATUS(status)
    elif WIFSTOPPED(status):
        st = WSTOPSIG(status) + 128
    else:
        st = WTERMSIG(status) + 128
    if job.state == DONE:
        freejob(sh, job)
    interrupted = signaled and WTERMSIG(status) == SIGINT
    if sh.intpending:
        if not interrupted:
            sh.intpending = False
    elif sh.rootshell and job.jobctl and job.foreground and interrupted:
        sh.intpending = True
    if sh.intpending and not sh.suppressint:
        sh.exitstatus = st
        await trap.check(sh)
    return st, signaled


async def dowait(sh: Shell, block: bool, job: Job | None, bysignal: bool = False) -> bool:
    """Wait for a change of some process; False if a signal came instead or there is nothing to wait for."""
    options = WUNTRACED | WCONTINUED if sh.iflag else 0
    while True:
        try:
            pid, status = await sh.sys.wait4(-1, options if block else options | WNOHANG)
        except KError as e:
            if e.errno == EINTR:
                if bysignal and (sh.waitsig or sh.pendingsig):
                    return False
                continue
            if e.errno == ECHILD and job is not None:
                job.state = DONE
                for p in job.procs:
                    p.status = p.status or 0
            return False
        break
    if pid <= 0:
        return False
    note(sh, pid, status, job)
    return True


def checkzombies(sh: Shell) -> None:
    """Note what has ended, without waiting."""
    options = WNOHANG | (WUNTRACED | WCONTINUED if sh.iflag else 0)
    while any(sh.jobs):
        # With WNOHANG the call never waits, so it ends at its first step.
        call = sh.sys.wait4(-1, options)
        try:
            call.send(None)
        except StopIteration as e:
            pid, status = e.value
        except KError:
            return
        else:
            call.close()
            return
        if pid <= 0:
            return
        note(sh, pid, status, None)


def note(sh: Shell, pid: int, status: int, waited: Job | None) -> None:
    """A process changed its state."""
    thisjob: Job | None = None
    for job in [j for j in sh.jobs if j is not None and j.procs]:
        done = stopped = True
        for p in job.procs:
            if p.pid == pid and (p.status is None or WIFSTOPPED(p.status)):
                if status == _CONTINUED:
                    p.status = None
                    job.state = RUNNING
                else:
                    p.status = status
                thisjob = job
            if p.status is None:
                stopped = False
            elif WIFSTOPPED(p.status):
                done = False
        state = DONE if done else STOPPED
        if stopped and job.state != state:
            job.state = state
            if job is not waited and done:
                if not job.remembered and not sh.iflag and job is not sh.bgjob:
                    freejob(sh, job)
                else:
                    deljob(sh, job)
    if thisjob is None or thisjob.state == RUNNING:
        return
    if (not sh.rootshell or not sh.iflag or thisjob is waited) and thisjob.foreground and thisjob.state != STOPPED:
        _tell_signal(sh, thisjob)
    else:
        thisjob.changed = True


def _tell_signal(sh: Shell, job: Job) -> None:
    sig = 0
    core = False
    for p in job.procs:
        if p.status is not None and WIFSIGNALED(p.status):
            sig = WTERMSIG(p.status)
            core = WCOREDUMP(p.status)
    if sig and sig not in (SIGINT, SIGPIPE):
        sh.out2(strsignal(sig) + (" (core dumped)" if core else "") + "\n")
        sh.flush2()


async def wait_loop(sh: Shell, job: Job | None) -> int:
    """The wait builtin for one job or for all."""
    while True:
        if job is not None:
            if job.state == DONE:
                return _waited(sh, job)
        else:
            for j in [j for j in sh.jobs if j is not None and j.state == DONE]:
                if not sh.iflag or not j.changed:
                    freejob(sh, j)
                else:
                    j.remembered = False
                    if j is sh.bgjob:
                        sh.bgjob = None
            if not any(j is not None and j.state == RUNNING for j in sh.jobs):
                return 0
        if sh.waitsig or not await dowait(sh, True, job, True):
            sig = sh.waitsig
            if not sig:
                continue
            sh.waitsig = 0
            return sig + 128


def _waited(sh: Shell, job: Job) -> int:
    status = job.status()
    if not sh.iflag or not job.changed:
        freejob(sh, job)
    else:
        job.remembered = False
        deljob(sh, job)
        if job is sh.bgjob:
            sh.bgjob = None
    return WEXITSTATUS(status) if WIFEXITED(status) else WTERMSIG(status) + 128


# names of jobs -------------------------------------------------------------------------------------------------------


def is_number(text: str) -> bool:
    """True for a decimal number that fits an int."""
    return text.isdigit() and text.isascii() and int(text) <= 2147483647


def findjob(sh: Shell, name: str | None) -> Job | None:
    """The job of a name such as %1, %+, %cmd or a process id; None if there is none."""
    if name is None:
        name = "%+"
    jobs = [j for j in sh.jobs if j is not None and j.procs]
    if not name.startswith("%"):
        if is_number(name):
            return next((j for j in jobs if j.procs[-1].pid == int(name)), None)
        return None
    rest = name[1:]
    if rest[:1].isdigit() and rest[:1].isascii():
        if not is_number(rest):
            sh.error(f"Illegal number: {rest}")
        number = int(rest)
        return sh.jobs[number - 1] if 0 < number <= len(sh.jobs) else None
    if rest in ("%", "+"):
        job = getcurjob(sh)
        if job is None:
            sh.error("No current job")
        return job
    if rest == "-":
        job = getcurjob(sh)
        job = getcurjob(sh, job) if job is not None else None
        if job is None:
            sh.error("No previous job")
        return job
    if rest.startswith("?"):
        found = [j for j in jobs if rest[1:] in j.procs[0].cmd]
    else:
        found = [j for j in jobs if j.procs[0].cmd.startswith(rest)]
    if len(found) > 1:
        sh.error(f"{name}: ambiguous")
    return found[0] if found else None


def getjob(sh: Shell, name: str | None) -> Job:
    """findjob that insists."""
    job = findjob(sh, name)
    if job is None:
        sh.error(f"No such job: {name}")
    return job


def killjob(sh: Shell, name: str, sig: int) -> int:
    """Signal a job; the errno or 0."""
    job = getjob(sh, name)
    if job.state == DONE:
        return 0
    try:
        if job.jobctl:
            sh.sys.kill(-job.procs[0].pid, sig)
            return 0
    except KError as e:
        return e.errno
    error = ESRCH
    for p in job.procs:
        if p.status is None or WIFSTOPPED(p.status):
            try:
                sh.sys.kill(p.pid, sig)
            except KError:
                continue
        error = 0
    return error


def restartjob(sh: Shell, job: Job) -> None:
    """Continue a stopped job."""
    if job.state == DONE:
        return
    setcurjob(sh, job)
    try:
        sh.sys.kill(-job.procs[0].pid, SIGCONT)
    except KError:
        pass
    for p in job.procs:
        if p.status is not None and WIFSTOPPED(p.status):
            p.status = None
            job.state = RUNNING


# reports -------------------------------------------------------------------------------------------------------------


def jobcmd(job: Job) -> str:
    """The commands of a job."""
    return " | ".join(p.cmd for p in job.procs) + "\n"


def _statetext(job: Job) -> str:
    if job.state == RUNNING:
        return "Running"
    status = job.status()
    if job.state == STOPPED:
        stopped = next((p.status for p in reversed(job.procs) if p.status is not None and WIFSTOPPED(p.status)), None)
        return strsignal(WSTOPSIG(stopped)) if stopped is not None else "Suspended"
    if WIFEXITED(status):
        return f"Done({WEXITSTATUS(status)})" if WEXITSTATUS(status) else "Done"
    return strsignal(WTERMSIG(status)) + (" (core dumped)" if WCOREDUMP(status) else "")


def showjob(sh: Shell, job: Job, mode: str) -> None:
    """Print a job; mode is "", "l" (long), "p" (process group) or "s" (process ids)."""
    if mode in ("p", "s"):
        for p in job.procs[: 1 if mode == "p" else None]:
            sh.out(f"{p.pid}\n")
        return
    current = getcurjob(sh)
    previous = getcurjob(sh, current) if current is not None else None
    for i, p in enumerate(job.procs):
        if i and mode != "l":
            break
        mark = "+" if job is current and not i else "-" if job is previous and not i else " "
        text = f"[{job.number}] {mark} " if not i else f"    {mark} "
        if mode == "l":
            text += f"{p.pid} "
        if not i:
            text += _statetext(job)
        text = text.ljust(29) + " "
        sh.out(text + (p.cmd + "\n" if mode == "l" else jobcmd(job)))


def showjobs(sh: Shell, change: bool, mode: str) -> None:
    """Print all jobs, or those that changed."""
    checkzombies(sh)
    for job in [j for j in sh.jobs if j is not None]:
        if not job.procs:
            freejob(sh, job)
            continue
        if change and not job.changed:
            continue
        showjob(sh, job, mode)
        if mode in ("", "l"):
            job.changed = False
            if job.state == DONE and not job.remembered and (sh.iflag or job is not sh.bgjob):
                freejob(sh, job)


def stoppedjobs(sh: Shell) -> bool:
    """Warn about stopped jobs, once."""
    if sh.job_warning:
        return False
    if any(j is not None and j.state == STOPPED for j in sh.jobs):
        sh.out2("You have stopped jobs.\n")
        sh.flush2()
        sh.job_warning = 2
        return True
    return False


def setjobctl(sh: Shell, on: bool) -> None:
    """Turn job control on or off."""
    if on == sh.jobctl or not sh.rootshell:
        return
    if on:
        sh.ttyfd = _terminal(sh.sys)
        if sh.ttyfd < 0 and sh.iflag and not _has_console(sh.sys):
            sh.out2("sh: can't access tty; job control turned off\n")
            sh.flush2()
            sh.mflag = False
            return
    elif sh.ttyfd >= 0:
        sh.sys.close(sh.ttyfd)
        sh.ttyfd = -1
    for signo in (SIGTSTP, SIGTTOU, SIGTTIN):
        trap.setsignal(sh, signo)
    if on and sh.ttyfd >= 0:
        join_group(sh.sys, sh.rootpid)
        set_foreground(sh, sh.rootpid)
    sh.jobctl = on


def _has_console(sys: Syscalls) -> bool:
    """DIFFERS: a shell that is fed by a script counts as started at the console, whose /dev/tty can be opened."""
    try:
        sys.stat("/dev/tty")
    except KError:
        return False
    return True


def _terminal(sys: Syscalls) -> int:
    """A descriptor of the terminal, out of the way of redirections; -1 if there is none."""
    for fd in range(3):
        try:
            if sys.isatty(fd):
                return sys.dupfd(fd, 10, True)
        except KError:
            continue
    return -1
