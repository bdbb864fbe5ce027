"""bc and dc."""

from __future__ import annotations

import pytest

from vshell.machine import Machine

BC = [
    ("1+2*3; 2^10; -2^2; 7%3; 10/3; (1+2)*3", "7 1024 4 1 3 9"),
    ("scale=4; 10/3; 2/3*3; 7.5%2; sqrt(2); -.5; 0.00; 2^-2; 1.25*1.25", "3.3333 1.9998 0 1.4142 -.5 0 .2500 1.5625"),
    ("a=3; a+=2; a; a++; a; ++a; --a; a--; a; .", "5 5 6 7 6 6 5 5"),
    ("1==1; 2<1; 3>=3; !0; 1&&0; 1||0; 5$; 1.75@1", "1 0 1 1 0 1 5 1.7"),
    ("obase=16; 255; 3.5; obase=2; 10; obase=100; 12345", "FF 3.8 1010  01 23 45"),
    ("ibase=16; FF; ibase=A; FF", "255 99"),
    ("for (i=0; i<3; i++) i\nwhile (i) { i -= 1; if (i==1) break; }\ni", "0 1 2 1"),
    ("define f(n) {\n auto x\n x = n\n if (n < 2) return (1)\n return (x * f(n - 1))\n}\nf(20); x", "2432902008176640000 0"),
    ("define void p(a[], n) { print a[n], \"\\n\" }\nb[2]=9; p(b[], 2)\nlength(b[])", "9 3"),
    ("define r(*a[]) { a[0] = 7; }\nr(c[]); c[0]", "0 7"),
    ("if (1 > 2) 1 else 2\nif (0) 3\nelse 4\n\"text\n\"; print \"a\\tb\\n\"", "2 4 text a\tb"),
    ("length(123.45); length(.001); scale(1.50); abs(-3); modexp(3,4,5)", "5 1 2 3 1"),
    ("2^256", "11579208923731619542357098500868790785326998466564056403945758400791\\ 3129639936"),
    ("/* comment\n over lines */ 1 # rest\n2", "1 2"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "want"), BC)
def test_bc(text: str, want: str) -> None:
    done = Machine().run("bc", stdin=(text + "\n").encode())
    assert (done.stdout.decode().rstrip("\n").replace("\n", " "), done.stderr, done.status) == (want, b"", 0)


def test_math_library() -> None:
    done = Machine().run("bc -l", stdin=b"e(1);l(2);s(1);c(1);a(1);j(0,1);4*a(1);scale=30;e(-2);l(.5);s(10);a(.3);c(-3);l(0)\n")
    assert done.stdout.decode().split() == [
        "2.71828182845904523536", ".69314718055994530941", ".84147098480789650665", ".54030230586813971740",
        ".78539816339744830961", ".76519768655796655144", "3.14159265358979323844",
        ".135335283236612691893999494972", "-.693147180559945309417232121458", "-.544021110889369813404747661851",
        ".291456794477867091995604621432", "-.989992496600445457271572794731",
        "-999999999999999999999999999999.000000000000000000000000000000",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "errors", "status"),
    [
        ("1/0\n2\n", "\nMath error: divide by 0\n    0: (main)\n\n", 1),
        ("define f(x) { return (1/x) }\nf(0)\n", "\nMath error: divide by 0\n    0: f()\n    1: (main)\n\n", 1),
        ("sqrt(-1)\n", "\nMath error: negative number\n    0: (main)\n\n", 1),
        ("g(1)\n", "\nRuntime error: undefined function: g()\n    0: (main)\n\n", 3),
        ("1 +\n", "\nParse error: bad expression\n    <stdin>:1\n\n", 2),
    ],
)
def test_bc_errors(text: str, errors: str, status: int) -> None:
    done = Machine().run("bc", stdin=text.encode())
    assert (done.stdout, done.stderr.decode(), done.status) == (b"", errors, status)


def test_bc_input() -> None:
    run = Machine().run
    assert run(
        "bc -e 'scale = 2' -e '1/3'; echo 'x = read(); x * 2\n21' | bc; echo 6*7 > /tmp/f; bc /tmp/f < /dev/null"
    ).stdout == (b".33\n42\n42\n")
    assert run("bc nosuch").stderr == b"\nFatal error: cannot open file: nosuch\n\n"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("2 3 + p 7 2 / p 10 k 2 v p 2 10 ^ p _5 3 - p", "5 3 1.4142135623 1024 -8"),
        ("1 2 3 f c z p [text] p d Z p", "3 2 1 0 text 4"),
        ("5 sa la la * p 1 Sa 2 Sa La p La p la p", "25 2 1 5"),
        ("[la 1 + d sa p la 3 >b] sb 0 sa 4 [lbx] x lb x", "1 2 3 4"),
        ("16 i FF p A i 2 o 5 p c 10 o 7 2 ~ f 3 4 5 | p", "255 101 1 3 1"),
        ("9 1 :x 8 2 :x 1 ;x 2 ;x + p [a] n [b] P 65 P", "17 abA"),
        ("1 2 r f [q] [2 2 =z 3 p]", "1 2"),
    ],
)
def test_dc(text: str, want: str) -> None:
    done = Machine().run("dc", stdin=(text + "\n").encode())
    assert done.stdout.decode().rstrip("\n").replace("\n", " ") == want, done.stderr


def test_dc_errors() -> None:
    done = Machine().run("echo 1 0 / | dc; echo $?; echo + | dc; echo $?")
    assert done.stdout == b"1\n3\n"
    assert done.stderr.decode() == (
        "\nMath error: divide by 0\n    0: (main)\n\n\nRuntime error: stack has too few elements\n    0: (main)\n\n"
    )
