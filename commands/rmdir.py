"""rmdir(1): remove directories (bin/rmdir/rmdir.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program

USAGE = "usage: rmdir [-pv] directory ..."


def remove(p: Program, path: str, verbose: bool) -> bool:
    """One directory."""
    try:
        p.sys.rmdir(path)
    except KError as e:
        p.warn(e, path)
        return False
    if verbose:
        p.stdout.write(f"{path}\n")
    return True


@program("/bin/rmdir")
def main(p: Program) -> int:
    """rmdir [-pv] directory ..."""
    options, paths = getopt(p, "pv")
    flags = {key for key, _ in options}
    if "?" in flags or not paths:
        p.usage(USAGE, 2)
    status = 0
    for path in paths:
        done = remove(p, path, "v" in flags)
        if done and "p" in flags:
            up = path.rstrip("/")
            while "/" in up:
                up = up.rpartition("/")[0].rstrip("/")
                if not up:
                    break
                if not remove(p, up, "v" in flags):
                    done = False
                    break
        status |= not done
    return status
