"""Arithmetic expansion: values and what is said about mistakes."""

from __future__ import annotations

import pytest

from vshell.userland.sh.arith import ArithError, Arithmetic


def value(text: str, **variables: str) -> int:
    """The value of an expression."""
    return Arithmetic(text, variables.get, variables.__setitem__, False).evaluate()


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1+2*3", 7),
        ("(1+2)*3", 9),
        ("-17/5", -3),
        ("-17%5", -2),
        ("1<<10", 1024),
        ("1?0?4:5:6", 5),
        ("0x1f+010", 39),
        ("9223372036854775807+1", -9223372036854775808),
        ("~0", -1),
        ("2&&3", 1),
        ("0 && (x = 1/0)", 0),
        ("!5 || 0", 0),
    ],
)
def test_values(text: str, result: int) -> None:
    """Precedence, wrap-around, what is not evaluated."""
    assert value(text) == result


def test_assignment() -> None:
    """Assignments give their value and reach the variables."""
    variables = {"x": "6"}
    run = Arithmetic("x <<= 1", variables.get, variables.__setitem__, False)
    assert run.evaluate() == 12
    assert variables["x"] == "12"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1/0", "division by zero"),
        ("1+", "expecting primary"),
        ("1 2", "expecting EOF"),
        ("x++", "expecting EOF"),
        ("++x", "expecting primary"),
        ("1?2", "expecting ':'"),
        ("(1", "expecting ')'"),
        ("v", "variable conversion error"),
        ("1/0 +", "division by zero"),
    ],
)
def test_errors(text: str, reason: str) -> None:
    """The first mistake is the one that is reported."""
    with pytest.raises(ArithError, match=f"^{reason.replace(')', chr(92) + ')')}$"):
        value(text, v="1 2")
