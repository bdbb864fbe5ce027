"""fdescfs: the descriptors of the process that looks, as files (fdescfs(4))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.kernel.kern.devfs import FdVnode
from vshell.kernel.kern.vfs import DirVnode, Mount, Vnode

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc


class FdescDir(DirVnode):
    """The root: one entry for each descriptor of the process that searches it."""

    __slots__ = ()

    def lookup(self, name: str, proc: Proc | None = None) -> Vnode | None:
        """VOP_LOOKUP."""
        if proc is None or not (name.isascii() and name.isdigit()) or str(int(name)) != name:
            return None
        if int(name) not in proc.fd.files:
            return None
        found = self.entries.get(name)
        if found is None:
            found = self.entries[name] = FdVnode(self.mount, int(name))
        return found

    def names(self) -> list[str]:
        """VOP_READDIR.  DIFFERS: only those every process has."""
        return ["0", "1", "2"]


def mount(proc: Proc, source: str, onname: str, words: frozenset[str], options: dict[str, str]) -> Mount:
    """fdesc_mount."""
    made = Mount(proc.kernel, "fdescfs", "fdescfs", onname, words)
    made.root = FdescDir(made, 0o555)
    return made
