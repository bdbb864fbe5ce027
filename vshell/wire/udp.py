"""UDP headers (RFC 768, netinet/udp.h)."""

from __future__ import annotations

from struct import Struct

from vshell.abi.record import Record
from vshell.wire.cksum import in_cksum, in_pseudo

UDP_HDR_LEN = 8
HEADER = Struct("!HHHH")


class Udp(Record):
    """A UDP header."""

    sport: int
    dport: int
    length: int
    cksum: int = 0


def udp_pack(src: bytes, dst: bytes, sport: int, dport: int, payload: bytes, checksum: bool = True) -> bytes:
    """A datagram over IPv4 with its checksum (0 when not wanted; a computed 0 goes out as 0xffff)."""
    length = UDP_HDR_LEN + len(payload)
    head = HEADER.pack(sport, dport, length, 0)
    if not checksum:
        return head + payload
    cksum = in_cksum(head + payload, in_pseudo(src, dst, 17, length)) or 0xFFFF
    return HEADER.pack(sport, dport, length, cksum) + payload


def udp_unpack(data: bytes | bytearray, off: int = 0) -> Udp | None:
    """The fields of a header, None if it is cut short."""
    if len(data) - off < UDP_HDR_LEN:
        return None
    return Udp(*HEADER.unpack_from(data, off))
