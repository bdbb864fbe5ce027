"""Numbers as strtoimax(3), strtoumax(3) and strtod(3) read them."""

from __future__ import annotations

import re

IMAX = (1 << 63) - 1
IMIN = -(1 << 63)
UMAX = (1 << 64) - 1

# Patterns as text: re compiles them when they are first used and keeps them; most shells never need these.
_AUTO = r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)"
_DECIMAL = r"[ \t\n\v\f\r]*([+-]?)([0-9]+)"
_FLOAT = (
    r"[ \t\n\v\f\r]*[+-]?(?:0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?"
    r"|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|nan(?:\([A-Za-z0-9_]*\))?)"
)


def parse(text: str, base10: bool = False) -> tuple[int, int]:
    """(value, characters used) of the number a text starts with; (0, 0) if there is none."""
    m = re.match(_DECIMAL if base10 else _AUTO, text)
    if m is None:
        return 0, 0
    sign, digits = m.groups()
    if base10:
        value = int(digits)
    elif digits[:2] in ("0x", "0X"):
        value = int(digits, 16)
    elif digits[:2] in ("0b", "0B"):
        value = int(digits, 2)
    else:
        value = int(digits, 8) if digits[0] == "0" else int(digits)
    return -value if sign == "-" else value, m.end()


def parse_float(text: str) -> tuple[float, int, bool]:
    """(value, characters used, out of range) of a floating point number; 0 characters if there is none."""
    m = re.match(_FLOAT, text, re.IGNORECASE)
    if m is None:
        return 0.0, 0, False
    word = m.group().strip().lower()
    if "x" in word:
        try:
            return float.fromhex(word), m.end(), False
        except OverflowError:
            return float("-inf" if word.startswith("-") else "inf"), m.end(), True
    value = float(word.partition("(")[0])
    overflow = value in (float("inf"), float("-inf")) and "inf" not in word
    return value, m.end(), overflow
