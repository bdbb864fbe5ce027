"""What IPv4 knows of groups: memberships of sockets, of interfaces, and IGMP on a link (netinet/in_var.h, igmp_var.h).

A socket's filter and an interface's group have two states each: t0, which has been told, and t1, which is to be told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.in_ import MCAST_EXCLUDE, MCAST_INCLUDE, MCAST_UNDEFINED
from vshell.abi.netlink_iface import Querier
from vshell.abi.socket import AF_INET, AF_LINK
from vshell.abi.sockio import IFF_MULTICAST
from vshell.wire.ether import ether_map_ip_multicast

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet

NOT_MEMBER, SILENT, REPORTING, IDLE, LAZY, SLEEPING, AWAKENING = 0, 1, 2, 3, 4, 5, 6
G_QUERY_PENDING, SG_QUERY_PENDING, LEAVING = 7, 8, 9
"""States of a group on an interface."""

IGMP_SLOWHZ = 2
IGMP_FASTHZ = 5
IGIF_SILENT = 0x1


class Mfilter:
    """struct in_mfilter: which sources a socket wants to hear in a group."""

    __slots__ = ("sources", "st0", "st1")

    def __init__(self, st0: int, st1: int) -> None:
        self.st0, self.st1 = st0, st1
        self.sources: dict[bytes, list[int]] = {}
        """Source -> its mode at t0 and at t1."""

    def graft(self, source: bytes, mode: int) -> None:
        """imf_graft: a source more."""
        self.sources[source] = [MCAST_UNDEFINED, mode]

    def leave(self) -> None:
        """imf_leave: all goes."""
        for st in self.sources.values():
            st[1] = MCAST_UNDEFINED
        self.st1 = MCAST_INCLUDE

    def commit(self) -> None:
        """imf_commit and imf_reap: what was to be is so now."""
        self.st0 = self.st1
        self.sources = {source: [st[1], st[1]] for source, st in self.sources.items() if st[1] != MCAST_UNDEFINED}

    def rollback(self) -> None:
        """imf_rollback: it stays as it was."""
        self.st1 = self.st0
        self.sources = {source: [st[0], st[0]] for source, st in self.sources.items() if st[0] != MCAST_UNDEFINED}

    def wants(self, source: bytes) -> bool:
        """imo_multi_filter, for a member."""
        st = self.sources.get(source)
        if st is None:
            return self.st1 != MCAST_INCLUDE
        return st[0] != MCAST_EXCLUDE


class Listeners:
    """One of the two states of a group: its mode, and how many listeners of each kind stand behind it."""

    __slots__ = ("asm", "ex", "fmode", "inc")

    def __init__(self, fmode: int = MCAST_UNDEFINED, asm: int = 0, ex: int = 0, inc: int = 0) -> None:
        self.fmode, self.asm, self.ex, self.inc = fmode, asm, ex, inc

    def copy(self) -> Listeners:
        """The same numbers."""
        return Listeners(self.fmode, self.asm, self.ex, self.inc)


class Msource:
    """struct ip_msource: who excludes and includes a source, at t0 and t1."""

    __slots__ = ("ex", "inc", "recorded")

    def __init__(self) -> None:
        self.ex, self.inc = [0, 0], [0, 0]
        self.recorded = False
        """A router has asked for it."""


class InMulti:
    """struct in_multi: a group on an interface."""

    __slots__ = ("group", "lastgsr", "scq", "scrv", "sctimer", "sources", "st", "state", "timer")

    def __init__(self, group: bytes) -> None:
        self.group = group
        self.state = NOT_MEMBER
        self.st = [Listeners(), Listeners()]
        self.sources: dict[bytes, Msource] = {}
        self.timer = 0
        """Ticks (1/5 s) until a query is answered."""
        self.sctimer = 0
        """Ticks until a change is told (again)."""
        self.scrv = 0
        """How often the change is still to be told."""
        self.scq: list[list[bytes]] = []
        """The change: records by packets."""
        self.lastgsr: int | None = None
        """When a query for sources was last heeded (ns)."""

    def mode_of(self, source: bytes, t: int) -> int:
        """ims_get_mode: what holds for a source at t0 or t1."""
        ims = self.sources[source]
        if self.st[t].ex > 0 and self.st[t].ex == ims.ex[t]:
            return MCAST_EXCLUDE
        return MCAST_INCLUDE if ims.inc[t] > 0 and not ims.ex[t] else MCAST_UNDEFINED

    def in_mode(self) -> list[bytes]:
        """The sources the mode of the group speaks about, in the order of addresses."""
        mode = self.st[1].fmode
        return [source for source in sorted(self.sources) if mode != MCAST_UNDEFINED and self.mode_of(source, 1) == mode]

    def commit(self) -> None:
        """inm_commit: t1 has been told."""
        for ims in self.sources.values():
            ims.ex[0], ims.inc[0] = ims.ex[1], ims.inc[1]
        self.st[0] = self.st[1].copy()

    def reap(self) -> None:
        """inm_reap: sources nobody speaks of any more."""
        self.sources = {s: ims for s, ims in self.sources.items() if any(ims.ex) or any(ims.inc) or ims.recorded}

    def clear_recorded(self) -> None:
        """inm_clear_recorded."""
        for ims in self.sources.values():
            ims.recorded = False


class IgmpIfinfo:
    """struct igmp_ifsoftc: IGMP on one interface."""

    def __init__(self, ifp: Ifnet, version: int) -> None:
        self.version = version
        self.flags = 0 if ifp.flags & IFF_MULTICAST else IGIF_SILENT
        self.rv, self.qi, self.qri, self.uri = 2, 125, 10, 3
        self.v1_timer = self.v2_timer = 0
        """Half seconds for which an old querier is believed to be there."""
        self.v3_timer = 0
        """Ticks until a general query is answered."""
        self.gq: list[list[bytes]] = []
        """What of that answer is still to be sent."""
        self.members: dict[bytes, InMulti] = {}
        self.tick = ifp.kernel.clock.callout()
        self.slow = ifp.kernel.clock.callout()

    def youngest_first(self) -> list[InMulti]:
        """The groups in the order of the interface's list."""
        return list(reversed(self.members.values()))

    def querier(self) -> Querier:
        """What a user may know of it."""
        timers = (self.v1_timer, self.v2_timer, self.v3_timer)
        return Querier(self.version, self.flags, self.rv, self.qi, self.qri, self.uri, timers)

    def running(self) -> bool:
        """Whether any timer counts."""
        return bool(self.v3_timer) or any(inm.timer or inm.sctimer for inm in self.members.values())


