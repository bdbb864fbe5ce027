"""ed: the line editor."""

from __future__ import annotations

import pytest

from tests.unit.commands.text.conftest import Console, Sh

FIVE = "one\ntwo\nthree\nfour\nfive\n"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("2p", "two"),
        ("$-1,$p", "four five"),
        (",n", "1\tone 2\ttwo 3\tthree 4\tfour 5\tfive"),
        ("/thr/p", "three"),
        ("2\n?o?p", "two one"),
        ("2ka\n5\n'a,.p", "five two three four five"),
        ("1;+2p", "one two three"),
        ("2d\n,p", "one three four five"),
        ("2,3m$\n,p", "one four five two three"),
        ("1t$\n,p", "one two three four five one"),
        ("2,4j\n,p", "one twothreefour five"),
        ("2d\nu\n,p", "one two three four five"),
        ("2a\nnew\n.\n,p", "one two new three four five"),
        ("2i\nnew\n.\n,p", "one new two three four five"),
        ("2,4c\nnew\n.\n,p", "one new five"),
        ("g/o/s/$/!/\n,p", "one! two! three four! five"),
        ("v/o/d\n,p", "one two four"),
        ("g/o/m0\n,p", "four two one three five"),
        ("g/one/a\\\nx\\\ny\n,p", "one x y two three four five"),
        ("1s/\\(.\\)\\(.\\)/\\2\\1/p", "noe"),
        ("5s/./&&/2p", "fiive"),
        (",s/o/0/g\n,p", "0ne tw0 three f0ur five"),
        ("1s/n/\\\n/\n1,2p", "o e"),
        ("1s/o/0\n2s", "0ne tw0"),
        ("3l", "three$"),
        ("=", "5"),
        ("1z2", "one two three"),
        ("!echo hi\n2p", "hi two"),
        ("r !echo x\n6p", "x"),
    ],
)
def test_commands(sh: Sh, script: str, expected: str) -> None:
    result = sh("ed -s f", {"f": FIVE}, (script + "\nQ\n").encode())
    assert result.stdout.decode().split("\n")[:-1] == expected.split(" ")
    assert (result.stderr, result.status) == (b"", 0)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("y", "unknown command"),
        ("9p", "invalid address"),
        ("/x/p", "no match"),
        ("s/x/y/", "no match"),
        ("1q", "unexpected address"),
        ("pz", "invalid command suffix"),
        ("wx", "unexpected command suffix"),
        ("u", "nothing to undo"),
        ("g/o/g/b/p", "cannot nest global commands"),
        ("1,3m2", "invalid destination"),
        ("s/[/x/", "unbalanced brackets ([])"),
        ("kA", "invalid mark character"),
        ("'bp", "invalid address"),
        ("r nothing", "cannot open input file"),
    ],
)
def test_errors_end_a_script(sh: Sh, script: str, reason: str) -> None:
    result = sh("ed -s f", {"f": FIVE}, f"H\n{script}\n".encode())
    assert result.stderr.decode().endswith(f"?\nscript, line 2: {reason}\n")
    assert result.status == 2


def test_files(sh: Sh) -> None:
    result = sh("ed f; echo $?; cat g; ed none; echo $?", {"f": FIVE}, b"1,2w g\nf\n1d\nwq\n")
    assert result.stdout == b"24\n8\nf\n20\n0\none\ntwo\n2\n"
    assert result.stderr == b"none: No such file or directory\n"


def test_unsaved_changes(sh: Sh) -> None:
    result = sh("ed f; echo $?", {"f": FIVE}, b"1d\nq\n")
    assert (result.stdout, result.stderr) == (b"24\n2\n", b"?\n")


def test_at_a_terminal(console: Console) -> None:
    console.type("seq 3 > f; ed -p: f\n")
    console.type("1d\n")
    assert console.type("q\n") == "q\n?\n:"
    assert console.type("h\n") == "h\nwarning: file modified\n:"
    console.type("a\n")
    assert console.type("\x03") == "^C\n?\n:"
    assert "root@vhost" in console.type("q\n")
