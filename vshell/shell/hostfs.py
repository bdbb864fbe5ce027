"""A folder of the host inside the machine (`--mount HOST:GUEST[:ro]`).

Symbolic links are shown as they are and followed by the machine, never by the host, so nothing outside the folder is
reached.  Ownership, permissions and times that are changed inside are not passed on.
"""

from __future__ import annotations

import errno as host_errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vshell.abi import errno
from vshell.abi.errno import KError
from vshell.kernel.kern.vfs import DirVnode, Mount, RegularVnode, SymlinkVnode, Vnode, add_mount

if TYPE_CHECKING:
    from vshell.kernel.kern.kernel import Kernel

NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def host_errors() -> Iterator[None]:
    """Errors of the host become the machine's, by name: the numbers differ."""
    try:
        yield
    except OSError as e:
        name = host_errno.errorcode.get(e.errno or 0, "EIO")
        raise KError(getattr(errno, name, errno.EIO)) from None


class HostRegular(RegularVnode):
    """A regular file of the host."""

    __slots__ = ("path",)

    def __init__(self, mount: Mount, path: str, info: os.stat_result) -> None:
        super().__init__(mount, stat.S_IMODE(info.st_mode))
        self.path = path
        _times(self, info)

    def _open(self, flags: int) -> int:
        return os.open(self.path, flags | NOFOLLOW | getattr(os, "O_CLOEXEC", 0))

    def size(self) -> int:
        """st_size."""
        with host_errors():
            return os.lstat(self.path).st_size

    def read(self, offset: int, size: int) -> bytes:
        """VOP_READ."""
        with host_errors():
            fd = self._open(os.O_RDONLY)
            try:
                return os.pread(fd, size, offset)
            finally:
                os.close(fd)

    def write(self, offset: int, data: bytes) -> None:
        """VOP_WRITE."""
        with host_errors():
            fd = self._open(os.O_WRONLY)
            try:
                while data:
                    done = os.pwrite(fd, data, offset)
                    data, offset = data[done:], offset + done
            finally:
                os.close(fd)
        self.modified()

    def truncate(self, size: int) -> None:
        """Set the length."""
        with host_errors():
            fd = self._open(os.O_WRONLY)
            try:
                os.ftruncate(fd, size)
            finally:
                os.close(fd)
        self.modified()

    def read_all(self) -> bytes:
        """The whole content."""
        return self.read(0, self.size())


class HostDir(DirVnode):
    """A directory of the host; looked at anew each time."""

    __slots__ = ("path",)

    def __init__(self, mount: Mount, path: str, info: os.stat_result) -> None:
        super().__init__(mount, stat.S_IMODE(info.st_mode))
        self.path = path
        _times(self, info)

    def _child(self, name: str) -> str:
        return os.path.join(self.path, name)

    def lookup(self, name: str, proc: object = None) -> Vnode | None:
        """VOP_LOOKUP."""
        try:
            info = os.lstat(self._child(name))
        except OSError:
            self._entries.pop(name, None)
            return None
        known = self._entries.get(name)
        if known is None or known.type != stat.S_IFMT(info.st_mode):
            known = self._vnode(name, info)
        return known

    def _vnode(self, name: str, info: os.stat_result) -> Vnode:
        path = self._child(name)
        vnode: Vnode
        if stat.S_ISDIR(info.st_mode):
            vnode = HostDir(self.mount, path, info)
            vnode.parent, vnode.name = self, name
        elif stat.S_ISREG(info.st_mode):
            vnode = HostRegular(self.mount, path, info)
        elif stat.S_ISLNK(info.st_mode):
            with host_errors():
                vnode = SymlinkVnode(self.mount, os.readlink(path))
        else:
            vnode = Vnode(self.mount, info.st_mode)
        self._entries[name] = vnode
        return vnode

    def names(self) -> list[str]:
        """VOP_READDIR."""
        with host_errors():
            return sorted(os.listdir(self.path))

    def _made(self, name: str, vnode: Vnode) -> Vnode:
        raise KError(errno.EOPNOTSUPP)

    def _new(self, name: str) -> Vnode:
        vnode = self.lookup(name)
        if vnode is None:
            raise KError(errno.ENOENT)
        return vnode

    def mkreg(self, name: str, mode: int, uid: int) -> Vnode:
        """VOP_CREATE."""
        with host_errors():
            os.close(os.open(self._child(name), os.O_CREAT | os.O_EXCL | os.O_WRONLY | NOFOLLOW, mode & 0o777))
        return self._new(name)

    def mkdir(self, name: str, mode: int, uid: int) -> Vnode:
        """VOP_MKDIR."""
        with host_errors():
            os.mkdir(self._child(name), mode & 0o777)
        return self._new(name)

    def symlink(self, name: str, target: str, mode: int, uid: int) -> Vnode:
        """VOP_SYMLINK."""
        with host_errors():
            os.symlink(target, self._child(name))
        return self._new(name)

    def link(self, name: str, vnode: Vnode) -> None:
        """VOP_LINK: hard links are not passed on."""
        raise KError(errno.EOPNOTSUPP)

    def unlink(self, name: str, vnode: Vnode) -> None:
        """VOP_REMOVE and VOP_RMDIR."""
        with host_errors():
            (os.rmdir if vnode.isdir else os.unlink)(self._child(name))
        vnode.nlink = 0
        self._entries.pop(name, None)

    def rename(self, name: str, vnode: Vnode, to: DirVnode, toname: str) -> None:
        """VOP_RENAME."""
        if not isinstance(to, HostDir):
            raise KError(errno.EXDEV)
        with host_errors():
            os.rename(self._child(name), to._child(toname))
        self._entries.pop(name, None)
        to._entries.pop(toname, None)


def _times(vnode: Vnode, info: os.stat_result) -> None:
    vnode.atime, vnode.mtime, vnode.ctime = info.st_atime_ns, info.st_mtime_ns, info.st_ctime_ns
    vnode.birth = info.st_mtime_ns


def mount_host(kernel: Kernel, folder: str, guest: str, covered: DirVnode, read_only: bool) -> None:
    """Show a folder of the host at `covered`, whose path is `guest`; OSError if there is no such folder."""
    folder = os.path.realpath(folder)
    info = os.stat(folder)
    if not stat.S_ISDIR(info.st_mode):
        raise NotADirectoryError(host_errno.ENOTDIR, os.strerror(host_errno.ENOTDIR), folder)
    words = frozenset({"local", "read-only"} if read_only else {"local"})
    mount = Mount(kernel, "p9fs", os.path.basename(folder) or "/", guest, words)
    mount.root = HostDir(mount, folder, info)
    add_mount(kernel, mount, covered)
