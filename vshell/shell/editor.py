"""The line editor of the rich front end (prompt_toolkit), with its history, completion and colours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from vshell.shell.completion import GuestCompleter
from vshell.shell.highlight import ShLexer

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from vshell.kernel.kern.kern_proc import Proc
    from vshell.machine import Machine


def history_path() -> Path:
    """Where typed lines are kept (XDG base directories)."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "vshell" / "history"


def open_history(path: Path) -> History:
    """The history file, or memory where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a"):
            pass
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def make_session(
    machine: Machine,
    reader: Callable[[], Proc | None],
    history: History | None = None,
    input: Input | None = None,
    output: Output | None = None,
) -> PromptSession[str]:
    """An editor for a machine's terminal; `reader` tells which shell waits there."""
    return PromptSession(
        history=history or open_history(history_path()),
        lexer=ShLexer(),
        completer=GuestCompleter(machine, reader),
        complete_while_typing=False,
        enable_suspend=False,
        mouse_support=False,
        input=input,
        output=output,
    )
