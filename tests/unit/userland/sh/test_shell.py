"""The shell as a process: what a script prints, how it ends."""

from __future__ import annotations

import pytest

from vshell.machine import Machine, Session


@pytest.mark.parametrize(
    ("script", "output", "status"),
    [
        ("echo $((1+2)) $(echo a b) `echo c`", "3 a b c\n", 0),
        ("x=1; (x=2); echo $x", "1\n", 0),
        ('set -- "a b" c; for i; do echo "<$i>"; done', "<a b>\n<c>\n", 0),
        ("f() { local x=2; echo $x; return 3; }; x=1; f; echo $? $x", "2\n3 1\n", 0),
        ("echo a | cat | { read x; echo got $x; }", "got a\n", 0),
        ("case abc in x|a*) echo 1;& y) echo 2;; *) echo 3;; esac", "1\n2\n", 0),
        ("cat <<E; echo end\n$((2*3)) \\$x\nE\n", "6 $x\nend\n", 0),
        ("IFS=:; v=a::b; set -- $v; echo $#", "3\n", 0),
        ("trap 'echo bye' EXIT; exit 4", "bye\n", 4),
        ("set -e; false; echo no", "", 1),
        ("sleep 100 & kill $!; wait $!", "", 143),
        ("i=0; while [ $i -lt 3 ]; do i=$((i+1)); [ $i = 2 ] && continue; echo $i; done", "1\n3\n", 0),
        ("cd /; echo /et[c] /e*c; set -f; echo /et*", "/etc /etc\n/et*\n", 0),
        ("exec 3>/tmp/x; echo in file >&3; exec 3>&-; cat /tmp/x", "in file\n", 0),
        ("! true; echo $?; true && false || echo or", "1\nor\n", 0),
        ("x=$(exit 7); echo $?", "7\n", 0),
        ("alias e='echo aliased'\neval e", "aliased\n", 0),
        ("printf '%s-%03d|' a 5; printf '%b' 'x\\ty\\n'", "a-005|x\ty\n", 0),
        ("kill -KILL $$", "", 137),
    ],
)
def test_scripts(script: str, output: str, status: int) -> None:
    """Output and exit status of `sh -c`."""
    result = Machine().run(script)
    assert (result.stdout.decode(), result.status) == (output, status)


@pytest.mark.parametrize(
    ("script", "errors", "status"),
    [
        ("nosuch", "sh: nosuch: not found\n", 127),
        ("if", "sh: Syntax error: end of file unexpected\n", 2),
        ("eval if", "eval: 1: Syntax error: end of file unexpected\n", 2),
        ("echo ${x?gone}", "gone\n", 2),
        ("readonly r=1; r=2", "sh: r: is read only\n", 2),
        ("cat < /nonexistent; exit 0", "sh: cannot open /nonexistent: No such file or directory\n", 0),
        (": > /nonexistent/x; echo no", "sh: cannot create /nonexistent/x: No such file or directory\n", 2),
        ("sh -c 'kill -ABRT $$'; exit 0", "Abort trap (core dumped)\n", 0),
    ],
)
def test_messages(script: str, errors: str, status: int) -> None:
    """What comes on standard error."""
    result = Machine().run(script)
    assert (result.stderr.decode(), result.status) == (errors, status)


def test_interactive_goes_on() -> None:
    """An error at the prompt ends the line and not the shell; jobs have numbers."""
    session = Session(Machine())
    assert session.feed("echo )\n") == b""
    assert b'-sh: Syntax error: ")" unexpected' in session.errors
    assert session.feed("echo $?; sleep 9 & jobs\n") == b"2\n[1] + Running                 sleep 9\n"
    assert session.feed("kill %1; wait; exit 5\n").endswith(b"")
    assert session.ended
    assert session.status == 5


def test_prompt() -> None:
    """PS1 with its sequences, PS2 within a command."""
    session = Session(Machine())
    del session.errors[:]
    session.feed("PS1='\\u@\\h:\\w \\$ '; cd /tmp\n")
    assert bytes(session.errors).endswith(b"root@vhost:/tmp # ")


def test_fork_isolation() -> None:
    """A subshell shares nothing but descriptors."""
    script = "x=1; f() { echo old; }; (x=2; f() { echo new; }; cd /tmp; trap 'echo t' EXIT; umask 077); f; echo $x; pwd; umask"
    assert Machine().run(script).stdout == b"t\nold\n1\n/root\n0022\n"


def test_busy_loop_is_fair() -> None:
    """A loop of builtins lets others run, and virtual time with them."""
    script = "(sleep 0.01; : > /tmp/flag) & while [ ! -e /tmp/flag ]; do :; done; echo over"
    assert Machine().run(script).stdout == b"over\n"
