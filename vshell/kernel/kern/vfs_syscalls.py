"""System calls on path names (sys/kern/vfs_syscalls.c)."""

from __future__ import annotations

from vshell.abi.errno import (
    EAGAIN,
    EBUSY,
    EEXIST,
    EFTYPE,
    EINVAL,
    EISDIR,
    EMLINK,
    ENOENT,
    ENOTDIR,
    ENOTEMPTY,
    EOPNOTSUPP,
    EPERM,
    EROFS,
    EXDEV,
    KError,
)
from vshell.abi.fcntl import (
    LOCK_NB,
    O_ACCMODE,
    O_APPEND,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOFOLLOW,
    O_RDONLY,
    O_TRUNC,
    O_WRONLY,
    R_OK,
    S_IFLNK,
    S_IFREG,
    S_IFSOCK,
    S_ISGID,
    S_ISTXT,
    S_ISUID,
    UTIME_NOW,
    UTIME_OMIT,
    W_OK,
    X_OK,
    Stat,
)
from vshell.kernel.kern.kern_priv import PRIV_VFS_SYSFLAGS, priv_check_cred
from vshell.kernel.kern.kern_synch import tsleep
from vshell.kernel.kern.vfs import (
    APPEND,
    IMMUTABLE,
    MAXPATHLEN,
    SF_APPEND,
    SF_IMMUTABLE,
    SF_NOUNLINK,
    SF_SETTABLE,
    DirVnode,
    RegularVnode,
    SymlinkVnode,
    Vnode,
    ancestors,
    check_delete,
    lookup,
    lookup_parent,
    may_create,
    namei,
    new_name,
    vaccess,
    vn_fullpath,
)
from vshell.kernel.kern.vfs_file import FifoEnd, VnodeFile
from vshell.kernel.kern.vfs_mount import MountCalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.kernel.kern.kern_descrip import File
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel


def vn_open(proc: Proc, path: str, flags: int, mode: int = 0o666) -> File:
    """The open file of a path, made first if asked for."""
    if flags & O_CREAT:
        dvp, name, vnode, made = _create(proc, path, flags, mode)
        if made:
            return vnode.open(proc, flags)
    else:
        dvp, name, vnode = lookup(proc, path, not flags & O_NOFOLLOW)
    _check_open(proc, vnode, flags)
    if flags & O_TRUNC and isinstance(vnode, RegularVnode) and flags & O_ACCMODE != O_RDONLY:
        vnode.truncate(0)
    file = vnode.open(proc, flags)
    if isinstance(file, VnodeFile):
        file.named = (dvp, name)
    return file


def _create(proc: Proc, path: str, flags: int, mode: int) -> tuple[DirVnode, str, Vnode, bool]:
    """O_CREAT: directory, name and file, and whether it is new."""
    follow = not flags & (O_NOFOLLOW | O_EXCL)
    dvp, name, vnode, trailing = lookup_parent(proc, path, follow)
    if vnode is not None:
        if flags & O_EXCL:
            raise KError(EEXIST)
        return dvp, name, vnode, False
    if trailing:
        raise KError(ENOENT)
    may_create(dvp, proc.ucred)
    return dvp, name, dvp.mkreg(name, mode & ~proc.cmask & ~S_ISTXT, proc.ucred.uid), True


def _check_open(proc: Proc, vnode: Vnode, flags: int) -> None:
    kind = vnode.type
    if kind == S_IFLNK:
        raise KError(EMLINK)
    if kind == S_IFSOCK:
        raise KError(EOPNOTSUPP)
    if flags & O_DIRECTORY and not vnode.isdir:
        raise KError(ENOTDIR)
    access = flags & O_ACCMODE
    want = (R_OK if access != O_WRONLY else 0) | (W_OK if access != O_RDONLY or flags & O_TRUNC else 0)
    if want & W_OK and vnode.isdir:
        raise KError(EISDIR)
    vaccess(vnode, proc.ucred, want)
    if want & W_OK and vnode.flags & APPEND and (flags & O_TRUNC or not flags & O_APPEND):
        raise KError(EPERM)


