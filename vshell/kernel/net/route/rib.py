"""One routing table: prefixes, longest match, listing (struct rib_head, net/radix.c).

Prefixes are kept in one dictionary per prefix length, so adding, deleting and finding cost the same with ten routes and
with a hundred thousand; a look-up asks only the lengths in use, longest first, and remembers its answer until the table
changes.  A link-local IPv6 address carries its interface in bytes 2 and 3 inside the table, as in the kernel's
own sockaddrs, which also gives the listing its order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.socket import AF_INET
from vshell.abi.sockio import IFCAP_LINKSTATE, LINK_STATE_UP
from vshell.kernel.kern.clock import MS
from vshell.kernel.kern.kern_fork import EXEC_COST
from vshell.wire.ip6 import is_scoped

if TYPE_CHECKING:
    from vshell.kernel.kern.clock import Callout
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.route.nhop import AnyNhop
    from vshell.kernel.net.vnet import Vnet

CACHE_MAX = 65536
SYNC_DELAY = min(50 * MS, 3 * EXEC_COST)
"""How long a changed route waits for others (net.route.algo.bucket_time_ms).

The 50 ms of a real machine pass while it starts three programs: the change is seen by the second command after it, not by the
first.  The same must hold where a start takes less.
"""


def embed(addr: bytes, scope: int) -> bytes:
    """in6_setscope: put the interface index into a scoped address."""
    return addr[:2] + scope.to_bytes(2, "big") + addr[4:] if scope and is_scoped(addr) else addr


def recover(key: bytes) -> tuple[bytes, int]:
    """sa6_recoverscope: address and interface index of a key."""
    if is_scoped(key) and (key[2] or key[3]):
        return key[:2] + b"\0\0" + key[4:], key[2] << 8 | key[3]
    return key, 0


def link_is_up(ifp: Ifnet) -> bool:
    """RT_LINK_IS_UP: an interface that does not know the state of its link counts as up."""
    return not ifp.capabilities & IFCAP_LINKSTATE or ifp.link_state == LINK_STATE_UP


class Rtentry:
    """One route (struct rtentry)."""

    __slots__ = ("dp", "key", "nhop", "plen", "weight")

    def __init__(self, key: bytes, plen: int) -> None:
        self.key = key
        """The prefix, masked, with an embedded scope."""
        self.plen = plen
        self.nhop: AnyNhop
        self.dp: AnyNhop | None = None
        """What the data path still uses: it learns of some changes a moment later (see Rib.defer)."""
        self.weight = 0

    @property
    def dst(self) -> bytes:
        """The prefix without scope."""
        return recover(self.key)[0]

    @property
    def scope(self) -> int:
        """The interface index of a scoped prefix."""
        return recover(self.key)[1]


class Rib:
    """One table: an address family in a fib."""

    __slots__ = (
        "_levels", "_sorted", "cache", "count", "deferred", "dying", "expire_callout", "family", "fibnum", "flows", "gen",
        "levels", "next_expire", "nhc", "plain", "sync_callout", "vnet", "width",
    )  # fmt: skip

    def __init__(self, vnet: Vnet, family: int, fibnum: int) -> None:
        from vshell.kernel.net.route.nhop import NhControl

        self.vnet = vnet
        self.family = family
        self.fibnum = fibnum
        self.width = 32 if family == AF_INET else 128
        self.levels: dict[int, dict[int, Rtentry]] = {}
        """Prefix length -> prefix as a number -> route."""
        self._levels: list[tuple[int, dict[int, Rtentry]]] = []
        """(mask, routes) of the lengths in use, longest first."""
        self._sorted: list[Rtentry] | None = None
        self.cache: dict[bytes, AnyNhop | None] = {}
        """Answers of look-ups since the last change."""
        self.flows: dict[Any, Any] = {}
        """Plain forwarding decisions since the last change, by source and destination (ip_input.py, ip6_input.py)."""
        self.plain: dict[bytes, Any] = {}
        """Where packets made here go, by destination, since the last change (netinet/ip_output.py)."""
        self.count = 0
        self.gen = 0
        """Grows with every change (rnh_gen): who keeps a next hop compares it."""
        self.nhc = NhControl(self)
        self.deferred: list[Rtentry] = []
        self.sync_callout: Callout | None = None
        self.expire_callout: Callout | None = None
        self.next_expire = 0
        self.dying = False

    def mask(self, plen: int) -> int:
        """The netmask as a number."""
        return ((1 << plen) - 1) << (self.width - plen)

    def masked(self, addr: bytes, plen: int) -> bytes:
        """An address with the bits after the prefix cleared."""
        return (int.from_bytes(addr, "big") & self.mask(plen)).to_bytes(self.width // 8, "big")

    def find(self, key: bytes, plen: int) -> Rtentry | None:
        """The route of exactly this prefix (rnh_lookup)."""
        level = self.levels.get(plen)
        return level.get(int.from_bytes(key, "big")) if level else None

    def match(self, key: bytes) -> Rtentry | None:
        """The route with the longest prefix that covers an address (rnh_matchaddr)."""
        number = int.from_bytes(key, "big")
        for mask, level in self._levels:
            rt = level.get(number & mask)
            if rt is not None:
                return rt
        return None

    def lookup(self, key: bytes) -> AnyNhop | None:
        """match, remembered; for the data path, which has looked into `cache` before.

        A route over an interface whose link is down is as good as none.
        """
        number = int.from_bytes(key, "big")
        nh: AnyNhop | None = None
        for mask, level in self._levels:
            rt = level.get(number & mask)
            if rt is not None and rt.dp is not None:
                nh = rt.dp
                break
        if nh is not None and nh.slots is None and not link_is_up(nh.ifp):
            nh = None
        if len(self.cache) >= CACHE_MAX:
            self.cache.clear()
        self.cache[key] = nh
        return nh

    def insert(self, rt: Rtentry) -> None:
        """rnh_addaddr."""
        level = self.levels.get(rt.plen)
        if level is None:
            level = self.levels[rt.plen] = {}
            self._relevel()
        level[int.from_bytes(rt.key, "big")] = rt
        self.count += 1
        self._sorted = None

    def remove(self, rt: Rtentry) -> None:
        """rnh_deladdr."""
        level = self.levels[rt.plen]
        del level[int.from_bytes(rt.key, "big")]
        if not level:
            del self.levels[rt.plen]
            self._relevel()
        self.count -= 1
        self._sorted = None

    def _relevel(self) -> None:
        self._levels = [(self.mask(plen), self.levels[plen]) for plen in sorted(self.levels, reverse=True)]

    def bump(self) -> None:
        """rib_bump_gen: something changed."""
        self.gen += 1
        self.forget()

    def forget(self) -> None:
        """Forget what look-ups and forwarded flows found."""
        if self.cache:
            self.cache.clear()
        if self.flows:
            self.flows.clear()
        if self.plain:
            self.plain.clear()

    # the data path ---------------------------------------------------------------------------------------------
    def defer(self, rt: Rtentry) -> None:
        """The data path shall go on with what it has for this route until `sync`, which comes soon (update_rebuild_delay).

        The look-up structures of FreeBSD (net/route/fib_algo.c) are rebuilt as a whole.  Direct and static routes that come or
        go rebuild them at once; a route that only changes, or comes from a routing protocol, waits some milliseconds
        for others to change with it.
        """
        self.deferred.append(rt)
        if self.sync_callout is None:
            self.sync_callout = self.vnet.kernel.clock.callout()
        if not self.sync_callout.pending:
            self.sync_callout.reset(SYNC_DELAY, self.sync)

    def sync(self) -> None:
        """Let the data path have the table as it is (rebuild_fd)."""
        if self.sync_callout is not None:
            self.sync_callout.stop()
        for rt in self.deferred:
            rt.dp = rt.nhop
        self.deferred.clear()
        self.nhc.fib_release()
        self.forget()

    def walk(self) -> list[Rtentry]:
        """All routes in the order of the tree: by network, longer mask first (rnh_walktree)."""
        if self._sorted is None:
            self._sorted = sorted((rt for level in self.levels.values() for rt in level.values()), key=_order)
        return self._sorted


def _order(rt: Rtentry) -> tuple[bytes, int]:
    return rt.key, -rt.plen
