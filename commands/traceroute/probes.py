"""The probes of traceroute(8): for each protocol how one is made and how a quoted one is recognised (struct outproto)."""

from __future__ import annotations

from typing import ClassVar

from vshell.abi.socket import IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE
from vshell.wire.cksum import in_cksum, in_sum

BASE_PORT = 32768 + 666
GRE_PPTP_PROTO = 0x880B
UDP_LEN, SCTP_LEN, SCTP_INIT_LEN, CHUNK_LEN = 8, 12, 20, 4
SCTP_INITIATION, SCTP_SHUTDOWN_ACK, SCTP_PAD_CHUNK, SCTP_PAD = 1, 8, 0x84, 0x8005


def be16(value: int) -> bytes:
    """A 16-bit number in network order."""
    return (value & 0xFFFF).to_bytes(2, "big")


def _crc_table() -> tuple[int, ...]:
    table = []
    for n in range(256):
        crc = n
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


def sctp_crc32c(data: bytes) -> bytes:
    """The checksum of SCTP packets (CRC32C)."""
    table = _crc_table()
    crc = 0xFFFFFFFF
    for octet in data:
        crc = crc >> 8 ^ table[(crc ^ octet) & 0xFF]
    return (crc ^ 0xFFFFFFFF).to_bytes(4, "little")


def l4_cksum(pseudo: bytes, data: bytes, cover: int | None = None) -> bytes:
    """The checksum of UDP and TCP; `cover` says how much of the data it covers."""
    total = in_sum(pseudo) + in_sum(data if cover is None else data[:cover])
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return be16(~total)


class Probe:
    """What all protocols need to know."""

    name: ClassVar[str] = ""
    key: ClassVar[str] = ""
    """The names of the header's octets, for -D."""
    num: ClassVar[int] = 0
    hdrlen: ClassVar[int] = 4
    base: ClassVar[int] = 0
    """The port probes begin with."""

    def __init__(self, ident: int, port: int, fixed: bool, size: int, checksum: bool) -> None:
        self.ident = ident
        self.port = port
        self.fixed = fixed
        """-e: the destination port stays."""
        self.size = size
        """Bytes after the IP header."""
        self.checksum = checksum

    def dport(self, seq: int) -> int:
        """The destination port of a probe."""
        return self.port + (0 if self.fixed else seq)

    def make(self, seq: int, pseudo: bytes) -> bytes:
        """The packet after the IP header."""
        raise NotImplementedError

    def check(self, inner: bytes, seq: int) -> bool:
        """True if `inner` begins as this probe did."""
        raise NotImplementedError

    def pad(self, head: bytes) -> bytes:
        """The header filled up to the size wanted."""
        return head + bytes(max(0, self.size - len(head)))


class UdpProbe(Probe):
    """UDP."""

    name, key, num, hdrlen, base = "udp", "spt dpt len sum", IPPROTO_UDP, UDP_LEN, BASE_PORT

    def length(self) -> int:
        """What stands in the length field."""
        return self.size

    def cover(self) -> int | None:
        """How much the checksum covers."""
        return None

    def sport(self, seq: int) -> int:
        """The source port of a probe."""
        return self.ident + (seq if self.fixed else 0)

    def make(self, seq: int, pseudo: bytes) -> bytes:
        """Ports, length, checksum."""
        head = be16(self.sport(seq)) + be16(self.dport(seq)) + be16(self.length())
        data = self.pad(head + b"\0\0")
        if not self.checksum:
            return data
        cksum = l4_cksum(pseudo, data, self.cover())
        return head + (cksum if any(cksum) else b"\xff\xff") + data[8:]

    def check(self, inner: bytes, seq: int) -> bool:
        """By the ports."""
        ports = int.from_bytes(inner[:2], "big"), int.from_bytes(inner[2:4], "big")
        return ports == (self.sport(seq), self.dport(seq))


class UdpLiteProbe(UdpProbe):
    """UDP-Lite: only the header is covered by the checksum."""

    name, key, num = "udplite", "spt dpt cov sum", IPPROTO_UDPLITE

    def length(self) -> int:
        """The coverage."""
        return UDP_LEN

    def cover(self) -> int | None:
        """The header."""
        return UDP_LEN


