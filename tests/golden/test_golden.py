"""Every recording of the real system, replayed: what is not on the list of what differs must match, and nothing else."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.golden.ratchet import README, name_of, not_yet, recordings, render
from vshell.labs.replay import replay
from vshell.labs.report import difference
from vshell.machine import open_session

TABLE = not_yet()


@pytest.mark.parametrize("path", recordings(), ids=name_of)
def test_recording(path: Path) -> None:
    """One file, one machine."""
    result = replay(path, partial(open_session))
    assert not result.panics, result.panics[0]
    allowed = TABLE.get(name_of(path), set())
    worse = [s for s in result.different if s.index not in allowed]
    assert not worse, "\n".join(line for s in worse for line in difference(result, s))
    better = allowed - {s.index for s in result.different}
    assert not better, f"commands {sorted(better)} match now: run tests/golden/ratchet.py"


def test_list_names_recordings() -> None:
    """The list speaks of files that are there."""
    assert set(TABLE) <= {name_of(p) for p in recordings()}


def test_table() -> None:
    """README.md is the one that the list makes."""
    assert README.read_text() == render(TABLE)
