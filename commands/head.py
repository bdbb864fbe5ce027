"""head(1): the first part of files (usr.bin/head/head.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.humanize import expand_number
from vshell.userland.program import Program, program
from vshell.userland.stdio import Reader
from vshell.userland.textfile import finish, relieve

LONGS = {
    "bytes": (REQUIRED, "c"),
    "lines": (REQUIRED, "n"),
    "quiet": (NO, "q"),
    "silent": (NO, "q"),
    "verbose": (NO, "v"),
}


def obsolete(argv: list[str]) -> list[str]:
    """-5 is -n5."""
    out = argv[:1]
    for i, word in enumerate(argv[1:], 1):
        if not (word[:1] == "-" and word[1:2].isdecimal()):
            return out + argv[i:]
        out.append("-n" + word[1:])
    return out


async def head_lines(p: Program, stream: Reader, count: int) -> None:
    """The first lines."""
    while count and (line := await stream.readline()):
        p.stdout.write(line)
        count -= 1
        if not count & 255:
            await relieve(p)


async def head_bytes(p: Program, stream: Reader, count: int) -> None:
    """The first bytes."""
    while count and (data := await stream.read(min(count, 4096))):
        p.stdout.write(data)
        count -= len(data)
        await relieve(p)


@program("/usr/bin/head")
async def main(p: Program) -> int:
    """head [-n lines | -c bytes] [file ...]"""
    lines = size = -1
    quiet = verbose = False
    getopt = GetoptLong(p, "+n:c:qv", LONGS, obsolete(p.argv))
    for key, value in getopt:
        if key in "cn":
            number = expand_number(value)
            if number is None or number <= 0:
                p.errx(1, f"illegal {'byte' if key == 'c' else 'line'} count -- {value}")
            lines, size = (lines, number) if key == "c" else (number, size)
        elif key in "qv":
            quiet, verbose = key == "q", key == "v"
        else:
            p.usage("usage: head [-n lines | -c bytes] [file ...]")
    if lines != -1 and size != -1:
        p.errx(1, "can't combine line and byte counts")
    take, count = (head_lines, 10 if lines == -1 else lines) if size == -1 else (head_bytes, size)
    operands = getopt.args
    if not operands:
        await take(p, p.stdin, count)
        await finish(p, 1)
        return 0
    status, first = 0, True
    for path in operands:
        try:
            fd = p.sys.open(path)
        except KError as e:
            p.warn(e, path)
            status = 1
            continue
        if verbose or (not quiet and len(operands) > 1):
            p.stdout.write(f"{'' if first else chr(10)}==> {path} <==\n")
            first = False
        try:
            await take(p, Reader(p.sys, fd), count)
        except KError:
            pass  # getline(3) just ends
        finally:
            p.sys.close(fd)
    await finish(p, 1)
    return status
