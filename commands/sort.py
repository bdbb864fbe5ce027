"""sort(1): sort or merge records of text files (usr.bin/sort).

Each key becomes a function from a line to something Python can compare.  Sorting is then one stable pass per key, the
last one first; unless -s or -u is given the whole line decides at the very end, as FreeBSD's sort has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from vshell.abi.errno import EINVAL, KError
from vshell.abi.fcntl import O_CREAT, O_TRUNC, O_WRONLY
from vshell.userland.getopt_long import NO, OPTIONAL, REQUIRED, GetoptLong
from vshell.userland.program import Program, program
from vshell.userland.stdio import Writer, decode, encode
from vshell.userland.textfile import read_file

OPTSTRING = "bcCdfghik:Mmno:RrsS:t:T:uVz"
MODIFIERS = "bdfgiRMnrVh"
EXCLUSIVE = "MngRhV"
LONGS = {
    "batch-size": (REQUIRED, "ignored"),
    "buffer-size": (REQUIRED, "S"),
    "check": (OPTIONAL, "c"),
    "compress-program": (REQUIRED, "ignored"),
    "debug": (NO, "ignored"),
    "dictionary-order": (NO, "d"),
    "field-separator": (REQUIRED, "t"),
    "files0-from": (REQUIRED, "files0-from"),
    "general-numeric-sort": (NO, "g"),
    "heapsort": (NO, "ignored"),
    "help": (NO, "help"),
    "human-numeric-sort": (NO, "h"),
    "ignore-leading-blanks": (NO, "b"),
    "ignore-case": (NO, "f"),
    "ignore-nonprinting": (NO, "i"),
    "key": (REQUIRED, "k"),
    "merge": (NO, "m"),
    "mergesort": (NO, "ignored"),
    "mmap": (NO, "ignored"),
    "month-sort": (NO, "M"),
    "numeric-sort": (NO, "n"),
    "output": (REQUIRED, "o"),
    "qsort": (NO, "ignored"),
    "radixsort": (NO, "ignored"),
    "random-sort": (NO, "R"),
    "random-source": (REQUIRED, "random-source"),
    "reverse": (NO, "r"),
    "sort": (REQUIRED, "sort"),
    "stable": (NO, "s"),
    "temporary-directory": (REQUIRED, "ignored"),
    "unique": (NO, "u"),
    "version": (NO, "version"),
    "version-sort": (NO, "V"),
    "zero-terminated": (NO, "z"),
}
USAGE = (
    "Usage: {} [-bcCdfigMmnrsuz] [-kPOS1[,POS2] ... ] [+POS1 [-POS2]] [-S memsize] [-T tmpdir] [-t separator] "
    "[-o outfile] [--batch-size size] [--files0-from file] [--heapsort] [--mergesort] [--radixsort] [--qsort] [--mmap] "
    "[--human-numeric-sort] [--version-sort] [--random-sort [--random-source file]] [--compress-program program] "
    "[file ...]\n"
)
KINDS = {"general-numeric": "g", "human-numeric": "h", "numeric": "n", "month": "M", "random": "R"}
POSITION = re.compile(r"([0-9]+)(\.[0-9]+)?([bdfirMngRhV]+)?")
OBSOLETE = re.compile(r"([0-9]+)(?:\.([0-9]+))?([A-Za-z]+)?")
NUMBER = re.compile(r"[ \t]*(-?)0*([0-9]*)(?:\.([0-9]*))?(.?)", re.DOTALL)
GENERAL = re.compile(r"\s*([+-]?(?:0x[0-9a-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan))", re.IGNORECASE)
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
SUFFIXES = {"k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6, "Z": 7, "Y": 8}
Key = Callable[[str], Any]


class Field:
    """A -k specification; `c2` 0 means the end of field `f2`, `f2` 0 the end of the line."""

    def __init__(self) -> None:
        self.f1 = self.f2 = self.c2 = 0
        self.c1 = 1
        self.b1 = self.b2 = False
        self.mods: set[str] = set()


class Options:
    """The command line."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.mods: set[str] = set()
        self.flags: set[str] = set()
        """c C m s u z."""
        self.fields: list[Field] = []
        self.out = "-"
        self.sep: str | None = None
        self.files0 = ""
        self.random_source = ""
        self.complex = False

    def option(self, key: str, value: str) -> None:
        p = self.p
        if key in MODIFIERS and len(key) == 1:
            self.mods.add(key)
            self.complex = True
        elif key in ("c", "C"):
            self.flags.add("c")
            if key == "C" or value in ("silent", "quiet"):
                self.flags.add("C")
            elif value and value != "diagnose-first":
                p.errx(2, f"Unknown feature: {value}")
        elif key == "k":
            self.complex = True
            self.fields.append(self.parse_key(value))
        elif key in ("m", "s", "u", "z"):
            self.flags.add(key)
        elif key == "o":
            self.out = value
        elif key == "S":
            if not re.fullmatch(r"[0-9]+(\.[0-9]+)?[bKMGTPEZY%]?", value):
                p.warn(EINVAL, "Wrong memory buffer specification")
        elif key == "t":
            self.separator(value)
        elif key == "sort":
            if value not in KINDS:
                p.errx(2, f"Unknown feature: {value}")
            self.option(KINDS[value], "")
        elif key == "version":
            p.stdout.write("2.3-FreeBSD\n")
            p.exit(0)
        elif key == "help":
            p.stdout.write(USAGE.format(p.name))
            p.exit(0)
        elif key == "files0-from":
            self.files0 = value
        elif key == "random-source":
            self.random_source = value
        elif key not in ("ignored", "T"):
            p.usage(USAGE.format(p.name), 2)

    def separator(self, value: str) -> None:
        """-t: one character, or \\0."""
        while len(value) > 1:
            if value[0] != "\\":
                self.p.err(2, EINVAL, value)
            value = value[1:]
            if value[0] == "0":
                value = "\0"
        self.sep = value or "\0"

    def parse_key(self, text: str) -> Field:
        """-k POS1[,POS2]."""
        field = Field()
        seen: list[str] = []
        first, comma, second = text.partition(",")
        parts = [(first, False)] + ([(second, True)] if comma else [])
        for part, is_second in parts:
            if not self.position(part, field, seen, is_second):
                self.p.err(2, EINVAL, f"-k {text}")
        return field

    def position(self, text: str, field: Field, seen: list[str], second: bool) -> bool:
        m = POSITION.fullmatch(text)
        if not m:
            return False
        number, column = int(m[1]), int(m[2][1:] or 0) if m[2] else 0
        if number == 0:
            self.p.warn(0, "0 field in key specs")
            return False
        if second:
            field.f2, field.c2 = number, column
        else:
            if m[2] and column == 0:
                self.p.warn(0, "0 column in key specs")
                return False
            field.f1, field.c1 = number, column or 1
        for letter in m[3] or "":
            exclude(self.p, letter, seen)
            if letter != "b":
                field.mods.add(letter)
            elif second:
                field.b2 = True
            else:
                field.b1 = True
        return True

    def finish(self) -> None:
        """Keys without modifiers take the global ones."""
        for field in self.fields:
            if not field.mods - {"i"} and not field.b1 and not field.b2:
                field.b1 = field.b2 = "b" in self.mods
                field.mods = set(self.mods)


