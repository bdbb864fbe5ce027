"""base64(1): encode or decode base64 (usr.bin/bintrans/bintrans.c)."""

from __future__ import annotations

import re

from vshell.abi.errno import EINVAL, KError
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.program import Program, program
from vshell.userland.textfile import read_file

LONGS = {
    "decode": (NO, "d"),
    "ignore-garbage": (NO, "i"),
    "wrap": (REQUIRED, "w"),
    "help": (NO, "help"),
    "version": (NO, "version"),
}
USAGE = """\
usage: base64 [-w col | --wrap=col] [-d | --decode] [FILE]
       base64 --help
       base64 --version
"""


def wrapped(text: bytes, width: int) -> bytes:
    """Lines of `width` characters; 0 is one line."""
    if not width:
        return text + b"\n"
    return b"".join(text[i : i + width] + b"\n" for i in range(0, len(text), width))


@program("/usr/bin/base64")
async def main(p: Program) -> int:
    """base64 [-w col] [-d] [file]"""
    from base64 import b64decode, b64encode

    width, reverse = 76, False
    getopt = GetoptLong(p, "+diw:", LONGS)
    for key, value in getopt:
        if key == "d":
            reverse = True
        elif key == "w":
            if not re.fullmatch(r"\s*[+-]?\d+|", value):
                p.err(2, EINVAL)
            width = int(value or 0)
        elif key == "version":
            p.stderr.write("FreeBSD base64\n")
            return 0
        elif key != "i":
            p.usage(USAGE, int(key == "?"))
    args = getopt.args
    try:
        data = await (read_file(p, args[0]) if args else p.stdin.read())
    except KError as e:
        p.err(1, e, args[0])
    if not reverse:
        p.stdout.write(wrapped(b64encode(data), width))
        return 0
    try:
        p.stdout.write(b64decode(b"".join(data.split()), validate=True))
    except ValueError:
        p.errx(1, f"{args[0] if args else 'stdin'}: error decoding base64 input stream")
    return 0
