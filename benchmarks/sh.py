"""The shell: what a line of a script costs, and a round trip of `ifconfig | grep`, in Y (see yardstick.py).

    python benchmarks/sh.py [LINES]

A script of so many simple commands, no two alike, is parsed and run; the figure is per line, all that happens included:
for `:` nearly all of it is the shell's, for the others part of it is what the command does (compare, write, open and
close /dev/null).  A round trip makes the pipe, forks, executes both programs, and waits for them.
"""

from __future__ import annotations

import sys
from time import perf_counter

from yardstick import yardstick

from vshell.app import tune_memory
from vshell.machine import Machine, exit_status
from vshell.shell.hostio import FedInput, Output

LINES = {
    "nothing": ": @",
    "assignment": "x=value@",
    "assignment of a parameter": 'y="$x.$#.@"',
    "arithmetic": ": $((n += @))",
    "echo": "echo some text @",
    "test": '[ "$x" = value@ ]',
    "function call": "f a @",
    "if": "if true @; then :; fi",
    "redirected echo": "echo @ > /dev/null",
}
"""Kinds of lines; @ is the number of the line."""
PIPELINE = "ifconfig lo0 | grep -q inet"
ROUNDS = 3


def run(script: str) -> float:
    """Seconds that a script takes in a new machine."""
    machine = Machine()
    written = bytearray()
    files = [FedInput(b"", end=True), Output(written.extend), Output(written.extend)]
    start = perf_counter()
    shell = machine.spawn_script(["sh", "script"], files, FedInput(script.encode(), end=True))
    machine.finish(shell)
    took = perf_counter() - start
    if exit_status(shell.xstat) or machine.kernel.panics:
        raise SystemExit(f"the script failed: {written.decode(errors='replace')}{machine.kernel.panics}")
    return took


def script_of(line: str, count: int) -> str:
    """The script."""
    lines = [line.replace("@", str(i)) for i in range(count)]
    return "\n".join(["x=value n=0; f() { :; }", *lines, ":", ""])


def main(count: int) -> None:
    """The best of some rounds each, against the yardstick of the same moments."""
    empty = min(run(script_of(":", 1)) for _ in range(ROUNDS))
    y = yardstick()
    results: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, line in LINES.items():
            results.setdefault(name, []).append((run(script_of(line, count)) - empty) / count)
        trips = max(1, count // 50)
        results.setdefault("round trip", []).append((run(script_of(PIPELINE, trips)) - empty) / trips)
        y = min(y, yardstick())
    for name, times in results.items():
        text = PIPELINE if name == "round trip" else LINES[name]
        print(f"{name + ':':26} {min(times) * 1e6:8.1f} us = {min(times) / y:6.1f} Y   {text}")
    print(f"1 Y = {y * 1e6:.2f} us")


if __name__ == "__main__":
    tune_memory()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
