"""vshell save: keep this session under a name."""

from __future__ import annotations

from vshell.abi.vshell import SAVE
from vshell.commands.vshell._session import ask
from vshell.userland.program import Program

SYNOPSIS = "NAME"


def main(p: Program, args: list[str]) -> int:
    """Save."""
    if len(args) != 1:
        p.stderr.write(f"usage: vshell save {SYNOPSIS}\n")
        return 2
    p.stdout.write(f"saved to {ask(p, 'save', SAVE(args[0]))}\n")
    return 0
