"""Mounting (sys/kern/vfs_mount.c) and the table of file system types: one file of that name in kernel/fs each."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from vshell.abi.errno import EBUSY, EINVAL, ENODEV, ENOTDIR, EPERM, KError
from vshell.abi.mount import MNT_FORCE, Statfs
from vshell.abi.record import Record
from vshell.kernel.kern.kern_priv import PRIV_VFS_MOUNT, PRIV_VFS_MOUNT_OWNER, PRIV_VFS_UNMOUNT, priv_check
from vshell.kernel.kern.vfs import DirVnode, Mount, Vnode, add_mount, namei, vn_fullpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc, Ucred
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


def prison_canseemount(cred: Ucred, mount: Mount) -> bool:
    """Whether a jail's enforce_statfs lets it know of a mount (prison_canseemount)."""
    pr = cred.prison
    if pr.enforce_statfs == 0 or pr.root.mount is mount:
        return True
    if pr.enforce_statfs == 2:
        return False
    return pr.path == "/" or f"{mount.onname}/".startswith(f"{pr.path}/")


def prison_mount_name(cred: Ucred, mount: Mount) -> str:
    """What a jail is told a file system is mounted on (prison_enforce_statfs)."""
    pr = cred.prison
    if pr.enforce_statfs == 0:
        return mount.onname
    if not prison_canseemount(cred, mount):
        return "[restricted]"
    if pr.root.mount is mount:
        return "/"
    if pr.path == "/":
        return mount.onname
    return mount.onname[len(pr.path) :] or "/"


class MountCalls:
    """System calls on mounted file systems."""

    proc: Proc
    kernel: Kernel

    def getfsstat(self) -> list[Record]:
        """getfsstat(2): those the jail of the process may see."""
        cred = self.proc.ucred
        return [statfs_of(m, prison_mount_name(cred, m)) for m in self.kernel.mounts if prison_canseemount(cred, m)]

    def statfs(self, path: str) -> Record:
        """statfs(2)."""
        mount = namei(self.proc, path).mount
        return statfs_of(mount, prison_mount_name(self.proc.ucred, mount))

    def nmount(self, fstype: str, path: str, options: dict[str, str]) -> None:
        """nmount(2)."""
        priv_check(self.proc, PRIV_VFS_MOUNT)
        vnode = namei(self.proc, path)
        if not vnode.isdir or not isinstance(vnode, DirVnode):
            raise KError(ENOTDIR)
        module = _fstype(self.proc, fstype)
        cred = self.proc.ucred
        if cred.prison.isjail and not cred.prison.allows(f"mount.{fstype}"):
            raise KError(EPERM)
        onname = vn_fullpath(vnode, self.kernel.rootvnode)
        words = frozenset(word for name, word in MNT_WORDS.items() if name in options)
        mount = module.mount(self.proc, options.get("from", fstype), onname, words, options)
        assert isinstance(mount, Mount)
        mount.cred = cred
        add_mount(self.kernel, mount, vnode)

    def unmount(self, path: str, flags: int = 0) -> None:
        """unmount(2)."""
        priv_check(self.proc, PRIV_VFS_UNMOUNT)
        mount = self._mount_on(path)
        self._suser(mount)
        dounmount(self.kernel, mount, flags)

    def _mount_on(self, path: str) -> Mount:
        """The newest mount on a path name, which need not exist any more."""
        try:
            vnode = namei(self.proc, path)
        except KError as e:
            name, error = path, e
        else:
            name, error = vn_fullpath(vnode, self.kernel.rootvnode), KError(EINVAL)
        for mount in reversed(self.kernel.mounts):
            if mount.onname == name:
                return mount
        raise error

    def _suser(self, mount: Mount) -> None:
        """vfs_suser: a jail may only touch what was mounted in it, and only types it may mount."""
        cred = self.proc.ucred
        owner = mount.cred
        if cred.prison.isjail:
            below = owner is not None and (owner.prison is cred.prison or owner.prison in cred.prison.descendants())
            if not below or not cred.prison.allows(f"mount.{mount.fstype}"):
                raise KError(EPERM)
        if cred.uid != (0 if owner is None else owner.uid):
            priv_check(self.proc, PRIV_VFS_MOUNT_OWNER)


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
