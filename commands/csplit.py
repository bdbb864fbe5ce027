"""csplit(1): split files based on context (usr.bin/csplit/csplit.c)."""

from __future__ import annotations

import re
from typing import NoReturn

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_CREAT, O_TRUNC, O_WRONLY
from vshell.userland.getopt import Getopt
from vshell.userland.program import Exit, Program, program
from vshell.userland.regex import RegexError, regcomp
from vshell.userland.stdio import decode, encode
from vshell.userland.textfile import read_file

USAGE = "usage: csplit [-ks] [-f prefix] [-n number] file args ..."


class Csplit:
    """Options, the input lines and where we are in them."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.prefix, self.digits = "xx", 2
        self.keep = self.silent = False
        self.lines: list[str] = []
        self.at = 0
        self.count = 0
        self.most = 99

    def fail(self, text: str) -> NoReturn:
        """An error: the files made so far go, unless -k."""
        self.p.warnx(text)
        if not self.keep:
            for n in range(self.count):
                try:
                    self.p.sys.unlink(self.name(n))
                except KError:
                    continue
        raise Exit(1)

    def name(self, n: int) -> str:
        return f"{self.prefix}{n:0{self.digits}d}"

    def write(self, start: int, end: int) -> None:
        """A new file of some lines."""
        p, name = self.p, self.name(self.count)
        data = encode("".join(self.lines[start:end]))
        try:
            fd = p.sys.open(name, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
            p.sys.write_nowait(fd, data)
            p.sys.close(fd)
        except KError as e:
            p.err(1, e, name)
        self.count += 1
        if not self.silent:
            p.stdout.write(f"{len(data)}\n")

    def by_pattern(self, expr: str) -> None:
        """/regexp/[offset] and %regexp%[offset]."""
        end = expr.rfind(expr[0])
        if end == 0 or expr[end - 1] == "\\":
            self.fail(f"{expr}: missing trailing {expr[0]}")
        text, offset_text = expr[1:end], expr[end + 1 :]
        if offset_text and not re.fullmatch(r"\s*[+-]?\d+", offset_text):
            self.fail(f"{offset_text}: bad offset")
        offset = int(offset_text or 0)
        try:
            regex = regcomp(text)
        except RegexError:
            self.fail(f"{text}: bad regular expression")
        start = self.at
        match = start + 1
        while match < len(self.lines) and not regex.test(self.lines[match].removesuffix("\n")):
            match += 1
        if match >= len(self.lines):
            if expr[0] == "/":
                self.write_silently(start)
            self.fail(f"{text}: no match")
        self.at = min(max(match + offset, 0), len(self.lines))
        if expr[0] == "/":
            self.write(start, self.at)

    def write_silently(self, start: int) -> None:
        """What a failed search leaves behind with -k: everything read so far."""
        silent, self.silent = self.silent, True
        self.write(start, len(self.lines))
        self.silent = silent

    def by_line(self, expr: str, reps: int) -> None:
        """A line number, perhaps repeated."""
        if not expr.isdecimal() or not int(expr):
            self.fail(f"{expr}: bad line number")
        step = target = int(expr)
        if target <= self.at:
            self.fail(f"{expr}: can't go backwards")
        while self.count < self.most - 1:
            if target - 1 > len(self.lines):
                self.count += 1
                self.fail(f"{target}: out of range")
            self.write(self.at, target - 1)
            self.at = target - 1
            if not reps:
                return
            reps -= 1
            target += step

    def run(self, args: list[str]) -> None:
        while args and self.count < self.most - 1:
            expr = args.pop(0)
            reps = 0
            if args and args[0].startswith("{"):
                m = re.fullmatch(r"\{(\d+)\}.*", args[0])
                if not m:
                    self.fail(f"{args[0][1:]}: bad repetition count")
                reps = int(m[1])
                args.pop(0)
            if expr[:1] in ("/", "%"):
                for _ in range(reps + 1):
                    if self.count < self.most - 1:
                        self.by_pattern(expr)
            elif expr[:1].isdecimal():
                self.by_line(expr, reps)
            else:
                self.fail(f"{expr}: unrecognised pattern")
        self.write(self.at, len(self.lines))


@program("/usr/bin/csplit")
async def main(p: Program) -> int:
    """csplit [-ks] [-f prefix] [-n number] file args ..."""
    c = Csplit(p)
    parsed = Getopt(p, "ksf:n:")
    for letter, value in parsed:
        if letter == "f":
            c.prefix = value
        elif letter == "k":
            c.keep = True
        elif letter == "n":
            if not value.isdecimal() or not int(value):
                p.errx(1, f"{value}: bad suffix length")
            c.digits = int(value)
        elif letter == "s":
            c.silent = True
        else:
            p.usage(USAGE)
    args = parsed.args
    if not args:
        p.usage(USAGE)
    try:
        text = decode(await (p.stdin.read() if args[0] == "-" else read_file(p, args[0])))
    except KError as e:
        p.err(1, e, args[0])
    if c.digits > 18:
        p.errx(1, f"{c.digits}: suffix too long (limit 18)")
    c.most = 10**c.digits
    lines = text.split("\n")
    c.lines = [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    c.run(args[1:])
    return 0
