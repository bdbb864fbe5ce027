"""Next hops and groups of them (net/route/nhop.c, nhop_ctl.c, nhgrp.c, nhgrp_ctl.c).

A next hop says how to send: interface, gateway, source, MTU.  Equal ones are shared within a table and carry an index that
netstat(1) shows; so do groups, from the same pool of indexes.  Both live as long as somebody refers to them: the routes
that use them, groups, and the look-up structure of the data path, which lets go a moment after the last route did.
"""

from __future__ import annotations

import itertools
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EEXIST, EINVAL, ENOMEM, KError
from vshell.abi.route import (
    RTF_BLACKHOLE,
    RTF_BROADCAST,
    RTF_DYNAMIC,
    RTF_FIXEDMTU,
    RTF_GATEWAY,
    RTF_HOST,
    RTF_PINNED,
    RTF_PROTO1,
    RTF_PROTO2,
    RTF_PROTO3,
    RTF_REJECT,
    RTF_STATIC,
)  # fmt: skip
from vshell.abi.socket import AF_INET, AF_INET6, AF_LINK
from vshell.abi.sockio import IFF_LOOPBACK
from vshell.kernel.kern.clock import MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.kernel.net.ifnet import Ifaddr, Ifnet
    from vshell.kernel.net.route.rib import Rib

NHF_MULTIPATH, NHF_REJECT, NHF_BLACKHOLE, NHF_REDIRECT, NHF_DEFAULT, NHF_BROADCAST, NHF_GATEWAY, NHF_HOST = (
    0x08, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x400,
)  # fmt: skip
RT_SET_RTFLAGS_MASK = RTF_PROTO1 | RTF_PROTO2 | RTF_PROTO3 | RTF_STATIC
RIB_MAX_MPATH_WIDTH = 64
EPOCH = 2 * MS
"""How long after its last use memory is let go (NET_EPOCH_CALL)."""

LOOPBACK = {AF_INET: b"\x7f\0\0\1", AF_INET6: bytes(15) + b"\1"}

Gw = tuple[int, bytes, int]
"""A gateway: (family, address, interface index as scope); AF_LINK with an empty address is a direct route."""

link_mtu: dict[int, Callable[[Ifnet], int]] = {}
"""Per address family: the MTU of an interface where it is not simply the interface's own (IN6_LINKMTU)."""


