"""kldconfig(8): the search path for kernel files (sbin/kldconfig/kldconfig.c)."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import KError
from vshell.userland.getopt import Getopt
from vshell.userland.pathname import realpath
from vshell.userland.program import Program, program

NODE = "kern.module_path"


def _usage(p: Program) -> NoReturn:
    p.usage("usage:\tkldconfig [-dfimnUv] [-S sysctlname] [path ...]\n\tkldconfig -r")


class Path:
    """The path as a list, and whether it was changed."""

    def __init__(self, p: Program, parts: list[str], unique: bool) -> None:
        self.p = p
        self.parts: list[str] = []
        self.changed = False
        self.inserted = 0
        for part in parts:
            if unique:
                self.add(part, True, False)
            else:
                self.parts.append(part)

    def _real(self, path: str) -> str:
        try:
            path = realpath(self.p.sys, path)
        except KError:
            pass
        return path[:-1] if path.endswith("/") else path

    def add(self, path: str, force: bool, insert: bool) -> None:
        """Add a folder at the end, or in front of the others."""
        path = self._real(path)
        if path in self.parts:
            if force:
                return
            self.p.errx(1, f"already in the module search path: {path}")
        if insert:
            self.parts.insert(self.inserted, path)
            self.inserted += 1
        else:
            self.parts.append(path)
        self.changed = True

    def remove(self, path: str, force: bool) -> None:
        """Remove a folder."""
        path = self._real(path)
        if path not in self.parts:
            if force:
                return
            self.p.errx(1, f"not in module search path: {path}")
        self.parts.remove(path)
        self.changed = True


@program("/sbin/kldconfig")
def main(p: Program) -> int:
    """Show or change the path."""
    options = Getopt(p, "dfimnrS:Uv")
    flags: set[str] = set() if len(p.argv) > 1 else {"m"}
    node, verbose = NODE, 0
    for letter, value in options:
        if letter == "?" or (letter == "d" and flags & {"i", "m"}) or (letter in "im" and "d" in flags):
            _usage(p)
        flags.add(letter)
        if letter == "S":
            node = value
        verbose += letter == "v"
    args = options.args
    if "r" in flags and args:
        _usage(p)
    try:
        original = str(p.sys.sysctl(node))
    except KError as e:
        p.err(1, e, f"sysctlnametomib({node})")
    keep = flags & {"d", "m", "r", "U"}
    path = Path(p, original.split(";") if keep and original else [], "U" in flags)
    path.changed = path.changed or (not keep and bool(original))
    for arg in args:
        if "d" in flags:
            path.remove(arg, "f" in flags)
        else:
            path.add(arg, "f" in flags, "i" in flags)
    text = ";".join(path.parts)
    if path.changed and "n" not in flags:
        try:
            p.sys.sysctl(node, text)
        except KError as e:
            p.err(1, e, f"setting path: sysctl({node})")
    if "r" in flags or (path.changed and verbose):
        p.stdout.write((f"{original} -> " if path.changed and verbose > 1 else "") + text + "\n")
    return 0
