"""The installed program on a real (pseudo) terminal, driven as a person or expect(1) would."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

pytestmark = pytest.mark.slow

PROMPT = "root@vhost:~ # "
PROGRAM = shutil.which("vshell", path=str(Path(sys.executable).parent)) or f"{sys.executable} -m vshell"
ESCAPE = "\x1b"


class Terminal:
    """A running vshell."""

    def __init__(self, home: Path, term: str, *options: str) -> None:
        environment = {**os.environ, "TERM": term, "HOME": str(home), "XDG_STATE_HOME": str(home / "state")}
        environment["PROMPT_TOOLKIT_NO_CPR"] = "1"  # nobody here answers where the cursor is
        self.home = home
        command = PROGRAM.split() + list(options)
        self.child = pexpect.spawn(command[0], command[1:], env=environment, encoding="utf-8", timeout=20, dimensions=(24, 80))
        self.seen = ""

    def prompt(self) -> str:
        """Wait for the prompt; returns what came before it."""
        self.child.expect_exact(PROMPT)
        before = str(self.child.before)
        self.seen += before + PROMPT
        return before

    def command(self, text: str) -> str:
        """Type a command and return what was shown, up to the next prompt."""
        self.child.sendline(text)
        return self.prompt()

    def ready(self) -> None:
        """Wait until the line editor takes keys: it asks for bracketed paste then."""
        self.child.expect_exact("\x1b[?2004h")

    def end(self) -> int:
        """Wait for the end; returns the exit status."""
        self.child.expect(pexpect.EOF)
        self.seen += str(self.child.before)
        self.child.close()
        return -1 if self.child.exitstatus is None else self.child.exitstatus


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Terminal]:
    """vshell --plain at its first prompt."""
    t = Terminal(tmp_path, "xterm-256color", "--plain")
    t.prompt()
    yield t
    t.child.close(force=True)


@pytest.fixture
def rich(tmp_path: Path) -> Iterator[Terminal]:
    """vshell with its line editor at the first prompt."""
    t = Terminal(tmp_path, "xterm-256color")
    t.prompt()
    t.ready()
    yield t
    t.child.close(force=True)


def test_plain(plain: Terminal) -> None:
    """Echo, output, ^C of a ping, ^D at the prompt; no escape code."""
    assert plain.command("echo $((6 * 7))") == "echo $((6 * 7))\r\n42\r\n"
    plain.child.sendline("ping -c 100 127.0.0.1")
    plain.child.expect("icmp_seq=1")
    plain.child.sendintr()
    assert "packets transmitted" in plain.prompt()
    assert plain.command("false; echo $?").endswith("1\r\n")
    plain.child.sendeof()
    assert plain.end() == 0
    assert ESCAPE not in plain.seen


def test_plain_editing(plain: Terminal) -> None:
    """Backspace, ^U and ^C at the prompt."""
    assert plain.command("echo abx\x7fc").endswith("abc\r\n")
    assert plain.command("garbage\x15echo ok").endswith("ok\r\n")
    plain.child.send("half a comm\x03")
    plain.prompt()
    plain.child.sendline("exit 7")
    assert plain.end() == 7


def test_dumb(tmp_path: Path) -> None:
    """TERM=dumb is as good as --plain."""
    t = Terminal(tmp_path, "dumb")
    t.prompt()
    assert t.command("hostname") == "hostname\r\nvhost\r\n"
    t.child.sendline("exit")
    assert t.end() == 0
    assert ESCAPE not in t.seen


def test_stdin_of_a_command(plain: Terminal) -> None:
    """A program reads what is typed until ^D."""
    plain.child.sendline("cat -n")
    plain.child.sendline("one")
    plain.child.expect("1\tone\r\n")
    plain.child.sendeof()
    plain.prompt()


def test_rich(rich: Terminal) -> None:
    """Commands, ^C of a ping, the status of the shell."""
    rich.child.sendline("echo $((6 * 7))")
    rich.child.expect("42\r\n")
    rich.ready()
    rich.child.sendline("ping 127.0.0.1")
    rich.child.expect("icmp_seq=1")
    rich.child.sendintr()
    rich.child.expect("packets transmitted")
    rich.ready()
    rich.child.sendline("exit 3")
    assert rich.end() == 3


@pytest.mark.parametrize("option", ["--plain", ""])
def test_the_shell_stops_itself(tmp_path: Path, option: str) -> None:
    """The program stops with it, and it goes on when the program does."""
    command = f"set -m; {PROGRAM} {option}; echo stop''ped; fg >/dev/null; echo status $?"
    environment = {**os.environ, "TERM": "xterm", "HOME": str(tmp_path), "PROMPT_TOOLKIT_NO_CPR": "1"}
    child = pexpect.spawn("/bin/bash", ["-c", command], env=environment, encoding="utf-8", timeout=20, dimensions=(24, 80))
    child.expect_exact(PROMPT)
    if not option:
        child.expect_exact("\x1b[?2004h")
    child.sendline("kill -STOP $$; echo go''es on")
    child.expect_exact("stopped\r\n")
    child.expect_exact("goes on\r\n")
    if not option:
        child.expect_exact("\x1b[?2004h")
    child.sendline("exit 3")
    child.expect_exact("status 3\r\n")
    child.close(force=True)


def test_unfinished_command(rich: Terminal) -> None:
    """^C drops it, ^D is a mistake in it; both lead to a clean prompt."""
    rich.child.sendline("if true")
    rich.child.expect_exact("\x1b[0m>")
    rich.child.sendintr()
    rich.ready()
    rich.child.sendline("if echo ne''xt")
    rich.child.expect_exact("\x1b[0m>")
    rich.child.sendeof()
    rich.child.expect_exact('-sh: Syntax error: end of file unexpected (expecting "then")')
    assert "next\r" not in str(rich.child.before)
    rich.ready()
    rich.child.sendline("echo sta''tus $?")
    rich.child.expect("status 2\r\n")
    rich.ready()
    rich.child.sendline("exit 3")
    assert rich.end() == 3


def test_history(rich: Terminal) -> None:
    """A line comes back with the up key, also in the next session."""
    rich.child.sendline("echo fir''st")
    rich.child.expect("first\r\n")
    rich.ready()
    rich.child.send("\x1b[A\r")
    rich.child.expect("first\r\n")
    rich.ready()
    rich.child.sendeof()
    assert rich.end() == 0
    again = Terminal(rich.home, "xterm-256color")
    again.ready()
    again.child.send("\x1b[A\r")
    again.child.expect("first\r\n")
    again.ready()
    again.child.sendeof()
    assert again.end() == 0


def test_real_time(plain: Terminal) -> None:
    """At a terminal a second is a second."""
    shown = plain.command("date +%s; sleep 1; date +%s")
    first, second = (int(n) for n in re.findall(r"^(\d{9,})\r$", shown, re.M))
    assert 1 <= second - first <= 2


def test_pipe() -> None:
    """Without a terminal: commands on standard input, no prompt, no echo."""
    script = b"echo one; sleep 100; echo two; exit 5"
    p = subprocess.run([*PROGRAM.split()], input=script, capture_output=True, timeout=20, check=False)
    assert (p.stdout, p.stderr, p.returncode) == (b"one\ntwo\n", b"", 5)


def test_file(tmp_path: Path) -> None:
    """A file of the host is run as sh runs one; with -i its errors do not end the shell and prompts go to standard error."""
    file = tmp_path / "lab.sh"
    file.write_text('echo "$0 $# $1"\n. /nonexistent\necho after\nexit 4\n')
    p = subprocess.run(
        [*PROGRAM.split(), str(file), "a b"], capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL
    )
    assert (p.stdout, p.returncode) == (f"{file} 1 a b\n".encode(), 127)
    assert b"/nonexistent" in p.stderr
    p = subprocess.run(
        [*PROGRAM.split(), "-i", str(file), "a b"], capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL
    )
    assert p.stdout.endswith(b"after\n")
    assert p.stderr.count(PROMPT.encode()) >= 4
    assert p.returncode == 4
