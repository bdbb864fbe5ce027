"""fnmatch(3): shell patterns on whole texts, with backslash as the escape and no special slash."""

from __future__ import annotations

import re

from vshell.userland.sh.nodes import ESC
from vshell.userland.sh.pattern import match

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def fnmatch(pattern: str, text: str, fold: bool = False) -> bool:
    """True if the whole text matches; `fold` ignores case (FNM_CASEFOLD)."""
    if fold:
        pattern, text = pattern.lower(), text.lower()
    return match(_ESCAPE.sub(lambda m: ESC + m.group(1), pattern), text)
