"""sync(8): write everything to disk, of which there is none (bin/sync/sync.c)."""

from __future__ import annotations

from vshell.userland.program import Program, program


@program("/bin/sync")
def main(p: Program) -> int:
    """sync"""
    return 0
