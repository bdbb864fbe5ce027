"""paste(1): merge corresponding or subsequent lines of files (usr.bin/paste/paste.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.stdio import Reader, decode
from vshell.userland.textfile import Lines, relieve

USAGE = "usage: paste [-s] [-d delimiters] file ..."


def delimiters(p: Program, text: str) -> list[str]:
    """-d: characters, \\n, \\t, \\0 (nothing)."""
    out = []
    escape = False
    for c in text:
        if escape:
            out.append({"n": "\n", "t": "\t", "0": ""}.get(c, c))
            escape = False
        elif c == "\\":
            escape = True
        else:
            out.append(c)
    if not out:
        p.errx(1, "no delimiters specified")
    return out


async def parallel(p: Program, readers: list[Reader], delim: list[str]) -> None:
    """Lines side by side."""
    live: list[Reader | None] = list(readers)
    while any(r is not None for r in live):
        fields: list[str] = []
        seen = False
        for i, reader in enumerate(live):
            line = decode(await reader.readline()) if reader is not None else ""
            if reader is not None and not line:
                live[i] = None
                if all(r is None for r in live):
                    break
            seen = seen or bool(line)
            fields.append((delim[(i - 1) % len(delim)] if i else "") + line.removesuffix("\n"))
        if seen:
            p.stdout.write("".join(fields) + "\n")
            await relieve(p)


async def sequential(p: Program, paths: list[str], delim: list[str]) -> int:
    """-s: the lines of each file on one line."""
    status = 0
    for path in paths:
        try:
            lines = Lines(p, None if path == "-" else path)
        except KError as e:
            p.warn(e, path)
            status = 1
            continue
        count = 0
        while line := decode(await lines.next()):
            p.stdout.write((delim[(count - 1) % len(delim)] if count else "") + line.removesuffix("\n"))
            ended = line.endswith("\n")
            count += 1
            await relieve(p)
        lines.close()
        if count and ended:
            p.stdout.write("\n")
    return status


@program("/usr/bin/paste")
async def main(p: Program) -> int:
    """paste [-s] [-d delimiters] file ..."""
    delim = ["\t"]
    one = False
    parsed = Getopt(p, "d:s")
    for letter, value in parsed:
        if letter == "d":
            delim = delimiters(p, value)
        elif letter == "s":
            one = True
        else:
            p.usage(USAGE)
    if not parsed.args:
        p.usage(USAGE)
    if one:
        return await sequential(p, parsed.args, delim)
    readers = []
    for path in parsed.args:
        try:
            readers.append(p.stdin if path == "-" else Reader(p.sys, p.sys.open(path)))
        except KError as e:
            p.err(1, e, path)
    await parallel(p, readers, delim)
    return 0
