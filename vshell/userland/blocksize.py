"""getbsize(3): the unit in which sizes are shown, and its name."""

from __future__ import annotations

from vshell.userland.humanize import expand_number


def getbsize(text: str) -> tuple[str, int]:
    """(heading, bytes) for a BLOCKSIZE; 512-byte blocks if there is none."""
    if not text:
        return "512-blocks", 512
    value = expand_number("1" + text if text[0] in "KkMmGg" else text)
    if value is None or value < 1:
        return "512-blocks", 512
    size = max(512, min(value - value % 512, 1 << 30))
    for letter, unit in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if size % unit == 0:
            return f"{size // unit}{letter}-blocks", size
    return f"{size}-blocks", size
