"""The line editor: keystrokes in, what the machine was told and what it showed out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import get_app
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from vshell.abi.signal import SIGKILL
from vshell.machine import Machine
from vshell.shell.config import Config
from vshell.shell.editor import history_path
from vshell.shell.journal import Journal
from vshell.shell.rich import RichTerminal
from vshell.shell.seat import Seat

PROMPT = b"root@vhost:~ # "


class Desk:
    """A session with hands on its keyboard."""

    def __init__(self, keys: PipeInput) -> None:
        self.keys = keys
        self.shown = bytearray()
        self.seat = Seat(lambda journal: Machine(seed=journal.seed), Journal(), paced=False)
        self.rich = RichTerminal(
            self.seat,
            Config({"title": False}),
            history=InMemoryHistory(),
            input=keys,
            output=DummyOutput(),
            put=self.shown.extend,
        )
        self.settle()

    def settle(self) -> None:
        """Let the machine run until a shell waits at its prompt."""
        while not self.seat.shell.exited and self.rich.reader() is None:
            self.seat.catch_up()

    def type(self, keys: str) -> str:
        """Edit one line with these keys; returns what the machine shows then."""
        del self.shown[:]
        self.keys.send_text(keys)
        self.rich.edit()
        self.settle()
        return self.shown.replace(b"\r\x1b[K", b"").replace(b"\r\n", b"\n").removesuffix(PROMPT).decode()


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A fresh machine at its prompt."""
    with create_pipe_input() as keys:
        yield Desk(keys)


def test_prompt(desk: Desk) -> None:
    """The shell's own prompt is the editor's."""
    assert desk.rich.tail == PROMPT


def test_line(desk: Desk) -> None:
    """A line is run, and not echoed a second time."""
    assert desk.type("echo one two\r") == "one two\n"


def test_editing(desk: Desk) -> None:
    """Cursor keys and deletions."""
    assert desk.type("echo ac\x1b[Db\r") == "abc\n"
    assert desk.type("nonsense\x15echo ok\r") == "ok\n"


def test_stopped_in_raw_mode(desk: Desk) -> None:
    """top gives the terminal back when it is stopped, and takes it again; a terminal that stays raw does no harm."""
    termios = desk.seat.tty.termios
    desk.keys.send_text("top\r")
    desk.rich.edit()
    for keys in (b"\x1a", b""):
        for _ in range(100):
            desk.seat.catch_up()
        desk.seat.keys(keys) if keys else None
    desk.settle()
    assert desk.seat.tty.termios == termios
    assert "Suspended" in desk.type("jobs\r")
    desk.type("kill %1; fg\r")
    assert desk.type("stty -icanon -echo\r") == ""
    assert desk.type("echo ok; stty sane\r") == "ok\n"


def test_shell_that_is_killed_while_a_line_is_edited(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line goes on at the prompt of the shell around it."""
    desk.type("sh\r")
    desk.type("X=inner\r")
    inner, catch_up = desk.rich.reader(), desk.seat.catch_up
    assert inner is not None

    def kill() -> None:
        catch_up()
        if get_app().current_buffer.text == "echo [$X":
            inner.sysent.kill(inner.pid, SIGKILL)
            monkeypatch.undo()

    desk.keys.send_text("echo [$X")
    monkeypatch.setattr(desk.seat, "catch_up", kill)
    desk.rich.edit()
    desk.settle()
    assert desk.rich.tail == PROMPT
    assert desk.type("]\r") == "[]\n"


def test_tab_in_a_here_document(desk: Desk) -> None:
    """At the beginning of a further line it is one."""
    assert desk.type("cat <<E\r\tword\rE\r") == "\tword\n"


def test_indented_here_document(desk: Desk) -> None:
    """The next line does not begin with the blanks of the one before."""
    assert desk.type("cat <<E\r  word\rE\r") == "  word\n"


def test_interrupt_forgets_the_rest_of_a_paste(desk: Desk) -> None:
    """As a terminal forgets what was typed ahead."""
    desk.keys.send_text("\x1b[200~cat\necho after\x1b[201~\r")
    desk.rich.edit()
    keyboard, hand = os.pipe()
    try:
        os.write(hand, b"\x03")
        desk.rich.serve(keyboard)
    finally:
        os.close(keyboard)
        os.close(hand)
    assert desk.type("echo $?\r") == "130\n"


def test_search_runs_what_it_found(desk: Desk) -> None:
    """One enter is enough."""
    desk.type("echo before\r")
    desk.type("true\r")
    assert desk.type("\x12bef\r") == "before\n"


def test_history(desk: Desk) -> None:
    """The up key brings the last line back."""
    desk.type("echo before\r")
    assert desk.type("\x1b[A\r") == "before\n"


def test_continuation(desk: Desk) -> None:
    """An unfinished command is edited with all its lines, and the shell does not ask for them."""
    assert desk.type("for i in 1 2; do\recho $i; done\r") == "1\n2\n"
    assert desk.type("cat <<X\ra\rX\r") == "a\n"


def test_pasted_script(desk: Desk) -> None:
    """Several commands at once run one after the other, each with its prompt."""
    first = desk.type("\x1b[200~echo a\nif true; then\necho b\nfi\n\nfalse\x1b[201~\r")
    assert first == "a\n"
    assert desk.type("") == "if true; then\n> echo b\n> fi\nb\n"
    assert desk.type("") == "false\n"
    assert desk.rich.toolbar().endswith("| status 1 ")
    assert desk.type("echo c\r") == "c\n"


def test_interrupt(desk: Desk) -> None:
    """^C drops the line, ^D ends the shell."""
    desk.type("never run\x03")
    assert desk.type("echo $?\r").strip() in ("0", "130")
    desk.type("\x04")
    assert desk.seat.shell.exited


def test_completion(desk: Desk) -> None:
    """Programs for the first word, files for the others."""
    completer = desk.rich.session.completer
    assert completer is not None

    def complete(text: str) -> list[str]:
        return [c.text for c in completer.get_completions(Document(text), None)]  # type: ignore[arg-type]

    assert complete("ifcon") == ["ifconfig "]
    assert "/etc/passwd " in complete("cat /etc/pass")
    assert complete("echo hi | netst") == ["netstat "]
    assert complete("nosuchprogra") == []
    assert "/etc/" in complete("ls /et")


def test_history_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG base directories."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert history_path() == tmp_path / "vshell" / "history"
