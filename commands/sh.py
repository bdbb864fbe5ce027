"""sh(1), the command interpreter (bin/sh).  The language is in vshell.userland.sh."""

from __future__ import annotations

from vshell.userland.program import Program, program


@program("/bin/sh")
async def main(p: Program) -> int:
    """Run a shell."""
    from vshell.userland.sh.interp import main as sh

    return await sh(p)
