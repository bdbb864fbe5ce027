"""Requests of tunnels: the outer addresses (SIOCSIFPHYADDR and kin of sys/sockio.h)."""

from __future__ import annotations

from vshell.abi.sockio import IfRequest


class SIOCSIFPHYADDR(IfRequest):
    """Set the outer addresses; both of IPv4 or both of IPv6."""

    src: bytes = b""
    dst: bytes = b""


class SIOCDIFPHYADDR(IfRequest):
    """Remove the outer addresses."""


class SIOCGIFPSRCADDR(IfRequest):
    """Answers the outer source address.  EADDRNOTAVAIL if there is none."""


class SIOCGIFPDSTADDR(IfRequest):
    """Answers the outer destination address."""
