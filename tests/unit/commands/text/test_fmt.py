"""fmt(1)."""

from __future__ import annotations

import pytest

from tests.unit.commands.text.conftest import Sh


@pytest.mark.parametrize(
    ("script", "out"),
    [
        ("echo one=1 two=22 three=333 | fmt 2", "one=1\ntwo=22\nthree=333\n"),
        ("printf 'This is a line.\\nAnother one?  Yes\\n' | fmt 30 40", "This is a line.  Another one?\nYes\n"),
        ("printf '  in\\n  dented\\nnot\\n' | fmt", "  in dented\nnot\n"),
        ("printf '\\tword\\n' | fmt -l0", "        word\n"),
        ("printf '    word\\n' | fmt -l 4", "\tword\n"),
        ("printf '    first\\nsecond\\nthird\\n' | fmt -p", "    first second third\n"),
        ("printf '.PP  a\\nb\\n' | fmt", ".PP  a\nb\n"),
        ("printf '.PP  a\\nb\\n' | fmt -n", ".PP  a b\n"),
        ("printf 'To: me\\n  too\\nCc: you\\n' | fmt -m", "To: me too\nCc: you\n"),
        ("printf 'To: me\\nCc: you\\n' | fmt", "To: me Cc: you\n"),
        ("printf 'a   b\\n' | fmt -s", "a b\n"),
        ("printf 'a:\\nb\\n' | fmt -d :", "a:  b\n"),
        ("printf 'ab\\n' | fmt -c 6", "  ab\n"),
        ("printf 'xyz\\bZ a\\001b   \\n' | fmt", "xyZ ab\n"),
        ("echo aaa bbb ccc | fmt -7", "aaa bbb\nccc\n"),
        ("fmt -w 0 2>&1; fmt 10 5 2>&1; fmt /nope 2>&1; echo $?", None),
    ],
)
def test_fmt(sh: Sh, script: str, out: str | None) -> None:
    """Lines are filled as the original fills them."""
    wanted = "fmt: width must be positive\nfmt: max length must be >= goal length\nfmt: /nope: No such file or directory\n66\n"
    assert sh(script).stdout.decode() == (wanted if out is None else out)
