"""How a file is replayed and what is reported, against a shell that answers from a list."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from vshell.labs import cli
from vshell.labs.replay import MARK, FileResult, replay
from vshell.labs.report import as_json, as_junit, differences, summary

TEXT = "Title\n\n  $ one\n  1\n  $ two\n  2\n  [2]\n  $ three\n"


class Canned:
    """Answers the nth command with the nth answer; None is a shell that hangs."""

    def __init__(self, *answers: tuple[str, int] | None) -> None:
        self.answers = list(answers)
        self.number = -1
        self.panics: list[str] = []

    def feed(self, text: str) -> bytes:
        """One command."""
        if self.number < 0:
            self.number = 0
            return b""
        answer = self.answers[self.number]
        self.number += 1
        if answer is None:
            return b""
        return f"{MARK} {self.number - 1} {answer[1]}\n{answer[0]}\n{MARK} end\n".encode()


def run(tmp_path: Path, *answers: tuple[str, int] | None) -> FileResult:
    """Replay TEXT."""
    area = tmp_path / "area"
    area.mkdir()
    file = area / "file.t"
    file.write_text(TEXT)
    return replay(file, lambda: Canned(*answers))


def test_same(tmp_path: Path) -> None:
    """All as recorded."""
    result = run(tmp_path, ("1\n", 0), ("2\n", 2), ("", 0))
    assert result.title == "Title"
    assert not result.different
    assert summary([result]) == "3/3 commands the same, 1/1 files whole"


def test_different(tmp_path: Path) -> None:
    """Output, status, and a command that never ends."""
    result = run(tmp_path, ("1", 0), ("2\n", 1), None)
    assert [s.index for s in result.different] == [0, 1, 2]
    text = "\n".join(differences([result]))
    assert "only the newline" in text
    assert "exit status 1, expected 2" in text
    assert "did not get to its end" in text
    assert summary([result]) == "0/3 commands the same, 0/1 files whole"


def test_uncounted(tmp_path: Path) -> None:
    """What two recordings did not answer alike is run and not compared."""
    (tmp_path / "uncounted.txt").write_text("area/file.t 1\nother/file.t 0\n")
    result = run(tmp_path, ("1\n", 0), ("?", 0), ("", 0))
    assert not result.different
    assert summary([result]) == "2/2 commands the same, 1/1 files whole"


def test_machine_forms(tmp_path: Path) -> None:
    """JSON and JUnit say the same."""
    result = run(tmp_path, ("1\n", 0), ("\x01", 2), ("", 0))
    rows = json.loads(as_json([result]))[0]["commands"]
    assert [r["same"] for r in rows] == [True, False, True]
    suite = ET.fromstring(as_junit([result]).partition("\n")[2])[0]
    assert suite.attrib["tests"] == "3"
    assert suite.attrib["failures"] == "1"
    assert len(suite.findall("testcase/failure")) == 1


@pytest.mark.parametrize("argv", [[], ["-j"], ["-j", "x", "f"], ["--wrong", "f"], ["/nonexistent.t"]])
def test_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What makes no sense."""
    assert cli.main(argv, Canned) == 2
    assert capsys.readouterr().err.startswith("vshell replay: ")


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit status tells, and files are written."""
    file = tmp_path / "file.t"
    file.write_text(TEXT)
    argv = ["-j1", "--json", str(tmp_path / "o.json"), "--junit", str(tmp_path / "o.xml"), str(tmp_path)]
    assert cli.main(argv, lambda: Canned(("1\n", 0), ("2\n", 2), ("", 0))) == 0
    assert capsys.readouterr().out == "3/3 commands the same, 1/1 files whole\n"
    assert cli.main(["-q", "-j1", str(file)], lambda: Canned(("", 0), ("2\n", 2), ("", 0))) == 1
    assert (tmp_path / "o.json").exists()
    assert (tmp_path / "o.xml").exists()
