"""Values of awk outside any program: numbers of strings, truth, and the small functions translated code calls (tran.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vshell.commands.awk.array import Array, StrNum, Value, strnum

if TYPE_CHECKING:
    from vshell.commands.awk.runtime import Awk

NUMBER = re.compile(r"[ \t\n\v\f\r]*(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-](?:inf|nan)(?=\s|$))", re.IGNORECASE)
LOOKS = re.compile(r"[ \t\n\v\f\r]*(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-](?:inf|nan))[ \t\n\v\f\r]*", re.IGNORECASE)


def num(value: Value) -> float:
    """getfval: the number of a value."""
    if isinstance(value, float):
        return value
    if isinstance(value, StrNum):
        return value.num
    m = NUMBER.match(value)
    return float(m[0]) if m else 0.0


def truth(value: Value) -> bool:
    """Is it neither zero nor empty?"""
    if isinstance(value, float):
        return value != 0
    if isinstance(value, StrNum):
        return value.num != 0
    return value != ""


def promote(value: Value) -> Value:
    """What getfval leaves behind: a string that is a number and was used as one counts as a number from then on."""
    return from_outside(value) if type(value) is str else value


def num_at(array: Array, key: str) -> float:
    """The number of array[key]."""
    value = array[key]
    if type(value) is str:
        value = array[key] = promote(value)
    return num(value)


def put(array: Array, key: str, value: Value) -> Value:
    """array[key] = value as an expression."""
    array[key] = value
    return value


def put_with(array: Array, key: str, op: str, operand: float, rt: Awk) -> float:
    """array[key] op= operand."""
    value = rt.combine(op, num(array[key]), operand)
    array[key] = value
    return value


def substr(text: str, start: float, length: float | None = None) -> str:
    """substr(s, m[, n]); numbers are cut, not rounded."""
    size = len(text)
    m = min(max(c_int(start), 1), size + 1)
    n = size if length is None else min(max(c_int(length), 0), size + 1 - m)
    return text[m - 1 : m - 1 + n]


def index_of(text: str, part: str) -> float:
    """index(s, t); nothing is found in an empty string."""
    return 1.0 + text.find(part) if text else 0.0


def c_int(x: float) -> int:
    """(int) x."""
    if x != x or abs(x) >= 2147483648.0:
        return -2147483648
    return int(x)


def whole(text: str) -> str:
    """Bytes written one by one (\\342\\200) become the characters that they spell."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def from_outside(text: str) -> str:
    """A string from input: a StrNum if it looks like a number."""
    if LOOKS.fullmatch(text):
        return strnum(text, float(text))
    return text
