"""Forwarding: UDP packets of 64 bytes through a chain of 20 network stacks, per packet and hop, in Y (see yardstick.py).

    python benchmarks/forwarding.py [-6] [PACKETS]

-6: the same for IPv6.
The sender's and the receiver's sockets and the deliveries to them are in the figure.
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

from yardstick import yardstick

from vshell.abi.record import Record
from vshell.abi.socket import AF_INET, AF_INET6, SOCK_DGRAM, SockaddrIn, SockaddrIn6
from vshell.app import tune_memory
from vshell.machine import Machine, Session

STACKS = 20
HOPS = STACKS - 1
PORT = 4000


class Inet:
    """Wire I has the addresses 10.0.I.1 and 10.0.I.2."""

    af = AF_INET
    sysctl = "net.inet.ip.forwarding"
    family, route = "inet", ""
    here: Record = SockaddrIn(port=PORT)
    there: Record = SockaddrIn(bytes([10, 0, HOPS, 2]), PORT)

    @staticmethod
    def address(wire: int, end: int) -> str:
        """One end of a wire; end 0 is its network."""
        return f"10.0.{wire}.{end}"

    plen = 24


class Inet6(Inet):
    """Wire I has the addresses 2001:db8:I::1 and 2001:db8:I::2."""

    af = AF_INET6
    sysctl = "net.inet6.ip6.forwarding"
    family, route = "inet6 no_dad", "-6"
    here = SockaddrIn6(port=PORT)
    there = SockaddrIn6(bytes.fromhex("20010db8") + HOPS.to_bytes(2, "big") + bytes(9) + b"\x02", PORT)

    @staticmethod
    def address(wire: int, end: int) -> str:
        """One end of a wire; end 0 is its network."""
        return f"2001:db8:{wire:x}::{end or ''}"

    plen = 64


def chain(session: Session, net: type[Inet]) -> None:
    """Stacks n0 ... n19 in a row, with addresses on the wires, and routes to both ends."""
    for i in range(STACKS):
        session.feed(f"jail -c name=n{i} vnet persist; jexec n{i} sysctl {net.sysctl}=1\n")
    for i in range(1, STACKS):
        session.feed(
            f"e=$(ifconfig epair create); ifconfig $e vnet n{i - 1}; ifconfig ${{e%a}}b vnet n{i}\n"
            f"ifconfig -j n{i - 1} $e {net.family} {net.address(i, 1)}/{net.plen} up\n"
            f"ifconfig -j n{i} ${{e%a}}b {net.family} {net.address(i, 2)}/{net.plen} up\n"
        )
    for i in range(STACKS):
        if i < HOPS:
            session.feed(f"route -q -j n{i} {net.route} add default {net.address(i + 1, 2)}\n")
        if i > 1:
            session.feed(f"route -q -j n{i} {net.route} add {net.address(1, 0)}/{net.plen} {net.address(i, 1)}\n")
    session.feed(f"sleep 3; jexec n0 ping -q -c 1 {net.address(HOPS, 2)}\n")
    if b" 0.0% packet loss" not in session.output:
        raise SystemExit("the chain does not work")


async def receive(sysent: Any, jid: int, net: type[Inet], count: int, times: list[float]) -> int:
    """Take the packets off the last stack's socket."""
    sysent.jail_attach(jid)
    fd = sysent.socket(net.af, SOCK_DGRAM)
    sysent.bind(fd, net.here)
    for _ in range(count):
        await sysent.recvmsg(fd, 2048)
    times.append(perf_counter())
    return 0


async def send(sysent: Any, jid: int, net: type[Inet], count: int, times: list[float]) -> int:
    """Send the packets, each when the one before is on its way."""
    sysent.jail_attach(jid)
    fd, to = sysent.socket(net.af, SOCK_DGRAM), net.there
    await sysent.sendto(fd, bytes(64), to)
    await sysent.nanosleep(1_000_000_000)
    times.append(perf_counter())
    for _ in range(count - 1):
        await sysent.sendto(fd, bytes(64), to)
        await sysent.nanosleep(1_000_000)
    return 0


def run(session: Session, net: type[Inet], count: int) -> float:
    """Seconds per packet and hop."""
    machine = session.machine
    times: list[float] = []
    receiver = machine.process(lambda sysent: receive(sysent, STACKS, net, count, times))
    machine.process(lambda sysent: send(sysent, 1, net, count, times))
    if not machine.kernel.run(lambda: receiver.exited) or machine.kernel.panics:
        raise SystemExit(f"packets were lost: {machine.kernel.panics}")
    return (times[1] - times[0]) / ((count - 1) * HOPS)


def main(net: type[Inet], packets: int) -> None:
    """The best of three, against the yardstick of the same moment."""
    session = Session(Machine())
    chain(session, net)
    rounds = [(run(session, net, packets), yardstick(packets, 1)) for _ in range(3)]
    took, y = min(r[0] for r in rounds), min(r[1] for r in rounds)
    print(f"{took * 1e6:.2f} us per packet and hop = {took / y:.2f} Y (1 Y = {y * 1e6:.2f} us)")


if __name__ == "__main__":
    tune_memory()
    numbers = [word for word in sys.argv[1:] if word != "-6"]
    main(Inet6 if "-6" in sys.argv else Inet, int(numbers[0]) if numbers else 2000)
