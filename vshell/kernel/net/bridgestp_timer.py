"""The timers of a spanning tree port (net/bridgestp.c, bstp_timer_*)."""

from __future__ import annotations

TICK = 256
"""One second in the protocol's unit."""


class Timer:
    """struct bstp_timer."""

    __slots__ = ("active", "latched", "value")

    def __init__(self) -> None:
        self.stop()

    def start(self, value: int) -> None:
        """Run for that long."""
        self.value, self.active, self.latched = value, True, False

    def stop(self) -> None:
        """Do not run."""
        self.value, self.active, self.latched = 0, False, False

    def latch(self) -> None:
        """Run for good."""
        self.active = self.latched = True

    def tick(self) -> bool:
        """A second went by; True if the time is up."""
        if not self.active or self.latched:
            return False
        self.value -= TICK
        if self.value > 0:
            return False
        self.stop()
        return True
