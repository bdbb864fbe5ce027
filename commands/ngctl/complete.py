"""Completion for ngctl(8): commands, nodes, hooks, types and messages that are legal in the stack."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from vshell.commands.ngctl.shell import COMMANDS
from vshell.userland.completion import Candidate, Context

NODE_FIRST = frozenset({"config", "connect", "mkpeer", "msg", "name", "rmhook", "show", "shutdown", "status", "types"})


def complete(c: Context) -> Iterator[Candidate]:
    """What fits where."""
    o = c.options("fjn")
    if o.typing == "j":
        yield from c.jails()
        return
    if o.typing == "f":
        yield from c.files()
        return
    if o.typing:
        return
    here = c.inside(o.values.get("j", ""))
    if not o.operands:
        import_module("vshell.commands.ngctl.commands")
        for command in COMMANDS:
            yield Candidate(command.name, command.summary)
        return
    name, given = o.operands[0], o.operands[1:]
    if not given and name in NODE_FIRST:
        yield from here.names("node")
    if name == "mkpeer":
        if len(given) < 2:
            yield from here.names("nodetype")
        else:
            yield from here.names("hook", given[0])
    elif name in ("rmhook", "connect") and given:
        yield from here.names("hook", given[0])
        if name == "connect":
            yield from here.names("node")
    elif name == "msg" and len(given) == 1:
        yield from here.names("message", given[0])
    elif name in ("dot", "read", "write"):
        yield from c.files()
