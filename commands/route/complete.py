"""Completion for route(8), out of the tables the parser reads."""

from __future__ import annotations

from collections.abc import Iterator

from vshell.commands.route.keywords import COMMANDS, FLUSH_MODIFIERS, MODIFIERS, MONITOR_MODIFIERS
from vshell.userland.completion import Candidate, Context, words


def complete(c: Context) -> Iterator[Candidate]:
    """A command, then modifiers and what each takes."""
    o = c.options("j")
    if o.typing == "j":
        yield from c.jails()
        return
    if o.typing:
        return
    here = c.inside(o.values.get("j", ""))
    if not o.operands:
        yield from words(COMMANDS)
        return
    if o.operands[0] in ("change", "del", "delete", "get", "show"):
        yield from here.names("route")
    last = o.operands[-1].removeprefix("-") if len(o.operands) > 1 else ""
    if o.operands[-1].startswith("-") and last in MODIFIERS and MODIFIERS[last][0]:
        if MODIFIERS[last][0] == "interface":
            yield from here.interfaces()
        return
    if last in ("iface", "interface") or "-iface" in o.operands or "-interface" in o.operands:
        yield from here.interfaces()
    legal = {"flush": FLUSH_MODIFIERS, "monitor": MONITOR_MODIFIERS}.get(o.operands[0], tuple(MODIFIERS))
    for name in legal:
        yield Candidate("-" + name, MODIFIERS[name][1])
    if o.operands[0] in ("add", "change", "del", "delete", "get", "show"):
        yield Candidate("default", "the route of last resort")
