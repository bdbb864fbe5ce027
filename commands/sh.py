"""sh(1), the command interpreter (bin/sh).  The language is in vshell.userland.sh."""

from __future__ import annotations

from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context


@program("/bin/sh")
async def main(p: Program) -> int:
    """Run a shell."""
    from vshell.userland.sh.interp import main as sh

    return await sh(p)


def complete(c: Context) -> Iterator[Candidate]:
    """After -c a script, otherwise a file."""
    o = c.options("co")
    yield from c.script() if o.typing == "c" else c.files()
