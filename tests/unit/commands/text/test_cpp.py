"""cpp."""

from __future__ import annotations

import pytest

from vshell.machine import Machine

CASES = [
    ("#define A 1\nA B A1 \"A\" 'A'", "1 B A1 \"A\" 'A'"),
    ("#define F(x, y) <y x>\nF(1, (2, 3)) F F(a,)", "<(2, 3) 1> F < a>"),
    ('#define S(x) #x\n#define C(a, b) a ## b\nS(a "b") C(x, 1)', '"a \\"b\\"" x1'),
    ("#define V(f, ...) f(__VA_ARGS__)\nV(g, 1, 2)", "g(1, 2)"),
    ("#define X X Y\n#define Y X\nX", "X X"),
    ("#define N 3\n#if N > 2 && defined(N) && !defined M\nyes\n#elif 1\nno\n#else\nno\n#endif", "yes"),
    ("#if 0\n#if 1\nno\n#else\nno\n#endif\n#error no\n#else\nyes\n#endif", "yes"),
    ("#ifdef A\nno\n#endif\n#ifndef A\nyes\n#endif\n#define A\n#undef A\n#ifdef A\nno\n#endif", "yes"),
    ('a /* b\nc */ d // e\n"/* f */"', 'a\n d\n"/* f */"'),
    ("#define LONG 1 \\\n + 2\nLONG __LINE__", "1 + 2 3"),
    ("#if (1 ? 2 : 0) == 2 && 0x10 == 16 && -7 / 2 == -3 && ~0 < 0\nyes\n#endif", "yes"),
]


@pytest.mark.parametrize(("text", "want"), CASES)
def test_preprocessing(text: str, want: str) -> None:
    done = Machine().run("cpp -P", stdin=(text + "\n").encode())
    assert (done.stdout.decode().strip(), done.stderr, done.status) == (want, b"", 0)


def test_files() -> None:
    script = """cd /tmp; mkdir inc; echo '#define IF em0' > inc/if.h
        printf '#include <if.h>\\nvia IF\\n' > a; cpp -P -I inc a; cpp -I inc -DX a out; tail -3 out
        cpp -P -DIF=x -UIF - < inc/if.h"""
    done = Machine().run(script)
    assert done.stdout == b'via em0\n# 1 "inc/if.h" 1\n# 2 "a" 2\nvia em0\n'


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ('#include "no.h"', "<stdin>:1:10: fatal error: 'no.h' file not found\n1 error generated.\n"),
        ("\n#error stop here", "<stdin>:2:2: error: stop here\n1 error generated.\n"),
        ("#if 1/0\n#endif", "<stdin>:1:5: error: division by zero in preprocessor expression\n1 error generated.\n"),
        ("#else", "<stdin>:1:2: error: #else without #if\n1 error generated.\n"),
    ],
)
def test_errors(text: str, errors: str) -> None:
    done = Machine().run("cpp -P", stdin=text.encode())
    assert (done.stderr.decode(), done.status) == (errors, 1)
