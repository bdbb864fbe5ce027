"""Socket constants and addresses (sys/socket.h, netinet/in.h, net/if_dl.h).

Addresses are `bytes` in network order everywhere (4 for IPv4, 16 for IPv6); text forms live in userland/addr.py.
An IPv6 scope travels beside the address as an interface index (`scope_id`), never embedded in its bytes.
"""

from __future__ import annotations

from vshell.abi.record import Record

AF_UNSPEC, AF_UNIX, AF_INET, AF_ROUTE, AF_LINK, AF_INET6, AF_NETGRAPH, AF_NETLINK = 0, 1, 2, 17, 18, 28, 32, 38
AF_LOCAL = AF_UNIX

SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET = 1, 2, 3, 4, 5
SOCK_CLOEXEC, SOCK_NONBLOCK = 0x10000000, 0x20000000

IPPROTO_IP, IPPROTO_HOPOPTS, IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_IPV4, IPPROTO_TCP = 0, 0, 1, 2, 4, 6
IPPROTO_UDP, IPPROTO_IPV6, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_GRE, IPPROTO_ESP = 17, 41, 43, 44, 47, 50
IPPROTO_AH, IPPROTO_ICMPV6, IPPROTO_NONE, IPPROTO_DSTOPTS, IPPROTO_ETHERIP, IPPROTO_PIM = 51, 58, 59, 60, 97, 103
IPPROTO_CARP, IPPROTO_SCTP, IPPROTO_UDPLITE = 112, 132, 136
IPPROTO_RAW, IPPROTO_DIVERT = 255, 258

SOL_SOCKET = 0xFFFF
SO_DEBUG, SO_ACCEPTCONN, SO_REUSEADDR, SO_KEEPALIVE, SO_DONTROUTE, SO_BROADCAST = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20
SO_USELOOPBACK, SO_LINGER, SO_OOBINLINE, SO_REUSEPORT, SO_TIMESTAMP = 0x40, 0x80, 0x100, 0x200, 0x400
SO_SNDBUF, SO_RCVBUF, SO_SNDLOWAT, SO_RCVLOWAT, SO_SNDTIMEO, SO_RCVTIMEO = 0x1001, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006
SO_ERROR, SO_TYPE, SO_SETFIB, SO_USER_COOKIE, SO_PROTOCOL = 0x1007, 0x1008, 0x1014, 0x1015, 0x1016

MSG_OOB, MSG_PEEK, MSG_DONTROUTE, MSG_EOR, MSG_TRUNC, MSG_CTRUNC, MSG_WAITALL, MSG_DONTWAIT = (
    0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x40, 0x80,
)  # fmt: skip
MSG_NOSIGNAL = 0x20000
SHUT_RD, SHUT_WR, SHUT_RDWR = 0, 1, 2

IP_OPTIONS, IP_HDRINCL, IP_TOS, IP_TTL, IP_RECVOPTS, IP_RECVDSTADDR = 1, 2, 3, 4, 5, 7
IP_MULTICAST_IF, IP_MULTICAST_TTL, IP_MULTICAST_LOOP, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP = 9, 10, 11, 12, 13
IP_PORTRANGE, IP_RECVIF, IP_ONESBCAST, IP_BINDANY, IP_RECVTTL, IP_MINTTL, IP_DONTFRAG, IP_RECVTOS = 19, 20, 23, 24, 65, 66, 67, 68
IP_ADD_SOURCE_MEMBERSHIP, IP_DROP_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE, IP_UNBLOCK_SOURCE, IP_MSFILTER = 70, 71, 72, 73, 74
MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP = 80, 81, 82, 83
MCAST_BLOCK_SOURCE, MCAST_UNBLOCK_SOURCE = 84, 85

INADDR_ANY = b"\0\0\0\0"
INADDR_BROADCAST = b"\xff\xff\xff\xff"
IN6ADDR_ANY = bytes(16)


class SockaddrIn(Record):
    """struct sockaddr_in."""

    addr: bytes = INADDR_ANY
    port: int = 0
    family: int = AF_INET


class SockaddrIn6(Record):
    """struct sockaddr_in6; `scope_id` is an interface index or 0."""

    addr: bytes = IN6ADDR_ANY
    port: int = 0
    scope_id: int = 0
    flowinfo: int = 0
    family: int = AF_INET6


class SockaddrUn(Record):
    """struct sockaddr_un."""

    path: str = ""
    family: int = AF_UNIX


class Message(Record):
    """What recvmsg(2) returns: payload, sender, flags, control items by option number (e.g. IP_RECVTTL: 64)."""

    data: bytes
    name: Record | None = None
    flags: int = 0
    control: dict[int, object] = {}  # noqa: RUF012