class Nhop:
    """One next hop (struct nhop_object with nhop_priv)."""

    __slots__ = (
        "aifp", "expire", "family", "fibnum", "flags", "gateway", "gw", "idx", "ifa", "ifp", "linked", "mtu", "origin", "pksent",
        "prepend", "refcnt", "rtflags", "slots",
    )  # fmt: skip

    def __init__(self, fibnum: int, family: int) -> None:
        self.fibnum = fibnum
        self.family = family
        """Address family of the look-up (nh_upper_family)."""
        self.flags = 0
        """NHF_*, for the data path."""
        self.rtflags = 0
        """RTF_*, for the control path."""
        self.ifp: Ifnet
        self.aifp: Ifnet
        """The interface of the source address: differs from `ifp` for routes to one's own addresses over lo0."""
        self.ifa: Ifaddr | None = None
        """The source address; None is the interface's link-level address."""
        self.gateway: bytes | None = None
        """Where to send, None for a direct route.  Its family is `gw[0]`, which may be IPv6 for an IPv4 route."""
        self.gw: Gw = (0, b"", 0)
        self.mtu = 0
        self.expire = 0
        """Uptime in seconds at which the route ends, 0 for never."""
        self.origin = 0
        self.pksent = 0
        """Packets that used it; the data path counts here."""
        self.prepend: Any = None
        """The neighbour entry of the gateway, once a packet was forwarded to it (ro_lle): saves resolving it again."""
        self.idx = 0
        self.refcnt = 1
        self.linked = False
        self.slots: list[Nhop] | None = None
        """None for a single next hop: the data path asks this one thing of what it finds."""

    def set_gw(self, gw: Gw, is_gw: bool) -> None:
        """nhop_set_gw, nhop_set_direct_gw."""
        self.gw = gw
        if is_gw:
            self.flags |= NHF_GATEWAY
            self.rtflags |= RTF_GATEWAY
            from vshell.kernel.net.route.rib import recover

            self.gateway = recover(gw[1])[0]
        else:
            self.flags &= ~NHF_GATEWAY
            self.rtflags &= ~RTF_GATEWAY
            self.gateway = None

    def set_blackhole(self, rtflag: int, loif: Ifnet | None) -> None:
        """nhop_set_blackhole: RTF_BLACKHOLE or RTF_REJECT make it a hole that ends at lo0; both at once do nothing."""
        self.flags &= ~(NHF_BLACKHOLE | NHF_REJECT)
        self.rtflags &= ~(RTF_BLACKHOLE | RTF_REJECT)
        if rtflag == RTF_BLACKHOLE:
            self.flags |= NHF_BLACKHOLE
        elif rtflag == RTF_REJECT:
            self.flags |= NHF_REJECT
        else:
            return
        self.rtflags |= rtflag
        if loif is not None:
            self.ifp = loif
        self.set_gw((self.family, LOOPBACK[self.family], 0), False)

    def set_redirect(self, on: bool) -> None:
        """nhop_set_redirect."""
        if on:
            self.rtflags |= RTF_DYNAMIC
            self.flags |= NHF_REDIRECT
        else:
            self.rtflags &= ~RTF_DYNAMIC
            self.flags &= ~NHF_REDIRECT

    def set_pinned(self, on: bool) -> None:
        """nhop_set_pinned: the kernel's own route, which wins over a user's."""
        self.rtflags = self.rtflags | RTF_PINNED if on else self.rtflags & ~RTF_PINNED

    def set_broadcast(self, on: bool) -> None:
        """nhop_set_broadcast."""
        if on:
            self.flags |= NHF_BROADCAST
            self.rtflags |= RTF_BROADCAST
        else:
            self.flags &= ~NHF_BROADCAST
            self.rtflags &= ~RTF_BROADCAST

    def set_rtflags(self, rtflags: int) -> None:
        """nhop_set_rtflags: the flags users may choose."""
        self.rtflags = self.rtflags & ~RT_SET_RTFLAGS_MASK | rtflags & RT_SET_RTFLAGS_MASK

    def set_pxtype(self, plen: int, width: int) -> None:
        """nhop_set_pxtype_flag: host route, default route or neither."""
        self.flags &= ~(NHF_HOST | NHF_DEFAULT)
        self.rtflags &= ~RTF_HOST
        if plen == width:
            self.flags |= NHF_HOST
            self.rtflags |= RTF_HOST
        elif plen == 0:
            self.flags |= NHF_DEFAULT

    def set_mtu(self, mtu: int) -> None:
        """nhop_set_mtu, as asked by a user."""
        self.rtflags = self.rtflags | RTF_FIXEDMTU if mtu else self.rtflags & ~RTF_FIXEDMTU
        self.mtu = mtu

    def copy(self) -> Nhop:
        """nhop_copy: an unlinked one to change."""
        new = Nhop(self.fibnum, self.family)
        new.flags, new.rtflags, new.mtu, new.gw, new.gateway = self.flags, self.rtflags, self.mtu, self.gw, self.gateway
        new.ifp, new.aifp, new.ifa, new.origin = self.ifp, self.aifp, self.ifa, self.origin
        return new

    @property
    def pinned(self) -> bool:
        """NH_IS_PINNED."""
        return bool(self.rtflags & RTF_PINNED)

    def key(self) -> tuple[Any, ...]:
        """What makes two next hops the same (cmp_priv)."""
        return (
            self.flags, self.mtu, self.gw, id(self.ifp), id(self.ifa), id(self.aifp), self.rtflags, self.expire,
        )  # fmt: skip

    def get_aifp(self) -> Ifnet:
        """The interface a direct route over lo0 stands for (get_aifp)."""
        if self.ifp.flags & IFF_LOOPBACK and self.gw[0] == AF_LINK:
            for ifp in self.ifp.vnet.ifnets:
                if ifp.index == self.gw[2]:
                    return ifp
        return self.ifp


class NhGrp:
    """A group: several next hops with weights (struct nhgrp_object)."""

    __slots__ = ("flags", "idx", "linked", "members", "origin", "refcnt", "slots")

    def __init__(self, members: list[tuple[Nhop, int]]) -> None:
        self.members = members
        """(next hop, weight), by index of the next hop."""
        self.flags = NHF_MULTIPATH
        self.idx = 0
        self.refcnt = 1
        self.linked = False
        self.origin = 0
        self.slots = _compile(members)
        """What the data path picks from by flow id."""

    pinned = False
    expire = 0

    def key(self) -> tuple[Any, ...]:
        """What makes two groups the same (cmp_nhgrp)."""
        return tuple((id(nh), weight) for nh, weight in self.members)


AnyNhop = Nhop | NhGrp


