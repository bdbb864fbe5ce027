"""The kernel's time: integer nanoseconds since boot, and the callouts that wait for it (callout(9), tc_windup).

Nothing here reads the host's clock.  `now` moves in two ways: a driver advances it to the next deadline (or, in paced
use, to what the wall clock says), and work the model charges for (a packet handled, a program started) adds its cost.
"""

from __future__ import annotations

from heapq import heappop, heappush

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

NS = 1_000_000_000
MS = 1_000_000
US = 1_000

BOOTTIME = 1_795_348_800 * NS
"""Seconds since the epoch at which a machine boots unless told otherwise: 2026-11-22 12:00:00 UTC."""


class Callout:
    """One timer (callout(9)).  `when` is the uptime it fires at, -1 while it is not pending."""

    __slots__ = ("_clock", "_entry", "args", "fn", "when")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entry: list[Any] | None = None
        self.fn: Callable[..., object] | None = None
        self.args: tuple[Any, ...] = ()
        self.when = -1

    @property
    def pending(self) -> bool:
        """callout_pending: armed and not yet fired."""
        return self._entry is not None

    def reset(self, delay: int, fn: Callable[..., object], *args: Any) -> None:
        """callout_reset: (re)arm to call fn(*args) in `delay` ns."""
        self.stop()
        self.fn, self.args = fn, args
        clock = self._clock
        self.when = clock.now + (delay if delay > 0 else 0)
        clock.seq += 1
        self._entry = [self.when, clock.seq, self]
        heappush(clock.heap, self._entry)

    def stop(self) -> bool:
        """callout_stop: disarm; True if it was armed."""
        entry = self._entry
        if entry is None:
            return False
        entry[2] = None
        self._entry = None
        self.when = -1
        return True

    def fire(self) -> None:
        """Call the function; used by the clock."""
        self._entry = None
        self.when = -1
        assert self.fn is not None
        self.fn(*self.args)


class Clock:
    """Uptime, wall-clock offset, and the heap of callouts."""

    __slots__ = ("boottime", "heap", "now", "seq")

    def __init__(self, boottime: int = BOOTTIME) -> None:
        self.boottime = boottime
        self.now = 0
        self.seq = 0
        self.heap: list[list[Any]] = []

    def realtime(self) -> int:
        """Nanoseconds since the epoch."""
        return self.boottime + self.now

    def callout(self) -> Callout:
        """A new, unarmed timer (callout_init)."""
        return Callout(self)

    def after(self, delay: int, fn: Callable[..., object], *args: Any) -> Callout:
        """A timer armed for `delay` ns from now."""
        timer = Callout(self)
        timer.reset(delay, fn, *args)
        return timer

    def next(self) -> int | None:
        """Uptime of the next deadline, None if there is none."""
        heap = self.heap
        while heap and heap[0][2] is None:
            heappop(heap)
        return heap[0][0] if heap else None

    def advance(self, to: int) -> None:
        """Move time forward (never back)."""
        if to > self.now:
            self.now = to

    def run_due(self) -> bool:
        """Fire every callout that is due; True if any was."""
        heap = self.heap
        ran = False
        while heap and heap[0][0] <= self.now:
            timer = heappop(heap)[2]
            if timer is not None:
                timer.fire()
                ran = True
        return ran
