"""Runs without a keyboard: `-c`, a file, standard input; and the same under the wall clock."""

from __future__ import annotations

import os

from vshell.shell.hostio import FedInput, HostInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.kernel.kern.kern_descrip import File
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.machine import Machine


def pace(machine: Machine, shell: Proc, stdin: FedInput, fd: int = 0) -> None:
    """Real time; standard input is taken while the machine runs."""
    import select

    from vshell.shell.drivers import Pace

    driver = Pace(machine)
    fds = [fd]
    while True:
        driver.catch_up()
        if shell.exited:
            return
        delay = driver.delay()
        if not fds and delay is None:
            return
        ready, _, _ = select.select(fds, [], [], delay)
        if ready:
            data = os.read(fd, 65536)
            stdin.feed(data)
            if not data:
                stdin.finish()
                fds = []


def serve(machine: Machine, spawn: Callable[[File], Proc], paced: bool, interactive: bool = False) -> Proc:
    """Start a shell with `spawn`, which is given its standard input, and run it to its end."""
    if paced:
        stdin = FedInput()
        shell = spawn(stdin)
        pace(machine, shell, stdin)
    else:
        shell = spawn(HostInput(0))
        if not machine.finish(shell, interactive=interactive):
            os.write(2, b"vshell: nothing can happen any more: every process waits for another\n")
    return shell
