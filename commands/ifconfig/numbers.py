"""Numbers in arguments (get_val of ifbridge.c and ifvxlan.c)."""

from __future__ import annotations

from vshell.abi.errno import ERANGE
from vshell.userland.cnumber import strtol

ULONG_MAX = (1 << 64) - 1


def get_val(text: str) -> int | None:
    """strtoul(3); None for what is not a number."""
    value, rest, error = strtol(text, 0, -ULONG_MAX, ULONG_MAX)
    return value & ULONG_MAX if text and not rest and error != ERANGE else None
