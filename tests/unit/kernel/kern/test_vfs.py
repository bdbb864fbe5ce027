"""Paths, permissions and the rules for entries of directories, seen through system calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vshell.abi.errno import (
    EACCES,
    EEXIST,
    EFBIG,
    EINVAL,
    EISDIR,
    ELOOP,
    EMLINK,
    ENAMETOOLONG,
    ENOENT,
    ENOTDIR,
    ENOTEMPTY,
    EPERM,
    EROFS,
    EXDEV,
    KError,
)
from vshell.abi.fcntl import (
    O_APPEND,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOFOLLOW,
    O_RDONLY,
    O_RDWR,
    O_TRUNC,
    O_WRONLY,
    S_ISTXT,
    SEEK_SET,
    UTIME_NOW,
    UTIME_OMIT,
)
from vshell.kernel.kern.kern_fork import fork1
from vshell.kernel.kern.vfs_file import VnodeFile
from vshell.machine import Machine

ROOT, NOBODY = 0, 65534


async def never(_: Any) -> int:
    return 0


class User:
    """The system calls of a new process of some user, with files written and read in one go."""

    def __init__(self, machine: Machine, uid: int) -> None:
        kernel = machine.kernel
        assert kernel.initproc is not None
        self.proc = fork1(kernel, kernel.initproc, never)
        self.sys = self.proc.sysent
        if uid:
            self.sys.setgroups([uid])
            self.sys.setgid(uid)
            self.sys.setuid(uid)

    def write(self, path: str, data: bytes, flags: int = O_TRUNC) -> None:
        fd = self.sys.open(path, O_WRONLY | O_CREAT | flags)
        self.sys.write_nowait(fd, data)
        self.sys.close(fd)

    def read(self, path: str) -> bytes:
        fd = self.sys.open(path, O_RDONLY)
        try:
            file = self.proc.fd.get(fd)
            assert isinstance(file, VnodeFile)
            return bytes(file.vnode.read_all())
        finally:
            self.sys.close(fd)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def root(machine: Machine) -> User:
    return User(machine, ROOT)


@pytest.fixture
def nobody(machine: Machine) -> User:
    return User(machine, NOBODY)


def errno(call: Callable[..., object], *args: Any, **kw: Any) -> int:
    """The error a call fails with, 0 if it does not."""
    try:
        call(*args, **kw)
    except KError as e:
        return e.errno
    return 0


# paths ---------------------------------------------------------------------------------------------------------


def test_dots_and_slashes(root: User) -> None:
    sys = root.sys
    sys.mkdir("/tmp/d")
    root.write("/tmp/d/f", b"x")
    for path in ("/tmp/d/f", "//tmp///d/./f", "/tmp/d/../d/f", "/../../tmp/d/f"):
        assert sys.stat(path).st_size == 1
    assert errno(sys.stat, "/tmp/d/f/") == ENOTDIR
    assert errno(sys.stat, "/tmp/d/f/..") == ENOTDIR
    assert errno(sys.stat, "/tmp/missing/..") == ENOENT
    assert errno(sys.stat, "") == ENOENT


def test_the_parent_of_the_root_is_the_root(root: User) -> None:
    sys = root.sys
    sys.mkdir("/tmp/jail")
    sys.chroot("/tmp/jail")
    sys.chdir("/")
    assert sys.stat("..").st_ino == sys.stat("/").st_ino == sys.stat("../../..").st_ino
    assert errno(sys.stat, "/tmp") == ENOENT
    assert sys.getcwd() == "/"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/tmp/" + "n" * 255, ENOENT),
        ("/tmp/" + "n" * 256, ENAMETOOLONG),
        ("/tmp/" + "é" * 128, ENAMETOOLONG),
        ("/x" * 600, ENAMETOOLONG),
    ],
)
def test_names_have_an_end(root: User, path: str, error: int) -> None:
    assert errno(root.sys.stat, path) == error


def test_symbolic_links(root: User) -> None:
    sys = root.sys
    root.write("/tmp/file", b"four")
    sys.symlink("file", "/tmp/a")
    sys.symlink("/tmp/a", "/tmp/b")
    sys.symlink("loop", "/tmp/loop")
    sys.symlink("nowhere", "/tmp/dangling")
    assert sys.stat("/tmp/b").st_size == 4
    assert sys.lstat("/tmp/b").st_size == len("/tmp/a")
    assert sys.readlink("/tmp/b") == "/tmp/a"
    assert errno(sys.readlink, "/tmp/file") == EINVAL
    assert errno(sys.stat, "/tmp/loop") == ELOOP
    assert errno(sys.stat, "/tmp/dangling") == ENOENT
    assert errno(sys.open, "/tmp/a", O_RDONLY | O_NOFOLLOW) == EMLINK
    root.write("/tmp/dangling", b"made")
    assert root.read("/tmp/nowhere") == b"made"
    assert errno(sys.open, "/tmp/dangling", O_WRONLY | O_CREAT | O_EXCL) == EEXIST


def test_a_removed_directory_has_no_path(root: User) -> None:
    sys = root.sys
    sys.mkdir("/tmp/gone")
    sys.chdir("/tmp/gone")
    sys.rmdir("/tmp/gone")
    assert errno(sys.getcwd) == ENOENT
    assert errno(sys.stat, "..") == ENOENT
    assert errno(sys.mkdir, "here") == ENOENT


# opening -------------------------------------------------------------------------------------------------------


def test_open_flags(root: User) -> None:
    sys = root.sys
    assert errno(sys.open, "/tmp/f", O_RDONLY) == ENOENT
    root.write("/tmp/f", b"abc")
    assert errno(sys.open, "/tmp/f", O_WRONLY | O_CREAT | O_EXCL) == EEXIST
    assert errno(sys.open, "/tmp/f", O_RDONLY | O_DIRECTORY) == ENOTDIR
    assert errno(sys.open, "/tmp", O_RDWR) == EISDIR
    root.write("/tmp/f", b"d", O_APPEND)
    assert root.read("/tmp/f") == b"abcd"
    root.write("/tmp/f", b"x", 0)
    assert root.read("/tmp/f") == b"xbcd"
    root.write("/tmp/f", b"")
    assert root.read("/tmp/f") == b""


def test_an_open_file_outlives_its_name(root: User) -> None:
    sys = root.sys
    fd = sys.open("/tmp/f", O_RDWR | O_CREAT)
    sys.unlink("/tmp/f")
    assert sys.write_nowait(fd, b"data") == 4
    assert sys.fstat(fd).st_nlink == 0
    assert sys.fstat(fd).st_size == 4
    assert errno(sys.stat, "/tmp/f") == ENOENT


def test_a_hole_reads_as_zeros(root: User) -> None:
    sys = root.sys
    fd = sys.open("/tmp/f", O_RDWR | O_CREAT)
    sys.lseek(fd, 3, SEEK_SET)
    sys.write_nowait(fd, b"x")
    sys.ftruncate(fd, 6)
    assert root.read("/tmp/f") == b"\0\0\0x\0\0"
    assert errno(sys.ftruncate, fd, -1) == EINVAL
    assert errno(sys.lseek, fd, -1, SEEK_SET) == EINVAL


def test_the_limit_on_the_size_of_files(root: User) -> None:
    sys = root.sys
    fd = sys.open("/tmp/f", O_RDWR | O_CREAT)
    sys.sigaction(25, 1)
    sys.setrlimit("fsize", 3, -1)
    assert sys.write_nowait(fd, b"abcdef") == 3
    assert errno(sys.write_nowait, fd, b"d") == EFBIG


# permissions ---------------------------------------------------------------------------------------------------


def test_permission_bits(root: User, nobody: User) -> None:
    root.write("/tmp/f", b"secret")
    root.sys.chmod("/tmp/f", 0o640)
    assert errno(nobody.sys.open, "/tmp/f") == EACCES
    root.sys.chown("/tmp/f", -1, NOBODY)
    assert nobody.read("/tmp/f") == b"secret"
    assert errno(nobody.sys.open, "/tmp/f", O_WRONLY) == EACCES
    root.sys.chown("/tmp/f", NOBODY, -1)
    root.sys.chmod("/tmp/f", 0o066)
    assert errno(nobody.sys.open, "/tmp/f") == EACCES
    assert root.read("/tmp/f") == b"secret"


def test_directories_need_search_and_write(root: User, nobody: User) -> None:
    root.sys.mkdir("/tmp/d", 0o711)
    root.write("/tmp/d/f", b"")
    assert errno(nobody.sys.stat, "/tmp/d/f") == 0
    assert errno(nobody.sys.listdir, "/tmp/d") == EACCES
    assert errno(nobody.sys.unlink, "/tmp/d/f") == EACCES
    root.sys.chmod("/tmp/d", 0o700)
    assert errno(nobody.sys.stat, "/tmp/d/f") == EACCES
    assert errno(nobody.sys.chdir, "/tmp/d") == EACCES


def test_the_sticky_bit(root: User, nobody: User) -> None:
    assert root.sys.stat("/tmp").st_mode & S_ISTXT
    root.write("/tmp/mine", b"")
    nobody.write("/tmp/yours", b"")
    assert errno(nobody.sys.unlink, "/tmp/mine") == EPERM
    assert errno(nobody.sys.rename, "/tmp/mine", "/tmp/x") == EPERM
    assert errno(nobody.sys.rename, "/tmp/yours", "/tmp/mine") == EPERM
    assert errno(nobody.sys.unlink, "/tmp/yours") == 0


def test_modes_of_new_files(root: User) -> None:
    root.sys.umask(0o027)
    root.write("/tmp/f", b"")
    root.sys.mkdir("/tmp/d")
    assert root.sys.stat("/tmp/f").st_mode & 0o7777 == 0o640
    assert root.sys.stat("/tmp/d").st_mode & 0o7777 == 0o750


def test_new_files_get_the_group_of_the_directory(root: User, nobody: User) -> None:
    root.sys.mkdir("/tmp/d", 0o777)
    root.sys.chmod("/tmp/d", 0o777)
    root.sys.chown("/tmp/d", 0, 5)
    nobody.write("/tmp/d/f", b"")
    st = root.sys.stat("/tmp/d/f")
    assert (st.st_uid, st.st_gid) == (NOBODY, 5)


def test_who_may_change_attributes(root: User, nobody: User) -> None:
    root.write("/tmp/r", b"")
    nobody.write("/tmp/n", b"")
    assert errno(nobody.sys.chmod, "/tmp/r", 0o777) == EPERM
    assert errno(nobody.sys.chown, "/tmp/n", ROOT, -1) == EPERM
    assert errno(nobody.sys.chown, "/tmp/n", -1, 5) == EPERM
    assert errno(nobody.sys.chmod, "/tmp/n", 0o4755) == 0
    root.sys.chown("/tmp/n", NOBODY, NOBODY)
    assert errno(nobody.sys.utimes, "/tmp/r", UTIME_NOW, UTIME_NOW) == EACCES
    assert errno(nobody.sys.utimes, "/tmp/r", 0, 0) == EPERM
    nobody.sys.utimes("/tmp/n", 5, UTIME_OMIT)
    assert nobody.sys.stat("/tmp/n").st_atime == 5


def test_flags_protect(root: User) -> None:
    sys = root.sys
    root.write("/tmp/f", b"x")
    sys.chflags("/tmp/f", 0x2)
    for call in (lambda: sys.unlink("/tmp/f"), lambda: sys.open("/tmp/f", O_WRONLY), lambda: sys.rename("/tmp/f", "/tmp/g")):
        assert errno(call) == EPERM
    sys.chflags("/tmp/f", 0x4)
    assert errno(sys.open, "/tmp/f", O_WRONLY) == EPERM
    root.write("/tmp/f", b"y", O_APPEND)
    assert root.read("/tmp/f") == b"xy"
    sys.chflags("/tmp/f", 0)
    sys.unlink("/tmp/f")


# entries -------------------------------------------------------------------------------------------------------


def test_links_count(root: User) -> None:
    sys = root.sys
    root.write("/tmp/a", b"x")
    sys.link("/tmp/a", "/tmp/b")
    assert sys.stat("/tmp/a").st_nlink == 2
    assert sys.stat("/tmp/a").st_ino == sys.stat("/tmp/b").st_ino
    sys.unlink("/tmp/a")
    assert sys.stat("/tmp/b").st_nlink == 1
    before = sys.stat("/tmp").st_nlink
    sys.mkdir("/tmp/d")
    assert sys.stat("/tmp").st_nlink == before + 1
    assert errno(sys.link, "/tmp/d", "/tmp/e") == EPERM
    assert errno(sys.link, "/tmp/b", "/tmp/d") == EEXIST
    assert errno(sys.link, "/tmp/b", "/dev/b") == EXDEV


def test_remove(root: User) -> None:
    sys = root.sys
    sys.mkdir("/tmp/d")
    root.write("/tmp/d/f", b"")
    assert errno(sys.rmdir, "/tmp/d") == ENOTEMPTY
    assert errno(sys.rmdir, "/tmp/d/f") == ENOTDIR
    assert errno(sys.rmdir, "/tmp/d/.") == EINVAL
    assert errno(sys.unlink, "/tmp/d") == EPERM
    sys.unlink("/tmp/d/f")
    sys.rmdir("/tmp/d/")
    assert errno(sys.stat, "/tmp/d") == ENOENT


def test_rename(root: User) -> None:
    sys = root.sys
    for path in ("/tmp/a", "/tmp/a/in", "/tmp/b", "/tmp/full", "/tmp/full/x"):
        sys.mkdir(path)
    root.write("/tmp/f", b"f")
    root.write("/tmp/g", b"g")
    sys.rename("/tmp/f", "/tmp/g")
    assert root.read("/tmp/g") == b"f"
    assert errno(sys.rename, "/tmp/g", "/tmp/b") == EISDIR
    assert errno(sys.rename, "/tmp/b", "/tmp/g") == ENOTDIR
    assert errno(sys.rename, "/tmp/b", "/tmp/full") == ENOTEMPTY
    assert errno(sys.rename, "/tmp/a", "/tmp/a/in/deeper") == EINVAL
    assert errno(sys.rename, "/tmp/missing", "/tmp/x") == ENOENT
    assert errno(sys.rename, "/tmp/g", "/dev/g") == EXDEV
    sys.rename("/tmp/a", "/tmp/b")
    assert sys.listdir("/tmp/b") == ["in"]
    sys.chdir("/tmp/b/in")
    sys.rename("/tmp/b", "/tmp/c")
    assert sys.getcwd() == "/tmp/c/in"
    assert sys.stat("..").st_ino == sys.stat("/tmp/c").st_ino


def test_directories_list_in_order_of_creation(root: User) -> None:
    root.sys.mkdir("/tmp/d")
    for name in "cab":
        root.write(f"/tmp/d/{name}", b"")
    root.sys.unlink("/tmp/d/c")
    root.write("/tmp/d/c", b"")
    assert root.sys.listdir("/tmp/d") == ["a", "b", "c"]


# mounts --------------------------------------------------------------------------------------------------------


def test_mounts(root: User) -> None:
    sys = root.sys
    sys.mkdir("/tmp/t")
    sys.mkdir("/tmp/n")
    sys.nmount("tmpfs", "/tmp/t", {"from": "tmpfs"})
    root.write("/tmp/t/f", b"x")
    assert sys.stat("/tmp/t").st_dev != sys.stat("/tmp").st_dev
    sys.nmount("nullfs", "/tmp/n", {"from": "/tmp/t", "ro": ""})
    assert root.read("/tmp/n/f") == b"x"
    assert errno(sys.open, "/tmp/n/f", O_WRONLY) == EROFS
    assert errno(sys.mkdir, "/tmp/n/d") == EROFS
    sys.chdir("/tmp/n")
    assert sys.getcwd() == "/tmp/n"
    sys.chdir("..")
    assert sys.getcwd() == "/tmp"
    sys.unmount("/tmp/n", 0)
    sys.unmount("/tmp/t", 0)
    assert sys.listdir("/tmp/t") == []
    assert errno(sys.unmount, "/tmp/t", 0) == EINVAL


def test_every_machine_has_its_own_files() -> None:
    first, second = Machine(), Machine()
    User(first, ROOT).write("/etc/motd.template", b"changed")
    assert User(second, ROOT).read("/etc/motd.template") != b"changed"


def test_capability_mode_closes_all_paths(root: User) -> None:
    root.sys.cap_enter()
    assert errno(root.sys.stat, "/") == 94
