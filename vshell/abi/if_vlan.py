"""Requests of vlan(4) (net/if_vlan_var.h)."""

from __future__ import annotations

from vshell.abi.record import Record
from vshell.abi.sockio import SIOCGLANPCP, SIOCSLANPCP, IfRequest

VLAN_PCP_MAX = 7


class VlanReq(Record):
    """struct vlanreq: parent, tag, and the Ethernet type of tagged frames."""

    parent: str = ""
    tag: int = 0
    proto: int = 0


class SIOCSETVLAN(IfRequest):
    """Set parent and tag; without parent it is taken away."""

    vlan: VlanReq = VlanReq()


class SIOCGETVLAN(IfRequest):
    """Answers a VlanReq.  EINVAL on other interfaces, EPERM away from the stack it was made in."""


SIOCSVLANPCP, SIOCGVLANPCP = SIOCSLANPCP, SIOCGLANPCP
"""The same requests as for any Ethernet interface."""
