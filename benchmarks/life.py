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

from yardstick import yardstick

from vshell.machine import Machine, Session


def typed(count: int) -> tuple[float, float]:
    """Seconds per stack to make one with four typed commands, and to remove it."""
    session = Session(Machine())
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


def memory(count: int) -> float:
    """Bytes per stack that is wired and has an address."""
    session = Session(Machine())
    session.feed("jail -c name=warm vnet persist; ifconfig epair create >/dev/null; ifconfig -j warm lo0 127.0.0.1/8\n")
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for i in range(count):
        session.feed(f"jail -c name=j{i} vnet persist; ifconfig epair create >/dev/null; ifconfig epair{i + 1}a vnet j{i}\n")
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return used / count


def main(counts: list[int]) -> None:
    """All figures for each count."""
    for count in counts:
        y = yardstick()
        made, gone = typed(count)
        print(
            f"{count} stacks, four commands each: {made * 1e3:.2f} ms = {made / y:.0f} Y; removed: {gone * 1e3:.2f} ms = {gone / y:.0f} Y"
        )
        print(f"{count} stacks: {memory(count) / 1024:.1f} KB each")


if __name__ == "__main__":
    main([int(a) for a in sys.argv[1:]] or [100, 1000])
