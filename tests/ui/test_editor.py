"""The editor's comforts, key by key: suggestions, search, vi, the line of state, and following into a jail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from vshell.machine import Machine
from vshell.shell.config import Config
from vshell.shell.journal import Journal
from vshell.shell.rich import RichTerminal
from vshell.shell.seat import Seat
from vshell.userland.sh.commands import split, unfinished


class Desk:
    """A session with hands on its keyboard."""

    def __init__(self, keys: PipeInput, **settings: bool | str) -> None:
        self.keys = keys
        self.shown = bytearray()
        self.seat = Seat(lambda journal: Machine(), Journal(), paced=False)
        config = Config({"title": False, **{name.replace("_", "-"): value for name, value in settings.items()}})
        history = InMemoryHistory()
        self.rich = RichTerminal(self.seat, config, history=history, input=keys, output=DummyOutput(), put=self.shown.extend)
        self.settle()

    def settle(self) -> None:
        """Until a shell waits at its prompt."""
        while not self.seat.shell.exited and self.rich.reader() is None:
            self.seat.catch_up()

    def type(self, keys: str) -> str:
        """Edit one line with these keys; returns what the machine shows then, with the prompt."""
        del self.shown[:]
        self.keys.send_text(keys)
        self.rich.edit()
        self.settle()
        return self.shown.replace(b"\r\x1b[K", b"").replace(b"\r\n", b"\n").decode()


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    """A keyboard."""
    with create_pipe_input() as pipe:
        yield pipe


def test_reverse_search(keys: PipeInput) -> None:
    """Ctrl-R finds a former line."""
    desk = Desk(keys)
    desk.type("echo one\r")
    desk.type("true\r")
    assert desk.type("\x12one\r\r") == "one\nroot@vhost:~ # "


def test_suggestion(keys: PipeInput) -> None:
    """The right arrow takes the rest of a former line; without suggestions it does not."""
    desk = Desk(keys)
    desk.type("echo former\r")
    session = desk.rich.session
    assert session.auto_suggest is not None
    assert Desk(keys, suggestions=False).rich.session.auto_suggest is None


def test_vi(keys: PipeInput) -> None:
    """Escape and x delete a character in vi's way."""
    desk = Desk(keys, edit_mode="vi")
    assert desk.type("echo abx\x1bx\r") == "ab\nroot@vhost:~ # "


def test_set_o_vi(keys: PipeInput) -> None:
    """The shell's own option does the same, and set -o emacs takes it back."""
    desk = Desk(keys)
    desk.type("set -o vi\r")
    assert desk.type("echo abx\x1bx\r") == "ab\nroot@vhost:~ # "
    desk.type("set -o emacs\r")
    assert desk.type("echo ac\x02b\r") == "abc\nroot@vhost:~ # "


def test_toolbar_follows(keys: PipeInput) -> None:
    """Where one is, and how the last command ended."""
    desk = Desk(keys)
    desk.type("jail -c name=r1 vnet persist; (exit 3)\r")
    assert desk.rich.toolbar().startswith(" vhost | ")
    assert desk.rich.toolbar().endswith("| status 3 ")
    desk.type("jexec r1\r")
    assert desk.rich.toolbar().startswith(" r1 (jail 1), its own stack | ")
    desk.type("exit\r")
    assert desk.rich.toolbar().startswith(" vhost | ")
    assert Desk(keys, toolbar=False).rich.session.bottom_toolbar is None


def test_completion_follows(keys: PipeInput) -> None:
    """In a jail's shell names are the jail's."""
    desk = Desk(keys)
    desk.type("jail -c name=r1 vnet persist; ifconfig epair create >/dev/null; ifconfig epair0a vnet r1; jexec r1\r")
    assert "epair0a" in desk.type("ifconfig epair0\t | head -1\r")


def test_tab_inserts(keys: PipeInput) -> None:
    """One choice goes in at once, with its blank."""
    desk = Desk(keys)
    assert desk.type("ech\thi\r") == "hi\nroot@vhost:~ # "


def test_no_colours(keys: PipeInput) -> None:
    """Neither lexer nor colours then."""
    assert Desk(keys, colours=False).rich.session.lexer is None


@pytest.mark.parametrize(
    ("text", "commands", "rest"),
    [
        ("a\nb", ["a", "b"], ""),
        ("for i in 1; do\necho\ndone\nls", ["for i in 1; do\necho\ndone", "ls"], ""),
        ("cat <<X\na", [], "cat <<X\na"),
        ("a &&", [], "a &&"),
        ("ls )\nb", ["ls )\nb"], ""),
        ("\n\n", [], ""),
    ],
)
def test_split(text: str, commands: list[str], rest: str) -> None:
    """Where commands end."""
    assert split(text) == (commands, rest)
    assert unfinished(text) == bool(rest)


def test_errors_in_red(keys: PipeInput) -> None:
    """Whole lines of standard error, unless colours are off or the output goes elsewhere."""
    desk = Desk(keys)
    assert desk.type("nosuch; echo ok; ls /nosuch\r") == (
        "\x1b[31m-sh: nosuch: not found\x1b[39m\nok\n\x1b[31mls: /nosuch: No such file or directory\x1b[39m\nroot@vhost:~ # "
    )
    assert desk.type("ls /nosuch 2>&1\r") == "ls: /nosuch: No such file or directory\nroot@vhost:~ # "
    assert Desk(keys, colours=False).type("nosuch\r") == "-sh: nosuch: not found\nroot@vhost:~ # "
