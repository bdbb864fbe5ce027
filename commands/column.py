"""column(1): columnate lists (usr.bin/column/column.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import Getopt
from vshell.userland.humanize import strtonum
from vshell.userland.program import Program, program
from vshell.userland.stdio import decode
from vshell.userland.textfile import read_file

USAGE = "usage: column [-tx] [-c columns] [-l tblcols] [-s sep] [file ...]"
INT_MAX = 0x7FFFFFFF


def width(text: str) -> int:
    """Columns a text takes; what does not print takes none."""
    return len(text) if text.isprintable() else sum(c.isprintable() for c in text)


def tabbed(n: int) -> int:
    """Up to the next tab stop."""
    return (n + 7) // 8 * 8


def fill(cells: list[str], wide: int) -> str:
    """One row: cells separated by tabs."""
    out: list[str] = []
    at, end = 0, wide
    for i, cell in enumerate(cells):
        out.append(cell)
        at += width(cell)
        if i + 1 < len(cells):
            while (stop := tabbed(at + 1)) <= end:
                out.append("\t")
                at = stop
            end += wide
    return "".join(out) + "\n"


def columns(entries: list[str], terminal: int, wide: int, across: bool) -> str:
    """Without -t: down the columns, or across with -x."""
    count = terminal // wide
    if across:
        rows = [entries[i : i + count] for i in range(0, len(entries), count)]
    else:
        height = -(-len(entries) // count)
        rows = [entries[i::height][:count] for i in range(height)]
    return "".join(fill(row, wide) for row in rows)


def table(entries: list[str], separators: str, most: int) -> str:
    """-t."""
    rows: list[list[str]] = []
    for entry in entries:
        rest = entry.lstrip(separators)
        cells: list[str] = []
        while rest:
            cut = min((at for c in separators if (at := rest.find(c)) >= 0), default=-1)
            if cut < 0 or (most and len(cells) + 1 >= most):
                cells.append(rest)
                break
            cells.append(rest[:cut])
            rest = rest[cut:].lstrip(separators)
            if not rest:
                break
        rows.append(cells)
    widths: list[int] = []
    for row in rows:
        for i, cell in enumerate(row):
            if i == len(widths):
                widths.append(0)
            widths[i] = max(widths[i], width(cell))
    out = []
    for row in rows:
        for i, cell in enumerate(row[:-1]):
            out.append(cell + " " * (widths[i] - width(cell) + 2))
        out.append(row[-1] + "\n" if row else "")
    return "".join(out)


class Options:
    """The command line."""

    def __init__(self, p: Program) -> None:
        self.terminal = self.terminal_width(p)
        self.flags: set[str] = set()
        self.most = 0
        self.separators = "\t "
        parsed = Getopt(p, "c:l:s:tx")
        for letter, value in parsed:
            if letter in "cl":
                number, error = strtonum(value, 0, INT_MAX)
                if error:
                    p.errx(1, f'invalid {"terminal" if letter == "c" else "max"} width "{value}": {error}')
                if letter == "c":
                    self.terminal = number
                else:
                    self.most = number
            elif letter == "s":
                self.separators = value
            elif letter == "?":
                p.usage(USAGE)
            else:
                self.flags.add(letter)
        self.operands = parsed.args
        if self.most and "t" not in self.flags:
            p.errx(1, "the -l flag cannot be used without the -t flag")

    @staticmethod
    def terminal_width(p: Program) -> int:
        try:
            size = p.sys.ttysize(1)[1]
        except KError:
            size = 0
        columns = p.env.get("COLUMNS", "")
        return size or (int(columns) if columns.isdecimal() else 80)


@program("/usr/bin/column")
async def main(p: Program) -> int:
    """column [-tx] [-c columns] [-l tblcols] [-s sep] [file ...]"""
    o = Options(p)
    entries: list[str] = []
    status = 0
    for path in o.operands or [""]:
        try:
            text = decode(await (read_file(p, path) if path else p.stdin.read()))
        except KError as e:
            p.warn(e, path)
            status = 1
            continue
        lines = text.split("\n")
        if lines.pop().strip():
            p.warnx("line too long")
            status = 1
        entries += [line for line in lines if line.strip(" \t\v\f\r")]
    if not entries:
        return status
    wide = tabbed(max(width(entry) for entry in entries) + 1)
    if "t" in o.flags:
        p.stdout.write(table(entries, o.separators, o.most))
    elif wide >= o.terminal:
        p.stdout.write("".join(f"{entry}\n" for entry in entries))
    else:
        p.stdout.write(columns(entries, o.terminal, wide, "x" in o.flags))
    return status
