"""rev(1): reverse lines of a file (usr.bin/rev/rev.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt_or_usage
from vshell.userland.program import Program, program
from vshell.userland.stdio import decode
from vshell.userland.textfile import Lines, relieve


@program("/usr/bin/rev")
async def main(p: Program) -> int:
    """rev [file ...]"""
    _, operands = getopt_or_usage(p, "", "usage: rev [file ...]")
    status = 0
    paths: list[str | None] = [*operands] or [None]
    for path in paths:
        try:
            lines = Lines(p, path)
            while line := decode(await lines.next()):
                p.stdout.write(line.removesuffix("\n")[::-1] + "\n")
                await relieve(p)
            lines.close()
        except KError as e:
            p.warn(e, path or "stdin")
            status = 1
    return status
