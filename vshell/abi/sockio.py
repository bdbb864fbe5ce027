"""Interface requests: ioctl(2) commands on interfaces as typed records (sys/sockio.h, net/if.h).

The class is the command; the fields are what struct ifreq and its kin carry.  A request that names an interface derives
from IfRequest, whose first field is the interface's name.
"""

from __future__ import annotations

from typing import ClassVar

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

IFT_PROPVIRTUAL = 53
IFT_OTHER, IFT_ETHER, IFT_PPP, IFT_LOOP, IFT_TUNNEL, IFT_L2VLAN, IFT_IEEE8023ADLAG, IFT_BRIDGE, IFT_GIF, IFT_STF, IFT_ENC = (
    0x1, 0x6, 0x17, 0x18, 0x83, 0x87, 0xA1, 0xD1, 0xF0, 0xD7, 0xF4,
)  # fmt: skip

IFF_PALLMULTI = 0x800000
"""Set by the user: all multicast frames wanted for good."""
IFF_CANTCHANGE = (
    IFF_BROADCAST | IFF_POINTOPOINT | IFF_DRV_RUNNING | IFF_DRV_OACTIVE | IFF_SIMPLEX | IFF_MULTICAST | IFF_ALLMULTI
    | IFF_PROMISC | IFF_DYING | IFF_CANTCONFIG
)  # fmt: skip
"""Flags SIOCSIFFLAGS leaves alone."""

IF_MINMTU, IF_MAXMTU = 72, 65535

IFCAP_RXCSUM, IFCAP_TXCSUM, IFCAP_NETCONS, IFCAP_VLAN_MTU, IFCAP_VLAN_HWTAGGING, IFCAP_JUMBO_MTU, IFCAP_POLLING = (
    0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x40,
)  # fmt: skip
IFCAP_VLAN_HWCSUM, IFCAP_TSO4, IFCAP_TSO6, IFCAP_LRO, IFCAP_WOL_UCAST, IFCAP_WOL_MCAST, IFCAP_WOL_MAGIC = (
    0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000,
)  # fmt: skip
IFCAP_TOE4, IFCAP_TOE6, IFCAP_VLAN_HWFILTER, IFCAP_NV, IFCAP_VLAN_HWTSO, IFCAP_LINKSTATE, IFCAP_NETMAP = (
    0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000,
)  # fmt: skip
IFCAP_RXCSUM_IPV6, IFCAP_TXCSUM_IPV6, IFCAP_HWSTATS, IFCAP_TXRTLMT, IFCAP_HWRXTSTMP, IFCAP_MEXTPG, IFCAP_TXTLS4 = (
    0x200000, 0x400000, 0x800000, 0x1000000, 0x2000000, 0x4000000, 0x8000000,
)  # fmt: skip
IFCAP_TXTLS6, IFCAP_VXLAN_HWCSUM, IFCAP_VXLAN_HWTSO, IFCAP_TXTLS_RTLMT = 0x10000000, 0x20000000, 0x40000000, 0x80000000
IFCAP_HWCSUM, IFCAP_HWCSUM_IPV6 = IFCAP_RXCSUM | IFCAP_TXCSUM, IFCAP_RXCSUM_IPV6 | IFCAP_TXCSUM_IPV6
IFCAP_TSO, IFCAP_TOE, IFCAP_TXTLS = IFCAP_TSO4 | IFCAP_TSO6, IFCAP_TOE4 | IFCAP_TOE6, IFCAP_TXTLS4 | IFCAP_TXTLS6
IFCAP_WOL = IFCAP_WOL_UCAST | IFCAP_WOL_MCAST | IFCAP_WOL_MAGIC
IFCAP_RXTLS4, IFCAP_RXTLS6, IFCAP_IPSEC_OFFLOAD = 1 << 32, 1 << 33, 1 << 34
"""The second word of capabilities (IFCAP2_*), as bits 32 and up of one number."""

IFCAP_NAMES = (
    "RXCSUM", "TXCSUM", "NETCONS", "VLAN_MTU", "VLAN_HWTAGGING", "JUMBO_MTU", "POLLING", "VLAN_HWCSUM", "TSO4", "TSO6",
    "LRO", "WOL_UCAST", "WOL_MCAST", "WOL_MAGIC", "TOE4", "TOE6", "VLAN_HWFILTER", "NV", "VLAN_HWTSO", "LINKSTATE", "NETMAP",
    "RXCSUM_IPV6", "TXCSUM_IPV6", "HWSTATS", "TXRTLMT", "HWRXTSTMP", "MEXTPG", "TXTLS4", "TXTLS6", "VXLAN_HWCSUM",
    "VXLAN_HWTSO", "TXTLS_RTLMT", "RXTLS4", "RXTLS6", "IPSEC_OFFLOAD",
)  # fmt: skip
"""Name of each capability bit (IFCAP_*_NAME)."""

