"""ICMP messages (RFC 792, netinet/ip_icmp.h)."""

from __future__ import annotations

from struct import Struct

from vshell.abi.record import Record
from vshell.wire.cksum import in_cksum

ICMP_ECHOREPLY, ICMP_UNREACH, ICMP_SOURCEQUENCH, ICMP_REDIRECT, ICMP_ECHO, ICMP_ROUTERADVERT, ICMP_ROUTERSOLICIT = (
    0, 3, 4, 5, 8, 9, 10,
)  # fmt: skip
ICMP_TIMXCEED, ICMP_PARAMPROB, ICMP_TSTAMP, ICMP_TSTAMPREPLY, ICMP_IREQ, ICMP_IREQREPLY, ICMP_MASKREQ, ICMP_MASKREPLY = (
    11, 12, 13, 14, 15, 16, 17, 18,
)  # fmt: skip
ICMP_MAXTYPE = 40
ICMP_MINLEN = 8
ICMP_TSLEN = 20
ICMP_MASKLEN = 12
ICMP_ADVLENMIN = 8 + 20 + 8

ICMP_UNREACH_NET, ICMP_UNREACH_HOST, ICMP_UNREACH_PROTOCOL, ICMP_UNREACH_PORT, ICMP_UNREACH_NEEDFRAG = range(5)
ICMP_UNREACH_SRCFAIL = 5
ICMP_UNREACH_NET_UNKNOWN, ICMP_UNREACH_HOST_UNKNOWN, ICMP_UNREACH_ISOLATED, ICMP_UNREACH_NET_PROHIB = range(6, 10)
ICMP_UNREACH_HOST_PROHIB, ICMP_UNREACH_TOSNET, ICMP_UNREACH_TOSHOST, ICMP_UNREACH_FILTER_PROHIB = range(10, 14)
ICMP_UNREACH_HOST_PRECEDENCE, ICMP_UNREACH_PRECEDENCE_CUTOFF = 14, 15
ICMP_REDIRECT_NET, ICMP_REDIRECT_HOST, ICMP_REDIRECT_TOSNET, ICMP_REDIRECT_TOSHOST = range(4)
ICMP_TIMXCEED_INTRANS, ICMP_TIMXCEED_REASS = 0, 1
ICMP_PARAMPROB_ERRATPTR, ICMP_PARAMPROB_OPTABSENT, ICMP_PARAMPROB_LENGTH = 0, 1, 2

_INFO = frozenset((ICMP_ECHOREPLY, ICMP_ECHO, ICMP_ROUTERADVERT, ICMP_ROUTERSOLICIT, ICMP_TSTAMP, ICMP_TSTAMPREPLY, ICMP_IREQ,
                   ICMP_IREQREPLY, ICMP_MASKREQ, ICMP_MASKREPLY))  # fmt: skip

_HEADER = Struct("!BBH4s")


def icmp_infotype(kind: int) -> bool:
    """ICMP_INFOTYPE: a question or answer rather than an error."""
    return kind in _INFO


class Icmp(Record):
    """An ICMP message.  `void` is the word after the checksum: id and sequence, gateway, pointer, next MTU."""

    type: int
    code: int = 0
    void: bytes = bytes(4)
    payload: bytes = b""
    cksum: int = 0

    @property
    def ident(self) -> int:
        """icmp_id."""
        return self.void[0] << 8 | self.void[1]

    @property
    def seq(self) -> int:
        """icmp_seq."""
        return self.void[2] << 8 | self.void[3]


def icmp_pack(icmp: Icmp) -> bytes:
    """The bytes of a message with its checksum computed."""
    body = _HEADER.pack(icmp.type, icmp.code, 0, icmp.void) + icmp.payload
    return body[:2] + in_cksum(body).to_bytes(2, "big") + body[4:]


def icmp_unpack(data: bytes | bytearray, off: int = 0) -> Icmp | None:
    """The fields of a message, None if it is cut short."""
    if len(data) - off < ICMP_MINLEN:
        return None
    kind, code, cksum, void = _HEADER.unpack_from(data, off)
    return Icmp(kind, code, void, bytes(data[off + ICMP_MINLEN :]), cksum)
