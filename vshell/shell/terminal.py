"""The host's terminal: raw mode while a machine owns the keyboard, its size, its bytes."""

from __future__ import annotations

import os
import signal
import termios
import tty
from types import TracebackType
from typing import TYPE_CHECKING, Any

from vshell.abi.signal import SIGCONT

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc


class RawTerminal:
    """Keys come one by one and unechoed while the block lasts: the line discipline is the machine's own."""

    def __init__(self, fd: int = 0) -> None:
        self.fd = fd
        self._saved: list[Any] | None = None

    def __enter__(self) -> RawTerminal:
        if os.isatty(self.fd):
            self._saved = termios.tcgetattr(self.fd)
            self._set()
        return self

    def _set(self) -> None:
        tty.setraw(self.fd, termios.TCSADRAIN)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._saved is not None:
            termios.tcsetattr(self.fd, termios.TCSADRAIN, self._saved)


class RawKeyboard(RawTerminal):
    """The same for keys alone.

    Between phases that set the terminal each in its own way it must not be as a shell wants it for a moment: the host would
    take a ^D for its own just then, and it would be lost.
    """

    def _set(self) -> None:
        mode = termios.tcgetattr(self.fd)
        mode[tty.IFLAG] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON)
        mode[tty.LFLAG] &= ~(termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN)
        mode[tty.CC][termios.VMIN] = 1
        mode[tty.CC][termios.VTIME] = 0
        termios.tcsetattr(self.fd, termios.TCSADRAIN, mode)


def edit(name: str, content: bytes, fd: int = 0) -> bytes:
    """Run $VISUAL or $EDITOR on a copy of a file, in a terminal as a shell leaves it; OSError if that fails."""
    import shlex
    import subprocess
    import tempfile

    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    saved = termios.tcgetattr(fd) if os.isatty(fd) else None
    with tempfile.TemporaryDirectory(prefix="vshell-") as folder:
        path = os.path.join(folder, name or "file")
        with open(path, "wb") as f:
            f.write(content)
        if saved is not None:
            mode = termios.tcgetattr(fd)
            mode[tty.IFLAG] |= termios.ICRNL | termios.IXON
            mode[tty.OFLAG] |= termios.OPOST | termios.ONLCR
            mode[tty.LFLAG] |= termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN
            termios.tcsetattr(fd, termios.TCSADRAIN, mode)
        try:
            if subprocess.run([*command, path], check=False).returncode:
                raise OSError("the editor failed")
        finally:
            if saved is not None:
                termios.tcsetattr(fd, termios.TCSADRAIN, saved)
        with open(path, "rb") as f:
            return f.read()


def put(data: bytes, fd: int = 1) -> None:
    """Show bytes; a reader that went away is no error here."""
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:
        pass


def size(fd: int = 1) -> tuple[int, int]:
    """(rows, columns) of the terminal."""
    try:
        columns, rows = os.get_terminal_size(fd)
    except OSError:
        return 24, 80
    return rows or 24, columns or 80


def suspend(shell: Proc) -> None:
    """The shell of the session has stopped itself: stop here too, as su(1) does, and continue it once we are continued.

    Where nobody could continue us the host does not stop us.
    """
    os.kill(0, signal.SIGTSTP)
    shell.sysent.kill(shell.pid, SIGCONT)
