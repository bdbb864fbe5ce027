"""X25519: the key exchange of RFC 7748 on Curve25519."""

from __future__ import annotations

_P = (1 << 255) - 19
_A24 = 121665
_BASE = (9).to_bytes(32, "little")


def clamp(secret: bytes) -> bytes:
    """Random bytes made a secret key (curve25519_clamp_secret)."""
    return bytes((secret[0] & 248,)) + secret[1:31] + bytes((secret[31] & 127 | 64,))


def x25519(secret: bytes, public: bytes) -> bytes:
    """The shared secret of our secret key and their public key."""
    k = int.from_bytes(clamp(secret), "little")
    x1 = int.from_bytes(public, "little") & ((1 << 255) - 1)
    x2, z2, x3, z3 = 1, 0, x1, 1
    swap = 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b = x2 + z2, x2 - z2
        aa, bb = a * a % _P, b * b % _P
        e = aa - bb
        da, cb = (x3 - z3) * a, (x3 + z3) * b
        x3, z3 = (da + cb) ** 2 % _P, x1 * ((da - cb) ** 2 % _P) % _P
        x2, z2 = aa * bb % _P, e * (aa + _A24 * e) % _P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, _P - 2, _P) % _P).to_bytes(32, "little")


def public_key(secret: bytes) -> bytes:
    """The public key of a secret key."""
    return x25519(secret, _BASE)
