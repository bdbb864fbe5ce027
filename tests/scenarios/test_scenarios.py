"""Every scenario replays whole."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from vshell.labs.replay import replay
from vshell.labs.report import differences
from vshell.machine import open_session

TOP = Path(__file__).resolve().parents[2]
SCENARIOS = [TOP / "README.md", *sorted((TOP / "scenarios").glob("*.md"))]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda p: p.stem)
def test_scenario(path: Path) -> None:
    """Its console blocks say what the machine answers."""
    result = replay(path, partial(open_session))
    assert result.steps and result.title
    assert not result.different and not result.panics, "\n".join(differences([result]))
