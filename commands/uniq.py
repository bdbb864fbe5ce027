"""uniq(1): report or filter out repeated lines (usr.bin/uniq/uniq.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_CREAT, O_TRUNC, O_WRONLY
from vshell.userland.getopt_long import NO, OPTIONAL, REQUIRED, GetoptLong
from vshell.userland.humanize import strtonum
from vshell.userland.program import Program, program
from vshell.userland.stdio import Reader, Writer, decode

LONGS = {
    "all-repeated": (OPTIONAL, "D"),
    "count": (NO, "c"),
    "repeated": (NO, "d"),
    "skip-fields": (REQUIRED, "f"),
    "ignore-case": (NO, "i"),
    "skip-chars": (REQUIRED, "s"),
    "unique": (NO, "u"),
}
USAGE = "usage: uniq [-cdiu] [-D[septype]] [-f fields] [-s chars] [input [output]]"
INT_MAX = 0x7FFFFFFF


def obsolete(argv: list[str]) -> list[str]:
    """-3 is -f3, +3 is -s3."""
    out = argv[:1]
    for i, word in enumerate(argv[1:], 1):
        if word[:1] not in ("-", "+") or not word or word.startswith("--"):
            return out + argv[i:]
        out.append(("-s" if word[0] == "+" else "-f") + word[1:] if word[1:2].isdecimal() else word)
    return out


class Options:
    """What to compare and what to show."""

    def __init__(self) -> None:
        self.flags: set[str] = set()
        self.groups = ""
        self.fields = self.chars = 0

    def key(self, line: str) -> str:
        """The part of a line that is compared."""
        line = line.removesuffix("\n")
        at = 0
        for _ in range(self.fields):
            if at >= len(line):
                break
            while line[at : at + 1] in (" ", "\t") and at < len(line):
                at += 1
            while at < len(line) and line[at] not in " \t":
                at += 1
        line = line[at + self.chars :]
        return line.lower() if "i" in self.flags else line


def parse(p: Program) -> tuple[Options, list[str]]:
    """Options and operands."""
    o = Options()
    getopt = GetoptLong(p, "+D::cdif:s:u", LONGS, obsolete(p.argv))
    for key, value in getopt:
        if key == "D" and value.lower() in ("", "none", "prepend", "separate"):
            o.groups = value.lower() or "none"
        elif key in "fs":
            number, error = strtonum(value, 0, INT_MAX)
            if error:
                p.errx(1, f"{'field' if key == 'f' else 'character'} skip value is {error}: {value}")
            o.fields, o.chars = (number, o.chars) if key == "f" else (o.fields, number)
        elif key in "cdiu":
            o.flags.add(key)
        else:
            p.usage(USAGE)
    if o.groups:
        o.flags.discard("d")
    return o, getopt.args


async def filter_lines(o: Options, source: Reader, out: Writer) -> None:
    """The work."""
    f = o.flags
    plain = not f & {"c", "d", "u"} and not o.groups
    previous = decode(await source.readline())
    if not previous:
        return
    repeats = 0

    def show(line: str) -> None:
        out.write(f"{repeats + 1:4d} {line}" if "c" in f else line)

    def ended(line: str) -> None:
        if not o.groups and ("d" not in f or ("c" in f and repeats > 0)) and ("u" not in f or repeats == 0):
            show(line)

    if plain:
        show(previous)
    last = o.key(previous)
    while line := decode(await source.readline()):
        key = o.key(line)
        if key != last:
            if o.groups == "separate" and repeats:
                out.write("\n")
            if plain:
                show(line)
            else:
                ended(previous)
            previous, last, repeats = line, key, 0
            if out.pending > 65536:
                await out.drain()
            continue
        if repeats == 0 and (o.groups or ("d" in f and "c" not in f)):
            if o.groups == "prepend":
                out.write("\n")
            show(previous)
        repeats += 1
        if o.groups:
            show(line)
    if not plain:
        ended(previous)


@program("/usr/bin/uniq")
async def main(p: Program) -> int:
    """uniq [-cdiu] [-D[septype]] [-f fields] [-s chars] [input [output]]"""
    o, operands = parse(p)
    if len(operands) > 2:
        p.usage(USAGE)
    source, out = p.stdin, p.stdout
    try:
        if operands and operands[0] != "-":
            source = Reader(p.sys, p.sys.open(operands[0]))
    except KError as e:
        p.err(1, e, operands[0])
    try:
        if len(operands) > 1:
            out = Writer(p.sys, p.sys.open(operands[1], O_WRONLY | O_CREAT | O_TRUNC))
    except KError as e:
        p.err(1, e, operands[1])
    try:
        await filter_lines(o, source, out)
    except KError as e:
        p.err(1, e, operands[0] if operands else "stdin")
    await out.drain()
    if out.error is not None:
        p.err(1, out.error, operands[1] if len(operands) > 1 else "stdout")
    return 0
