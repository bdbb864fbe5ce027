"""Any bytes that come off a wire are delivered or dropped, and never bring the kernel down."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import vshell.kernel
from vshell.kernel.net.if_epair import Epair
from vshell.kernel.net.mbuf import m_get
from vshell.machine import Machine, Session

SETUP = """\
ifconfig epair create; ifconfig epair0a inet 10.0.0.1/24; ifconfig epair0a inet6 2001:db8::1/64 -ifdisabled; ifconfig epair0b up
sysctl net.inet.ip.forwarding=1 net.inet6.ip6.forwarding=1; route add default 10.0.0.9
ifconfig vlan create; ifconfig vlan0 vlan 5 vlandev epair0a; ifconfig vlan0 inet 10.0.5.1/24
ifconfig gif create; ifconfig gif0 tunnel 10.0.0.1 10.0.0.2; ifconfig gif0 inet 10.9.9.1 10.9.9.2
"""

IP4 = bytes.fromhex("4500002c000100004001000000000000000000000a000001") + bytes(24)

FRAMES = {
    "arp": bytes.fromhex("08060001080006040001020000000005" + "0a000002" + "000000000000" + "0a000001"),
    "icmp": bytes.fromhex("0800450000540001000040010000" + "0a0000020a000001" + "0800f7ff00010001") + bytes(56),
    "fragment": bytes.fromhex("0800450000300001200040110000" + "0a0000020a000001") + bytes(28),
    "udp": bytes.fromhex("0800450000240001000040110000" + "0a0000020a000001" + "1000200000100000") + bytes(8),
    "tcp": bytes.fromhex("0800450000280001000040060000" + "0a0000020a000001" + "10000050000000010000000050020400") + bytes(4),
    "options": bytes.fromhex("08004700003c0001000040010000" + "0a0000020a000001" + "8307040a00000200" + "0800f7ff00010001")
    + bytes(24),
    "igmp": bytes.fromhex("0800460000200001000001020000" + "0a000002e0000001" + "94040000" + "1164ee9b00000000"),
    "forward": bytes.fromhex("0800450000240001000002110000" + "0a000002c0000201" + "1000200000100000") + bytes(8),
    "ipip": bytes.fromhex("08004500004000010000400400000a0000020a000001") + IP4,
    "ns": bytes.fromhex(
        "86dd6000000000183aff" + "20010db8" + "00" * 11 + "02" + "20010db8" + "00" * 11 + "01" + "8700000000000000"
    )
    + bytes.fromhex("20010db8" + "00" * 11 + "01"),
    "ra": bytes.fromhex(
        "86dd6000000000103aff" + "fe80" + "00" * 13 + "02" + "ff02" + "00" * 13 + "01" + "86000000400007080000000000000000"
    ),
    "exthdr": bytes.fromhex("86dd60000000001000ff" + "20010db8" + "00" * 11 + "02" + "20010db8" + "00" * 11 + "01") + bytes(16),
    "vlan": bytes.fromhex("81000005" + "0800450000240001000040110000" + "0a0005020a000501") + bytes(16),
    "llc": bytes.fromhex("0026424203000002023c8000020000000001") + bytes(30),
}

DESTINATIONS = st.sampled_from(
    [b"", b"\xff" * 6, bytes.fromhex("01005e000001"), bytes.fromhex("333300000001"), bytes.fromhex("0180c2000000")]
)


ETHERTYPES = (0x0800, 0x0806, 0x86DD, 0x8100, 0x88A8, 0x8863, 0x8864, 0x8809, 0x888E, 0x8902, 0x6000, 0x0026)


@pytest.fixture(scope="module", autouse=True)
def everything_imported() -> None:
    """The worst case: what a file registers when it is imported is there, although the machine has not loaded it."""
    for module in walk_packages(vshell.kernel.__path__, "vshell.kernel."):
        import_module(module.name)


class Wire:
    """A machine with an Ethernet interface, and the other end of its wire."""

    def __init__(self) -> None:
        self.session = Session(Machine())
        self.kernel = self.session.machine.kernel
        self.session.feed(SETUP)
        end = self.kernel.vnet0.ifnets.named("epair0b")
        assert isinstance(end, Epair)
        self.end = end
        self.lladdr = end.oifp.lladdr

    def send(self, to: bytes, rest: bytes) -> None:
        """A frame to the machine."""
        self.end.transmit(m_get(checksummed((to or self.lladdr) + b"\x02\0\0\0\0\x05" + rest)))
        self.kernel.step()
        assert not self.kernel.panics, f"{rest.hex()}\n{self.kernel.panics[0]}"


def checksummed(frame: bytes) -> bytes:
    """With the header checksum of IPv4 set right, so that what lies behind is reached."""
    at = 18 if frame[12:14] == b"\x81\x00" else 14
    size = (frame[at] & 15) * 4 if len(frame) > at else 0
    header = bytearray(frame[at : at + size])
    if frame[at - 2 : at] != b"\x08\x00" or len(header) < 20:
        return frame
    header[10:12] = b"\0\0"
    total = sum(int.from_bytes(header[i : i + 2], "big") for i in range(0, size, 2))
    total = (total & 0xFFFF) + (total >> 16)
    total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    header[10:12] = total.to_bytes(2, "big")
    return frame[:at] + bytes(header) + frame[at + size :]


@st.composite
def frames(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """(destination, rest of a frame): a good one with some bytes changed, cut or added, or plain noise."""
    to = draw(DESTINATIONS)
    body = bytearray(draw(st.sampled_from(sorted(FRAMES.values())) | st.binary(min_size=2, max_size=80)))
    for _ in range(draw(st.integers(0, 4))):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.integers(0, len(body)) | st.just(len(body)))
    return to, bytes(body[:cut]) + draw(st.binary(max_size=4))


@settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(frames(), min_size=10, max_size=40))
def test_frames(batch: list[tuple[bytes, bytes]]) -> None:
    """Whatever arrives at an Ethernet interface."""
    wire = Wire()
    for to, rest in batch:
        wire.send(to, rest)
    wire.session.feed("sleep 200; netstat -s; ifconfig -a; arp -an; ndp -an\n")
    assert not wire.kernel.panics, wire.kernel.panics[0]


@pytest.mark.parametrize("payload", [bytes(64), b"\xff" * 64, bytes(range(64)), b""], ids=["zeros", "ones", "count", "nothing"])
def test_protocols(payload: bytes) -> None:
    """Every protocol of IPv4 and IPv6, every Ethernet type, whether a module for it is in or not."""
    wire = Wire()
    for etype in ETHERTYPES:
        wire.send(b"", etype.to_bytes(2, "big") + payload)
        wire.send(b"\xff" * 6, etype.to_bytes(2, "big") + payload)
    for protocol in range(256):
        for src, dst in ((2, 1), (1, 1), (2, 9)):
            size = (20 + len(payload)).to_bytes(2, "big")
            head = b"\x45\0" + size + b"\0\1\0\0\x40" + bytes([protocol]) + b"\0\0"
            wire.send(b"", b"\x08\0" + head + bytes([10, 0, 0, src, 10, 0, 0, dst]) + payload)
            net = bytes.fromhex("20010db8") + bytes(11)
            head = b"\x60\0\0\0" + len(payload).to_bytes(2, "big") + bytes([protocol]) + b"\x40"
            wire.send(b"", b"\x86\xdd" + head + net + bytes([src]) + net + bytes([dst]) + payload)
