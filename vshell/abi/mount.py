"""statfs(2), nmount(2), unmount(2): what is known of a mounted file system (sys/mount.h)."""

from __future__ import annotations

from vshell.abi.record import Record

MNT_FORCE, MNT_UPDATE = 0x80000, 0x10000


class Statfs(Record):
    """struct statfs.  `options` are the words mount(8) prints after the type ("local", "read-only", ...)."""

    f_mntfromname: str
    f_mntonname: str
    f_fstypename: str
    options: tuple[str, ...] = ()
    f_bsize: int = 4096
    f_blocks: int = 0
    f_bfree: int = 0
    f_bavail: int = 0
    f_files: int = 0
    f_ffree: int = 0
    f_fsid: int = 0
