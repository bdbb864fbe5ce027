"""The shell at a terminal: its prompts, ^C and ^D in the middle of a command."""

from __future__ import annotations

import re

import pytest

from vshell.machine import Machine

PS1 = "root@vhost:~ # "


class Console:
    """A login shell, and what its terminal shows."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.shown = bytearray()
        self.machine.console.output = self.shown.extend
        self.shell = self.machine.login()
        self.type("")

    def type(self, keys: str) -> str:
        """Type; returns what is shown until the shell waits for more."""
        del self.shown[:]
        tty = self.machine.console
        tty.input(keys.encode())
        self.machine.kernel.run(lambda: self.shell.exited or self.shell in tty.rchan.sleepers)
        return self.shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("start", ["if true", "cat <<E", "echo 'a", "echo $(", "f() {", "true &&", "echo \\"])
def test_interrupt_of_an_unfinished_command(start: str) -> None:
    """^C at the second prompt drops the command: the next line begins a new one."""
    c = Console()
    assert c.type(f"{start}\n") == f"{start}\n> "
    assert c.type("\x03") == f"^C\n{PS1}"
    assert c.type("echo $? hi\n") == f"echo $? hi\n130 hi\n{PS1}"


@pytest.mark.parametrize(
    ("start", "error"),
    [
        ("if true", 'Syntax error: end of file unexpected (expecting "then")'),
        ("(", 'Syntax error: end of file unexpected (expecting ")")'),
        ("echo 'a", "Syntax error: Unterminated quoted string"),
    ],
)
def test_end_of_file_in_an_unfinished_command(start: str, error: str) -> None:
    """^D at the second prompt is a mistake in this command, not the end of the shell; at the first it is."""
    c = Console()
    c.type(f"{start}\n")
    assert c.type("\x04") == f"-sh: {error}\n{PS1}"
    assert c.type("echo $? hi\n") == f"echo $? hi\n2 hi\n{PS1}"
    c.type("\x04")
    assert c.shell.exited


def test_a_job_that_stops_itself() -> None:
    """It stops where it is, the shell reports it, and it goes on when it is continued."""
    c = Console()
    shown = c.type("sh -c 'kill -STOP $$; echo back'\n")
    assert shown.endswith(f"\n[1] + Suspended (signal)      sh -c kill -STOP $$; echo back\n{PS1}")
    assert c.type("ps -o stat,comm | grep T\n").endswith(f" T sh\n{PS1}")
    assert c.type("fg; echo $?\n").endswith(f"\nback\n0\n{PS1}")
    assert c.type("/bin/kill -STOP 0; jobs; kill -KILL %1; wait %1; echo $?\n").endswith(f"\n137\n{PS1}")
    assert c.type("jobs\n") == f"jobs\n{PS1}"


def test_status() -> None:
    """^T is not echoed: the terminal reports on the foreground process, on a line of its own."""
    c = Console()
    assert re.fullmatch(r"\nload: 0\.00  cmd: sh \d+ \[ttyin\] 0\.\d\dr 0\.\d\du 0\.00s 0% \d+k\n", c.type("\x14"))
    tty = c.machine.console
    del c.shown[:]
    tty.input(b"sleep 5\n")
    clock = c.machine.kernel.clock
    end = clock.now + 2_500_000_000
    clock.after(2_500_000_000, tty.input, b"\x14")
    c.machine.kernel.run(lambda: clock.now > end)
    report = rb"sleep 5\r\nload: 0\.00  cmd: sleep \d+ \[nanslp\] 2\.\d\dr 0\.\d\du 0\.00s 0% \d+k\r\n"
    assert re.match(report + rb"sleep: about 2 second\(s\) left out of the original 5\r\n", c.shown)


def test_suspend_key() -> None:
    """^Z stops the job in the foreground, not the shell at its prompt."""
    c = Console()
    assert c.type("ab\x1a") == "ab^Z"
    c.type("cat\n")
    assert c.type("\x1a") == f"^Z[1] + Suspended               cat\n{PS1}"
    assert c.type("echo hi\n") == f"echo hi\nhi\n{PS1}"
    assert c.type("fg\n") == "fg\ncat\n"
    assert c.type("to cat\n\x04") == f"to cat\nto cat\n{PS1}"
