"""nice(1): run a program with a changed priority (usr.bin/nice/nice.c)."""

from __future__ import annotations

from vshell.abi.errno import EACCES, ENOENT, KError
from vshell.userland.execvp import execvp
from vshell.userland.getopt import getopt
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context

USAGE = "usage: nice [-n increment] utility [argument ...]"


def integer(text: str) -> int | None:
    """A decimal number with a sign."""
    body = text[1:] if text[:1] in ("+", "-") else text
    return int(text) if body.isascii() and body.isdigit() else None


@program("/usr/bin/nice")
def main(p: Program) -> int:
    """nice [-n increment] utility [argument ...]"""
    argv = list(p.argv)
    if len(argv) > 1 and argv[1].startswith("-") and argv[1] != "--" and argv[1][1:2] in tuple("-0123456789"):
        argv[1] = f"-n{argv[1][1:]}"  # the historical -5 and --5
    increment = 10
    options, args = getopt(p, "n:", argv)
    for key, value in options:
        number = integer(value) if key == "n" else None
        if key != "n":
            p.usage(USAGE)
        if number is None:
            p.errx(1, f"{value}: invalid nice value")
        increment = number
    if not args:
        p.usage(USAGE)
    try:
        p.sys.setpriority(0, p.sys.getpriority(0) + increment)
    except KError as e:
        p.warn(EACCES if e.errno == EACCES else e, "setpriority")
    try:
        execvp(p.sys, args, p.env)
    except KError as e:
        p.err(127 if e.errno == ENOENT else 126, e, args[0])


def complete(c: Context) -> Iterator[Candidate]:
    """A command."""
    yield from c.command(c.options("n").operands)
