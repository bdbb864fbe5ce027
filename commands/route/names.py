"""How route(8) prints addresses, networks and flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.socket import AF_INET, AF_INET6, AF_LINK
from vshell.userland.addr import inet_ntoa
from vshell.userland.netdb import NI_NUMERICHOST, getnameinfo, getnetbyaddr

if TYPE_CHECKING:
    from vshell.commands.route.options import Options

ROUTE_FLAGS = (
    (0x1, "UP"), (0x2, "GATEWAY"), (0x4, "HOST"), (0x8, "REJECT"), (0x10, "DYNAMIC"), (0x20, "MODIFIED"), (0x40, "DONE"),
    (0x200, "XRESOLVE"), (0x400, "LLINFO"), (0x800, "STATIC"), (0x1000, "BLACKHOLE"), (0x4000, "PROTO2"),
    (0x8000, "PROTO1"), (0x10000, "PRCLONING"), (0x20000, "WASCLONED"), (0x40000, "PROTO3"), (0x80000, "FIXEDMTU"),
    (0x100000, "PINNED"), (0x200000, "LOCAL"), (0x400000, "BROADCAST"), (0x800000, "MULTICAST"), (0x10000000, "STICKY"),
)  # fmt: skip

IFNET_FLAGS = (
    (0x1, "UP"), (0x2, "BROADCAST"), (0x4, "DEBUG"), (0x8, "LOOPBACK"), (0x10, "PTP"), (0x20, "b6"), (0x40, "RUNNING"),
    (0x80, "NOARP"), (0x100, "PPROMISC"), (0x200, "ALLMULTI"), (0x400, "OACTIVE"), (0x800, "SIMPLEX"), (0x1000, "LINK0"),
    (0x2000, "LINK1"), (0x4000, "LINK2"), (0x8000, "MULTICAST"),
)  # fmt: skip


class Sockaddr:
    """An address of a request: family AF_LINK has an interface index in `scope` and a name in `text`."""

    __slots__ = ("addr", "family", "scope", "text")

    def __init__(self, family: int, addr: bytes = b"", scope: int = 0, text: str = "") -> None:
        self.family = family
        self.addr = addr or bytes({AF_INET: 4, AF_INET6: 16}.get(family, 0))
        self.scope = scope
        self.text = text


def printb(value: int, names: tuple[tuple[int, str], ...]) -> str:
    """The names of the bits that are set, in angle brackets; nothing for none."""
    found = ",".join(name for bit, name in names if value & bit)
    return f"<{found}>" if found else ""


def routename(o: Options, sa: Sockaddr) -> str:
    """An address as that of a host."""
    if sa.family in (AF_INET, AF_INET6):
        if not o.numeric and not any(sa.addr):
            return "default"
        name = getnameinfo(o.p, sa.addr, sa.scope, NI_NUMERICHOST if o.numeric else 0)
        host, dot, domain = name.partition(".")
        return host if dot and domain == o.domain else name
    if sa.family == AF_LINK:
        return sa.text or f"link#{sa.scope}"
    words = [int.from_bytes(sa.addr[i : i + 2], "little") for i in range(0, len(sa.addr), 2)]
    return f"({sa.family})" + "".join(f" {word:x}" for word in words)


def netname(o: Options, sa: Sockaddr) -> str:
    """An address as that of a network."""
    if sa.family == AF_INET:
        number = int.from_bytes(sa.addr, "big")
        if not number:
            return "default"
        name = None if o.numeric else getnetbyaddr(o.p, number)
        if name is not None:
            return name
        octets = inet_ntoa(sa.addr).split(".")
        while len(octets) > 1 and octets[-1] == "0":
            octets.pop()
        return ".".join(octets)
    if sa.family == AF_INET6:
        return getnameinfo(o.p, sa.addr, sa.scope, NI_NUMERICHOST if o.numeric else 0)
    return routename(o, sa)
