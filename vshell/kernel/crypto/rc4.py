"""The stream cipher RC4, as a kernel file of its own (crypto/rc4/rc4.c)."""

from __future__ import annotations

from vshell.kernel.kern.module import Kld

KLD = Kld(size=0x20A0)


class Rc4:
    """The stream cipher RC4."""

    def __init__(self, key: bytes) -> None:
        self.state = state = list(range(256))
        self.x = self.y = 0
        j = 0
        for i in range(256):
            j = (j + state[i] + key[i % len(key)]) & 0xFF
            state[i], state[j] = state[j], state[i]

    def crypt(self, data: bytes) -> bytes:
        """The same both ways."""
        state, out = self.state, bytearray()
        for byte in data:
            self.x = (self.x + 1) & 0xFF
            self.y = (self.y + state[self.x]) & 0xFF
            state[self.x], state[self.y] = state[self.y], state[self.x]
            out.append(byte ^ state[(state[self.x] + state[self.y]) & 0xFF])
        return bytes(out)
