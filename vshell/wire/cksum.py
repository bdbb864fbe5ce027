"""The Internet checksum (RFC 1071, RFC 1624).

The ones' complement sum of 16-bit words is the whole read as one big number modulo 65535: 2**16 leaves 1 there.  For the
short headers of a packet this is by far the fastest way in Python.
"""

from __future__ import annotations


def in_sum(data: bytes | bytearray | memoryview) -> int:
    """The folded 16-bit ones' complement sum; an odd last byte counts as the high half of a word."""
    total = int.from_bytes(data, "big")
    if not total:
        return 0
    if len(data) & 1:
        total <<= 8
    return total % 65535 or 65535


def in_cksum(data: bytes | bytearray | memoryview, start: int = 0) -> int:
    """The checksum to put into a header over `data`; 0 if `data` holds a correct one.  `start` is a partial sum."""
    total = int.from_bytes(data, "big")
    if len(data) & 1:
        total <<= 8
    total += start
    if not total:
        return 65535
    return 65535 - (total % 65535 or 65535)


def in_pseudo(src: bytes, dst: bytes, proto: int, length: int) -> int:
    """The sum of the IPv4 pseudo header."""
    return int.from_bytes(src, "big") + int.from_bytes(dst, "big") + proto + length
