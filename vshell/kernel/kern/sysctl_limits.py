"""What the handlers of single nodes refuse or round (SYSCTL_PROC of uipc_socket.c, kern_mbuf.c, tcp_subr.c and others).

A node that has a handler or a declaration of its own checks there what depends on more than the value; here are plain
ranges, limits that may only grow, and times which the kernel keeps in ticks.
"""

from __future__ import annotations

from vshell.abi.errno import EINVAL, KError
from vshell.abi.sysctl import TYPES

TICK_MS = 10
"""One tick of a kernel with hz = 100."""
MAX_QLIMIT = 10240
"""net.isr.maxqlimit: the longest queue that netisr(9) grants."""

RANGES: dict[str, tuple[int, int]] = {
    "kern.ipc.maxsockbuf": (256 + 2048, 1 << 64),
    "kern.ipc.soacceptqueue": (1, 0xFFFFFFFF // 3),
    "kern.pid_max": (300, 99999),
    "net.inet.ip.intr_queue_maxlen": (1, MAX_QLIMIT),
    "net.inet.ip.maxfragpackets": (-1, 1 << 31),
    "net.inet.ip.random_id": (0, 1),
    "net.inet.ip.random_id_period": (512, 32768),
    "net.inet.tcp.mssdflt": (216, 1 << 31),
    "net.inet.tcp.retries": (1, 12),
    "net.inet.tcp.udp_tunneling_overhead": (8, 1024),
    "net.inet.tcp.udp_tunneling_port": (0, 65535),
    "net.inet.tcp.v6mssdflt": (216, 1 << 31),
    "net.inet6.ip6.intr_queue_maxlen": (1, MAX_QLIMIT),
    "net.inet6.mld.gsrdelay": (-1, 59),
    "net.route.netisr_maxqlen": (1, MAX_QLIMIT),
}
"""The smallest and the greatest value; anything else is EINVAL."""

GROWING = frozenset(
    f"kern.ipc.{name}" for name in ("maxsockets", "nmbclusters", "nmbjumbop", "nmbjumbo9", "nmbjumbo16", "nmbufs")
)
"""A smaller value is EINVAL; the same one is no change."""

TICKS = frozenset(
    f"net.inet.tcp.{name}"
    for name in (
        "delacktime", "finwait2_timeout", "keepidle", "keepinit", "keepintvl", "maxunacktime", "msl", "msl_local", "persmax",
        "persmin", "rexmit_initial", "rexmit_max", "rexmit_min", "rexmit_slop",
    )
)  # fmt: skip
"""Milliseconds which the kernel keeps as ticks (sysctl_msec_to_ticks): parts of a tick are lost, none at all is EINVAL."""


def limited(name: str, kind: str, new: int, old: int) -> int:
    """The value a numeric node of the type `kind` takes for `new`; EINVAL."""
    if name in RANGES:
        low, high = RANGES[name]
        if not TYPES[kind][1]:
            new &= (1 << 8 * TYPES[kind][0]) - 1
        if not low <= new <= high:
            raise KError(EINVAL)
    elif name in GROWING:
        if new < old:
            raise KError(EINVAL)
    elif name in TICKS:
        new = int(new / TICK_MS) * TICK_MS
        if new < TICK_MS:
            raise KError(EINVAL)
    return new


NAMES = RANGES.keys() | GROWING | TICKS
"""Every node of which something is known here."""
