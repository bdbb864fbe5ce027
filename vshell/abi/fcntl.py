"""open(2), fcntl(2), stat(2), wait(2) and poll(2) constants and results (sys/fcntl.h, sys/stat.h, sys/wait.h)."""

from __future__ import annotations

from vshell.abi.record import Record

O_RDONLY, O_WRONLY, O_RDWR, O_ACCMODE = 0, 1, 2, 3
O_NONBLOCK, O_APPEND, O_NOFOLLOW, O_CREAT, O_TRUNC, O_EXCL = 0x4, 0x8, 0x100, 0x200, 0x400, 0x800
O_DIRECTORY, O_CLOEXEC = 0x20000, 0x100000

LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN = 1, 2, 4, 8

SEEK_SET, SEEK_CUR, SEEK_END = 0, 1, 2

S_IFMT, S_IFIFO, S_IFCHR, S_IFDIR, S_IFBLK, S_IFREG, S_IFLNK, S_IFSOCK = (
    0o170000, 0o010000, 0o020000, 0o040000, 0o060000, 0o100000, 0o120000, 0o140000,
)  # fmt: skip
S_ISUID, S_ISGID, S_ISTXT = 0o4000, 0o2000, 0o1000

R_OK, W_OK, X_OK, F_OK = 4, 2, 1, 0

UTIME_NOW, UTIME_OMIT = -1, -2
"""Special times of utimes: the time of day; leave it as it is."""

WNOHANG, WUNTRACED, WCONTINUED = 1, 2, 4

POLLIN, POLLOUT, POLLERR, POLLHUP, POLLNVAL = 0x1, 0x4, 0x8, 0x10, 0x20


class Stat(Record):
    """struct stat.  Times are integer nanoseconds since the epoch."""

    st_dev: int
    st_ino: int
    st_mode: int
    st_nlink: int
    st_uid: int
    st_gid: int
    st_size: int
    st_atime: int
    st_mtime: int
    st_ctime: int
    st_rdev: int = 0
    st_blocks: int = 0
    st_blksize: int = 4096
    st_flags: int = 0
    st_birthtime: int = 0


def WIFEXITED(status: int) -> bool:
    """True if the process ended with exit(2)."""
    return status & 0x7F == 0


def WEXITSTATUS(status: int) -> int:
    """The exit status (0 to 255)."""
    return (status >> 8) & 0xFF


def WIFSTOPPED(status: int) -> bool:
    """True if the process is stopped."""
    return status & 0x7F == 0x7F


def WSTOPSIG(status: int) -> int:
    """The signal that stopped it."""
    return (status >> 8) & 0xFF


def WIFSIGNALED(status: int) -> bool:
    """True if a signal ended it."""
    return status & 0x7F not in (0, 0x7F)


def WTERMSIG(status: int) -> int:
    """The signal that ended it."""
    return status & 0x7F


def WCOREDUMP(status: int) -> bool:
    """True if it left a core file."""
    return bool(status & 0x80)
