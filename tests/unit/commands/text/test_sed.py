"""sed: what the recordings do not show."""

from __future__ import annotations

import pytest

from tests.unit.commands.text.conftest import Sh

FILES = {"n": "1\n2\n3\n4\n5\n", "w": "one two\nthree four\n"}


@pytest.mark.parametrize(
    ("script", "out"),
    [
        ("sed -n '2{p;n;p;}' n", "2\n3\n"),
        ("sed '/2/,/4/d' n", "1\n5\n"),
        ("sed '2,3!d' n", "2\n3\n"),
        ("sed -E 's/(one|one two)/[&]/' w", "[one two]\nthree four\n"),
        ("sed 's/o/0/2;s/e/E/g' w", "onE tw0\nthrEE four\n"),
        ("sed 'y/otw/OTW/' w", "OnE TWO\nThreE fOur\n".replace("E", "e")),
        ("sed -n '$=' n w", "7\n"),
        ("sed '1r w' n | head -3", "1\none two\nthree four\n"),
        ("sed -e '1i\\' -e 'x' n 2>&1 | head -1", "\n"),
        ("sed '$a\\\nlast' n | tail -2", "5\nlast\n"),
        ("sed -n '/one/{s//1/p;}' w", "1 two\n"),
        ("sed -i '' 's/1/one/' n; sed -n 1p n", "one\n"),
        ("sed -n 'H;${x;s/\\n/,/g;p;}' n", ",1,2,3,4,5\n"),
        ("sed 's/[[:digit:]]/<&>/' n | head -1", "<1>\n"),
        ("sed 's/./\\&/' n | head -1", "&\n"),
        ("sed -n '2,4w out' n; cat out", "2\n3\n4\n"),
        ("echo aXb | sed 's/x/-/I'", "a-b\n"),
        ("echo abc | sed 's/\\(a\\)\\(b\\)*/\\2\\1/'", "bac\n"),
        ("printf 'a\\nb' | sed p | od -An -c | tr -s ' '", " a \\n a \\n b b \n"),
        ("sed '#n\nd' n | wc -l | tr -d ' '", "0\n"),
        ("sed -n '/3/!{/5/!p;}' n", "1\n2\n4\n"),
    ],
)
def test_output(sh: Sh, script: str, out: str) -> None:
    assert sh(script, FILES).stdout.decode() == out


def test_script_file(sh: Sh) -> None:
    files = {**FILES, "s": "# comment\n/two/{\n  s/two/2/\n  b\n}\nd\n"}
    assert sh("sed -f s w", files).stdout == b"one 2\n"


def test_backup_and_error_status(sh: Sh) -> None:
    result = sh("sed -i.bak s/1/x/ n /nonexistent; echo $?; head -1 n n.bak", FILES)
    assert result.stdout == b"1\n==> n <==\nx\n\n==> n.bak <==\n1\n"
