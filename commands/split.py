"""split(1): split a file into pieces (usr.bin/split/split.c)."""

from __future__ import annotations

from itertools import pairwise

from vshell.abi.errno import EEXIST, KError
from vshell.abi.fcntl import O_CREAT, O_EXCL, O_TRUNC, O_WRONLY
from vshell.userland.getopt import Getopt
from vshell.userland.humanize import expand_number, strtonum
from vshell.userland.program import Program, program
from vshell.userland.regex import EXTENDED, Regex, RegexError, regcomp
from vshell.userland.stdio import decode
from vshell.userland.textfile import read_all

USAGE = """\
usage: split [-cd] [-l line_count] [-a suffix_length] [file [prefix]]
       split [-cd] -b byte_count[K|k|M|m|G|g] [-a suffix_length] [file [prefix]]
       split [-cd] -n chunk_count [-a suffix_length] [file [prefix]]
       split [-cd] -p pattern [-a suffix_length] [file [prefix]]
"""
EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_IOERR = 64, 65, 66, 74
LONG_MAX = (1 << 63) - 1


class Split:
    """Options, and the names of the pieces."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.lines = self.size = self.chunks = 0
        self.suffix, self.grow = 2, True
        self.keep = self.decimal = False
        self.regex: Regex | None = None
        self.prefix = "x"
        self.number = 0

    def usage(self) -> None:
        """The usage text; exit 64."""
        self.p.usage(USAGE, EX_USAGE)

    def number_of(self, text: str, least: int, what: str) -> int:
        value, error = strtonum(text, least, LONG_MAX)
        if error:
            self.p.errx(EX_USAGE, f"{text}: {what} is {error}")
        return value

    def option(self, letter: str, value: str) -> None:
        p = self.p
        if letter.isdecimal():
            if self.lines:
                self.usage()
            text = letter + value
            if not text.isdecimal() or not int(text):
                p.errx(EX_USAGE, f"{text}: line count is invalid")
            self.lines = int(text)
        elif letter == "a":
            length = self.number_of(value, 0, "suffix length")
            self.suffix, self.grow = (length, False) if length else (2, True)
        elif letter == "b":
            size = expand_number(value)
            if size is None or size < 0:
                p.errx(EX_USAGE, f"{value}: byte count is invalid")
            self.size = size
        elif letter == "c":
            self.keep = True
        elif letter == "d":
            self.decimal = True
        elif letter == "l":
            if self.lines:
                self.usage()
            self.lines = self.number_of(value, 1, "line count")
        elif letter == "n":
            self.chunks = self.number_of(value, 1, "number of chunks")
        elif letter == "p":
            try:
                self.regex = regcomp(value, EXTENDED)
            except RegexError as e:
                p.errx(EX_USAGE, f"{value}: regex is invalid: {e}")
        else:
            self.usage()

    def check(self) -> None:
        """What does not go together."""
        if self.regex is not None and (self.lines or self.size or self.chunks):
            self.usage()
        if (self.lines and (self.size or self.chunks)) or (self.size and self.chunks):
            self.usage()
        self.lines = self.lines or 1000

    def next_name(self) -> str:
        """newfile(): aa, ab, ...; the suffix grows at yz so that the names stay in order."""
        letters = "0123456789" if self.decimal else "abcdefghijklmnopqrstuvwxyz"
        base = len(letters)
        if not self.decimal and self.grow and self.number == (base - 1) * base ** (self.suffix - 1):
            self.prefix += "z"
            self.suffix += 1
            self.number = 0
        if self.number >= base**self.suffix:
            self.p.errx(EX_DATAERR, "too many files")
        n, out = self.number, ""
        for _ in range(self.suffix):
            out = letters[n % base] + out
            n //= base
        self.number += 1
        return self.prefix + out

    async def write(self, data: bytes) -> None:
        """One piece."""
        p = self.p
        while True:
            name = self.next_name()
            try:
                fd = p.sys.open(name, O_WRONLY | O_CREAT | O_TRUNC | (O_EXCL if self.keep else 0), 0o666)
                break
            except KError as e:
                if not (self.keep and e.errno == EEXIST):
                    p.err(EX_IOERR, e, name)
        await p.sys.write(fd, data)
        p.sys.close(fd)

    def pieces(self, data: bytes) -> list[bytes]:
        """Cut the data up."""
        if self.chunks:
            if self.chunks > len(data):
                self.p.errx(1, f"can't split into more than {len(data)} files")
            size = len(data) // self.chunks
            cuts = [size * i for i in range(self.chunks)] + [len(data)]
            return [data[a:b] for a, b in pairwise(cuts)]
        if self.size:
            return [data[i : i + self.size] for i in range(0, len(data), self.size)]
        lines = [line + b"\n" for line in data.split(b"\n")]
        lines[-1] = lines[-1][:-1]
        if not lines[-1]:
            lines.pop()
        if self.regex is None:
            return [b"".join(lines[i : i + self.lines]) for i in range(0, len(lines), self.lines)]
        out: list[bytes] = []
        for line in lines:
            if not out or self.regex.test(decode(line).removesuffix("\n")):
                out.append(b"")
            out[-1] += line
        return out


@program("/usr/bin/split")
async def main(p: Program) -> int:
    """split [-cd] [-l line_count] [-a suffix_length] [file [prefix]]"""
    split = Split(p)
    parsed = Getopt(p, "0::1::2::3::4::5::6::7::8::9::a:b:cdl:n:p:")
    for letter, value in parsed:
        split.option(letter, value)
    args, fd = parsed.args, 0
    if args and args[0] != "-":
        try:
            fd = p.sys.open(args[0])
        except KError as e:
            p.err(EX_NOINPUT, e, args[0])
    if len(args) > 1:
        split.prefix = args[1] or "x"
    if len(args) > 2:
        split.usage()
    split.check()
    try:
        data = await read_all(p, fd)
    except KError as e:
        p.err(EX_IOERR, e, "read")
    for piece in split.pieces(data):
        await split.write(piece)
    return 0
