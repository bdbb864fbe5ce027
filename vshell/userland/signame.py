"""str2sig(3): signals by name or number."""

from __future__ import annotations

from vshell.abi.signal import SIGNAMES

NSIG = len(SIGNAMES)


def str2sig(text: str) -> int | None:
    """The number of a signal given as a name (with or without SIG, any case) or a number; None if it is neither."""
    if text.isascii() and text.isdigit():
        return int(text) if 0 < int(text) < NSIG else None
    name = text.upper().removeprefix("SIG")
    return SIGNAMES.index(name) if name in SIGNAMES[1:] else None
