"""tar: appending, changed names, and what it says when it cannot."""

from __future__ import annotations

import pytest

from tests.unit.commands.text.conftest import Sh

FILES = {"a": "1\n", "b": "2\n"}


@pytest.mark.parametrize(
    ("script", "out"),
    [
        ("tar cf t a; tar rf t b; tar tf t; tar uf t a; tar tf t | wc -l", "a\nb\n       2\n"),
        ("tar cf t a; touch -t 203001010000 a; tar uvf t a b; tar tf t; tar tqf t a", "a\na\nb\na\n"),
        ("tar rf new a; tar tf new; tar czf z a; tar rf z b; tar rf /tmp b", "a\n"),
        ("mkdir d; mv a d; tar -s ,d/,e/, -cf t d; tar tf t; tar -s ',a,<~>,p' -tf t", "d/\ne/a\nd/\ne/<a>\n"),
        ("mkdir d; mv a d; tar -s ',\\(.\\)/\\(.\\),\\2\\1,' -xf - < /dev/null; tar cnf t d; tar tf t", "d/\n"),
        ("tar caf t.tgz a; tar tf t.tgz; od -An -tx1 -N2 t.tgz | tr -d ' '; tar xqUf t.tgz && cat a", "a\n1f8b\n1\n"),
        ("tar cf e -T /dev/null; echo $?; tar tf e", "0\n"),
    ],
)
def test_output(sh: Sh, script: str, out: str) -> None:
    assert sh(script, FILES).stdout.decode() == out


@pytest.mark.parametrize(
    ("script", "err"),
    [
        ("tar xf nosuch", "Error opening archive: Failed to open 'nosuch'"),
        ("tar cf /nosuch/t a", "Failed to open '/nosuch/t'"),
        ("tar cf t", "no files or directories specified"),
        ("tar r a", "Cannot append to stdout"),
        ("tar uf nosuch a", "Cannot open nosuch: No such file or directory"),
        ("tar cOf t a", "Option -O is not permitted in mode -c"),
        ("tar -s ,a,b -tf t", "Invalid replacement string"),
        ("tar -s ,a,b,z -tf t", "Invalid replacement flag z"),
        ("tar cf t nosuch", "nosuch: Cannot stat: No such file or directory\ntar: Error exit delayed from previous errors"),
    ],
)
def test_errors(sh: Sh, script: str, err: str) -> None:
    result = sh(script, FILES)
    assert (result.status, result.stderr.decode()) == (1, f"tar: {err}\n")
