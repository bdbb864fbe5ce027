"""The line editor of the rich front end (prompt_toolkit), with its history, completion and colours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from vshell.shell.completion import GuestCompleter
from vshell.shell.highlight import ShLexer
from vshell.shell.journal import state_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from vshell.shell.completion import Reader


def history_path() -> Path:
    """Where typed lines are kept (XDG base directories)."""
    return state_folder() / "history"


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
    reader: Callable[[], Reader | None],
    history: History | None = None,
    input: Input | None = None,
    output: Output | None = None,
) -> PromptSession[str]:
    """An editor for the terminal of a machine; `reader` tells which shell waits there."""
    return PromptSession(
        history=history or open_history(history_path()),
        lexer=ShLexer(),
        completer=GuestCompleter(reader),
        complete_while_typing=False,
        enable_suspend=False,
        mouse_support=False,
        input=input,
        output=output,
    )
