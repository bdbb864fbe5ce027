"""TCP headers and options come back from their bytes as they went in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.wire.strategies import byte, long, payload, word
from vshell.wire.tcp import TCP_MAXOLEN, Tcphdr, Tcpopt, tcp_addoptions, tcp_dooptions, tcp_pack, tcp_unpack

stamps = st.tuples(long, long)
blocks = st.lists(stamps, max_size=4).map(tuple)


@given(word, word, long, long, byte, word, word, payload)
def test_header(sport: int, dport: int, seq: int, ack: int, flags: int, win: int, urp: int, data: bytes) -> None:
    th = Tcphdr(sport, dport, seq, ack, flags=flags, win=win, urp=urp)
    packet = tcp_pack(th, payload=data)
    assert tcp_unpack(packet) == th
    assert packet[20:] == data
    assert tcp_unpack(packet[:19]) is None


@given(word, st.integers(0, 14) | st.none(), st.booleans(), stamps | st.none())
def test_options_of_a_syn(mss: int, wscale: int | None, sackperm: bool, ts: tuple[int, int] | None) -> None:
    to = Tcpopt(mss, wscale, sackperm, ts)
    data = tcp_addoptions(to)
    assert len(data) % 4 == 0
    assert len(data) <= TCP_MAXOLEN
    assert tcp_dooptions(data, True) == to


@given(stamps | st.none(), blocks)
def test_options_of_an_acknowledgement(ts: tuple[int, int] | None, sacks: tuple[tuple[int, int], ...]) -> None:
    data = tcp_addoptions(Tcpopt(ts=ts, sacks=sacks))
    assert len(data) <= TCP_MAXOLEN
    found = tcp_dooptions(data, False)
    assert found.ts == ts
    assert found.sacks == sacks[: 3 if ts is not None else 4]


def test_the_order_is_that_of_freebsd() -> None:
    data = tcp_addoptions(Tcpopt(1460, 8, True, (1, 0)))
    assert data.hex(" ") == "02 04 05 b4 01 03 03 08 04 02 08 0a 00 00 00 01 00 00 00 00"
    assert tcp_addoptions(Tcpopt(1460, sackperm=True)).hex(" ") == "02 04 05 b4 04 02 00 00"
    assert tcp_addoptions(Tcpopt(ts=(1, 2))).hex(" ") == "01 01 08 0a 00 00 00 01 00 00 00 02"


@given(st.binary(max_size=60), st.booleans())
def test_no_options_are_too_strange(data: bytes, syn: bool) -> None:
    to = tcp_dooptions(data, syn)
    assert syn or (to.mss is None and to.wscale is None and not to.sackperm)
