"""The two ways in which time passes at a terminal: with the wall clock, or by jumps to the next event."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from vshell.machine import Machine

BURST = 2000
"""Turns of processes before the keyboard is looked at again."""


class Driver(Protocol):
    """Moves a machine's time."""

    def catch_up(self) -> None:
        """Do what is due, but come back soon."""
        ...

    def delay(self) -> float | None:
        """Seconds until there is more to do; None if nothing happens without input."""
        ...


class Pace:
    """Virtual time keeps up with real time, at a rate."""

    def __init__(self, machine: Machine, waiting: Callable[[], bool] = lambda: False) -> None:
        self.kernel = machine.kernel
        self._waiting = waiting
        """True while the session's shell waits at its prompt: then time stands still if the rate is 0."""
        self.rate = 1.0
        self._anchor()
        self._skip = 0
        self._busy = False

    def _anchor(self) -> None:
        self._real, self._virtual = monotonic_ns(), self.kernel.clock.now

    def set_rate(self, rate: float) -> None:
        """Seconds of the machine per second; 0: real time, but only while a command runs."""
        self._anchor()
        self.rate = rate

    def skip(self, until: int) -> None:
        """Be there as soon as possible."""
        self._skip = max(self._skip, until)

    def now(self) -> int:
        """The uptime the machine should have."""
        if not self.rate and self._waiting():
            self._anchor()
            return self._virtual
        now = self._virtual + int((monotonic_ns() - self._real) * (self.rate or 1.0))
        if now < self._skip:
            self._virtual += self._skip - now
            now = self._skip
        return now

    def catch_up(self) -> None:
        """Events happen in their order and at their own time, up to now."""
        kernel, clock = self.kernel, self.kernel.clock
        now = self.now()
        while not (busy := kernel.step(BURST)):
            deadline = clock.next()
            if deadline is None or deadline > now:
                clock.advance(now)
                busy = kernel.step(BURST)
                break
            clock.advance(deadline)
        self._busy = busy

    def delay(self) -> float | None:
        """Until the next deadline."""
        if self._busy:
            return 0.0
        deadline = self.kernel.clock.next()
        now = self.now()
        if deadline is None or (not self.rate and self._waiting()):
            return None
        return max(0.0, (deadline - now) / (self.rate or 1.0) / 1e9)


class Jump:
    """Time stands still while a program waits for the keyboard and jumps otherwise."""

    def __init__(self, machine: Machine, waiting: Callable[[], bool]) -> None:
        self.kernel = machine.kernel
        self._waiting = waiting
        self._busy = False

    def catch_up(self) -> None:
        """Some events."""
        kernel, clock = self.kernel, self.kernel.clock
        for _ in range(BURST):
            self._busy = True
            if kernel.step(BURST):
                # Somebody computes, or polls for an event that has to come some time.
                kernel.spend(BURST)
                return
            deadline = clock.next()
            if deadline is None or self._waiting():
                self._busy = False
                return
            clock.advance(deadline)

    def delay(self) -> float | None:
        """None while somebody must type first."""
        return 0.0 if self._busy else None
