"""mkfifo(1): make named pipes (usr.bin/mkfifo/mkfifo.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program
from vshell.userland.setmode import setmode


@program("/usr/bin/mkfifo")
def main(p: Program) -> int:
    """mkfifo [-m mode] fifo_name ..."""
    options, names = getopt(p, "m:")
    if any(k == "?" for k, _ in options) or not names:
        p.usage("usage: mkfifo [-m mode] fifo_name ...")
    mode = 0o666
    for _, value in options:
        change = setmode(value)
        if change is None:
            p.errx(1, f"invalid file mode: {value}")
        umask = p.sys.umask(0)
        mode = change.apply(0o666, umask)
    status = 0
    for name in names:
        try:
            p.sys.mkfifo(name, mode)
        except KError as e:
            p.warn(e, name)
            status = 1
    return status
