"""Headers come back from their bytes as they went in, and the checksums in them hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.wire.strategies import addr4, addr6, byte, mac, payload, word
from vshell.wire.arp import Arp, arp_pack, arp_unpack
from vshell.wire.cksum import in_cksum, in_pseudo, in_sum
from vshell.wire.ether import ether_map_ip_multicast, ether_pack
from vshell.wire.ip import HEADER as IP_HEADER
from vshell.wire.ip import IPOPT_NOP, IPOPT_RR, Ip, inet_ntoa, ip_options, ip_pack
from vshell.wire.ip6 import in6_cksum, ip6_header, masked, solicited_node
from vshell.wire.udp import HEADER as UDP_HEADER
from vshell.wire.udp import udp_pack


def slow_cksum(data: bytes) -> int:
    """RFC 1071 word by word."""
    data += b"\0" * (len(data) & 1)
    total = sum(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@given(payload)
def test_checksum_is_that_of_rfc_1071(data: bytes) -> None:
    assert in_cksum(data) == slow_cksum(data)


@given(st.binary(min_size=2, max_size=100).filter(any))
def test_data_with_its_checksum_sums_to_nothing(data: bytes) -> None:
    data = data[: len(data) & ~1] or b"\1\1"
    if not any(data):
        return
    assert in_cksum(data + in_cksum(data).to_bytes(2, "big")) == 0


@given(payload, payload)
def test_a_sum_goes_on_where_another_ended(one: bytes, two: bytes) -> None:
    one = one[: len(one) & ~1]
    assert in_cksum(two, in_sum(one)) == in_cksum(one + two)


@given(mac, mac, word)
def test_ethernet(dst: bytes, src: bytes, kind: int) -> None:
    assert ether_pack(dst, src, kind) == dst + src + kind.to_bytes(2, "big")


@given(addr4)
def test_groups_map_to_group_addresses(group: bytes) -> None:
    mapped = ether_map_ip_multicast(group)
    assert mapped[:3] == b"\x01\x00\x5e"
    assert not mapped[3] & 0x80


@given(word, mac, addr4, mac, addr4)
def test_arp(op: int, sha: bytes, spa: bytes, tha: bytes, tpa: bytes) -> None:
    packet = arp_pack(op, sha, spa, tha, tpa)
    assert arp_unpack(packet) == Arp(op, sha, spa, tha, tpa)
    assert arp_unpack(packet[:-1]) is None


@given(addr4, addr4, byte, word, byte, byte, word, word, st.binary(max_size=40))
def test_ip(src: bytes, dst: bytes, proto: int, length: int, ttl: int, tos: int, ident: int, off: int, options: bytes) -> None:
    packet = ip_pack(Ip(src, dst, proto, length, ttl, tos, ident, off, options))
    assert len(packet) % 4 == 0
    assert in_cksum(packet) == 0
    vhl, *fields, _, found_src, found_dst = IP_HEADER.unpack_from(packet)
    assert vhl == 0x40 | len(packet) // 4
    assert fields == [tos, length, ident, off, ttl, proto]
    assert (found_src, found_dst) == (src, dst)
    assert packet[20:] == options + bytes(-len(options) % 4)


def test_ip_options_are_found_one_by_one() -> None:
    options = bytes((IPOPT_NOP, IPOPT_RR, 7, 4, 0, 0, 0, 0))
    assert [(kind, at, size) for kind, at, size in ip_options(options)][:2] == [(IPOPT_NOP, 0, 1), (IPOPT_RR, 1, 7)]


@given(addr4)
def test_dotted_form(addr: bytes) -> None:
    assert bytes(map(int, inet_ntoa(addr).split("."))) == addr


@given(addr4, addr4, word, word, payload)
def test_udp(src: bytes, dst: bytes, sport: int, dport: int, body: bytes) -> None:
    packet = udp_pack(src, dst, sport, dport, body)
    assert UDP_HEADER.unpack_from(packet)[:3] == (sport, dport, len(packet))
    assert packet[8:] == body
    assert packet[6:8] != b"\0\0"
    assert in_cksum(packet, in_pseudo(src, dst, 17, len(packet))) == 0
    assert udp_pack(src, dst, sport, dport, body, False)[6:8] == b"\0\0"


@given(addr6, addr6, byte, word, byte, st.integers(0, 0xFFFFFFF), payload)
def test_ip6(src: bytes, dst: bytes, nxt: int, plen: int, hlim: int, flow: int, body: bytes) -> None:
    header = ip6_header(src, dst, nxt, plen, hlim, flow)
    assert (len(header), header[0] >> 4, header[6], header[7]) == (40, 6, nxt, hlim)
    assert (header[8:24], header[24:40]) == (src, dst)
    assert int.from_bytes(header[4:6], "big") == plen
    assert int.from_bytes(header[:4], "big") & 0xFFFFFFF == flow
    pseudo = src + dst + len(body).to_bytes(4, "big") + bytes((0, 0, 0, nxt))
    assert in6_cksum(src, dst, nxt, body) == slow_cksum(pseudo + body)


@given(addr6, st.integers(0, 128))
def test_masked_keeps_the_prefix(addr: bytes, plen: int) -> None:
    number, found = int.from_bytes(addr, "big"), int.from_bytes(masked(addr, plen), "big")
    assert found >> 128 - plen == number >> 128 - plen
    assert not found & (1 << 128 - plen) - 1


@given(addr6)
def test_solicited_node_address_ends_like_the_address(addr: bytes) -> None:
    group = solicited_node(addr)
    assert group[:13] == bytes.fromhex("ff0200000000000000000001ff")
    assert group[13:] == addr[13:]
