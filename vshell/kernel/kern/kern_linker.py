"""Kernel files and modules: what is compiled in, what is loaded (kld(4), kern_linker.c, kern_module.c).

A loadable file /boot/kernel/NAME.ko stands for the Python file of that name in one of the folders of this kernel; loading
imports it, creates its KernelModule classes and attaches its VnetModule classes to every stack, unloading undoes
that.  A file of FreeBSD's that has no counterpart here cannot be loaded (ENOENT).
"""

from __future__ import annotations

from vshell.abi.errno import EBUSY, EEXIST, EISDIR, ENOENT, ENOEXEC, ENOTDIR, EPERM, KError
from vshell.abi.linker import KldFileStat
from vshell.kernel.kern.kern_jail import prison_add_allow
from vshell.kernel.kern.kern_priv import PRIV_KLD_LOAD, PRIV_KLD_UNLOAD, priv_check
from vshell.kernel.kern.kern_sysctl import SysctlTree
from vshell.kernel.kern.module import KernelModule, Kld, VnetModule
from vshell.kernel.net.vnet import vnet_deregister, vnet_register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel

FOLDERS = ("net", "netgraph", "crypto", "netpfil", "netinet", "netinet6", "fs", "dev", "kern")
"""Where the Python file of a loadable file is looked for."""

KERNEL_ADDRESS = 0xFFFFFFFF80000000
KERNEL_SIZE = 0x80000000
FIRST_ADDRESS = 0xFFFFFFFF8BE00000
FIRST_MODULE = 235
"""Id of the first module that is loaded; the kernel's own come before."""

IN_KERNEL = (
    "if_gif", "if_tuntap", "if_vlan", "cc_cubic", "netlink", "if_vtnet", "tmpfs", "procfs", "uether", "ether",
    "miibus", "netmap", "pci", "usb", "virtio", "virtio_pci", "ktls", "crypto", "cryptodev", "nfs", "wlan", "kernel",
)  # fmt: skip
"""Modules in the kernel that have a version, so that loading a file which has them is refused."""

UNVERSIONED = ("if_lo", "devfs", "ufs", "mac", "sysvmsg", "sysvsem", "sysvshm", "shell", "elf64", "probe", "loginclass")
"""Modules in the kernel without a version: they can be found, but do not count for dependencies."""


class LinkerFile:
    """One kernel file (struct linker_file)."""

    def __init__(self, number: int, filename: str, pathname: str, kld: Kld) -> None:
        self.id = number
        self.filename = filename
        self.pathname = pathname
        self.kld = kld
        self.refs = 1
        self.userrefs = 0
        self.address = 0
        self.size = kld.size
        self.deps: list[LinkerFile] = []
        self.modules: list[tuple[int, str]] = []
        self.classes: list[type[Any]] = []


