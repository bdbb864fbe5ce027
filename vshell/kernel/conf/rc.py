"""What a fresh system's start-up scripts have configured by the time somebody logs in (rc.d/netif, rc.d/routing).

lo0 has its addresses, and IPv6 routes reject what must not leave a host.  Done through system calls, as the scripts do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import KError
from vshell.abi.in6_policy import SIOCAADDRCTL_POLICY, In6AddrPolicy
from vshell.abi.in_ import SIOCAIFADDR
from vshell.abi.route import NLM_F_APPEND, NLM_F_CREATE, RTF_REJECT, RTF_STATIC, RTN_PROHIBIT, NewRoute, RtGateway
from vshell.abi.socket import AF_INET, AF_INET6, AF_NETLINK, SOCK_DGRAM, SOCK_RAW
from vshell.abi.sockio import IFF_UP, SIOCGIFFLAGS, SIOCSIFFLAGS

if TYPE_CHECKING:
    from vshell.kernel.kern.kernel import Kernel

REJECTED = (
    (bytes(10) + b"\xff\xff" + bytes(4), 96),
    (bytes(16), 96),
    (b"\xfe\x80" + bytes(14), 10),
    (b"\xff\x02" + bytes(14), 16),
)
"""IPv4-mapped, IPv4-compatible, and link-local destinations without a zone."""

LOOPBACK = bytes(15) + b"\1"

POLICY = (
    (LOOPBACK, 128, 50, 0), (bytes(16), 0, 40, 1), (bytes(10) + b"\xff\xff" + bytes(4), 96, 100, 4),
    (b"\x20\x02" + bytes(14), 16, 30, 2), (b"\x20\x01" + bytes(14), 32, 5, 5), (b"\xfc" + bytes(15), 7, 3, 13),
    (bytes(16), 96, 1, 3), (b"\xfe\xc0" + bytes(14), 10, 1, 11), (b"\x3f\xfe" + bytes(14), 16, 1, 12),
)  # fmt: skip
"""Prefix, precedence and label: IPv4 comes first while no interface is set up for IPv6 (rc.d/ip6addrctl)."""


def configure(kernel: Kernel) -> None:
    """Bring the network of the host up."""
    assert kernel.initproc is not None
    sys = kernel.initproc.sysent
    s = sys.socket(AF_INET, SOCK_DGRAM)
    sys.ioctl(s, SIOCSIFFLAGS("lo0", sys.ioctl(s, SIOCGIFFLAGS("lo0")) | IFF_UP))
    sys.ioctl(s, SIOCAIFADDR("lo0", b"\x7f\0\0\1", b"\xff\0\0\0"))
    sys.close(s)
    s = sys.socket(AF_NETLINK, SOCK_RAW)
    for dst, plen in REJECTED:
        request = NewRoute(
            AF_INET6, dst, plen, gateway=RtGateway(AF_INET6, LOOPBACK), rtflags=RTF_REJECT | RTF_STATIC, rtm_type=RTN_PROHIBIT,
            nlflags=NLM_F_CREATE | NLM_F_APPEND,
        )  # fmt: skip
        try:
            sys.netlink(s, request)
        except KError:
            continue  # a kernel without IPv6 has no use for them
    sys.close(s)
    try:
        s = sys.socket(AF_INET6, SOCK_DGRAM)
    except KError:
        return
    for prefix, plen, preced, label in POLICY:
        sys.ioctl(s, SIOCAADDRCTL_POLICY(policy=In6AddrPolicy(prefix, plen, preced, label)))
    sys.close(s)
    kernel.run_netisr()
