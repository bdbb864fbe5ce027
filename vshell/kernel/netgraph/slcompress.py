"""Van Jacobson's compression of TCP/IP headers (RFC 1144, net/slcompress.c)."""

from __future__ import annotations

from vshell.abi.socket import IPPROTO_TCP
from vshell.wire.cksum import in_cksum

MAX_STATES, MAX_HDR = 16, 128
TYPE_IP, TYPE_UNCOMPRESSED_TCP, TYPE_COMPRESSED_TCP = 0x40, 0x70, 0x80
NEW_C, NEW_I, NEW_S, NEW_A, NEW_W, NEW_U, TCP_PUSH_BIT = 0x40, 0x20, 0x08, 0x04, 0x02, 0x01, 0x10
SPECIAL_I, SPECIAL_D = NEW_S | NEW_W | NEW_U, NEW_S | NEW_A | NEW_W | NEW_U
SPECIALS_MASK = 0x0F
SLF_TOSS = 1
TH_FIN, TH_SYN, TH_RST, TH_PUSH, TH_ACK, TH_URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
COUNTERS = (
    "sls_packets", "sls_compressed", "sls_searches", "sls_misses", "sls_uncompressedin", "sls_compressedin", "sls_errorin",
    "sls_tossed",
)  # fmt: skip


class Cstate:
    """One connection: the headers of the last packet."""

    def __init__(self, number: int = 0) -> None:
        self.id = number
        self.hlen = 0
        self.header = bytearray(MAX_HDR)
        self.next = 0
        """Index of the one used before it (only when sending)."""

    def get(self, off: int, size: int = 2) -> int:
        """A number of the headers."""
        return int.from_bytes(self.header[off : off + size], "big")

    def put(self, off: int, value: int, size: int = 2) -> None:
        """Change one, cut to size."""
        self.header[off : off + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "big")

    def keep(self, header: bytes | bytearray) -> None:
        """The headers of a newer packet; what is left of longer ones stays behind them."""
        self.header[: len(header)] = header

    @property
    def ihl(self) -> int:
        """Bytes of its IP header."""
        return (self.header[0] & 15) * 4


