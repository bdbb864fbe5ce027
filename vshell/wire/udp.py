"""UDP headers (RFC 768, netinet/udp.h)."""

from __future__ import annotations

from struct import Struct

from vshell.wire.cksum import in_cksum, in_pseudo

UDP_HDR_LEN = 8
HEADER = Struct("!HHHH")


def udp_pack(src: bytes, dst: bytes, sport: int, dport: int, payload: bytes, checksum: bool = True) -> bytes:
    """A datagram over IPv4 with its checksum (0 when not wanted; a computed 0 goes out as 0xffff)."""
    length = UDP_HDR_LEN + len(payload)
    head = HEADER.pack(sport, dport, length, 0)
    if not checksum:
        return head + payload
    cksum = in_cksum(head + payload, in_pseudo(src, dst, 17, length)) or 0xFFFF
    return HEADER.pack(sport, dport, length, cksum) + payload
