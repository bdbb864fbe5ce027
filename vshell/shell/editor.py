"""The line editor of the rich front end (prompt_toolkit), with its history, completion and colours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, get_common_complete_suffix
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition, is_searching, vi_navigation_mode
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout.processors import TabsProcessor
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.search import accept_search
from prompt_toolkit.styles import Style

from vshell.shell.completion import GuestCompleter
from vshell.shell.highlight import ShLexer
from vshell.shell.journal import state_folder
from vshell.userland.sh.commands import unfinished

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from vshell.shell.completion import Reader
    from vshell.shell.config import Config


STYLE = Style.from_dict({"bottom-toolbar": "noreverse fg:ansigray", "bottom-toolbar.text": ""})


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


class EndOfFile(Exception):
    """^D was hit on the empty last line of an unfinished command, whose text this is."""


class ReaderGone(Exception):
    """The shell that waited for the line does so no more; this much had been typed."""


def more_follows() -> bool:
    """True if what is being edited is the beginning of a command."""
    return unfinished(get_app().current_buffer.text)


def bindings() -> KeyBindings:
    """Keys that are ours."""
    keys = KeyBindings()

    @keys.add("tab", filter=~vi_navigation_mode)
    def _complete(event: KeyPressEvent) -> None:
        """Insert what is certain at once, so that keys that follow find it there; then offer a menu."""
        buffer = event.current_buffer
        if buffer.complete_state is not None:
            buffer.complete_next()
            return
        if buffer.document.cursor_position_row and not buffer.document.current_line_before_cursor.strip():
            buffer.insert_text("\t")  # there is nothing to complete: a here-document, or indentation
            return
        found = list(buffer.completer.get_completions(buffer.document, CompleteEvent(completion_requested=True)))
        if len(found) == 1:
            buffer.apply_completion(found[0])
            return
        common = get_common_complete_suffix(buffer.document, found)
        if common:
            buffer.insert_text(common)
        elif found:
            buffer.start_completion(select_first=False)

    @keys.add("enter", filter=Condition(more_follows) & ~vi_navigation_mode & ~is_searching)
    def _next_line(event: KeyPressEvent) -> None:
        """No indentation is added, which would hide the end of a here-document."""
        event.current_buffer.newline(copy_margin=False)

    @keys.add("enter", filter=is_searching)
    def _found(event: KeyPressEvent) -> None:
        """The line that was found is run, as in sh; other keys that end the search edit it."""
        accept_search()
        event.current_buffer.validate_and_handle()

    @keys.add("c-d", filter=Condition(lambda: get_app().current_buffer.text.endswith("\n")))
    def _end(event: KeyPressEvent) -> None:
        event.app.exit(exception=EndOfFile(event.current_buffer.text))

    return keys


def make_session(
    reader: Callable[[], Reader | None],
    toolbar: Callable[[], str],
    config: Config,
    history: History | None = None,
    input: Input | None = None,
    output: Output | None = None,
) -> PromptSession[str]:
    """An editor for the terminal of a machine; `reader` tells which shell waits there, `toolbar` how things stand."""
    if history is None:
        history = open_history(history_path()) if config.on("history") else InMemoryHistory()
    return PromptSession(
        history=history,
        lexer=ShLexer() if config.on("colours") else None,
        color_depth=None if config.on("colours") else ColorDepth.DEPTH_1_BIT,
        completer=GuestCompleter(reader),
        complete_while_typing=config.on("complete-while-typing"),
        auto_suggest=AutoSuggestFromHistory() if config.on("suggestions") else None,
        editing_mode=EditingMode.VI if config.text("edit-mode") == "vi" else EditingMode.EMACS,
        bottom_toolbar=toolbar if config.on("toolbar") else None,
        multiline=Condition(more_follows),
        prompt_continuation=lambda width, line, wraps: "" if wraps else "> ",
        key_bindings=bindings(),
        enable_open_in_editor=False,
        enable_suspend=False,
        mouse_support=config.on("mouse"),
        style=STYLE,
        input_processors=[TabsProcessor(tabstop=8, char1=" ", char2=" ")],
        input=input,
        output=output,
    )
