"""m4."""

from __future__ import annotations

import pytest

from vshell.machine import Machine

CASES = [
    ("define(`x', `[$1|$2|$#|$*|$@]')x x() x(a, b) x((a,b), `c,d')",
     "[||0||] [||1||] [a|b|2|a,b|a,b] [(a,b)|c,d|2|(a,b),c,d|(a,b),c,d]"),
    ("ifdef(`x', yes, no) define(`x')ifdef(`x', yes, no) undefine(`x')ifdef(`x', yes, no)", "no yes no"),
    ("ifelse(a, b, 1, c, c, 2, 3) ifelse(a, b, 1) ifelse(a, a, `1,2')", "2  1,2"),
    ("eval(1 + 2 * 3) eval((1 + 2) * 3) eval(7 / -2) eval(-7 % 3) eval(1 << 4 | 1) eval(255, 16) eval(5, 2, 6)",
     "7 9 -3 -1 17 ff 000101"),
    ("eval(2147483647 + 1) eval(!0 && ~0) eval(010) eval(0x1F)", "-2147483648 1 8 31"),
    ("len(`abc') index(abcd, cd) index(a, b) substr(abcdef, 2, 3) substr(abc, 1) translit(hello, `el', `ip') translit(abc, b)",
     "3 2 -1 cde bc hippo ac"),
    ("incr(9) decr(0) `quoted `more'' dnl this goes\nnext", "10 -1 quoted `more' next"),
    ("divert(2)two\ndivert(1)one\ndivert(-1)gone\ndivert`'zero divnum\n", "zero 0\n\none\ntwo"),
    ("divert(1)kept\ndivert(0)undivert(1)after", "kept\nafter"),
    ("pushdef(`x', 1)pushdef(`x', 2)x popdef(`x')x popdef(`x')x", "2 1 x"),
    ("define(`a', `b')define(`c', defn(`a'))c shift(1, a, 3) define(`e', defn(`eval'))e(2+2)", "b b,3 4"),
    ("changequote([, ])[quoted] changequote`x' changecom(//)# len(ab) // len(ab)", "quoted x # 2 // len(ab)"),
    ("# define(x)\nerrprint(`e')syscmd(`echo out')sysval esyscmd(`printf a-b')", "# define(x)\nout\n0 a-b"),
    ("define(`for', `ifelse(eval($1 > $2), 1, , `$1 for(incr($1), $2)')')for(1, 4)m4wrap(`end')", "1 2 3 4 \nend"),
    ("unix sinclude(nosuch)len define index", "unix len define index"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "want"), CASES)
def test_expansion(text: str, want: str) -> None:
    done = Machine().run("m4", stdin=(text + "\n").encode())
    assert (done.stdout.decode().rstrip("\n"), done.status) == (want, 0)


def test_files_and_options() -> None:
    script = """cd /tmp; mkdir inc; echo 'define(WHO, world)dnl' > inc/who.m4; echo 'include(who.m4)hello WHO GREETING' > a.m4
        m4 -I inc -D GREETING=hi a.m4; echo 'len(X) m4_len(X)' | m4 -P -DX=one -; m4 -s -I inc a.m4; echo __file__ | m4"""
    assert Machine().run(script).stdout == (
        b'hello world hi\nlen(one) 3\n#line 1 "a.m4"\n#line 1 "inc/who.m4"\n#line 1 "a.m4"\nhello world GREETING\nstdin\n'
    )


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("eval(1/0)", "m4: division by zero in expr 1/0\n"),
        ("`abc", "m4: unclosed quote:\n   stdin at line 1\n"),
        ("define(a,a)a", "m4: stdin at line 1: expanding recursive definition for a.\n"),
        ("include(nosuch)", "m4: stdin at line 1: include(nosuch): No such file or directory\n"),
        ("incr(x)", "m4: stdin at line 1: incr: argument is invalid: x.\n"),
        ("define(`a', `(' a", "m4: unexpected end of input, unclosed parenthesis:\n   stdin at line 1\n"),
    ],
)
def test_errors(text: str, errors: str) -> None:
    done = Machine().run("m4", stdin=text.encode())
    assert (done.stderr.decode(), done.status) == (errors, 1)
