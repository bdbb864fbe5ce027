"""netlink(4) about links and addresses: RTM_GETLINK, RTM_GETADDR (netlink/route/interface.h, ifaddrs.h)."""

from __future__ import annotations

from vshell.abi.in_ import MCAST_EXCLUDE
from vshell.abi.record import Record


class RTM_GETLINK(Record):
    """Ask for links: all, or the one of that name or index (ENODEV)."""

    name: str = ""
    index: int = 0


class Link(Record):
    """RTM_NEWLINK: everything about one interface."""

    index: int
    name: str
    type: int
    """IFT_*."""
    flags: int
    """IFF_*, with IFF_LOWER_UP while the link works."""
    mtu: int
    metric: int
    lladdr: bytes
    hwaddr: bytes | None
    """The address the hardware came with, None for interfaces without hardware address (IFLAF_ORIG_HWADDR)."""
    broadcast: bytes
    description: str
    capabilities: int
    capenable: int
    dname: str
    dunit: int | None
    groups: tuple[str, ...]
    fib: int
    tunnelfib: int
    pcp: int
    link_state: int
    baudrate: int
    hdrlen: int
    lastchange: int
    ipackets: int
    ierrors: int
    iqdrops: int
    ibytes: int
    imcasts: int
    opackets: int
    oerrors: int
    oqdrops: int
    obytes: int
    omcasts: int
    collisions: int
    noproto: int


class RTM_GETADDR(Record):
    """Ask for addresses: of one family or all (0), of one interface or all (0)."""

    family: int = 0
    index: int = 0


class Address(Record):
    """RTM_NEWADDR: an address on an interface."""

    index: int
    ifname: str
    family: int
    addr: bytes
    prefixlen: int
    dstaddr: bytes | None = None
    """The other end of a point-to-point link."""
    broadaddr: bytes | None = None
    flags: int = 0
    """For IPv6: IN6_IFF_*."""
    vhid: int = 0
    vltime: int | None = None
    """IPv6: seconds the address is still valid; None for ever."""
    pltime: int | None = None
    """IPv6: seconds it is still preferred; None for ever."""
    ipackets: int = 0
    ibytes: int = 0
    opackets: int = 0
    obytes: int = 0


class RTM_NEWADDR(Record):
    """Add an address to an interface.  KError.text is the extended error, where there is one."""

    family: int
    index: int
    local: bytes | None
    prefixlen: int = 0
    address: bytes | None = None
    """The other end of a point-to-point link."""
    broadcast: bytes | None = None
    flags: int = 0
    vhid: int = 0
    vltime: int | None = None
    """IPv6: seconds, None for ever."""
    pltime: int | None = None


class RTM_DELADDR(Record):
    """Remove an address from an interface."""

    family: int
    index: int
    local: bytes | None


class RTM_GETMADDR(Record):
    """Ask for group memberships (what sysctl(3) NET_RT_IFMALIST tells): of one interface or all (0)."""

    index: int = 0


class GroupAddress(Record):
    """A group membership at link or network level."""

    index: int
    ifname: str
    family: int
    addr: bytes
    references: int = 1
    mode: int = MCAST_EXCLUDE
    """What sysctl net.inet.ip.mcast.filters says: the mode of the filter, and the sources it speaks about."""
    sources: tuple[bytes, ...] = ()


class RTM_GETQUERIER(Record):
    """Ask what IGMP (AF_INET) or MLD (AF_INET6) knows of a link (sysctl net.inet.igmp.ifinfo, net.inet6.mld.ifinfo)."""

    family: int
    index: int


class Querier(Record):
    """struct igmp_ifinfo and mld_ifinfo.  Intervals in seconds (the last answered one as it was asked), timers in ticks."""

    version: int
    flags: int
    rv: int
    qi: int
    qri: int
    uri: int
    timers: tuple[int, ...]
    """Until the older queriers are forgotten, and until a general query is answered."""
