"""grep: what the recordings do not show."""

from __future__ import annotations

import pytest

from tests.unit.commands.text.conftest import Sh

TEXT = {"f": "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"}


@pytest.mark.parametrize(
    ("script", "out"),
    [
        ("grep -n -A1 -B1 four f", "3-three\n4:four\n5-five\n"),
        ("grep -A1 -e one -e five f", "one\ntwo\n--\nfive\nsix\n"),
        ("grep -B2 three f", "one\ntwo\nthree\n"),
        ("grep -m2 -c e f", "2\n"),
        ("grep -vn e f", "2:two\n4:four\n6:six\n"),
        ("grep -E 't(wo|hree)$' f", "two\nthree\n"),
        ("grep -oE 'f(i|iv)e*' f", "five\n"),
        ("grep -ob t f", "4:t\n8:t\n"),
        ("grep f -n f", "4:four\n5:five\n"),
        ("grep -c . < f", "7\n"),
        ("grep -e '' -c f", "7\n"),
        ("grep --context=1 -n six f", "5-five\n6:six\n7-seven\n"),
        ("grep -xF five f", "five\n"),
        ("echo 'foo_bar foo' | grep -ow foo", "foo\n"),
        ("printf 'a\\nb\\n' | grep -z -c a", "1\n"),
        # Division of a string among repetitions in exponentially many ways takes no longer than anything else.
        ("jot -b a -s '' 60 | grep -cE '(a+)+b'; jot -b a -s '' 60 | sed -E 's/((a*)*|x)*$/[&]/' | wc -c", "0\n      63\n"),
        ("printf 'x1\\nx2\\n' > g; grep -H --null x1 g | od -An -c | tr -s ' '", " g \\0 x 1 \\n \n"),
        ("echo ABC | grep -io 'b'", "B\n"),
        ("grep -l o f /dev/null", "f\n"),
        ("echo 'é' | grep -o '^.$'", "é\n"),
        ("echo abab | grep '\\(ab\\)\\1' && echo yes", "abab\nyes\n"),
        ("grep 'o\\{2,\\}' f || echo none", "none\n"),
    ],
)
def test_output(sh: Sh, script: str, out: str) -> None:
    result = sh(script, TEXT)
    assert result.stdout.decode() == out
    assert result.stderr == b""


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("-E 'a**'", "repetition-operator operand invalid"),
        ("'a\\{1,0\\}'", "invalid repetition count(s)"),
        ("'[b-a]'", "invalid character range"),
        ("'\\(x'", "parentheses not balanced"),
        ("'[[.nosuch.]]'", "invalid collating element"),
        ("'\\2'", "invalid backreference number"),
        ("'x\\{300\\}'", "invalid repetition count(s)"),
    ],
)
def test_bad_patterns(sh: Sh, pattern: str, message: str) -> None:
    result = sh(f"grep {pattern} f", TEXT)
    assert (result.stderr.decode(), result.status) == (f"grep: {message}\n", 2)


def test_lines_come_as_they_are_found(sh: Sh) -> None:
    """A match goes out at once although the writer lives on."""
    result = sh("(echo hit; sleep 5; echo end >> log) | grep hit >> log; cat log", {"log": ""})
    assert result.stdout == b"hit\nend\n"
