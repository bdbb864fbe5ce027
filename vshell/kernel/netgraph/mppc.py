"""Microsoft's point-to-point compression (RFC 2118, net/mppcc.c, net/mppcd.c): a window of 8 KB and a code of bits."""

from __future__ import annotations

HISTORY = 8192
SHORT, MEDIUM = 64, 320
"""Offsets below these have 6 and 8 bits, others 13."""


class Compression:
    """The sender's history."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """MPPC_InitCompressionHistory."""
        self.history = bytearray(2 * HISTORY)
        self.end = HISTORY
        self.places = [0] * HISTORY
        """Hash of three bytes -> where they were last, counted from the middle of the history."""

    def compress(self, data: bytes, keep: bool) -> tuple[bytes | None, bool, bool]:
        """MPPC_Compress: (the code; None if it did not help, history was moved, history was lost)."""
        if len(data) > HISTORY:
            return None, False, False
        moved = self.end + len(data) >= 2 * HISTORY
        if moved:
            self.history[:HISTORY] = self.history[HISTORY:]
            self.end = HISTORY
        start = self.end
        self.history[start : start + len(data)] = data
        self.end = start + len(data)
        code = self._code(start, len(data))
        longer = len(code) > len(data)
        if longer or not keep:
            self.clear()
        return (None if longer else code), moved, longer

    def _code(self, start: int, size: int) -> bytes:
        value, bits, at = 0, 0, 0
        history = self.history
        while at < size:
            here = start + at
            count = 0
            if at < size - 2:
                offset, count = self._match(here, start + size)
            if count:
                part, width = _copy(offset, count)
                at += count
            else:
                byte = history[here]
                part, width = (byte, 8) if byte < 0x80 else (0x100 | byte & 0x7F, 9)
                at += 1
            value = value << width | part
            bits += width
        pad = -bits % 8
        return (value << pad).to_bytes((bits + pad) // 8, "big")

    def _match(self, here: int, end: int) -> tuple[int, int]:
        """(how far back the same bytes are, how many); no bytes if there are not three."""
        history = self.history
        a, b, c = history[here : here + 3]
        slot = (40543 * (((a << 4 ^ b) << 4) ^ c)) >> 4 & HISTORY - 1
        there = HISTORY + self.places[slot]
        self.places[slot] = here - HISTORY
        if there > here:
            there -= HISTORY
        offset = here - there
        if not 1 <= offset < HISTORY or history[there : there + 3] != history[here : here + 3]:
            return 0, 0
        count = 3
        while here + count < end and history[there + count] == history[here + count]:
            count += 1
        return offset, count


def _copy(offset: int, count: int) -> tuple[int, int]:
    """The code of a copy, and its bits."""
    if offset < SHORT:
        part, width = 0xF << 6 | offset, 10
    elif offset < MEDIUM:
        part, width = 0xE << 8 | offset - SHORT, 12
    else:
        part, width = 6 << 13 | offset - MEDIUM, 16
    if count == 3:
        return part << 1, width + 1
    # A count of 2^n to 2^(n+1)-1: n-1 ones, a zero, the low n bits.
    n = count.bit_length() - 1
    ones = ((1 << n - 1) - 1) << 1
    return (part << 2 * n) | ones << n | count & (1 << n) - 1, width + 2 * n


class Bits:
    """A string of bits that is read."""

    def __init__(self, data: bytes) -> None:
        self.value = int.from_bytes(data, "big")
        self.left = 8 * len(data)

    def take(self, count: int) -> int:
        """The next bits; zeros behind the end."""
        self.left -= count
        if self.left < 0:
            return (self.value << -self.left) & (1 << count) - 1
        return self.value >> self.left & (1 << count) - 1


class Decompression:
    """The receiver's history."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """MPPC_InitDecompressionHistory."""
        self.history = bytearray(2 * HISTORY)
        self.end = HISTORY

    def expand(self, data: bytes, moved: bool, limit: int) -> bytes | None:
        """MPPC_Decompress: None for nonsense, or more than `limit` bytes."""
        if moved:
            self.history[:HISTORY] = self.history[HISTORY:]
            self.end = HISTORY
        start = self.end
        bits = Bits(data)
        while bits.left >= 8:
            if not self._item(bits):
                return None
        out = bytes(self.history[start : self.end])
        if out[:1] and out[0] & 1:
            out = b"\0" + out
        return out if len(out) <= limit else None

    def _item(self, bits: Bits) -> bool:
        """One byte or copy; False if it makes no sense."""
        if not bits.take(1):
            return self._put(bits.take(7))
        if not bits.take(1):
            return self._put(0x80 | bits.take(7))
        if not bits.take(1):
            offset = bits.take(13) + MEDIUM
        elif not bits.take(1):
            offset = bits.take(8) + SHORT
        else:
            offset = bits.take(6)
        ones = 0
        while bits.take(1):
            ones += 1
            if ones > 11:
                return False
        count = 3 if not ones else 1 << ones + 1 | bits.take(ones + 1)
        if offset >= HISTORY or self.end + count >= 2 * HISTORY:
            return False
        for _ in range(count):
            self.history[self.end] = self.history[self.end - offset]
            self.end += 1
        return True

    def _put(self, byte: int) -> bool:
        if self.end >= 2 * HISTORY:
            return False
        self.history[self.end] = byte
        self.end += 1
        return True
