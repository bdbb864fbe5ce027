"""The format strings of libxo: fields, modifiers, and printf(3) conversions (xo_format(5))."""

from __future__ import annotations

import re
from functools import lru_cache

Value = int | str | float

ARGUMENT, COLON, DISPLAY_ONLY, ENCODE_ONLY, HUMANIZE, KEY, LEAF_LIST, NOQUOTE, QUOTE, TRIM_WS, WS = (1 << i for i in range(11))
HN_SPACE, HN_DECIMAL, HN_1000 = 1 << 11, 1 << 12, 1 << 13

LETTERS = {
    "a": ARGUMENT, "c": COLON, "d": DISPLAY_ONLY, "e": ENCODE_ONLY, "g": 0, "h": HUMANIZE, "k": KEY, "l": LEAF_LIST, "n": NOQUOTE,
    "p": 0, "q": QUOTE, "t": TRIM_WS, "w": WS,
}  # fmt: skip
WORDS = {
    "argument": ARGUMENT, "colon": COLON, "display": DISPLAY_ONLY, "encoding": ENCODE_ONLY, "humanize": HUMANIZE, "hn": HUMANIZE,
    "hn-space": HN_SPACE, "hn-decimal": HN_DECIMAL, "hn-1000": HN_1000, "key": KEY, "leaf-list": LEAF_LIST, "list": LEAF_LIST,
    "no-quotes": NOQUOTE, "no-quote": NOQUOTE, "quotes": QUOTE, "quote": QUOTE, "trim": TRIM_WS, "white": WS,
    "gettext": 0, "plural": 0,
}  # fmt: skip
ROLES = {
    "color": "C", "decoration": "D", "error": "E", "label": "L", "note": "N", "padding": "P", "title": "T", "units": "U",
    "value": "V", "warning": "W", "start-anchor": "[", "stop-anchor": "]",
}  # fmt: skip

_CONVERSION = re.compile(r"%(%|([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+)?)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|j|t|z|q|L)*([a-zA-Z]))")
_FIELD = re.compile(
    r"\n|\{\{(.*?)\}\}"
    r"|\{((?:[^:/}\\]|\\.)*):((?:[^/}\\]|\\.)*)(?:/((?:[^/}\\]|\\.)*))?(?:/([^}]*))?\}"
    r"|[^{\n]+|\{",
    re.DOTALL,
)


class Field:
    """One field of a format string; kind "+" is plain text and "\\n" a newline."""

    __slots__ = ("content", "encoding", "flags", "format", "kind")

    def __init__(self, kind: str, flags: int, content: str, format: str | None, encoding: str | None) -> None:
        self.kind = kind
        self.flags = flags
        self.content = content
        self.format = format
        self.encoding = encoding


def _roles(text: str) -> tuple[str, int]:
    """Role and modifiers of a field descriptor."""
    kind, flags = "", 0
    first, *words = text.split(",")
    for letter in first:
        if letter in LETTERS:
            flags |= LETTERS[letter]
        elif not letter.isdecimal():
            kind = letter
    for word in words:
        kind = ROLES.get(word, kind)
        flags |= WORDS.get(word, 0)
    return kind or "V", flags


@lru_cache(maxsize=512)
def parse(fmt: str) -> tuple[Field, ...]:
    """The fields of a format string (xo_parse_fields)."""
    fields = []
    for m in _FIELD.finditer(fmt):
        braces, roles, content, display, encoding = m.groups()
        if m[0] == "\n":
            fields.append(Field("\n", 0, "", None, None))
        elif braces is not None:
            fields.append(Field("+", 0, "{" + braces + "}", None, None))
        elif roles is None:
            fields.append(Field("+", 0, m[0], None, None))
        else:
            kind, flags = _roles(roles)
            if display is None and (content or flags & ARGUMENT) and kind not in "CG[]":
                display = "%s"
            fields.append(Field(kind, flags, re.sub(r"\\(.)", r"\1", content), display, encoding))
    return tuple(fields)


@lru_cache(maxsize=512)
def consumed(fmt: str) -> int:
    """How many arguments a printf format takes."""
    count = 0
    for m in _CONVERSION.finditer(fmt):
        if m[1] != "%":
            count += 1 + (m[3] == "*") + (m[4] == "*")
    return count


def cformat(fmt: str, args: list[Value]) -> str:
    """printf(3) as far as libxo uses it; a backslash protects what follows it (a slash in a field)."""
    left = list(args)
    if "\\" in fmt:
        fmt = re.sub(r"\\(.)", r"\1", fmt)

    def one(m: re.Match[str]) -> str:
        if m[1] == "%":
            return "%"
        flags, width, precision, letter = m[2], m[3] or "", m[4], m[5]
        if width == "*":
            width = str(left.pop(0))
        if precision == "*":
            precision = str(left.pop(0))
        value = left.pop(0) if left else ""
        dot = "" if precision is None and "." not in m[0] else "." + (precision or "0")
        if letter == "p":
            return f"{'0x' + format(int(value), 'x'):>{width or 1}}"
        letter = {"i": "d", "u": "d", "D": "d", "U": "d", "O": "o", "S": "s", "C": "c", "m": "s"}.get(letter, letter)
        if letter in "doxX":
            value = int(value or 0)
        return f"%{flags}{width}{dot}{letter}" % value

    return _CONVERSION.sub(one, fmt)


@lru_cache(maxsize=512)
def fix_encoding(fmt: str) -> str:
    """A display format without its width, for programs (xo_fix_encoding)."""
    m = re.match(r"%\d+", fmt)
    return fmt if m is None else "%" + fmt[m.end() :]


@lru_cache(maxsize=512)
def is_numeric(fmt: str) -> bool:
    """True for a single conversion that yields a JSON number."""
    return re.fullmatch(r"%[0-9.*+ -]*[hljtqz]*[diouDOUeEfFgG]", fmt) is not None
