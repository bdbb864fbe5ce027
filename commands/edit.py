"""edit: change a file with the editor of the computer vshell runs on, if its user allowed that.

Not the edit(1) of FreeBSD, which is ee(1).
"""

from __future__ import annotations

from vshell.abi.errno import EIO, ENOENT, ENOSYS, EPERM, KError
from vshell.abi.fcntl import O_CREAT, O_TRUNC, O_WRONLY
from vshell.abi.vshell import EDIT
from vshell.userland.program import Program, program
from vshell.userland.slurp import slurp

TEXTS = {
    EPERM: "the editor of this computer may not be used: say host-editor = true in config.toml (see vshell(1)), or use ed(1)",
    ENOSYS: "only in an interactive session; ed(1) works everywhere",
    EIO: "the editor failed, the file is as it was",
}


@program("/usr/local/bin/edit")
async def main(p: Program) -> int:
    """Hand the file out, and take it back."""
    if len(p.argv) != 2 or p.argv[1].startswith("-"):
        p.usage("usage: edit file", 2)
    path = p.argv[1]
    try:
        content = slurp(p, path)
    except KError as e:
        if e.errno != ENOENT:
            p.err(1, e, path)
        content = b""
    try:
        changed: bytes = p.sys.vshell(EDIT(path.rpartition("/")[2], content))
    except KError as e:
        if e.errno not in TEXTS:
            raise
        p.errx(1, TEXTS[e.errno])
    if changed == content:
        return 0
    try:
        fd = p.sys.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        await p.sys.write(fd, changed)
        p.sys.close(fd)
    except KError as e:
        p.err(1, e, path)
    return 0
