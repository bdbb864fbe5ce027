"""host(1): messages of the domain name system, and what is said when nobody answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vshell.commands.host.dns import BadName, ask, labels, number_of, read
from vshell.commands.host.report import reverse
from vshell.machine import Result

Run = Callable[..., Result]


def message(*records: bytes, flags: int = 0x8180) -> bytes:
    """An answer about www.example.org."""
    question = labels("www.example.org") + b"\0\1\0\1"
    counts = (7, flags, 1, len(records), 0, 0)
    return b"".join(value.to_bytes(2, "big") for value in counts) + question + b"".join(records)


def record(kind: int, data: bytes) -> bytes:
    """A record of the name asked for, by a pointer to it."""
    return b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1" + (300).to_bytes(4, "big") + len(data).to_bytes(2, "big") + data


def test_question() -> None:
    """A question has one entry and wants recursion."""
    assert ask(7, "a.b", 28, 1, True) == b"\0\7\1\0\0\1\0\0\0\0\0\0\1a\1b\0\0\x1c\0\1"


def test_answers() -> None:
    """Addresses, names with pointers, texts."""
    records = (1, bytes((192, 0, 2, 1))), (15, b"\0\n\4mail\xc0\x10"), (16, b'\3a"b'), (5, b"\3ftp\xc0\x10")
    packet = read(message(*(record(kind, data) for kind, data in records)))
    assert packet is not None
    assert [rr.data for rr in packet.answer] == ["192.0.2.1", "10 mail.example.org.", '"a\\"b"', "ftp.example.org."]
    assert {rr.owner for rr in packet.answer} == {"www.example.org."}


@pytest.mark.parametrize("data", [b"", b"\0\7\x81\x80\0\1", message(b"\xc0\x0c\0\1"), message(flags=0), message(b"\xc0\x2d" * 9)])
def test_garbage(data: bytes) -> None:
    """What is no answer is none, and ends."""
    assert read(data) is None


def test_names() -> None:
    """Labels and names have limits; types have numbers too."""
    for name in ("a..b", "a" * 64, ".".join(["a" * 60] * 5)):
        with pytest.raises(BadName):
            labels(name)
    assert number_of("type65", {}, "TYPE") == 65
    assert reverse(bytes((10, 0, 0, 1)), "ip6.arpa") == "1.0.0.10.in-addr.arpa."


def test_nobody_answers(run: Run) -> None:
    """Without servers the wait ends with FreeBSD's words."""
    result = run("host -W 1 -R 1 -v www.example.org; echo $?; host -t bogus x; echo $?\n")
    assert result.stdout.decode() == ('Trying "www.example.org"\n;; connection timed out; no servers could be reached\n1\n2\n')
