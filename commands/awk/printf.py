"""awk's printf (contrib/one-true-awk/run.c: format)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vshell.commands.awk.array import StrNum, Value
from vshell.commands.awk.values import num
from vshell.userland.cformat import format_float, format_int, format_str, wrap

if TYPE_CHECKING:
    from vshell.commands.awk.core import Core

Piece = tuple[str, str, str, str, str]
"""(flags, width, precision, conversion, raw text); a literal has the conversion "" and its text in raw."""

SPEC = re.compile(r"([-#0+ ']*)(\*|\d*)(\.(?:\*|\d*))?")
_parsed: dict[str, list[Piece]] = {}


def parse(fmt: str) -> list[Piece]:
    """Take a format apart; size letters are ignored."""
    out: list[Piece] = []
    literal: list[str] = []
    i = 0
    while i < len(fmt):
        if fmt[i] != "%":
            literal.append(fmt[i])
            i += 1
        elif fmt.startswith("%%", i):
            literal.append("%")
            i += 2
        else:
            if literal:
                out.append(("", "", "", "", "".join(literal)))
                literal = []
            piece, i = conversion(fmt, i)
            out.append(piece)
    if literal:
        out.append(("", "", "", "", "".join(literal)))
    return out


def conversion(fmt: str, start: int) -> tuple[Piece, int]:
    """One conversion that begins at `start`, and where it ends."""
    i = start + 1
    raw = ["%"]
    while i < len(fmt):
        c = fmt[i]
        i += 1
        if c in "hjLlqtz":
            continue
        raw.append(c)
        if c.isalpha() and c.isascii():
            break
        if c == "$":
            break
    text = "".join(raw)
    m = SPEC.match(text, 1)
    assert m
    letter = text[-1] if len(text) > 1 and text[-1].isalpha() else "?"
    if letter != "?" and m.end() != len(text) - 1:
        letter = "?"
    return (m[1], m[2], m[3] or "", "$" if text.endswith("$") else letter, text), i


def convert(rt: Core, fmt: str, args: tuple[Value, ...]) -> str:
    """Format the arguments."""
    pieces = _parsed.get(fmt)
    if pieces is None:
        if len(_parsed) > 500:
            _parsed.clear()
        pieces = _parsed[str(fmt)] = parse(fmt)
    out: list[str] = []
    at = 0

    def argument() -> Value:
        nonlocal at
        if at >= len(args):
            rt.fatal(f"not enough args in printf({fmt})")
        at += 1
        return args[at - 1]

    for flags, width, precision, letter, raw in pieces:
        if not letter:
            out.append(raw)
            continue
        if letter == "$":
            rt.fatal("'$' not permitted in awk formats")
        if width == "*":
            width = str(wrap(num(argument())))
            if width.startswith("-"):
                flags, width = flags + "-", width[1:]
        if precision == ".*":
            precision = f".{wrap(num(argument()))}"
            precision = "" if precision.startswith(".-") else precision
        if letter not in "aAfFeEgGdioxXusc" or letter == "F":
            rt.warning(f"weird printf conversion {raw}")
            out.append(raw + rt.string(argument()))
            continue
        out.append(one(rt, flags, width, precision, letter, argument()))
    return "".join(out)


def one(rt: Core, flags: str, width: str, precision: str, letter: str, value: Value) -> str:
    """One conversion of one value."""
    if letter == "s":
        return format_str(flags, width, precision, rt.string(value))
    if letter in "di":
        return format_int(flags, width, precision, "d", wrap(num(value)))
    if letter in "oxXu":
        return format_int(flags, width, precision, letter, wrap(num(value), False))
    if letter != "c":
        return format_float(flags, width, precision, letter, num(value))
    if isinstance(value, (float, StrNum)):
        code = int(num(value)) if abs(num(value)) < 0x7FFFFFFF else 0
        if code == 0:
            return "\0"
        text = chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else "\ufffd" if code > 127 else chr(code & 0xFF)
    else:
        text = rt.string(value)[:1]
        if not text:
            return format_str(flags, str(int(width) - 1) if width and int(width) else "", "", "")
    return format_str(flags, width, "", text)
