"""Checksums that follow changes of a packet (libalias/alias_util.c, ADJUST_CHECKSUM of alias_local.h)."""

from __future__ import annotations

from vshell.abi.socket import IPPROTO_TCP
from vshell.wire.cksum import in_cksum, in_pseudo

TH_RES1 = 2
"""TH_RES1 in the octet before the flags of a segment: its data was changed, the checksum has to be computed anew."""


def words(octets: bytes | bytearray) -> int:
    """The sum of the 16-bit words of an address or number (twowords)."""
    return (octets[0] << 8) + octets[1] + (octets[2] << 8) + octets[3]


def adjust_checksum(acc: int, cksum: int) -> int:
    """The new checksum: `acc` is the sum of the words that were there less the sum of those that are there now."""
    acc += cksum
    if acc < 0:
        acc = -acc
        acc = (acc >> 16) + (acc & 0xFFFF)
        return ~(acc + (acc >> 16)) & 0xFFFF
    acc = (acc >> 16) + (acc & 0xFFFF)
    return acc + (acc >> 16) & 0xFFFF


def get16(data: bytearray, at: int) -> int:
    """Two octets."""
    return data[at] << 8 | data[at + 1]


def put16(data: bytearray, at: int, value: int) -> None:
    """Two octets."""
    data[at], data[at + 1] = value >> 8, value & 0xFF


def adjust(data: bytearray, at: int, acc: int) -> None:
    """ADJUST_CHECKSUM of the checksum at data[at]."""
    put16(data, at, adjust_checksum(acc, data[at] << 8 | data[at + 1]))


def change_address(data: bytearray, off: int, at: int, new: bytes) -> None:
    """Another address at data[off + at] of an IP header, with its checksum (DifferentialChecksum)."""
    old = data[off + at : off + at + 4]
    if old != new:
        adjust(data, off + 10, words(old) - words(new))
        data[off + at : off + at + 4] = new


def recompute(data: bytearray, off: int, hlen: int) -> None:
    """Give a segment that an engine marked a whole new checksum; its header is looked for `hlen` octets into the packet."""
    tc = off + hlen
    if len(data) < tc + 20 or data[off + 6] & 0x1F or data[off + 7] or data[off + 9] != IPPROTO_TCP:
        return
    if not data[tc + 12] & TH_RES1:
        return
    data[tc + 12] &= ~TH_RES1 & 0xFF
    start = off + ((data[off] & 15) << 2)
    end = off + get16(data, off + 2)
    put16(data, start + 16, 0)
    pseudo = in_pseudo(bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20]), IPPROTO_TCP, end - start)
    put16(data, start + 16, in_cksum(data[start:end], pseudo))
