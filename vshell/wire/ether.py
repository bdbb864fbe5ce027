"""Ethernet frames (net/ethernet.h)."""

from __future__ import annotations

from struct import Struct

ETHER_ADDR_LEN = 6
ETHER_HDR_LEN = 14
ETHERMTU = 1500
ETHER_BROADCAST = b"\xff" * 6

ETHERTYPE_IP, ETHERTYPE_ARP, ETHERTYPE_REVARP, ETHERTYPE_VLAN, ETHERTYPE_IPV6 = 0x0800, 0x0806, 0x8035, 0x8100, 0x86DD
ETHERTYPE_TEB, ETHERTYPE_SLOW, ETHERTYPE_WCCP, ETHERTYPE_QINQ = 0x6558, 0x8809, 0x883E, 0x88A8

_HEADER = Struct("!6s6sH")


def ether_pack(dst: bytes, src: bytes, ethertype: int) -> bytes:
    """A header."""
    return _HEADER.pack(dst, src, ethertype)


def ether_map_ip_multicast(group: bytes) -> bytes:
    """ETHER_MAP_IP_MULTICAST: the address an IPv4 group is sent to."""
    return b"\x01\x00\x5e" + bytes((group[1] & 0x7F,)) + group[2:4]
