"""seq(1): print sequences of numbers (usr.bin/seq/seq.c)."""

from __future__ import annotations

import math
import re

from vshell.abi.errno import ERANGE
from vshell.userland.cformat import format_float
from vshell.userland.getopt_long import NO, REQUIRED, GetoptLong
from vshell.userland.program import Program, program
from vshell.userland.textfile import relieve

LONGS = {
    "format": (REQUIRED, "f"),
    "separator": (REQUIRED, "s"),
    "terminator": (REQUIRED, "t"),
    "equal-width": (NO, "w"),
}
NUMERIC = re.compile(r"[+-]?[0-9]*\.?[0-9]*(?:[eE][+-]?[0-9]*)?")
SPEC = re.compile(r"%([#0\- +']*)([0-9]*)(\.[0-9]*)?([AaEeFfGg])")
ESCAPES = {
    "a": "\a", "b": "\b", "e": "\33", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"',
}  # fmt: skip


def unescape(text: str) -> str:
    """C escapes."""

    def one(m: re.Match[str]) -> str:
        c = m[1]
        if c[0] in "01234567":
            return chr(int(c, 8) & 0xFF)
        if c[0] == "x":
            return chr(int(c[1:] or "0", 16))
        return ESCAPES.get(c, "\\" + c)

    return re.sub(r"\\([0-7]{1,3}|x[0-9a-fA-F]{0,2}|.)", one, text, flags=re.DOTALL)


def number(p: Program, text: str) -> float:
    """strtod(3) of a whole word."""
    m = re.fullmatch(r"\s*([+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|nan))|", text, re.I)
    if not m:
        p.errx(2, f"invalid floating point argument: {text}")
    word = m[1] or "0"
    value = float.fromhex(word) if "x" in word.lower() else float(word)
    if math.isinf(value) and "inf" not in word.lower():
        p.err(2, ERANGE, text)
    return value + 0.0


def valid(fmt: str) -> bool:
    """A format with exactly one conversion of a floating point number."""
    return fmt.replace("%%", "").count("%") == 1 and bool(SPEC.search(fmt.replace("%%", "")))


def formatter(fmt: str) -> tuple[str, tuple[str, str, str, str], str]:
    """(text before, conversion, text after)."""
    at = 0
    while True:
        m = SPEC.search(fmt, at)
        assert m
        if (len(fmt[: m.start()]) - len(fmt[: m.start()].rstrip("%"))) % 2 == 0:
            break
        at = m.start() + 1
    return fmt[: m.start()].replace("%%", "%"), (m[1], m[2], m[3] or "", m[4]), fmt[m.end() :].replace("%%", "%")


def equal_width(first: float, incr: float, last: float, pad: str) -> str:
    """generate_format: wide enough for all."""
    last = first + incr * math.floor((last - first) / incr)
    texts = [format_float("", "", "", "g", x) for x in (incr, first, last)]
    exponent = any("e" in t for t in texts)
    places = [len(t.partition(".")[2]) for t in texts]
    widths = [len(t) - (n + 1 if n else 0) for t, n in zip(texts[1:], places[1:], strict=True)]
    precision = max(places[0], places[1])
    if precision:
        return f"%{pad}{max(widths) + 1 + precision}.{precision}{'e' if exponent else 'f'}"
    return f"%{pad}{max(widths)}{'e' if exponent else 'g'}"


class Options:
    """The command line."""

    def __init__(self, p: Program) -> None:
        self.fmt: str | None = None
        self.sep = "\n"
        self.term: str | None = None
        self.equal = 0
        self.errors = False
        rest = p.argv[1:]
        while rest and not NUMERIC.fullmatch(rest[0]) and rest[0].startswith("-") and len(rest[0]) > 1:
            getopt = GetoptLong(p, "+f:hs:t:w", LONGS, [p.argv[0], *rest])
            found = next(iter(getopt), None)
            if found is None:
                rest = getopt.args
                break
            self.option(*found)
            flags = getopt._rest
            rest = (["-" + flags] if flags else []) + getopt.args
        self.operands = rest

    def option(self, key: str, value: str) -> None:
        if key == "f":
            self.fmt, self.equal = value, 0
        elif key == "s":
            self.sep = unescape(value)
        elif key == "t":
            self.term = unescape(value)
        elif key == "w":
            self.equal += self.fmt is None
        else:
            self.errors = True


@program("/usr/bin/seq")
async def main(p: Program) -> int:
    """seq [-w] [-f format] [-s string] [-t string] [first [incr]] last"""
    o = Options(p)
    args = o.operands
    if o.errors or not 1 <= len(args) <= 3:
        p.usage(f"usage: {p.name} [-w] [-f format] [-s string] [-t string] [first [incr]] last")
    last = number(p, args[-1])
    first = number(p, args[0]) if len(args) > 1 else 1.0
    incr = 0.0
    if len(args) > 2:
        incr = number(p, args[1])
        if incr == 0:
            p.errx(1, f"zero {'in' if first < last else 'de'}crement")
    incr = incr or (1.0 if first < last else -1.0)
    if incr <= 0 and first < last:
        p.errx(1, "needs positive increment")
    if incr >= 0 and first > last:
        p.errx(1, "needs negative decrement")
    fmt = o.fmt
    if fmt is not None:
        if not valid(fmt):
            p.errx(1, f"invalid format string: `{fmt}'")
        fmt = unescape(fmt)
        if not valid(fmt):
            p.errx(1, "invalid format string")
    else:
        fmt = equal_width(first, incr, last, " " if o.equal > 1 else "0") if o.equal else "%g"
    await count(p, o, fmt, first, incr, last)
    return 0


async def count(p: Program, o: Options, fmt: str, first: float, incr: float, last: float) -> None:
    """Print them."""
    before, spec, after = formatter(fmt)

    def text(x: float) -> str:
        return before + format_float(*spec, x) + after

    step, current, previous = 1, first, 0.0
    while current <= last if incr > 0 else current >= last:
        p.stdout.write((o.sep if step > 1 else "") + text(current))
        previous = current
        current = first + incr * step
        step += 1
        if not step & 1023:
            await relieve(p)
    # Rounding may have made the loop end one too early.
    if text(current) == text(last) and text(current) != text(previous):
        p.stdout.write(o.sep + text(last))
    if o.term is not None:
        p.stdout.write(o.sep + o.term)
    p.stdout.write("\n")
