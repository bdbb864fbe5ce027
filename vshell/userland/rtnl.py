"""Asking the kernel over netlink(4): what snl(3) is to FreeBSD's programs."""

from __future__ import annotations

from typing import cast

from vshell.abi.netlink_iface import RTM_GETADDR, RTM_GETLINK, Address, Link
from vshell.abi.record import Record
from vshell.abi.socket import AF_NETLINK, SOCK_RAW
from vshell.userland.program import Program


def request(p: Program, message: Record) -> list[Record]:
    """Send one request on a socket of its own and return the answers; KError as the kernel gives it."""
    fd = p.sys.socket(AF_NETLINK, SOCK_RAW)
    try:
        return p.sys.netlink(fd, message)
    finally:
        p.sys.close(fd)


def dump_links(p: Program) -> list[Link]:
    """All interfaces in order."""
    return cast("list[Link]", request(p, RTM_GETLINK()))


def get_link(p: Program, index: int) -> Link | None:
    """One interface by index, None if it is gone."""
    from vshell.abi.errno import KError

    try:
        return cast(Link, request(p, RTM_GETLINK(index=index))[0])
    except (KError, IndexError):
        return None


def dump_addrs(p: Program, family: int = 0, index: int = 0) -> list[Address]:
    """Addresses in order, of all families or one, of all interfaces or one."""
    return cast("list[Address]", request(p, RTM_GETADDR(family, index)))
