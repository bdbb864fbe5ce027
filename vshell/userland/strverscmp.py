"""strverscmp(3): names compare as versions, the numbers in them as numbers."""

from __future__ import annotations

DIGITS = "0123456789"


def _digits(text: str, at: int) -> str:
    end = at
    while end < len(text) and text[end] in DIGITS:
        end += 1
    return text[at:end]


def strverscmp(one: str, two: str) -> int:
    """Less than, equal to or greater than 0.

    Digits that begin with zeros are like those behind a decimal point: more zeros make a smaller number.
    """
    i = j = 0
    while i < len(one) and j < len(two):
        a, b = one[i], two[j]
        if a not in DIGITS or b not in DIGITS:
            if a != b:
                return ord(a) - ord(b)
            i, j = i + 1, j + 1
            continue
        left, right = _digits(one, i), _digits(two, j)
        if a == "0" or b == "0":
            rest, other = left.lstrip("0"), right.lstrip("0")
            zeros = len(left) - len(rest), len(right) - len(other)
            if zeros[0] != zeros[1]:
                return zeros[1] - zeros[0]
            if bool(rest) != bool(other):
                return 1 if other else -1
            common = min(len(rest), len(other))
            if rest[:common] != other[:common]:
                return 1 if rest[:common] > other[:common] else -1
            i, j = i + zeros[0] + common, j + zeros[1] + common
            continue
        if len(left) != len(right):
            return len(left) - len(right)
        if left != right:
            return 1 if left > right else -1
        i, j = i + len(left), j + len(right)
    return (ord(one[i]) if i < len(one) else 0) - (ord(two[j]) if j < len(two) else 0)
