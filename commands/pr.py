"""pr(1): files as pages with headers, numbers and columns (usr.bin/pr)."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import KError, strerror
from vshell.userland.cnumber import atoi
from vshell.userland.program import Program, program
from vshell.userland.stdio import decode
from vshell.userland.strftime import localtime, strftime
from vshell.userland.textfile import read_file

USAGE = """\
usage: pr [+page] [-col] [-adFfmprt] [-e[ch][gap]] [-h header]
          [-i[ch][gap]] [-l line] [-n[ch][width]] [-o offset]
          [-L locale] [-s[ch]] [-w width] [-] [file ...]
"""
NS = 1_000_000_000
HEAD, TAIL = 5, 5
DIGITS = "0123456789"


class Bad(Exception):
    """An option that makes no sense."""


class Pr:
    """One run."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.flags: set[str] = set()
        self.first = 0
        self.columns = 0
        self.tab, self.gap = "\t", 0
        """What -e expands."""
        self.out_tab, self.out_gap = "\t", 0
        """What -i puts in."""
        self.header: str | None = None
        self.lines = 0
        self.mark, self.digits = "\t", 0
        self.offset = 0
        self.between = ""
        self.width = 0
        self.column = 0
        self.odd = False
        self.status = 0

    # the command line --------------------------------------------------------------------------------------------
    def parse(self) -> list[str]:
        """Read the options; returns the files."""
        args = self.p.argv[1:]
        multiple = False
        while args and (args[0][:1] in ("+", "-")) and args[0] not in ("-", "+"):
            word = args.pop(0)
            if word == "--":
                break
            if word[0] == "+":
                self.first = atoi(word[1:])
                if self.first < 1:
                    raise Bad("pr: +page number must be 1 or more\n")
                continue
            rest = word[1:]
            while rest:
                c, rest = rest[0], rest[1:]
                if c in DIGITS:
                    digits = c
                    while rest and rest[0] in DIGITS:
                        digits, rest = digits + rest[0], rest[1:]
                    self.columns = int(digits)
                    if self.columns < 1:
                        raise Bad("pr: -columns must be 1 or more\n")
                    multiple = self.columns > 1
                elif c in "adFfmprt":
                    self.flags.add(c)
                elif c in "eins":
                    self.attached(c, rest)
                    break
                elif c in "hLlow":
                    if not rest and not args:
                        raise Bad(f"pr: option requires an argument -- {c}\n")
                    self.argument(c, rest or args.pop(0))
                    break
                else:
                    raise Bad(f"pr: illegal option -- {c}\n")
        self.check(args, multiple)
        return args

    def attached(self, c: str, value: str) -> None:
        """Options whose argument, if any, follows at once."""
        self.flags.add(c)
        if c == "s":
            if len(value) > 1:
                raise Bad(f"pr: invalid value for -s {value[1:]}\n")
            self.between = value or "\t"
            return
        mark = value[0] if value and value[0] not in DIGITS else "\t"
        number = value[1:] if value and value[0] not in DIGITS else value
        if number and number[0] not in DIGITS:
            raise Bad(f"pr: invalid value for -{c} {number}\n")
        size = atoi(number) if number else 0
        if c == "n":
            if number and size < 1:
                raise Bad("pr: -n width must be 1 or more\n")
            self.mark, self.digits = mark, size or 5
        elif c == "e":
            self.tab, self.gap = mark, size or 8
        else:
            self.out_tab, self.out_gap = mark, size or 8

    def argument(self, c: str, value: str) -> None:
        """Options with an argument."""
        if c == "h":
            self.header = value
        elif c in "low":
            size = atoi(value) if value and value[0] in DIGITS else 0
            if size < 1:
                name = {"l": "number of lines must be 1 or more", "o": "-o offset must be 1 or more"}
                raise Bad(f"pr: {name.get(c, '-w width must be 1 or more ')}\n")
            setattr(self, {"l": "lines", "o": "offset", "w": "width"}[c], size)

    def check(self, files: list[str], multiple: bool) -> None:
        """setup: defaults, and what does not go together."""
        flags = self.flags
        if not self.columns:
            self.columns = len(files) if "m" in flags else 1
            if self.columns <= 1:
                self.columns = 1
                flags.discard("m")
        if "a" in flags:
            if self.columns == 1:
                raise Bad("pr: -a flag requires multiple columns\n")
            if "m" in flags:
                raise Bad("pr: -m cannot be used with -a\n")
        self.width = self.width or (512 if "s" in flags else 72)
        if multiple or "m" in flags:
            self.gap = self.gap or 8
            self.out_gap = self.out_gap or 8
        if multiple and "m" in flags:
            raise Bad("pr: -m cannot be used with multiple columns\n")
        n = self.columns
        if multiple:
            taken = n * (self.digits + 2) if self.digits else n
            self.column = (self.width + 1 - taken) // n
        elif "m" in flags:
            taken = self.digits + 1 if self.digits else 0
            self.column = (self.width + 1 - taken - n) // n
        if n > 1 and self.column < 1:
            raise Bad(f"pr: page width is too small for {n} columns\n")
        self.lines = self.lines or 66
        if self.lines <= HEAD + TAIL:
            flags.add("t")
        elif "t" not in flags:
            self.lines -= HEAD + TAIL
        if "d" in flags:
            if self.lines == 1:
                flags.discard("d")
            else:
                self.odd = bool(self.lines & 1)
                self.lines //= 2

    # lines -------------------------------------------------------------------------------------------------------
    def expand(self, text: str) -> str:
        """-e: tabs become blanks."""
        if not self.gap:
            return text
        out: list[str] = []
        at = 0
        for c in text:
            if c == self.tab:
                step = self.gap - at % self.gap
                out.append(" " * step)
                at += step
            else:
                out.append(c)
                at += 1
        return "".join(out)

    def put(self, line: str) -> None:
        """otln: a line, with -i blanks become tabs."""
        line = " " * self.offset + line
        if self.out_gap:
            gap, out, shown, seen = self.out_gap, [], 0, 0
            for c in line:
                if c == " ":
                    seen += 1
                    continue
                if c == self.out_tab:
                    seen += gap - seen % gap
                    continue
                while seen - shown > 1 and shown + gap - shown % gap <= seen:
                    out.append(self.out_tab)
                    shown += gap - shown % gap
                out.append(" " * (seen - shown) + c)
                seen += 1
                shown = seen
            line = "".join(out)
        self.p.stdout.write(line + ("\n\n" if "d" in self.flags else "\n"))

    def number(self, n: int) -> str:
        """-n"""
        return str(n)[-self.digits :].rjust(self.digits) + self.mark if self.digits else ""

    def page(self, number: int, title: str, when: str, rows: list[str]) -> None:
        """One page."""
        if number < self.first:
            return
        head = "t" not in self.flags
        if head:
            self.p.stdout.write(f"\n\n{' ' * self.offset}{when} {title} Page {number}\n\n\n")
        for row in rows:
            self.put(row)
        if self.flags & {"f", "F"}:
            self.p.stdout.write("\f")
        elif head:
            left = (self.lines - len(rows)) * (2 if "d" in self.flags else 1) + self.odd
            self.p.stdout.write("\n" * (left + TAIL))

    def pages(self, lines: list[str], title: str, when: str) -> None:
        """A file in one or more columns."""
        n, size = self.columns, self.lines * self.columns
        for at in range(0, len(lines), size):
            part = [self.number(at + i + 1) + self.fit(line) for i, line in enumerate(lines[at : at + size])]
            if n == 1:
                rows = part
            elif "a" in self.flags:
                rows = [self.join(part[i : i + n]) for i in range(0, len(part), n)]
            else:
                # a last page is balanced, but columns that are nearly full stay as they are
                tall = self.lines if len(part) > size - n else -(-len(part) // n)
                rows = [self.join(part[i::tall]) for i in range(min(tall, len(part)))]
            self.page(at // size + 1, title, when, rows)

    def fit(self, line: str) -> str:
        """Cut a line to its column."""
        return self.expand(line)[: self.column] if self.columns > 1 else self.expand(line)

    def join(self, cells: list[str]) -> str:
        """Cells beside each other."""
        if self.between:
            return self.between.join(cells)
        width = self.column + 1 + (self.digits + 1 if self.digits and "m" not in self.flags else 0)
        return "".join([c.ljust(width) for c in cells[:-1]]) + cells[-1]

    def merged(self, files: list[list[str]], when: str) -> None:
        """-m: files beside each other."""
        tall = max((len(f) for f in files), default=0)
        rows = []
        for i in range(tall):
            cells = [self.expand(f[i])[: self.column] if i < len(f) else "" for f in files]
            last = max(k for k, f in enumerate(files) if i < len(f))
            rows.append(self.number(i + 1) + self.join(cells[: last + 1]))
        for at in range(0, tall, self.lines):
            self.page(at // self.lines + 1, self.header or "", when, rows[at : at + self.lines])

    # files -------------------------------------------------------------------------------------------------------
    def stamp(self, seconds: int) -> str:
        """The time in the header."""
        return strftime("%b %e %H:%M %Y", localtime(seconds, self.p.env))

    async def read(self, path: str) -> tuple[list[str], int] | None:
        """(lines, when it was changed) of a file; None if it cannot be read."""
        p = self.p
        now = p.sys.clock_gettime() // NS
        if path == "-":
            return split(decode(await p.stdin.read())), now
        try:
            when = p.sys.stat(path).st_mtime // NS
            return split(decode(await read_file(p, path))), when
        except KError as e:
            self.status = 1
            if "r" not in self.flags:
                p.stderr.write(f"pr: cannot open {path}, {strerror(e.errno)}\n")
            return None

    async def run(self, files: list[str]) -> int:
        """All files."""
        if "m" in self.flags:
            found = [await self.read(path) for path in files]
            texts = [f[0] for f in found if f is not None]
            if texts:
                self.merged(texts, self.stamp(self.p.sys.clock_gettime() // NS))
            return self.status
        for path in files or ["-"]:
            got = await self.read(path)
            if got is not None:
                title = self.header if self.header is not None else "" if path == "-" else path
                self.pages(got[0], title, self.stamp(got[1]))
        return self.status


def split(text: str) -> list[str]:
    """The lines of a text."""
    lines = text.replace("\f", "").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def fail(p: Program, text: str) -> NoReturn:
    """An error in the command line."""
    p.stderr.write(text)
    p.usage(USAGE)


@program("/usr/bin/pr")
async def main(p: Program) -> int:
    """pr [+page] [-col] [-adFfmprt] [-e[ch][gap]] [-h header] [-i[ch][gap]] [-l line] [-n[ch][width]] ... [file ...]"""
    pr = Pr(p)
    try:
        files = pr.parse()
    except Bad as e:
        fail(p, str(e))
    return await pr.run(files)
