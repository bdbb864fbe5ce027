"""What all tests share: machines are cheap, so each test boots its own."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from vshell.app import tune_memory
from vshell.machine import Machine, Result
from vshell.userland.sh.interp import DEPTH

tune_memory()
# A shell would do it when it starts; hypothesis does not like to see it change.
sys.setrecursionlimit(DEPTH)


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run commands in a fresh machine: run("echo hi").stdout."""

    def call(commands: str, **options: bool | int) -> Result:
        return Machine(**options).run(commands)  # type: ignore[arg-type]

    return call
