"""echo, printf, test, let, and what wordexp(3) needs."""

from __future__ import annotations

from vshell.userland.sh import echo, expand
from vshell.userland.sh.builtins.options import nextopt
from vshell.userland.sh.printf import USAGE, Printf
from vshell.userland.sh.state import Shell
from vshell.userland.sh.test import TestError, test

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def echocmd(sh: Shell, args: list[str]) -> int:
    """echo."""
    sh.out(echo.builtin(args[1:]))
    return 0


def printfcmd(sh: Shell, args: list[str]) -> int:
    """printf."""
    _, operands = nextopt(sh, args, "")
    if not operands:
        sh.out2(USAGE)
        return 1
    run = Printf(sh.warning)
    status = run.run(operands)
    sh.out(run.out.decode("utf-8", "surrogateescape"))
    return status


def testcmd(sh: Shell, args: list[str]) -> int:
    """test and [."""
    try:
        return test(sh.sys, args)
    except TestError as e:
        sh.error(str(e))


def letcmd(sh: Shell, args: list[str]) -> int:
    """let, the ancestor of $((...))."""
    value = expand.arith(sh, " ".join(args[1:]))
    sh.out(f"{value}\n")
    return int(not value)


def wordexpcmd(sh: Shell, args: list[str]) -> int:
    """wordexp, for wordexp(3) of old."""
    words = [a.encode("utf-8", "surrogateescape") for a in args[1:]]
    sh.out(f"{len(words):08x}{sum(map(len, words)):08x}")
    for word in args[1:]:
        sh.out(word + "\0")
    return 0


TABLE: dict[str, Callable[..., Any]] = {
    "echo": echocmd, "printf": printfcmd, "test": testcmd, "[": testcmd, "let": letcmd,
    "wordexp": wordexpcmd,
}  # fmt: skip
