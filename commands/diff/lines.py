"""Which lines differ: Myers' O(ND) algorithm on line numbers (contrib/libdiff does the same), and the blocks of changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Change = tuple[int, int, int, int]
"""old[a:b] is replaced by new[c:d]."""


def changes(old: Sequence[str], new: Sequence[str], key: Callable[[str], str]) -> list[Change]:
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
    return [(x + head, y + head, u + head, v + head) for x, y, u, v in blocks(middle_a, middle_b)]


def blocks(a: list[int], b: list[int]) -> list[Change]:
    """Changes between two lists of numbers."""
    out: list[Change] = []
    x = y = 0
    for i, j in [*matches(a, b), (len(a), len(b))]:
        if i > x or j > y:
            out.append((x, i, y, j))
        x, y = i + 1, j + 1
    return out


def matches(a: list[int], b: list[int]) -> list[tuple[int, int]]:
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


def backtrack(trace: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    """The path through the recorded states."""
    out: list[tuple[int, int]] = []
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
