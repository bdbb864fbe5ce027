"""Group memberships of interfaces (netinet/in_mcast.c): who is a member of what, and the link-level filter that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.socket import AF_INET, AF_LINK
from vshell.wire.ether import ether_map_ip_multicast

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet


def in_joingroup(ifp: Ifnet, group: bytes) -> None:
    """One more reference to a group on an interface."""
    key = (AF_INET, group)
    count = ifp.multiaddrs.get(key, 0)
    ifp.multiaddrs[key] = count + 1
    if not count:
        link = (AF_LINK, ether_map_ip_multicast(group))
        ifp.multiaddrs[link] = ifp.multiaddrs.get(link, 0) + 1


def in_leavegroup(ifp: Ifnet, group: bytes) -> None:
    """Give up one reference; the last one ends the membership."""
    key = (AF_INET, group)
    count = ifp.multiaddrs.get(key, 0)
    if count > 1:
        ifp.multiaddrs[key] = count - 1
    elif count:
        del ifp.multiaddrs[key]
        _drop_link(ifp, (AF_LINK, ether_map_ip_multicast(group)))


def _drop_link(ifp: Ifnet, link: tuple[int, bytes]) -> None:
    left = ifp.multiaddrs.get(link, 0) - 1
    if left > 0:
        ifp.multiaddrs[link] = left
    else:
        ifp.multiaddrs.pop(link, None)


def in_purgemaddrs(ifp: Ifnet) -> None:
    """The interface leaves its stack: all memberships of IPv4 end."""
    for family, group in [k for k in ifp.multiaddrs if k[0] == AF_INET]:
        del ifp.multiaddrs[family, group]
        _drop_link(ifp, (AF_LINK, ether_map_ip_multicast(group)))
