"""What the status character (^T) shows: the load and the most interesting process in the foreground (tty_info.c)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.tty import Tty

RSS_KB = 2_412
"""Resident memory, which programs here do not have: the figure ps shows."""


def _rank(p: Proc) -> tuple[bool, bool, int]:
    """proc_compare: who can run goes before who cannot, who lives before who does not, the younger before the older."""
    return not (p.sleeping or p.stopped or p.exited), not p.exited, p.pid


def _state(p: Proc) -> str:
    if p.exited:
        return "zombie"
    if p.stopped:
        return "suspended"
    if p.sleeping:
        return p.wchans[0].name if p.wchans else "nanslp"
    return "running" if p is p.kernel.curproc else "runnable"


def _hundredths(ns: int) -> str:
    return f"{ns // 1_000_000_000}.{ns % 1_000_000_000 // 10_000_000:02d}"


def tty_info(tty: Tty) -> None:
    """Report on the foreground process group."""
    kernel = tty.kernel
    head = f"{'' if tty.column == 0 else chr(10)}load: 0.00 "
    members = [p for p in kernel.procs.values() if p.pgid == tty.pgrp]
    if not tty.pgrp:
        text = "no foreground process group\n"
    elif not members:
        text = "empty foreground process group\n"
    else:
        p = max(members, key=_rank)
        real, user, system = kernel.clock.now - p.start, p.rusage["utime"], p.rusage["stime"]
        text = (
            f" cmd: {p.comm} {p.pid} [{_state(p)}] {_hundredths(real)}r {_hundredths(user)}u {_hundredths(system)}s "
            f"0% {0 if p.exited else RSS_KB}k\n"
        )
    tty.write((head + text).encode("utf-8", "surrogateescape"))
