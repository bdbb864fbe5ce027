"""The smaller text tools: corners the recordings do not reach."""

from __future__ import annotations

import pytest

from tests.unit.commands.text.conftest import Sh

FILES = {"a": "1\n2\n3\n4\n5\n", "b": "1\n2\nx\n4\n5\n6\n", "words": "pear 3\napple 1\nfig 2\n"}


@pytest.mark.parametrize(
    ("script", "out"),
    [
        ("sort -k2n words", "apple 1\nfig 2\npear 3\n"),
        ("sort -t' ' -k2,2nr -o words words; cat words", "pear 3\nfig 2\napple 1\n"),
        ("printf '%s\\n' 1.10 1.9 1.2 | sort -V", "1.2\n1.9\n1.10\n"),
        ("printf '%s\\n' -1 -2 0 x 1 | sort -n", "-2\n-1\n0\nx\n1\n"),
        ("printf '%s\\n' 1.5 1.25 -0.5 | sort -n", "-0.5\n1.25\n1.5\n"),
        ("printf 'b\\na\\n' | sort -c; echo $?", "1\n"),
        ("diff a b", "3c3\n< 3\n---\n> x\n5a6\n> 6\n"),
        ("diff a a; echo $?", "0\n"),
        ("diff -q a b", "Files a and b differ\n"),
        ("diff -L x -L y -u a b", "--- x\n+++ y\n@@ -1,5 +1,6 @@\n 1\n 2\n-3\n+x\n 4\n 5\n+6\n"),
        ("diff -e a b", "5a\n6\n.\n3c\nx\n.\n"),
        ("printf 'a' > c; printf 'a\\n' > d; diff c d", "1c1\n< a\n\\ No newline at end of file\n---\n> a\n"),
        (
            "mkdir p q; echo 1 > p/f; echo 2 > q/f; echo 3 > q/g; diff -r p q",
            "diff -r p/f q/f\n1c1\n< 1\n---\n> 2\nOnly in q: g\n",
        ),
        ("cmp a b", "a b differ: char 5, line 3\n"),
        ("cmp -l a b", "     5  63 170\n"),
        ("seq 1 3 | xargs -n2 echo", "1 2\n3\n"),
        ("printf 'a b\\nc\\n' | xargs -I{} echo '<{}>'", "<a b>\n<c>\n"),
        ("printf 'x y' | xargs -0 -n1 printf '[%s]'", "[x y]"),
        ("jot -w '%d-' 3", "1-\n2-\n3-\n"),
        ("jot -s ' ' 5 10 2", "10 8 6 4 2\n"),
        ("jot 3 a c", "97\n98\n99\n"),
        ("jot - 1 1e999 2>&1", "jot: impossible stepsize\n"),
        ("seq -w 9 11", "09\n10\n11\n"),
        ("seq 10 -3 1", "10\n7\n4\n1\n"),
        ("seq 1 0.25 2 | tail -1", "2\n"),
        ("tail -r a | head -2", "5\n4\n"),
        ("tail -n +4 a", "4\n5\n"),
        ("head -c 3 a", "1\n2"),
        ("cut -c2- words | head -1", "ear 3\n"),
        ("cut -d ' ' -f2,1 words | tail -1", "fig 2\n"),
        ("echo aabbcc | tr -s a-c", "abc\n"),
        ("echo hello | tr '[:lower:]' '[:upper:]'", "HELLO\n"),
        ("echo 'a-b_c' | tr -cd '[:alnum:]'", "abc"),
        ("printf 'a\\na\\nb\\n' | uniq -c", "   2 a\n   1 b\n"),
        ("comm -12 a b", "1\n2\n"),
        ("paste -d: a a | head -1", "1:1\n"),
        ("wc -l < a | tr -d ' '", "5\n"),
        ("printf 'x' | od -An -tx1 | tr -d ' '", "78\n"),
        ("printf 'AB' | hexdump -e '2/1 \"%02x-\" \"\\n\"'", "41-42-\n"),
        ("hexdump -C words | tail -1", "00000015\n"),
        ("printf 'é\\n' | od -An -c | tr -s ' '", " é ** \\n \n"),
        ("printf 'a b\\nb c\\n' | tsort | tr '\\n' ' '", "a b c "),
        ("split -l 2 a; cat xaa xac", "1\n2\n5\n"),
        ("csplit -s a 3 '/5/'; cat xx01", "3\n4\n"),
        ("column -t words", "pear   3\napple  1\nfig    2\n"),
        ("nl -ba -w2 -s: a | tail -1", " 5:5\n"),
        ("rev words | head -1", "3 raep\n"),
        ("echo abcdef | fold -w4", "abcd\nef\n"),
        ("printf 'a\\tb\\n' | expand | unexpand -a", "a\tb\n"),
        ("yes | head -2", "y\ny\n"),
        ("echo x | tee f1 f2; cat f1 f2", "x\nx\nx\n"),
    ],
)
def test_output(sh: Sh, script: str, out: str) -> None:
    result = sh(script, FILES)
    assert result.stdout.decode() == out


def test_tail_follows(sh: Sh) -> None:
    result = sh("tail -f -n 1 a > out & sleep 1; echo more >> a; sleep 1; kill $!; wait 2>/dev/null; cat out", FILES)
    assert result.stdout == b"5\nmore\n"


def test_a_reader_that_leaves_ends_the_writer(sh: Sh) -> None:
    """SIGPIPE: none of these may run for ever."""
    result = sh(
        "yes | head -1; jot 0 | head -1; yes | awk '{ print NR }' | head -1; yes | sed = | head -1; yes | grep y | head -1"
    )
    assert result.stdout == b"y\n1\n1\n1\ny\n"


def test_clear(sh: Sh) -> None:
    assert sh("clear").stdout == b"\x1b[H\x1b[2J"
    assert sh("TERM=nothing clear").stderr == b"'nothing': unknown terminal type.\n"
