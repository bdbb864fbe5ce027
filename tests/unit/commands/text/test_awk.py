"""awk: the language, its hash order, its errors."""

from __future__ import annotations

import pytest

from tests.unit.commands.text.conftest import Sh
from vshell.commands.awk.array import Array, hash_of

FILES = {"t": "a 1\nb 2\nc 3\n", "csv": 'x,"y, z",1\n'}


@pytest.mark.parametrize(
    ("program", "out"),
    [
        ("BEGIN { print 1e6, 1e300 * 10, 0.1 + 0.2, 100000 * 100000, 2 ** 10, -7 % 3 }", None),
        ("BEGIN { print length(), length, NF; $3 = 1; print; print NF }", "0 0 0\n  1\n3\n"),
        ('BEGIN { print substr("hello", 0, 2), substr("hello", 4), substr("x", 2) "." }', "he lo .\n"),
        ("BEGIN { x[1]; x[2]; delete x[1]; for (i in x) print i; print 1 in x, 2 in x }", "2\n0 1\n"),
        ('BEGIN { s = "foo bar foo"; print gsub(/foo/, "x&y", s), s }', "2 xfooy bar xfooy\n"),
        ('BEGIN { print index("abc", "c") > "/dev/stdout"; print toupper("é") }', "3\nÉ\n"),
        (
            'BEGIN { printf "%5.2f|%-6s|%06d|%x|%c%c|%e\\n", 3.14159, "ab", -42, 255, "hi", 65, 12345 }',
            " 3.14|ab    |-00042|ff|hA|1.234500e+04\n",
        ),
        ("function f(n) { if (n <= 1) return 1; return n * f(n - 1) } BEGIN { print f(10) }", "3628800\n"),
        ("function g(a, k) { a[k] = k * 2 } BEGIN { g(z, 4); print z[4] }", "8\n"),
        ('BEGIN { while (i++ < 3) { if (i == 2) continue; print i } do print "once"; while (0) }', "1\n3\nonce\n"),
        ('BEGIN { a = "10"; b = 9; print (a < b), (a + 0 < b) }', "1 0\n"),
        ('BEGIN { "date +%Y" | getline y; print (y > 2000); close("date +%Y") }', "1\n"),
        ('BEGIN { r = system("exit 7"); print r; print "x" | "cat"; close("cat"); print "after" }', "7\nx\nafter\n"),
        ('BEGIN { n = split("a  b", p); print n, p[2]; n = split("a::b", q, ":"); print n }', "2 b\n3\n"),
        ('BEGIN { print match("xaab", "a+"), RSTART, RLENGTH; print "A" "B" > "/dev/stderr" }', "2 2 2\n"),
        ('BEGIN { $0 = "a b c"; NF = 2; print; $5 = "e"; print; print NF }', "a b\na b   e\n5\n"),
        ('BEGIN { printf("%s %d %s\\n", "a" < "b", "3x", 1 == 1.0) }', "1 3 1\n"),
        ("BEGIN { print -3 % 2, 2 ^ 3 ^ 2, !x, !!1, 1 - -1 }", "-1 512 1 1 2\n"),
        ('BEGIN { if (!("k" in m)) m["k"]; for (k in m) n++; print n }', "1\n"),
        ('BEGIN { getline; print $1, NR; getline x < "t"; print x }', "a 1\na 1\n"),
        ('BEGIN { OFS = "-"; $0 = "a b"; $1 = $1; print; print "x", "y" }', "a-b\nx-y\n"),
        ('BEGIN { print substr("héllo", 2, 1), length("héllo"), index("héllo", "l") }', "é 5 3\n"),
        ('BEGIN { print length(ENVIRON["HOME"]) > 0 ? 1 : 0 }', None),
        ("/b/,/c/ { print NR } END { print NR }", "2\n3\n3\n"),
        ("$2 > 1 && $1 ~ /^[bc]$/ { s += $2 } END { print s }", "5\n"),
        ('{ $2 = "" } 1', "a \nb \nc \n"),
        ("NR == 1 { next } { print; nextfile }", "b 2\n"),
        ("END { print $0, NF }", "c 3 2\n"),
        ('{ a[NR] = $1 } END { for (i = NR; i; i--) printf "%s", a[i]; print "" }', "cba\n"),
        ('BEGIN { exit 3 } END { print "end" }', "end\n"),
    ],
)
def test_programs(sh: Sh, program: str, out: str | None) -> None:
    result = sh(f"awk '{program}' t", FILES)
    if out is not None:
        assert result.stdout.decode() == out
    else:
        assert result.status in (0, 2)


