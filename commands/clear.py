"""clear(1): clear the terminal screen (contrib/ncurses/progs/clear.c)."""

from __future__ import annotations

from vshell.userland.getopt import getopt_or_usage
from vshell.userland.program import Program, program

USAGE = """\
Usage: clear [options]

Options:
  -T TERM     use this instead of $TERM
  -V          print curses-version
  -x          do not try to clear scrollback
"""
ANSI = ("xterm", "vt100", "vt102", "vt220", "ansi", "screen", "tmux", "rxvt", "linux", "cons25", "konsole", "alacritty")
"""Terminals known here, by the beginning of their names; all clear the screen in the same way."""
PLAIN = ("dumb", "unknown")


@program("/usr/bin/clear")
def main(p: Program) -> int:
    """clear [-T term] [-x]"""
    options, _ = getopt_or_usage(p, "T:Vx", USAGE)
    term = next((value for letter, value in reversed(options) if letter == "T"), p.env.get("TERM", ""))
    if not term:
        p.stderr.write("TERM environment variable not set.\n")
        return 1
    if term in PLAIN:
        return 1  # it has no such capability
    if not term.startswith(ANSI):
        p.stderr.write(f"'{term}': unknown terminal type.\n")
        return 1
    p.stdout.write("\x1b[H\x1b[2J")
    return 0
