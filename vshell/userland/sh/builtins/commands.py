"""Builtins about command names: type, command, builtin, hash, alias, unalias (bin/sh/exec.c, alias.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.fcntl import X_OK
from vshell.userland.sh import exec as shexec
from vshell.userland.sh.builtins.options import nextopt
from vshell.userland.sh.show import quoted
from vshell.userland.sh.state import STDPATH, Shell
from vshell.userland.sh.tokens import KEYWORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def builtincmd(sh: Shell, args: list[str]) -> int:
    """builtin: runs only when what it names is no builtin."""
    if len(args) > 1:
        sh.out2(f"{args[1]}: not found\n")
        sh.flush2()
        return 127
    return sh.exitstatus


def commandcmd(sh: Shell, args: list[str]) -> int:
    """command with -v or -V, or without anything to run."""
    found, operands = nextopt(sh, args, "pvV")
    path = sh.lookup("PATH")
    mode = ""
    for letter, _ in found:
        if letter == "p":
            path = STDPATH
        else:
            mode = letter
    if mode:
        if len(operands) != 1:
            sh.error("wrong number of arguments")
        return _type(sh, operands, mode, path)
    if operands:
        sh.error("commandcmd bad call")
    return 0


def typecmd(sh: Shell, args: list[str]) -> int:
    """type."""
    names = args[2:] if len(args) > 2 and args[1] == "--" else args[1:]
    return _type(sh, names, "t", sh.lookup("PATH"))


def _absolute(sh: Shell, name: str) -> str:
    pwd = sh.values.get("PWD")
    if not name.startswith("/") and pwd:
        return pwd + ("/" if pwd != "/" else "") + name + "\n"
    return name + "\n"


def _type(sh: Shell, names: list[str], mode: str, path: str | None) -> int:
    """Say what names are; mode "v" tersely, "V" in words, "t" as type does."""
    terse = mode == "v"
    other_path = path != sh.values.get("PATH")
    if other_path:
        sh.clear_hash()
    status = 0
    for name in names:
        if name in KEYWORDS:
            sh.out(f"{name}\n" if terse else f"{name} is a shell keyword\n")
        elif name in sh.aliases:
            value = sh.aliases[name]
            sh.out(f"alias {name}={quoted(value)}\n" if terse else f"{name} is an alias for {value}\n")
        elif name in sh.functions:
            sh.out(f"{name}\n" if terse else f"{name} is a shell function\n")
        elif name in sh.builtins:
            kind = "special shell builtin" if sh.builtins[name].special else "shell builtin"
            sh.out(f"{name}\n" if terse else f"{name} is a {kind}\n")
        else:
            status |= _type_program(sh, name, mode, path)
    if other_path:
        sh.clear_hash()
    return status


def _type_program(sh: Shell, name: str, mode: str, path: str | None) -> int:
    terse = mode == "v"
    if "/" in name:
        try:
            sh.sys.access(name, X_OK)
        except KError as e:
            if not terse:
                sh.out2(f"{name}: {e}\n")
            return 127
        sh.out(("" if terse else f"{name} is ") + _absolute(sh, name))
        return 0
    tracked = name in sh.hashed
    full, _ = shexec.find_program(sh, name, path)
    if full is None:
        if not terse:
            sh.out2(f"{name}: not found\n")
        return 127
    sh.out(("" if terse else f"{name} is{' a tracked alias for' if tracked and mode == 't' else ''} ") + _absolute(sh, full))
    return 0


def hashcmd(sh: Shell, args: list[str]) -> int:
    """hash."""
    found, operands = nextopt(sh, args, "rv")
    verbose = False
    for letter, _ in found:
        if letter == "r":
            sh.clear_hash()
        else:
            verbose = True
    if not operands:
        for name in sorted(sh.hashed, key=_chain):
            sh.out(sh.hashed[name] + "\n")
        return 0
    errors = 0
    for name in operands:
        if name in sh.functions or name in sh.builtins:
            if verbose:
                sh.out(f"{'function' if name in sh.functions else 'builtin'} {name}\n")
            continue
        sh.hashed.pop(name, None)
        if "/" in name:
            if verbose:
                sh.out2(f"{name}: not found\n")
                errors = 1
            continue
        full, error = shexec.find_program(sh, name, sh.values.get("PATH"))
        if full is None:
            text, _ = shexec.not_found(name, error)
            sh.out2(text + "\n")
            errors = 1
        elif verbose:
            sh.out(full + "\n")
            sh.flush_nowait()
    return errors


def _chain(name: str) -> int:
    """The place of a name in the hash table, which is the order of listing."""
    data = name.encode("utf-8", "surrogateescape")
    return ((data[0] << 4 if data else 0) + sum(data)) % 31


def aliascmd(sh: Shell, args: list[str]) -> int:
    """alias."""
    _, operands = nextopt(sh, args, "")
    if not operands:
        for name in sorted(sh.aliases):
            sh.out(f"{name}={quoted(sh.aliases[name])}\n")
        return 0
    status = 0
    for word in operands:
        if not word:
            sh.warning("'': not found")
            status = 1
            continue
        at = word.find("=", 1)
        if at > 0:
            sh.aliases[word[:at]] = word[at + 1 :]
        elif word in sh.aliases:
            sh.out(f"{word}={quoted(sh.aliases[word])}\n")
        else:
            sh.warning(f"{word}: not found")
            status = 1
    return status


def unaliascmd(sh: Shell, args: list[str]) -> int:
    """unalias."""
    if len(args) > 1 and args[1].startswith("-a"):
        sh.aliases.clear()
        return 0
    _, operands = nextopt(sh, args, "a")
    status = 0
    for name in operands:
        if sh.aliases.pop(name, None) is None:
            status = 1
    return status


TABLE: dict[str, Callable[..., Any]] = {
    "builtin": builtincmd, "command": commandcmd, "type": typecmd, "hash": hashcmd, "alias": aliascmd, "unalias": unaliascmd,
}  # fmt: skip
