"""Requests of lagg(4) (net/if_lagg.h)."""

from __future__ import annotations

from vshell.abi.record import Record
from vshell.abi.sockio import IfRequest

LAGG_PROTOS = {"failover": 2, "lacp": 4, "loadbalance": 3, "roundrobin": 1, "broadcast": 5, "none": 0, "default": 2}
LAGG_PROTO_NONE, LAGG_PROTO_ROUNDROBIN, LAGG_PROTO_FAILOVER, LAGG_PROTO_LOADBALANCE, LAGG_PROTO_LACP, LAGG_PROTO_BROADCAST = (
    range(6)
)

LAGG_PORT_MASTER, LAGG_PORT_STACK, LAGG_PORT_ACTIVE, LAGG_PORT_COLLECTING, LAGG_PORT_DISTRIBUTING = 0x1, 0x2, 0x4, 0x8, 0x10
LAGG_PORT_NAMES = {1: "MASTER", 2: "STACK", 4: "ACTIVE", 8: "COLLECTING", 16: "DISTRIBUTING"}

LAGG_F_HASHL2, LAGG_F_HASHL3, LAGG_F_HASHL4, LAGG_F_HASHMASK = 1, 2, 4, 7

LAGG_OPT_USE_FLOWID, LAGG_OPT_FLOWIDSHIFT, LAGG_OPT_USE_NUMA = 0x01, 0x02, 0x04
LAGG_OPT_FLOWIDSHIFT_MASK = 0x1F
LAGG_OPT_LACP_STRICT, LAGG_OPT_LACP_TXTEST, LAGG_OPT_LACP_RXTEST = 0x10, 0x20, 0x40
LAGG_OPT_LACP_FAST_TIMO, LAGG_OPT_RR_LIMIT = 0x80, 0x100
LAGG_OPT_NAMES = {
    LAGG_OPT_USE_FLOWID: "USE_FLOWID", LAGG_OPT_USE_NUMA: "USE_NUMA", LAGG_OPT_LACP_STRICT: "LACP_STRICT",
    LAGG_OPT_LACP_TXTEST: "LACP_TXTEST", LAGG_OPT_LACP_RXTEST: "LACP_RXTEST", LAGG_OPT_LACP_FAST_TIMO: "LACP_FAST_TIMO",
}  # fmt: skip
LACP_STATE_NAMES = {
    1: "ACTIVITY", 2: "TIMEOUT", 4: "AGGREGATION", 8: "SYNC", 16: "COLLECTING", 32: "DISTRIBUTING", 64: "DEFAULTED",
    128: "EXPIRED",
}  # fmt: skip


class LacpPeer(Record):
    """One end of a link: system priority, system address, key, port priority, port number."""

    prio: int = 0
    mac: bytes = bytes(6)
    key: int = 0
    portprio: int = 0
    portno: int = 0
    state: int = 0


class LacpInfo(Record):
    """struct lacp_opreq."""

    actor: LacpPeer = LacpPeer()
    partner: LacpPeer = LacpPeer()


class LaggPort(Record):
    """struct lagg_reqport."""

    name: str = ""
    flags: int = 0
    lacp: LacpInfo = LacpInfo()


class LaggInfo(Record):
    """What SIOCGLAGG, SIOCGLAGGFLAGS and SIOCGLAGGOPTS tell together."""

    proto: int = 0
    ports: tuple[LaggPort, ...] = ()
    flags: int = 0
    options: int = 0
    flowid_shift: int = 0
    rr_limit: int = 0
    active: int = 0
    flapping: int = 0
    lacp: LacpInfo = LacpInfo()


class LaggParams(Record):
    """struct iflaggparam: the kind of links."""

    type: str = "ethernet"


class SIOCGLAGG(IfRequest):
    """Answers a LaggInfo.  EINVAL on other interfaces."""


class SIOCSLAGG(IfRequest):
    """Set the protocol."""

    proto: int = 0


class SIOCSLAGGPORT(IfRequest):
    """Add a port."""

    port: str = ""


class SIOCSLAGGDELPORT(IfRequest):
    """Remove a port."""

    port: str = ""


class SIOCSLAGGHASH(IfRequest):
    """Set what frames are distributed by."""

    flags: int = 0


class SIOCSLAGGOPTS(IfRequest):
    """Set an option, or clear it (a negative number); `value` goes with LAGG_OPT_FLOWIDSHIFT and LAGG_OPT_RR_LIMIT."""

    option: int = 0
    value: int = 0
