"""less and more at a terminal and without one."""

from __future__ import annotations

import re

import pytest

from tests.unit.commands.text.conftest import Console, Sh

CLEAN = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r")


def rows(text: str) -> list[str]:
    """What is on the screen after the last time it was cleared."""
    return CLEAN.sub("", text.rpartition("\x1b[2J")[2]).split("\n")


def test_a_window_at_a_time(console: Console) -> None:
    assert rows(console.type("seq 30 | less\n")) == [*map(str, range(1, 10)), ":"]
    assert rows(console.type(" ")) == [*map(str, range(10, 19)), ":"]
    assert rows(console.type("b")) == [*map(str, range(1, 10)), ":"]
    assert rows(console.type("G"))[-2:] == ["30", "(END)"]
    assert "root@vhost" in console.type("q")


def test_lines_and_numbers(console: Console) -> None:
    console.type("seq 30 > f; less f\n")
    assert rows(console.type("2j"))[:2] == [":210", "11"]
    assert rows(console.type("k"))[0] == "2"
    assert rows(console.type("20g"))[0] == "20"
    assert rows(console.type("50p"))[0] == "16"


@pytest.mark.parametrize(
    ("keys", "first"), [("/2\n", "12"), ("/2\nn", "20"), ("/2\nnN", "12"), ("/!1\n", "20"), ("G?^1.\n", "19")]
)
def test_search(console: Console, keys: str, first: str) -> None:
    console.type("seq 10 30 | less\n")
    assert rows(console.type(keys))[0] == first


def test_what_is_not_found(console: Console) -> None:
    console.type("seq 30 | less\n")
    assert "Pattern not found  (press RETURN)" in CLEAN.sub("", console.type("/x\n"))
    assert rows(console.type("\n")) == [":"]


def test_several_files(console: Console) -> None:
    console.type("echo a > a; echo b > b\n")
    assert rows(console.type("less a b\n"))[-1] == "a (file 1 of 2) (END) - Next: b"
    assert rows(console.type(":n"))[0] == "b"
    assert "No next file" in console.type(":n")


def test_how_lines_are_shown(console: Console) -> None:
    console.type("printf 'a\\tb\\001\\n%045d\\n' 7 > f\n")
    shown = rows(console.type("less f\n"))
    assert shown[:3] == ["a       b^A", "0" * 40, "00007"]
    assert rows(console.type("-S"))[1:3] == ["0" * 40, "~"]
    assert rows(console.type("-N"))[0] == "      1 a       b^A"


def test_shell_escape(console: Console) -> None:
    console.type("seq 3 > f; less f\n")
    assert "\nhi\n" in console.type("!echo hi\n")


def test_follow(console: Console) -> None:
    console.type("echo one > f; less f\n")
    assert "Waiting for data" in console.type("F")
    assert rows(console.type("\x03"))[-1] == "(END)"


def test_more_ends_with_the_text(console: Console) -> None:
    assert "--More--(" in console.type("seq 15 | more\n")
    console.type(" ")
    assert "root@vhost" in console.type(" ")
    assert "root@vhost" in console.type("seq 3 | more\n")


def test_no_terminal(sh: Sh) -> None:
    result = sh("seq 2 | less; less nothing; echo $?; less .; less -@ f")
    assert result.stdout == b"1\n2\n1\n"
    assert result.stderr.splitlines() == [
        b"nothing: No such file or directory",
        b". is a directory",
        b'There is no @ option ("less --help" for help)',
    ]
