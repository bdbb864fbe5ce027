"""Following packets through all stacks: what `vshell trace` asks the machine for.  Not of FreeBSD."""

from __future__ import annotations

from vshell.abi.record import Record
from vshell.abi.vshell import MetaRequest

IN, OUT, DROPPED = "in", "out", "dropped"


class TRACE(MetaRequest):
    """Begin (`on`) to look at every interface of the stacks at or below the caller's jail; or end, and tell: tuple[Seen, ...]."""

    server = "trace"
    on: bool


class Seen(Record):
    """A packet that passed an interface, or was dropped."""

    when: int
    """Uptime, ns."""
    stack: str
    """The jail's name, "" for the host."""
    ifname: str
    event: str
    """IN, OUT or DROPPED."""
    note: str
    """What became of it: "for this stack", "no route", or why and where it was dropped."""
    data: bytes
    """Its first bytes."""
    size: int
    link: bool
    """True if `data` begins with an Ethernet header, False for a bare IPv4 or IPv6 packet."""
    through: str = ""
    """The interface its route leads to."""
    gateway: bytes = b""
    """The address of the next router on it, if there is one."""
