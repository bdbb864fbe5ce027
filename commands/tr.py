"""tr(1): translate, squeeze and delete characters (usr.bin/tr)."""

from __future__ import annotations

from collections.abc import Callable

from vshell.userland.getopt import getopt_or_usage
from vshell.userland.program import Program, program
from vshell.userland.stdio import decode

USAGE = """\
usage: tr [-Ccsu] string1 string2
       tr [-Ccu] -d string1
       tr [-Ccu] -s string1
       tr [-Ccu] -ds string1 string2
"""
ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
ALPHABET = 0x250
"""Classes are spelt out up to here; beyond, members are asked for one by one."""

CLASSES: dict[str, Callable[[str], bool]] = {
    "alnum": lambda c: c.isalnum(),
    "alpha": lambda c: c.isalpha(),
    "blank": lambda c: c in " \t" or (c > "\xa0" and c.isspace()),
    "cntrl": lambda c: c < " " or "\x7f" <= c < "\xa0",
    "digit": lambda c: "0" <= c <= "9",
    "graph": lambda c: c.isprintable() and not c.isspace(),
    "lower": lambda c: c.islower(),
    "print": lambda c: c.isprintable(),
    "punct": lambda c: c.isprintable() and not c.isalnum() and not c.isspace(),
    "rune": lambda c: not "\ud800" <= c <= "\udfff",
    "space": lambda c: c in " \t\n\v\f\r" or (c > "\x80" and c.isspace()),
    "upper": lambda c: c.isupper(),
    "xdigit": lambda c: c in "0123456789abcdefABCDEF",
}


class Str:
    """A string argument read character by character (str.c: next)."""

    def __init__(self, p: Program, text: str, first: bool) -> None:
        self.p = p
        self.s = text
        self.i = 0
        self.first = first
        self.state = "normal"
        self.last = ""
        self.cnt = 0
        self.members: list[str] = []
        self.predicates: list[Callable[[str], bool]] = []

    def next(self) -> bool:
        """Make `last` the next character; False at the end."""
        while True:
            if self.state in ("end", "infinite"):
                return self.state == "infinite"
            if self.state == "normal":
                step = self.normal()
                if step is not None:
                    return step
            elif self.state == "sequence":
                if self.cnt:
                    self.cnt -= 1
                    return True
                self.state = "normal"
            else:  # range, set or class
                if self.cnt < len(self.members):
                    self.last = self.members[self.cnt]
                    self.cnt += 1
                    return True
                self.state = "normal"

    def normal(self) -> bool | None:
        """A plain character, or the start of something longer (None: look again)."""
        if self.i >= len(self.s):
            self.state = "end"
            return False
        c = self.s[self.i]
        if c == "[" and self.bracket():
            return None
        if c == "\\":
            self.last = self.backslash()
        else:
            self.last = c
            self.i += 1
        if self.s[self.i : self.i + 1] == "-" and self.range():
            return None
        return True

    def backslash(self) -> str:
        """Up to three octal digits, an escape, or the character itself."""
        self.i += 1
        digits = ""
        while len(digits) < 3 and self.s[self.i : self.i + 1] in tuple("01234567"):
            digits += self.s[self.i]
            self.i += 1
        if digits:
            return chr(int(digits, 8) & 0xFF if int(digits, 8) > 0xFF else int(digits, 8))
        if self.i >= len(self.s):
            self.state = "end"
            return "\\"
        c = self.s[self.i]
        self.i += 1
        return ESCAPES.get(c, c)

    def range(self) -> bool:
        save = self.i
        self.i += 1
        if self.s[self.i : self.i + 1] == "\\":
            stop = self.backslash()
        elif self.i < len(self.s):
            stop = self.s[self.i]
            self.i += 1
        else:
            stop = "\0"
        if stop < self.last:
            self.i = save
            return False
        self.members = [chr(n) for n in range(ord(self.last), ord(stop) + 1)]
        self.cnt, self.state = 0, "set"
        return True

    def bracket(self) -> bool:
        s, i = self.s, self.i
        kind = s[i + 1 : i + 2]
        if kind in (":", "="):
            end = s.find("]", i + (2 if kind == ":" else 3))
            if end < 0 or (kind == "=" and i + 2 >= len(s)):
                return False
            if s[end - 1] == kind and end - i >= 4:
                if kind == ":":
                    self.char_class(s[i + 2 : end - 1])
                    self.i = end + 1
                else:
                    self.equivalence()
                return True
        star = min((at for at in (s.find("*", i + 2), s.find("]", i + 2)) if at >= 0), default=-1)
        if star < 0 or s[star] != "*" or "]" not in s[star:]:
            return False
        self.i += 1
        self.sequence()
        return True

    def char_class(self, name: str) -> None:
        if name not in CLASSES:
            self.p.errx(1, f"unknown class {name}")
        test = CLASSES[name]
        self.predicates.append(test)
        self.members = [c for c in map(chr, range(ALPHABET)) if test(c)]
        self.cnt = 0
        self.state = name if name in ("upper", "lower") else "class"

    def equivalence(self) -> None:
        self.i += 2
        if self.s[self.i] == "\\":
            c = self.backslash()
        else:
            c = self.s[self.i]
            self.i += 1
        if self.s[self.i : self.i + 1] != "=":
            self.p.errx(1, "misplaced equivalence equals sign")
        self.i += 2
        self.members, self.cnt, self.state = [c], 0, "set"

    def sequence(self) -> None:
        if self.first:
            self.p.errx(1, "sequences only valid in string2")
        if self.s[self.i] == "\\":
            self.last = self.backslash()
        else:
            self.last = self.s[self.i]
            self.i += 1
        if self.s[self.i : self.i + 1] != "*":
            self.p.errx(1, "misplaced sequence asterisk")
        self.i += 1
        end = self.s.find("]", self.i)
        text = self.s[self.i : end]
        if text and not text.isdecimal():
            self.p.errx(1, "illegal sequence count")
        self.cnt = int(text, 8 if text.startswith("0") else 10) if text else 0
        self.i = end + 1
        self.state = "sequence" if self.cnt else "infinite"


