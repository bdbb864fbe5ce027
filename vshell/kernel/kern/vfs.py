"""Vnodes, mounts, path names and open files of the in-memory file system (vnode(9), sys/kern/vfs_lookup.c, sys/fs/tmpfs).

A vnode is an object of the class of its kind: `RegularVnode`, `DirVnode`, ...  Their methods are the VOPs that differ
between file systems; everything that holds for all of them (permissions, mount points, symbolic links, jails' roots) is
in the functions of this file.  Directories come to life when they are first searched (`DirVnode.populate`), so that
booting costs nothing for what nobody looks at.
"""

from __future__ import annotations

from vshell.abi.elf import ELF_IDENT
from vshell.abi.errno import (
    EACCES,
    ECAPMODE,
    EEXIST,
    EFBIG,
    EINVAL,
    EISDIR,
    ELOOP,
    ENAMETOOLONG,
    ENOENT,
    ENOSPC,
    ENOTDIR,
    EOPNOTSUPP,
    EPERM,
    EROFS,
    KError,
)
from vshell.abi.fcntl import (
    S_IFDIR,
    S_IFIFO,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
    S_ISTXT,
    W_OK,
    X_OK,
    Stat,
)
from vshell.kernel.kern.kern_synch import Wchan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from vshell.kernel.kern.kern_descrip import File
    from vshell.kernel.kern.kern_proc import Proc, Ucred
    from vshell.kernel.kern.kernel import Kernel

MAXPATHLEN = 1024
NAME_MAX = 255
MAXSYMLINKS = 32

UF_NODUMP, UF_IMMUTABLE, UF_APPEND, UF_OPAQUE, UF_NOUNLINK = 0x1, 0x2, 0x4, 0x8, 0x10
SF_ARCHIVED, SF_IMMUTABLE, SF_APPEND, SF_NOUNLINK = 0x10000, 0x20000, 0x40000, 0x100000
SF_SETTABLE = 0x3FFF0000
IMMUTABLE = UF_IMMUTABLE | SF_IMMUTABLE
APPEND = UF_APPEND | SF_APPEND
NOUNLINK = UF_NOUNLINK | SF_NOUNLINK


class Mount:
    """A mounted file system."""

    __slots__ = (
        "covered", "cred", "dev", "fromname", "fstype", "kernel", "lockchan", "locks", "next_ino", "onname", "options", "root",
        "ruleset",
    )  # fmt: skip

    def __init__(self, kernel: Kernel, fstype: str, fromname: str, onname: str, options: frozenset[str] = frozenset()) -> None:
        self.kernel = kernel
        self.fstype = fstype
        self.fromname = fromname
        self.onname = onname
        self.options = options
        """What mount(8) lists in parentheses after the type: "local", "read-only", "nosuid", ..."""
        self.dev = 0
        self.next_ino = 2
        self.cred: Ucred | None = None
        """Who mounted it; None for the system."""
        self.covered: Vnode | None = None
        self.locks: dict[Vnode, dict[File, bool]] = {}
        """flock(2): who holds a lock on what; True for an exclusive one."""
        self.lockchan = Wchan("flock")
        self.root: Vnode
        self.ruleset = 0
        """devfs: the ruleset that hides devices here."""

    @property
    def rdonly(self) -> bool:
        """MNT_RDONLY."""
        return "read-only" in self.options

    def ino(self) -> int:
        """The next free inode number."""
        self.next_ino += 1
        return self.next_ino


