"""The plain front end: the keyboard goes to the machine's tty and what that shows comes back, byte for byte.

Not one escape code is sent, so it suits dumb terminals, expect, Emacs and logs.
"""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING

from vshell.shell import terminal

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.machine import Machine
    from vshell.shell.drivers import Driver


def run(machine: Machine, shell: Proc, driver: Driver, keyboard: int = 0) -> None:
    """Serve the terminal until the shell has ended."""
    tty = machine.console
    tty.output = terminal.put
    tty.set_size(*terminal.size())
    signal.signal(signal.SIGWINCH, lambda *_: tty.set_size(*terminal.size()))
    while _serve(machine, shell, driver, keyboard):
        terminal.suspend(shell)


def _serve(machine: Machine, shell: Proc, driver: Driver, keyboard: int) -> bool:
    """Until the shell has ended or, True, is stopped."""
    with terminal.RawTerminal(keyboard):
        while True:
            driver.catch_up()
            if shell.exited:
                return False
            if shell.stopped:
                return True
            machine.kernel.network()  # the prompt is there; the first command shall not wait for it
            ready, _, _ = select.select([keyboard], [], [], driver.delay())
            if not ready:
                continue
            data = os.read(keyboard, 4096)
            if not data:
                machine.hangup(shell)
                return False
            machine.console.input(data)
