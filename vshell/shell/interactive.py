"""Which front end serves an interactive session."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vshell.shell.config import Config
    from vshell.shell.seat import Seat


def rich_terminal() -> bool:
    """True where a line editor can draw."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


def run(seat: Seat, plain: bool, config: Config) -> int:
    """An interactive shell on this terminal until it ends; returns its wait status."""
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda number, _: sys.exit(128 + number))  # by the way that gives the terminal back
    if plain or not rich_terminal():
        from vshell.shell.plain import run as serve

        serve(seat)
    else:
        from vshell.shell.rich import RichTerminal

        RichTerminal(seat, config).run()
    return seat.shell.xstat
