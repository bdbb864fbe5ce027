"""Internet addresses on interfaces: requests and constants (netinet/in.h, netinet/in_var.h)."""

from __future__ import annotations

from vshell.abi.record import Record
from vshell.abi.sockio import IfRequest

INADDR_LOOPBACK = b"\x7f\0\0\1"
INADDR_ALLHOSTS_GROUP = b"\xe0\0\0\1"
INADDR_ALLRTRS_GROUP = b"\xe0\0\0\2"
IPPORT_RESERVED = 1024

IP_DEFAULT_MULTICAST_TTL = 1
IP_MAX_MEMBERSHIPS = 4095
MCAST_UNDEFINED, MCAST_INCLUDE, MCAST_EXCLUDE = 0, 1, 2
"""Modes of a source filter."""
IP_PORTRANGE_DEFAULT, IP_PORTRANGE_HIGH, IP_PORTRANGE_LOW = 0, 1, 2


class SIOCAIFADDR(IfRequest):
    """Add an address (struct in_aliasreq); one that is there already is replaced.

    Masks may have holes, so a mask is four bytes; None asks for the historical class's.
    """

    addr: bytes | None = None
    mask: bytes | None = None
    broadaddr: bytes | None = None
    dstaddr: bytes | None = None
    vhid: int = 0


class SIOCDIFADDR(IfRequest):
    """Remove an address; with addr None the first one."""

    addr: bytes | None = None


class SIOCGIFADDR(IfRequest):
    """The address of an interface (bytes): `addr` itself if it is there, else the first.  EADDRNOTAVAIL."""

    addr: bytes = bytes(4)


class SIOCGIFNETMASK(SIOCGIFADDR):
    """The mask that goes with it."""


class SIOCGIFBRDADDR(SIOCGIFADDR):
    """The broadcast address that goes with it.  EINVAL if the interface has none."""


class SIOCGIFDSTADDR(SIOCGIFADDR):
    """The other end of a point-to-point link.  EINVAL."""


class SIOCGIFALIAS(IfRequest):
    """The InAliasreq of one address.  EADDRNOTAVAIL."""

    addr: bytes = bytes(4)


class InAliasreq(Record):
    """An address as SIOCGIFALIAS describes it."""

    addr: bytes
    mask: bytes
    broadaddr: bytes | None = None
    dstaddr: bytes | None = None


class IpMreq(Record):
    """struct ip_mreqn: a group, and the interface to join it on by address or index."""

    multiaddr: bytes
    interface: bytes = bytes(4)
    ifindex: int = 0


class IpMreqSource(Record):
    """struct ip_mreq_source: a group, a source, and the address of the interface to join on."""

    multiaddr: bytes
    source: bytes
    interface: bytes = bytes(4)


class GroupSourceReq(Record):
    """struct group_req and group_source_req: the index of an interface, a group, and perhaps a source."""

    ifindex: int
    group: bytes
    source: bytes | None = None


class MsFilterReq(Record):
    """struct __msfilterreq: the whole filter of a socket for a group."""

    ifindex: int
    group: bytes
    fmode: int = MCAST_UNDEFINED
    sources: tuple[bytes, ...] = ()
