"""Packets that a stack dropped, and why: what `vshell why` asks the kernel for.  Not of FreeBSD."""

from __future__ import annotations

from vshell.abi.record import Record


class DropDump(Record):
    """Ask for the last drops of the caller's stack, oldest first."""


class Drop(Record):
    """One packet that was dropped."""

    when: int
    """Uptime, ns."""
    ifname: str
    """The interface it came in by or was to leave through, "" if that was not yet known."""
    place: str
    """The function of the kernel that dropped it."""
    reason: str
    data: bytes
    """The first bytes of the packet."""
    size: int
    """How long it was."""
    link: bool
    """True if `data` begins with an Ethernet header, False for a bare IPv4 or IPv6 packet."""
