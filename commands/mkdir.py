"""mkdir(1): make directories (bin/mkdir/mkdir.c)."""

from __future__ import annotations

from vshell.abi.errno import EEXIST, EISDIR, ENOENT, ENOTDIR, KError
from vshell.abi.fcntl import S_IFDIR, S_IFMT
from vshell.userland.getopt import Getopt
from vshell.userland.pathname import dirname
from vshell.userland.program import Program, program
from vshell.userland.setmode import setmode

USAGE = "usage: mkdir [-pv] [-m mode] directory_name ..."
EX_USAGE = 64


def prefixes(path: str) -> list[str]:
    """The directories a path leads through, the path itself last."""
    found = [path[:at] for at in range(1, len(path)) if path[at] == "/" and path[at + 1 :]]
    return [*found, path.rstrip("/") if path.rstrip("/") and path.endswith("/") else path]


def build(p: Program, path: str, mode: int, verbose: bool) -> int:
    """mkdir -p: 1 if the directory was made, 2 if it was there, 0 if that failed."""
    steps = prefixes(path)
    umask = p.sys.umask(0)
    p.sys.umask(umask & ~0o300)
    result = 1
    try:
        for step in steps:
            last = step is steps[-1]
            if last:
                p.sys.umask(umask)
            try:
                p.sys.mkdir(step, mode if last else 0o777)
            except KError as e:
                if e.errno not in (EEXIST, EISDIR):
                    p.warn(e, step)
                    return 0
                if not isdir(p, step):
                    p.warn(EEXIST if last else ENOTDIR, step)
                    return 0
                result = 2 if last else 1
            else:
                if verbose:
                    p.stdout.write(f"{step}\n")
    finally:
        p.sys.umask(umask)
    return result


def isdir(p: Program, path: str) -> bool:
    """True for a directory."""
    try:
        return p.sys.stat(path).st_mode & S_IFMT == S_IFDIR
    except KError:
        return False


def make(p: Program, path: str, mode: int, verbose: bool) -> int:
    """One plain mkdir; 1 if it was made."""
    try:
        p.sys.mkdir(path, mode)
    except KError as e:
        p.warn(e, dirname(path) if e.errno in (ENOTDIR, ENOENT) else path)
        return 0
    if verbose:
        p.stdout.write(f"{path}\n")
    return 1


@program("/bin/mkdir")
def main(p: Program) -> int:
    """mkdir [-pv] [-m mode] directory_name ..."""
    parents = verbose = False
    given: str | None = None
    parsed = Getopt(p, "m:pv")
    for key, value in parsed:
        if key == "m":
            given = value
        elif key == "p":
            parents = True
        elif key == "v":
            verbose = True
        else:
            p.usage(USAGE, EX_USAGE)
    if not parsed.args:
        p.usage(USAGE, EX_USAGE)
    mode = 0o777
    if given is not None:
        change = setmode(given)
        if change is None:
            p.errx(1, f"invalid file mode: {given}")
        mode = change.apply(0o777, umask(p))
    status = 0
    for path in parsed.args:
        made = (build if parents else make)(p, path, mode, verbose)
        if not made:
            status = 1
        elif made == 1 and given is not None:
            try:
                p.sys.chmod(path, mode)
            except KError as e:
                p.warn(e, path)
                status = 1
    return status


def umask(p: Program) -> int:
    """The umask, unchanged."""
    mask = p.sys.umask(0)
    p.sys.umask(mask)
    return mask
