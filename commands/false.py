"""false(1) (usr.bin/false)."""

from __future__ import annotations

from vshell.userland.program import Program, program


@program("/usr/bin/false")
def main(p: Program) -> int:
    """Fail."""
    return 1
