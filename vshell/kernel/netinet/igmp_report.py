"""Records of IGMPv3 reports: what is, and what changes (RFC 3376, 4.2.12; igmp_v3_enqueue_* of netinet/igmp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.in_ import MCAST_EXCLUDE, MCAST_INCLUDE, MCAST_UNDEFINED

if TYPE_CHECKING:
    from vshell.kernel.netinet.igmp_var import InMulti

MODE_IS_INCLUDE, MODE_IS_EXCLUDE, CHANGE_TO_INCLUDE, CHANGE_TO_EXCLUDE, ALLOW_NEW, BLOCK_OLD = 1, 2, 3, 4, 5, 6
"""Types of records."""
MAXRECS = 65535
LEADINGSPACE = 32
"""Header with router alert, and the fixed part of a report."""

Queue = list[list[bytes]]
"""Packets, each a list of records."""


def size_of(packet: list[bytes]) -> int:
    """Bytes of its records."""
    return sum(map(len, packet))


def enqueue_state_change(queue: Queue, mtu: int, inm: InMulti) -> bool:
    """What has changed since the routers were told last; False if nothing has."""
    before, now = inm.st
    mode = now.fmode
    with_sources = not (before.asm > 0 and now.asm > 0 and not inm.sources)
    if mode != before.fmode:
        kind = CHANGE_TO_EXCLUDE if mode == MCAST_EXCLUDE else CHANGE_TO_INCLUDE
        _enqueue(queue, mtu, inm, kind, inm.in_mode() if with_sources and mode != MCAST_UNDEFINED else [])
        return True
    return with_sources and _filter_change(queue, mtu, inm)


def enqueue_current_state(queue: Queue, mtu: int, inm: InMulti, alone: bool = False, asked: bool = False) -> None:
    """What holds: in a packet of its own if `alone`, only about sources that were asked for if `asked`."""
    mode = inm.st[1].fmode
    if mode == MCAST_UNDEFINED:
        return
    sources = [source for source in inm.in_mode() if not asked or inm.sources[source].recorded]
    if not asked or sources:
        _enqueue(queue, mtu, inm, MODE_IS_EXCLUDE if mode == MCAST_EXCLUDE else MODE_IS_INCLUDE, sources, alone)


def _enqueue(queue: Queue, mtu: int, inm: InMulti, kind: int, sources: list[bytes], alone: bool = False) -> None:
    """A record, or as many as it takes; the first joins the last packet if it fits there."""
    room = mtu - LEADINGSPACE
    need = 12 if sources else 8
    first = True
    while sources or first:
        last = queue[-1] if queue and first and not alone else None
        if last is not None and len(last) < MAXRECS and size_of(last) + need < room:
            packet = last
        else:
            packet = []
            queue.append(packet)
        fits = max(1, (room - size_of(packet) - 8) // 4)
        part, sources = sources[:fits], sources[fits:]
        packet.append(bytes((kind, 0)) + len(part).to_bytes(2, "big") + inm.group + b"".join(part))
        first = False


def _filter_change(queue: Queue, mtu: int, inm: InMulti) -> bool:
    """igmp_v3_enqueue_filter_change: sources newly allowed and newly blocked; those of the first kind first."""
    before, now = inm.st
    if not inm.sources or (before.asm > 0 and now.asm > 0):
        return False
    changed: dict[int, list[bytes]] = {}
    for source in sorted(inm.sources):
        is_, was = inm.mode_of(source, 1), inm.mode_of(source, 0)
        if is_ == was or (now.fmode == MCAST_EXCLUDE and is_ == MCAST_INCLUDE):
            continue
        if is_ == MCAST_UNDEFINED:
            is_ = MCAST_INCLUDE if now.fmode == MCAST_EXCLUDE else MCAST_EXCLUDE
        changed.setdefault(ALLOW_NEW if is_ == MCAST_INCLUDE else BLOCK_OLD, []).append(source)
    for kind, sources in changed.items():
        _enqueue(queue, mtu, inm, kind, sources)
    return bool(changed)


def merge(queue: Queue, mtu: int, packets: Queue) -> None:
    """igmp_v3_merge_state_changes: changes of several groups go together while they fit."""
    for packet in packets:
        last = queue[-1] if queue else None
        fits = last is not None and size_of(last) + size_of(packet) <= mtu - LEADINGSPACE
        if last is not None and fits and len(last) + len(packet) <= MAXRECS:
            last.extend(packet)
        else:
            queue.append(list(packet))
