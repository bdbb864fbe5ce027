"""The command line of vshell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vshell.app import Usage, main, parse


def test_command() -> None:
    """-c takes the first operand, the rest are $0, $1 ..."""
    o = parse(["-c", "echo hi", "name", "-x"])
    assert (o.command, o.operands) == ("echo hi", ["name", "-x"])
    o = parse(["-ec", "echo hi"])
    assert (o.command, o.flags) == ("echo hi", ["-e"])


def test_file() -> None:
    """Options end at the first operand."""
    o = parse(["-i", "--seed", "7", "lab.sh", "--seed", "8"])
    assert (o.interactive, o.seed, o.operands, o.replay) == (True, 7, ["lab.sh", "--seed", "8"], False)


def test_options() -> None:
    """All long options, in both forms."""
    o = parse(["--clock=jump", "--kernel", "novimage", "--mount=/a:/b:ro", "--mount", "/c:/d", "--plain", "-s", "x"])
    assert (o.clock, o.vimage, o.plain, o.stdin, o.operands) == ("jump", False, True, True, ["x"])
    assert o.mounts == [("/a", "/b", True), ("/c", "/d", False)]


def test_replay() -> None:
    """The first operand `replay` is the subcommand; after -- or -s it is not."""
    o = parse(["--seed", "1", "replay", "-q", "x.t"])
    assert (o.replay, o.operands) == (True, ["-q", "x.t"])
    assert not parse(["-s", "replay"]).replay


@pytest.mark.parametrize(
    "argv",
    [
        ["-c"],
        ["-Z"],
        ["--seed"],
        ["--seed", "x"],
        ["--clock", "slow"],
        ["--mount", "/a"],
        ["--mount", "/a:b"],
        ["--what"],
        ["--help=1"],
        ["-o"],
    ],
)
def test_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What makes no sense is said in one line, and the status is 2."""
    with pytest.raises(Usage):
        parse(argv)
    assert main(argv) == 2
    assert "usage: vshell" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version and --help."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("vshell ")
    assert main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: vshell")


def test_replay_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file without commands cannot be the same as anything."""
    empty = tmp_path / "x.md"
    empty.write_text("# No console here\n")
    assert main(["replay", str(empty)]) == 1
    assert capsys.readouterr().err == f"vshell replay: {empty}: no commands found\n"


def test_hidden_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder mounted over /bin takes the shell away."""
    assert main(["--mount", f"{tmp_path}:/bin", "-c", "ls"]) == 126
    assert capsys.readouterr().err == "vshell: /bin/sh: No such file or directory\n"


@pytest.mark.parametrize(
    ("command", "stdin", "status"),
    [
        ("--help >&-", "", 0),
        ("-c 'echo x' >&-", "", 0),
        ("-c 'exit 3' 2>&-", "", 3),
        ("<&-", "", 0),
        ("--help > /dev/full", "", 2),
    ],
)
def test_streams_that_fail(command: str, stdin: str, status: int) -> None:
    """Closed and full streams of the caller are no reason for a traceback."""
    shell = ["sh", "-c", f'"$0" -m vshell {command}', sys.executable]
    done = subprocess.run(shell, input="", capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)


def test_interactive_goes_on_after_a_command_without_end() -> None:
    """What can never end is killed, and only that: what runs in the background stays."""
    script = b"sleep 1000 & sleep 1; nc -l 127.0.0.1 99 < /dev/null; echo $?; kill %1 && echo there\n"
    result = subprocess.run([sys.executable, "-m", "vshell", "-i"], input=script, capture_output=True, check=False, timeout=60)
    assert result.stdout.startswith(b"137\nthere\n")