class Vnode:
    """A file of any type; on its own a socket's name, or the base of the others."""

    __slots__ = ("atime", "birth", "ctime", "flags", "gid", "ino", "mode", "mount", "mounted", "mtime", "nlink", "uid", "un")

    def __init__(self, mount: Mount, mode: int, uid: int = 0, gid: int = 0) -> None:
        self.mount = mount
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.nlink = 1
        self.ino = mount.ino()
        self.flags = 0
        self.atime = self.mtime = self.ctime = self.birth = mount.kernel.clock.realtime()
        self.mounted: Mount | None = None
        """The file system mounted on this directory."""
        self.un: Any = None
        """What a socket name leads to."""

    @property
    def type(self) -> int:
        """S_IFREG, S_IFDIR, ..."""
        return self.mode & S_IFMT

    @property
    def is_reg(self) -> bool:
        """True for a regular file."""
        return self.mode & S_IFMT == S_IFREG

    @property
    def isdir(self) -> bool:
        """True for a directory."""
        return self.mode & S_IFMT == S_IFDIR

    def size(self) -> int:
        """st_size."""
        return 0

    def rdev(self) -> int:
        """st_rdev."""
        return 0

    def getattr(self) -> Stat:
        """VOP_GETATTR."""
        size = self.size()
        stored = size - self.hole if isinstance(self, RegularVnode) else size
        blocks = (stored + 4095) // 4096 * 8 if self.mode & S_IFMT in (S_IFREG, S_IFDIR) else 0
        return Stat(
            st_dev=self.mount.dev,
            st_ino=self.ino,
            st_mode=self.mode,
            st_nlink=self.nlink,
            st_uid=self.uid,
            st_gid=self.gid,
            st_size=size,
            st_atime=self.atime,
            st_mtime=self.mtime,
            st_ctime=self.ctime,
            st_rdev=self.rdev(),
            st_blocks=blocks,
            st_blksize=4096,
            st_flags=self.flags,
            st_birthtime=self.birth,
        )

    def setattr(self, **changes: int) -> None:
        """VOP_SETATTR, after all checks: mode (permission bits), uid, gid, flags, atime, mtime."""
        if "mode" in changes:
            changes["mode"] = self.type | changes["mode"] & 0o7777
        for name, value in changes.items():
            setattr(self, name, value)
        self.ctime = self.now()

    def now(self) -> int:
        """The time of day."""
        return self.mount.kernel.clock.realtime()

    def modified(self) -> None:
        """The content has changed: mark it in the times."""
        self.mtime = self.ctime = self.now()

    def open(self, proc: Proc, flags: int) -> File:
        """VOP_OPEN, after all checks: the open file."""
        raise KError(EOPNOTSUPP)

    def read_all(self) -> bytes:
        """The whole content (exec, loading of modules)."""
        raise KError(EISDIR if self.isdir else EACCES)


MAXGAP = 1 << 28
"""A file with data behind a larger hole finds no room."""
MAXFILESIZE = 1 << 47


class RegularVnode(Vnode):
    """A regular file; `load`, if given, brings the content when it is first needed."""

    __slots__ = ("_data", "_load", "hole")

    def __init__(self, mount: Mount, mode: int, uid: int = 0, gid: int = 0, load: Callable[[], bytes] | None = None) -> None:
        super().__init__(mount, S_IFREG | mode & 0o7777, uid, gid)
        self._data = bytearray()
        self._load = load
        self.hole = 0
        """Zeros behind the content that take no room."""

    @property
    def data(self) -> bytearray:
        """The content."""
        if self._load is not None:
            self._data[:] = self._load()
            self._load = None
        return self._data

    def size(self) -> int:
        """st_size."""
        return len(self.data) + self.hole

    def open(self, proc: Proc, flags: int) -> File:
        """VOP_OPEN."""
        from vshell.kernel.kern.vfs_file import VnodeFile

        return VnodeFile(self, flags)

    def read(self, offset: int, size: int) -> bytes:
        """VOP_READ."""
        self.atime = self.now()
        found = bytes(self.data[offset : offset + size])
        if self.hole and len(found) < size:
            found += bytes(max(0, min(size - len(found), self.size() - offset - len(found))))
        return found

    def write(self, offset: int, data: bytes) -> None:
        """VOP_WRITE."""
        content = self.data
        size = len(content) + self.hole
        if offset > len(content):
            if offset - len(content) > MAXGAP:
                raise KError(ENOSPC)
            content.extend(bytes(offset - len(content)))
        content[offset : offset + len(data)] = data
        self.hole = max(0, size - len(content))
        self.modified()

    def truncate(self, size: int) -> None:
        """Set the length."""
        if size > MAXFILESIZE:
            raise KError(EFBIG)
        content = self.data
        if size < len(content):
            del content[size:]
        self.hole = size - len(content)
        self.modified()

    def read_all(self) -> bytes:
        """The whole content; EFBIG if that is a large hole."""
        if self.hole > MAXGAP:
            raise KError(EFBIG)
        return bytes(self.data) + bytes(self.hole)


