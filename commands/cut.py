"""cut(1): selected bytes, characters or fields of each line (usr.bin/cut/cut.c)."""

from __future__ import annotations

from collections.abc import Callable

from vshell.abi.errno import KError
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program
from vshell.userland.stdio import decode, encode
from vshell.userland.textfile import split_lines, stream

USAGE = """\
usage: cut -b list [-n] [file ...]
       cut -c list [file ...]
       cut -f list [-s] [-w | -d delim] [file ...]
"""


def _digits(text: str) -> tuple[int, str]:
    size = len(text) - len(text.lstrip("0123456789"))
    return int(text[:size] or 0), text[size:]


class Positions:
    """A list of positions; `rest` means everything after the last one too (get_list)."""

    def __init__(self) -> None:
        self.chosen: set[int] = set()
        self.maxval = self.autostart = self.autostop = 0

    def add(self, p: Program, text: str) -> None:
        """One -b, -c or -f argument."""
        for word in text.replace("\t", ",").replace(" ", ",").split(","):
            self.add_range(p, word)
        if self.autostop and self.maxval > self.autostop:
            self.maxval = self.autostop
        self.maxval = max(self.maxval, self.autostart)
        self.chosen.update(range(1, self.autostart + 1))

    def add_range(self, p: Program, word: str) -> None:
        start = stop = 0
        from_start = word.startswith("-")
        rest = word[1:] if from_start else word
        if rest[:1].isdecimal():
            start, rest = _digits(rest)
            stop = start
            if from_start:
                self.autostart = max(self.autostart, start)
        if rest.startswith("-"):
            if rest[1:2].isdecimal():
                stop, rest = _digits(rest[1:])
            if rest.startswith("-"):
                rest = rest[1:]
                if not self.autostop or self.autostop > stop:
                    self.autostop = stop
        if rest:
            p.errx(1, "[-bcf] list: illegal list value")
        if not start or not stop:
            p.errx(1, "[-bcf] list: values may not include zero")
        self.maxval = max(self.maxval, stop)
        self.chosen.update(range(start, stop + 1))

    def pick(self, line: str | bytes) -> list[int]:
        """The indexes (from 0) that are chosen in a line."""
        size = len(line)
        out = [i for i in range(min(size, self.maxval)) if i + 1 in self.chosen]
        if self.autostop and size > self.maxval:
            out.extend(range(self.maxval, size))
        return out


def cut_bytes(where: Positions, line: str) -> str:
    """-b."""
    data = encode(line)
    return decode(bytes(data[i] for i in where.pick(data)))


def cut_chars(where: Positions, line: str) -> str:
    """-c, and -bn for the characters that lie wholly in the list."""
    return "".join(line[i] for i in where.pick(line))


def cut_whole(where: Positions, line: str) -> str:
    """-bn: characters whose bytes are chosen."""
    out, at = [], 0
    chosen = set(where.pick(encode(line)))
    for c in line:
        size = len(encode(c))
        if at + size - 1 in chosen:
            out.append(c)
        at += size
    return "".join(out)


def field_cutter(where: Positions, delimiter: str, white: bool, only: bool) -> Callable[[str], str | None]:
    """-f: a function from a line to what is printed of it, None for nothing."""

    def split(line: str) -> list[str]:
        if not white:
            return line.split(delimiter)
        import re

        return re.split("[ \t]+", line)

    def cut(line: str) -> str | None:
        fields = split(line)
        if len(fields) == 1:
            return None if only else line
        size, last = len(fields), where.maxval
        out = [fields[i - 1] for i in range(1, min(size, last) + 1) if i in where.chosen]
        if where.autostop and size > last:
            # The rest goes out as it stands in the line.
            out.extend(fields[last:])
        return delimiter.join(out)

    return cut


@program("/usr/bin/cut")
async def main(p: Program) -> int:
    """cut -b list | -c list | -f list [file ...]"""
    where = Positions()
    delimiter = "\t"
    flags: set[str] = set()
    options, operands = getopt_now(p, where)
    for letter, value in options:
        flags.add(letter)
        if letter == "d":
            delimiter = value
    if "f" in flags:
        if flags & {"b", "c", "n"} or {"w", "d"} <= flags:
            p.usage(USAGE)
    elif not flags & {"b", "c"} or flags & {"d", "s", "w"} or ("n" in flags and "b" not in flags):
        p.usage(USAGE)
    cut: Callable[[str], str | None]
    if "f" in flags:
        cut = field_cutter(where, delimiter, "w" in flags, "s" in flags)
    else:
        how = cut_chars if "c" in flags else cut_whole if "n" in flags else cut_bytes
        cut = lambda line: how(where, line)  # noqa: E731
    status = 0
    async for path, text in stream(p, operands):
        if isinstance(text, KError):
            p.warn(text, path)
            status = 1
            continue
        kept = [out for line in split_lines(text) if (out := cut(line)) is not None]
        p.stdout.write("".join(f"{line}\n" for line in kept))
    return status


def getopt_now(p: Program, where: Positions) -> tuple[list[tuple[str, str]], list[str]]:
    """Options in order; lists and delimiters are checked as they come."""
    parsed = Getopt(p, "b:c:d:f:snw")
    options = []
    for letter, value in parsed:
        if letter == "?":
            p.usage(USAGE)
        if letter in "bcf":
            where.add(p, value)
        if letter == "d" and len(value) != 1:
            p.errx(1, "bad delimiter")
        options.append((letter, value))
    return options, parsed.args
