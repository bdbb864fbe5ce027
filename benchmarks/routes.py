"""A table of many routes: time to add, look up and list them, per route in Y (see yardstick.py).

    python benchmarks/routes.py [ROUTES]

"Packet" is the look-up of the data path for destinations that were not looked up before; the same is measured with a
hundredth of the routes, since look-ups must not slow down with the size of a table.
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

from yardstick import yardstick

from vshell.abi.route import NLM_F_CREATE, NLM_F_EXCL, RTF_GATEWAY, RTF_STATIC, DumpRoutes, GetRoute, NewRoute, RtGateway
from vshell.abi.socket import AF_INET, AF_NETLINK, SOCK_RAW
from vshell.app import tune_memory
from vshell.kernel.net.route.route_tables import Rtable, fib_lookup
from vshell.machine import Machine, Session

LOOKUPS = 1000
GATEWAY = RtGateway(AF_INET, bytes([10, 0, 0, 2]))


def prefix(i: int) -> tuple[bytes, int]:
    """The ith network: lengths from 16 to 28, as in a table of the Internet."""
    plen = 16 + i * 7 % 13
    number = (1 << 30) + i * 2_654_435_761 % (1 << 31)
    return (number >> (32 - plen) << (32 - plen) & 0xFFFFFFFF).to_bytes(4, "big"), plen


def packets(session: Session, networks: list[tuple[bytes, int]]) -> float:
    """Seconds per look-up of the data path, each for another destination; the best of three."""
    vnet = session.machine.kernel.vnet0
    wanted = [dst[:3] + bytes([dst[3] | 1]) for dst, _ in networks[:: max(len(networks) // LOOKUPS, 1)]]
    best = 1e9
    for _ in range(3):
        vnet[Rtable].tables[AF_INET, 0].forget()
        start = perf_counter()
        for dst in wanted:
            fib_lookup(vnet, AF_INET, dst)
        best = min(best, perf_counter() - start)
    return best / len(wanted)


async def work(sysent: Any, networks: list[tuple[bytes, int]], times: list[float]) -> int:
    """Add, look up, list."""
    fd = sysent.socket(AF_NETLINK, SOCK_RAW)
    times.append(perf_counter())
    for dst, plen in networks:
        route = NewRoute(AF_INET, dst, plen, gateway=GATEWAY, rtflags=RTF_GATEWAY | RTF_STATIC, nlflags=NLM_F_CREATE | NLM_F_EXCL)
        sysent.netlink(fd, route)
    times.append(perf_counter())
    for dst, _ in networks:
        sysent.netlink(fd, GetRoute(AF_INET, dst[:3] + bytes([dst[3] | 1]), 32))
    times.append(perf_counter())
    count = len(sysent.netlink(fd, DumpRoutes(AF_INET)))
    times.append(perf_counter())
    return int(count < len(networks))


def fill(count: int) -> tuple[Session, list[tuple[bytes, int]], list[float]]:
    """A machine with so many routes, the routes, and when what was done."""
    session = Session(Machine())
    session.feed("ifconfig epair create; ifconfig epair0a inet 10.0.0.1/24; ifconfig epair0b up\n")
    networks = list(dict.fromkeys(prefix(i) for i in range(count)))
    times: list[float] = []
    process = session.machine.process(lambda sysent: work(sysent, networks, times))
    session.machine.finish(process)
    if process.xstat or session.panics:
        raise SystemExit(f"failed: {process.xstat} {session.panics}")
    return session, networks, times


def main(count: int) -> None:
    """All three, netstat -rn of the whole, and look-ups in this and in a small table."""
    session, networks, times = fill(count)
    start = perf_counter()
    session.feed("netstat -rn -f inet | wc -l\n")
    times += [start, perf_counter()]
    y = yardstick()
    print(f"{len(networks)} routes, each:")
    for name, i in (("add", 0), ("look up", 1), ("list", 2), ("netstat -rn", 4)):
        each = (times[i + 1] - times[i]) / len(networks)
        print(f"  {name + ':':13}{each * 1e6:8.2f} us = {each / y:6.1f} Y")
    large = packets(session, networks)
    few, less, _ = fill(max(count // 100, 100))
    small = packets(few, less)
    print(f"  {'packet:':13}{large * 1e6:8.2f} us = {large / y:6.1f} Y; {small * 1e6:.2f} us with {len(less)} routes")


if __name__ == "__main__":
    tune_memory()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
