"""Netgraph, in Y (see yardstick.py): a packet through a chain of ten ng_bridge nodes, per node; the life of a node.

    python benchmarks/netgraph.py [PACKETS [NODES ...]]

The chain begins and ends at a program's socket, whose calls are in the figure.  In its life a node is made by mkpeer,
named, connected with a second node, and shut down, which are four messages; that is done while NODES others are there.
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

from yardstick import yardstick

from vshell.abi.netgraph import (
    CONNECT,
    MKPEER,
    NAME,
    NG_CONTROL,
    NG_DATA,
    NGM_CONNECT,
    NGM_GENERIC_COOKIE,
    NGM_MKPEER,
    NGM_NAME,
    NGM_SHUTDOWN,
    NgMesg,
    SockaddrNg,
)  # fmt: skip
from vshell.abi.socket import AF_NETGRAPH, SOCK_DGRAM
from vshell.app import tune_memory
from vshell.machine import Machine

BRIDGES = 10
ROUNDS = 500
HUB_COOKIE, SETPERSISTENT = 1082189597, 1
A, Z = b"\x02\0\0\0\0\x0a", b"\x02\0\0\0\0\x0e"


class Nodes:
    """A control socket and its messages."""

    def __init__(self, sysent: Any) -> None:
        self.sysent = sysent
        self.fd = sysent.socket(AF_NETGRAPH, SOCK_DGRAM, NG_CONTROL)

    async def send(self, path: str, cmd: int, data: bytes = b"", cookie: int = NGM_GENERIC_COOKIE) -> None:
        """A message to a node."""
        await self.sysent.sendto(self.fd, NgMesg(cookie, cmd, data).pack(), SockaddrNg(path))

    async def mkpeer(self, path: str, kind: str, ours: str, theirs: str, name: str) -> None:
        """A new node with a name."""
        await self.send(path, NGM_MKPEER, MKPEER.pack(kind.encode(), ours.encode(), theirs.encode()))
        await self.send(ours if path == "." else f"{path}{ours}", NGM_NAME, NAME.pack(name.encode()))

    async def connect(self, path: str, to: str, ours: str, theirs: str) -> None:
        """An edge."""
        await self.send(path, NGM_CONNECT, CONNECT.pack(to.encode(), ours.encode(), theirs.encode()))


async def chain(sysent: Any, count: int, times: list[float]) -> int:
    """Frames from "a" through the bridges to "z"; both ends are known to them."""
    for module in ("ng_socket", "ng_bridge", "ng_hub"):
        sysent.kldload(module)
    nodes = Nodes(sysent)
    await nodes.mkpeer(".", "bridge", "a", "link0", "b0")
    for i in range(1, BRIDGES):
        await nodes.mkpeer(f"b{i - 1}:", "bridge", "link1", "link0", f"b{i}")
    await nodes.send(".", NGM_NAME, NAME.pack(b"ends"))
    await nodes.connect(".", f"b{BRIDGES - 1}:", "z", "link1")
    data = sysent.socket(AF_NETGRAPH, SOCK_DGRAM, NG_DATA)
    await sysent.connect(data, SockaddrNg("ends:"))
    there, back = Z + A + b"\x88\xb5" + bytes(64), A + Z + b"\x88\xb5" + bytes(64)
    for hook, frame in (("a", there), ("z", back), ("a", there)):
        await sysent.sendto(data, frame, SockaddrNg(hook))
        await sysent.recvmsg(data, 2048)
    to = SockaddrNg("a")
    times.append(perf_counter())
    for _ in range(count):
        await sysent.sendto(data, there, to)
        await sysent.recvmsg(data, 2048)
    times.append(perf_counter())
    return 0


async def life(sysent: Any, others: int, times: list[float]) -> int:
    """Nodes that come and go while others stay."""
    for module in ("ng_socket", "ng_hub"):
        sysent.kldload(module)
    nodes = Nodes(sysent)
    await nodes.mkpeer(".", "hub", "core", "core", "core")
    for i in range(others):
        await nodes.mkpeer("core:", "hub", f"h{i}", "up", f"n{i}")
    for first in (0, ROUNDS):
        times.append(perf_counter())
        for i in range(first, first + ROUNDS):
            await nodes.mkpeer(".", "hub", "x", "x", f"new{i}")
            await nodes.connect(f"new{i}:", "core:", "up", "more")
            await nodes.send(f"new{i}:", NGM_SHUTDOWN)
        times.append(perf_counter())
    return 0


def run(coro: Any, *args: Any) -> list[float]:
    """Run a process in a new machine; its times."""
    machine = Machine()
    times: list[float] = []
    process = machine.process(lambda sysent: coro(sysent, *args, times))
    machine.finish(process)
    if process.xstat or machine.kernel.panics:
        raise SystemExit(f"failed: {process.xstat} {machine.kernel.panics}")
    return times


def main(packets: int, counts: list[int]) -> None:
    """All figures, the best of three."""
    rounds = [(run(chain, packets), yardstick(packets, 1)) for _ in range(3)]
    took = min(times[1] - times[0] for times, _ in rounds) / (packets * BRIDGES)
    y = min(r[1] for r in rounds)
    print(f"chain of {BRIDGES} bridges: {took * 1e6:.2f} us per packet and node = {took / y:.2f} Y (1 Y = {y * 1e6:.2f} us)")
    for count in counts:
        times = run(life, count)
        took = min(times[1] - times[0], times[3] - times[2]) / ROUNDS
        print(f"a node's life among {count} others: {took * 1e6:.0f} us = {took / y:.0f} Y")


if __name__ == "__main__":
    tune_memory()
    arguments = [int(a) for a in sys.argv[1:]]
    main(arguments[0] if arguments else 2000, arguments[1:] or [0, 1000, 10000])
