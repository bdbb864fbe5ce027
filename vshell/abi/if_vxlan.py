"""Requests of vxlan(4) (net/if_vxlan.h): the `arg` of SIOCSDRVSPEC and SIOCGDRVSPEC, and what it is made with."""

from __future__ import annotations

from typing import Any

from vshell.abi.record import Record

VXLAN_VNI_MAX = 1 << 24
VXLAN_PORT, VXLAN_LEGACY_PORT = 4789, 8472


class VxlanParams(Record):
    """struct ifvxlanparam; None is what was not said.  Addresses are bytes in network order."""

    vni: int | None = None
    local: bytes | None = None
    remote: bytes | None = None
    local_port: int | None = None
    remote_port: int | None = None
    port_range: tuple[int, int] | None = None
    multicast_if: str | None = None
    timeout: int | None = None
    maxaddr: int | None = None
    ttl: int | None = None
    learn: bool | None = None


class VXLAN_CMD_SET(Record):
    """Change one of the above by name.  EBUSY while it is running."""

    what: str = ""
    value: Any = None


class VXLAN_CMD_FLUSH(Record):
    """Forget learnt addresses, or all of them."""

    all: bool = False


class VXLAN_CMD_GET_CONFIG(Record):
    """Answers a VxlanConfig."""


class VxlanConfig(Record):
    """struct ifvxlancfg."""

    vni: int = VXLAN_VNI_MAX
    local: bytes = b""
    local_port: int = 0
    remote: bytes = b""
    remote_port: int = 0
    port_min: int = 0
    port_max: int = 0
    ttl: int = 0
    learn: bool = True
    ftable_cnt: int = 0
    ftable_max: int = 0
    ftable_timeout: int = 0
