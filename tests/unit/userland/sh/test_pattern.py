"""Shell patterns, and trimming with them."""

from __future__ import annotations

import pytest

from vshell.userland.sh.expand import trim
from vshell.userland.sh.nodes import ESC, VSTRIMLEFT, VSTRIMLEFTMAX, VSTRIMRIGHT, VSTRIMRIGHTMAX
from vshell.userland.sh.pattern import match


@pytest.mark.parametrize(
    ("raw", "text", "answer"),
    [
        ("a*c", "abbc", True),
        ("a?c", "ac", False),
        ("[a-c]x", "bx", True),
        ("[!a-c]x", "bx", False),
        ("[]a]", "]", True),
        ("[[:digit:]]*", "5x", True),
        ("[[:nosuch:]]", "n", False),
        ("[abc", "[abc", True),
        (f"{ESC}*", "*", True),
        (f"{ESC}*", "x", False),
        (f"[a{ESC}-z]", "m", False),
        ("*", "", True),
        ("é?", "éa", True),
        ("a**", "a", True),
        ("**", "", True),
        ("*a*b*", "xaxbx", True),
        ("*a*b*", "xbxax", False),
        ("a*a", "a", False),
        ("*ab*b", "xab", False),
        ("*ab*ab", "abab", True),
        ("*?*?*", "x", False),
        ("*[ab]?*c*c", "xbccxc", True),
        ("*a*a*a*a*a*b", "a" * 3000, False),
        ("*a*a*a*a*a*b", "a" * 3000 + "b", True),
        ("*" + "a*" * 100, "a" * 99, False),
    ],
)
def test_match(raw: str, text: str, answer: bool) -> None:
    """What patterns match."""
    assert match(raw, text) is answer


@pytest.mark.parametrize(
    ("operator", "raw", "text", "rest"),
    [
        (VSTRIMLEFT, "*/", "/a/b", "a/b"),
        (VSTRIMLEFTMAX, "*/", "/a/b", "b"),
        (VSTRIMRIGHT, ".*", "a.b.c", "a.b"),
        (VSTRIMRIGHTMAX, ".*", "a.b.c", "a"),
        (VSTRIMRIGHT, "x", "abc", "abc"),
        (VSTRIMLEFT, "a", "aab", "ab"),
    ],
)
def test_trim(operator: int, raw: str, text: str, rest: str) -> None:
    """${x#p} and its kin."""
    assert trim(operator, text, raw) == rest
