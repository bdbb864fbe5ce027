"""kldunload(8): unload kernel files (sbin/kldunload/kldunload.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import KError
from vshell.userland.cnumber import atoi
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

USAGE = "usage: kldunload [-fv] -i id ...\n       kldunload [-fv] [-n] name ..."
EX_USAGE = 64


@program("/sbin/kldunload")
def main(p: Program) -> int:
    """Unload each file; the first failure ends it."""
    options, names = getopt(p, "finv")
    letters = {letter for letter, _ in options}
    if "?" in letters or not names:
        p.usage(USAGE, EX_USAGE)
    for name in names:
        fileid = _find(p, name, "i" in letters)
        if "v" in letters:
            files: list[Any] = list(p.sys.kldstat())
            stat = next((f for f in files if f.id == fileid), None)
            if stat is None:
                p.errx(1, "can't stat file: No such file or directory")
            p.stdout.write(f"Unloading {stat.name}, id={fileid}\n")
        try:
            p.sys.kldunload(fileid, "f" in letters)
        except KError as e:
            p.err(1, e, "can't unload file")
    return 0


def _find(p: Program, name: str, by_id: bool) -> int:
    if by_id:
        fileid = atoi(name)
        if fileid < 0:
            p.errx(1, f"Invalid ID {name}")
        return fileid
    try:
        return p.sys.kldfind(name)
    except KError:
        p.errx(1, f"can't find file {name}")


def complete(c: Context) -> Iterator[Candidate]:
    """Kernel files that are loaded."""
    from vshell.userland.completion import Candidate

    for name, about, _ in c.names("module"):
        yield Candidate(name.removesuffix(".ko"), about)
