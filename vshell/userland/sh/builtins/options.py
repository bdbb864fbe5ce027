"""Options of builtin commands and the numbers they take (nextopt of bin/sh/options.c, mystring.c)."""

from __future__ import annotations

from vshell.userland.sh.jobs import is_number
from vshell.userland.sh.state import Shell


def nextopt(sh: Shell, args: list[str], optstring: str) -> tuple[list[tuple[str, str]], list[str]]:
    """([(letter, argument)], operands); an error is reported and raised."""
    found: list[tuple[str, str]] = []
    at = 1
    while at < len(args):
        word = args[at]
        if not word.startswith("-") or word == "-":
            break
        at += 1
        if word == "--":
            break
        i = 1
        while i < len(word):
            letter = word[i]
            i += 1
            where = optstring.find(letter) if letter != ":" else -1
            if where < 0:
                sh.error(f"Illegal option -{letter}")
            if optstring[where + 1 : where + 2] != ":":
                found.append((letter, ""))
                continue
            if i < len(word):
                found.append((letter, word[i:]))
            elif at < len(args):
                found.append((letter, args[at]))
                at += 1
            else:
                sh.error(f"No arg for -{letter} option")
            break
    return found, args[at:]


def number(sh: Shell, text: str) -> int:
    """A decimal number that fits an int."""
    if not is_number(text):
        sh.error(f"Illegal number: {text}")
    return int(text)
