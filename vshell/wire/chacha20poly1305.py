"""ChaCha20-Poly1305: authenticated encryption of RFC 8439."""

from __future__ import annotations

from hmac import compare_digest
from struct import Struct

TAG_LEN = 16
_WORDS = Struct("<16I")
_MASK = 0xFFFFFFFF
_CONSTANTS = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
_ROUNDS = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip
_P = (1 << 130) - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


def _block(state: tuple[int, ...]) -> bytes:
    x = list(state)
    for _ in range(10):
        for i, j, k, n in _ROUNDS:
            a, b, c, d = x[i], x[j], x[k], x[n]
            a = a + b & _MASK
            d ^= a
            d = (d << 16 | d >> 16) & _MASK
            c = c + d & _MASK
            b ^= c
            b = (b << 12 | b >> 20) & _MASK
            a = a + b & _MASK
            d ^= a
            d = (d << 8 | d >> 24) & _MASK
            c = c + d & _MASK
            b ^= c
            x[i], x[j], x[k], x[n] = a, (b << 7 | b >> 25) & _MASK, c, d
    return _WORDS.pack(*[p + q & _MASK for p, q in zip(x, state, strict=True)])


def _stream(key: bytes, nonce: bytes, count: int) -> tuple[bytes, bytes]:
    """The one-time key of the tag, and `count` bytes to mix with the text."""
    fixed = _CONSTANTS + tuple(int.from_bytes(key[i : i + 4], "little") for i in range(0, 32, 4))
    tail = tuple(int.from_bytes(nonce[i : i + 4], "little") for i in range(0, 12, 4))
    blocks = b"".join(_block((*fixed, n, *tail)) for n in range(1, (count + 63) // 64 + 1))
    return _block((*fixed, 0, *tail))[:32], blocks[:count]


def _tag(key: bytes, ad: bytes, text: bytes) -> bytes:
    data = ad + bytes(-len(ad) % 16) + text + bytes(-len(text) % 16)
    data += len(ad).to_bytes(8, "little") + len(text).to_bytes(8, "little")
    r = int.from_bytes(key[:16], "little") & _CLAMP
    acc = 0
    for i in range(0, len(data), 16):
        acc = (acc + int.from_bytes(data[i : i + 16] + b"\1", "little")) * r % _P
    return (acc + int.from_bytes(key[16:], "little") & (1 << 128) - 1).to_bytes(16, "little")


def _mix(text: bytes, stream: bytes) -> bytes:
    return (int.from_bytes(text, "little") ^ int.from_bytes(stream, "little")).to_bytes(len(text), "little")


def _nonce(counter: int) -> bytes:
    return bytes(4) + counter.to_bytes(8, "little")


def seal(key: bytes, counter: int, text: bytes, ad: bytes = b"") -> bytes:
    """The encrypted text and its tag."""
    onetime, stream = _stream(key, _nonce(counter), len(text))
    out = _mix(text, stream)
    return out + _tag(onetime, ad, out)


def unseal(key: bytes, counter: int, sealed: bytes, ad: bytes = b"") -> bytes | None:
    """The text, None if it is not what was sealed."""
    body = sealed[:-TAG_LEN]
    if len(sealed) < TAG_LEN:
        return None
    onetime, stream = _stream(key, _nonce(counter), len(body))
    if not compare_digest(_tag(onetime, ad, body), sealed[-TAG_LEN:]):
        return None
    return _mix(body, stream)
