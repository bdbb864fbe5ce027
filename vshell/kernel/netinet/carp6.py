"""What carp(4) does for addresses of IPv6: groups, routes, announcements (the INET6 halves of netinet/ip_carp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.carp import IN6ADDR_CARP_GROUP
from vshell.abi.socket import AF_INET6
from vshell.kernel.netinet6 import in6_route
from vshell.kernel.netinet6.in6_var import Ip6
from vshell.kernel.netinet6.mld6 import in6_joingroup, in6_leavegroup
from vshell.kernel.netinet6.nd6 import nd6_add_ifa_lle, nd6_rem_ifa_lle
from vshell.kernel.netinet6.nd6_nbr import nd6_na_output
from vshell.wire.ip6 import ND_NA_FLAG_OVERRIDE, ND_NA_FLAG_ROUTER, UNSPECIFIED, solicited_node

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.netinet.carp import CarpHost
    from vshell.kernel.netinet6.in6_var import In6Ifaddr

GROUPS = (IN6ADDR_CARP_GROUP, solicited_node(UNSPECIFIED))


def join(ifp: Ifnet) -> None:
    """carp_multicast_setup: the first address that is shared."""
    for group in GROUPS:
        in6_joingroup(ifp, group)


def leave(ifp: Ifnet) -> None:
    """carp_multicast_cleanup: the last one went."""
    for group in GROUPS:
        in6_leavegroup(ifp, group)


def send_na(sc: CarpHost) -> None:
    """carp_send_na: the neighbours learn that the addresses are here now."""
    flags = ND_NA_FLAG_OVERRIDE | (ND_NA_FLAG_ROUTER if sc.ifp.vnet[Ip6].forwarding else 0)
    for ia in sc.addrs:
        if ia.family == AF_INET6:
            nd6_na_output(sc.ifp, UNSPECIFIED, ia.addr, flags, sc.lladdr, sc)


def addroute(ia: In6Ifaddr) -> None:
    """carp_ifa_addroute."""
    in6_route.add_self(ia)
    nd6_add_ifa_lle(ia)


def delroute(ia: In6Ifaddr) -> None:
    """carp_ifa_delroute."""
    in6_route.del_self(ia)
    nd6_rem_ifa_lle(ia, None)
