"""Local sockets as sysctl lists them (struct xunpcb of sys/unpcb.h)."""

from __future__ import annotations

from vshell.abi.record import Record


class Xunpcb(Record):
    """One socket: net.local.{stream,dgram,seqpacket}.pcblist answers a tuple of them, the newest first."""

    so: int
    """A number that tells one socket from another (xso_so)."""
    pcb: int
    conn: int
    """The control block at the other end, 0 if there is none."""
    vnode: int
    refs: int
    """The first control block that sends to this one."""
    path: str
    peer_path: str
    rcv_cc: int
    snd_cc: int
    qlen: int
    incqlen: int
    qlimit: int
    uid: int
