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


def test_a_process_stops_itself() -> None:
    """It does not run the next command before somebody continues it."""
    assert lines("(sleep 3; echo now; kill -CONT $$) & kill -STOP $$; echo later") == ["now", "later"]


def test_a_stopped_process_is_killed() -> None:
    """SIGKILL needs no SIGCONT, other signals do."""
    run = "sh -c 'kill -STOP $$; echo never' & sleep 1; kill -TERM $!; sleep 1; ps -o stat= -p $!; kill -{} $!; wait $!; echo $?"
    assert [line.strip() for line in lines(run.format("CONT"))] == ["T", "143"]
    assert [line.strip() for line in lines(run.format("KILL"))] == ["T", "137"]


def test_an_orphaned_group_is_not_stopped_from_the_terminal() -> None:
    """Nobody could continue it."""
    assert lines("kill -TSTP $$; echo $?") == ["0"]
