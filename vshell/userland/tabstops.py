"""Tab lists of expand(1) and unexpand(1) (usr.bin/expand/expand.c: getstops)."""

from __future__ import annotations

import re

from vshell.userland.program import Program


def tab_stops(p: Program, text: str) -> list[int]:
    """-t: increasing columns separated by commas or blanks."""
    stops: list[int] = []
    if not re.fullmatch(r"[0-9]+([, \t][0-9]+)*", text):
        p.errx(1, "bad tab stop spec")
    for word in re.split("[, \t]", text):
        stop = int(word)
        if stop <= 0 or (stops and stop <= stops[-1]):
            p.errx(1, "bad tab stop spec")
        if len(stops) == 100:
            p.errx(1, "too many tab stops")
        stops.append(stop)
    return stops