def igmp_of(ifp: Ifnet) -> IgmpIfinfo | None:
    """IGMP of an interface, None when it is in no stack."""
    info = ifp.afdata.get(AF_INET)
    return info.igmp if info is not None else None


def inm_acquire(ifp: Ifnet, group: bytes) -> None:
    """Hold a group on an interface; the first one lets its frames in."""
    key = (AF_INET, group)
    count = ifp.multiaddrs.get(key, 0)
    ifp.multiaddrs[key] = count + 1
    if not count:
        link = (AF_LINK, ether_map_ip_multicast(group))
        ifp.multiaddrs[link] = ifp.multiaddrs.get(link, 0) + 1


def inm_release(ifp: Ifnet, group: bytes) -> None:
    """Let go of a group; with the last one it is forgotten."""
    key = (AF_INET, group)
    count = ifp.multiaddrs.get(key, 0)
    if count > 1:
        ifp.multiaddrs[key] = count - 1
    elif count:
        del ifp.multiaddrs[key]
        drop_link(ifp, group)
        igi = igmp_of(ifp)
        if igi is not None:
            igi.members.pop(group, None)


def drop_link(ifp: Ifnet, group: bytes) -> None:
    """The link-level address of a group has one user less."""
    link = (AF_LINK, ether_map_ip_multicast(group))
    left = ifp.multiaddrs.get(link, 0) - 1
    if left > 0:
        ifp.multiaddrs[link] = left
    else:
        ifp.multiaddrs.pop(link, None)
