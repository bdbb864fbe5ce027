"""umount(8): unmount file systems (sbin/umount/umount.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import S_IFDIR, S_IFMT
from vshell.abi.mount import MNT_FORCE, Statfs
from vshell.userland.getopt import Getopt
from vshell.userland.mntinfo import fstab, getmntinfo, vfs_filter
from vshell.userland.program import Program, program

USAGE = """\
usage: umount [-dfNnv] special ... | node ... | fsid ...
       umount -a | -A [-F fstab] [-dfnv] [-h host] [-t type]
"""


class Unmounter:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.types: str | None = None
        self.fstab = "/etc/fstab"

    def find(self, name: str) -> Statfs | None:
        """What is mounted under that name, the last first: by directory, then by device."""
        mounts = getmntinfo(self.p)
        for field in ("f_mntonname", "f_mntfromname"):
            for fs in reversed(mounts):
                if getattr(fs, field) == name:
                    return fs
        return None

    def by_name(self, name: str) -> bool:
        """checkname: True when it went well."""
        p = self.p
        fs = self.find(name) or self.find(name.rstrip("/") or "/")
        if fs is None:
            try:
                what = "statfs"
                found = p.sys.statfs(name)
                what = "stat"
                st = p.sys.stat(name)
                if st.st_mode & S_IFMT == S_IFDIR:
                    if p.sys.stat(f"{name}/..").st_dev == st.st_dev:
                        p.warnx(f"{name}: not a file system root directory")
                        return False
                    fs = found  # type: ignore[assignment]
            except KError as e:
                p.warn(e, f"{name}: {what}")
        if fs is None:
            p.warnx(f"{name}: unknown file system")
            return False
        if not vfs_filter(self.types)(fs.f_fstypename):
            return False
        return self.unmount(fs)

    def unmount(self, fs: Statfs) -> bool:
        """umountfs."""
        try:
            self.p.sys.unmount(fs.f_mntonname, MNT_FORCE if "f" in self.flags else 0)
        except KError as e:
            self.p.warn(e, f"unmount of {fs.f_mntonname} failed")
            return False
        if "v" in self.flags:
            self.p.stdout.write(f"{fs.f_mntfromname}: unmount from {fs.f_mntonname}\n")
        return True

    def all(self) -> bool:
        """-A: everything but the root and /dev; -a: what fstab lists."""
        wanted = vfs_filter(self.types)
        good = True
        if "A" in self.flags:
            for fs in reversed(getmntinfo(self.p)[1:]):
                if wanted(fs.f_fstypename) and fs.f_mntonname != "/dev":
                    good = self.unmount(fs) and good
            return good
        for entry in reversed(fstab(self.p, self.fstab)):
            if entry[1] != "/" and wanted(entry[2]):
                good = self.by_name(entry[1]) and good
        return good


@program("/sbin/umount")
def main(p: Program) -> int:
    """umount [-dfNnv] special ... | node ..."""
    u = Unmounter(p)
    parsed = Getopt(p, "AadF:fh:Nnt:v")
    for key, value in parsed:
        if key == "?":
            p.usage(USAGE)
        elif key == "F":
            u.fstab = value
        elif key == "t":
            u.types = value
        else:
            u.flags.add("A" if key == "h" else key)
    everything = bool(u.flags & {"a", "A"})
    if everything == bool(parsed.args):
        p.usage(USAGE)
    if everything:
        return 0 if u.all() else 1
    return int(not all([u.by_name(name) for name in parsed.args]))
