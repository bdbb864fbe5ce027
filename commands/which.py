"""which(1): find a program in the path (usr.bin/which/which.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import S_IFMT, S_IFREG, X_OK
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context


def is_there(p: Program, path: str, silent: bool) -> bool:
    """True (and print) for a file that can be executed."""
    try:
        p.sys.access(path, X_OK)
        st = p.sys.stat(path)
    except KError:
        return False
    if st.st_mode & S_IFMT != S_IFREG or (p.sys.getuid() == 0 and not st.st_mode & 0o111):
        return False
    if not silent:
        p.stdout.write(f"{path}\n")
    return True


def find(p: Program, name: str, every: bool, silent: bool) -> bool:
    """Look for one program."""
    if "/" in name:
        return is_there(p, name, silent)
    found = False
    for directory in p.env.get("PATH", "").split(":"):
        if is_there(p, f"{directory or '.'}/{name}", silent):
            found = True
            if not every:
                break
    return found


@program("/usr/bin/which")
def main(p: Program) -> int:
    """which [-as] program ..."""
    options, names = getopt(p, "as")
    flags = {k for k, _ in options}
    if "?" in flags or not names:
        p.usage("usage: which [-as] program ...")
    if "PATH" not in p.env:
        return 1
    status = 0
    for name in names:
        if not name or not find(p, name, "a" in flags, "s" in flags):
            status = 1
    return status


def complete(c: Context) -> Iterator[Candidate]:
    """A command."""
    yield from c.command([])
