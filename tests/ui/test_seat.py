"""What a session may do with itself: undo, save and load, a transcript, its clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vshell.abi.vshell import RERUN
from vshell.labs.record import transcribe
from vshell.machine import Machine, open_session
from vshell.shell.drivers import Pace
from vshell.shell.journal import Journal, typed_text
from vshell.shell.seat import Seat

PROMPT = "root@vhost:~ # "


def rerun(journal: Journal, request: RERUN) -> bytes:
    """As the program does it."""
    return transcribe(open_session(seed=journal.seed), request.lines, request.markdown).encode()


Editor = Callable[[str, bytes], bytes] | None


class Typist:
    """Types at a seat, in virtual time."""

    def __init__(self, paced: bool = False, mounts: tuple[tuple[str, str, bool], ...] = (), editor: Editor = None) -> None:
        self.seat = Seat(
            lambda journal: Machine(seed=journal.seed, paced=paced, mounts=mounts), Journal(seed=7), paced, rerun, editor
        )
        self.shown = bytearray()
        self.seat.show = self.shown.extend
        self.settle()

    def settle(self) -> None:
        """Until somebody waits for the keyboard."""
        for _ in range(10_000):
            self.seat.catch_up()
            if self.seat.shell.exited or self.seat.reader_waits():
                break
        self.seat.catch_up()

    def type(self, text: str, one_by_one: bool = False) -> str:
        """Type a line; returns what was shown after its echo, without the prompt."""
        del self.shown[:]
        for piece in [*text, "\r"] if one_by_one else [f"{text}\n"]:
            self.seat.keys(piece.encode())
        self.settle()
        return self.shown.decode().replace("\r\n", "\n").partition("\n")[2].removesuffix(PROMPT)


@pytest.fixture
def typist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Typist:
    """Somebody at a fresh machine."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return Typist()


def test_undo(typist: Typist) -> None:
    """The last commands did not happen, the others did; shell variables too are as they were."""
    typist.type("jail -c name=a vnet persist")
    typist.type("X=1; ifconfig epair create")
    typist.type("X=2; ifconfig epair0a vnet a")
    assert typist.type("vshell undo") == "undone: X=2; ifconfig epair0a vnet a\n"
    assert typist.type("echo $X; ifconfig -l; jls name") == "1\nvtnet0 vtnet1 lo0 epair0a epair0b\na\n"
    assert typist.type("vshell undo 2") == "undone: X=1; ifconfig epair create\nundone: echo $X; ifconfig -l; jls name\n"
    assert typist.type("ifconfig -l; jls name") == "vtnet0 vtnet1 lo0\na\n"


def test_undo_what_is_not_there(typist: Typist) -> None:
    """Nothing happens then."""
    typist.type("true")
    assert typist.type("vshell undo 2; echo $?") == "vshell: undo: there are not 2 commands to undo\n1\n"
    assert typist.type("vshell undo x; echo $?") == "usage: vshell undo [N]\n2\n"


def test_undo_of_edited_and_continued_lines(typist: Typist) -> None:
    """A command of several lines goes as one; keys that edit are seen through."""
    typist.type("echo ax\bb", one_by_one=True)
    typist.type("for i in 1 2; do", one_by_one=True)
    assert typist.type("echo $i; done", one_by_one=True) == "1\n2\n"
    assert typist.type("vshell undo 2") == "undone: echo ab\nundone: for i in 1 2; do\necho $i; done\n"


def test_undo_with_a_job_running(typist: Typist) -> None:
    """Its time does not come sooner for that."""
    typist.type("sleep 1000 &")
    typist.type("true")
    assert typist.type("vshell undo") == "undone: true\n"
    assert typist.type("jobs") == "[1] + Running                 sleep 1000\n"


def test_undo_leaves_the_time_that_had_passed(typist: Typist) -> None:
    """The machine is as it was when the command that is undone was typed."""
    typist.type("sleep 5 &")
    typist.type("sleep 7")
    before = typist.seat.machine.kernel.clock.now
    typist.type("true")
    typist.type("vshell undo")
    assert typist.seat.machine.kernel.clock.now == before


def test_undo_everything(typist: Typist) -> None:
    """The prompt is there at once, as after every command."""
    typist.type("true")
    typist.type("")
    assert typist.type("vshell undo") == "undone: true\n"
    typist.seat.catch_up()
    assert typist.seat.tail == PROMPT.encode()


def test_undo_in_a_shell_in_a_jail(typist: Typist) -> None:
    """What was typed there is undone, not the way there; what read(1) got is no command."""
    typist.type("jail -c name=a vnet persist")
    typist.type("jexec a")
    typist.type("ifconfig lo0 127.0.0.1")
    typist.type("read word")
    typist.type("down")
    typist.type("ifconfig lo0 $word")
    assert typist.type("vshell undo").startswith("undone: ifconfig lo0 $word\n")
    assert typist.type("echo $word; ifconfig lo0 | head -1").startswith("down\nlo0: flags=1008049<UP,")
    typist.type("exit")
    assert typist.type("vshell undo 5").startswith("undone: jexec a\nundone: ifconfig lo0 127.0.0.1\nundone: read word\n")


