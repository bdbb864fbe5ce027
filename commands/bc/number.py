"""Numbers of bc and dc: decimal fixed point of any size (contrib/bc/src/num.c).

A number is an integer and how many of its last digits stand behind the point.
"""

from __future__ import annotations

from math import isqrt

Num = tuple[int, int]
ZERO: Num = (0, 0)
ONE: Num = (1, 0)
HEX = "0123456789ABCDEF"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LIMIT = 200_000
"""Digits a number may have; what would be longer does not fit."""


class MathError(Exception):
    """A calculation that cannot be done."""


def power_of_ten(n: int) -> int:
    """10 to the n."""
    if n > LIMIT:
        raise MathError("overflow: number cannot fit")
    return int(10**n)


def rescale(a: Num, scale: int) -> Num:
    """The number with so many digits behind the point, cut or filled."""
    v, s = a
    if scale >= s:
        return v * power_of_ten(scale - s), scale
    return (v // 10 ** (s - scale) if v >= 0 else -(-v // 10 ** (s - scale))), scale


def add(a: Num, b: Num) -> Num:
    """a + b."""
    if a[1] == b[1]:
        return a[0] + b[0], a[1]
    scale = max(a[1], b[1])
    return rescale(a, scale)[0] + rescale(b, scale)[0], scale


def neg(a: Num) -> Num:
    """-a."""
    return -a[0], a[1]


def sub(a: Num, b: Num) -> Num:
    """a - b."""
    return add(a, neg(b))


def mul(a: Num, b: Num, scale: int) -> Num:
    """a * b: exact up to max(scale, the operands' scales) digits."""
    return rescale((a[0] * b[0], a[1] + b[1]), min(a[1] + b[1], max(scale, a[1], b[1])))


def div(a: Num, b: Num, scale: int) -> Num:
    """a / b, cut."""
    if not b[0]:
        raise MathError("divide by 0")
    shift = scale + b[1] - a[1]
    top, bottom = abs(a[0]), abs(b[0])
    if shift >= 0:
        top *= power_of_ten(shift)
    else:
        bottom *= power_of_ten(-shift)
    quotient = top // bottom
    return (quotient if (a[0] < 0) == (b[0] < 0) else -quotient), scale


def divmod_(a: Num, b: Num, scale: int) -> tuple[Num, Num]:
    """Quotient and remainder; the remainder has max(scale + scale(b), scale(a)) digits."""
    quotient = div(a, b, scale)
    exact = (quotient[0] * b[0], quotient[1] + b[1])
    return quotient, rescale(sub(a, exact), max(scale + b[1], a[1]))


def integer(a: Num) -> int:
    """The value of a number without digits behind the point."""
    if rescale(a, 0)[0] * 10 ** a[1] != a[0]:
        raise MathError("non-integer number")
    return rescale(a, 0)[0]


def power(a: Num, b: Num, scale: int) -> Num:
    """a ^ b for an integer b."""
    n = integer(b)
    if not n:
        return ONE
    if not a[0]:
        if n < 0:
            raise MathError("divide by 0")
        return 0, min(a[1] * n, max(scale, a[1]))
    if (abs(a[0]) != 1 and a[0].bit_length() * abs(n) > LIMIT * 4) or a[1] * abs(n) > LIMIT:
        raise MathError("overflow: number cannot fit")
    value: Num = (a[0] ** abs(n), a[1] * abs(n))
    if n < 0:
        return div(ONE, value, scale)
    return rescale(value, min(a[1] * n, max(scale, a[1])))


def sqrt(a: Num, scale: int) -> Num:
    """The square root, cut."""
    if a[0] < 0:
        raise MathError("negative number")
    scale = max(scale, a[1])
    return isqrt(a[0] * power_of_ten(2 * scale - a[1])), scale


def compare(a: Num, b: Num) -> int:
    """-1, 0 or 1."""
    d = sub(a, b)[0]
    return (d > 0) - (d < 0)


def length(a: Num) -> int:
    """How many digits a number has, from the first that is not zero."""
    return len(str(abs(a[0]))) if a[0] else a[1] or 1


def parse(text: str, base: int) -> Num:
    """A number in a base; a single digit counts for what it is, in a longer one too large digits count as base - 1."""
    whole, _, rest = text.partition(".")
    if len(whole) + len(rest) == 1:
        value = DIGITS.index(whole or rest)
        return (value, 0) if whole else rescale((value * 10 // base, 1), 1)
    clamp = base - 1
    values = [min(DIGITS.index(c), clamp) for c in whole + rest]
    if base == 10:
        return int("".join(map(str, values)) or "0"), len(rest)
    top = 0
    for v in values:
        top = top * base + v
    if not rest:
        return top, 0
    return int(top * 10 ** len(rest) // base ** len(rest)), len(rest)


def digits_of(a: Num, base: int) -> tuple[list[int], list[int]]:
    """The digits in a base, before and behind the point."""
    scale_unit = 10 ** a[1]
    whole, part = divmod(abs(a[0]), scale_unit)
    before: list[int] = []
    while whole:
        whole, digit = divmod(whole, base)
        before.append(digit)
    before.reverse()
    behind: list[int] = []
    unit = 1
    while a[1] and len(str(unit)) <= a[1]:
        digit, part = divmod(part * base, scale_unit)
        behind.append(digit)
        unit *= base
    return before, behind


def text_of(a: Num, base: int = 10, leading: bool = False) -> str:
    """How a number is printed."""
    if not a[0]:
        return "0" if base <= 16 else " " + "0" * len(str(base - 1))
    sign = "-" if a[0] < 0 else ""
    if base == 10:
        digits = str(abs(a[0])).rjust(a[1] + leading, "0")
        return sign + (digits[: len(digits) - a[1]] + "." + digits[len(digits) - a[1] :] if a[1] else digits)
    before, behind = digits_of(a, base)
    if leading and not before:
        before = [0]
    if base <= 16:
        text = "".join([HEX[d] for d in before])
        return sign + text + ("." + "".join([HEX[d] for d in behind]) if behind else "")
    width = len(str(base - 1))
    text = "".join([f" {d:0{width}d}" for d in before])
    if behind:
        text += "." + " ".join([f"{d:0{width}d}" for d in behind])
    return sign + text


def wrapped(text: str, width: int, column: int = 0, more: bool = False) -> str:
    """Text broken with backslashes into lines of `width` characters; 0: not at all.

    The last character may stand where the backslash would, unless `more` follows.
    """
    if not width:
        return text
    out, at = [], 0
    room = max(0, width - 1 - column)
    while len(text) - at > room + (not more):
        out.append(text[at : at + room] + "\\\n")
        at += room
        room = width - 1
    return "".join(out) + text[at:]
