"""Numbers for people: expand_number(3) and strtonum(3)."""

from __future__ import annotations

_INT64 = (1 << 63) - 1
_SHIFT = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60}


def expand_number(text: str) -> int | None:
    """A number with an optional suffix k, m, g, t, p, e (powers of 1024, a "b" may follow); None if it is not.

    As in C, 0x begins a hexadecimal number and 0 an octal one.
    """
    body = text.lstrip(" \t\n\v\f\r")
    digits = body[1:] if body[:1] in ("+", "-") else body
    base, allowed = 10, "0123456789"
    if digits[:2].lower() == "0x" and digits[2:3].lower() in tuple("0123456789abcdef"):
        base, allowed, digits = 16, "0123456789abcdefABCDEF", digits[2:]
    elif digits[:1] == "0":
        base, allowed = 8, "01234567"
    size = len(digits) - len(digits.lstrip(allowed))
    suffix = digits[size:].lower()
    if len(suffix) == 2 and suffix[1] == "b":
        suffix = suffix[0]
    if not size or suffix not in _SHIFT:
        return None
    value = int(digits[:size], base) << _SHIFT[suffix]
    if value > _INT64:
        return None
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


def humanize_number(
    value: int, size: int, suffix: str = "", *, decimal: bool = False, space: bool = True, byte: bool = False, divisor: int = 1024
) -> str:
    """humanize_number(3) with HN_AUTOSCALE for a buffer of `size`: a number with a prefix K, M, G ... where it needs one.

    `decimal`, `byte` are HN_DECIMAL and HN_B; without `space` it is HN_NOSPACE.
    """
    prefixes = ("B" if byte else "", "k" if divisor == 1000 else "K", "M", "G", "T", "P", "E")
    cut = (divisor * 95 + 99) // 100
    sign, left = ("-", -value) if value < 0 else ("", value)
    room = size - 2 - len(sign) - space - len(suffix)
    most = 10 ** max(room, 0)
    scale = remainder = 0
    while (left >= most or (left == most - 1 and remainder >= divisor // 2)) and scale < 6:
        left, remainder = divmod(left, divisor)
        scale += 1
    tail = f"{' ' if space else ''}{prefixes[scale]}{suffix}"
    if decimal and scale and (left < 9 or (left == 9 and remainder < cut)):
        tenths = (remainder * 10 + divisor // 2) // divisor
        return f"{sign}{left + tenths // 10}.{tenths % 10}{tail}"
    return f"{sign}{left + (remainder + divisor // 2) // divisor}{tail}"
