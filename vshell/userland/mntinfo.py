"""getmntinfo(3), getfsent(3) and the type lists of mount(8), umount(8), df(1)."""

from __future__ import annotations

from collections.abc import Callable

from vshell.abi.errno import KError
from vshell.abi.mount import Statfs
from vshell.userland.program import Program
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode


def getmntinfo(p: Program) -> list[Statfs]:
    """What is mounted, in the order in which it was."""
    return [fs for fs in p.sys.getfsstat() if isinstance(fs, Statfs)]


def vfs_filter(types: str | None) -> Callable[[str], bool]:
    """Which types a -t argument selects: a list, or "no" and a list of those that are not wanted."""
    if types is None:
        return lambda fstype: True
    if types.startswith("no"):
        unwanted = types[2:].split(",")
        return lambda fstype: fstype not in unwanted
    wanted = types.split(",")
    return lambda fstype: fstype in wanted


def fstab(p: Program, path: str = "/etc/fstab") -> list[list[str]]:
    """The entries of fstab(5): device, directory, type, options, dump, pass."""
    try:
        text = decode(slurp(p, path))
    except KError:
        return []
    entries = []
    for line in text.split("\n"):
        fields = line.partition("#")[0].split()
        if len(fields) >= 4:
            entries.append([*fields[:6], *["0"] * (6 - len(fields))])
    return entries