def exclude(p: Program, letter: str, seen: list[str]) -> None:
    """Only one of M n g R h V."""
    if letter not in EXCLUSIVE:
        return
    for other in seen:
        if other != letter:
            p.errx(1, f"{letter}:{other}: mutually exclusive flags")
    seen.append(letter)


def obsolete(argv: list[str]) -> list[str]:
    """+POS1 -POS2 as -k."""
    out = argv[:1]
    i = 1
    while i < len(argv):
        word = argv[i]
        if word == "--":
            break
        i += 1
        m = OBSOLETE.fullmatch(word[1:]) if word.startswith("+") else None
        if not m:
            out.append(word)
            continue
        spec = f"-k{int(m[1]) + 1}.{int(m[2] or 0) + 1}{m[3] or ''}"
        end = OBSOLETE.fullmatch(argv[i][1:]) if i < len(argv) and argv[i].startswith("-") else None
        if end:
            column = int(end[2] or 0)
            spec += f",{int(end[1]) + (column > 0)}.{column}{end[3] or ''}"
            i += 1
        out.append(spec)
    return out + argv[i:]


# keys ----------------------------------------------------------------------------------------------------------
def field_start(line: str, number: int, sep: str | None) -> int:
    """Where a field begins; -1 if the line has not so many."""
    if number < 2:
        return 0 if line else -1
    if sep is not None:
        at = 0
        for _ in range(number - 1):
            at = line.find(sep, at) + 1
            if not at:
                return -1
        return at
    before = True
    for at, c in enumerate(line):
        blank = c in " \t"
        if blank and not before:
            number -= 1
            if number <= 1:
                return at
        before = blank
    return -1


def columns(line: str, start: int, count: int, skip: bool) -> int:
    """`count` columns into a field."""
    while skip and start < len(line) and line[start] in " \t":
        start += 1
    return min(start + max(count - 1, 0), len(line))


