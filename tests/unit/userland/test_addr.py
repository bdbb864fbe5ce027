"""Text forms of addresses and numbers, checked against the host language's own where it has the same idea of them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vshell.userland.addr import ether_aton, ether_ntoa, inet_aton, inet_ntop, inet_pton, masked, plen2mask
from vshell.userland.cnumber import atoi, strtol

SPARSE = st.lists(st.sampled_from([0, 0, 0, 1, 0x10, 0xABCD]), min_size=8, max_size=8)


@given(st.one_of(st.binary(min_size=16, max_size=16), SPARSE.map(lambda words: b"".join(w.to_bytes(2, "big") for w in words))))
def test_ipv6_text_and_back(addr: bytes) -> None:
    text = inet_ntop(addr)
    assert inet_pton(text) == addr
    if "." not in text:
        assert text == str(ipaddress.IPv6Address(addr))


@given(st.binary(min_size=4, max_size=4))
def test_ipv4_text_and_back(addr: bytes) -> None:
    assert inet_ntop(addr) == str(ipaddress.IPv4Address(addr))
    assert inet_pton(inet_ntop(addr)) == inet_aton(inet_ntop(addr)) == addr


@pytest.mark.parametrize(
    ("text", "addr"),
    [
        ("10", (0, 0, 0, 10)), ("10.1", (10, 0, 0, 1)), ("10.1.258", (10, 1, 1, 2)), ("0x7f.1", (127, 0, 0, 1)),
        ("017.0.0.1", (15, 0, 0, 1)), ("4294967295", (255,) * 4), ("256.0.0.1", None), ("1.2.3.4.5", None), ("1.2.3.", None),
        ("08", None), ("", None), ("1 x", (0, 0, 0, 1)), ("4294967296", None),
    ],
)  # fmt: skip
def test_the_loose_forms_of_inet_aton(text: str, addr: tuple[int, ...] | None) -> None:
    assert inet_aton(text) == (bytes(addr) if addr is not None else None)


@pytest.mark.parametrize(
    "text", ["1.2.3", "1.2.3.4.5", "01.2.3.4x", "1.2.3.256", ":", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7", "g::"]
)
def test_the_strict_forms_of_inet_pton(text: str) -> None:
    assert inet_pton(text) is None


@given(st.integers(0, 32), st.binary(min_size=4, max_size=4))
def test_masks(plen: int, addr: bytes) -> None:
    network = ipaddress.ip_network((addr, plen), strict=False)
    assert plen2mask(plen) == network.netmask.packed
    assert masked(addr, plen) == network.network_address.packed


def test_ethernet() -> None:
    assert ether_ntoa(b"\x02\0\x5e\x10\0\x01") == "02:00:5e:10:00:01"
    assert ether_aton("2:0:5e:10:0:1") == b"\x02\0\x5e\x10\0\x01"
    assert ether_aton("2:0:5e:10:0") is None


@pytest.mark.parametrize(
    ("text", "base", "value", "rest"),
    [("12x", 10, 12, "x"), ("0x1f", 0, 31, ""), ("017", 0, 15, ""), ("-5", 10, -5, ""), ("x", 10, 0, "x"), ("  7", 10, 7, "")],
)
def test_strtol(text: str, base: int, value: int, rest: str) -> None:
    assert strtol(text, base)[:2] == (value, rest)


def test_atoi_stops_at_the_first_stranger() -> None:
    assert [atoi(text) for text in ("12", "12abc", "abc", "-3 4", "")] == [12, 12, 0, -3, 0]
