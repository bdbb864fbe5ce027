"""Mounting (sys/kern/vfs_mount.c) and the table of file system types: one file of that name in kernel/fs each."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from vshell.abi.errno import EBUSY, EINVAL, ENODEV, ENOTDIR, EPERM, KError
from vshell.abi.fcntl import S_IFDIR
from vshell.abi.mount import MNT_FORCE, Statfs
from vshell.abi.record import Record
from vshell.kernel.kern.vfs import DirVnode, Mount, Vnode, add_mount, namei, vn_fullpath

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel

MNT_WORDS = {"noatime": "noatime", "noexec": "noexec", "nosuid": "nosuid", "nosymfollow": "nosymfollow", "ro": "read-only"}
"""Mount options to the words mount(8) lists, for all types."""


def dounmount(kernel: Kernel, mount: Mount, flags: int = 0) -> None:
    """Take a file system away; EBUSY while something on it is in use."""
    if mount.covered is None or any(m.covered is not None and m.covered.mount is mount for m in kernel.mounts):
        raise KError(EBUSY)
    if not flags & MNT_FORCE and _in_use(kernel, mount):
        raise KError(EBUSY)
    mount.covered.mounted = None
    kernel.mounts.remove(mount)


def _in_use(kernel: Kernel, mount: Mount) -> bool:
    for proc in kernel.procs.values():
        if proc.exited:
            continue
        if proc.cdir.mount is mount or proc.rdir.mount is mount:
            return True
        for file in proc.fd.files.values():
            vnode = getattr(file, "vnode", None)
            if isinstance(vnode, Vnode) and vnode.mount is mount:
                return True
    return False


def statfs_of(mount: Mount, onname: str | None = None) -> Statfs:
    """The statfs record of a mount."""
    words = tuple(w for w in ORDER if w in mount.options)
    if mount.fstype == "ufs":
        sizes = (5061372, 3541708, 3136800, 655358, 620124)
    elif mount.fstype == "tmpfs":
        sizes = (262144, 262143, 262143, 131072, 131071)
    else:
        sizes = (1, 0 if mount.fstype in ("devfs", "fdescfs") else 1, 0, 0, 0)
    return Statfs(mount.fromname, onname or mount.onname, mount.fstype, words, 4096, *sizes, mount.dev)


ORDER = (
    "asynchronous", "NFS exported", "local", "noatime", "noexec", "suiddir", "nosuid", "nosymfollow", "with quotas",
    "read-only", "synchronous", "union", "noclusterr", "noclusterw", "soft-updates", "journaled soft-updates",
)  # fmt: skip
"""Order of the words (optnames of mount(8))."""


class MountCalls:
    """System calls on mounted file systems."""

    proc: Proc
    kernel: Kernel

    def getfsstat(self) -> list[Record]:
        """getfsstat(2): all, or in a jail with a root of its own what that root is on."""
        root = self.proc.rdir
        if root is self.kernel.rootvnode:
            return [statfs_of(m) for m in self.kernel.mounts]
        return [statfs_of(root.mount, "/")]

    def statfs(self, path: str) -> Record:
        """statfs(2)."""
        vnode = namei(self.proc, path)
        mount = vnode.mount
        return statfs_of(mount, None if self.proc.rdir is self.kernel.rootvnode else "/")

    def nmount(self, fstype: str, path: str, options: dict[str, str]) -> None:
        """nmount(2)."""
        self._privilege()
        vnode = namei(self.proc, path)
        if not vnode.isdir or not isinstance(vnode, DirVnode):
            raise KError(ENOTDIR)
        module = _fstype(self.proc, fstype)
        onname = vn_fullpath(vnode, self.kernel.rootvnode)
        words = frozenset(word for name, word in MNT_WORDS.items() if name in options)
        mount = module.mount(self.proc, options.get("from", fstype), onname, words, options)
        assert isinstance(mount, Mount)
        add_mount(self.kernel, mount, vnode)

    def unmount(self, path: str, flags: int = 0) -> None:
        """unmount(2)."""
        self._privilege()
        for mount in reversed(self.kernel.mounts):
            if mount.onname == path:
                break
        else:
            vnode = namei(self.proc, path)
            if vnode.mode & S_IFDIR and vnode is not vnode.mount.root:
                raise KError(EINVAL)
            mount = vnode.mount
        dounmount(self.kernel, mount, flags)

    def _privilege(self) -> None:
        """Only root, and only outside of jails (allow.mount is not modelled)."""
        cred = self.proc.ucred
        if cred.uid != 0 or cred.prison is not self.kernel.prison0:
            raise KError(EPERM)


def _fstype(proc: Proc, name: str) -> ModuleType:
    """The module of a file system type, loaded if need be (vfs_byname_kld)."""
    from importlib.util import find_spec

    full = f"vshell.kernel.fs.{name}"
    if not name.isidentifier() or find_spec(full) is None:
        raise KError(EINVAL, "Invalid fstype")
    linker = proc.kernel.linker
    if linker.find_module(name) is None:
        try:
            linker.load(proc, name).userrefs += 1
        except KError:
            raise KError(ENODEV) from None
    return import_module(full)
