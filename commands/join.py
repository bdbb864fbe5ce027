"""join(1): relational database operator (usr.bin/join/join.c)."""

from __future__ import annotations

import re

from vshell.abi.errno import KError
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, checks_stdout, program
from vshell.userland.textfile import read_lines

USAGE = """\
usage: join [-a fileno | -v fileno ] [-e string] [-1 field] [-2 field]
            [-o list] [-t char] file1 file2
"""
Line = list[str]


def obsolete(p: Program, argv: list[str]) -> list[str]:
    """-a without an argument, -j1 N, -o with several arguments, as the original join had them."""
    out = argv[:1]
    i = 1
    while i < len(argv):
        word = argv[i]
        if word.startswith("--"):
            break
        following = argv[i + 1] if i + 1 < len(argv) else None
        if word == "-a" and following not in ("1", "2"):
            word = "-\1"
            p.warnx("-a option used without an argument; reverting to historical behavior")
        elif word.startswith("-j") and len(word) > 2:
            if word[2:] not in ("1", "2"):
                p.errx(1, f"illegal option -- {word}")
            word = "-" + word[2]
        out.append(word)
        i += 1
        if word == "-o" and following is not None:
            out.append(following)
            i += 1
            while i < len(argv) and re.fullmatch(r"[12]\.[0-9]*", argv[i]):
                out.append("-o" + argv[i])
                i += 1
    return out + argv[i:]


class Join:
    """Options and output."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.field = [0, 0]
        self.unpaired = [False, False]
        self.paired = True
        self.empty = ""
        self.tab: str | None = None
        self.list: list[tuple[int, int]] = []
        self.all = False

    def number(self, text: str, option: str) -> int:
        m = re.match(r"\s*([+-]?\d+)?", text)
        value = int(m[1]) if m and m[1] else 0
        if value < 1:
            self.p.errx(1, f"-{option} option field number less than 1")
        if m and m.end() < len(text):
            self.p.errx(1, f"illegal field number -- {text}")
        return value - 1

    def option(self, letter: str, value: str) -> None:
        p = self.p
        if letter == "\1":
            self.all, self.unpaired = True, [True, True]
        elif letter in "12":
            self.field[int(letter) - 1] = self.number(value, letter)
        elif letter == "j":
            self.field = [self.number(value, "j")] * 2
        elif letter in "av":
            if letter == "a":
                self.all = True
            else:
                self.paired = False
            if value[:1] not in ("1", "2"):
                p.errx(1, f"-{letter} option file number not 1 or 2")
            if len(value) > 1:
                p.errx(1, f"illegal file number -- {value}")
            self.unpaired[int(value) - 1] = True
        elif letter == "e":
            self.empty = value
        elif letter == "o":
            self.fields(value)
        elif letter == "t":
            if len(value) != 1:
                p.errx(1, "illegal tab character specification")
            self.tab = value
        else:
            p.usage(USAGE)

    def fields(self, text: str) -> None:
        """-o."""
        for token in re.split("[, \t]", text):
            if not token:
                continue
            if token[0] == "0":
                self.list.append((0, 0))
                continue
            if not re.fullmatch(r"[12]\.\d*", token):
                self.p.errx(1, "malformed -o option field")
            if not int(token[2:] or 0):
                self.p.errx(1, "field numbers are 1 based")
            self.list.append((int(token[0]), int(token[2:]) - 1))

    def split(self, line: str) -> Line:
        if self.tab is None:
            return [f for f in re.split("[ \t]", line) if f]
        return line.split(self.tab)

    def key(self, line: Line, which: int) -> tuple[int, str]:
        """Lines without the join field come first."""
        n = self.field[which]
        return (1, line[n]) if n < len(line) else (0, "")

    def get(self, line: Line | None, n: int) -> str:
        return line[n] if line is not None and n < len(line) else self.empty

    def show(self, line1: Line | None, line2: Line | None) -> None:
        """One line of output."""
        pair = (line1, line2)
        have = 0 if line1 is not None else 1
        key = self.get(pair[have], self.field[have])
        if self.list:
            out = [key if which == 0 else self.get(pair[which - 1], n) for which, n in self.list]
        else:
            out = [key]
            for which in (0, 1):
                out += [f for i, f in enumerate(pair[which] or []) if i != self.field[which]]
        self.p.stdout.write((self.tab or " ").join(out) + "\n")

    def run(self, lines1: list[Line], lines2: list[Line]) -> None:
        i = j = 0
        while i < len(lines1) and j < len(lines2):
            key1, key2 = self.key(lines1[i], 0), self.key(lines2[j], 1)
            if key1 < key2:
                i = self.alone(lines1, i, 0)
            elif key1 > key2:
                j = self.alone(lines2, j, 1)
            else:
                end1, end2 = self.set_end(lines1, i, 0), self.set_end(lines2, j, 1)
                if self.paired:
                    for line1 in lines1[i:end1]:
                        for line2 in lines2[j:end2]:
                            self.show(line1, line2)
                i, j = end1, end2
        while i < len(lines1):
            i = self.alone(lines1, i, 0)
        while j < len(lines2):
            j = self.alone(lines2, j, 1)

    def set_end(self, lines: list[Line], i: int, which: int) -> int:
        key = self.key(lines[i], which)
        while i < len(lines) and self.key(lines[i], which) == key:
            i += 1
        return i

    def alone(self, lines: list[Line], i: int, which: int) -> int:
        end = self.set_end(lines, i, which)
        if self.unpaired[which]:
            for line in lines[i:end]:
                self.show(*((line, None) if which == 0 else (None, line)))
        return end


@checks_stdout(1)
@program("/usr/bin/join")
async def main(p: Program) -> int:
    """join [-a fileno | -v fileno] [-e string] [-1 field] [-2 field] [-o list] [-t char] file1 file2"""
    join = Join(p)
    parsed = Getopt(p, "\1a:e:j:1:2:o:t:v:", obsolete(p, p.argv))
    for letter, value in parsed:
        join.option(letter, value)
    if join.all and not join.paired:
        p.errx(1, "the -a and -v options are mutually exclusive")
    if len(parsed.args) != 2:
        p.usage(USAGE)
    if parsed.args == ["-", "-"]:
        p.errx(1, "only one input file may be stdin")
    files = []
    for path in parsed.args:
        try:
            files.append([join.split(line) for line in await read_lines(p, path)])
        except KError as e:
            p.err(1, e, path)
    join.run(files[0], files[1])
    return 0
