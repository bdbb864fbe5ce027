"""The 16-bit frame check sequence of PPP (RFC 1662, appendix C; net/ppp_defs.h)."""

from __future__ import annotations

PPP_INITFCS, PPP_GOODFCS = 0xFFFF, 0xF0B8
POLYNOMIAL = 0x8408
"""x^16 + x^12 + x^5 + 1, the lowest bit first."""


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ POLYNOMIAL if value & 1 else value >> 1
    return value


TABLE = tuple(_entry(i) for i in range(256))


def ppp_fcs(fcs: int, data: bytes) -> int:
    """Go on with a sequence over more bytes."""
    for byte in data:
        fcs = fcs >> 8 ^ TABLE[(fcs ^ byte) & 0xFF]
    return fcs
