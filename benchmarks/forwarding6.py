"""The same for IPv6: UDP packets of 64 bytes through a chain of 20 network stacks, per packet and hop, in Y (see yardstick.py).

    python benchmarks/forwarding6.py [PACKETS]

The sender's and the receiver's sockets and the deliveries to them are in the figure.
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

from yardstick import yardstick

from vshell.abi.socket import AF_INET6, SOCK_DGRAM, SockaddrIn6
from vshell.app import tune_memory
from vshell.machine import Machine, Session

STACKS = 20
HOPS = STACKS - 1
PORT = 4000
TARGET = bytes.fromhex("20010db8") + HOPS.to_bytes(2, "big") + bytes(9) + b"\x02"


def chain(session: Session) -> None:
    """Stacks n0 ... n19 in a row, with addresses 2001:db8:I::1 and 2001:db8:I::2 on the Ith wire, and routes to both ends."""
    for i in range(STACKS):
        session.feed(f"jail -c name=n{i} vnet persist; jexec n{i} sysctl net.inet6.ip6.forwarding=1\n")
    for i in range(1, STACKS):
        session.feed(
            f"e=$(ifconfig epair create); ifconfig $e vnet n{i - 1}; ifconfig ${{e%a}}b vnet n{i}\n"
            f"ifconfig -j n{i - 1} $e inet6 no_dad 2001:db8:{i:x}::1/64 up\n"
            f"ifconfig -j n{i} ${{e%a}}b inet6 no_dad 2001:db8:{i:x}::2/64 up\n"
        )
    for i in range(STACKS):
        if i < HOPS:
            session.feed(f"route -q -j n{i} -6 add default 2001:db8:{i + 1:x}::2\n")
        if i > 1:
            session.feed(f"route -q -j n{i} -6 add 2001:db8:1::/64 2001:db8:{i:x}::1\n")
    session.feed(f"sleep 3; jexec n0 ping -q -c 1 2001:db8:{HOPS:x}::2\n")
    if b" 0.0% packet loss" not in session.output:
        raise SystemExit("the chain does not work")


async def receive(sysent: Any, jid: int, count: int, times: list[float]) -> int:
    """Take the packets off the last stack's socket."""
    sysent.jail_attach(jid)
    fd = sysent.socket(AF_INET6, SOCK_DGRAM)
    sysent.bind(fd, SockaddrIn6(port=PORT))
    for _ in range(count):
        await sysent.recvmsg(fd, 2048)
    times.append(perf_counter())
    return 0


async def send(sysent: Any, jid: int, count: int, times: list[float]) -> int:
    """Send the packets, each when the one before is on its way."""
    sysent.jail_attach(jid)
    fd = sysent.socket(AF_INET6, SOCK_DGRAM)
    to = SockaddrIn6(TARGET, PORT)
    await sysent.sendto(fd, bytes(64), to)
    await sysent.nanosleep(1_000_000_000)
    times.append(perf_counter())
    for _ in range(count - 1):
        await sysent.sendto(fd, bytes(64), to)
        await sysent.nanosleep(1_000_000)
    return 0


def run(session: Session, count: int) -> float:
    """Seconds per packet and hop."""
    machine = session.machine
    times: list[float] = []
    receiver = machine.process(lambda sysent: receive(sysent, STACKS, count, times))
    machine.process(lambda sysent: send(sysent, 1, count, times))
    if not machine.kernel.run(lambda: receiver.exited) or machine.kernel.panics:
        raise SystemExit(f"packets were lost: {machine.kernel.panics}")
    return (times[1] - times[0]) / ((count - 1) * HOPS)


def main(packets: int) -> None:
    """The best of three, against the yardstick of the same moment."""
    session = Session(Machine())
    chain(session)
    rounds = [(run(session, packets), yardstick(packets, 1)) for _ in range(3)]
    took, y = min(r[0] for r in rounds), min(r[1] for r in rounds)
    print(f"{took * 1e6:.2f} us per packet and hop = {took / y:.2f} Y (1 Y = {y * 1e6:.2f} us)")


if __name__ == "__main__":
    tune_memory()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
