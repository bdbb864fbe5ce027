"""Devices and the file system that shows them (devfs(4), make_dev(9), sys/fs/devfs, sys/dev/null, sys/dev/random)."""

from __future__ import annotations

from vshell.abi.errno import ENOSPC, ENXIO, EOPNOTSUPP, KError
from vshell.abi.fcntl import S_IFCHR, SEEK_CUR, Stat
from vshell.kernel.kern.kern_descrip import File
from vshell.kernel.kern.kern_synch import mi_switch
from vshell.kernel.kern.vfs import DirVnode, Mount, Vnode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel

    Open = Callable[[Proc, int], File]


GID_TTY, GID_OPERATOR = 4, 5
PAGE = 4096
READ_COST = 1_000
"""Virtual time that reading a page from a device takes, ns."""


class Cdev:
    """A character device: `open` gives an open file for (process, flags)."""

    __slots__ = ("gid", "minor", "mode", "name", "open", "uid")

    def __init__(self, name: str, minor: int, open: Open, uid: int, gid: int, mode: int) -> None:
        self.name = name
        self.minor = minor
        self.open = open
        self.uid = uid
        self.gid = gid
        self.mode = mode


def make_dev(kernel: Kernel, name: str, open: Open, uid: int = 0, gid: int = 0, mode: int = 0o600) -> Cdev:
    """make_dev(9): the device appears as /dev/NAME (which may contain a slash)."""
    kernel.dev_minor += 1
    dev = kernel.devices[name] = Cdev(name, kernel.dev_minor, open, uid, gid, mode)
    return dev


def destroy_dev(kernel: Kernel, name: str) -> None:
    """destroy_dev(9)."""
    kernel.devices.pop(name, None)


class DevVnode(Vnode):
    """A device node."""

    __slots__ = ("dev",)

    def __init__(self, mount: Mount, dev: Cdev) -> None:
        super().__init__(mount, S_IFCHR | dev.mode, dev.uid, dev.gid)
        self.dev = dev

    def rdev(self) -> int:
        """st_rdev."""
        return self.dev.minor

    def open(self, proc: Proc, flags: int) -> File:
        """VOP_OPEN."""
        return self.dev.open(proc, flags)


class FdVnode(Vnode):
    """/dev/fd/N: opening it duplicates a descriptor (fdescfs(4))."""

    __slots__ = ("number",)

    def __init__(self, mount: Mount, number: int) -> None:
        super().__init__(mount, S_IFCHR | 0o666)
        self.number = number

    def rdev(self) -> int:
        """st_rdev."""
        return self.number

    def open(self, proc: Proc, flags: int) -> File:
        """The same open file again."""
        return proc.fd.get(self.number)


RULESETS: dict[int, tuple[str, ...]] = {
    1: (),
    4: ("log", "null", "zero", "crypto", "random", "urandom", "ptmx", "pts", "fd", "stdin", "stdout", "stderr", "zfs"),
    5: ("log", "null", "zero", "crypto", "random", "urandom", "ptmx", "pts", "fd", "stdin", "stdout", "stderr", "zfs", "pf"),
}
"""What the rulesets of /etc/defaults/devfs.rules leave visible."""


class DevDir(DirVnode):
    """/dev or a directory in it: shows the devices whose names begin with its own, and what was linked there."""

    __slots__ = ("prefix",)

    def __init__(self, mount: Mount, prefix: str = "") -> None:
        super().__init__(mount, 0o555)
        self.prefix = prefix

    def _visible(self) -> dict[str, Cdev | None]:
        """Names here; None stands for a directory."""
        names: dict[str, Cdev | None] = {}
        allowed = RULESETS.get(self.mount.ruleset)
        start = len(self.prefix)
        for full, dev in self.mount.kernel.devices.items():
            if full.startswith(self.prefix) and (allowed is None or full.partition("/")[0] in allowed):
                name, slash, _ = full[start:].partition("/")
                names[name] = None if slash else dev
        return names

    def lookup(self, name: str, proc: Proc | None = None) -> Vnode | None:
        """VOP_LOOKUP."""
        found = self.entries.get(name)
        if found is not None and not isinstance(found, DevVnode):
            return found
        dev = self.mount.kernel.devices.get(self.prefix + name) if RULESETS.get(self.mount.ruleset) is None else None
        if dev is None:
            visible = self._visible()
            if name not in visible:
                self.entries.pop(name, None)
                return None
            dev = visible[name]
        if not isinstance(found, DevVnode) or found.dev is not dev:
            if dev is None:
                self.enter(name, DevDir(self.mount, f"{self.prefix}{name}/"))
            else:
                self.entries[name] = self._node(dev)
        return self.entries[name]

    def _node(self, dev: Cdev) -> Vnode:
        if dev.name in FDS:
            return FdVnode(self.mount, FDS[dev.name])
        return DevVnode(self.mount, dev)

    def names(self) -> list[str]:
        """VOP_READDIR."""
        visible = self._visible()
        linked = [n for n, v in self.entries.items() if n not in visible and not isinstance(v, (DevVnode, FdVnode))]
        return [*visible, *linked]

    def mkreg(self, name: str, mode: int, uid: int) -> Vnode:
        """Files cannot be made here."""
        raise KError(EOPNOTSUPP)

    def mkfifo(self, name: str, mode: int, uid: int) -> Vnode:
        """Nor fifos."""
        raise KError(EOPNOTSUPP)


