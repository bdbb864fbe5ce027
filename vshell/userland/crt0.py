"""crt0: from an executed file to `main` and from its result to the exit status.

The kernel calls `start` for a program image.  Two exceptions pass through a program on their way to the kernel and must
not be caught by it: ExecImage (kernel/kern/kern_fork.py) and ProcExit (kernel/kern/kern_sig.py) derive from BaseException.
"""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.program import Exit, Program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from vshell.abi.syscalls import Syscalls


def stdbuf(p: Program) -> None:
    """libstdbuf(3): the environment chooses how standard output and standard error are buffered."""
    modes = {"0": "none", "L": "line", "B": "block"}
    for stream, letter in ((p.stdout, "O"), (p.stderr, "E")):
        value = p.env.get(f"_STDBUF_{letter}", "")
        if value in modes or value.isdecimal():
            stream.setvbuf(modes.get(value, "block"))


async def start(main: Callable[[Program], Any], sys: Syscalls, argv: list[str], env: dict[str, str]) -> int:
    """Run `main` as a process image; returns its exit status."""
    p = Program(sys, argv, env)
    if "_STDBUF_O" in env or "_STDBUF_E" in env:
        stdbuf(p)
    try:
        result = main(p)
        if hasattr(result, "__await__"):
            result = await result
        status = int(result or 0)
        failed: int = getattr(main, "stdout_status", 0)
        if failed:
            await p.stdout.drain()
            if p.stdout.error is not None:
                p.warn(p.stdout.error, "stdout")
                status = failed
    except Exit as e:
        status = e.status
    except KError as e:
        # A program that let a system call's error escape: report it as err(3) would have.
        p.warn(e)
        status = 1
    await p.stdout.drain()
    await p.stderr.drain()
    return status & 0xFF
