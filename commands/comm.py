"""comm(1): select or reject lines common to two files (usr.bin/comm/comm.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import getopt_or_usage
from vshell.userland.program import Program, checks_stdout, program
from vshell.userland.stdio import Reader, decode

USAGE = "usage: comm [-123i] file1 file2"


def open_input(p: Program, path: str) -> Reader:
    """A file, or the standard input for "-"."""
    if path == "-":
        return p.stdin
    try:
        return Reader(p.sys, p.sys.open(path))
    except KError as e:
        p.err(1, e, path)


async def next_line(p: Program, reader: Reader, path: str) -> str | None:
    """A line without its newline, None at the end."""
    try:
        line = decode(await reader.readline())
    except KError as e:
        p.err(1, e, path)
    return line.removesuffix("\n") if line else None


@checks_stdout(1)
@program("/usr/bin/comm")
async def main(p: Program) -> int:
    """comm [-123i] file1 file2"""
    options, operands = getopt_or_usage(p, "123i", USAGE)
    letters = {letter for letter, _ in options}
    if len(operands) != 2:
        p.usage(USAGE)
    path1, path2 = operands
    file1, file2 = open_input(p, path1), open_input(p, path2)
    columns: dict[str, str | None] = {}
    tabs = ""
    for column in "123":
        columns[column] = None if column in letters else tabs
        tabs += "" if column in letters else "\t"

    def show(column: str, line: str) -> None:
        lead = columns[column]
        if lead is not None:
            p.stdout.write(f"{lead}{line}\n")

    fold = str.lower if "i" in letters else str
    line1, line2 = await next_line(p, file1, path1), await next_line(p, file2, path2)
    while line1 is not None or line2 is not None:
        if line2 is None or (line1 is not None and fold(line1) < fold(line2)):
            show("1", line1 or "")
            line1 = await next_line(p, file1, path1)
        elif line1 is None or fold(line1) > fold(line2):
            show("2", line2)
            line2 = await next_line(p, file2, path2)
        else:
            show("3", line1)
            line1, line2 = await next_line(p, file1, path1), await next_line(p, file2, path2)
    return 0
