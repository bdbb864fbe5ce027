"""The dump engine of hexdump(1) and od(1): formats (format.py) and their display (display.py)."""

from __future__ import annotations

import re

SHIFT = {"b": 9, "k": 10, "m": 20}


def skip_count(text: str) -> tuple[int, str]:
    """(strtoll(3) with any base, times its suffix; what is left over)."""
    m = re.match(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)?", text)
    assert m
    digits = m[2] or "0"
    base = 16 if digits[:2].lower() == "0x" else 8 if digits.startswith("0") else 10
    if base == 8:
        digits = re.match("[0-7]*", digits)[0] or "0"  # type: ignore[index]
    rest = text[m.end() :]
    value = int(digits, base) << SHIFT.get(rest[:1], 0)
    return (-value if m[1] == "-" else value), rest
