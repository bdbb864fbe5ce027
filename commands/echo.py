"""echo(1), the program (bin/echo)."""

from __future__ import annotations

from vshell.userland.program import Program, program
from vshell.userland.sh import echo


@program("/bin/echo")
def main(p: Program) -> int:
    """Write the arguments."""
    p.stdout.write(echo.program(p.argv[1:]))
    return 0
