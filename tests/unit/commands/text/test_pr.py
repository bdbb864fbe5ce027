"""pr."""

from __future__ import annotations

import pytest

from tests.unit.commands.text.conftest import Sh

FILES = {"a": "".join(f"{i}\n" for i in range(1, 11)), "b": "x\ny\n"}


@pytest.mark.parametrize(
    ("script", "out"),
    [
        ("pr -t -3 a", "1\t\t\t5\t\t\t9\n2\t\t\t6\t\t\t10\n3\t\t\t7\n4\t\t\t8\n"),
        ("pr -t -3 -a -w 30 a", "1\t  2\t    3\n4\t  5\t    6\n7\t  8\t    9\n10\n"),
        ("pr -tm -w 20 a b | head -3", "1\t  x\n2\t  y\n3\n"),
        ("pr -t -s: -2 a", "1:6\n2:7\n3:8\n4:9\n5:10\n"),
        ("pr -tn:3 b; pr -td b; pr -to 3 b", "  1:x\n  2:y\nx\n\ny\n\n   x\n   y\n"),
        ("touch -t 202601020304 b; pr -l 13 b | head -6", "\n\nJan  2 03:04 2026 b Page 1\n\n\nx\n"),
        ("pr -l 15 -h 'my title' a | grep -c title; pr -l 15 a | wc -l; pr +2 -l 15 -F a | tail -1 | od -c | head -1",
         "2\n      30\n0000000   \\f                                                            \n"),
        ("printf 'a\\tb\\n' | pr -t -e4; printf '        c\\n' | pr -t -i", "a   b\n\tc\n"),
    ],
)  # fmt: skip
def test_pages(sh: Sh, script: str, out: str) -> None:
    assert sh(script, FILES).stdout.decode() == out


@pytest.mark.parametrize(
    ("script", "errors"),
    [
        ("pr nosuch", "pr: cannot open nosuch, No such file or directory\n"),
        ("pr -l 0 a 2>&1 >/dev/null | head -1 >&2", "pr: number of lines must be 1 or more\n"),
        ("pr -a a 2>&1 | head -1 >&2", "pr: -a flag requires multiple columns\n"),
        ("pr -40 a 2>&1 | head -1 >&2", "pr: page width is too small for 40 columns\n"),
    ],
)
def test_errors(sh: Sh, script: str, errors: str) -> None:
    assert sh(script, FILES).stderr.decode() == errors
