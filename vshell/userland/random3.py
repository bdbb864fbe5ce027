"""random(3): the additive feedback generator of libc, so that a seed gives the numbers FreeBSD gives."""

from __future__ import annotations

DEGREE, SEPARATION = 31, 3
RAND_MAX = 0x7FFFFFFF


def _good_rand(x: int) -> int:
    """Park and Miller's minimal standard, as srandom fills its table."""
    x = x % 0x7FFFFFFE + 1
    x = 16807 * (x % 127773) - 2836 * (x // 127773)
    return (x + 0x7FFFFFFF if x < 0 else x) - 1


class Random:
    """One generator; seeded with 1 as a program starts."""

    def __init__(self, seed: int = 1) -> None:
        self.srandom(seed)

    def srandom(self, seed: int) -> None:
        """Seed it."""
        state = [seed & 0xFFFFFFFF]
        for _ in range(1, DEGREE):
            state.append(_good_rand(state[-1]))
        self._state = state
        self._front, self._rear = SEPARATION, 0
        for _ in range(10 * DEGREE):
            self.random()

    def random(self) -> int:
        """The next number, 0 to RAND_MAX."""
        state, front = self._state, self._front
        value = state[front] = (state[front] + state[self._rear]) & 0xFFFFFFFF
        self._front = (front + 1) % DEGREE
        self._rear = (self._rear + 1) % DEGREE
        return value >> 1
