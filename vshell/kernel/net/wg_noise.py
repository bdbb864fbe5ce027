"""The handshake and the sessions of wg(4): Noise_IKpsk2 with its four messages (dev/wg/wg_noise.c, wg_cookie.c).

DIFFERS: cookies are checked for (the first code of a message) but never asked for, as nothing is ever under load here.
"""

from __future__ import annotations

import hmac
from hashlib import blake2s
from typing import TYPE_CHECKING

from vshell.wire.chacha20poly1305 import seal, unseal
from vshell.wire.curve25519 import clamp, public_key, x25519

if TYPE_CHECKING:
    from vshell.kernel.kern.kernel import Kernel

NS = 1_000_000_000
REKEY_AFTER_TIME, REJECT_AFTER_TIME, REKEY_TIMEOUT, KEEPALIVE_TIMEOUT = 120 * NS, 180 * NS, 5 * NS, 10 * NS
REKEY_AFTER_TIME_RECV = REJECT_AFTER_TIME - KEEPALIVE_TIMEOUT - REKEY_TIMEOUT
REKEY_AFTER_MESSAGES, REJECT_AFTER_MESSAGES = 1 << 60, (1 << 64) - (1 << 13) - 1
REJECT_INTERVAL = NS // 50
REJECT_INTERVAL_MASK = ~((1 << 24) - 1)
COUNTER_WINDOW = (1 << 13) - 64

INITIATION, RESPONSE, COOKIE, DATA = 1, 2, 3, 4
INITIATION_LEN, RESPONSE_LEN, COOKIE_LEN, DATA_MIN = 148, 92, 64, 32
MACS_LEN = 32

ZERO = bytes(32)


def _hash(*parts: bytes) -> bytes:
    return blake2s(b"".join(parts)).digest()