class VfsCalls(MountCalls):
    """The calls of one process."""

    proc: Proc
    kernel: Kernel

    # opening and looking -----------------------------------------------------------------------------------------
    def open(self, path: str, flags: int = 0, mode: int = 0o666) -> int:
        """open(2)."""
        file = vn_open(self.proc, path, flags & ~O_CLOEXEC, mode)
        fd = self.proc.fd.install(file)
        if flags & O_CLOEXEC:
            self.proc.fd.cloexec.add(fd)
        return fd

    async def opened(self, fd: int) -> None:
        """The part of open(2) that waits, for a program that can tell."""
        file = self.proc.fd.get(fd)
        if isinstance(file, FifoEnd):
            await file.connect(self.proc)

    def stat(self, path: str) -> Stat:
        """stat(2)."""
        return namei(self.proc, path).getattr()

    def lstat(self, path: str) -> Stat:
        """lstat(2)."""
        return namei(self.proc, path, follow=False).getattr()

    def access(self, path: str, mode: int) -> None:
        """access(2): with the real ids."""
        vnode = namei(self.proc, path)
        cred = self.proc.ucred
        if mode:
            vaccess(vnode, cred, mode, cred.ruid, cred.rgid)

    def listdir(self, path: str) -> list[str]:
        """getdirentries(2) of a whole directory, without . and .. ."""
        vnode = namei(self.proc, path)
        if not isinstance(vnode, DirVnode):
            raise KError(ENOTDIR)
        vaccess(vnode, self.proc.ucred, R_OK)
        return vnode.names()

    def readlink(self, path: str) -> str:
        """readlink(2)."""
        vnode = namei(self.proc, path, follow=False)
        if not isinstance(vnode, SymlinkVnode):
            raise KError(EINVAL)
        return vnode.target

    # making ------------------------------------------------------------------------------------------------------
    def mkdir(self, path: str, mode: int = 0o777) -> None:
        """mkdir(2)."""
        dvp, name = new_name(self.proc, path, directory=True)
        dvp.mkdir(name, mode & 0o1777 & ~self.proc.cmask, self.proc.ucred.uid)

    def mkfifo(self, path: str, mode: int = 0o666) -> None:
        """mkfifo(2)."""
        dvp, name = new_name(self.proc, path)
        dvp.mkfifo(name, mode & ~self.proc.cmask, self.proc.ucred.uid)

    def symlink(self, target: str, path: str) -> None:
        """symlink(2)."""
        if not target:
            raise KError(ENOENT)
        if len(target.encode("utf-8", "surrogateescape")) >= MAXPATHLEN:
            raise KError(EINVAL)
        dvp, name = new_name(self.proc, path)
        dvp.symlink(name, target, 0o777 & ~self.proc.cmask, self.proc.ucred.uid)

    def link(self, old: str, new: str, follow: bool = True) -> None:
        """linkat(2)."""
        vnode = namei(self.proc, old, follow)
        if vnode.isdir:
            raise KError(EPERM)
        dvp, name = new_name(self.proc, new)
        if dvp.mount is not vnode.mount:
            raise KError(EXDEV)
        if vnode.flags & (IMMUTABLE | APPEND):
            raise KError(EPERM)
        dvp.link(name, vnode)

    # removing ----------------------------------------------------------------------------------------------------
    def unlink(self, path: str) -> None:
        """unlink(2)."""
        dvp, name, vnode, _ = lookup_parent(self.proc, path)
        if vnode is None:
            raise KError(ENOENT)
        if name == "..":
            raise KError(EINVAL)
        _rofs(dvp)
        if vnode.isdir:
            raise KError(EPERM)
        check_delete(dvp, vnode, self.proc.ucred)
        dvp.unlink(name, vnode)

    def rmdir(self, path: str) -> None:
        """rmdir(2)."""
        dvp, name, vnode, _ = lookup_parent(self.proc, path)
        if vnode is None:
            raise KError(ENOENT)
        _rofs(dvp)
        if not isinstance(vnode, DirVnode):
            raise KError(ENOTDIR)
        if name in (".", "..") or vnode is dvp:
            raise KError(EINVAL)
        if vnode is vnode.mount.root:
            raise KError(EBUSY)
        check_delete(dvp, vnode, self.proc.ucred)
        if vnode.names():
            raise KError(ENOTEMPTY)
        dvp.unlink(name, vnode)

    def rename(self, old: str, new: str) -> None:
        """rename(2)."""
        cred = self.proc.ucred
        fdvp, fname, fvp, _ = lookup_parent(self.proc, old)
        if fvp is None:
            raise KError(ENOENT)
        tdvp, tname, tvp, trailing = lookup_parent(self.proc, new)
        if tvp is None and trailing and not fvp.isdir:
            raise KError(ENOENT)
        if tvp is not None and fvp.isdir and not tvp.isdir:
            raise KError(ENOTDIR)
        if tvp is not None and not fvp.isdir and tvp.isdir:
            raise KError(EISDIR)
        if fvp is tdvp or fname in (".", "..") or tname in (".", ".."):
            raise KError(EINVAL)
        if fvp.mount is not tdvp.mount or (tvp is not None and tvp.mount is not fvp.mount):
            raise KError(EXDEV)
        if fvp is tvp:
            return
        _rofs(fdvp)
        check_delete(fdvp, fvp, cred)
        may_create(tdvp, cred)
        if tvp is not None:
            check_delete(tdvp, tvp, cred)
            if isinstance(tvp, DirVnode) and tvp.names():
                raise KError(ENOTEMPTY)
        if isinstance(fvp, DirVnode):
            if any(up is fvp for up in ancestors(tdvp)):
                raise KError(EINVAL)
            if fvp.parent is not tdvp:
                vaccess(fvp, cred, W_OK)  # its ".." changes
        fdvp.rename(fname, fvp, tdvp, tname)

    # attributes --------------------------------------------------------------------------------------------------
    def chmod(self, path: str, mode: int, follow: bool = True) -> None:
        """chmod(2), lchmod(2)."""
        vnode = namei(self.proc, path, follow)
        self._owner(vnode)
        cred = self.proc.ucred
        if cred.uid != 0:
            if mode & S_ISTXT and not vnode.isdir:
                raise KError(EFTYPE)
            if mode & S_ISGID and not cred.member(vnode.gid):
                raise KError(EPERM)
        vnode.setattr(mode=mode)

    def chown(self, path: str, uid: int, gid: int, follow: bool = True) -> None:
        """chown(2), lchown(2); -1 leaves an id as it is."""
        vnode = namei(self.proc, path, follow)
        self._owner(vnode)
        cred = self.proc.ucred
        uid = vnode.uid if uid == -1 else uid
        gid = vnode.gid if gid == -1 else gid
        mode = vnode.mode
        if cred.uid != 0:
            if uid != vnode.uid or (gid != vnode.gid and not cred.member(gid)):
                raise KError(EPERM)
            mode &= ~(S_ISUID | S_ISGID)
        vnode.setattr(uid=uid, gid=gid, mode=mode)

    def chflags(self, path: str, flags: int, follow: bool = True) -> None:
        """chflags(2), lchflags(2)."""
        vnode = namei(self.proc, path, follow)
        if vnode.mount.rdonly:
            raise KError(EROFS)
        cred = self.proc.ucred
        if cred.uid not in (0, vnode.uid):
            raise KError(EPERM)
        fixed = vnode.flags & (SF_IMMUTABLE | SF_APPEND | SF_NOUNLINK)
        if priv_check_cred(cred, PRIV_VFS_SYSFLAGS):
            if fixed or (flags ^ vnode.flags) & SF_SETTABLE:
                raise KError(EPERM)
        elif fixed and cred.prison.securelevel > 0:
            raise KError(EPERM)
        vnode.setattr(flags=flags)

    def utimes(self, path: str, atime: int, mtime: int, follow: bool = True) -> None:
        """utimensat(2); see abi.fcntl.UTIME_NOW."""
        vnode = namei(self.proc, path, follow)
        if vnode.mount.rdonly:
            raise KError(EROFS)
        if vnode.flags & (IMMUTABLE | APPEND):
            raise KError(EPERM)
        cred = self.proc.ucred
        if cred.uid not in (0, vnode.uid):
            if atime != UTIME_NOW or mtime != UTIME_NOW:
                raise KError(EPERM)
            vaccess(vnode, cred, W_OK)
        now = self.kernel.clock.realtime()
        changes = {"atime": atime, "mtime": mtime}
        vnode.setattr(**{n: now if t == UTIME_NOW else t for n, t in changes.items() if t != UTIME_OMIT})

    def _owner(self, vnode: Vnode) -> None:
        """Only the owner and root may go on, and only on a writable file system."""
        if vnode.mount.rdonly:
            raise KError(EROFS)
        if self.proc.ucred.uid not in (0, vnode.uid) or vnode.flags & (IMMUTABLE | APPEND):
            raise KError(EPERM)

    def truncate(self, path: str, size: int) -> None:
        """truncate(2)."""
        vnode = namei(self.proc, path)
        if vnode.isdir:
            raise KError(EISDIR)
        vaccess(vnode, self.proc.ucred, W_OK)
        if size < 0 or vnode.type != S_IFREG:
            raise KError(EINVAL)
        assert isinstance(vnode, RegularVnode)
        vnode.truncate(size)

    # locks -------------------------------------------------------------------------------------------------------
    def flock_nowait(self, fd: int, operation: int) -> None:
        """flock(2) with LOCK_NB: EAGAIN if somebody else holds the lock."""
        file = self.proc.fd.get(fd)
        if not isinstance(file, VnodeFile):
            raise KError(EOPNOTSUPP)
        if not file.advlock(operation):
            raise KError(EAGAIN)

    async def flock(self, fd: int, operation: int) -> None:
        """flock(2), waiting for the lock."""
        while True:
            try:
                return self.flock_nowait(fd, operation)
            except KError as e:
                if e.errno != EAGAIN or operation & LOCK_NB:
                    raise
            file = self.proc.fd.get(fd)
            assert isinstance(file, VnodeFile)
            await tsleep(self.proc, file.vnode.mount.lockchan)

    # where the process is ----------------------------------------------------------------------------------------
    def chdir(self, path: str) -> None:
        """chdir(2)."""
        self.proc.cdir = self._directory(path)

    def getcwd(self) -> str:
        """__getcwd(2)."""
        return vn_fullpath(self.proc.cdir, self.proc.rdir)

    def chroot(self, path: str) -> None:
        """chroot(2)."""
        if self.proc.ucred.uid != 0:
            raise KError(EPERM)
        self.proc.rdir = self._directory(path)

    def _directory(self, path: str) -> Vnode:
        vnode = namei(self.proc, path)
        if not vnode.isdir:
            raise KError(ENOTDIR)
        vaccess(vnode, self.proc.ucred, X_OK)
        return vnode

    def umask(self, mask: int) -> int:
        """umask(2)."""
        old, self.proc.cmask = self.proc.cmask, mask & 0o7777
        return old


def _rofs(dvp: DirVnode) -> None:
    if dvp.mount.rdonly:
        raise KError(EROFS)
