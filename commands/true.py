"""true(1) (usr.bin/true)."""

from __future__ import annotations

from vshell.userland.program import Program, program


@program("/usr/bin/true")
def main(p: Program) -> int:
    """Succeed."""
    return 0
