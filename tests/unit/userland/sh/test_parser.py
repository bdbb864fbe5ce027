"""The parser: what is complete, where errors are, what a line becomes."""

from __future__ import annotations

import pytest

from vshell.userland.sh.parser import Parser, SyntaxFailure, complete
from vshell.userland.sh.show import commandtext


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("echo a\n", True),
        ("if true\n", False),
        ("if true; then echo a; fi\n", True),
        ("echo 'open\n", False),
        ("echo $(ls\n", False),
        ("cat <<EOF\nx\n", False),
        ("cat <<EOF\nx\nEOF\n", True),
        ("a &&\n", False),
        ("echo a \\\n", False),
        ("echo )\n", True),
        ("f() {\n", False),
        ("case x in\n", False),
        ("", True),
    ],
)
def test_complete(text: str, answer: bool) -> None:
    """What a line editor asks before it gives the text away; an error is complete."""
    assert complete(text) is answer


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("echo\nfi\n", 2, '"fi" unexpected'),
        ("if true; then\n echo\n", 3, 'end of file unexpected (expecting "fi")'),
        ("echo 'a\nb\n", 1, "Unterminated quoted string"),
        ("cat <<X\ntext\nX\n)\n", 4, '")" unexpected'),
        ("for\n", 1, "Bad for loop variable"),
        ("echo $((1", 1, "Missing '))'"),
    ],
)
def test_errors(text: str, line: int, message: str) -> None:
    """Texts and line numbers of syntax errors."""
    parser = Parser(text)
    with pytest.raises(SyntaxFailure) as caught:
        while parser.i < parser.n:
            parser.command()
    assert (caught.value.line, caught.value.text) == (line, message)


@pytest.mark.parametrize(
    "text",
    [
        "sleep 3",
        "echo ${x-default} >file 2>&1",
        "a | b | c",
        "(a; b)",
        "a && b || c",
        "while true; do echo; done",
        "echo ${#x} ${x##*/} $((1+2))",
    ],
)
def test_commandtext(text: str) -> None:
    """What `jobs` shows of a command is the command, where it can be."""
    assert commandtext(Parser(text + "\n").command()) == text


def test_constants() -> None:
    """A command of constant words is known as such, so that running it expands nothing."""
    node = Parser("ifconfig lo0 'a b' \"c\"d\\ e; x\n").command()
    first = node.items[0]  # type: ignore[union-attr]
    assert first.consts == ["ifconfig", "lo0", "a b", "cd e"]  # type: ignore[union-attr]
