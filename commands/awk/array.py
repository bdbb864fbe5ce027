"""awk values and arrays (contrib/one-true-awk/tran.c).

A value is a float, a str, or a StrNum: a string that came from outside and looks like a number.  An array is a dict
that can tell in which order the real awk's hash table would list it.
"""

from __future__ import annotations

from itertools import islice
from typing import Union

NSYMTAB, GROWTAB, FULLTAB = 50, 4, 2


class StrNum(str):
    """A string with the STR and NUM flags both."""

    __slots__ = ("num",)
    num: float


def strnum(text: str, number: float) -> StrNum:
    """Make one."""
    value = StrNum(text)
    value.num = number
    return value


Value = Union[float, str]  # noqa: UP007 (evaluated at run time)
UNINIT = strnum("", 0.0)
"""The value of what was never set."""


def hash_of(key: str) -> int:
    """tran.c: hash, before the modulus; characters are signed."""
    h = 0
    for byte in key.encode("utf-8", "surrogateescape"):
        h = (h * 31 + (byte if byte < 128 else byte - 256)) & 0xFFFFFFFF
    return h


class Array(dict[str, Value]):
    """An associative array.

    A dict keeps the order of insertion, and the hash table's order follows from it: new elements go to the head of
    their chain, and a growing table moves them chain by chain.  As long as nothing is deleted that can be worked out
    when a loop asks for it; deleting from a table that has grown works it out first.
    """

    __slots__ = ("_chains", "_done")

    def __init__(self) -> None:
        super().__init__()
        self._chains: list[list[str]] = []
        """Chains of the table, each with its head last; empty until needed."""
        self._done = 0
        """How many of the dict's keys are in the chains."""

    def __missing__(self, key: str) -> Value:
        self[key] = UNINIT
        return UNINIT

    def order(self) -> list[str]:
        """The keys as `for (k in a)` meets them."""
        self._update()
        return [key for chain in self._chains for key in reversed(chain)]

    def delete(self, key: str) -> None:
        """delete a[key]."""
        if key not in self:
            return
        if len(self) > NSYMTAB * FULLTAB or self._chains:
            self._update()
            self._chains[hash_of(key) % len(self._chains)].remove(key)
            self._done -= 1
        del self[key]

    def empty(self) -> None:
        """delete a."""
        self.clear()
        self._chains = []
        self._done = 0

    def _update(self) -> None:
        """Bring the chains up to date."""
        if not self._chains:
            self._chains = [[] for _ in range(NSYMTAB)]
            self._done = 0
        for key in list(islice(self, self._done, None)):
            self._done += 1
            if self._done > FULLTAB * len(self._chains):
                self._grow()
            self._chains[hash_of(key) % len(self._chains)].append(key)

    def _grow(self) -> None:
        """rehash."""
        size = GROWTAB * len(self._chains)
        chains: list[list[str]] = [[] for _ in range(size)]
        for chain in self._chains:
            for key in reversed(chain):
                chains[hash_of(key) % size].append(key)
        self._chains = chains