class SymlinkVnode(Vnode):
    """A symbolic link."""

    __slots__ = ("target",)

    def __init__(self, mount: Mount, target: str, mode: int = 0o755, uid: int = 0, gid: int = 0) -> None:
        super().__init__(mount, S_IFLNK | mode, uid, gid)
        self.target = target

    def size(self) -> int:
        """st_size."""
        return len(self.target.encode("utf-8", "surrogateescape"))


class FifoVnode(Vnode):
    """A named pipe: opened files share one pipe as long as somebody has it open."""

    __slots__ = ("fifo",)

    def __init__(self, mount: Mount, mode: int, uid: int = 0, gid: int = 0) -> None:
        super().__init__(mount, S_IFIFO | mode & 0o7777, uid, gid)
        self.fifo: Any = None

    def open(self, proc: Proc, flags: int) -> File:
        """VOP_OPEN."""
        from vshell.kernel.kern.vfs_file import fifo_open

        return fifo_open(self, proc, flags)


class DirVnode(Vnode):
    """A directory.  `parent` and `name` say where it hangs; entries keep the order of their creation."""

    __slots__ = ("_entries", "name", "parent", "populate")

    def __init__(self, mount: Mount, mode: int, uid: int = 0, gid: int = 0) -> None:
        super().__init__(mount, S_IFDIR | mode & 0o7777, uid, gid)
        self.nlink = 2
        self.parent: DirVnode = self
        self.name = ""
        self._entries: dict[str, Vnode] = {}
        self.populate: Callable[[DirVnode], None] | None = None
        """Enters what the directory holds from the beginning; called once, when it is first searched."""

    @property
    def entries(self) -> dict[str, Vnode]:
        """Name to vnode."""
        if self.populate is not None:
            populate, self.populate = self.populate, None
            times = self.atime, self.mtime, self.ctime
            populate(self)
            self.atime, self.mtime, self.ctime = times
        return self._entries

    def size(self) -> int:
        """st_size: UFS allocates directories in blocks of 512 bytes; an entry takes 8 bytes and its padded name."""
        used = 24 + sum(8 + (len(name) + 4 & ~3) for name in self.names())
        return (used + 511) // 512 * 512

    def lookup(self, name: str, proc: Proc | None = None) -> Vnode | None:
        """VOP_LOOKUP: the entry of that name, if there is one.  `proc` matters to /dev/fd only."""
        return self.entries.get(name)

    def names(self) -> list[str]:
        """VOP_READDIR: names in directory order, without . and .. ."""
        return list(self.entries)

    def enter(self, name: str, vnode: Vnode) -> None:
        """Make an entry for a new or existing vnode; the caller has counted the link."""
        self.entries[name] = vnode
        if isinstance(vnode, DirVnode):
            vnode.parent, vnode.name = self, name
            self.nlink += 1
        self.modified()

    def remove(self, name: str, vnode: Vnode) -> None:
        """Remove the entry; the caller has counted the link."""
        del self.entries[name]
        if isinstance(vnode, DirVnode):
            self.nlink -= 1
        self.modified()

    # what makes new files; other file systems refuse or pass it on
    def mkreg(self, name: str, mode: int, uid: int) -> Vnode:
        """VOP_CREATE."""
        return self._made(name, RegularVnode(self.mount, mode, uid, self.gid))

    def mkdir(self, name: str, mode: int, uid: int) -> Vnode:
        """VOP_MKDIR."""
        return self._made(name, DirVnode(self.mount, mode, uid, self.gid))

    def mkfifo(self, name: str, mode: int, uid: int) -> Vnode:
        """VOP_MKNOD of a fifo."""
        return self._made(name, FifoVnode(self.mount, mode, uid, self.gid))

    def mksock(self, name: str, mode: int, uid: int) -> Vnode:
        """VOP_CREATE of a socket's name."""
        return self._made(name, Vnode(self.mount, S_IFSOCK | mode & 0o7777, uid, self.gid))

    def symlink(self, name: str, target: str, mode: int, uid: int) -> Vnode:
        """VOP_SYMLINK."""
        return self._made(name, SymlinkVnode(self.mount, target, mode, uid, self.gid))

    def link(self, name: str, vnode: Vnode) -> None:
        """VOP_LINK."""
        vnode.nlink += 1
        vnode.ctime = vnode.now()
        self.enter(name, vnode)

    def unlink(self, name: str, vnode: Vnode) -> None:
        """VOP_REMOVE and VOP_RMDIR."""
        vnode.nlink -= 2 if vnode.isdir else 1
        vnode.ctime = vnode.now()
        self.remove(name, vnode)

    def rename(self, name: str, vnode: Vnode, to: DirVnode, toname: str) -> None:
        """VOP_RENAME within one file system; a target that is in the way has been checked by the caller."""
        there = to.lookup(toname)
        if there is not None:
            to.unlink(toname, there)
        self.remove(name, vnode)
        to.enter(toname, vnode)
        vnode.ctime = vnode.now()

    def open(self, proc: Proc, flags: int) -> File:
        """VOP_OPEN."""
        from vshell.kernel.kern.vfs_file import VnodeFile

        return VnodeFile(self, flags)

    def _made(self, name: str, vnode: Vnode) -> Vnode:
        self.enter(name, vnode)
        return vnode