def test_undo_changes_no_folder_of_the_host(tmp_path: Path) -> None:
    """What commands did there is not done again when they run again; the machine sees in between what it did."""
    typist = Typist(mounts=((str(tmp_path), "/mnt", False),))
    (tmp_path / "old").write_text("old\n")
    for line in (
        "cd /mnt; echo 1 >> log; mkdir d; echo x > d/x; ln -s log link",
        "A=$(cat log; echo 2 >> log; tail -1 log; rm old; ls; cat d/x)",
        "mv d/x d/y; rm log; echo new > log; B=$(cat log d/y)",
        "true",
    ):
        typist.type(line)

    def files() -> dict[str, str]:
        return {str(p.relative_to(tmp_path)): p.read_text() for p in sorted(tmp_path.rglob("*")) if p.is_file()}

    before = files()
    assert before == {"d/y": "x\n", "link": "new\n", "log": "new\n"}
    (tmp_path / "old").write_text("mine\n")
    assert typist.type("vshell undo").startswith("undone: true\n")
    assert files() == {**before, "old": "mine\n"}
    assert typist.type('echo "$B"').startswith("new\nx\n")
    typist.type("echo 3 >> log; mkdir e")
    assert files()["log"] == "new\n3\n"
    assert (tmp_path / "e").is_dir()


def test_undo_does_not_clear_the_screen(typist: Typist) -> None:
    """A sequence that the last command left before the prompt is not shown again."""
    typist.type("printf '\\033[2J\\033[1m'")
    typist.type("true")
    assert typist.type("vshell undo") == "undone: true\n\x1b[1m"


def test_undo_whatever_the_prompts(typist: Typist) -> None:
    """A prompt that looks like the one of a continued command, and the other way round."""
    typist.type("PS1='> ' PS2='# '")
    typist.type("for i in 1; do")
    typist.type("echo $i; done")
    typist.type("true")
    assert typist.type("vshell undo 2") == "undone: for i in 1; do\necho $i; done\nundone: true\n> "


def test_addresses_are_the_same_again(typist: Typist) -> None:
    """What is made again has the same random numbers."""
    typist.type("ifconfig epair create; ifconfig epair0a ether 2>/dev/null >/dev/null")
    mac = typist.type("ifconfig epair0a | grep ether")
    typist.type("true")
    typist.type("vshell undo 2")
    assert typist.type("ifconfig epair0a | grep ether") == mac != ""


def test_save_and_load(typist: Typist) -> None:
    """A session goes on in another process."""
    typist.type("ifconfig epair create; X=saved")
    assert typist.type("vshell save lab.1").startswith("saved to ")
    other = Typist()
    assert other.type("vshell load lab.1") == "1 command typed in this session\n"
    assert other.type("echo $X; ifconfig -l") == "saved\nvtnet0 vtnet1 lo0 epair0a epair0b\n"
    assert other.type("vshell load nosuch; echo $?") == "vshell: load: no such session\n1\n"
    assert other.type("vshell save ../x; echo $?") == "vshell: save: not a name for a session\n1\n"


def test_broken_file(typist: Typist, tmp_path: Path) -> None:
    """A file that is no session is said to be none."""
    folder = tmp_path / "vshell" / "sessions"
    folder.mkdir(parents=True)
    for text in (
        "",
        "{",
        "[]",
        '{"vshell": 1}',
        '{"vshell": 2, "seed": 0}',
        '{"vshell": 1, "seed": 0, "vimage": 1, "lines": [3], "entries": []}',
        '{"vshell": 1, "seed": 0, "vimage": 1, "lines": [[3, "ls"]], "entries": []}',
        '{"vshell": 1, "seed": 0, "vimage": 1, "lines": [], "entries": [[1e30, "ls\\n"]]}',
        '{"vshell": 1, "seed": 0, "vimage": 1, "lines": [], "entries": [[1e999, "ls\\n"]]}',
        '{"vshell": 1, "seed": 0, "vimage": 1, "lines": [], "entries": [[-1, "ls\\n"]]}',
        '{"vshell": 1, "seed": 0, "vimage": 1, "lines": [], "entries": [[5, "ls\\n"], [4, "ls\\n"]]}',
        '{"vshell": 1, "seed": 0, "vimage": 1, "lines": [], "entries": [[5, [0, 80]]]}',
        "[" * 100_000,
    ):
        (folder / "bad.json").write_text(text)
        assert typist.type("vshell load bad") == "vshell: load: the file of the session cannot be used\n"


