"""IPv4 headers and options (RFC 791, netinet/ip.h)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from vshell.abi.record import Record
from vshell.wire.cksum import in_cksum

IP_HDR_LEN = 20
IP_MAXPACKET = 65535
IP_RF, IP_DF, IP_MF, IP_OFFMASK = 0x8000, 0x4000, 0x2000, 0x1FFF

IPOPT_EOL, IPOPT_NOP, IPOPT_RR, IPOPT_TS, IPOPT_SECURITY, IPOPT_LSRR, IPOPT_SSRR, IPOPT_RA = 0, 1, 7, 68, 130, 131, 137, 148
IPOPT_TS_TSONLY, IPOPT_TS_TSANDADDR, IPOPT_TS_PRESPEC = 0, 1, 3
IPOPT_MINOFF = 4
MAX_IPOPTLEN = 40

HEADER = Struct("!BBHHHBBH4s4s")
"""vhl, tos, len, id, off, ttl, p, sum, src, dst."""


def inet_ntoa(addr: bytes | bytearray) -> str:
    """An address in dotted form."""
    return f"{addr[0]}.{addr[1]}.{addr[2]}.{addr[3]}"


class Ip(Record):
    """An IPv4 header."""

    src: bytes
    dst: bytes
    proto: int
    length: int
    ttl: int = 64
    tos: int = 0
    ident: int = 0
    off: int = 0
    """Flags and fragment offset (in units of 8) as they stand in the header."""
    options: bytes = b""
    cksum: int = 0


def ip_pack(ip: Ip) -> bytes:
    """The bytes of a header with its checksum computed; options are padded to a multiple of four."""
    options = ip.options + bytes(-len(ip.options) % 4)
    vhl = 0x40 | (IP_HDR_LEN + len(options)) >> 2
    head = HEADER.pack(vhl, ip.tos, ip.length, ip.ident, ip.off, ip.ttl, ip.proto, 0, ip.src, ip.dst) + options
    return head[:10] + in_cksum(head).to_bytes(2, "big") + head[12:]


def ip_options(options: bytes) -> Iterator[tuple[int, int, int]]:
    """(type, offset, length) of each option; stops at the end of list, and at one whose length is impossible (yielded
    with length 0)."""
    at = 0
    while at < len(options):
        kind = options[at]
        if kind == IPOPT_EOL:
            return
        if kind == IPOPT_NOP:
            yield kind, at, 1
            at += 1
            continue
        size = options[at + 1] if at + 1 < len(options) else 0
        if size < 2 or at + size > len(options):
            yield kind, at, 0
            return
        yield kind, at, size
        at += size
