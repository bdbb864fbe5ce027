"""Numbers for people: expand_number(3) and strtonum(3)."""

from __future__ import annotations

_SHIFT = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60}


def expand_number(text: str) -> int | None:
    """A decimal number with an optional suffix k, m, g, t, p, e (powers of 1024, a "b" may follow); None if it is not."""
    body = text.strip(" \t\n")
    digits = body[1:] if body[:1] in ("+", "-") else body
    size = len(digits) - len(digits.lstrip("0123456789"))
    suffix = digits[size:].lower()
    if len(suffix) == 2 and suffix[1] == "b":
        suffix = suffix[0]
    if not size or suffix not in _SHIFT:
        return None
    value = int(digits[:size]) << _SHIFT[suffix]
    return -value if body[0] == "-" else value


def strtonum(text: str, least: int, most: int) -> tuple[int, str]:
    """(value, "") or (0, "invalid" | "too small" | "too large")."""
    body = text.lstrip(" \t\n")
    digits = body[1:] if body[:1] in ("+", "-") else body
    if not (digits.isascii() and digits.isdigit()):
        return 0, "invalid"
    value = -int(digits) if body[0] == "-" else int(digits)
    if value < least:
        return 0, "too small"
    if value > most:
        return 0, "too large"
    return value, ""
