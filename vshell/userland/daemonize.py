"""daemon(3): a program goes on in the background, in a session of its own."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import O_RDWR
from vshell.userland.program import Program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vshell.abi.syscalls import Syscalls

    Body = Callable[[Program], int | Awaitable[int]]


def daemon(p: Program, body: Body, nochdir: bool = False, noclose: bool = False, title: list[str] | None = None) -> None:
    """Fork a child that runs `body(its own Program)`; the caller has nothing more to do than to end with status 0."""
    argv, env, name = p.argv, p.env, p.name

    async def child(sys: Syscalls) -> int:
        from vshell.userland.crt0 import start

        def run(q: Program) -> int | Awaitable[int]:
            q.name = name
            return body(q)

        sys.setsid()
        if title is not None:
            sys.setargs(title)
        if not nochdir:
            sys.chdir("/")
        if not noclose:
            close_streams(sys)
        return await start(run, sys, argv, env)

    p.sys.fork(child)


def close_streams(sys: Syscalls) -> None:
    """The standard streams lead to /dev/null."""
    try:
        null = sys.open("/dev/null", O_RDWR)
    except KError:
        return
    for fd in (0, 1, 2):
        sys.dup2(null, fd)
    if null > 2:
        sys.close(null)
