"""setfib - run a program with another default routing table (setfib(1), usr.sbin/setfib/setfib.c)."""

from __future__ import annotations

from typing import NoReturn

from vshell.abi.errno import ENOENT, KError
from vshell.userland.cnumber import strtol
from vshell.userland.execvp import execvp
from vshell.userland.getopt import Getopt
from vshell.userland.program import Program, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.userland.completion import Candidate, Context


def usage(p: Program) -> NoReturn:
    """How it is used."""
    p.usage("usage: setfib [-[F]]value command")


@program("/usr/sbin/setfib")
def main(p: Program) -> int:
    """setfib N command, -N, -F N."""
    try:
        numfibs = int(p.sys.sysctl("net.fibs"))
    except KError:
        p.errx(1, "Multiple FIBS not supported")
    argv = list(p.argv)
    if len(argv) < 2:
        usage(p)
    # A number, with or without a dash, stands for -F and the number.
    word = argv[1].removeprefix("-") if argv[1][1:2].isdecimal() else argv[1]
    if "0" <= word[:1] <= "9":
        argv[1] = f"-F{word}"
    fib = 0
    opts = Getopt(p, "F:", argv)
    for letter, value in opts:
        if letter != "F":
            usage(p)
        fib, rest, error = strtol(value)
        if rest or error or not 0 <= fib < numfibs:
            p.errx(1, f"{value}: invalid FIB (max {numfibs - 1})")
    if not opts.args:
        usage(p)
    try:
        p.sys.setfib(fib)
    except KError as e:
        p.warn(e, "setfib")
    try:
        execvp(p.sys, opts.args, p.env)
    except KError as e:
        p.errx(127 if e.errno == ENOENT else 126, f"{opts.args[0]}: {e}")


def complete(c: Context) -> Iterator[Candidate]:
    """A number, then a command."""
    o = c.options("F")
    number = "F" in o.values
    if len(o.operands) >= (0 if number else 1):
        yield from c.command(o.operands if number else o.operands[1:])
