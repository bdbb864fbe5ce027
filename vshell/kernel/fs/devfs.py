"""devfs: a further copy of the device file system, for jails (devfs(4)); the devices are in kern/devfs.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EINVAL, KError
from vshell.kernel.kern.devfs import new_devfs
from vshell.kernel.kern.vfs import Mount

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc


def mount(proc: Proc, source: str, onname: str, words: frozenset[str], options: dict[str, str]) -> Mount:
    """devfs_mount; the option "ruleset" hides devices."""
    ruleset = options.get("ruleset", "0")
    if not (ruleset.isascii() and ruleset.isdigit()) or int(ruleset) > 0xFFFF:
        raise KError(EINVAL)
    made = new_devfs(proc.kernel, onname)
    made.options = words
    made.ruleset = int(ruleset)
    return made