class Linker:
    """The kernel files of a machine (linker_files, found_modules)."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.kernel_file = LinkerFile(1, "kernel", "/boot/kernel/kernel", Kld(size=KERNEL_SIZE))
        self.kernel_file.address = KERNEL_ADDRESS
        self.kernel_file.modules = list(enumerate((*UNVERSIONED, *IN_KERNEL), 1))
        self.files = [self.kernel_file]
        self.next_file_id = 1
        self.next_module_id = FIRST_MODULE
        self.next_address = FIRST_ADDRESS
        self.path = "/boot/kernel;/boot/modules"
        """kern.module_path."""

    # looking up ------------------------------------------------------------------------------------------------
    def find_file(self, name: str) -> LinkerFile | None:
        """The loaded file of that name, with or without .ko (linker_find_file_by_name)."""
        return next((lf for lf in self.files if lf.filename in (name, f"{name}.ko")), None)

    def find_module(self, name: str) -> tuple[int, LinkerFile] | None:
        """Id and file of a module (module_lookupbyname)."""
        for lf in self.files:
            for number, module in lf.modules:
                if module == name:
                    return number, lf
        return None

    def has_interface(self, name: str) -> LinkerFile | None:
        """The file that provides a module others can depend on (modlist_lookup2)."""
        found = self.find_module(name)
        if found is None:
            return next((lf for lf in self.files if name in lf.kld.interfaces), None)
        return None if name in UNVERSIONED else found[1]

    def _file_id(self) -> int:
        used = {lf.id for lf in self.files}
        while self.next_file_id in used:
            self.next_file_id += 1
        return self.next_file_id

    # loading ---------------------------------------------------------------------------------------------------
    def load(self, td: Proc, name: str, parent: LinkerFile | None = None) -> LinkerFile:
        """linker_load_module: by module name, or by path if it has a slash or a dot."""
        if "/" in name or "." in name:
            path = self._search(td, name, (name, f"{name}.ko")) if "/" not in name else name
        else:
            if self.has_interface(name) is not None:
                raise KError(EEXIST)
            path = self._search(td, name, (f"{name}.ko",))
        filename = path.rpartition("/")[2]
        if self.find_file(filename) is not None:
            raise KError(EEXIST)
        lf = self._load_file(td, path, filename)
        if parent is not None:
            parent.deps.append(lf)
        return lf

    def _search(self, td: Proc, name: str, candidates: tuple[str, ...]) -> str:
        from vshell.kernel.kern.vfs import namei

        if not name:
            raise KError(ENOENT)
        for folder in self.path.split(";"):
            for candidate in candidates:
                try:
                    if namei(td, f"{folder}/{candidate}").is_reg:
                        return f"{folder}/{candidate}"
                except KError:
                    continue
        raise KError(ENOENT)

    def _load_file(self, td: Proc, path: str, filename: str) -> LinkerFile:
        from vshell.kernel.conf.rootfs import ko_name
        from vshell.kernel.kern.vfs import namei

        if self.kernel.prison0.securelevel > 0:
            raise KError(EPERM)
        try:
            vnode = namei(td, path)
        except KError as e:
            raise KError(ENOENT if e.errno in (ENOENT, ENOTDIR, EISDIR) else ENOEXEC) from None
        content = ko_name(vnode.read_all()) if vnode.is_reg else None
        if content is None:
            raise KError(ENOEXEC)
        return self._link(td, content.removesuffix(".ko"), path, filename)

    def _link(self, td: Proc, name: str, path: str, filename: str) -> LinkerFile:
        module = find_kernel_file(self.kernel, name)
        kld = getattr(module, "KLD", None) or Kld()
        modules = kld.modules or (name,)
        if any(self.find_module(m) is not None for m in modules):
            raise KError(EEXIST)
        lf = LinkerFile(self._file_id(), filename, path, kld)
        lf.address = self.next_address
        self.next_address += (kld.size + 0xFFF) & ~0xFFF
        self.files.append(lf)
        self.kernel_file.refs += kld.kernel_refs
        try:
            self._load_dependencies(td, lf)
        except KError:
            self._forget(lf)
            raise
        for each in modules:
            lf.modules.append((self.next_module_id, each))
            self.next_module_id += 1
        for file in (module, *(self.kernel.import_file(f) for f in kld.files)):
            lf.classes += module_classes(file)
        register_classes(self.kernel, lf.classes)
        if module.__name__.startswith("vshell.kernel.fs."):
            self._permission(name)
        return lf

    def _permission(self, fstype: str) -> None:
        """A file system jails may be allowed to mount brings a permission of its own, which stays (vfs_register)."""
        self.kernel[SysctlTree].add_allow(f"mount.{fstype}")
        prison_add_allow(self.kernel.prison0, f"mount.{fstype}")

    def _load_dependencies(self, td: Proc, lf: LinkerFile) -> None:
        for name in lf.kld.depends:
            dep = self.has_interface(name)
            if dep is None:
                self.load(td, name, lf)
            elif dep is self.kernel_file:
                dep.refs += 1
            else:
                dep.refs += 1
                lf.deps.append(dep)

    def _forget(self, lf: LinkerFile) -> None:
        self.files.remove(lf)
        self.kernel_file.refs -= lf.kld.kernel_refs
        for dep in lf.deps:
            self.unload(dep)

    # unloading -------------------------------------------------------------------------------------------------
    def unload(self, lf: LinkerFile, force: bool = False) -> None:
        """linker_file_unload: drop a reference; with the last one the file goes."""
        if self.kernel.prison0.securelevel > 0:
            raise KError(EPERM)
        if lf.refs > 1:
            lf.refs -= 1
            return
        quiesce_classes(self.kernel, lf.classes, force)
        unregister_classes(self.kernel, lf.classes)
        self._forget(lf)


def find_kernel_file(kernel: Kernel, name: str) -> Any:
    """Import the Python file that stands for NAME.ko; ENOENT if there is none."""
    from importlib.util import find_spec

    if name.isidentifier():
        for folder in FOLDERS:
            if find_spec(f"vshell.kernel.{folder}") is not None and find_spec(f"vshell.kernel.{folder}.{name}") is not None:
                return kernel.import_file(f"{folder}.{name}")
    raise KError(ENOENT)


def load_static(kernel: Kernel, files: Sequence[str], boot: Sequence[str] = ()) -> None:
    """Bring in the files a kernel is compiled from, and those the boot loader loads."""
    found: list[type[Any]] = []
    for name in files:
        found += module_classes(kernel.import_file(name))
    register_classes(kernel, found)
    assert kernel.initproc is not None
    for name in boot:
        kernel.linker.load(kernel.initproc, name).userrefs += 1


def module_classes(file: Any) -> list[type[Any]]:
    """The module classes a kernel file defines."""
    return [
        c
        for c in vars(file).values()
        if isinstance(c, type) and issubclass(c, (KernelModule, VnetModule)) and c.__module__ == file.__name__
    ]


def register_classes(kernel: Kernel, classes: list[type[Any]]) -> None:
    """Create the kernel-wide instances, attach the per-stack ones to every living stack."""
    for cls in sorted((c for c in classes if issubclass(c, KernelModule)), key=lambda c: (c.sub, c.order)):
        kernel[cls] = cls(kernel)
        kernel[cls].init()
    vnet_register(kernel, [c for c in classes if issubclass(c, VnetModule)])


def quiesce_classes(kernel: Kernel, classes: list[type[Any]], force: bool) -> None:
    """Ask everything in a file whether it may go."""
    for cls in classes:
        instances = [kernel[cls]] if issubclass(cls, KernelModule) else [vnet[cls] for vnet in kernel.vnets]
        for instance in instances:
            try:
                instance.quiesce()
            except KError:
                if not force:
                    raise
            instance.unload()


def unregister_classes(kernel: Kernel, classes: list[type[Any]]) -> None:
    """Take the classes of a file out of the stacks and the kernel."""
    vnet_deregister(kernel, [c for c in classes if issubclass(c, VnetModule)])
    for cls in sorted((c for c in classes if issubclass(c, KernelModule)), key=lambda c: (c.sub, c.order), reverse=True):
        kernel[cls].destroy()
        del kernel[cls]


def securelevel_gt(td: Proc, level: int) -> None:
    """EPERM if the secure level of the process's jail is above `level`."""
    if td.ucred.prison.securelevel > level:
        raise KError(EPERM)


