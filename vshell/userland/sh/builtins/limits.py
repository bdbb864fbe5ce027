"""umask and ulimit (bin/sh/miscbltin.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.userland.sh.builtins.options import nextopt
from vshell.userland.sh.state import Shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_BITS = {"r": 4, "w": 2, "x": 1}
_SHIFT = {"u": 6, "g": 3, "o": 0}


def umaskcmd(sh: Shell, args: list[str]) -> int:
    """umask."""
    found, operands = nextopt(sh, args, "S")
    mask = sh.sys.umask(0)
    sh.sys.umask(mask)
    if not operands:
        if found:
            parts = [f"{who}=" + "".join(c for c, b in _BITS.items() if not mask >> s & b) for who, s in _SHIFT.items()]
            sh.out(",".join(parts) + "\n")
        else:
            sh.out(f"{mask:04o}\n")
        return 0
    text = operands[0]
    if text[:1].isdecimal():
        if any(c not in "01234567" for c in text):
            sh.error(f"Illegal number: {text}")
        sh.sys.umask(int(text, 8) & 0o7777)
        return 0
    mode = symbolic(text, ~mask & 0o777)
    if mode is None:
        sh.error(f"Illegal number: {text}")
    sh.sys.umask(~mode & 0o777)
    return 0


def symbolic(text: str, mode: int) -> int | None:
    """setmode(3) and getmode(3) for a mode of permissions; None if the text is wrong."""
    for clause in text.split(","):
        i = 0
        who = 0
        while i < len(clause) and clause[i] in "ugoa":
            who |= 0o777 if clause[i] == "a" else 7 << _SHIFT[clause[i]]
            i += 1
        who = who or 0o777
        if i >= len(clause) or clause[i] not in "+-=":
            return None
        while i < len(clause):
            op = clause[i]
            if op not in "+-=":
                return None
            i += 1
            bits = 0
            while i < len(clause) and clause[i] not in "+-=":
                c = clause[i]
                if c in _BITS:
                    bits |= _BITS[c] * 0o111
                elif c == "X":
                    bits |= 0o111 if mode & 0o111 else 0
                elif c in _SHIFT:
                    bits |= (mode >> _SHIFT[c] & 7) * 0o111
                elif c not in "st":
                    return None
                i += 1
            bits &= who
            mode = mode | bits if op == "+" else mode & ~bits if op == "-" else mode & ~who | bits
    return mode


_LIMITS = (
    ("cpu time", "seconds", "cpu", 1, "t"),
    ("file size", "512-blocks", "fsize", 512, "f"),
    ("data seg size", "kbytes", "data", 1024, "d"),
    ("stack size", "kbytes", "stack", 1024, "s"),
    ("core file size", "512-blocks", "core", 512, "c"),
    ("max memory size", "kbytes", "rss", 1024, "m"),
    ("locked memory", "kbytes", "memlock", 1024, "l"),
    ("max user processes", "", "nproc", 1, "u"),
    ("open files", "", "nofile", 1, "n"),
    ("virtual mem size", "kbytes", "vmem", 1024, "v"),
    ("swap limit", "kbytes", "swap", 1024, "w"),
    ("socket buffer size", "bytes", "sbsize", 1, "b"),
    ("pseudo-terminals", "", "npts", 1, "p"),
    ("kqueues", "", "kqueues", 1, "k"),
    ("umtx shared locks", "", "umtxp", 1, "o"),
    ("pipebuf", "kbytes", "pipebuf", 1024, "y"),
)


def _show(sh: Shell, how: str, limits: tuple[int, int], factor: int) -> None:
    value = limits[1] if how == "H" else limits[0]
    sh.out("unlimited\n" if value < 0 else f"{value // factor}\n")


def _value(sh: Shell, text: str, factor: int) -> int:
    if text == "unlimited":
        return -1
    if not (text.isdigit() and text.isascii()) or int(text) * factor >= (1 << 63) - 1:
        sh.error("bad number")
    return int(text) * factor


def ulimitcmd(sh: Shell, args: list[str]) -> int:
    """ulimit."""
    found, operands = nextopt(sh, args, "HSatfdsmcnuvlbpwkoy")
    how = "HS"
    everything = False
    what = "f"
    for letter, _ in found:
        if letter in "HS":
            how = letter
        elif letter == "a":
            everything = True
        else:
            what = letter
    if operands and (everything or len(operands) > 1):
        sh.error("too many arguments")
    if everything:
        for text, units, name, factor, letter in _LIMITS:
            option = f"({units}, -{letter}) " if units else f"(-{letter}) "
            sh.out(f"{text:<18} {option:>18} ")
            _show(sh, how, sh.sys.getrlimit(name), factor)
        return 0
    _, _, name, factor, _ = next(row for row in _LIMITS if row[4] == what)
    try:
        limits = sh.sys.getrlimit(name)
    except KError as e:
        sh.error(f"can't get limit: {e}")
    if not operands:
        _show(sh, how, limits, factor)
        return 0
    value = _value(sh, operands[0], factor)
    try:
        sh.sys.setrlimit(name, value if "S" in how else limits[0], value if "H" in how else limits[1])
    except KError as e:
        sh.error(f"bad limit: {e}")
    return 0


TABLE: dict[str, Callable[..., Any]] = {"umask": umaskcmd, "ulimit": ulimitcmd}
