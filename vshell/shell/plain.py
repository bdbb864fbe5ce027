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
    from vshell.shell.seat import Seat


def run(seat: Seat, keyboard: int = 0) -> None:
    """Serve the terminal until the shell has ended."""
    seat.show = terminal.put
    seat.resize(*terminal.size())
    signal.signal(signal.SIGWINCH, lambda *_: seat.resize(*terminal.size()))
    while _serve(seat, keyboard):
        terminal.suspend(seat.shell)


def _serve(seat: Seat, keyboard: int) -> bool:
    """Until the shell has ended or, True, is stopped."""
    with terminal.RawTerminal(keyboard):
        while True:
            seat.catch_up()
            if seat.shell.exited:
                return False
            if seat.shell.stopped:
                return True
            seat.machine.kernel.network()  # the prompt is there; the first command shall not wait for it
            ready, _, _ = select.select([keyboard], [], [], seat.driver.delay())
            if not ready:
                continue
            data = os.read(keyboard, 4096)
            if not data:
                seat.machine.hangup(seat.shell)
                return False
            seat.keys(data)
