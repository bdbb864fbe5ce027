"""Open files of all processes (struct xfile of sys/file.h)."""

from __future__ import annotations

from vshell.abi.record import Record


class Xfile(Record):
    """A socket a process has open, and who that is."""

    so: int
    """The number of the socket, as in Xinpcb and Xunpcb."""
    pid: int
    uid: int
    fd: int
    comm: str
    jid: int