FDS = {"fd/0": 0, "fd/1": 1, "fd/2": 2, "stdin": 0, "stdout": 1, "stderr": 2}


class MemoryDevice(File):
    """null, zero, full and random: `fill` gives what is read, "full" refuses what is written."""

    kind = "vnode"

    def __init__(self, flags: int, name: str, fill: Callable[[int], bytes]) -> None:
        super().__init__(flags)
        self.name = name
        self.fill = fill

    async def read(self, td: Proc, size: int) -> bytes:
        """read(2); what never ends must cost time, or the clock would stand still."""
        if size >= PAGE and self.name != "null":
            kernel = td.kernel
            if kernel.charge(td, READ_COST * size // PAGE):
                kernel.runq.append(td)
                await mi_switch()
            if td.siglist:
                td.cursig(False)
        return self.fill(size)

    def write_nowait(self, td: Proc, data: bytes) -> int:
        """write(2)."""
        if self.name == "full":
            raise KError(ENOSPC)
        return len(data)

    def lseek(self, td: Proc, offset: int, whence: int) -> int:
        """Seeking is allowed and means nothing."""
        return 0 if whence == SEEK_CUR else offset

    def truncate(self, td: Proc, size: int) -> None:
        """ftruncate(2) does nothing to a device."""

    def stat(self, td: Proc) -> Stat:
        """fstat(2)."""
        kernel = td.kernel
        dev = kernel.devices[self.name]
        now = kernel.clock.boottime
        return Stat(0, dev.minor, S_IFCHR | dev.mode, 1, dev.uid, dev.gid, 0, now, now, now, dev.minor)


def _memory(name: str) -> Open:
    def nothing(size: int) -> bytes:
        return b""

    def open(proc: Proc, flags: int) -> File:
        fill: Callable[[int], bytes] = nothing if name == "null" else bytes
        if name in ("random", "urandom"):
            fill = proc.kernel.random.bytes
        return MemoryDevice(flags, name, fill)

    return open


def _tty(proc: Proc, flags: int) -> File:
    """The controlling terminal."""
    from vshell.kernel.kern.tty import TtyFile

    if proc.ctty is None:
        raise KError(ENXIO)
    return TtyFile(proc.ctty, flags)


def _console(proc: Proc, flags: int) -> File:
    """The console: the terminal of the session, if it has one."""
    return _tty(proc, flags) if proc.ctty is not None else MemoryDevice(flags, "null", lambda size: b"")


def _bpf(proc: Proc, flags: int) -> File:
    """bpf(4), which comes with the network."""
    from vshell.kernel.net.bpf import BpfD

    return BpfD(proc, flags)


def _descriptor(proc: Proc, flags: int) -> File:
    raise KError(ENXIO)  # never asked: FdVnode opens them


def devices_init(kernel: Kernel) -> None:
    """Make the devices every machine has."""
    make_dev(kernel, "console", _console, 0, GID_TTY)
    for name in FDS:
        make_dev(kernel, name, _descriptor, mode=0o666)
    for name in ("null", "zero", "full"):
        make_dev(kernel, name, _memory(name), mode=0o666)
    make_dev(kernel, "random", _memory("random"), mode=0o644)
    make_dev(kernel, "urandom", _memory("urandom"), mode=0o644)
    make_dev(kernel, "tty", _tty, mode=0o666)
    for name in ("bpf", "bpf0"):
        make_dev(kernel, name, _bpf)


def new_devfs(kernel: Kernel, onname: str) -> Mount:
    """A mount of devfs."""
    mount = Mount(kernel, "devfs", "devfs", onname)
    mount.root = DevDir(mount)
    return mount
