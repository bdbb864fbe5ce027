"""The address selection policy of a stack (struct in6_addrpolicy of netinet6/in6_var.h)."""

from __future__ import annotations

from vshell.abi.record import Record
from vshell.abi.socket import AF_INET6
from vshell.abi.sockio import IfRequest

ADDR_LABEL_NOTAPP = -1


class In6AddrPolicy(Record):
    """One entry, as the sysctl net.inet6.ip6.addrctlpolicy lists them."""

    addr: bytes
    plen: int
    preced: int = 0
    label: int = 0
    use: int = 0
    """How often it was looked up."""


class SIOCAADDRCTL_POLICY(IfRequest):
    """Add an entry.  EEXIST."""

    domain = AF_INET6
    policy: In6AddrPolicy | None = None


class SIOCDADDRCTL_POLICY(IfRequest):
    """Delete the entry with this prefix.  ESRCH."""

    domain = AF_INET6
    policy: In6AddrPolicy | None = None
