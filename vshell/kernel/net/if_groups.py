"""Interface groups: names under which interfaces of one stack are gathered (if_addgroup and kin of net/if.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EEXIST, EINVAL, ENOENT, KError

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet

IFG_ALL = "all"


class Ifgroup:
    """One group: its members in the order in which they joined."""

    __slots__ = ("members", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: dict[Ifnet, None] = {}
        """The members in order of joining (a set that keeps its order)."""


def _groups(vnet: Vnet) -> dict[str, Ifgroup]:
    from vshell.kernel.net.ifnet import VnetIf

    found: dict[str, Ifgroup] = vnet[VnetIf].groups
    return found


def if_addgroup(ifp: Ifnet, name: str) -> None:
    """Join a group; it comes into being with its first member.  EINVAL for a name that ends in a digit."""
    if name[-1:].isdecimal():
        raise KError(EINVAL)
    if name in ifp.groups:
        raise KError(EEXIST)
    groups = _groups(ifp.vnet)
    group = groups.get(name)
    if group is None:
        group = groups[name] = Ifgroup(name)
    group.members[ifp] = None
    ifp.groups.append(name)


def if_delgroup(ifp: Ifnet, name: str) -> None:
    """Leave a group; it goes away with its last member.  ENOENT."""
    if name not in ifp.groups:
        raise KError(ENOENT)
    ifp.groups.remove(name)
    groups = _groups(ifp.vnet)
    group = groups[name]
    del group.members[ifp]
    if not group.members:
        del groups[name]


def if_delgroups(ifp: Ifnet) -> None:
    """Leave all groups."""
    for name in ifp.groups[:]:
        if_delgroup(ifp, name)


def if_getgroupmembers(vnet: Vnet, name: str) -> tuple[str, ...]:
    """Names of the members.  ENOENT."""
    group = _groups(vnet).get(name)
    if group is None:
        raise KError(ENOENT)
    return tuple(ifp.xname for ifp in group.members)