class TcpProbe(Probe):
    """TCP: a SYN."""

    name, key, num, hdrlen, base = "tcp", "spt dpt seq     ack     xxflwin sum urp", IPPROTO_TCP, 20, BASE_PORT

    def make(self, seq: int, pseudo: bytes) -> bytes:
        """The sequence number repeats the ports."""
        sport, dport = be16(self.ident), be16(self.dport(seq))
        head = sport + dport + dport + sport + bytes(4) + b"\x50\x02\0\0"
        data = self.pad(head + bytes(4))
        return head + l4_cksum(pseudo, data) + data[18:] if self.checksum else data

    def check(self, inner: bytes, seq: int) -> bool:
        """By ports and sequence number."""
        sport, dport = be16(self.ident), self.dport(seq)
        return dport < 65536 and inner[:8] == sport + be16(dport) * 2 + sport


class SctpProbe(Probe):
    """SCTP: an INIT if there is room, else a SHUTDOWN-ACK."""

    name, key, num, hdrlen, base = "sctp", "spt dpt vtag    crc     tyfllen tyfllen ", IPPROTO_SCTP, SCTP_LEN, BASE_PORT

    @property
    def long(self) -> bool:
        """Room for an INIT chunk."""
        return self.size >= SCTP_LEN + SCTP_INIT_LEN

    def make(self, seq: int, pseudo: bytes) -> bytes:
        """Header and chunks."""
        sport, dport = be16(self.ident), be16(self.dport(seq))
        tag = dport + sport
        chunks = self._init(tag) if self.long else self._shutdown()
        data = self.pad(sport + dport + (bytes(4) if self.long else tag) + bytes(4) + chunks)
        return data[:8] + sctp_crc32c(data) + data[12:] if self.checksum else data

    def _init(self, tag: bytes) -> bytes:
        chunk = (
            bytes((SCTP_INITIATION, 0)) + be16(self.size - SCTP_LEN) + tag + (1500).to_bytes(4, "big") + b"\0\1\0\1" + bytes(4)
        )
        left = self.size - SCTP_LEN - SCTP_INIT_LEN
        return chunk + be16(SCTP_PAD) + be16(left) if left >= 4 else chunk

    def _shutdown(self) -> bytes:
        chunks = b""
        if self.size >= SCTP_LEN + CHUNK_LEN:
            chunks = bytes((SCTP_SHUTDOWN_ACK, 0)) + be16(4)
        if self.size >= SCTP_LEN + 2 * CHUNK_LEN:
            chunks += bytes((SCTP_PAD_CHUNK, 0)) + be16(self.size - SCTP_LEN - CHUNK_LEN)
        return chunks

    def check(self, inner: bytes, seq: int) -> bool:
        """By the ports and the tag."""
        sport, dport = be16(self.ident), self.dport(seq)
        if dport > 65535 or inner[:4] != sport + be16(dport):
            return False
        return inner[4:8] == (bytes(4) if self.long else be16(dport) + sport)


class GreProbe(Probe):
    """GRE: what looks like a packet of PPTP."""

    name, key, num, hdrlen, base = "gre", "flg pro len clid", IPPROTO_GRE, 8, GRE_PPTP_PROTO

    def make(self, seq: int, pseudo: bytes) -> bytes:
        """Flags, protocol, call."""
        return self.pad(b"\x20\x01" + be16(self.port) + b"\0\0" + be16(self.ident + seq))

    def check(self, inner: bytes, seq: int) -> bool:
        """By protocol and call."""
        return inner[2:4] == be16(self.port) and int.from_bytes(inner[6:8], "big") == self.ident + seq


class IcmpProbe(Probe):
    """ICMP: an echo request."""

    name, key, num, hdrlen, base = "icmp", "typ cod sum ", IPPROTO_ICMP, 28, 0

    def make(self, seq: int, pseudo: bytes) -> bytes:
        """The header; the rest is zeros."""
        data = self.pad(b"\x08\0\0\0" + be16(self.ident) + be16(seq))
        cksum = in_cksum(data)
        return data[:2] + be16(cksum or 0xFFFF) + data[4:]

    def check(self, inner: bytes, seq: int) -> bool:
        """By identifier and sequence."""
        return inner[4:8] == be16(self.ident) + be16(seq)


class GenericProbe(Probe):
    """Any other protocol: two numbers to recognise it by."""

    def make(self, seq: int, pseudo: bytes) -> bytes:
        """Identifier and sequence."""
        return self.pad(be16(self.ident) + be16(self.port + seq))

    def check(self, inner: bytes, seq: int) -> bool:
        """By both."""
        return inner[:2] == be16(self.ident) and int.from_bytes(inner[2:4], "big") == self.port + seq


PROTOCOLS: dict[str, type[Probe]] = {cls.name: cls for cls in (UdpProbe, UdpLiteProbe, TcpProbe, SctpProbe, GreProbe, IcmpProbe)}
