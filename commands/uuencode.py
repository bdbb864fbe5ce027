"""uuencode(1), b64encode(1): encode a binary file as text (usr.bin/bintrans/uuencode.c)."""

from __future__ import annotations

from vshell.abi.errno import EINVAL, KError
from vshell.abi.fcntl import O_CREAT, O_RDWR, O_TRUNC
from vshell.userland.cnumber import strtol
from vshell.userland.getopt import getopt_or_usage
from vshell.userland.program import Program, program
from vshell.userland.textfile import read_file

USAGE = """\
usage: uuencode [-m] [-o outfile] [infile] remotefile
       b64encode [-o outfile] [infile] remotefile
"""
LINE = 45
"""Bytes of the file in a line."""


def enc(bits: int) -> str:
    """Six bits as a character that prints."""
    return chr((bits & 0o77) + 32) if bits else "`"


def uu(data: bytes) -> str:
    """The lines of a file; each begins with its length."""
    out = []
    for at in range(0, len(data), LINE):
        chunk = data[at : at + LINE]
        out.append(enc(len(chunk)))
        chunk += bytes(-len(chunk) % 3)
        for i in range(0, len(chunk), 3):
            word = int.from_bytes(chunk[i : i + 3], "big")
            out += [enc(word >> shift & 0o77) for shift in (18, 12, 6, 0)]
        out.append("\n")
    return "".join(out)


def base64(data: bytes, columns: int) -> str:
    """The same in base64; 0 columns make one line."""
    from base64 import b64encode

    text = b64encode(data).decode()
    if not columns:
        return text + "\n"
    return "".join(text[i : i + columns] + "\n" for i in range(0, len(text), columns))


def number(p: Program, text: str) -> int:
    """-w."""
    value, rest, error = strtol(text)
    if rest or error:
        p.err(2, EINVAL)
    if value < 0:
        p.err(2, EINVAL, "columns argument must be non-negative")
    return value


@program("/usr/bin/uuencode", "/usr/bin/b64encode")
async def main(p: Program) -> int:
    """uuencode [-m] [-o outfile] [-r] [-w column] [infile] remotefile"""
    options, args = getopt_or_usage(p, "mo:rw:", USAGE)
    values = dict(options)
    columns = number(p, values["w"]) if "w" in values else 76
    if len(args) not in (1, 2):
        p.usage(USAGE)
    mask = p.sys.umask(0)
    p.sys.umask(mask)
    mode = 0o666 & ~mask
    try:
        if len(args) == 2:
            mode = p.sys.stat(args[0]).st_mode & 0o777
        data = await (read_file(p, args[0]) if len(args) == 2 else p.stdin.read())
    except KError as e:
        p.err(1, e, args[0])
    in_base64 = "m" in values or p.name == "b64encode"
    text = base64(data, columns) if in_base64 else uu(data)
    if "r" not in values:
        start, end = ("begin-base64", "====\n") if in_base64 else ("begin", "`\nend\n")
        text = f"{start} {mode:o} {args[-1]}\n{text}{end}"
    if "o" in values:
        try:
            fd = p.sys.open(values["o"], O_RDWR | O_CREAT | O_TRUNC, 0o666)
        except KError as e:
            p.err(1, e, f"unable to open {values['o']} for output")
        p.sys.dup2(fd, 1)
    p.stdout.write(text)
    return 0
