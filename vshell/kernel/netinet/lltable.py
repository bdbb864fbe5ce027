"""The link-level address table of an interface (net/if_llatbl.h): who is where on the wire.

Listing order is that of FreeBSD: 32 chains by a hash of the address, newest first in each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vshell.kernel.kern.clock import Callout
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf

LLE_DELETED, LLE_STATIC, LLE_IFADDR, LLE_VALID, LLE_REDIRECT, LLE_PUB = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20

HSIZE = 32


class Llentry:
    """One neighbour (struct llentry)."""

    __slots__ = (
        "addr", "asked", "expire", "flags", "hittime", "hold", "lladdr", "preempt", "skip_req", "state", "table", "timer",
    )  # fmt: skip

    def __init__(self, table: Lltable, addr: bytes, flags: int = 0) -> None:
        self.table: Lltable | None = table
        self.addr = addr
        self.flags = flags
        self.lladdr = b""
        self.state = 0
        self.expire = 0
        """Uptime in seconds."""
        self.asked = 0
        self.preempt = 0
        self.skip_req = False
        """Somebody wants to know whether the entry is used."""
        self.hittime = 0
        self.hold: list[Mbuf] = []
        """Packets that wait for the answer."""
        self.timer: Callout | None = None


def hash_inet(addr: bytes) -> int:
    """IN_LLTBL_HASH of an address as a little-endian machine reads it."""
    key = int.from_bytes(addr, "little")
    key ^= key >> 8
    value = (key >> 8) ^ int.from_bytes(addr, "little")
    value = (value >> 8) ^ int.from_bytes(addr, "little")
    return value & HSIZE - 1


class Lltable:
    """The table of one interface for one family."""

    __slots__ = ("chains", "entries", "ifp")

    def __init__(self, ifp: Ifnet) -> None:
        self.ifp = ifp
        self.entries: dict[bytes, Llentry] = {}
        self.chains: dict[int, list[Llentry]] = {}

    def link(self, lle: Llentry) -> None:
        """Add an entry."""
        self.entries[lle.addr] = lle
        self.chains.setdefault(hash_inet(lle.addr), []).insert(0, lle)
        lle.table = self

    def unlink(self, lle: Llentry) -> None:
        """Take an entry out; its timer stops."""
        if lle.table is self and self.entries.get(lle.addr) is lle:
            del self.entries[lle.addr]
            self.chains[hash_inet(lle.addr)].remove(lle)
        lle.table = None
        lle.flags |= LLE_DELETED
        if lle.timer is not None:
            lle.timer.stop()

    def __iter__(self) -> Iterator[Llentry]:
        """All entries in the order of the chains."""
        for index in sorted(self.chains):
            yield from list(self.chains[index])