class Slcompress:
    """The state of a line in both directions (struct slcompress); all zero until it is begun."""

    def __init__(self) -> None:
        self.tstate = [Cstate() for _ in range(MAX_STATES)]
        self.rstate = [Cstate() for _ in range(MAX_STATES)]
        self.last: int | None = None
        self.last_recv = self.last_xmit = self.flags = 0
        self.stats = dict.fromkeys(COUNTERS, 0)

    def init(self, max_state: int) -> None:
        """sl_compress_init: states 0 to `max_state` in a ring."""
        self.tstate = [Cstate(i if i <= max_state else 0) for i in range(MAX_STATES)]
        self.rstate = [Cstate() for _ in range(MAX_STATES)]
        for i in range(max_state, 0, -1):
            self.tstate[i].next = i - 1
        self.tstate[0].next = max_state
        self.last = 0
        self.last_recv = self.last_xmit = 255
        self.flags = SLF_TOSS

    # sending ---------------------------------------------------------------------------------------------------
    def compress(self, data: bytes, compress_cid: bool) -> tuple[int, bytes]:
        """sl_compress_tcp: a TCP packet as it goes over the line, with what it became."""
        if int.from_bytes(data[6:8], "big") & 0x3FFF or len(data) < 40 or self.last is None:
            return TYPE_IP, data
        ihl = (data[0] & 15) * 4
        if len(data) < ihl + 20 or data[ihl + 13] & (TH_SYN | TH_FIN | TH_RST | TH_ACK) != TH_ACK:
            return TYPE_IP, data
        self.stats["sls_packets"] += 1
        cs, known = self._find(data, ihl)
        hlen = ihl + (data[ihl + 12] >> 4) * 4
        if hlen > len(data) or hlen > MAX_HDR:
            return TYPE_IP, data
        short = self._delta(data, cs, ihl, hlen) if known else None
        if short is None:
            cs.keep(data[:hlen])
            self.last_xmit = cs.id
            return TYPE_UNCOMPRESSED_TCP, data[:9] + bytes((cs.id,)) + data[10:]
        changes, deltas = short
        cs.keep(data[:hlen])
        if data[ihl + 13] & TH_PUSH:
            changes |= TCP_PUSH_BIT
        if compress_cid and self.last_xmit == cs.id:
            head = bytes((changes,))
        else:
            self.last_xmit = cs.id
            head = bytes((changes | NEW_C, cs.id))
        self.stats["sls_compressed"] += 1
        return TYPE_COMPRESSED_TCP, head + data[ihl + 16 : ihl + 18] + deltas + data[hlen:]

    def _find(self, data: bytes, ihl: int) -> tuple[Cstate, bool]:
        """The state of a connection, moved to the front; or the oldest one, to be used for it."""

        def matches(state: Cstate) -> bool:
            return state.header[12:20] == data[12:20] and state.header[state.ihl : state.ihl + 4] == data[ihl : ihl + 4]

        last = self.last or 0
        states = self.tstate
        at = states[last].next
        if matches(states[at]):
            return states[at], True
        while True:
            before, at = at, states[at].next
            self.stats["sls_searches"] += 1
            if matches(states[at]):
                break
            if at == last:
                self.stats["sls_misses"] += 1
                self.last = before
                return states[at], False
        if at == last:
            self.last = before
        else:
            states[before].next = states[at].next
            states[at].next = states[last].next
            states[last].next = at
        return states[at], True

    def _delta(self, data: bytes, cs: Cstate, ihl: int, hlen: int) -> tuple[int, bytes] | None:
        """What changed since the last packet; None if that cannot be said in short."""
        old = cs.header
        same = (
            data[:2] == old[:2]
            and data[6:10] == old[6:10]
            and data[ihl + 12] >> 4 == old[ihl + 12] >> 4
            and data[20:ihl] == old[20:ihl]
            and data[ihl + 20 : hlen] == old[ihl + 20 : hlen]
        )
        if not same:
            return None

        def number(off: int, size: int) -> int:
            return int.from_bytes(data[off : off + size], "big")

        changes, out = 0, b""
        if data[ihl + 13] & TH_URG:
            out += _encode_zero(number(ihl + 18, 2))
            changes |= NEW_U
        elif data[ihl + 18 : ihl + 20] != old[ihl + 18 : ihl + 20]:
            return None
        window = number(ihl + 14, 2) - cs.get(ihl + 14) & 0xFFFF
        ack = number(ihl + 8, 4) - cs.get(ihl + 8, 4) & 0xFFFFFFFF
        seq = number(ihl + 4, 4) - cs.get(ihl + 4, 4) & 0xFFFFFFFF
        if ack > 0xFFFF or seq > 0xFFFF:
            return None
        for delta, bit in ((window, NEW_W), (ack, NEW_A), (seq, NEW_S)):
            if delta:
                out += _encode(delta)
                changes |= bit
        before = cs.get(2) - hlen
        if changes in (SPECIAL_I, SPECIAL_D) or (not changes and (data[2:4] == old[2:4] or before)):
            # These bits have another meaning, or it is sent again because the other side did not understand.
            return None
        if changes == NEW_S | NEW_A and seq == ack == before:
            changes, out = SPECIAL_I, b""
        elif changes == NEW_S and seq == before:
            changes, out = SPECIAL_D, b""
        ident = number(4, 2) - cs.get(4)
        if ident != 1:
            out += _encode_zero(ident & 0xFFFF)
            changes |= NEW_I
        return changes, out

    # receiving -------------------------------------------------------------------------------------------------
    def error(self) -> None:
        """A frame was lost: what refers to the one before is dropped from now on."""
        self.flags |= SLF_TOSS
        self.stats["sls_errorin"] += 1

    def uncompressed(self, data: bytes) -> bytes | None:
        """A packet with the number of its connection instead of the protocol; None for nonsense."""
        if len(data) < 20 or data[9] >= MAX_STATES:
            self.error()
            return None
        self.last_recv = data[9]
        cs = self.rstate[data[9]]
        self.flags &= ~SLF_TOSS
        data = data[:9] + bytes((IPPROTO_TCP,)) + data[10:]
        hlen = (data[0] & 15) * 4
        if hlen + 20 > len(data):
            self.error()
            return None
        hlen += (data[hlen + 12] >> 4) * 4
        if hlen > MAX_HDR or hlen > len(data):
            self.error()
            return None
        cs.keep(data[:hlen])
        cs.hlen = hlen
        self.stats["sls_uncompressedin"] += 1
        return data

    def expand(self, data: bytes) -> bytes | None:
        """A compressed packet with its headers again; None if that is impossible."""
        self.stats["sls_compressedin"] += 1
        padded = data + bytes(16)
        changes, at = padded[0], 1
        if changes & NEW_C:
            if padded[1] >= MAX_STATES:
                self.error()
                return None
            self.flags &= ~SLF_TOSS
            self.last_recv, at = padded[1], 2
        elif self.flags & SLF_TOSS or self.last_recv >= MAX_STATES:
            self.stats["sls_tossed"] += 1
            return None
        cs = self.rstate[self.last_recv]
        at = self._apply(cs, padded, changes, at)
        if at > len(data):
            self.error()
            return None
        cs.put(2, len(data) + cs.hlen - at)
        cs.put(10, 0)
        cs.put(10, in_cksum(cs.header[: cs.ihl]))
        return bytes(cs.header[: cs.hlen]) + data[at:]

    def _apply(self, cs: Cstate, data: bytes, changes: int, at: int) -> int:
        """Change the headers of a connection as the packet says; returns where its data begin."""
        th = cs.ihl
        cs.header[th + 16 : th + 18] = data[at : at + 2]
        at += 2
        bits = cs.header[th + 13] & ~TH_PUSH
        cs.header[th + 13] = bits | TH_PUSH if changes & TCP_PUSH_BIT else bits
        before = cs.get(2) - cs.hlen
        special = changes & SPECIALS_MASK
        if special == SPECIAL_I:
            cs.put(th + 8, cs.get(th + 8, 4) + before, 4)
        if special in (SPECIAL_I, SPECIAL_D):
            cs.put(th + 4, cs.get(th + 4, 4) + before, 4)
        else:
            cs.header[th + 13] &= ~TH_URG
            if changes & NEW_U:
                cs.header[th + 13] |= TH_URG
                value, at = _decode(data, at)
                cs.put(th + 18, value)
            for bit, off, size in ((NEW_W, th + 14, 2), (NEW_A, th + 8, 4), (NEW_S, th + 4, 4)):
                if changes & bit:
                    value, at = _decode(data, at)
                    cs.put(off, cs.get(off, size) + value, size)
        step = 1
        if changes & NEW_I:
            step, at = _decode(data, at)
        cs.put(4, cs.get(4) + step)
        return at


def _encode(value: int) -> bytes:
    """A number that is not 0: one byte, or a zero and two."""
    return bytes((value,)) if value < 256 else b"\0" + value.to_bytes(2, "big")


def _encode_zero(value: int) -> bytes:
    """The same for one that may be 0."""
    return _encode(value) if value else b"\0\0\0"


def _decode(data: bytes, at: int) -> tuple[int, int]:
    """(a number, where it ends)."""
    if data[at]:
        return data[at], at + 1
    return data[at + 1] << 8 | data[at + 2], at + 3
