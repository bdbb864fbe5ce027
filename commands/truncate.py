"""truncate(1): set the length of files (usr.bin/truncate/truncate.c)."""

from __future__ import annotations

from vshell.abi.errno import ENOENT, KError
from vshell.abi.fcntl import O_CREAT, O_NONBLOCK, O_WRONLY, SEEK_SET
from vshell.userland.getopt import Getopt
from vshell.userland.humanize import expand_number
from vshell.userland.program import Program, program

USAGE = """\
usage: truncate [-c] -s [+|-|%|/]size[K|k|M|m|G|g|T|t] file ...
       truncate [-c] -r rfile file ...
       truncate [-c] -d [-o offset[K|k|M|m|G|g|T|t]] -l length[K|k|M|m|G|g|T|t] file ...
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


def amount(p: Program, text: str, what: str, digits: str, least: int = 0) -> int:
    """A size from the command line."""
    number = expand_number(digits)
    if number is None or number < least:
        p.errx(1, f"invalid {what} argument `{text}'")
    return number


def deallocate(p: Program, fd: int, offset: int, length: int) -> None:
    """Make a hole; the file keeps its length."""
    length = min(length, p.sys.fstat(fd).st_size - offset)
    p.sys.lseek(fd, offset, SEEK_SET)
    while length > 0:
        length -= p.sys.write_nowait(fd, bytes(min(length, 65536)))


@program("/usr/bin/truncate")
def main(p: Program) -> int:
    """truncate [-c] -s size file ..."""
    create, dealloc = True, False
    how, size, offset, length = "", -1, 0, -1
    reference: str | None = None
    parsed = Getopt(p, "cdr:s:o:l:")
    for key, value in parsed:
        if key == "c":
            create = False
        elif key == "d":
            dealloc = True
        elif key == "r":
            reference = value
        elif key == "s":
            how = value[0] if value[:1] in ("+", "-", "%", "/") else ""
            size = amount(p, value, "size", value[len(how) :])
        elif key == "o":
            offset = amount(p, value, "offset", value)
        elif key == "l":
            length = amount(p, value, "length", value, 1)
        else:
            p.usage(USAGE)
    if not parsed.args or (reference is not None) + (size >= 0) + dealloc != 1 or (dealloc and length < 0):
        p.usage(USAGE)
    if reference is not None:
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
            if dealloc:
                deallocate(p, fd, offset, length)
            else:
                p.sys.ftruncate(fd, new_size(p.sys.fstat(fd).st_size, how, size))
            p.sys.close(fd)
        except KError as e:
            if create or e.errno != ENOENT:
                p.warn(e, name)
                status = 1
    return status
