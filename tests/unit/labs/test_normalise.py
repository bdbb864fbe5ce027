"""What is made equal, and what is not."""

from __future__ import annotations

import pytest

from vshell.labs.normalise import Normaliser


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ether 58:9c:fc:10:a0:e2", "ether <mac1>"),
        (
            "ether 58:9c:fc:00:00:01 ff:ff:ff:ff:ff:ff 01:00:5e:00:00:01",
            "ether 58:9c:fc:00:00:01 ff:ff:ff:ff:ff:ff 01:00:5e:00:00:01",
        ),
        ("fe80::5a9c:fcff:fe10:a0e2%epair0a", "<ll1>%epair0a"),
        ("ff02::1:ff10:a0e2", "<sn1>"),
        ("time=0.317 ms", "time=<t> ms"),
        ("round-trip min/avg/max/stddev = 0.1/0.2/0.3/0.1 ms", "round-trip min/avg/max/stddev = <t>/<t>/<t>/<t> ms"),
        (" 1  10.0.1.1  0.109 ms  0.1 ms", " 1  10.0.1.1  <t> ms  <t> ms"),
        ("expires in 1199 seconds", "expires in <s> seconds"),
        ("0xfffff80003e7c000", "<ptr1>"),
        ("10:20:30.123456 IP", "<clock> IP"),
        ("Sun Nov 22 21:08:08 UTC 2026", "<date>"),
        ("-sh: 3: Syntax error", "<sh>: Syntax error"),
        ("/tmp/a.sh: 3: x: not found", "<sh>: x: not found"),
        ("10.0.0.1  1199  0x1234  21:08", "10.0.0.1  1199  0x1234  21:08"),
    ],
)
def test_forms(text: str, expected: str) -> None:
    """One form each."""
    assert Normaliser()(text) == expected


def test_names_stay() -> None:
    """The same value has the same name through a whole file."""
    n = Normaliser()
    assert n("02:00:00:00:00:0a 02:00:00:00:00:0b") == "<mac1> <mac2>"
    assert n("02:00:00:00:00:0b") == "<mac2>"
