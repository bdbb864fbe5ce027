"""Builtins on variables and parameters: export, readonly, local, unset, setvar, set, shift, getopts."""

from __future__ import annotations

from vshell.userland.sh import options
from vshell.userland.sh.builtins.options import nextopt, number
from vshell.userland.sh.show import quoted
from vshell.userland.sh.state import Shell, ShError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def exportcmd(sh: Shell, args: list[str]) -> int:
    """export and readonly."""
    name = args[0]
    readonly = name.startswith("r")
    found, operands = nextopt(sh, args, "p")
    if found and operands:
        sh.error("-p requires no arguments")
    if not operands:
        _print_marked(sh, name, sh.readonly if readonly else sh.exported, bool(found))
        return 0
    marked = sh.readonly if readonly else sh.exported
    for word in operands:
        var, equals, value = word.partition("=")
        if not var and equals:
            sh.error(f"={value.partition('=')[0]}: bad variable name")
        if not equals and var in sh.values:
            marked.add(var)
            sh.environ = None
            sh.update_locale()
            continue
        sh.setvar(var, value if equals else None, export=not readonly, readonly=readonly)
    return 0


def _print_marked(sh: Shell, command: str, marked: set[str], values: bool) -> None:
    for var in sh.table():
        if var not in marked:
            continue
        if not values:
            sh.out(var + "\n")
        elif var.isidentifier() and var.isascii():
            value = sh.values[var]
            sh.out(f"{command} {var}\n" if value is None else f"{command} {var}={quoted(value)}\n")


def localcmd(sh: Shell, args: list[str]) -> int:
    """local."""
    _, operands = nextopt(sh, args, "")
    if not sh.funcnest:
        sh.error("Not in a function")
    for word in operands:
        name, equals, value = word.partition("=")
        sh.mklocal(name, value if equals else None)
    return 0


def unsetcmd(sh: Shell, args: list[str]) -> int:
    """unset."""
    found, operands = nextopt(sh, args, "vf")
    letters = {letter for letter, _ in found} or {"v"}
    status = 0
    for name in operands:
        if "f" in letters:
            sh.functions.pop(name, None)
        if "v" in letters:
            status |= sh.unset(name)
    return status


def setvarcmd(sh: Shell, args: list[str]) -> int:
    """setvar."""
    if len(args) <= 2:
        return unsetcmd(sh, args)
    if len(args) > 3:
        sh.error("too many arguments")
    sh.setvar(args[1], args[2])
    return 0


def setcmd(sh: Shell, args: list[str]) -> int:
    """set."""
    if len(args) > 1:
        return options.setcmd(sh, args)
    rows = []
    for name, value in sh.values.items():
        if value is not None and name.isidentifier() and name.isascii():
            rows.append((f"{name}={value}".encode("utf-8", "surrogateescape"), name, value))
    for _, name, value in sorted(rows):
        sh.out(f"{name}={quoted(value)}\n")
    return 0


def shiftcmd(sh: Shell, args: list[str]) -> int:
    """shift."""
    count = number(sh, args[1]) if len(args) > 1 else 1
    params = sh.params
    if count > len(params.args):
        return 1
    params.args = params.args[count:]
    params.reset = True
    return 0


def getoptscmd(sh: Shell, args: list[str]) -> int:
    """getopts."""
    if len(args) < 3:
        sh.error("usage: getopts optstring var [arg]")
    params = sh.params
    if params.reset:
        params.optargs = args[3:] if len(args) > 3 else None
        params.optind = 0
        params.optrest = ""
        params.reset = False
    words = params.optargs if params.optargs is not None else params.args
    return _getopts(sh, args[1], args[2], words)


def _getopts(sh: Shell, optstring: str, var: str, words: list[str]) -> int:
    params = sh.params
    silent = optstring.startswith(":")
    rest = params.optrest
    if not rest:
        if params.optind < 0:
            return 1
        word = words[params.optind] if params.optind < len(words) else ""
        if not word.startswith("-") or word == "-":
            return _end(sh, var, params.optind + 1)
        params.optind += 1
        if word == "--":
            return _end(sh, var, params.optind + 1)
        rest = word[1:]
    letter, rest = rest[0], rest[1:]
    argument: str | None = None
    where = optstring.find(letter) if letter != ":" else -1
    if where < 0:
        if silent:
            argument = letter
        else:
            sh.out2(f"Illegal option -{letter}\n")
            sh.flush2()
        letter = "?"
    elif optstring[where + 1 : where + 2] == ":":
        if rest:
            argument, rest = rest, ""
        elif params.optind < len(words):
            argument = words[params.optind]
            params.optind += 1
        elif silent:
            argument, letter = letter, ":"
        else:
            sh.out2(f"No arg for -{letter} option\n")
            sh.flush2()
            letter = "?"
    params.optrest = rest
    _result(sh, var, letter, argument, params.optind + 1)
    return 0


def _end(sh: Shell, var: str, index: int) -> int:
    sh.params.optind = -1
    sh.params.optrest = ""
    _result(sh, var, "?", None, index)
    return 1


def _result(sh: Shell, var: str, letter: str, argument: str | None, index: int) -> None:
    """Set OPTARG, OPTIND and the variable; when one of them cannot be set, the others are all the same."""
    failed = False
    if argument is None:
        failed = bool(sh.unset("OPTARG"))
    else:
        failed = not _safely(sh, "OPTARG", argument)
    try:
        sh.assign("OPTIND", str(index), reset=False)
    except ShError:
        failed = True
    failed = not _safely(sh, var, letter) or failed
    if failed:
        sh.params.optind = -1
        sh.params.optrest = ""
        sh.error(None)


def _safely(sh: Shell, name: str, value: str) -> bool:
    try:
        sh.setvar(name, value)
    except ShError:
        return False
    return True


TABLE: dict[str, Callable[..., Any]] = {
    "export": exportcmd, "readonly": exportcmd, "local": localcmd, "unset": unsetcmd, "setvar": setvarcmd,
    "set": setcmd, "shift": shiftcmd, "getopts": getoptscmd,
}  # fmt: skip
