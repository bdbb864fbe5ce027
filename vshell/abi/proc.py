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
    capmode: bool = False
    """True in capability mode."""
    sigpend: frozenset[int] = frozenset()
    sigmask: frozenset[int] = frozenset()
    sigignore: frozenset[int] = frozenset()
    sigcatch: frozenset[int] = frozenset()


class KinfoFile(Record):
    """One open file of a process (sysctl kern.proc.filedesc, struct kinfo_file)."""

    fd: int | str
    """The descriptor, or "text", "ctty", "cwd", "root", "jail"."""
    type: str
    """"vnode", "socket", "pipe", "fifo", ..."""
    flags: int
    """As in open(2)."""
    refs: int = -1
    offset: int = -1
    path: str = ""
    vtype: str = ""
    """"r" file, "d" directory, "c" device, ..."""
    mode: int = 0
    ino: int = 0
    size: int = 0
    dev: int = 0
    rdev: int = 0
    mntdir: str = ""
    domain: int = 0
    sotype: int = 0
    protocol: int = 0
    local: Record | None = None
    """Address of a socket."""
    peer: Record | None = None
    recvq: int = 0
    sendq: int = 0
    addr: int = 0
    """A number for the socket or pipe."""
    peeraddr: int = 0
