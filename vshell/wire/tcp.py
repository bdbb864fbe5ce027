"""TCP headers and options (RFC 9293, RFC 7323, netinet/tcp.h)."""

from __future__ import annotations

from struct import Struct, pack, unpack_from

from vshell.abi.record import Record

TH_FIN, TH_SYN, TH_RST, TH_PUSH, TH_ACK, TH_URG, TH_ECE, TH_CWR = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x40, 0x80
TCP_HDR_LEN = 20
TCP_MAXOLEN = 40
TCP_MAXWIN = 65535
TCP_MAX_WINSHIFT = 14
HEADER = Struct("!HHIIBBHHH")

TCPOPT_EOL, TCPOPT_NOP, TCPOPT_MAXSEG, TCPOPT_WINDOW, TCPOPT_SACK_PERMITTED, TCPOPT_SACK, TCPOPT_TIMESTAMP = 0, 1, 2, 3, 4, 5, 8
_LENGTHS = {TCPOPT_MAXSEG: 4, TCPOPT_WINDOW: 3, TCPOPT_SACK_PERMITTED: 2, TCPOPT_TIMESTAMP: 10}


class Tcphdr(Record):
    """A TCP header; `off` is its length in bytes."""

    sport: int
    dport: int
    seq: int
    ack: int = 0
    off: int = TCP_HDR_LEN
    flags: int = 0
    win: int = 0
    cksum: int = 0
    urp: int = 0


class Tcpopt(Record):
    """The options of a segment (struct tcpopt); None for what is absent."""

    mss: int | None = None
    wscale: int | None = None
    sackperm: bool = False
    ts: tuple[int, int] | None = None
    """Value and echo reply."""
    sacks: tuple[tuple[int, int], ...] = ()


def tcp_pack(th: Tcphdr, options: bytes = b"", payload: bytes | bytearray = b"") -> bytearray:
    """A segment; the length of the header follows from the options."""
    off = TCP_HDR_LEN + len(options)
    head = HEADER.pack(th.sport, th.dport, th.seq, th.ack, off << 2, th.flags, th.win, th.cksum, th.urp)
    return bytearray(head) + options + payload


def tcp_unpack(data: bytes | bytearray, at: int = 0) -> Tcphdr | None:
    """The fields of a header, None if it is cut short."""
    if len(data) - at < TCP_HDR_LEN:
        return None
    sport, dport, seq, ack, off, flags, win, cksum, urp = HEADER.unpack_from(data, at)
    return Tcphdr(sport, dport, seq, ack, off >> 4 << 2, flags, win, cksum, urp)


def tcp_addoptions(to: Tcpopt) -> bytes:
    """Options in the order and with the padding FreeBSD uses (tcp_addoptions)."""
    out = bytearray()
    if to.mss is not None:
        out += pack("!BBH", TCPOPT_MAXSEG, 4, to.mss)
    if to.wscale is not None:
        out += bytes((TCPOPT_NOP, TCPOPT_WINDOW, 3, to.wscale))
    if to.sackperm:
        out += bytes((TCPOPT_SACK_PERMITTED, 2))
    if to.ts is not None:
        out += b"\x01" * _pad(len(out)) + pack("!BBII", TCPOPT_TIMESTAMP, 10, *to.ts)
    if to.sacks:
        pad = _pad(len(out))
        blocks = to.sacks[: (TCP_MAXOLEN - len(out) - pad - 2) // 8]
        if blocks:
            out += b"\x01" * pad + bytes((TCPOPT_SACK, 2 + 8 * len(blocks)))
            out += b"".join(pack("!II", *block) for block in blocks)
    if len(out) % 4:
        out += bytes(4 - len(out) % 4)
    return bytes(out)


def _pad(size: int) -> int:
    return (2 - size) % 4


def tcp_dooptions(data: bytes | bytearray, syn: bool) -> Tcpopt:
    """Parse options as FreeBSD does: what only belongs in a SYN counts only there."""
    mss: int | None = None
    wscale: int | None = None
    ts: tuple[int, int] | None = None
    sackperm = False
    sacks: tuple[tuple[int, int], ...] = ()
    at = 0
    while at < len(data):
        kind = data[at]
        if kind == TCPOPT_EOL:
            break
        if kind == TCPOPT_NOP:
            at += 1
            continue
        if at + 1 >= len(data):
            break
        size = data[at + 1]
        if size < 2 or at + size > len(data):
            break
        if kind == TCPOPT_SACK:
            if size > 2 and (size - 2) % 8 == 0 and not syn:
                sacks = tuple(unpack_from("!II", data, at + 2 + 8 * i) for i in range((size - 2) // 8))
        elif size == _LENGTHS.get(kind):
            if kind == TCPOPT_TIMESTAMP:
                ts = unpack_from("!II", data, at + 2)
            elif syn and kind == TCPOPT_MAXSEG:
                mss = data[at + 2] << 8 | data[at + 3]
            elif syn and kind == TCPOPT_WINDOW:
                wscale = min(data[at + 2], TCP_MAX_WINSHIFT)
            elif syn:
                sackperm = True
        at += size
    return Tcpopt(mss, wscale, sackperm, ts, sacks)
