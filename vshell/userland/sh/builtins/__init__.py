"""The builtin commands (bin/sh/builtins.def)."""

from __future__ import annotations

from vshell.userland.sh.builtins import commands, control, directory, history, jobcontrol, limits, reading, text, variables
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


def table() -> dict[str, Builtin]:
    """Name to builtin."""
    functions = {}
    for module in (commands, control, directory, history, jobcontrol, limits, reading, text, variables):
        functions.update(module.TABLE)
    return {
        name: Builtin(run, name in _SPECIAL, name in _SAFE, bool(run.__code__.co_flags & _COROUTINE), name not in _WRAPPERS)
        for name, run in functions.items()
    }
