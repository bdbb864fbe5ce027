"""Kernel files and modules: what is compiled in, what is loaded (kld(4), kern_linker.c, kern_module.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vshell.kernel.kern.module import KernelModule, VnetModule
from vshell.kernel.net.vnet import vnet_register

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel


def load_static(kernel: Kernel, files: Sequence[str], boot: Sequence[str] = ()) -> None:
    """Bring in the files a kernel is compiled from."""
    found: list[type[Any]] = []
    for name in files:
        found += module_classes(kernel.import_file(name))
    register_classes(kernel, found)


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


class LinkerCalls:
    """System calls on kernel files."""

    proc: Proc
    kernel: Kernel