def cutter(field: Field, sep: str | None) -> Callable[[str], str]:
    """The text of a key (coll.c: cut_field)."""

    def end_of(line: str) -> int:
        if field.f2 == 0:
            return len(line)
        at = field_start(line, field.f2 + (field.c2 == 0), sep)
        if at < 0 or at >= len(line) + (sep is not None and field.c2 == 0):
            return len(line)
        if field.c2 == 0:
            return at - 1 if sep is not None and at > 0 else at
        at = columns(line, at, field.c2, field.b2)
        return min(at + 1, len(line))

    def cut(line: str) -> str:
        start = field_start(line, field.f1, sep)
        if start < 0:
            return ""
        start = columns(line, start, field.c1, field.b1)
        return line[start : max(end_of(line), start)]

    return cut


def number_key(text: str, human: bool) -> tuple[Any, ...]:
    """-n and -h: what is no number counts as zero, and lies between the negative and the positive ones."""
    m = NUMBER.match(text)
    assert m
    fraction = (m[3] or "").rstrip("0")
    if not m[2] and not fraction:
        return (0,)
    size = SUFFIXES.get(m[4], 0) if human else 0
    whole = int(m[2] or 0)
    if m[1]:
        return (-1, -size, -whole, *(-int(c) for c in fraction), 1)
    return (1, size, whole, *(int(c) for c in fraction), -1)


def general_key(text: str) -> tuple[Any, ...]:
    """-g: not a number, NaN, then by value."""
    m = GENERAL.match(text)
    if not m:
        return (0,)
    word = m[1].lower()
    value = float.fromhex(word) if "x" in word else float(word)
    return (1,) if value != value else (2, value)


def month_key(text: str) -> int:
    """-M."""
    text = text.lstrip(" \t")[:3].upper()
    return MONTHS.index(text) if text in MONTHS else -1


def char_order(a: str, b: str) -> int:
    """vsort.c: cmp_chars; "" is the end."""
    if a == b:
        return 0
    if a == "~" or b == "~":
        return -1 if a == "~" else 1
    low = [c == "" or "0" <= c <= "9" for c in (a, b)]
    if low[0] or low[1]:
        return 0 if low[0] and low[1] else -1 if low[0] else 1
    alpha = [c.isascii() and c.isalpha() for c in (a, b)]
    if alpha[0] != alpha[1]:
        return -1 if alpha[0] else 1
    return ord(a) - ord(b)


def versions(a: str, b: str) -> int:
    """vsort.c: cmpversions."""
    i = j = 0
    while i < len(a) or j < len(b):
        while (i < len(a) and not "0" <= a[i] <= "9") or (j < len(b) and not "0" <= b[j] <= "9"):
            order = char_order(a[i : i + 1], b[j : j + 1])
            if order:
                return order
            i += i < len(a)
            j += j < len(b)
        m, n = re.compile("[0-9]*").match(a, i), re.compile("[0-9]*").match(b, j)
        assert m and n
        x, y = int(m[0] or 0), int(n[0] or 0)
        if x != y:
            return -1 if x < y else 1
        i, j = m.end(), n.end()
    return 0


SUFFIX = re.compile(r"(\.[A-Za-z~][A-Za-z0-9~]*)*\.?$")


def version_order(a: str, b: str) -> int:
    """-V (vsort.c: vcmp)."""
    plain = (a > b) - (a < b)
    if plain == 0:
        return 0
    for special in ("", ".", ".."):
        if a == special or b == special:
            return -1 if a == special else 1
    if (a[0] == ".") != (b[0] == "."):
        return -1 if a[0] == "." else 1
    if a[0] == ".":
        a, b = a[1:], b[1:]
    x, y = SUFFIX.sub("", a, count=1), SUFFIX.sub("", b, count=1)
    return plain if x == y else versions(x, y) or plain


def dictionary(text: str) -> str:
    """-d: letters, digits and blanks."""
    return "".join([c for c in text if c.isalnum() or c in " \t"])


def key_function(mods: set[str], seed: bytes) -> Key:
    """What a key's text is compared by."""
    prepare: list[Callable[[str], str]] = []
    if "d" in mods:
        prepare.append(dictionary)
    elif "i" in mods:
        prepare.append(lambda text: "".join([c for c in text if c.isprintable()]))
    if mods & {"f", "M"}:
        prepare.append(str.upper)
    last: Key
    if "n" in mods or "h" in mods:
        last = lambda text: number_key(text, "n" not in mods)  # noqa: E731
    elif "g" in mods:
        last = general_key
    elif "M" in mods:
        last = month_key
    elif "R" in mods:
        from hashlib import md5

        last = lambda text: md5(seed + encode(text)).digest()  # noqa: E731
    elif "V" in mods:
        last = cmp_to_key(version_order)
    else:
        last = str
    if not prepare:
        return last

    def key(text: str) -> Any:
        for step in prepare:
            text = step(text)
        return last(text)

    return key


