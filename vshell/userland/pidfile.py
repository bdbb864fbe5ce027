"""pidfile(3): a file that holds the id of a running daemon, locked as long as it runs."""

from __future__ import annotations

from vshell.abi.errno import EAGAIN, EEXIST, KError
from vshell.abi.fcntl import LOCK_EX, LOCK_NB, O_CLOEXEC, O_CREAT, O_NONBLOCK, O_WRONLY
from vshell.userland.program import Program
from vshell.userland.slurp import slurp
from vshell.userland.stdio import decode


class Running(Exception):
    """Another process holds the file; `pid` is its id, or -1."""

    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self.pid = pid


class Pidfile:
    """An open and locked file."""

    def __init__(self, p: Program, path: str, mode: int = 0o600) -> None:
        """pidfile_open: Running if it is locked by somebody else, KError if it cannot be made."""
        self.p = p
        self.path = path
        self.fd = p.sys.open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, mode)
        try:
            p.sys.flock_nowait(self.fd, LOCK_EX | LOCK_NB)
        except KError as e:
            p.sys.close(self.fd)
            if e.errno == EAGAIN:
                raise Running(self._reader()) from None
            raise KError(EEXIST if e.errno == EAGAIN else e.errno) from None
        p.sys.ftruncate(self.fd, 0)

    def _reader(self) -> int:
        try:
            text = decode(slurp(self.p, self.path)).strip()
        except KError:
            return -1
        return int(text) if text.isascii() and text.isdigit() else -1

    def write(self, p: Program) -> None:
        """pidfile_write: the id of process `p`."""
        p.sys.ftruncate(self.fd, 0)
        p.sys.lseek(self.fd, 0, 0)
        p.sys.write_nowait(self.fd, str(p.sys.getpid()).encode())

    def truncate(self, p: Program) -> None:
        """Forget the id but keep the lock."""
        p.sys.ftruncate(self.fd, 0)
        p.sys.lseek(self.fd, 0, 0)

    def remove(self, p: Program) -> None:
        """pidfile_remove."""
        try:
            p.sys.unlink(self.path)
            p.sys.close(self.fd)
        except KError:
            pass
