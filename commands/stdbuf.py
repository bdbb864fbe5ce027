"""stdbuf(1): run a program with other buffering of its streams (usr.bin/stdbuf/stdbuf.c).

The buffering itself is libstdbuf's, which a program reads from _STDBUF_I, _STDBUF_O and _STDBUF_E.
"""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.execvp import execvp
from vshell.userland.getopt import getopt_or_usage
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

LIBRARIES = {"LD_PRELOAD": "/usr/lib/libstdbuf.so", "LD_32_PRELOAD": "/usr/lib32/libstdbuf.so"}


@program("/usr/bin/stdbuf")
def main(p: Program) -> int:
    """stdbuf [-e 0|L|B|size] [-i 0|L|B|size] [-o 0|L|B|size] command [args ...]"""
    usage = "usage: stdbuf [-e 0|L|B|<sz>] [-i 0|L|B|<sz>] [-o 0|L|B|<sz>] <cmd> [args ...]"
    options, args = getopt_or_usage(p, "e:i:o:", usage)
    if not args:
        return 0
    env = dict(p.env)
    for key, value in options:
        env[f"_STDBUF_{key.upper()}"] = value
    for key, path in LIBRARIES.items():
        env[key] = f"{env[key]}:{path}" if key in env else path
    try:
        execvp(p.sys, args, env)
    except KError as e:
        p.err(2, e, args[0])


def complete(c: Context) -> Iterator[Candidate]:
    """A command."""
    yield from c.command(c.args)
