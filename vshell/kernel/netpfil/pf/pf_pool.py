"""Pools of addresses that packets are translated or sent to (struct pf_kpool; pf_map_addr of netpfil/pf/pf_lb.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.pf import PfPool, PfPoolAddr
from vshell.abi.socket import AF_INET

if TYPE_CHECKING:
    from vshell.kernel.netpfil.pf.pf_ioctl import Pf
    from vshell.kernel.netpfil.pf.pf_ruleset import Krule
    from vshell.kernel.netpfil.pf.pf_table import Ktable

_M64 = (1 << 64) - 1


class Pool:
    """One pool of a rule."""

    __slots__ = ("counter", "cur", "key", "opts", "pf", "pool", "tables")

    def __init__(self, pf: Pf, rule: Krule, pool: PfPool) -> None:
        self.pf = pf
        self.pool = pool
        self.opts = pool.opts
        self.cur = 0
        self.counter = -1
        self.key = pool.key
        self.tables: dict[str, Ktable] = {
            entry.addr.name: rule.attach(pf, entry.addr.name) for entry in pool.list if entry.addr.type == P.PF_ADDR_TABLE
        }

    def __bool__(self) -> bool:
        return bool(self.pool.list)

    @property
    def kind(self) -> int:
        """PF_POOL_*."""
        return self.opts & P.PF_POOL_TYPEMASK

    def ranges(self, entry: PfPoolAddr, af: int) -> list[tuple[int, int]]:
        """First address and mask of the networks an entry stands for."""
        addr = entry.addr
        size = 4 if af == AF_INET else 16
        if addr.type == P.PF_ADDR_DYNIFTL:
            return self.pf.kifs.dynaddrs(addr, af)
        if addr.type == P.PF_ADDR_TABLE:
            kt = self.tables[addr.name].active()
            if kt is None:
                return []
            bits = size * 8
            full = (1 << bits) - 1
            return [
                (e.number, full ^ ((1 << (bits - e.net)) - 1)) for e in kt.entries.ordered() if e.af == af and not e.neg
            ]  # fmt: skip
        if entry.af and entry.af != af:
            return []
        if addr.type == P.PF_ADDR_RANGE:
            low, high = int.from_bytes(addr.addr[:size], "big"), int.from_bytes(addr.mask[:size], "big")
            full = (1 << (size * 8)) - 1
            return [(n, full) for n in range(low, min(high, low + 65535) + 1)]
        return [(int.from_bytes(addr.addr[:size], "big"), int.from_bytes(addr.mask[:size], "big"))]

    def map(self, af: int, src: int) -> tuple[int, PfPoolAddr] | None:
        """pf_map_addr: an address of the family for a source, and the entry it is from; None if there is none."""
        entries = self.pool.list
        if not entries:
            return None
        kind = self.kind
        size = 4 if af == AF_INET else 16
        full = (1 << (size * 8)) - 1
        if kind == P.PF_POOL_ROUNDROBIN:
            return self._round_robin(af, full)
        entry = entries[min(self.cur, len(entries) - 1)]
        found = self.ranges(entry, af)
        if not found:
            return None
        if kind == P.PF_POOL_RANDOM:
            low, mask = found[self.pf.vnet.kernel.random.uniform(len(found))]
            host = int.from_bytes(self.pf.vnet.kernel.random.bytes(size), "big")
            return (low & mask) | (host & ~mask & full), entry
        if kind == P.PF_POOL_SRCHASH:
            key = b"".join(word.to_bytes(4, "little") for word in self.key)
            digest = siphash24(key, src.to_bytes(size, "big"))
            low, mask = found[digest % len(found)]
            wide = digest | (digest ^ _M64) << 64
            return (low & mask) | (wide & ~mask & full), entry
        low, mask = found[0]
        if kind == P.PF_POOL_BITMASK:
            return (low & mask) | (src & ~mask & full), entry
        return low, entry

    def _round_robin(self, af: int, full: int) -> tuple[int, PfPoolAddr] | None:
        """The address after the last one, through all networks of all entries."""
        entries = self.pool.list
        for turn in range(len(entries) + 1):
            at = (self.cur + turn) % len(entries)
            found = self.ranges(entries[at], af)
            if turn == 0 and self.counter >= 0:
                # The address that is next belongs to the current entry still, or it is the turn of another.
                inside = next((i for i, (low, mask) in enumerate(found) if (self.counter & mask) == (low & mask)), -1)
                if inside < 0:
                    continue
                chosen = self.counter
                low, mask = found[inside]
            elif found:
                low, mask = found[0]
                inside = 0
                chosen = low
            else:
                continue
            self.cur = at
            following = (chosen + 1) & full
            if (following & mask) == (low & mask) and mask != full:
                self.counter = following
            elif inside + 1 < len(found):
                self.counter = found[inside + 1][0]
            elif len(entries) > 1:
                self.cur = (at + 1) % len(entries)
                other = self.ranges(entries[self.cur], af)
                self.counter = other[0][0] if other else -1
            else:
                self.counter = found[0][0] & found[0][1] if mask != full else found[0][0]
            return chosen, entries[at]
        return None


def siphash24(key: bytes, data: bytes) -> int:
    """SipHash-2-4 (sys/crypto/siphash)."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:16], "little")
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rotl(x: int, by: int) -> int:
        return (x << by | x >> (64 - by)) & _M64

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = v[0] + v[1] & _M64
            v[2] = v[2] + v[3] & _M64
            v[1], v[3] = rotl(v[1], 13) ^ v[0], rotl(v[3], 16) ^ v[2]
            v[0] = rotl(v[0], 32)
            v[2] = v[2] + v[1] & _M64
            v[0] = v[0] + v[3] & _M64
            v[1], v[3] = rotl(v[1], 17) ^ v[2], rotl(v[3], 21) ^ v[0]
            v[2] = rotl(v[2], 32)

    blocks = data[: len(data) & ~7]
    for i in range(0, len(blocks), 8):
        word = int.from_bytes(blocks[i : i + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    last = int.from_bytes(data[len(blocks) :], "little") | (len(data) & 0xFF) << 56
    v[3] ^= last
    rounds(2)
    v[0] ^= last
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]
