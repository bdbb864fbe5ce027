"""look(1): lines of a sorted file that begin with a string (usr.bin/look/look.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.program import Program, checks_stdout, program
from vshell.userland.textfile import read_lines

LONGS = {"alternative": (NO, "a"), "alphanum": (NO, "d"), "ignore-case": (NO, "f"), "terminate": (REQUIRED, "t")}


@checks_stdout(2)
@program("/usr/bin/look")
async def main(p: Program) -> int:
    """look [-df] [-t char] string [file ...]"""
    plain = fold = False
    end = ""
    getopt = GetoptLong(p, "+adft:", LONGS)
    for key, value in getopt:
        if key == "d":
            plain = True
        elif key == "f":
            fold = True
        elif key == "t":
            end = value
        elif key != "a":
            p.usage("usage: look [-df] [-t char] string [file ...]", 2)
    args = getopt.args
    if not args:
        p.usage("usage: look [-df] [-t char] string [file ...]", 2)
    if len(args) == 1:
        plain = fold = True

    def key_of(text: str) -> str:
        if plain:
            text = "".join([c for c in text if c.isalnum()])
        return text.lower() if fold else text

    wanted = args[0]
    if end and end in wanted:
        wanted = wanted[: wanted.index(end) + 1]
    wanted = key_of(wanted)
    found = False
    for path in args[1:] or ["/usr/share/dict/words"]:
        try:
            lines = await read_lines(p, path)
        except KError as e:
            p.err(2, e, path)
        for line in lines:
            if key_of(line).startswith(wanted):
                found = True
                p.stdout.write(line + "\n")
    return int(not found)
