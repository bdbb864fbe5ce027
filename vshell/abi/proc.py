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
    rgid: int = 0
    svuid: int = 0
    svgid: int = 0
    groups: tuple[int, ...] = ()
    jailed: bool = False
    umask: int = 0o022
    foreground: bool = False
    """True if its process group is that of the terminal."""
    system: bool = False
    """True for a process of the kernel itself."""
    cutime: int = 0
    """Time of ended children, ns."""
    login: str = "root"
