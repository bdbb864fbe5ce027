"""Completion for the subcommands."""

from __future__ import annotations

from collections.abc import Iterator

from vshell.commands.vshell import subcommand, subcommands
from vshell.commands.vshell.graph import FORMS
from vshell.userland.completion import Candidate, Context, words

CLOCK = ("pause", "resume", "rate", "step", "run")


def complete(c: Context) -> Iterator[Candidate]:
    """A subcommand, then what it takes."""
    if not c.args:
        for name in subcommands():
            yield Candidate(name, (subcommand(name).__doc__ or "").partition("\n")[0].partition(": ")[2].rstrip("."))
        return
    name = c.args[0]
    last = c.args[-1]
    if (name, last) == ("graph", "-t"):
        yield from words(FORMS)
    elif (name, last) == ("graph", "-o"):
        yield from c.files()
    elif name in ("map", "graph") or (name, last) == ("why", "-j"):
        yield from c.jails()
    elif name == "trace":
        yield from c.command([word for word in c.args[1:] if word != "-a"])
    elif name == "doc" and len(c.args) == 1:
        yield from c.files(folders=True)
    elif name == "clock" and len(c.args) == 1:
        for word in CLOCK:
            yield Candidate(word)
