"""TCP: what a byte of payload costs, over a cable, over a bad way and over loopback with and without VIMAGE; many connections.

    python benchmarks/tcp.py [MEGABYTES]

Costs are in bytes per second of processor time, and per full segment of 1448 bytes in Y (see yardstick.py); sender, receiver
and acknowledgements are in the figures.  Loopback is the seed paper's own measure: the same transfer in a kernel with VIMAGE and
in one without, by turns, in one run.
"""

from __future__ import annotations

import gc
import sys
from statistics import median
from time import process_time
from typing import Any

from yardstick import yardstick

from vshell.abi.socket import AF_INET, SHUT_WR, SOCK_STREAM, SockaddrIn
from vshell.app import tune_memory
from vshell.machine import Machine, Session

PORT = 5000
SEGMENT = 1448
ROUNDS = 9
CONNECTIONS = 1000
LOOPBACK = bytes([127, 0, 0, 1])


def chain(stacks: int, kind: str = "epair", loss: int = 0) -> Session:
    """Stacks n0, n1 ... in a row: 10.0.I.1 and 10.0.I.2 on the Ith wire; so much is lost, in per cent, behind the first one."""
    session = Session(Machine())
    for i in range(stacks):
        session.feed(f"jail -c name=n{i} vnet persist; jexec n{i} sysctl net.inet.ip.forwarding=1\n")
    for i in range(1, stacks):
        session.feed(
            f"ifconfig {kind} create; ifconfig {kind}{i - 1}a vnet n{i - 1}; ifconfig {kind}{i - 1}b vnet n{i}\n"
            f"ifconfig -j n{i - 1} {kind}{i - 1}a inet 10.0.{i}.1/24; ifconfig -j n{i} {kind}{i - 1}b inet 10.0.{i}.2/24\n"
        )
    for i in range(stacks):
        if i + 1 < stacks:
            session.feed(f"route -q -j n{i} add default 10.0.{i + 1}.2\n")
        if i > 1:
            session.feed(f"route -q -j n{i} add 10.0.1.0/24 10.0.{i}.1\n")
    if loss:
        session.feed(f"sysctl net.link.fault.fault1a.loss={loss} net.link.fault.fault2b.loss={loss}\n")
    return session


async def receive(sysent: Any, jid: int, size: int) -> int:
    """Take the data of one connection."""
    if jid:
        sysent.jail_attach(jid)
    listener = sysent.socket(AF_INET, SOCK_STREAM)
    sysent.bind(listener, SockaddrIn(port=PORT))
    sysent.listen(listener, 5)
    fd, _ = await sysent.accept(listener)
    while data := await sysent.read(fd, 65536):
        size -= len(data)
    return int(size != 0)


async def send(sysent: Any, jid: int, to: bytes, data: bytes) -> int:
    """Make a connection and send the data."""
    if jid:
        sysent.jail_attach(jid)
    await sysent.nanosleep(1_000_000)
    fd = sysent.socket(AF_INET, SOCK_STREAM)
    await sysent.connect(fd, SockaddrIn(to, PORT))
    await sysent.write(fd, data)
    sysent.close(fd)
    return 0


def transfer(machine: Machine, ends: tuple[int, int], to: bytes, data: bytes) -> float:
    """Seconds of processor time for a connection that carries the data from one jail to another."""
    gc.collect()
    start = process_time()
    receiver = machine.process(lambda sysent: receive(sysent, ends[1], len(data)))
    machine.process(lambda sysent: send(sysent, ends[0], to, data))
    if not machine.kernel.run(lambda: receiver.exited) or machine.kernel.panics or receiver.xstat:
        raise SystemExit(f"the data did not arrive: {machine.kernel.panics}")
    took = process_time() - start
    clock = machine.kernel.clock
    over = clock.now + 120_000_000_000
    machine.kernel.run(lambda: clock.now > over, 120_000_000_000)  # the rest of the connection is forgotten
    return took


def report(name: str, size: int, took: float, y: float) -> None:
    """One line."""
    each = took / (size / SEGMENT)
    print(f"{name + ':':34}{size / took / 1e6:7.2f} MB per second = {each / y:5.1f} Y per segment")


