"""The functions of bc -l, to as many digits as scale asks for (what contrib/bc/gen/lib.bc calculates)."""

from __future__ import annotations

from math import isqrt

from vshell.commands.bc.number import MathError, Num, integer, power_of_ten, rescale

EXTRA = 12
"""Digits calculated beyond those wanted."""


def _fixed(x: Num, digits: int) -> int:
    return rescale(x, digits)[0]


def exp(x: Num, scale: int) -> Num:
    """e(x)."""
    whole = abs(rescale(x, 0)[0])
    if whole > 100_000:
        raise MathError("overflow: number cannot fit")
    digits = scale + EXTRA + (whole * 44 // 100 if x[0] > 0 else 0) + len(str(whole))
    unit = power_of_ten(digits)
    value = abs(_fixed(x, digits))
    halvings = value.bit_length() - unit.bit_length() + 8
    halvings = max(0, halvings)
    guard = halvings + 4
    value = value * 10**guard >> halvings
    unit *= 10**guard
    total = term = unit
    n = 1
    while term:
        term = term * value // (unit * n)
        total += term
        n += 1
    for _ in range(halvings):
        total = total * total // unit
    if x[0] < 0:
        total = unit * unit // total
    return rescale((total, digits + guard), scale)


def _atanh_inverse(n: int, unit: int) -> int:
    total = term = unit // n
    k = 3
    while term:
        term //= n * n
        total += term // k
        k += 2
    return total


def log(x: Num, scale: int) -> Num:
    """l(x)."""
    if x[0] <= 0:
        return rescale((1 - power_of_ten(scale), 0), scale)
    digits = scale + EXTRA + 4
    unit = power_of_ten(digits)
    # x = m * 2^k with m near 1
    top, bottom = x[0], 10 ** x[1]
    k = top.bit_length() - bottom.bit_length()
    m = (top * unit // (bottom << k)) if k >= 0 else (top << -k) * unit // bottom
    while m > unit * 3 // 2:
        m //= 2
        k += 1
    y = (m - unit) * unit // (m + unit)
    square = y * y // unit
    total = term = y
    n = 3
    while term:
        term = term * square // unit
        total += term // n
        n += 2
        if abs(term) < 2:
            break
    ln2 = 2 * _atanh_inverse(3, unit)
    return rescale((2 * total + k * ln2, digits), scale)


def _pi(unit: int) -> int:
    def arccot(n: int) -> int:
        total = term = unit // n
        k, sign = 3, -1
        while term:
            term //= n * n
            total += sign * (term // k)
            k, sign = k + 2, -sign
        return total

    return 4 * (4 * arccot(5) - arccot(239))


def sin(x: Num, scale: int, shift: int = 0) -> Num:
    """s(x), or with a shift of one quarter turn c(x)."""
    digits = scale + EXTRA + len(str(abs(x[0]))) + 4
    unit = power_of_ten(digits)
    pi = _pi(unit * 10**6) // 10**6
    value = _fixed(x, digits) + shift * pi // 2
    turns, value = divmod(value + pi // 2, pi)
    value -= pi // 2
    if turns % 2:
        value = -value
    total = term = value
    square = value * value // unit
    n = 3
    while term:
        term = -(term * square // (unit * n * (n - 1)))
        total += term
        n += 2
        if abs(term) < 2:
            break
    return rescale((total, digits), scale)


def cos(x: Num, scale: int) -> Num:
    """c(x)."""
    return sin(x, scale, 1)


def atan(x: Num, scale: int) -> Num:
    """a(x)."""
    digits = scale + EXTRA + 4
    unit = power_of_ten(digits)
    value = abs(_fixed(x, digits))
    inverse = value > unit
    if inverse:
        value = unit * unit // value
    doublings = 0
    while value > unit // 10:
        # atan x = 2 atan(x / (1 + sqrt(1 + x^2)))
        value = value * unit // (unit + isqrt(unit * unit + value * value))
        doublings += 1
    square = value * value // unit
    total = term = value
    n, sign = 3, -1
    while term:
        term = term * square // unit
        total += sign * (term // n)
        n, sign = n + 2, -sign
    total <<= doublings
    if inverse:
        total = _pi(unit) // 2 - total
    return rescale((total if x[0] >= 0 else -total, digits), scale)


def bessel(order: Num, x: Num, scale: int) -> Num:
    """j(n, x)."""
    n = integer(rescale(order, 0))
    odd = n < 0 and n % 2
    n = abs(n)
    if n > 10_000:
        raise MathError("overflow: number cannot fit")
    digits = scale * 3 // 2 + EXTRA + len(str(abs(x[0]))) + n
    unit = power_of_ten(digits)
    value = _fixed(x, digits)
    term = unit
    for i in range(1, n + 1):
        term = term * value // (2 * i * unit)
    square = value * value // (4 * unit)
    total = term
    i = 1
    while abs(term) > 1:
        term = -(term * square // (unit * i * (n + i)))
        total += term
        i += 1
    return rescale((-total if odd else total, digits), scale)
