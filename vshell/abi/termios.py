"""Terminal settings (termios(4)) as far as programs here need them."""

from __future__ import annotations

from vshell.abi.record import Record


class TIOCGETA(Record):
    """tcgetattr(3): answers a Termios."""


class Termios(Record):
    """The settings of a terminal."""

    icanon: bool = True
    """Input comes line by line, with editing."""
    echo: bool = True
    isig: bool = True
    """^C, ^\\ and ^Z are signals."""
    opost: bool = True
    """A newline goes out as carriage return and newline."""


class TIOCSETA(Record):
    """tcsetattr(3)."""

    termios: Termios


class TIOCSPGRP(Record):
    """tcsetpgrp(3): make a process group the foreground group."""

    pgrp: int


class TIOCSCTTY(Record):
    """Make the terminal the controlling terminal of the session the caller leads."""


class TIOCGPGRP(Record):
    """tcgetpgrp(3)."""