def char_set(p: Program, text: str, first: bool, complement: str) -> Callable[[str], bool]:
    """The set of characters an argument names."""
    s = Str(p, text, first)
    members = set()
    while s.next():
        members.add(s.last)
        if s.state == "infinite":
            break
    tests = s.predicates

    def inside(c: str) -> bool:
        return c in members or (c >= chr(ALPHABET) and any(t(c) for t in tests))

    if not complement:
        return inside
    rune = CLASSES["rune"]
    return lambda c: not inside(c) and (complement == "c" or rune(c))


CASES = {
    ("lower", "upper"): (str.upper, str.isupper),
    ("class", "upper"): (str.upper, str.isupper),
    ("upper", "lower"): (str.lower, str.islower),
    ("class", "lower"): (str.lower, str.islower),
}


class Mapping:
    """string1 to string2: `table`, the default for a complement, and what -s squeezes."""

    def __init__(self, p: Program, text1: str, text2: str, complement: str) -> None:
        self.table: dict[str, str] = {}
        self.squeeze: set[str] = set()
        self.default: str | None = None
        self.complement = complement
        s1, s2 = Str(p, text1, True), Str(p, text2, False)
        if not s2.next():
            p.errx(1, "empty string2")
        self.fill(s1, s2)
        if complement:
            self.invert(Str(p, text2, False))

    def fill(self, s1: Str, s2: Str) -> None:
        more = s1.next()
        while more:
            case = CASES.get((s1.state, s2.state))
            if case and s1.cnt == 1 and s2.cnt == 1:
                kind = s1.state
                while True:
                    self.add(s1.last, case[0](s1.last), case[1])
                    if not s1.next():
                        return
                    if not (s1.state == kind and s1.cnt > 1):
                        break
                other = s2.state
                while s2.next() and s2.state == other and s2.cnt > 1:
                    pass
                continue
            self.add(s1.last, s2.last, None)
            s2.next()
            more = s1.next()

    def add(self, source: str, target: str, only: Callable[[str], bool] | None) -> None:
        if len(target) == 1:
            self.table[source] = target
            if only is None or only(target):
                self.squeeze.add(target)

    def invert(self, s2: Str) -> None:
        """-c: the characters not in string1, in code order, take those of string2; the last is for all the rest."""
        keep = self.table
        self.table = {c: c for c in keep}
        highest = max(map(ord, keep), default=0)
        code = 0
        while True:
            c = chr(code)
            if c not in keep and not (self.complement == "C" and not CLASSES["rune"](c)):
                if s2.next():
                    self.squeeze.add(s2.last)
                self.table[c] = s2.last
            if (s2.state in ("end", "infinite") and code >= highest) or code >= 0x10FFFF:
                break
            code += 1
        self.default = s2.last

    def translate(self, text: str) -> str:
        """Apply to a text."""
        if self.default is None:
            return text.translate({ord(a): b for a, b in self.table.items()})
        table, default = self.table, self.default
        if self.complement == "C":
            rune = CLASSES["rune"]
            return "".join([table.get(c, default) if rune(c) else c for c in text])
        return "".join([table.get(c, default) for c in text])


