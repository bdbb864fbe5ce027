"""The command line of vshell."""

from __future__ import annotations

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
