"""colrm(1): remove columns from lines (usr.bin/colrm/colrm.c)."""

from __future__ import annotations

from vshell.userland.cnumber import strtol
from vshell.userland.getopt import getopt_or_usage
from vshell.userland.program import Program, program
from vshell.userland.stdio import decode

USAGE = "usage: colrm [start [stop]]"
TAB = 8


def kept(line: str, start: int, stop: int) -> str:
    """A line without the columns from start to stop; 0 stands for none."""
    out, column = "", 0
    for char in line:
        if char == "\b":
            column = max(column - 1, 0)
        elif char == "\t":
            column = column // TAB * TAB + TAB
        elif char.isprintable():
            column += 1
        if not start or column < start or (stop and column > stop):
            out += char
    return out


@program("/usr/bin/colrm")
async def main(p: Program) -> int:
    """colrm [start [stop]]"""
    _, args = getopt_or_usage(p, "", USAGE)
    if len(args) > 2:
        p.usage(USAGE)
    columns = [0, 0]
    for i in reversed(range(len(args))):
        columns[i], rest, _ = strtol(args[i])
        if columns[i] <= 0 or rest:
            p.errx(1, f"illegal column -- {args[i]}")
    start, stop = columns
    if stop and start > stop:
        p.errx(1, "illegal start and stop columns")
    while line := decode(await p.stdin.readline()):
        end = "\n" if line.endswith("\n") else ""
        p.stdout.write(kept(line.removesuffix("\n"), start, stop))
        # The end of a line stands in column 0, which is never removed.
        p.stdout.write(end)
    return 0
