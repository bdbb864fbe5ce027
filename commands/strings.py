"""strings(1): the printable strings in files (contrib/elftoolchain/strings)."""

from __future__ import annotations

import re

from vshell.abi.errno import KError
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.program import Program, program
from vshell.userland.stdio import decode
from vshell.userland.textfile import read_file

LONGS = {
    "all": (NO, "a"),
    "bytes": (REQUIRED, "n"),
    "encoding": (REQUIRED, "e"),
    "help": (NO, "h"),
    "print-file-name": (NO, "f"),
    "radix": (REQUIRED, "t"),
    "version": (NO, "v"),
}
USAGE = "Usage: strings [options] [file...]\n  Print contiguous sequences of printable characters.\n"
RADIX = {"d": "7d", "o": "7o", "x": "7x"}


@program("/usr/bin/strings")
async def main(p: Program) -> int:
    """strings [-a | --all] [-f] [-n number] [-o] [-t radix] [file ...]"""
    least, radix, names = 4, "", False
    getopt = GetoptLong(p, "0123456789ae:fhn:ot:Vv", LONGS)
    digits = ""
    for key, value in getopt:
        if key.isdecimal():
            digits += key
            least = int(digits)
        elif key == "n":
            if not value.isdecimal() or not int(value):
                p.errx(1, f"option -n should specify a number: {value}")
            least = int(value)
        elif key == "o":
            radix = "o"
        elif key == "t":
            if value not in RADIX:
                p.usage(USAGE)
            radix = value
        elif key == "f":
            names = True
        elif key not in ("a", "e"):
            p.usage(USAGE, int(key == "?"))
    pattern = re.compile(b"[ -~\t]{%d,}" % max(least, 1))
    status = 0
    for path in getopt.args or [""]:
        try:
            data = await (read_file(p, path) if path else p.stdin.read())
        except KError as e:
            p.warn(e, path)
            status = 1
            continue
        for m in pattern.finditer(data):
            lead = f"{path or '{standard input}'}: " if names else ""
            offset = f"{m.start():{RADIX[radix]}} " if radix else ""
            p.stdout.write(f"{lead}{offset}{decode(m[0])}\n")
    return status