class ProgramDir(DirVnode):
    """A directory of installed programs (/bin, ...): its files come into being when they are first named."""

    __slots__ = ("gone", "mode_of", "path")

    def __init__(self, mount: Mount, path: str, mode_of: Callable[[str], int]) -> None:
        super().__init__(mount, 0o755)
        self.path = path
        self.mode_of = mode_of
        self.gone: set[str] = set()
        """Programs that were removed or replaced."""

    def lookup(self, name: str, proc: Proc | None = None) -> Vnode | None:
        """VOP_LOOKUP."""
        found = self.entries.get(name)
        if found is None and name not in self.gone:
            program = self.mount.kernel.programs.lookup(self.path, name)
            if program is not None:
                found = self._install(name, program)
        return found

    def names(self) -> list[str]:
        """VOP_READDIR."""
        for name, program in self.mount.kernel.programs.listing(self.path).items():
            if name not in self.entries and name not in self.gone:
                self._install(name, program)
        return list(self.entries)

    def remove(self, name: str, vnode: Vnode) -> None:
        """Remove the entry for good."""
        super().remove(name, vnode)
        self.gone.add(name)

    def _install(self, name: str, program: str) -> Vnode:
        vnode = RegularVnode(self.mount, self.mode_of(name))
        vnode.data[:] = image(program)
        vnode.atime = vnode.mtime = vnode.ctime = vnode.birth = self.birth
        self.entries[name] = vnode
        return vnode


def image(program: str) -> bytes:
    """The content of a program's file: an ELF identification and the program's name."""
    return ELF_IDENT + program.encode()


# permissions ---------------------------------------------------------------------------------------------------


