"""Interface requests: ioctl(2) commands on interfaces as typed records (sys/sockio.h, net/if.h).

The class is the command; the fields are what struct ifreq and its kin carry.  A request that names an interface derives
from IfRequest, whose first field is the interface's name.
"""

from __future__ import annotations

from vshell.abi.record import Record

IFNAMSIZ = 16

IFF_UP, IFF_BROADCAST, IFF_DEBUG, IFF_LOOPBACK, IFF_POINTOPOINT = 0x1, 0x2, 0x4, 0x8, 0x10
IFF_DRV_RUNNING, IFF_NOARP, IFF_PROMISC, IFF_ALLMULTI, IFF_DRV_OACTIVE = 0x40, 0x80, 0x100, 0x200, 0x400
IFF_SIMPLEX, IFF_LINK0, IFF_LINK1, IFF_LINK2, IFF_MULTICAST, IFF_CANTCONFIG = 0x800, 0x1000, 0x2000, 0x4000, 0x8000, 0x10000
IFF_PPROMISC, IFF_MONITOR, IFF_STATICARP, IFF_STICKYARP, IFF_DYING, IFF_RENAMING = (
    0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000,
)  # fmt: skip
IFF_LOWER_UP = 0x1000000
"""Link is up: netlink's IFF_LOWER_UP, which ifconfig shows."""

LINK_STATE_UNKNOWN, LINK_STATE_DOWN, LINK_STATE_UP = 0, 1, 2

IFT_OTHER, IFT_ETHER, IFT_PPP, IFT_LOOP, IFT_TUNNEL, IFT_L2VLAN, IFT_IEEE8023ADLAG, IFT_BRIDGE, IFT_GIF, IFT_STF, IFT_ENC = (
    0x1, 0x6, 0x17, 0x18, 0x83, 0x87, 0xA1, 0xD1, 0xF0, 0xD7, 0xF4,
)  # fmt: skip


class IfRequest(Record):
    """A request about one interface (or, with name "", about interfaces)."""

    name: str = ""


class SIOCSIFADDR(IfRequest):
    """What a protocol asks of a type's `ioctl` when it has put an address on it: come up, announce it (ether_ioctl)."""

    ifa: object = None
    """The Ifaddr."""
