"""truncate(1): set the length of files (usr.bin/truncate/truncate.c)."""

from __future__ import annotations

from vshell.abi.errno import ENOENT, KError
from vshell.abi.fcntl import O_CREAT, O_NONBLOCK, O_WRONLY
from vshell.userland.getopt import Getopt
from vshell.userland.humanize import expand_number
from vshell.userland.program import Program, program

USAGE = """\
usage: truncate [-c] -s [+|-|%|/]size[K|k|M|m|G|g|T|t] file ...
       truncate [-c] -r rfile file ...
"""


def new_size(old: int, how: str, size: int) -> int:
    """The length a file gets."""
    if how == "+":
        return old + size
    if how == "-":
        return max(old - size, 0)
    if how == "%":
        return -(-old // size) * size
    if how == "/":
        return old // size * size
    return size


@program("/usr/bin/truncate")
def main(p: Program) -> int:
    """truncate [-c] -s size file ..."""
    create = True
    how, size = "", -1
    reference = ""
    parsed = Getopt(p, "cr:s:")
    for key, value in parsed:
        if key == "c":
            create = False
        elif key == "r":
            reference = value
        elif key == "s":
            how = value[0] if value[:1] in ("+", "-", "%", "/") else ""
            number = expand_number(value[len(how) :])
            if number is None or number < 0:
                p.errx(1, f"invalid size argument `{value}'")
            size = number
        else:
            p.usage(USAGE)
    if not parsed.args or bool(reference) == (size >= 0):
        p.usage(USAGE)
    if reference:
        try:
            size = p.sys.stat(reference).st_size
        except KError as e:
            p.err(1, e, reference)
    if how in ("%", "/") and not size:
        p.errx(1, "division by zero")
    status = 0
    for name in parsed.args:
        try:
            fd = p.sys.open(name, O_WRONLY | O_NONBLOCK | (O_CREAT if create else 0), 0o666)
            p.sys.ftruncate(fd, new_size(p.sys.fstat(fd).st_size, how, size))
            p.sys.close(fd)
        except KError as e:
            if create or e.errno != ENOENT:
                p.warn(e, name)
                status = 1
    return status
