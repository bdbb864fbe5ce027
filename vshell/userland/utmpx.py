"""getutxent(3): who is logged in, from /var/run/utx.active.

DIFFERS: the file holds a line for each session (user, terminal, host, seconds since the epoch) instead of records.
"""

from __future__ import annotations

from typing import NamedTuple

from vshell.abi.errno import KError
from vshell.userland.program import Program
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode

UTX_ACTIVE = "/var/run/utx.active"


class Utmpx(NamedTuple):
    """One session."""

    user: str
    line: str
    host: str
    time: int


def utmpx(p: Program, path: str = UTX_ACTIVE) -> list[Utmpx]:
    """The sessions in a file; KError if it cannot be read."""
    found = []
    for line in decode(slurp(p, path)).split("\n"):
        fields = line.split("\t")
        if len(fields) >= 4 and fields[3].isdecimal():
            found.append(Utmpx(fields[0], fields[1], fields[2], int(fields[3])))
    return found


def sessions(p: Program) -> list[Utmpx]:
    """Who is logged in now."""
    try:
        return utmpx(p)
    except KError:
        return []
