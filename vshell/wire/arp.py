"""ARP packets for IPv4 (RFC 826, net/if_arp.h)."""

from __future__ import annotations

from struct import Struct

from vshell.abi.record import Record

ARPHRD_ETHER, ARPHRD_IEEE802, ARPHRD_IEEE1394, ARPHRD_INFINIBAND = 1, 6, 24, 32
ARPOP_REQUEST, ARPOP_REPLY, ARPOP_REVREQUEST, ARPOP_REVREPLY = 1, 2, 3, 4

ARP_HDR_LEN = 8
_FIXED = Struct("!HHBBH")


class Arp(Record):
    """An ARP packet."""

    op: int
    sha: bytes
    spa: bytes
    tha: bytes
    tpa: bytes
    hrd: int = ARPHRD_ETHER
    pro: int = 0x0800


def arp_pack(op: int, sha: bytes, spa: bytes, tha: bytes, tpa: bytes, hrd: int = ARPHRD_ETHER, pro: int = 0x0800) -> bytes:
    """The bytes of a packet."""
    return _FIXED.pack(hrd, pro, len(sha), len(spa), op) + sha + spa + tha + tpa


def arp_unpack(data: bytes | bytearray, off: int = 0) -> Arp | None:
    """The fields of a packet, None if it is cut short."""
    if len(data) - off < ARP_HDR_LEN:
        return None
    hrd, pro, hln, pln, op = _FIXED.unpack_from(data, off)
    off += ARP_HDR_LEN
    if len(data) - off < 2 * (hln + pln):
        return None
    body = bytes(data[off : off + 2 * (hln + pln)])
    tha = hln + pln
    return Arp(op, body[:hln], body[hln:tha], body[tha : tha + hln], body[tha + hln :], hrd, pro)
