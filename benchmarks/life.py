"""The life of a network stack: create, wire and destroy many; per stack, in Y (see yardstick.py) and bytes.

    python benchmarks/life.py [STACKS ...]

"Inside the kernel" is system calls made directly; "four commands" types jail -c, ifconfig create, ifconfig vnet and
ifconfig inet at the shell.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from time import perf_counter
from typing import Any

from yardstick import yardstick

from vshell.abi.in_ import SIOCAIFADDR
from vshell.abi.jail import JAIL_CREATE
from vshell.abi.socket import AF_INET, AF_LOCAL, SOCK_DGRAM
from vshell.abi.sockio import SIOCIFCREATE2, SIOCSIFVNET
from vshell.app import tune_memory
from vshell.machine import Machine, Session

MASK = bytes([255, 255, 255, 0])


async def address(sysent: Any, jid: int, name: str, addr: bytes) -> int:
    """In the stack: give the interface its address."""
    sysent.jail_attach(jid)
    fd = sysent.socket(AF_INET, SOCK_DGRAM)
    sysent.ioctl(fd, SIOCAIFADDR(name, addr, MASK))
    return 0


async def create(sysent: Any, first: int, count: int) -> int:
    """Make stacks, each with one end of an epair and an address."""
    if not first:
        sysent.kldload("if_epair")
    fd = sysent.socket(AF_LOCAL, SOCK_DGRAM)
    for i in range(first, first + count):
        jid = sysent.jail_set({"name": f"k{i}", "vnet": 1, "persist": True}, JAIL_CREATE)
        name = sysent.ioctl(fd, SIOCIFCREATE2("epair"))
        sysent.ioctl(fd, SIOCSIFVNET(name, jid))
        addr = bytes([10, i >> 8 & 255, i & 255, 1])
        sysent.fork(lambda child, jid=jid, name=name, addr=addr: address(child, jid, name, addr))
        await sysent.wait4()
    return 0


def direct(machine: Machine, first: int, count: int) -> None:
    """Run `create` to its end."""
    process = machine.process(lambda sysent: create(sysent, first, count))
    machine.finish(process)
    if process.xstat or machine.kernel.panics:
        raise SystemExit(f"failed: {process.xstat} {machine.kernel.panics}")


def inside(count: int) -> tuple[float, float]:
    """(seconds, bytes) per stack that is made by system calls; in two machines, since counting memory takes time."""
    machine = Machine()
    direct(machine, 0, 1)
    start = perf_counter()
    direct(machine, 1, count)
    took = (perf_counter() - start) / count
    machine = Machine()
    direct(machine, 0, 1)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    direct(machine, 1, count)
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return took, used / count


def typed(count: int) -> tuple[float, float]:
    """Seconds per stack to make one with four typed commands, and to remove it."""
    session = Session(Machine())
    session.feed("jail -c name=warm vnet persist; ifconfig epair create >/dev/null; ifconfig epair0a vnet warm\n")
    session.feed("ifconfig -j warm epair0a inet 10.255.255.1/24; jail -r warm; ifconfig epair0a destroy\n")
    start = perf_counter()
    for i in range(count):
        session.feed(
            f"jail -c name=j{i} vnet persist\n"
            f"ifconfig epair{i} create >/dev/null\n"
            f"ifconfig epair{i}a vnet j{i}\n"
            f"ifconfig -j j{i} epair{i}a inet 10.{i >> 8 & 255}.{i & 255}.1/24\n"
        )
    made = (perf_counter() - start) / count
    start = perf_counter()
    session.feed(f"for i in $(jot {count} 0); do jail -r j$i; done\n")
    return made, (perf_counter() - start) / count


def main(counts: list[int]) -> None:
    """All figures for each count."""
    for count in counts:
        y = yardstick()
        took, size = inside(count)
        made, gone = typed(count)
        print(f"{count} stacks, created, wired and addressed:")
        print(f"  inside the kernel: {took * 1e3:.2f} ms = {took / y:.0f} Y; {size / 1024:.1f} KB")
        print(f"  by four commands:  {made * 1e3:.2f} ms = {made / y:.0f} Y; removed in {gone * 1e3:.2f} ms = {gone / y:.0f} Y")


if __name__ == "__main__":
    tune_memory()
    main([int(a) for a in sys.argv[1:]] or [100, 1000])
