"""kill(1), the program (bin/kill)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.program import Program, program
from vshell.userland.sh.kill import Kill, KillFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context


@program("/bin/kill")
def main(p: Program) -> int:
    """Send signals to processes."""

    def send(pid: int, sig: int) -> int:
        try:
            p.sys.kill(pid, sig)
        except KError as e:
            return e.errno
        return 0

    try:
        return Kill(p.stdout.write, p.stderr.write, p.name, send).run(p.argv[1:])
    except KillFailure:
        return 2


def complete(c: Context) -> Iterator[Candidate]:
    """Signals."""
    yield from c.signals("-" if c.options("s").typing != "s" else "")
