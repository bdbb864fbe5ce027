"""jobs, fg, bg, wait, jobid and kill (bin/sh/jobs.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.sh import jobs, trap
from vshell.userland.sh.builtins.options import nextopt
from vshell.userland.sh.kill import Kill, KillFailure
from vshell.userland.sh.state import Shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def jobscmd(sh: Shell, args: list[str]) -> int:
    """jobs."""
    found, operands = nextopt(sh, args, "lps")
    mode = found[-1][0] if found else ""
    if not operands:
        jobs.showjobs(sh, False, mode)
    for name in operands:
        jobs.showjob(sh, jobs.getjob(sh, name), mode)
    return 0


def _controlled(sh: Shell, name: str | None) -> jobs.Job:
    job = jobs.getjob(sh, name)
    if not job.jobctl:
        sh.error("job not created under job control")
    return job


async def fgcmd(sh: Shell, args: list[str]) -> int:
    """fg."""
    _, operands = nextopt(sh, args, "")
    jobs.checkzombies(sh)
    job = _controlled(sh, operands[0] if operands else None)
    sh.out(jobs.jobcmd(job))
    await sh.flush()
    jobs.set_foreground(sh, job.procs[0].pid)
    jobs.restartjob(sh, job)
    job.foreground = True
    status, _ = await jobs.waitforjob(sh, job)
    return status


def bgcmd(sh: Shell, args: list[str]) -> int:
    """bg."""
    _, operands = nextopt(sh, args, "")
    names: list[str | None] = [*operands] or [None]
    for name in names:
        job = _controlled(sh, name)
        if job.state == jobs.DONE:
            continue
        jobs.restartjob(sh, job)
        job.foreground = False
        sh.out(f"[{job.number}] {jobs.jobcmd(job)}")
    return 0


async def waitcmd(sh: Shell, args: list[str]) -> int:
    """wait."""
    _, operands = nextopt(sh, args, "")
    if not operands:
        return await _wait(sh, None)
    status = 0
    for name in operands:
        job = jobs.findjob(sh, name)
        status = 127 if job is None else await _wait(sh, job)
    return status


async def _wait(sh: Shell, job: jobs.Job | None) -> int:
    status = await jobs.wait_loop(sh, job)
    if sh.intpending:
        await trap.check(sh)
    return status


def jobidcmd(sh: Shell, args: list[str]) -> int:
    """jobid."""
    _, operands = nextopt(sh, args, "")
    job = jobs.getjob(sh, operands[0] if operands else None)
    sh.out(" ".join(str(p.pid) for p in job.procs) + "\n")
    return 0


async def killcmd(sh: Shell, args: list[str]) -> int:
    """kill."""
    me = False

    def send(pid: int, sig: int) -> int:
        nonlocal me
        me = me or pid <= 0 or pid == sh.sys.getpid()
        try:
            sh.sys.kill(pid, sig)
        except KError as e:
            return e.errno
        return 0

    try:
        status = Kill(sh.out, sh.out2, "kill", send, lambda name, sig: jobs.killjob(sh, name, sig)).run(args[1:])
    except KillFailure:
        sh.error(None)
    if me:
        # The signal reaches us before kill(2) returns.
        sh.flush_nowait()
        await sh.sys.sched_yield()
    return status


TABLE: dict[str, Callable[..., Any]] = {
    "jobs": jobscmd, "fg": fgcmd, "bg": bgcmd, "wait": waitcmd, "jobid": jobidcmd, "kill": killcmd,
}  # fmt: skip
