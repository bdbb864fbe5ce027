"""procfs: its mount point only.  DIFFERS: the directories of processes are not there; ps and procstat use sysctl."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.kernel.kern.vfs import DirVnode, Mount

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc


def mount(proc: Proc, source: str, onname: str, words: frozenset[str], options: dict[str, str]) -> Mount:
    """procfs_mount."""
    made = Mount(proc.kernel, "procfs", "procfs", onname, words | {"local"})
    made.root = DirVnode(made, 0o555)
    return made
