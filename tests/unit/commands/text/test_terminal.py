"""Programs and the terminal: stty, and jobs that read in the background."""

from __future__ import annotations

from tests.unit.commands.text.conftest import Console
from vshell.machine import Machine


def test_stty_without_a_terminal() -> None:
    done = Machine().run("stty -a; echo $?; stty -f /dev/null")
    assert done.stdout == b"1\n"
    assert done.stderr == b"stty: stdin isn't a terminal\nstty: /dev/null isn't a terminal\n"


def test_stty_shows(console: Console) -> None:
    shown = console.type("stty; stty size\n")
    assert "speed 9600 baud;\nlflags: echoe echoke echoctl\noflags: tab0\ncflags: cs8 -parenb\n10 40\n" in shown
    shown = console.type("stty -a | tail -4\n")
    assert "\teol2 = <undef>; erase = ^?; erase2 = ^H; intr = ^C; kill = ^U;\n" in shown
    assert "illegal option -- foo" in console.type("stty foo\n")


def test_stty_changes(console: Console) -> None:
    console.type("stty -echo\n")
    assert "hidden" in console.type("echo hidden\n").replace("echo hidden", "?")
    console.type("stty echo erase x rows 20\n")
    assert "20 40" in console.type("stty size\n")
    assert "\nac\n" in console.type("echo abxc\n")
    shown = console.type("s=$(stty -g); stty raw -echo; stty $s; stty | head -2\n")
    assert "lflags: echoe echoke echoctl" in shown
    assert "erase   \nx" in console.type("stty\n")


def test_reading_in_the_background(console: Console) -> None:
    console.type("cat &\n")
    assert "[1] + Stopped (tty input)     cat" in console.type("jobs\n")
    console.type("fg\n")
    assert console.type("line\n") == "line\nline\n"
    console.type("\x04")
    assert "done" in console.type("echo done\n")