def over_wires(data: bytes, y: float) -> None:
    """A cable between two stacks, and three routers of which one loses a packet in a hundred in each direction."""
    session = chain(2)
    best = min(transfer(session.machine, (1, 2), bytes([10, 0, 1, 2]), data) for _ in range(3))
    report("two stacks and an epair", len(data), best, y)
    session = chain(5, "fault", 1)
    took = transfer(session.machine, (1, 5), bytes([10, 0, 4, 2]), data)
    report("three routers and 1 % loss", len(data), took, y)
    session.feed("jexec n0 netstat -s -p tcp | egrep 'recovery episode|retransmit timeouts'\n")
    print("  " + "; ".join(" ".join(line.split()) for line in session.output.decode().splitlines()[:2]))


def loopback(data: bytes, y: float) -> None:
    """The same transfer in both kernels, by turns."""
    sessions = {vimage: Session(Machine(vimage=vimage)) for vimage in (True, False)}
    for session in sessions.values():
        session.feed("ifconfig lo0 inet 127.0.0.1/8\n")
        transfer(session.machine, (0, 0), LOOPBACK, data[: len(data) // 4])
    ratios, best = [], {True: 1e9, False: 1e9}
    for i in range(ROUNDS):
        times = {}
        for vimage in (True, False) if i % 2 else (False, True):
            times[vimage] = transfer(sessions[vimage].machine, (0, 0), LOOPBACK, data)
            best[vimage] = min(best[vimage], times[vimage])
        ratios.append(times[False] / times[True])
    report("loopback with VIMAGE", len(data), best[True], y)
    report("loopback without VIMAGE", len(data), best[False], y)
    print(
        f"  with VIMAGE / without: {best[False] / best[True]:.3f} of the best, {median(ratios):.3f} in the middle (at least 0.97)"
    )


async def serve(sysent: Any, jid: int, count: int) -> int:
    """Accept all, then answer each once."""
    sysent.jail_attach(jid)
    listener = sysent.socket(AF_INET, SOCK_STREAM)
    sysent.bind(listener, SockaddrIn(port=PORT))
    sysent.listen(listener, 128)
    fds = [(await sysent.accept(listener))[0] for _ in range(count)]
    for fd in fds:
        await sysent.write(fd, await sysent.read(fd, 100))
    for fd in fds:
        sysent.close(fd)
    return 0


async def call(sysent: Any, jid: int, count: int) -> int:
    """Make all connections, then say something on each and wait for the answer."""
    sysent.jail_attach(jid)
    await sysent.nanosleep(1_000_000)
    fds = []
    for _ in range(count):
        fds.append(sysent.socket(AF_INET, SOCK_STREAM))
        await sysent.connect(fds[-1], SockaddrIn(bytes([10, 0, 1, 2]), PORT))
    for i, fd in enumerate(fds):
        await sysent.write(fd, str(i).encode())
    for i, fd in enumerate(fds):
        if await sysent.read(fd, 100) != str(i).encode():
            return 1
        sysent.shutdown(fd, SHUT_WR)
    return 0


def connections(y: float) -> None:
    """Many at the same time."""
    session = chain(2)
    machine = session.machine
    start = process_time()
    server = machine.process(lambda sysent: serve(sysent, 2, CONNECTIONS))
    client = machine.process(lambda sysent: call(sysent, 1, CONNECTIONS))
    if not machine.kernel.run(lambda: server.exited and client.exited) or machine.kernel.panics or client.xstat:
        raise SystemExit(f"connections failed: {machine.kernel.panics}")
    each = (process_time() - start) / CONNECTIONS
    print(f"{CONNECTIONS} connections at a time: {each * 1e6:.0f} us = {each / y:.0f} Y each, from SYN to FIN")


def main(megabytes: int) -> None:
    """All of them."""
    data = bytes(range(256)) * (megabytes << 12)
    y = yardstick()
    print(f"1 Y = {y * 1e6:.2f} us; {megabytes} MB at a time")
    over_wires(data, y)
    loopback(data, y)
    connections(y)


if __name__ == "__main__":
    tune_memory()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
