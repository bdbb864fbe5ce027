"""The wiring of a whole machine: stacks, the interfaces in them, netgraph nodes, and what is connected to what."""

from __future__ import annotations

from vshell.abi.record import Record
from vshell.abi.vshell import MetaRequest

WIRE, MEMBER, ON, TUNNEL = "wire", "member", "on", "tunnel"
"""How an interface is connected: to its other end, to one it has as a member, to the one it stands on, by a tunnel."""


class Connection(Record):
    """One way in which an interface is connected: to the interface `index`; a tunnel (0) between two addresses."""

    kind: str
    index: int = 0
    src: bytes = b""
    dst: bytes = b""


class Port(Record):
    """An interface; `index` identifies it in the whole machine."""

    index: int
    name: str
    driver: str
    up: bool
    link: bool
    lladdr: bytes
    addrs: tuple[tuple[bytes, int], ...]
    """(address, length of its prefix), in the interface's order."""
    connections: tuple[Connection, ...]


class Hook(Record):
    """A hook of a node, and what it is connected to."""

    name: str
    peer: int
    peerhook: str


class NgNode(Record):
    """A netgraph node; `port` is the index of the interface it is the netgraph side of, 0 if it is none."""

    id: int
    name: str
    type: str
    port: int
    hooks: tuple[Hook, ...]


class Stack(Record):
    """A network stack with its jail: jid 0 and name "" are the host's."""

    jid: int
    name: str
    hostname: str
    ports: tuple[Port, ...]
    nodes: tuple[NgNode, ...]


class TOPOLOGY(MetaRequest):
    """All stacks at or below the jail of the caller, in order of their jails: tuple[Stack, ...]."""

    server = "topology"