_CHAIN = _hash(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")
_HASH = _hash(_CHAIN, b"WireGuard v1 zx2c4 Jason@zx2c4.com")


def _kdf(ck: bytes, data: bytes, count: int) -> tuple[bytes, ...]:
    """noise_kdf: `count` keys from a chaining key and what was exchanged."""
    secret = hmac.digest(ck, data, "blake2s")
    out: list[bytes] = []
    last = b""
    for n in range(1, count + 1):
        last = hmac.digest(secret, last + bytes((n,)), "blake2s")
        out.append(last)
    return tuple(out)


def mac1(public: bytes, message: bytes) -> bytes:
    """The first code at the end of a handshake message to the owner of that key."""
    return blake2s(message, digest_size=16, key=_hash(b"mac1----", public)).digest()


class Keypair:
    """A session: the keys of both directions and how far they are used (noise_keypair)."""

    __slots__ = ("birth", "can_send", "initiator", "local", "nonce", "recv", "remote", "seen", "send", "top")

    def __init__(self, initiator: bool, send: bytes, recv: bytes, local: int, remote: int, birth: int) -> None:
        self.initiator = self.can_send = initiator
        self.send, self.recv = send, recv
        self.local, self.remote = local, remote
        self.birth = birth
        self.nonce = 0
        self.top = -1
        self.seen: set[int] = set()

    def fresh(self, counter: int) -> bool:
        """noise_keypair_nonce_check: not a replay."""
        if counter in self.seen or counter + COUNTER_WINDOW < self.top:
            return False
        self.seen.add(counter)
        self.top = max(self.top, counter)
        if len(self.seen) > 2 * COUNTER_WINDOW:
            self.seen = {n for n in self.seen if n + COUNTER_WINDOW >= self.top}
        return True


class Local:
    """Our side: the keys of an interface, and its sessions by index (noise_local)."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.private = b""
        self.public = ZERO
        self.remotes: dict[bytes, Remote] = {}
        """By public key."""
        self.index: dict[int, Remote] = {}

    def set_private(self, secret: bytes) -> None:
        """noise_local_private."""
        self.private = clamp(secret) if secret != ZERO else b""
        self.public = public_key(self.private) if self.private else ZERO
        for remote in self.remotes.values():
            remote.precompute()

    # the receiving side of the handshake -------------------------------------------------------------------------
    def consume_initiation(self, message: bytes) -> Remote | None:
        """noise_consume_initiation: who wants a session; None for anyone else's."""
        if not self.private:
            return None
        sender, epub = message[4:8], message[8:40]
        h = _hash(_HASH, self.public)
        h = _hash(h, epub)
        (ck,) = _kdf(_CHAIN, epub, 1)
        ck, key = _kdf(ck, x25519(self.private, epub), 2)
        static = unseal(key, 0, message[40:88], h)
        remote = self.remotes.get(static) if static is not None else None
        if remote is None or remote.shared == ZERO:
            return None
        h = _hash(h, message[40:88])
        ck, key = _kdf(ck, remote.shared, 2)
        stamp = unseal(key, 0, message[88:116], h)
        now = self.kernel.clock.now
        if stamp is None or stamp <= remote.timestamp or now < remote.last_init + REJECT_INTERVAL:
            return None
        remote.timestamp, remote.last_init = stamp, now
        remote.handshake = (ck, _hash(h, message[88:116]), b"", epub, int.from_bytes(sender, "little"), 0, False)
        return remote

    def consume_response(self, message: bytes) -> Remote | None:
        """noise_consume_response: whose answer it is, with its session begun."""
        remote = self.index.get(int.from_bytes(message[8:12], "little"))
        if remote is None or remote.handshake is None or not remote.handshake[6] or not self.private:
            return None
        ck, h, esecret, _, _, local, _ = remote.handshake
        epub = message[12:44]
        h = _hash(h, epub)
        (ck,) = _kdf(ck, epub, 1)
        (ck,) = _kdf(ck, x25519(esecret, epub), 1)
        (ck,) = _kdf(ck, x25519(self.private, epub), 1)
        ck, tau, key = _kdf(ck, remote.psk, 3)
        if local != int.from_bytes(message[8:12], "little") or unseal(key, 0, message[44:60], _hash(h, tau)) is None:
            return None
        send, recv = _kdf(ck, b"", 2)
        remote.begin_session(True, send, recv, local, int.from_bytes(message[4:8], "little"))
        return remote


class Remote:
    """A peer's side (noise_remote)."""

    def __init__(self, local: Local, public: bytes) -> None:
        self.local = local
        self.public = public
        self.psk = ZERO
        self.shared = ZERO
        self.timestamp = bytes(12)
        self.last_init = -REJECT_INTERVAL
        self.last_sent = -REKEY_TIMEOUT
        self.handshake: tuple[bytes, bytes, bytes, bytes, int, int, bool] | None = None
        """Chaining key, hash, our short-lived secret, theirs, their index, our index, is it we who asked."""
        self.next: Keypair | None = None
        self.current: Keypair | None = None
        self.previous: Keypair | None = None
        self.precompute()
        local.remotes[public] = self

    def precompute(self) -> None:
        """noise_precompute_ss; a handshake under way is void."""
        self.shared = x25519(self.local.private, self.public) if self.local.private else ZERO
        self.clear_handshake()

    def destroy(self) -> None:
        """noise_remote_destroy."""
        self.clear_handshake()
        self.clear_keypairs()
        self.local.remotes.pop(self.public, None)

    def _new_index(self) -> int:
        while (index := self.local.kernel.random.arc4random()) in self.local.index:
            pass
        self.local.index[index] = self
        return index

    def clear_handshake(self) -> None:
        """noise_remote_handshake_clear."""
        if self.handshake is not None and self.handshake[6]:
            self.local.index.pop(self.handshake[5], None)
        self.handshake = None

    def clear_keypairs(self) -> None:
        """noise_remote_keypairs_clear."""
        for pair in (self.next, self.current, self.previous):
            self._drop(pair)
        self.next = self.current = self.previous = None

    def expire(self) -> None:
        """noise_remote_expire_current: nothing more can be sent before the next handshake."""
        for pair in (self.next, self.current):
            if pair is not None:
                pair.can_send = False

    def _drop(self, pair: Keypair | None) -> None:
        if pair is not None:
            self.local.index.pop(pair.local, None)

    # messages --------------------------------------------------------------------------------------------------
    def create_initiation(self) -> bytes | None:
        """noise_create_initiation, with its codes."""
        local = self.local
        if not local.private or self.shared == ZERO:
            return None
        kernel = local.kernel
        self.clear_handshake()
        esecret = clamp(kernel.random.bytes(32))
        epub = public_key(esecret)
        h = _hash(_hash(_HASH, self.public), epub)
        (ck,) = _kdf(_CHAIN, epub, 1)
        ck, key = _kdf(ck, x25519(esecret, self.public), 2)
        static = seal(key, 0, local.public, h)
        h = _hash(h, static)
        ck, key = _kdf(ck, self.shared, 2)
        seconds, nanos = divmod(kernel.clock.realtime(), NS)
        stamp = (0x400000000000000A + seconds).to_bytes(8, "big") + (nanos & REJECT_INTERVAL_MASK).to_bytes(4, "big")
        sealed = seal(key, 0, stamp, h)
        index = self._new_index()
        self.handshake = (ck, _hash(h, sealed), esecret, b"", 0, index, True)
        self.last_sent = kernel.clock.now
        return self._finish(INITIATION.to_bytes(4, "little") + index.to_bytes(4, "little") + epub + static + sealed)

    def create_response(self) -> bytes | None:
        """noise_create_response; begins a session that may be used once something arrives by it."""
        if self.handshake is None or self.handshake[6]:
            return None
        ck, h, _, epub_i, remote, _, _ = self.handshake
        esecret = clamp(self.local.kernel.random.bytes(32))
        epub = public_key(esecret)
        (ck,) = _kdf(ck, epub, 1)
        h = _hash(h, epub)
        (ck,) = _kdf(ck, x25519(esecret, epub_i), 1)
        (ck,) = _kdf(ck, x25519(esecret, self.public), 1)
        ck, tau, key = _kdf(ck, self.psk, 3)
        empty = seal(key, 0, b"", _hash(h, tau))
        recv, send = _kdf(ck, b"", 2)
        index = self._new_index()
        self.begin_session(False, send, recv, index, remote)
        head = RESPONSE.to_bytes(4, "little") + index.to_bytes(4, "little") + remote.to_bytes(4, "little")
        return self._finish(head + epub + empty)

    def _finish(self, message: bytes) -> bytes:
        """cookie_maker_mac."""
        return message + mac1(self.public, message) + bytes(16)

    def initiation_expired(self) -> bool:
        """May another one be sent?"""
        return self.local.kernel.clock.now - self.last_sent >= REKEY_TIMEOUT

    # sessions --------------------------------------------------------------------------------------------------
    def begin_session(self, initiator: bool, send: bytes, recv: bytes, local: int, remote: int) -> None:
        """noise_begin_session, noise_add_new_keypair."""
        pair = Keypair(initiator, send, recv, local, remote, self.local.kernel.clock.now)
        self.handshake = None
        if initiator:
            if self.next is not None:
                self._drop(self.previous)
                self._drop(self.current)
                self.next.can_send = False
                self.previous, self.next = self.next, None
            else:
                self._drop(self.previous)
                self.previous = self.current
            self.current = pair
        else:
            self._drop(self.next)
            self._drop(self.previous)
            self.next, self.previous = pair, None

    def pair(self, index: int) -> Keypair | None:
        """The session of an index of ours (noise_keypair_lookup)."""
        for pair in (self.current, self.previous, self.next):
            if pair is not None and pair.local == index:
                return pair
        return None

    def received_with(self, pair: Keypair) -> bool:
        """noise_keypair_received_with: True if that made it the session to send by."""
        if pair is not self.next:
            return False
        self._drop(self.previous)
        self.previous, self.current, self.next = self.current, pair, None
        pair.can_send = True
        return True

    def sending(self) -> Keypair | None:
        """noise_keypair_current: the session to send by, if it is still good."""
        pair = self.current
        if pair is None or not pair.can_send or pair.nonce >= REJECT_AFTER_MESSAGES:
            return None
        return pair if self.local.kernel.clock.now - pair.birth < REJECT_AFTER_TIME else None

    def should_refresh(self, received: bool) -> bool:
        """noise_keypair_should_refresh."""
        pair = self.current
        if pair is None or not pair.can_send:
            return True
        limit = REKEY_AFTER_TIME_RECV if received else REKEY_AFTER_TIME
        old = pair.initiator and self.local.kernel.clock.now - pair.birth >= limit
        return old or (not received and pair.nonce > REKEY_AFTER_MESSAGES)

    def encrypt(self, pair: Keypair, text: bytes) -> bytes:
        """A data message."""
        counter = pair.nonce
        pair.nonce += 1
        head = DATA.to_bytes(4, "little") + pair.remote.to_bytes(4, "little") + counter.to_bytes(8, "little")
        return head + seal(pair.send, counter, text)
