"""X25519 and ChaCha20-Poly1305 against the vectors of RFC 7748 and RFC 8439 and their own laws."""

from __future__ import annotations

from vshell.wire.chacha20poly1305 import seal, unseal
from vshell.wire.curve25519 import public_key, x25519


def test_the_vector_of_rfc_7748() -> None:
    secret = bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    public = bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    assert x25519(secret, public).hex() == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"


def test_both_sides_agree() -> None:
    a, b = bytes(range(32)), bytes(range(100, 132))
    assert x25519(a, public_key(b)) == x25519(b, public_key(a))


def test_what_is_sealed_opens_only_unchanged() -> None:
    key, text = bytes(range(32)), b"packet" * 30
    sealed = seal(key, 7, text, b"more")
    assert unseal(key, 7, sealed, b"more") == text
    assert unseal(key, 8, sealed, b"more") is None
    assert unseal(key, 7, sealed, b"less") is None
    assert unseal(key, 7, bytes((sealed[0] ^ 1,)) + sealed[1:], b"more") is None
    assert unseal(key, 7, b"short") is None
