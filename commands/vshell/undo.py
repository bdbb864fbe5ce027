"""vshell undo: make the machine again as it was before the last commands."""

from __future__ import annotations

from vshell.abi.errno import ERANGE, KError
from vshell.abi.vshell import UNDO
from vshell.commands.vshell._session import ask
from vshell.userland.program import Program

SYNOPSIS = "[N]"


def main(p: Program, args: list[str]) -> int:
    """Undo the last N lines typed at the session's shell, 1 by default."""
    if len(args) > 1 or (args and not args[0].isdecimal()):
        p.stderr.write(f"usage: vshell undo {SYNOPSIS}\n")
        return 2
    count = int(args[0]) if args else 1
    try:
        lines = ask(p, "undo", UNDO(count))
    except KError as e:
        if e.errno != ERANGE:
            raise
        p.errx(1, f"undo: there are not {count} commands to undo" if count else "undo: nothing to undo")
    for line in lines:
        p.stdout.write(f"undone: {line}\n")
    return 0
