"""Telling programs of changes to interfaces, addresses and neighbours (rt_ifmsg, rt_addrmsg of net/rtsock.c; netlink/route)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.route import (
    RTNLGRP_IPV4_IFADDR,
    RTNLGRP_IPV6_IFADDR,
    RTNLGRP_LINK,
    RTNLGRP_NEIGH,
    AddrEvent,
    LinkEvent,
    NeighEvent,
)  # fmt: skip
from vshell.abi.socket import AF_INET
from vshell.abi.sockio import IFF_DYING, IFF_POINTOPOINT, IFF_UP, IFT_ETHER, IFT_L2VLAN, LINK_STATE_DOWN
from vshell.kernel.net.ifnet import (
    Ifaddr,
    Ifnet,
    ifmsg_event,
    ifmtu_event,
    ifnet_arrival_event,
    ifnet_departure_event,
    ifnet_link_event,
)  # fmt: skip
from vshell.kernel.net.netlink import nl_listening, nl_send_group

if TYPE_CHECKING:
    from vshell.kernel.net.vnet import Vnet

IF_OPER_DOWN, IF_OPER_UP = 2, 6
NUD_REACHABLE = 0x02


def _link(ifp: Ifnet, action: str) -> None:
    vnet = ifp.vnet
    if not nl_listening(vnet, RTNLGRP_LINK):
        return
    working = ifp.link_state != LINK_STATE_DOWN if ifp.type in (IFT_ETHER, IFT_L2VLAN) else ifp.flags & IFF_UP
    state = IF_OPER_UP if working else IF_OPER_DOWN
    nl_send_group(vnet, RTNLGRP_LINK, action, LinkEvent(ifp.index, ifp.xname, ifp.flags, state, ifp.mtu))


def rt_ifmsg(ifp: Ifnet) -> None:
    """Something about an interface changed."""
    _link(ifp, "new")


def _lasting(ifp: Ifnet) -> str:
    """The name of an interface that will still be there when a program hears of the event, or only has moved away."""
    return "" if ifp.flags & IFF_DYING else ifp.xname


def rt_addrmsg(add: bool, ifa: Ifaddr) -> None:
    """An address came into use or went out of it."""
    vnet: Vnet = ifa.ifp.vnet
    group = RTNLGRP_IPV4_IFADDR if ifa.family == AF_INET else RTNLGRP_IPV6_IFADDR
    if nl_listening(vnet, group):
        ptp = ifa.ifp.flags & IFF_POINTOPOINT
        plen = 0 if ptp and ifa.family == AF_INET else ifa.prefixlen
        event = AddrEvent(ifa.ifp.index, ifa.addr, plen, ifa.dstaddr if ptp else None, _lasting(ifa.ifp))
        nl_send_group(vnet, group, "new" if add else "del", event)


def lle_event(add: bool, ifp: Ifnet, addr: bytes, lladdr: bytes) -> None:
    """A neighbour became known, or is known no more."""
    if nl_listening(ifp.vnet, RTNLGRP_NEIGH):
        event = NeighEvent(ifp.index, addr, NUD_REACHABLE, lladdr, _lasting(ifp))
        nl_send_group(ifp.vnet, RTNLGRP_NEIGH, "new" if add else "del", event)


def _arrived(ifp: Ifnet) -> None:
    _link(ifp, "new")


def _departed(ifp: Ifnet) -> None:
    _link(ifp, "del")


def _link_state(ifp: Ifnet, state: int) -> None:
    _link(ifp, "new")


ifmsg_event.append(rt_ifmsg)
ifmtu_event.append(rt_ifmsg)
ifnet_arrival_event.append(_arrived)
ifnet_departure_event.append(_departed)
ifnet_link_event.append(_link_state)
