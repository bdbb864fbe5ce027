"""Completion for ifconfig(8), out of the tables the parser reads."""

from __future__ import annotations

from collections.abc import Iterator

from vshell.commands.ifconfig.keywords import ARG, ARG2, FLAG, OPTARG, Cmd, cmd_lookup, commands, families, family_by_name
from vshell.userland.completion import Candidate, Context

TAKES = {ARG: 1, OPTARG: 1, ARG2: 2, FLAG: 0}


def complete(c: Context) -> Iterator[Candidate]:
    """Interfaces, then keywords and what each takes."""
    o = c.options("fGgj")
    if o.typing == "j":
        yield from c.jails()
        return
    if o.typing:
        return
    here = c.inside(o.values.get("j", ""))
    if not o.operands:
        yield from here.interfaces()
        yield from here.names("cloner")
        return
    rest = o.operands[1:]
    if rest and family_by_name(rest[0]) is not None:
        rest.pop(0)
    elif not rest:
        for family in families():
            yield Candidate(family.name, "address family")
    creating = rest[:1] in (["create"], ["plumb"])
    pending, at = _pending(rest, creating)
    if pending is not None:
        yield from _argument(here, pending, at)
        return
    for name, clone in sorted(commands(), key=lambda command: (command[0][:1] in "+-", command[0])):
        if not clone or creating or not rest:
            yield Candidate(name)  # what it means is on the page of the manual


def _pending(words: list[str], creating: bool) -> tuple[Cmd | None, int]:
    """The keyword whose argument is being typed, and which of them; None if a keyword is."""
    while words:
        cmd = (cmd_lookup(words[0], True) if creating else None) or cmd_lookup(words[0], False)
        words = words[1:]
        if cmd is None:
            continue
        takes = TAKES.get(cmd.kind, len(cmd.names))
        if len(words) < takes:
            return cmd, len(words)
        words = words[takes:]
    return None, 0


def _argument(c: Context, cmd: Cmd, at: int) -> Iterator[Candidate]:
    what = cmd.names[min(at, len(cmd.names) - 1)] if cmd.names else ""
    if what.startswith(("interface", "iface")):
        yield from c.interfaces()
    elif what == "jail":
        yield from c.jails()
