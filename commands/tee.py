"""tee(1): copy standard input to standard output and files (usr.bin/tee/tee.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_APPEND, O_CREAT, O_TRUNC, O_WRONLY
from vshell.abi.signal import SIG_IGN, SIGINT
from vshell.userland.getopt import getopt_or_usage
from vshell.userland.program import Program, program


@program("/usr/bin/tee")
async def main(p: Program) -> int:
    """tee [-ai] [file ...]"""
    options, operands = getopt_or_usage(p, "ai", "usage: tee [-ai] [file ...]")
    letters = {letter for letter, _ in options}
    if "i" in letters:
        p.sys.sigaction(SIGINT, SIG_IGN)
    mode = O_WRONLY | O_CREAT | (O_APPEND if "a" in letters else O_TRUNC)
    status = 0
    # The list is built from its head: the last file is written first, standard output last.
    outputs = [(1, "stdout")]
    for path in operands:
        try:
            outputs.insert(0, (p.sys.open(path, mode, 0o666), path))
        except KError as e:
            p.warn(e, path)
            status = 1
    while data := await p.sys.read(0, 8192):
        for fd, name in outputs:
            try:
                await p.sys.write(fd, data)
            except KError as e:
                p.warn(e, name)
                status = 1
    return status