def vaccess(vnode: Vnode, cred: Any, want: int, uid: int | None = None, gid: int | None = None) -> None:
    """VOP_ACCESS: EACCES unless `cred` may R_OK|W_OK|X_OK; writing to a read-only file system is EROFS, first of all.

    `uid` and `gid` replace the effective ones (access(2)).
    """
    if want & W_OK:
        if vnode.mount.rdonly and vnode.mode & S_IFMT in (S_IFREG, S_IFDIR, S_IFLNK):
            raise KError(EROFS)
        if vnode.flags & IMMUTABLE:
            raise KError(EPERM)
    uid = cred.uid if uid is None else uid
    mode = vnode.mode
    if uid == 0:
        if want & X_OK and not mode & 0o111 and mode & S_IFMT != S_IFDIR:
            raise KError(EACCES)
        return
    if uid == vnode.uid:
        granted = mode >> 6
    elif vnode.gid == (cred.gid if gid is None else gid) or vnode.gid in cred.groups:
        granted = mode >> 3
    else:
        granted = mode
    if want & ~granted & 7:
        raise KError(EACCES)


def check_delete(dvp: DirVnode, vnode: Vnode, cred: Any) -> None:
    """May `cred` remove `vnode` from `dvp`: write permission on the directory, sticky bit, file flags."""
    vaccess(dvp, cred, W_OK)
    if dvp.mode & S_ISTXT and cred.uid not in (0, dvp.uid, vnode.uid):
        raise KError(EPERM)
    if (vnode.flags | dvp.flags) & (IMMUTABLE | APPEND) or vnode.flags & NOUNLINK:
        raise KError(EPERM)


# path names ----------------------------------------------------------------------------------------------------


def namei(proc: Proc, path: str, follow: bool = True) -> Vnode:
    """The vnode of a path as `proc` sees it; ENOENT and its kin."""
    vnode = _walk(proc, path, follow, None)[2]
    if vnode is None:
        raise KError(ENOENT)
    return vnode


def lookup(proc: Proc, path: str, follow: bool = True) -> tuple[DirVnode, str, Vnode]:
    """As namei, with the directory where the vnode was found and its name there."""
    dvp, name, vnode, _ = _walk(proc, path, follow, None)
    if vnode is None:
        raise KError(ENOENT)
    return dvp, name, vnode


def lookup_parent(proc: Proc, path: str, follow: bool = False) -> tuple[DirVnode, str, Vnode | None, bool]:
    """(directory, last name, vnode or None, had a trailing slash) for a call that makes or removes an entry.

    EISDIR for a path that has no last name ("/").
    """
    return _walk(proc, path, follow, EISDIR)


def _walk(proc: Proc, path: str, follow: bool, degenerate: int | None) -> tuple[DirVnode, str, Vnode | None, bool]:
    raw = path.encode("utf-8", "surrogateescape")
    if not raw:
        raise KError(ENOENT)
    if proc.ucred.capmode:
        raise KError(ECAPMODE)
    if len(raw) >= MAXPATHLEN or b"\0" in raw:
        raise KError(ENAMETOOLONG if len(raw) >= MAXPATHLEN else EINVAL)
    cred = proc.ucred
    root = proc.rdir
    dvp: Vnode = root if path[0] == "/" else proc.cdir
    todo = _components(path)
    trailing = path[-1] == "/"
    links = 0
    if not todo:
        if degenerate is not None:
            raise KError(degenerate)
        assert isinstance(dvp, DirVnode)
        return dvp, "", dvp, trailing
    while True:
        name = todo.pop()
        if not isinstance(dvp, DirVnode):
            raise KError(ENOTDIR)
        vaccess(dvp, cred, X_OK)
        if len(name) > 63 and len(name.encode("utf-8", "surrogateescape")) > NAME_MAX:
            raise KError(ENAMETOOLONG)
        vnode = _step(dvp, name, root, proc)
        if vnode is None:
            if todo:
                raise KError(ENOENT)
            return dvp, name, None, trailing
        if isinstance(vnode, SymlinkVnode) and (todo or follow or trailing):
            links += 1
            if links > MAXSYMLINKS:
                raise KError(ELOOP)
            target = vnode.target
            if not target:
                raise KError(ENOENT)
            if target[0] == "/":
                dvp = root
            if len(todo) * 2 + len(target) >= MAXPATHLEN:
                raise KError(ENAMETOOLONG)
            if not todo:
                trailing = trailing or target[-1] == "/"
            todo += _components(target)
            if not todo:
                assert isinstance(dvp, DirVnode)
                return dvp, "", dvp, True
            continue
        if not todo:
            if trailing and not vnode.isdir:
                raise KError(ENOTDIR)
            return dvp, name, vnode, trailing
        dvp = vnode