class LinkerCalls:
    """System calls on kernel files."""

    proc: Proc
    kernel: Kernel

    def kldload(self, name: str) -> int:
        """kldload(2)."""
        securelevel_gt(self.proc, 0)
        priv_check(self.proc, PRIV_KLD_LOAD)
        lf = self.kernel.linker.load(self.proc, name)
        lf.userrefs += 1
        return lf.id

    def kldunload(self, fileid: int, force: bool = False) -> None:
        """kldunloadf(2)."""
        securelevel_gt(self.proc, 0)
        priv_check(self.proc, PRIV_KLD_UNLOAD)
        linker = self.kernel.linker
        lf = next((f for f in linker.files if f.id == fileid), None)
        if lf is None:
            raise KError(ENOENT)
        if not lf.userrefs or lf.refs > 1:
            raise KError(EBUSY)
        lf.userrefs -= 1
        try:
            linker.unload(lf, force)
        except KError:
            lf.userrefs += 1
            raise

    def kldfind(self, name: str) -> int:
        """kldfind(2): the id of a loaded file."""
        lf = self.kernel.linker.find_file(name.rpartition("/")[2])
        if lf is None:
            raise KError(ENOENT)
        return lf.id

    def kldstat(self) -> list[Any]:
        """kldnext(2), kldstat(2), kldfirstmod(2), modstat(2): every file with its modules."""
        return [
            KldFileStat(f.filename, f.refs, f.id, f.address, f.size, f.pathname, tuple(f.modules))
            for f in self.kernel.linker.files
        ]

    def modfind(self, name: str) -> int:
        """modfind(2): the id of a module."""
        found = self.kernel.linker.find_module(name)
        if found is None:
            raise KError(ENOENT)
        return found[0]