IFNET_PCP_NONE = 0xFF


class IfRequest(Record):
    """A request about one interface (or, with name "", about interfaces)."""

    domain: ClassVar[int] = 0
    """The address family whose sockets know it, 0 for all."""
    name: str = ""


class SIOCSIFADDR(IfRequest):
    """What a protocol asks of a type's `ioctl` when it has put an address on it: come up, announce it (ether_ioctl)."""

    ifa: object = None
    """The Ifaddr."""


class SIOCGIFFLAGS(IfRequest):
    """The flags; answers an int."""


class SIOCSIFFLAGS(IfRequest):
    """Set the flags."""

    flags: int = 0


class SIOCGIFINDEX(IfRequest):
    """The interface index; answers an int."""


class SIOCGIFMTU(IfRequest):
    """Answers the MTU."""


class SIOCSIFMTU(IfRequest):
    """Set the MTU."""

    mtu: int = 0


class SIOCGIFMETRIC(IfRequest):
    """Answers the metric."""


class SIOCSIFMETRIC(IfRequest):
    """Set the metric."""

    metric: int = 0


class SIOCSIFNAME(IfRequest):
    """Rename."""

    newname: str = ""


class SIOCGIFDESCR(IfRequest):
    """Answers the description; ENOMSG if there is none."""


class SIOCSIFDESCR(IfRequest):
    """Set the description, remove it with None."""

    descr: str | None = None


class SIOCGIFFIB(IfRequest):
    """Answers the routing table of the interface."""


class SIOCSIFFIB(IfRequest):
    """Set the routing table of the interface."""

    fib: int = 0


class SIOCGTUNFIB(IfRequest):
    """Answers the routing table of a tunnel's outer packets."""


class SIOCSTUNFIB(IfRequest):
    """Set the routing table of a tunnel's outer packets."""

    fib: int = 0


class IfCap(Record):
    """Capabilities: what there is, what is enabled (IFCAP_*, both words in one number)."""

    reqcap: int
    curcap: int


class SIOCGIFCAP(IfRequest):
    """Answers an IfCap."""


class SIOCSIFCAP(IfRequest):
    """Enable exactly these capabilities."""

    reqcap: int = 0


class IfMediaReq(Record):
    """struct ifmediareq: media words of net/if_media.h (abi/if_media.py)."""

    current: int
    mask: int
    status: int
    active: int
    ulist: tuple[int, ...]


class SIOCGIFMEDIA(IfRequest):
    """Answers an IfMediaReq."""


class SIOCSIFMEDIA(IfRequest):
    """Choose a medium."""

    media: int = 0


class SIOCSIFLLADDR(IfRequest):
    """Set the link-level address."""

    lladdr: bytes = b""


class SIOCGHWADDR(IfRequest):
    """Answers the address the hardware came with."""


class SIOCAIFGROUP(IfRequest):
    """Join an interface group."""

    group: str = ""


class SIOCDIFGROUP(IfRequest):
    """Leave an interface group."""

    group: str = ""


class SIOCGIFGROUP(IfRequest):
    """Answers the names of the interface's groups, "all" included."""


class SIOCGIFGMEMB(IfRequest):
    """Answers the names of a group's members; `name` is the group."""


class SIOCSIFVNET(IfRequest):
    """Move an interface into a jail's stack."""

    jid: int = 0


class SIOCSIFRVNET(IfRequest):
    """Take an interface back from a jail's stack."""

    jid: int = 0


class SIOCIFCREATE2(IfRequest):
    """Make a cloned interface; answers its name.  `params` is a Record of the type's own."""

    params: Record | None = None


class SIOCIFDESTROY(IfRequest):
    """Destroy a cloned interface."""


class SIOCIFGCLONERS(IfRequest):
    """Answers the names of what can be cloned."""


class SIOCADDMULTI(IfRequest):
    """Join a link-level multicast group."""

    addr: bytes = b""


class SIOCDELMULTI(IfRequest):
    """Leave a link-level multicast group."""

    addr: bytes = b""


class SIOCGLANPCP(IfRequest):
    """Answers the 802.1p priority of untagged frames, IFNET_PCP_NONE when unset."""


class SIOCSLANPCP(IfRequest):
    """Set it."""

    pcp: int = IFNET_PCP_NONE


class SIOCGDRVSPEC(IfRequest):
    """A question in a type's own words; `arg`'s class says which (bridge, vxlan)."""

    arg: Record | None = None


class SIOCSDRVSPEC(IfRequest):
    """A change in a type's own words; `arg`'s class says which (bridge, vxlan)."""

    arg: Record | None = None


class SIOCGIFSTATUS(IfRequest):
    """Answers lines about the interface, in words of its type (tun(4): who has it open)."""