def _components(path: str) -> list[str]:
    """The names in a path, the last one first."""
    return [c for c in reversed(path.split("/")) if c]


def _step(dvp: DirVnode, name: str, root: Vnode, proc: Proc) -> Vnode | None:
    """One component, across mount points; `..` does not leave `root`."""
    if not dvp.nlink:
        return None  # ufs_lookup: nothing is in a directory that was removed, not even itself
    if name == ".":
        return dvp
    if name == "..":
        return parent_of(dvp, root)
    vnode = dvp.lookup(name, proc)
    while vnode is not None and vnode.mounted is not None:
        vnode = vnode.mounted.root
    return vnode


def parent_of(dvp: DirVnode, root: Vnode) -> Vnode | None:
    """`..` of a directory, which stays inside `root`; None for a directory that was removed."""
    while dvp is not root and dvp is dvp.mount.root:
        covered = dvp.mount.covered
        if covered is None:
            return dvp
        assert isinstance(covered, DirVnode)
        dvp = covered
    if dvp is root:
        return dvp
    if dvp.nlink == 0:
        return None
    return dvp.parent


def vn_fullpath(vnode: Vnode, root: Vnode) -> str:
    """The path of a directory below `root`; ENOENT if it was removed or is not below."""
    names: list[str] = []
    while vnode is not root:
        assert isinstance(vnode, DirVnode)
        if vnode is vnode.mount.root:
            if vnode.mount.covered is None:
                raise KError(ENOENT)
            vnode = vnode.mount.covered
            continue
        if vnode.nlink == 0:
            raise KError(ENOENT)
        names.append(vnode.name)
        vnode = vnode.parent
    return "/" + "/".join(reversed(names))


def ancestors(vnode: DirVnode) -> Iterator[DirVnode]:
    """A directory and all above it within its file system."""
    while True:
        yield vnode
        if vnode.parent is vnode or vnode is vnode.mount.root:
            return
        vnode = vnode.parent


def new_name(proc: Proc, path: str, *, directory: bool = False) -> tuple[DirVnode, str]:
    """Where a new entry goes: EEXIST, and the permission to create it has been checked."""
    dvp, name, vnode, trailing = lookup_parent(proc, path)
    if vnode is not None:
        raise KError(EEXIST)
    if trailing and not directory:
        raise KError(ENOENT)
    may_create(dvp, proc.ucred)
    return dvp, name


def may_create(dvp: DirVnode, cred: Any) -> None:
    """EROFS, EACCES, EPERM; ENOENT in a directory that was removed."""
    vaccess(dvp, cred, W_OK)
    if dvp.nlink == 0:
        raise KError(ENOENT)


def mount_root(kernel: Kernel) -> None:
    """Mount the root file system and /dev; sets `kernel.rootvnode`."""
    from vshell.kernel.conf.rootfs import fill_root
    from vshell.kernel.kern.devfs import devices_init, new_devfs

    root = Mount(kernel, "ufs", "/dev/vtbd0p2", "/", frozenset({"local", "soft-updates"}))
    vnode = root.root = DirVnode(root, 0o755)
    vnode.ino = 2
    add_mount(kernel, root, None)
    kernel.rootvnode = vnode
    fill_root(vnode)
    devices_init(kernel)
    dev = vnode.lookup("dev")
    assert isinstance(dev, DirVnode)
    add_mount(kernel, new_devfs(kernel, "/dev"), dev)


def add_mount(kernel: Kernel, mount: Mount, covered: DirVnode | None) -> None:
    """Hang a file system on a directory."""
    mount.covered = covered
    mount.dev = 64 + max((m.dev for m in kernel.mounts), default=0)
    if covered is not None:
        covered.mounted = mount
    kernel.mounts.append(mount)
