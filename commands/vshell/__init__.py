"""vshell: what one may ask of the machine itself.  Not a FreeBSD program: everything of ours bears this one name.

Each file of this folder is a subcommand: `SYNOPSIS` (what follows its name), the first line of its docstring (what it does)
and `main(p, args)`, which gets the words after its name and returns the exit status, or a coroutine of it.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from vshell.userland.program import Program, program


def subcommands() -> list[str]:
    """The names there are."""
    return sorted(info.name for info in iter_modules(__path__) if not info.name.startswith("_") and info.name != "complete")


def subcommand(name: str) -> Any:
    """The module of one."""
    return import_module(f"{__name__}.{name}")


def usage() -> str:
    """All of them, a line each."""
    rows = []
    for name in subcommands():
        module = subcommand(name)
        what = (module.__doc__ or "").partition("\n")[0].partition(": ")[2].rstrip(".")
        rows.append((f"vshell {name} {module.SYNOPSIS}".rstrip(), what))
    return "usage:\n" + "".join(f"  {synopsis}\n      {what}\n" for synopsis, what in rows)


@program("/usr/local/bin/vshell")
async def main(p: Program) -> int:
    """Find the subcommand and run it."""
    words = p.argv[1:]
    if not words or words[0] in ("-h", "--help", "help"):
        (p.stdout if words else p.stderr).write(usage())
        return 0 if words else 2
    if words[0] not in subcommands():
        p.stderr.write(f"vshell: no such subcommand: {words[0]}\n{usage()}")
        return 2
    status = subcommand(words[0]).main(p, words[1:])
    if hasattr(status, "__await__"):
        status = await status
    return int(status)
