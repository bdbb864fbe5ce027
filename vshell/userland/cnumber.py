"""strtol(3) with its error numbers."""

from __future__ import annotations

from vshell.abi.errno import EINVAL, ERANGE

LONG_MAX = (1 << 63) - 1
LONG_MIN = -(1 << 63)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_SPACE = " \t\n\v\f\r"


def strtol(text: str, base: int = 10, low: int = LONG_MIN, high: int = LONG_MAX) -> tuple[int, str, int]:
    """(number at the start, what follows it, errno): EINVAL if there is none, ERANGE if it is cut to low..high."""
    i = 0
    while i < len(text) and text[i] in _SPACE:
        i += 1
    negative = text[i : i + 1] == "-"
    if text[i : i + 1] in ("-", "+"):
        i += 1
    if base in (0, 16) and text[i : i + 2].lower() == "0x" and text[i + 2 : i + 3].lower() in tuple(_DIGITS[:16]):
        base, i = 16, i + 2
    elif base == 0:
        base = 8 if text[i : i + 1] == "0" else 10
    start = i
    allowed = _DIGITS[:base]
    while i < len(text) and text[i].lower() in allowed:
        i += 1
    if i == start:
        return 0, text, EINVAL
    # Python refuses to convert very long strings; all that long are out of range.
    number = int((text[start:i].lstrip("0") or "0")[:100], base)
    if negative:
        number = -number
    if not low <= number <= high:
        return (low if negative else high), text[i:], ERANGE
    return number, text[i:], 0


def atoi(text: str) -> int:
    """atoi(3)."""
    number = strtol(text)[0]
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)
