"""Sleeping and waking (sleepqueue(9), kern_synch.c).

A process is a coroutine; it gives up the processor only in `tsleep`, by yielding to the scheduler in kernel.py.  A wait
channel is an object; whoever changes what sleepers wait for calls its `wakeup`.
"""

from __future__ import annotations

from types import coroutine

from vshell.abi.errno import EINTR, KError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from vshell.kernel.kern.kern_proc import Proc


class Wchan:
    """A wait channel: the processes that sleep on it, in order of arrival."""

    __slots__ = ("name", "sleepers")

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.sleepers: list[Proc] = []

    def wakeup(self) -> None:
        """Make every sleeper runnable."""
        if self.sleepers:
            for p in self.sleepers[:]:
                p.setrunnable()


@coroutine
def mi_switch() -> Generator[None, Any, None]:
    """Hand the processor to the scheduler."""
    yield


async def suspend(p: Proc) -> None:
    """A process that was stopped while it ran: it goes no further until it is continued (thread_suspend_check)."""
    while p.stopped:
        p.resume_pending = True
        await mi_switch()


async def tsleep(p: Proc, *chans: Wchan, timeout: int | None = None, eintr: bool = False) -> bool:
    """Sleep until a channel is woken, `timeout` ns have passed or a signal arrives; True unless it timed out.

    The caller re-checks its condition: waking is a hint.  A caught signal whose handler asks for restart looks
    like a wakeup unless `eintr`; otherwise KError(EINTR).  A fatal signal unwinds the coroutine.
    """
    if p.stopped:
        await suspend(p)
    if p.siglist and p.cursig(eintr):
        raise KError(EINTR)
    for chan in chans:
        chan.sleepers.append(p)
    p.wchans = chans
    p.sleeping = True
    timer = None
    if timeout is not None:
        timer = p.kernel.clock.after(timeout, p.setrunnable, True)
    p.timedout = False
    try:
        await mi_switch()
    finally:
        if p.sleeping:  # unwound by close(): nobody woke us
            p.unsleep()
        if timer is not None:
            timer.stop()
    if p.siglist and p.cursig(eintr):
        raise KError(EINTR)
    return not p.timedout


async def sched_preempt(td: Proc) -> None:
    """There are packets on their way: they, and whom they wake, go first."""
    for _ in range(2):
        td.kernel.runq.append(td)
        await mi_switch()
