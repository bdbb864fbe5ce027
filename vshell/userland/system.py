"""system(3): a command of the shell, run and waited for."""

from __future__ import annotations

from vshell.abi.errno import EINTR, KError
from vshell.abi.signal import SIG_DFL, SIG_IGN, SIGINT, SIGQUIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vshell.abi.syscalls import Syscalls
    from vshell.userland.program import Program


def spawn_shell(p: Program, command: str, moves: tuple[tuple[int, int], ...] = (), close: tuple[int, ...] = ()) -> int:
    """Start `sh -c command`; `moves` are (descriptor, what it becomes).  Returns the process id."""
    env = dict(p.env)

    async def child(sys: Syscalls) -> int:
        for number in (SIGINT, SIGQUIT):
            sys.sigaction(number, SIG_DFL)
        for old, new in moves:
            sys.dup2(old, new)
        for fd in close:
            sys.close(fd)
        try:
            sys.execve("/bin/sh", ["sh", "-c", command], env)
        except KError:
            return 127

    return p.sys.fork(child)


async def wait_for(p: Program, pid: int) -> int:
    """The wait status of a child."""
    while True:
        try:
            return (await p.sys.wait4(pid))[1]
        except KError as e:
            if e.errno != EINTR:
                raise


async def system(p: Program, command: str) -> int:
    """Run a command while interrupts are the command's alone; returns its wait status."""
    old = [(number, p.sys.sigaction(number, SIG_IGN)) for number in (SIGINT, SIGQUIT)]
    try:
        return await wait_for(p, spawn_shell(p, command))
    finally:
        for number, action in old:
            p.sys.sigaction(number, action if callable(action) or isinstance(action, int) else SIG_DFL)
