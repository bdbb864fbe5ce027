"""Which lines differ: two algorithms, as diff(1) has them.

Plain and unified output of files uses Myers' O(ND) algorithm (contrib/libdiff), everything else the one of Hunt and
Szymanski in the form Stone gave it (usr.bin/diff/diffreg.c).  Both find a shortest list of changes, not always the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt

Change = tuple[int, int, int, int]
"""old[a:b] is replaced by new[c:d]."""
Matches = list[tuple[int, int]]


def changes(old: Sequence[str], new: Sequence[str], key: Callable[[str], str], stone: bool, minimal: bool) -> list[Change]:
    """The differences of two lists of lines, in order."""
    numbers: dict[str, int] = {}
    a = [numbers.setdefault(key(line), len(numbers)) for line in old]
    b = [numbers.setdefault(key(line), len(numbers)) for line in new]
    head = 0
    while head < len(a) and head < len(b) and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < len(a) - head and tail < len(b) - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    middle_a, middle_b = a[head : len(a) - tail], b[head : len(b) - tail]
    found = hunt(middle_a, middle_b, minimal) if stone else myers(middle_a, middle_b)
    return [(x + head, y + head, u + head, v + head) for x, y, u, v in blocks(middle_a, middle_b, found)]


def blocks(a: list[int], b: list[int], found: Matches) -> list[Change]:
    """What lies between pairs of equal lines."""
    out: list[Change] = []
    x = y = 0
    for i, j in [*found, (len(a), len(b))]:
        if i > x or j > y:
            out.append((x, i, y, j))
        x, y = i + 1, j + 1
    return out


# Hunt, Szymanski, Stone -------------------------------------------------------------------------------------------
Candidate = tuple[int, int, "Candidate | None"]
"""A pair of equal lines (from 1) and the pair before it on a chain of equal lines."""


def hunt(a: list[int], b: list[int], minimal: bool) -> Matches:
    """Pairs of equal elements on a longest chain; with many equal lines not all are tried, unless `minimal`."""
    places: dict[int, list[int]] = {}
    for i, number in enumerate(b):
        places.setdefault(number, []).append(i + 1)
    bound = len(b) + 1 if minimal else max(256, isqrt(len(a)))
    chains: list[Candidate] = [(0, 0, None)]
    for x, number in enumerate(a, 1):
        extend(chains, x, places.get(number, []), bound)
    out: Matches = []
    at: Candidate | None = chains[-1]
    while at is not None and at[1]:
        out.append((at[0] - 1, at[1] - 1))
        at = at[2]
    out.reverse()
    return out


def extend(chains: list[Candidate], x: int, places: list[int], bound: int) -> None:
    """Line `x` of the old file: chains[n] is the chain of n pairs that ends earliest."""
    previous, old_length, tries = chains[0], 0, 0
    for y in places:
        if y > previous[1]:
            length = position(chains, y)
            if length != old_length + 1:
                previous = chains[length - 1]
            if length == len(chains):
                chains.append((x, y, previous))
                return
            if chains[length][1] > y:
                kept = chains[length]
                chains[length] = (x, y, previous)
                previous, old_length = kept, length
                tries += 1
        if tries >= bound:
            return


def position(chains: list[Candidate], y: int) -> int:
    """The shortest chain that does not end before `y`."""
    if chains[-1][1] < y:
        return len(chains)
    low, high = 0, len(chains)
    while (middle := (low + high) // 2) > low:
        end = chains[middle][1]
        if end > y:
            high = middle
        elif end < y:
            low = middle
        else:
            return middle
    return middle + 1


# Myers ------------------------------------------------------------------------------------------------------------
def myers(a: list[int], b: list[int]) -> Matches:
    """Pairs of equal elements on a shortest edit script."""
    trace: list[dict[int, int]] = []
    reach = {1: 0}
    n, m = len(a), len(b)
    for d in range(n + m + 1):
        trace.append(dict(reach))
        for k in range(-d, d + 1, 2):
            x = reach[k + 1] if k == -d or (k != d and reach[k - 1] < reach[k + 1]) else reach[k - 1] + 1
            y = x - k
            while x < n and y < m and a[x] == b[y]:
                x, y = x + 1, y + 1
            reach[k] = x
            if x >= n and y >= m:
                return backtrack(trace, n, m)
    return []


def backtrack(trace: list[dict[int, int]], x: int, y: int) -> Matches:
    """The path through the recorded states."""
    out: Matches = []
    for d in range(len(trace) - 1, -1, -1):
        reach = trace[d]
        k = x - y
        before = k + 1 if k == -d or (k != d and reach[k - 1] < reach[k + 1]) else k - 1
        px = reach[before] if d else 0
        py = px - before if d else 0
        while x > max(px, 0) and y > max(py, 0):
            x, y = x - 1, y - 1
            out.append((x, y))
        if d:
            x, y = px, py
    out.reverse()
    return out
