"""What the kernel tells about processes (sysctl kern.proc, struct kinfo_proc)."""

from __future__ import annotations

from vshell.abi.record import Record


class KinfoProc(Record):
    """One process."""

    pid: int
    ppid: int
    pgid: int
    sid: int
    uid: int
    ruid: int
    gid: int
    jid: int
    comm: str
    args: tuple[str, ...]
    start: int
    """Start time, ns since the epoch."""
    state: str
    """"R" runnable, "S" sleeping, "T" stopped, "Z" zombie."""
    wchan: str
    utime: int
    """User time, ns."""
    stime: int
    nice: int
    tty: str
    """Controlling terminal, "" if none."""
    fib: int
    jailname: str
