"""arc4random(9): a small generator of our own, so that a seed determines everything (SplitMix64)."""

from __future__ import annotations

_MASK = (1 << 64) - 1


class Random:
    """A stream of pseudo-random numbers."""

    __slots__ = ("state",)

    def __init__(self, seed: int = 0) -> None:
        self.state = (seed * 0x9E3779B97F4A7C15 + 0x1234567) & _MASK

    def next64(self) -> int:
        """64 random bits."""
        self.state = z = (self.state + 0x9E3779B97F4A7C15) & _MASK
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & _MASK
        return z ^ z >> 31

    def arc4random(self) -> int:
        """32 random bits."""
        return self.next64() >> 32

    def uniform(self, bound: int) -> int:
        """A number from 0 to bound - 1."""
        return self.next64() % bound if bound > 0 else 0

    def bytes(self, count: int) -> bytes:
        """Random bytes."""
        return b"".join(self.next64().to_bytes(8, "big") for _ in range((count + 7) // 8))[:count]
