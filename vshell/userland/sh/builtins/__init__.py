"""The builtin commands (bin/sh/builtins.def)."""

from __future__ import annotations

from importlib import import_module

from vshell.userland.sh.builtins import commands, control, directory, variables
from vshell.userland.sh.state import Builtin

_SPECIAL = frozenset(
    [
        ".",
        ":",
        "break",
        "continue",
        "eval",
        "exec",
        "exit",
        "export",
        "readonly",
        "return",
        "set",
        "shift",
        "times",
        "trap",
        "unset",
    ]
)
_SAFE = frozenset(
    [":", "true", "[", "builtin", "command", "echo", "false", "jobid", "jobs", "kill", "printf", "pwd", "test", "times", "type"]
)
_COROUTINE = 0x80
"""CO_COROUTINE of the inspect module, which takes long to import."""
_WRAPPERS = frozenset(("command", "builtin", "exec"))


_LATER = {
    "history": ("fc", "bind"),
    "jobcontrol": ("jobs", "fg", "bg", "wait", "jobid", "kill"),
    "limits": ("umask", "ulimit"),
    "reading": ("read",),
    "text": ("echo", "printf", "test", "[", "let", "wordexp"),
}
"""What is imported when it is first called: most shells that start call none of a module's commands."""


class LateBuiltin(Builtin):
    """A builtin whose module has not been imported: what only the module knows comes with the first look at it."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name
        self.special = name in _SPECIAL
        self.safe = name in _SAFE
        self.plain = name not in _WRAPPERS

    def __getattr__(self, attribute: str) -> object:
        """`run` and `wait`, while they are not there."""
        if attribute not in ("run", "wait"):
            raise AttributeError(attribute)
        run = import_module(f"{__name__}.{self.module}").TABLE[self.name]
        self.run = run
        self.wait = bool(run.__code__.co_flags & _COROUTINE)
        return getattr(self, attribute)


def table() -> dict[str, Builtin]:
    """Name to builtin."""
    found: dict[str, Builtin] = {name: LateBuiltin(module, name) for module, names in _LATER.items() for name in names}
    for module in (commands, control, directory, variables):
        for name, run in module.TABLE.items():
            wait = bool(run.__code__.co_flags & _COROUTINE)
            found[name] = Builtin(run, name in _SPECIAL, name in _SAFE, wait, name not in _WRAPPERS)
    return found
