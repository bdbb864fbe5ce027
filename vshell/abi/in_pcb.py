"""Sockets of the Internet protocols as sysctl lists them (struct xinpcb, xtcpcb; netinet/in_pcb.h)."""

from __future__ import annotations

from vshell.abi.record import Record

INP_IPV4, INP_IPV6 = 0x1, 0x2


class Xinpcb(Record):
    """One socket: net.inet.{udp,raw,tcp}.pcblist answers a tuple of them, in the order of the kernel's list."""

    vflag: int
    proto: int
    type: int
    laddr: bytes
    lport: int
    faddr: bytes
    fport: int
    lscope: int
    fscope: int
    rcv_cc: int
    rcv_hiwat: int
    snd_cc: int
    snd_hiwat: int
    uid: int
    options: int
    fib: int
    qlen: int
    incqlen: int
    qlimit: int
    so: int
    """A number that tells one socket from another (xso_so)."""
    pcb: int
    ip_proto: int = 0
    tcp: object = None
    """An abi.tcp.Xtcpcb for TCP."""
    anonport: bool = False
    """The kernel chose the local port (INP_ANONPORT)."""
