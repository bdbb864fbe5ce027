"""Checksums that follow changes of a packet (libalias/alias_util.c, ADJUST_CHECKSUM of alias_local.h)."""

from __future__ import annotations


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
