"""From keystroke to candidates, with few and with many jails; the limit is twice the time.

python benchmarks/completion.py [FEW MANY]
"""

from __future__ import annotations

import sys
from time import perf_counter

from vshell.app import tune_memory
from vshell.machine import Machine
from vshell.shell.completion import Reader, complete
from vshell.shell.journal import Journal
from vshell.shell.seat import Seat

LINES = ("ifconf", "ifconfig vt", "jexec j7 ifconfig lo", "jexec j7", "route add -i", "sysctl net.inet.tcp.ke", "cat /etc/pa")


def reader(jails: int) -> Reader:
    """A shell at the prompt of a machine with so many jails."""
    seat = Seat(lambda journal: Machine(), Journal(), paced=False)
    seat.keys(f"for i in $(jot {jails} 0); do jail -c name=j$i vnet persist; done; echo REA''DY\n".encode())
    seen = bytearray()
    seat.show = seen.extend
    while b"READY" not in seen or not seat.reader_waits():
        seat.catch_up()
    return Reader(seat.shell.sysent, "", seat.names_of(seat.shell), seat.machine.programs.offer)


def measure(r: Reader, line: str) -> float:
    """Seconds, the best of a few."""
    best = 1.0
    for _ in range(20):
        start = perf_counter()
        complete(line, r)
        best = min(best, perf_counter() - start)
    return best


def main(few: int, many: int) -> None:
    """A line for each kind of word."""
    small, large = reader(few), reader(many)
    for line in LINES:
        a, b = measure(small, line), measure(large, line)
        print(f"{line:24} {few} jails: {a * 1e3:6.2f} ms   {many} jails: {b * 1e3:6.2f} ms   {b / a:5.2f} times")


if __name__ == "__main__":
    tune_memory()
    main(*([int(a) for a in sys.argv[1:]] or [10, 1000]))
