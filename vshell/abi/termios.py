"""Terminal settings (termios(4)).  The flags that matter here are fields of their own; the others are kept and shown."""

from __future__ import annotations

from vshell.abi.record import Record

IGNCR, ICRNL = 0x80, 0x100
OPOST, ONLCR = 0x1, 0x2
ECHO, ISIG, ICANON = 0x8, 0x80, 0x100

CCNAMES = (
    "eof", "eol", "eol2", "erase", "werase", "kill", "reprint", "erase2", "intr", "quit", "susp", "dsusp", "start", "stop",
    "lnext", "discard", "min", "time", "status",
)  # fmt: skip
"""Control characters, by their index in c_cc."""
VEOF, VEOL, VEOL2, VERASE, VWERASE, VKILL, VREPRINT, VERASE2, VINTR, VQUIT, VSUSP, VDSUSP, VSTART, VSTOP = range(14)
VLNEXT, VDISCARD, VMIN, VTIME, VSTATUS = range(14, 19)
CCDEFAULTS = (4, 255, 255, 127, 23, 21, 18, 8, 3, 28, 26, 25, 17, 19, 22, 15, 1, 0, 20)


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
    """Output is processed: with ONLCR a newline goes out as carriage return and newline."""
    iflag: int = 0x6B02
    """c_iflag: BRKINT, ICRNL, IXON, IXANY, IMAXBEL, IUTF8."""
    oflag: int = ONLCR
    """c_oflag without OPOST."""
    cflag: int = 0x4B00
    """c_cflag: CREAD, CS8, HUPCL."""
    lflag: int = 0x443
    """c_lflag without ICANON, ECHO and ISIG: IEXTEN, ECHOE, ECHOKE, ECHOCTL."""
    cc: tuple[int, ...] = CCDEFAULTS
    """c_cc."""
    speed: int = 9600


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
