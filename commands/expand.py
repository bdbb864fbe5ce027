"""expand(1): tabs to spaces (usr.bin/expand/expand.c)."""

from __future__ import annotations

import re

from vshell.abi.errno import KError
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.tabstops import tab_stops
from vshell.userland.textfile import stream


def spaces(column: int, stops: list[int]) -> int:
    """How many spaces a tab at `column` is."""
    if len(stops) <= 1:
        size = stops[0] if stops else 8
        return size - column % size
    return next((stop - column for stop in stops if stop > column), 1)


def expand_line(line: str, stops: list[int]) -> str:
    """One line."""
    out: list[str] = []
    column = 0
    for c in line:
        if c == "\t":
            n = spaces(column, stops)
            out.append(" " * n)
            column += n
            continue
        out.append(c)
        column = max(column - 1, 0) if c == "\b" else column + c.isprintable()
    return "".join(out)


@program("/usr/bin/expand")
async def main(p: Program) -> int:
    """expand [-t tablist] [file ...]"""
    argv = list(p.argv)
    stops: list[int] = []
    while len(argv) > 1 and re.match("-[0-9]", argv[1]):
        stops = tab_stops(p, argv.pop(1)[1:])
    parsed = Getopt(p, "t:", argv)
    for letter, value in parsed:
        if letter != "t":
            p.usage("usage: expand [-t tablist] [file ...]")
        stops = tab_stops(p, value)
    status = 0
    async for path, text in stream(p, parsed.args, dash=False):
        if isinstance(text, KError):
            p.warn(text, path)
            status = 1
            continue
        p.stdout.write("\n".join([expand_line(line, stops) if "\t" in line else line for line in text.split("\n")]))
    return status
