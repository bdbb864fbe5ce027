"""Fifos in the shell: opening one waits for the other side."""

from __future__ import annotations

from vshell.machine import Machine


def test_open_waits_for_the_other_side() -> None:
    run = Machine().run
    late = run("cd /tmp; mkfifo f; { sleep 3; echo reading; read x < f; echo $x; } & echo late > f; echo opened; wait")
    assert late.stdout == b"reading\nopened\nlate\n"
    assert run("cd /tmp; mkfifo f; { : > f; echo wrote; } & sleep 2; echo before; : < f; wait").stdout == b"before\nwrote\n"
    assert run("cd /tmp; mkfifo f; exec 3<> f; echo x >&3; read y <&3; echo $y").stdout == b"x\n"


def test_open_is_interrupted() -> None:
    done = Machine().run("cd /tmp; mkfifo f; trap 'echo trapped' TERM; { sleep 1; kill $$; } & read x < f; echo $?")
    assert (done.stdout, done.stderr) == (b"trapped\n2\n", b"sh: cannot open f: Interrupted system call\n")
