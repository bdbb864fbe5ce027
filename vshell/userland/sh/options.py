"""Shell options: the command line and the set builtin (bin/sh/options.c)."""

from __future__ import annotations

from vshell.abi.signal import SIGTERM
from vshell.userland.sh import jobs, trap
from vshell.userland.sh.state import OPTIONS, OPTNAMES, Params, Shell

_LETTERS = {letter: name for (letter, _), name in zip(OPTIONS, OPTNAMES, strict=True) if letter}
_NAMES = {name: attr for (_, name), attr in zip(OPTIONS, OPTNAMES, strict=True)}


def options_changed(sh: Shell) -> None:
    """Make signals and job control follow the options."""
    trap.setsignal(sh, SIGTERM)
    jobs.setjobctl(sh, sh.mflag)


def _set(sh: Shell, attr: str, value: bool) -> None:
    setattr(sh, attr, value)
    if value and attr == "Vflag":
        sh.Eflag = False
    elif value and attr == "Eflag":
        sh.Vflag = False


def set_letter(sh: Shell, letter: str, value: bool) -> None:
    """-x or +x."""
    attr = _LETTERS.get(letter)
    if attr is None:
        sh.error(f"Illegal option -{letter}")
    _set(sh, attr, value)


def set_name(sh: Shell, name: str | None, value: bool) -> None:
    """-o name; without a name the settings are printed."""
    if name is None:
        _print(sh, value)
        return
    attr = _NAMES.get(name)
    if attr is None:
        sh.error(f"Illegal option -o {name}")
    _set(sh, attr, value)


def _print(sh: Shell, pretty: bool) -> None:
    if pretty:
        sh.out("Current option settings\n")
        for (_, name), attr in zip(OPTIONS, OPTNAMES, strict=True):
            sh.out(f"{name:16}{'on' if getattr(sh, attr) else 'off'}\n")
        return
    last = len(OPTIONS) - 1
    for i, ((_, name), attr) in enumerate(zip(OPTIONS, OPTNAMES, strict=True)):
        start = "set" if i % 6 == 0 else ""
        end = "\n" if i % 6 == 5 or i == last else ""
        sh.out(f"{start} {'-' if getattr(sh, attr) else '+'}o {name}{end}")


class Parsed:
    """What an argument list with options gave."""

    def __init__(self) -> None:
        self.rest: list[str] = []
        self.login = False
        self.clear = False
        """set --: no positional parameters."""


def parse(sh: Shell, args: list[str], cmdline: bool, given: set[str] | None = None) -> Parsed:
    """Take the options from `args`; `given` collects the attributes that were set."""
    result = Parsed()
    at = 0
    while at < len(args):
        word = args[at]
        if word[:1] not in ("-", "+") or not word:
            break
        at += 1
        value = word[0] == "-"
        if value and word == "-":
            if not cmdline:
                sh.xflag = sh.vflag = False
                result.rest = args[at:]
                return result
            result.rest = _after_dashes(args, at)
            return result
        if value and (word == "--" or (word[1] == "-" and word[2:].lstrip(" \t")[:1] in ("#", ""))):
            result.clear = at == len(args)
            result.rest = _after_dashes(args, at) if cmdline else args[at:]
            return result
        at = _letters(sh, args, at, value, cmdline, result, given)
    result.rest = args[at:]
    return result


def _letters(sh: Shell, args: list[str], at: int, value: bool, cmdline: bool, result: Parsed, given: set[str] | None) -> int:
    for letter in args[at - 1][1:]:
        if letter == "c" and cmdline:
            if at >= len(args) or sh.minusc is not None:
                sh.error("Bad -c option")
            sh.minusc = args[at]
            at += 1
        elif letter == "l" and cmdline:
            result.login = True
        elif letter == "o":
            name = args[at] if at < len(args) else None
            set_name(sh, name, value)
            if name is not None:
                at += 1
                if given is not None:
                    given.add(_NAMES[name])
        else:
            set_letter(sh, letter, value)
            if given is not None:
                given.add(_LETTERS[letter])
    return at


def _after_dashes(args: list[str], at: int) -> list[str]:
    """Operands of the command line; "#" behind the dashes leaves only the last one."""
    rest = args[at:]
    return rest[-1:] if rest[:1] == ["#"] else rest


def setcmd(sh: Shell, args: list[str]) -> int:
    """set with arguments."""
    parsed = parse(sh, args[1:], False)
    options_changed(sh)
    if parsed.rest or parsed.clear:
        sh.params = Params(parsed.rest)
    return 0
