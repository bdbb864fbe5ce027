"""vshell record: write this session's commands and answers as a transcript that replays.

The commands are run again, in a machine of its own, so that what is written is what `vshell replay` will get.
"""

from __future__ import annotations

from vshell.abi.vshell import LINES, RERUN
from vshell.commands.vshell._session import ask
from vshell.userland.program import Program

SYNOPSIS = "[-t] [N]"


def main(p: Program, args: list[str]) -> int:
    """All lines typed at the session's shell, or the last N; -t: in the form of `.t` files, not Markdown."""
    cram = args[:1] == ["-t"]
    rest = args[cram:]
    if len(rest) > 1 or (rest and not rest[0].isdecimal()):
        p.stderr.write(f"usage: vshell record {SYNOPSIS}\n")
        return 2
    lines = ask(p, "record", LINES())
    if rest:
        lines = lines[len(lines) - min(len(lines), int(rest[0])) :]
    p.stdout.write(ask(p, "record", RERUN(tuple(line for line in lines if line.strip()), not cram)))
    return 0
