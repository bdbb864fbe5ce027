"""tmpfs: an empty file system in memory (tmpfs(4))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL, KError
from vshell.kernel.kern.vfs import DirVnode, Mount

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc


def mount(proc: Proc, source: str, onname: str, words: frozenset[str], options: dict[str, str]) -> Mount:
    """tmpfs_mount."""
    made = Mount(proc.kernel, "tmpfs", "tmpfs", onname, words | {"local"})
    try:
        mode = int(options.get("mode", "1777" if onname == "/tmp" else "755"), 8)
        root = DirVnode(made, mode, int(options.get("uid", "0")), int(options.get("gid", "0")))
    except ValueError:
        raise KError(EINVAL) from None
    made.root = root
    return made
