"""What the screen looks like: the installed program under several terminals and widths, its output drawn by pyte."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

from tests.acceptance.test_terminal import PROGRAM, PROMPT

pytestmark = pytest.mark.slow

TIMEOUT = 20


class Screen:
    """A running vshell and the screen it draws on."""

    def __init__(self, home: Path, term: str, columns: int, rows: int = 24) -> None:
        environment = {**os.environ, "TERM": term, "HOME": str(home), "XDG_STATE_HOME": str(home / "state")}
        environment.pop("NO_COLOR", None)
        command = PROGRAM.split()
        size = (rows, columns)
        self.child = pexpect.spawn(command[0], command[1:], env=environment, timeout=TIMEOUT, dimensions=size)
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""

    def feed(self) -> None:
        """Draw what has come, and answer where the cursor is if asked."""
        try:
            data: bytes = self.child.read_nonblocking(65536, timeout=0.05)  # type: ignore[assignment]
        except (pexpect.TIMEOUT, pexpect.EOF):
            return
        self.raw += data
        self.stream.feed(data)
        if b"\x1b[6n" in data:
            self.child.send(f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R")

    def lines(self) -> list[str]:
        """The screen without blanks at the ends and empty lines at the bottom."""
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def wait(self, *texts: str) -> list[str]:
        """Until all texts stand on the screen."""
        end = time.monotonic() + TIMEOUT
        while not all(any(text in line for line in self.lines()) for text in texts):
            assert time.monotonic() < end, f"{texts} not in\n" + "\n".join(self.lines())
            self.feed()
        return self.lines()


@pytest.fixture
def screen(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Screen]:
    """A session under the terminal and width of the test's parameters."""
    s = Screen(tmp_path, *request.param)
    yield s
    s.child.close(force=True)


@pytest.mark.parametrize(
    "screen", [(term, columns) for term in ("xterm-256color", "vt100") for columns in (80, 200)], indirect=True
)
def test_session(screen: Screen) -> None:
    """Prompt, state, a completed command, its output, a command in a jail."""
    screen.wait(PROMPT.rstrip(), " vhost | ", "| status 0")
    screen.child.send("jail -c name=r1 vnet persist\r")
    screen.child.send("ifconf\t-l\r")
    screen.wait(PROMPT + "ifconfig -l", "vtnet0 vtnet1 lo0")
    screen.child.send("false\r")
    screen.wait("| status 1")
    screen.child.send("jexec r1\r")
    screen.wait(" r1 (jail 1), its own stack | ")
    screen.child.send("echo $((6 * 7))\r")
    lines = screen.wait("42")
    assert len([line for line in lines if line == "42"]) == 1
    screen.child.send("exit\r")
    screen.wait(" vhost | ")


@pytest.mark.parametrize("screen", [("xterm-256color", 80)], indirect=True)
def test_menu(screen: Screen) -> None:
    """Several choices come as a menu with what they are; the next tab takes the first."""
    screen.wait(" vhost | ")
    screen.child.send("ifconfig vtnet\t\t")
    screen.wait("vtnet0", "vtnet1", "down")
    screen.child.send("\t\r")
    screen.wait("options=")


@pytest.mark.parametrize("screen", [("xterm-256color", 80)], indirect=True)
def test_colours_and_map(screen: Screen) -> None:
    """Keywords are coloured; a map keeps its lines together on 80 columns."""
    screen.wait(" vhost | ")
    screen.child.send("for j in a b; do jail -c name=$j vnet persist; done; ifconfig epair create; ")
    screen.wait("for j in a b")
    row = next(i for i, line in enumerate(screen.screen.display) if "for j in" in line)
    column = screen.screen.display[row].index("for j")
    assert screen.screen.buffer[row][column].fg != "default"
    screen.child.send("ifconfig epair0a vnet a; ifconfig epair0b vnet b; clear; vshell map\r")
    lines = screen.wait("b (jid 2)", " vhost | ")
    assert "│ ○ epair0a   ├─┐" in lines
    assert "│ ○ epair0b   ├─┘" in lines


@pytest.mark.parametrize("screen", [("dumb", 80), ("dumb", 200)], indirect=True)
def test_dumb(screen: Screen) -> None:
    """Not one escape code."""
    screen.wait(PROMPT.rstrip())
    screen.child.send("echo $((6 * 7)); false\r")
    screen.wait("42")
    screen.child.send("echo $?\r")
    screen.wait(PROMPT + "echo $?")
    assert b"\x1b" not in screen.raw


@pytest.mark.parametrize("screen", [("xterm-256color", 80)], indirect=True)
def test_waiting(screen: Screen) -> None:
    """While a command takes its time the title tells; ^C ends it at once, and the title is the host's again."""
    screen.wait(" vhost | ")
    screen.child.send("sleep 60\r")
    end = time.monotonic() + TIMEOUT
    while "sleep 60 (" not in screen.screen.title:
        assert time.monotonic() < end, screen.screen.title
        screen.feed()
    screen.child.send("\x03")
    screen.wait("| status 130")
    assert screen.screen.title == "vshell: vhost"
