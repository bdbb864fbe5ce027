"""yes(1): be repetitively affirmative (usr.bin/yes/yes.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.program import Program, program
from vshell.userland.stdio import encode


@program("/usr/bin/yes")
async def main(p: Program) -> int:
    """yes [expletive]"""
    line = encode(" ".join(p.argv[1:]) if len(p.argv) > 1 else "y") + b"\n"
    p.sys.cap_enter()
    block = line * max(1, 8192 // len(line))
    try:
        while True:
            await p.sys.write(1, block)
            await p.sys.sched_yield()
    except KError as e:
        p.err(1, e, "stdout")