def test_record(typist: Typist) -> None:
    """A transcript that replays."""
    typist.type("jail -c name=a vnet persist")
    typist.type("jls name; false")
    typist.type("printf abc")
    assert typist.type("vshell record") == (
        "```console\n$ jail -c name=a vnet persist\n$ jls name; false\na\n[1]\n$ printf abc\nabc (no-eol)\n```\n"
    )
    assert (
        typist.type("vshell record -t 2")
        == "  $ printf abc\n  abc (no-eol)\n  $ vshell record\n  vshell: record: only in an interactive session\n  [1]\n"
    )


def test_record_of_shells_in_shells(typist: Typist) -> None:
    """What was typed at them is their input, so it replays."""
    for line in (
        "jail -c name=a vnet persist",
        "jexec a",
        "ifconfig -l",
        "sh",
        "X=1; echo $X",
        "exit",
        "exit",
        "jls name; sh",
        "echo $X",
        "exit 3",
        "",
        "true",
    ):
        typist.type(line)
    assert typist.type("vshell record").split("\n") == [
        "```console",
        "$ jail -c name=a vnet persist",
        "$ jexec a sh <<'EOF'",
        "> ifconfig -l",
        "> sh <<'EOF1'",
        "> X=1; echo $X",
        "> exit",
        "> EOF1",
        "> exit",
        "> EOF",
        "lo0",
        "1",
        "$ { jls name; sh",
        "> } <<'EOF'",
        "> echo $X",
        "> exit 3",
        "> EOF",
        "a",
        "",
        "[3]",
        "$ true",
        "```",
        "",
    ]


@pytest.fixture
def paced() -> Typist:
    """Somebody at a machine that keeps pace with the wall clock."""
    return Typist(paced=True)


def test_clock(paced: Typist) -> None:
    """Skipping takes no time; the rate can be set, and paused."""
    driver = paced.seat.driver
    assert isinstance(driver, Pace)
    paced.type("a=$(date +%s); vshell clock run 100s; echo $(($(date +%s) - a)) > /tmp/x")
    took = int(paced.type("cat /tmp/x"))
    assert 100 <= took <= 130
    paced.type("vshell clock rate 50")
    assert driver.rate == 50
    assert "50 times real time" in paced.type("vshell clock")
    paced.type("vshell clock pause")
    assert driver.rate == 0
    before = paced.seat.machine.kernel.clock.now
    paced.seat.catch_up()
    assert paced.seat.machine.kernel.clock.now == before
    assert "paused between commands" in paced.type("vshell clock")
    paced.type("vshell clock resume")
    assert driver.rate == 1
    assert "not a rate" in paced.type("vshell clock rate x")


def test_clock_that_jumps(typist: Typist) -> None:
    """There is no rate, but one may skip."""
    assert "jumps from event to event" in typist.type("vshell clock")
    assert typist.type("vshell clock rate 2; echo $?") == "vshell: clock: time jumps from event to event here\n1\n"
    assert typist.type("a=$(date +%s); vshell clock run 1m; echo $(($(date +%s) - a))") == "60\n"
    assert typist.type("vshell clock run soon; echo $?").endswith("\n2\n")


@pytest.mark.parametrize(
    ("keys", "line"),
    [(b"abc\r", "abc"), (b"ab\x7fc\n", "ac"), (b"one two\x17three", "one three"), (b"x\x15y", "y"), (b"a\nb\n", "a\nb")],
)
def test_typed_text(keys: bytes, line: str) -> None:
    """Keys that edit."""
    assert typed_text(keys) == line


def test_outside() -> None:
    """In a script there is nobody to ask."""
    result = Machine().run("vshell undo; vshell save x; vshell record")
    assert result.status == 1
    assert result.stderr.decode() == (
        "vshell: undo: only in an interactive session\nvshell: save: only in an interactive session\n"
        "vshell: record: only in an interactive session\n"
    )


def test_editor() -> None:
    """What the host's editor made of a file is part of the session; without leave it is not run."""
    asked: list[tuple[str, bytes]] = []

    def editor(name: str, content: bytes) -> bytes:
        asked.append((name, content))
        if len(asked) > 2:
            raise OSError
        return content + b"more\n"

    typist = Typist(editor=editor)
    typist.type("echo one > /tmp/f; edit /tmp/f; edit /tmp/new")
    assert asked == [("f", b"one\n"), ("new", b"")]
    assert typist.type("cat /tmp/f /tmp/new") == "one\nmore\nmore\n"
    typist.type("vshell undo")
    assert len(asked) == 2
    assert typist.type("cat /tmp/f /tmp/new") == "one\nmore\nmore\n"
    assert typist.type("edit /tmp/f; echo $?").endswith("the editor failed, the file is as it was\n1\n")
    assert "may not be used" in Typist().type("edit /etc/hosts")
    assert typist.type("edit; echo $?") == "usage: edit file\n2\n"
