"""printf(3) conversions on Python values: one specification, one value."""

from __future__ import annotations

import math

_MASK = (1 << 64) - 1


def wrap(value: float, signed: bool = True) -> int:
    """(intmax_t) or (uintmax_t) of a number as amd64 converts it."""
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return -(1 << 63) if signed else 1 << 63
        value = int(value)
        if signed and not -(1 << 63) <= value < 1 << 63:
            return -(1 << 63)
    value &= _MASK
    return value - (1 << 64) if signed and value >> 63 else value


def format_int(flags: str, width: str, precision: str, conversion: str, value: int) -> str:
    """d i u o x X with flags "#0- +", width and precision ("" or ".N")."""
    signed = conversion in "di"
    if not signed:
        value &= _MASK
        flags = flags.replace("+", "").replace(" ", "")
    flags = flags.replace("'", "")
    if precision:
        flags = flags.replace("0", "")
        if value == 0 and precision in (".", ".0"):
            return _pad("", flags, width)
    if conversion == "o" and "#" in flags:
        digits = f"{value:o}"
        digits = digits if digits.startswith("0") else "0" + digits
        size = int(precision[1:] or 0) if precision else int(width or 0) if "0" in flags and "-" not in flags else 0
        return _pad(digits.rjust(size, "0"), flags, width)
    if value == 0:
        flags = flags.replace("#", "")
    spec = "d" if conversion in "diu" else conversion
    text: str = f"%{flags}{width}{precision}{spec}" % value
    return text


def format_float(flags: str, width: str, precision: str, conversion: str, value: float) -> str:
    """e f g a and their capitals."""
    if math.isnan(value) or math.isinf(value):
        word = "nan" if math.isnan(value) else "inf"
        sign = "-" if math.copysign(1, value) < 0 and word == "inf" else "+" if "+" in flags else " " if " " in flags else ""
        text = sign + (word.upper() if conversion.isupper() else word)
        return _pad(text, flags, width)
    if conversion in "aA":
        return _pad(_hex_float(value, precision, flags, conversion), flags, width)
    text = f"%{flags}{width}{precision}{conversion}" % value
    return text


def format_str(flags: str, width: str, precision: str, value: str) -> str:
    """s."""
    if precision:
        value = value[: int(precision[1:] or 0)]
    return _pad(value, flags, width)


def _pad(text: str, flags: str, width: str) -> str:
    size = int(width or 0)
    return text.ljust(size) if "-" in flags else text.rjust(size)


def _hex_float(value: float, precision: str, flags: str, conversion: str) -> str:
    mantissa, exponent = value.hex().split("p")
    head, _, digits = mantissa.partition(".")
    digits = digits.rstrip("0")
    if precision:
        size = int(precision[1:] or 0)
        digits = digits[:size].ljust(size, "0")
    text = head + ("." + digits if digits else "") + "p" + exponent
    if not text.startswith("-"):
        text = ("+" if "+" in flags else " " if " " in flags else "") + text
    return text.upper() if conversion == "A" else text
