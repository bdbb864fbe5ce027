"""Completion for jail(8): jails, and the parameters the kernel and jail(8) itself know."""

from __future__ import annotations

from collections.abc import Iterator

from vshell.abi.vshell import NAMES
from vshell.commands.jail.jailp import INTERNAL, PF_BOOL
from vshell.userland.completion import Candidate, Context
from vshell.userland.libjail import JailError, jailparam_init

KERNELS = "security.jail.param."


def complete(c: Context) -> Iterator[Candidate]:
    """Jails where one must be there, parameters where one is described."""
    o = c.options("efJnpsuU")
    if o.typing in ("u", "U"):
        yield from c.users()
    elif o.typing in ("f", "J"):
        yield from c.files()
    elif o.typing:
        return
    elif "r" in o.values or "R" in o.values:
        yield from c.jails()
    elif "f" not in o.values and ("c" in o.values or "m" in o.values):
        if any(word.startswith("command=") for word in o.operands):
            return
        if c.word.startswith("path="):
            for text, about, more in Context(c.sys, c.words, c.word.removeprefix("path="), c.engine).files(folders=True):
                yield Candidate(f"path={text}", about, more)
        elif "m" in o.values and c.word.startswith("name="):
            for name, about in c.sys.vshell(NAMES("jail", "", c.word.removeprefix("name="))):
                yield Candidate(f"name={name}", about)
        else:
            yield from _parameters(c)


def _parameters(c: Context) -> Iterator[Candidate]:
    """Booleans, and with a sign for the value the others."""
    for node, about in c.sys.vshell(NAMES("sysctl", KERNELS + c.word)):
        name = node.removeprefix(KERNELS)
        if name.endswith("."):
            yield Candidate(name, about, True)
            continue
        try:
            param = jailparam_init(c.sys, name)
        except JailError:
            continue
        if "w" in param.flags or "t" in param.flags:
            word = param.boolean or param.jailsys
            yield Candidate(name if word else f"{name}=", about, not word)
    for name, flags in INTERNAL.items():
        if flags and not name.startswith("(") and name not in ("jid", "name"):
            yield Candidate(name if flags & PF_BOOL else f"{name}=", "", not flags & PF_BOOL)