def after(cut: Callable[[str], str], key: Key) -> Key:
    """First cut, then key."""
    return lambda line: key(cut(line))


class Sorter:
    """The keys of the command line, applied."""

    def __init__(self, o: Options, seed: bytes) -> None:
        self.o = o
        self.keys: list[tuple[Key, bool]] = []
        """(function from a line, reversed)."""
        for field in o.fields:
            self.keys.append((after(cutter(field, o.sep), key_function(field.mods, seed)), "r" in field.mods))
        if not o.fields:
            key = key_function(o.mods, seed)
            whole: Key = (lambda line: key(line.lstrip(" \t"))) if "b" in o.mods else key
            self.keys.append((whole, "r" in o.mods))
        self.whole_line = o.complex and not o.flags & {"s", "u"}

    def sort(self, lines: list[str]) -> list[str]:
        if self.whole_line:
            lines.sort(reverse="r" in self.o.mods)
        for key, backwards in reversed(self.keys):
            lines.sort(key=key, reverse=backwards)
        return self.unique(lines) if "u" in self.o.flags else lines

    def unique(self, lines: list[str]) -> list[str]:
        out: list[str] = []
        for line in lines:
            if not out or self.compare_keys(out[-1], line):
                out.append(line)
        return out

    def compare_keys(self, a: str, b: str) -> int:
        for key, backwards in self.keys:
            x, y = key(a), key(b)
            if x != y:
                return -1 if (x < y) != backwards else 1
        return 0

    def compare(self, a: str, b: str) -> int:
        order = self.compare_keys(a, b)
        if order or not self.whole_line or a == b:
            return order
        return -1 if (a < b) != ("r" in self.o.mods) else 1

    def merge(self, files: list[list[str]]) -> list[str]:
        """-m."""
        from heapq import merge

        merged = list(merge(*files, key=cmp_to_key(self.compare)))
        return self.unique(merged) if "u" in self.o.flags else merged

    def check(self, lines: list[str], name: str) -> int:
        """-c, -C."""
        for i in range(1, len(lines)):
            order = self.compare(lines[i - 1], lines[i])
            if order > 0 or (order == 0 and "u" in self.o.flags):
                if "C" not in self.o.flags:
                    self.o.p.warnx(f"{name}:{i + 1}: disorder: {lines[i]}")
                return 1
        return 0


async def read_records(o: Options, path: str) -> list[str]:
    """The lines of a file."""
    p = o.p
    try:
        text = decode(await (p.stdin.read() if path == "-" else read_file(p, path)))
    except KError as e:
        p.err(2, e)
    lines = text.split("\0" if "z" in o.flags else "\n")
    if not lines[-1]:
        lines.pop()
    return lines


async def random_seed(o: Options) -> bytes:
    """What -R begins with."""
    if not any("R" in mods for mods in [o.mods, *(f.mods for f in o.fields)]):
        return b""
    try:
        if o.random_source:
            return await read_file(o.p, o.random_source)
        fd = o.p.sys.open("/dev/urandom")
        seed = await o.p.sys.read(fd, 32)
        o.p.sys.close(fd)
        return seed
    except KError as e:
        o.p.err(2, e, o.random_source or "getentropy")


async def write(o: Options, lines: list[str]) -> None:
    """The result."""
    p, end = o.p, "\0" if "z" in o.flags else "\n"
    out = p.stdout
    if o.out != "-":
        try:
            out = Writer(p.sys, p.sys.open(o.out, O_WRONLY | O_CREAT | O_TRUNC, 0o666))
        except KError as e:
            p.err(2, e)
    if lines:
        out.write(end.join(lines) + end)
    await out.drain()


@program("/usr/bin/sort")
async def main(p: Program) -> int:
    """sort [options] [file ...]"""
    o = Options(p)
    seen: list[str] = []
    getopt = GetoptLong(p, OPTSTRING, LONGS, obsolete(p.argv))
    for key, value in getopt:
        exclude(p, key, seen)
        o.option(key, value)
    operands = getopt.args
    if o.files0:
        try:
            operands = [name for name in decode(await read_file(p, o.files0)).split("\0") if name]
        except KError as e:
            p.err(2, e, o.files0)
    if {"c", "m"} <= o.flags:
        p.errx(1, "m:c: mutually exclusive flags")
    o.finish()
    sorter = Sorter(o, await random_seed(o))
    paths = operands or ["-"]
    if "c" in o.flags:
        return sorter.check(await read_records(o, paths[0]), paths[0])
    if "m" in o.flags:
        await write(o, sorter.merge([await read_records(o, path) for path in paths]))
        return 0
    lines: list[str] = []
    for path in paths:
        lines += await read_records(o, path)
    await write(o, sorter.sort(lines))
    return 0
