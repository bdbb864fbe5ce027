"""Which front end serves an interactive session."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vshell.machine import Machine
    from vshell.shell.drivers import Driver


def rich_terminal() -> bool:
    """True where a line editor can draw."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


def run(machine: Machine, paced: bool, plain: bool) -> int:
    """An interactive shell on this terminal until it ends; returns its wait status."""
    from vshell.shell.drivers import Jump, Pace

    driver: Driver = Pace(machine) if paced else Jump(machine, lambda: any(not p.stopped for p in machine.console.rchan.sleepers))
    shell = machine.login()
    if plain or not rich_terminal():
        from vshell.shell.plain import run as serve

        serve(machine, shell, driver)
    else:
        from vshell.shell.rich import RichTerminal

        RichTerminal(machine, shell, driver).run()
    return shell.xstat
