"""fold(1): fold long lines (usr.bin/fold/fold.c)."""

from __future__ import annotations

import re

from vshell.abi.errno import KError
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.stdio import encode
from vshell.userland.textfile import stream


def advance(column: int, c: str, by_bytes: bool) -> int:
    """The column behind a character."""
    if by_bytes:
        return column + len(encode(c))
    if c == "\b":
        return max(column - 1, 0)
    if c == "\r":
        return 0
    if c == "\t":
        return (column + 8) & ~7
    return column + c.isprintable()


def fold_line(line: str, width: int, spaces: bool, by_bytes: bool) -> list[str]:
    """One line in pieces."""
    out: list[str] = []
    buffer, column = "", 0
    for c in line:
        column = advance(column, c, by_bytes)
        if column > width:
            cut = max(buffer.rfind(" "), buffer.rfind("\t")) + 1 if spaces else 0
            if cut:
                out.append(buffer[:cut])
                buffer = buffer[cut:]
                column = 0
                for kept in buffer:
                    column = advance(column, kept, by_bytes)
            else:
                out.append(buffer)
                buffer, column = "", 0
            column = advance(column, c, by_bytes)
        buffer += c
    out.append(buffer)
    return out


@program("/usr/bin/fold")
async def main(p: Program) -> int:
    """fold [-bs] [-w width] [file ...]"""
    width, previous = -1, ""
    flags: set[str] = set()
    parsed = Getopt(p, "0123456789bsw:")
    for letter, value in parsed:
        if letter == "w":
            m = re.match(r"\s*[+-]?\d+", value)
            width = int(m[0]) if m else 0
            if width <= 0:
                p.errx(1, "illegal width value")
        elif letter.isdecimal():
            if previous.isdecimal():
                width = width * 10 + int(letter)
            elif width == -1:
                width = int(letter)
        elif letter == "?":
            p.usage("usage: fold [-bs] [-w width] [file ...]")
        flags.add(letter)
        previous = letter
    width = 80 if width == -1 else width
    status = 0
    async for path, text in stream(p, parsed.args, dash=False):
        if isinstance(text, KError):
            p.warn(text, path)
            status = 1
            continue
        lines = text.split("\n")
        last = lines.pop()
        for line in lines:
            p.stdout.write("".join(f"{piece}\n" for piece in fold_line(line, width, "s" in flags, "b" in flags)))
        p.stdout.write("\n".join(fold_line(last, width, "s" in flags, "b" in flags)) if last else "")
    return status
