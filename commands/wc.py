"""wc(1): count lines, words, characters and the longest line (usr.bin/wc/wc.c)."""

from __future__ import annotations

from vshell.abi.errno import EILSEQ, KError
from vshell.abi.fcntl import S_IFMT, S_IFREG
from vshell.userland.getopt import getopt_or_usage
from vshell.userland.program import Program, program
from vshell.userland.stdio import decode
from vshell.userland.textfile import read_all

Counts = tuple[int, int, int, int]


async def count(p: Program, fd: int, flags: set[str], name: str) -> Counts:
    """Lines, words, characters or bytes, longest line."""
    if flags == {"c"}:
        st = p.sys.fstat(fd)
        if st.st_mode & S_IFMT == S_IFREG and st.st_size > 0:
            return 0, 0, st.st_size, 0
    data = await (p.stdin.read() if fd == 0 else read_all(p, fd))
    lines = data.count(b"\n")
    words = chars = longest = 0
    text = decode(data) if "m" in flags else ""
    try:
        text.encode()
    except UnicodeEncodeError:
        p.warn(EILSEQ, name)
    if "w" in flags:
        words = len(data.split())
    if "L" in flags:
        longest = max((len(line) for line in (text or decode(data)).split("\n")[:-1]), default=0)
        if "m" not in flags:
            longest = max((len(line) for line in data.split(b"\n")[:-1]), default=0)
    chars = len(text) if "m" in flags else len(data)
    return lines, words, chars, longest


def show(p: Program, flags: set[str], counts: Counts, name: str) -> None:
    """One line of output."""
    fields = [counts[0]] if "l" in flags else []
    fields += [counts[1]] if "w" in flags else []
    fields += [counts[2]] if flags & {"c", "m"} else []
    fields += [counts[3]] if "L" in flags else []
    p.stdout.write("".join(f" {n:7d}" for n in fields) + (f" {name}\n" if name else "\n"))


@program("/usr/bin/wc")
async def main(p: Program) -> int:
    """wc [-c | -m] [-Llw] [file ...]"""
    flags: set[str] = set()
    options, operands = getopt_or_usage(p, "clmwL", "usage: wc [-c | -m] [-Llw] [file ...]")
    for letter, _ in options:
        if letter in "cm":
            flags -= {"c", "m"}
        flags.add(letter)
    flags = flags or {"l", "w", "c"}
    errors = 0
    total: Counts = (0, 0, 0, 0)
    for path in operands or [""]:
        what, fd = "open", 0
        try:
            if path:
                fd = p.sys.open(path)
            what = "read"
            counts = await count(p, fd, flags, path or "stdin")
        except KError as e:
            p.warn(e, f"{path or 'stdin'}: {what}")
            errors += 1
            continue
        finally:
            if fd:
                p.sys.close(fd)
        show(p, flags, counts, path)
        total = (total[0] + counts[0], total[1] + counts[1], total[2] + counts[2], max(total[3], counts[3]))
    if len(operands) > 1:
        show(p, flags, total, "total")
    return int(errors > 0)
