"""nullfs: a directory seen a second time under another name (nullfs(4), sys/fs/nullfs)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EDEADLK, ENOTDIR, KError
from vshell.abi.fcntl import Stat
from vshell.abi.record import replace
from vshell.kernel.kern.vfs import DirVnode, Mount, RegularVnode, SymlinkVnode, Vnode, namei, vn_fullpath

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_descrip import File
    from vshell.kernel.kern.kern_proc import Proc


class NullMount(Mount):
    """A nullfs mount; knows the upper vnode of every lower one that was met."""

    __slots__ = ("uppers",)

    def __init__(self, proc: Proc, lower: DirVnode, onname: str, options: frozenset[str]) -> None:
        fromname = vn_fullpath(lower, proc.kernel.rootvnode)
        super().__init__(proc.kernel, "nullfs", fromname, onname, options | {"local"})
        self.uppers: dict[Vnode, Vnode] = {}
        self.root = self.upper(lower)

    def upper(self, lower: Vnode) -> Vnode:
        """null_nodeget: the vnode here for one below."""
        found = self.uppers.get(lower)
        if found is None:
            kind: Callable[[Mount, Vnode], Vnode] = NullOther
            if isinstance(lower, DirVnode):
                kind = NullDir
            elif isinstance(lower, RegularVnode):
                kind = NullRegular
            elif isinstance(lower, SymlinkVnode):
                kind = NullSymlink
            found = self.uppers[lower] = kind(self, lower)
        return found


def _through(name: str) -> Any:
    """An attribute of the vnode below."""

    def get(self: Any) -> Any:
        return getattr(self.lower, name)

    def put(self: Any, value: Any) -> None:
        setattr(self.lower, name, value)

    return property(get, put)


class NullVnode(Vnode):
    """A vnode that passes everything on to the one below."""

    def __init__(self, mount: Mount, lower: Vnode) -> None:
        self.mount = mount
        self.lower = lower
        self.mounted = None

    mode = _through("mode")
    uid = _through("uid")
    gid = _through("gid")
    nlink = _through("nlink")
    ino = _through("ino")
    flags = _through("flags")
    atime = _through("atime")
    mtime = _through("mtime")
    ctime = _through("ctime")
    birth = _through("birth")
    un = _through("un")

    def size(self) -> int:
        """st_size."""
        return self.lower.size()

    def rdev(self) -> int:
        """st_rdev."""
        return self.lower.rdev()

    def getattr(self) -> Stat:
        """The attributes of the vnode below, on this file system."""
        return replace(self.lower.getattr(), st_dev=self.mount.dev)

    def open(self, proc: Proc, flags: int) -> File:
        """VOP_OPEN."""
        return self.lower.open(proc, flags)

    def read_all(self) -> bytes:
        """The whole content."""
        return self.lower.read_all()


class NullOther(NullVnode):
    """A fifo, a socket's name, a device."""


class NullRegular(NullVnode, RegularVnode):
    """A regular file."""

    hole = _through("hole")

    @property
    def data(self) -> bytearray:
        """The content."""
        assert isinstance(self.lower, RegularVnode)
        return self.lower.data


class NullSymlink(NullVnode, SymlinkVnode):
    """A symbolic link."""

    target = _through("target")


class NullDir(NullVnode, DirVnode):
    """A directory."""

    name = _through("name")

    def __init__(self, mount: Mount, lower: Vnode) -> None:
        super().__init__(mount, lower)
        self.populate = None

    @property
    def below(self) -> DirVnode:
        """The directory below."""
        assert isinstance(self.lower, DirVnode)
        return self.lower

    @property
    def parent(self) -> DirVnode:  # type: ignore[override]
        """The directory above, on this file system."""
        if self.mount.root is self:
            return self
        above = self._upper(self.below.parent)
        assert isinstance(above, DirVnode)
        return above

    def _upper(self, lower: Vnode) -> Vnode:
        assert isinstance(self.mount, NullMount)
        return self.mount.upper(lower)

    def lookup(self, name: str, proc: Proc | None = None) -> Vnode | None:
        """VOP_LOOKUP."""
        found = self.below.lookup(name, proc)
        return None if found is None else self._upper(found)

    def names(self) -> list[str]:
        """VOP_READDIR."""
        return self.below.names()

    def mkreg(self, name: str, mode: int, uid: int) -> Vnode:
        """VOP_CREATE."""
        return self._upper(self.below.mkreg(name, mode, uid))

    def mkdir(self, name: str, mode: int, uid: int) -> Vnode:
        """VOP_MKDIR."""
        return self._upper(self.below.mkdir(name, mode, uid))

    def mkfifo(self, name: str, mode: int, uid: int) -> Vnode:
        """VOP_MKNOD."""
        return self._upper(self.below.mkfifo(name, mode, uid))

    def mksock(self, name: str, mode: int, uid: int) -> Vnode:
        """A socket's name."""
        return self._upper(self.below.mksock(name, mode, uid))

    def symlink(self, name: str, target: str, mode: int, uid: int) -> Vnode:
        """VOP_SYMLINK."""
        return self._upper(self.below.symlink(name, target, mode, uid))

    def link(self, name: str, vnode: Vnode) -> None:
        """VOP_LINK."""
        self.below.link(name, _lower(vnode))

    def unlink(self, name: str, vnode: Vnode) -> None:
        """VOP_REMOVE, VOP_RMDIR."""
        self.below.unlink(name, _lower(vnode))

    def rename(self, name: str, vnode: Vnode, to: DirVnode, toname: str) -> None:
        """VOP_RENAME."""
        assert isinstance(to, NullDir)
        self.below.rename(name, _lower(vnode), to.below, toname)


def _lower(vnode: Vnode) -> Vnode:
    assert isinstance(vnode, NullVnode)
    return vnode.lower


def mount(proc: Proc, source: str, onname: str, words: frozenset[str], options: dict[str, str]) -> Mount:
    """nullfs_mount: `source` is the directory to show."""
    lower = namei(proc, source)
    if not isinstance(lower, DirVnode):
        raise KError(ENOTDIR)
    if vn_fullpath(lower, proc.kernel.rootvnode) == onname:
        raise KError(EDEADLK)
    return NullMount(proc, lower, onname, words)