def _min_slots(members: list[tuple[Nhop, int]]) -> int:
    """calc_min_mpath_slots: as few slots as express the weights exactly, or the maximum."""
    weights = sorted(w for _, w in members)
    last, unit = 0, weights[0]
    for w in weights:
        if w != last and (w - last < unit or unit == 0):
            unit = w - last
        last = w
    total = sum(weights)
    if total == 0:
        raise KError(ENOMEM)
    if total % unit or any(w % unit for w in weights):
        return RIB_MAX_MPATH_WIDTH
    return min(total // unit, RIB_MAX_MPATH_WIDTH)


def _compile(members: list[tuple[Nhop, int]]) -> list[Nhop]:
    """compile_nhgrp: give each next hop its share of the slots."""
    slots: list[Nhop] = []
    left = _min_slots(members)
    total = sum(w for _, w in members)
    for nh, weight in members:
        share = weight * left // total if total > 0 else 0
        total -= weight
        left -= share
        slots += [nh] * share
    return slots


class NhControl:
    """The next hops and groups of one table (struct nh_control)."""

    __slots__ = ("_free", "_next", "fib_refs", "fib_stale", "groups", "nhops", "rib")

    def __init__(self, rib: Rib) -> None:
        self.rib = rib
        self.nhops: dict[tuple[Any, ...], Nhop] = {}
        self.groups: dict[tuple[Any, ...], NhGrp] = {}
        self._free: list[int] = []
        self._next = 1
        self.fib_stale: list[AnyNhop] = []
        self.fib_refs: dict[int, int] = {}
        """How many routes use an object directly, by id: while any does the look-up structure holds a reference."""

    def _alloc_idx(self) -> int:
        if self._free:
            return heappop(self._free)
        self._next += 1
        return self._next - 1

    def get_nhop(self, nh: Nhop) -> Nhop:
        """nhop_get_nhop: the shared one equal to `nh` with a reference taken, `nh` itself if it is the first."""
        nh.aifp = nh.get_aifp()
        mtu = link_mtu[nh.family](nh.ifp) if nh.family in link_mtu else nh.ifp.mtu
        if nh.mtu == 0 or nh.mtu > mtu:
            nh.mtu = mtu
        key = nh.key()
        found = self.nhops.get(key)
        if found is not None:
            found.refcnt += 1
            return found
        self.nhops[key] = nh
        nh.idx = self._alloc_idx()
        nh.linked = True
        return nh

    def get_group(self, members: list[tuple[Nhop, int]]) -> NhGrp:
        """nhgrp_get_group: the shared group of these members.  EEXIST if one stands there twice."""
        members = sorted(members, key=_by_idx)
        for one, two in itertools.pairwise(members):
            if one[0] is two[0]:
                raise KError(EEXIST)
        if len(members) > RIB_MAX_MPATH_WIDTH:
            raise KError(EINVAL)
        new = NhGrp(members)
        found = self.groups.get(new.key())
        if found is not None:
            found.refcnt += 1
            return found
        for nh, _ in members:
            nh.refcnt += 1
        self.groups[new.key()] = new
        new.idx = self._alloc_idx()
        new.linked = True
        return new

    def free(self, nh: AnyNhop) -> None:
        """nhop_free_any: drop a reference; the last one gives the index back."""
        nh.refcnt -= 1
        if nh.refcnt or not nh.linked:
            return
        nh.linked = False
        heappush(self._free, nh.idx)
        if isinstance(nh, Nhop):
            # An MTU that changed in place has changed the key under which it is filed.
            for key in [nh.key()] if self.nhops.get(nh.key()) is nh else [k for k, v in self.nhops.items() if v is nh]:
                del self.nhops[key]
        else:
            del self.groups[nh.key()]
            self.rib.vnet.kernel.clock.after(EPOCH, self._free_members, nh)

    def _free_members(self, grp: NhGrp) -> None:
        for nh, _ in grp.members:
            self.free(nh)

    def fib_ref(self, nh: AnyNhop) -> None:
        """A route began to use it (fib_ref_nhop)."""
        refs = self.fib_refs
        count = refs.get(id(nh), 0)
        refs[id(nh)] = count + 1
        if not count:
            nh.refcnt += 1

    def fib_unref(self, nh: AnyNhop) -> None:
        """A route ceased to use it; let go at the next `fib_release` (fib_unref_nhop)."""
        self.fib_stale.append(nh)

    def fib_release(self) -> None:
        """The look-up structure was rebuilt: what it does not use any more goes."""
        refs = self.fib_refs
        stale, self.fib_stale = self.fib_stale, []
        for nh in stale:
            refs[id(nh)] -= 1
            if not refs[id(nh)]:
                del refs[id(nh)]
                self.rib.vnet.kernel.clock.after(EPOCH, self.free, nh)


def _by_idx(member: tuple[Nhop, int]) -> int:
    return member[0].idx