class Squeezer:
    """Leaves one of a run of equal characters that are in a set."""

    def __init__(self, inside: Callable[[str], bool]) -> None:
        self.inside = inside
        self.last = ""

    def __call__(self, text: str) -> str:
        out = []
        last = self.last
        for c in text:
            if c != last or not self.inside(c):
                last = c
                out.append(c)
        self.last = last
        return "".join(out)


def deleter(inside: Callable[[str], bool]) -> Callable[[str], str]:
    """Removes the characters of a set."""

    def delete(text: str) -> str:
        gone = {ord(c): None for c in set(text) if inside(c)}
        return text.translate(gone) if gone else text

    return delete


def filters(p: Program, flags: set[str], args: list[str]) -> list[Callable[[str], str]]:
    """What the text goes through."""
    complement = "c" if "c" in flags else "C" if "C" in flags else ""
    two = len(args) == 2
    if "d" in flags:
        if two != ("s" in flags):
            p.usage(USAGE)
        steps: list[Callable[[str], str]] = [deleter(char_set(p, args[0], True, complement))]
        if two:
            steps.append(Squeezer(char_set(p, args[1], False, "")))
        return steps
    if not two:
        if "s" not in flags:
            p.usage(USAGE)
        return [Squeezer(char_set(p, args[0], True, complement))]
    mapping = Mapping(p, args[0], args[1], complement)
    steps = [mapping.translate]
    if "s" in flags:
        steps.append(Squeezer(mapping.squeeze.__contains__))
    return steps


@program("/usr/bin/tr")
async def main(p: Program) -> int:
    """tr [-Ccsu] string1 string2; tr [-Ccu] -d string1; tr [-Ccu] -s string1; tr [-Ccu] -ds string1 string2"""
    flags: set[str] = set()
    options, args = getopt_or_usage(p, "Ccdsu", USAGE)
    for letter, _ in options:
        if letter in "Cc":
            flags -= {"C", "c"}
        flags.add(letter)
    if "u" in flags:
        p.stdout.setvbuf("none")
    if len(args) not in (1, 2):
        p.usage(USAGE)
    steps = filters(p, flags, args)
    rest = b""
    while True:
        data = await p.sys.read(0, 65536)
        text, rest = whole_characters(rest + data, not data)
        for step in steps:
            text = step(text)
        if text:
            p.stdout.write(text)
        if not data:
            return 0
        if p.stdout.pending > 65536:
            await p.stdout.drain()


def whole_characters(data: bytes, last: bool) -> tuple[str, bytes]:
    """Decode, leaving an unfinished character for the next time."""
    if last or not data or data[-1] < 0x80:
        return decode(data), b""
    cut = len(data)
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            need = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            cut = len(data) - back if back < need else cut
            break
    return decode(data[:cut]), data[cut:]
