"""A folder of the host inside the machine (`--mount HOST:GUEST[:ro]`).

Symbolic links are shown as they are and followed by the machine, never by the host, so nothing outside the folder is
reached.  Ownership, permissions and times that are changed inside are not passed on.

While a session is made again (undo, load, record), its commands run a second time; what they change then stays in the
machine (the mount's `shadow`) and the folder is left as it is.
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


class HostMount(Mount):
    """A mounted folder of the host."""

    __slots__ = ("shadow",)

    shadow: dict[tuple[str, str], Vnode | None] | None
    """While nothing is passed on: what (folder, name) became, None if it was removed."""


class HostRegular(RegularVnode):
    """A regular file of the host."""

    __slots__ = ("path",)
    mount: HostMount

    def __init__(self, mount: HostMount, path: str, info: os.stat_result) -> None:
        super().__init__(mount, stat.S_IMODE(info.st_mode), load=self._content)
        self.path = path
        _times(self, info)

    def _content(self) -> bytes:
        """What a file begins with that is changed in the machine only."""
        with host_errors(), open(self._open(os.O_RDONLY), "rb") as file:
            return file.read()

    @property
    def shadowed(self) -> bool:
        """True if the machine has changed the file and kept that to itself."""
        return self.mount.shadow is not None and self._load is None

    def _open(self, flags: int) -> int:
        return os.open(self.path, flags | NOFOLLOW | getattr(os, "O_CLOEXEC", 0))

    def size(self) -> int:
        """st_size."""
        if self.shadowed:
            return super().size()
        with host_errors():
            return os.lstat(self.path).st_size

    def read(self, offset: int, size: int) -> bytes:
        """VOP_READ."""
        if self.shadowed:
            return super().read(offset, size)
        with host_errors():
            fd = self._open(os.O_RDONLY)
            try:
                return os.pread(fd, size, offset)
            finally:
                os.close(fd)

    def write(self, offset: int, data: bytes) -> None:
        """VOP_WRITE."""
        if self.mount.shadow is not None:
            super().write(offset, data)
            return
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
        if self.mount.shadow is not None:
            super().truncate(size)
            return
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
    mount: HostMount

    def __init__(self, mount: HostMount, path: str, info: os.stat_result) -> None:
        super().__init__(mount, stat.S_IMODE(info.st_mode))
        self.path = path
        _times(self, info)

    def _child(self, name: str) -> str:
        return os.path.join(self.path, name)

    def lookup(self, name: str, proc: object = None) -> Vnode | None:
        """VOP_LOOKUP."""
        shadow = self.mount.shadow
        if shadow is not None and (self.path, name) in shadow:
            return shadow[self.path, name]
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
            names = set(os.listdir(self.path))
        for (folder, name), vnode in (self.mount.shadow or {}).items():
            if folder == self.path:
                (names.discard if vnode is None else names.add)(name)
        return sorted(names)

    def _made(self, name: str, vnode: Vnode) -> Vnode:
        raise KError(errno.EOPNOTSUPP)

    def enter(self, name: str, vnode: Vnode) -> None:
        """An entry that is not passed on."""
        if self.mount.shadow is None:
            raise KError(errno.EXDEV)  # made while nothing was passed on
        self.mount.shadow[self.path, name] = vnode
        if isinstance(vnode, DirVnode):
            vnode.parent, vnode.name = self, name

    def _kept(self, name: str, vnode: Vnode) -> Vnode:
        self.enter(name, vnode)
        return vnode

    def _new(self, name: str) -> Vnode:
        vnode = self.lookup(name)
        if vnode is None:
            raise KError(errno.ENOENT)
        return vnode

    def mkreg(self, name: str, mode: int, uid: int) -> Vnode:
        """VOP_CREATE."""
        if self.mount.shadow is not None:
            return self._kept(name, RegularVnode(self.mount, mode, uid, self.gid))
        with host_errors():
            os.close(os.open(self._child(name), os.O_CREAT | os.O_EXCL | os.O_WRONLY | NOFOLLOW, mode & 0o777))
        return self._new(name)

    def mkdir(self, name: str, mode: int, uid: int) -> Vnode:
        """VOP_MKDIR."""
        if self.mount.shadow is not None:
            return self._kept(name, DirVnode(self.mount, mode, uid, self.gid))
        with host_errors():
            os.mkdir(self._child(name), mode & 0o777)
        return self._new(name)

    def symlink(self, name: str, target: str, mode: int, uid: int) -> Vnode:
        """VOP_SYMLINK."""
        if self.mount.shadow is not None:
            return self._kept(name, SymlinkVnode(self.mount, target, mode, uid, self.gid))
        with host_errors():
            os.symlink(target, self._child(name))
        return self._new(name)

    def link(self, name: str, vnode: Vnode) -> None:
        """VOP_LINK: hard links are not passed on."""
        raise KError(errno.EOPNOTSUPP)

    def unlink(self, name: str, vnode: Vnode) -> None:
        """VOP_REMOVE and VOP_RMDIR."""
        if self.mount.shadow is not None:
            self.mount.shadow[self.path, name] = None
            vnode.nlink = 0
            return
        with host_errors():
            (os.rmdir if vnode.isdir else os.unlink)(self._child(name))
        vnode.nlink = 0
        self._entries.pop(name, None)

    def rename(self, name: str, vnode: Vnode, to: DirVnode, toname: str) -> None:
        """VOP_RENAME."""
        if self.mount.shadow is not None:
            self.mount.shadow[self.path, name] = None
            to.enter(toname, vnode)
            return
        if not isinstance(to, HostDir):
            raise KError(errno.EXDEV)
        with host_errors():
            os.rename(self._child(name), to._child(toname))
        self._entries.pop(name, None)
        to._entries.pop(toname, None)


def _times(vnode: Vnode, info: os.stat_result) -> None:
    vnode.atime, vnode.mtime, vnode.ctime = info.st_atime_ns, info.st_mtime_ns, info.st_ctime_ns
    vnode.birth = info.st_mtime_ns


def mount_host(kernel: Kernel, folder: str, guest: str, covered: DirVnode, read_only: bool) -> HostMount:
    """Show a folder of the host at `covered`, whose path is `guest`; OSError if there is no such folder."""
    folder = os.path.realpath(folder)
    info = os.stat(folder)
    if not stat.S_ISDIR(info.st_mode):
        raise NotADirectoryError(host_errno.ENOTDIR, os.strerror(host_errno.ENOTDIR), folder)
    words = frozenset({"local", "read-only"} if read_only else {"local"})
    mount = HostMount(kernel, "p9fs", os.path.basename(folder) or "/", guest, words)
    mount.shadow = None
    mount.root = HostDir(mount, folder, info)
    add_mount(kernel, mount, covered)
    return mount
