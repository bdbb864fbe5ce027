"""Signals: who is spared, who stops (kern_sig.c)."""

from __future__ import annotations

import pytest

from tests.unit.kernel.netinet.lab import lines


@pytest.mark.parametrize("sig", ["HUP", "INT", "KILL", "TERM", "STOP"])
def test_process_1_is_spared(sig: str) -> None:
    """Nothing happens to init, and it goes on to inherit orphans and to reap them."""
    assert lines(f"kill -{sig} 1; echo $?; (sleep 1 &); sleep 2; ps -ax -o pid,comm | grep -c sleep; ps -p 1 -o comm=") == [
        "0",
        "0",
        "init",
    ]
