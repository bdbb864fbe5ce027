"""vshell load: make the machine as it was when a session was saved."""

from __future__ import annotations

from vshell.abi.vshell import LOAD
from vshell.commands.vshell._session import ask
from vshell.userland.program import Program

SYNOPSIS = "NAME"


def main(p: Program, args: list[str]) -> int:
    """Load."""
    if len(args) != 1:
        p.stderr.write(f"usage: vshell load {SYNOPSIS}\n")
        return 2
    count = ask(p, "load", LOAD(args[0]))
    p.stdout.write(f"{count} command{'' if count == 1 else 's'} typed in this session\n")
    return 0
