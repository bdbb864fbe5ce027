"""Neighbour records of IPv4: the ARP table as arp(8) reads and changes it (netlink route/neigh.h)."""

from __future__ import annotations

from vshell.abi.record import Record


class Neighbour(Record):
    """One entry (RTM_NEWNEIGH of AF_INET)."""

    addr: bytes
    ifindex: int
    ifname: str
    iftype: int
    lladdr: bytes
    """b"" while it is not known."""
    permanent: bool
    published: bool
    expire: int
    """Uptime in seconds at which it ends."""
    incomplete: bool = False
    own: bool = False
    """It stands for an address of this host."""


class NeighDump(Record):
    """RTM_GETNEIGH: the entries of all interfaces, or of one; answers Neighbour records in table order."""

    ifindex: int = 0
    addr: bytes | None = None
    """Only this entry (with ifindex).  ESRCH if there is none."""


class NeighNew(Record):
    """RTM_NEWNEIGH: add or replace a static entry."""

    addr: bytes
    ifindex: int
    lladdr: bytes
    permanent: bool = True
    proxy: bool = False
    expire: int = 0
    """Uptime in seconds at which it ends, for one that is not permanent."""


class NeighDelete(Record):
    """RTM_DELNEIGH."""

    addr: bytes
    ifindex: int