def test_comparison_is_not_allowed_in_print(sh: Sh) -> None:
    """awkgram.y: an unparenthesised > is a redirection and == is an error."""
    result = sh("awk 'BEGIN { print 1 == 1 }'")
    assert result.status == 2
    assert result.stderr == (
        b"awk: syntax error at source line 1\n context is\n\tBEGIN { print 1 >>>  == <<< \n"
        b"awk: illegal statement at source line 1\n"
    )


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("BEGIN { print 1 / 0 }", "division by zero"),
        ("BEGIN { f() }", "calling undefined function f"),
        ("BEGIN { print $(-1) }", "trying to access out of range field -1"),
        ('BEGIN { if (x ~ "(") print }', "illegal primary in regular expression ( at "),
        ('BEGIN { getline < "" }', "null file name in print or getline"),
    ],
)
def test_fatal_errors(sh: Sh, program: str, message: str) -> None:
    result = sh(f"awk '{program}'")
    assert result.status == 2
    assert result.stderr.decode() == f"awk: {message}\n source line number 1\n"


def test_errors_tell_record_and_line(sh: Sh) -> None:
    result = sh("awk '{ x = 1\ny = x / ($2 - 2) }' t", FILES)
    assert result.stderr == b"awk: division by zero\n input record number 2, file t\n source line number 2\n"


@pytest.mark.parametrize(
    ("options", "program", "data", "out"),
    [
        ("-F:", "{ print $2 }", "a:b:c\\n", "b\n"),
        ("-F '[0-9]+'", "{ print $2, NF }", "a1b22c\\n", "b 3\n"),
        ("-F '\\t'", "{ print $2 }", "a b\\tc\\n", "c\n"),
        ("-v RS=", '{ print NR ":" $1 "-" $NF }', "\\na b\\nc\\n\\n\\nd\\n", "1:a-c\n2:d-d\n"),
        ("-v RS=';'", '{ printf "[%s]", $0 }', "a;b;c\\n", "[a][b][c\n]"),
        ("-v 'RS=[0-9]'", "{ print }", "a1b2c", "a\nb\nc\n"),
        ("--csv", "{ print NF, $2 }", 'x,"y, z",1\\n', "3 y, z\n"),
        ("-v x='a\\tb'", "BEGIN { print x }", "", "a\tb\n"),
        ("-v n=10", "BEGIN { print (n > 9) }", "", "1\n"),
    ],
)
def test_input(sh: Sh, options: str, program: str, data: str, out: str) -> None:
    assert sh(f"printf '{data}' | awk {options} '{program}'").stdout.decode() == out


def reference_order(keys: list[str], gone: set[int]) -> list[str]:
    """tran.c literally: chains of cells, eager."""
    table: list[list[str]] = [[] for _ in range(50)]
    count = 0
    for n, key in enumerate(keys):
        count += 1
        if count > 2 * len(table):
            bigger: list[list[str]] = [[] for _ in range(4 * len(table))]
            for chain in table:
                for old in chain:
                    bigger[hash_of(old) % len(bigger)].insert(0, old)
            table = bigger
        table[hash_of(key) % len(table)].insert(0, key)
        if n in gone:
            victim = keys[n // 2]
            chain = table[hash_of(victim) % len(table)]
            if victim in chain:
                chain.remove(victim)
                count -= 1
    return [key for chain in table for key in chain]


@pytest.mark.parametrize(("size", "gone"), [(7, set()), (100, {50}), (101, set()), (450, {120, 300, 440}), (2000, {1500})])
def test_hash_order(size: int, gone: set[int]) -> None:
    keys = [f"key{n * 7919}" for n in range(size)]
    array = Array()
    for n, key in enumerate(keys):
        array[key] = 1.0
        if n in gone:
            array.delete(keys[n // 2])
    assert array.order() == reference_order(keys, gone)
