"""Instances of ipfw's external actions as programs see them: nptv6, nat64lsn, nat64stl, nat64clat (netinet6/ip_fw_nat64.h,
netinet6/ip_fw_nptv6.h)."""

from __future__ import annotations

from vshell.abi.ip_fw import FwRequest
from vshell.abi.record import Record

NAT64_LOG, NAT64_ALLOW_PRIVATE, NAT64LSN_ALLOW_SWAPCONF = 0x0001, 0x0002, 0x0004
NPTV6_DYNAMIC_PREFIX = 1

NAT64LSN_JMAXLEN, NAT64LSN_HOST_AGE, NAT64LSN_PG_AGE = 2048, 3600, 900
NAT64LSN_TCP_SYN_AGE, NAT64LSN_TCP_EST_AGE, NAT64LSN_TCP_FIN_AGE = 10, 2 * 3600, 180
NAT64LSN_UDP_AGE, NAT64LSN_ICMP_AGE = 120, 60
WKPFX = bytes.fromhex("0064ff9b000000000000000000000000")
"""The well-known prefix 64:ff9b::/96."""


class EactionConfig(Record):
    """What all instances have: a name, and the set it belongs to."""

    name: str
    set: int = 0


class Nptv6Config(EactionConfig):
    """ipfw_nptv6_cfg."""

    internal: bytes = bytes(16)
    external: bytes = bytes(16)
    if_name: str = ""
    plen: int = 0
    flags: int = 0


class Nat64StlConfig(EactionConfig):
    """ipfw_nat64stl_cfg."""

    table4: str = ""
    table6: str = ""
    prefix6: bytes = WKPFX
    plen6: int = 96
    flags: int = 0


class Nat64ClatConfig(EactionConfig):
    """ipfw_nat64clat_cfg."""

    plat_prefix: bytes = WKPFX
    clat_prefix: bytes = bytes(16)
    plat_plen: int = 96
    clat_plen: int = 0
    flags: int = 0


class Nat64LsnConfig(EactionConfig):
    """ipfw_nat64lsn_cfg; ages in seconds."""

    prefix4: bytes = bytes(4)
    plen4: int = 0
    prefix6: bytes = WKPFX
    plen6: int = 96
    flags: int = 0
    jmaxlen: int = NAT64LSN_JMAXLEN
    nh_delete_delay: int = NAT64LSN_HOST_AGE
    pg_delete_delay: int = NAT64LSN_PG_AGE
    st_syn_ttl: int = NAT64LSN_TCP_SYN_AGE
    st_close_ttl: int = NAT64LSN_TCP_FIN_AGE
    st_estab_ttl: int = NAT64LSN_TCP_EST_AGE
    st_udp_ttl: int = NAT64LSN_UDP_AGE
    st_icmp_ttl: int = NAT64LSN_ICMP_AGE
    states_chunks: int = 0


class Nat64LsnState(Record):
    """ipfw_nat64lsn_state_v1: a state, `alias` is the address outside; flags are FIN, SYN, established."""

    host6: bytes
    alias: bytes
    daddr: bytes
    dport: int
    aport: int
    sport: int
    idle: int
    flags: int
    proto: int


class EactionRequest(FwRequest):
    """A request about the instances of a kind; EINVAL if nobody provides that kind."""

    kind: str


class EactionInstance(EactionRequest):
    """A request about one instance.  ESRCH or ENOENT, as the kind has it, if there is none."""

    name: str = ""
    set: int = 0


class EactionCreate(EactionRequest):
    """IP_FW_*_CREATE: a new instance.  EEXIST."""

    config: EactionConfig | None = None


class EactionDestroy(EactionInstance):
    """IP_FW_*_DESTROY.  EBUSY while rules refer to it."""


class EactionGetConfig(EactionInstance):
    """IP_FW_*_CONFIG, getting: how it is configured."""


class EactionSetConfig(EactionInstance):
    """IP_FW_*_CONFIG, setting."""

    config: EactionConfig | None = None


class EactionList(EactionRequest):
    """IP_FW_*_LIST: how all instances are configured."""


class EactionStats(EactionInstance):
    """IP_FW_*_STATS: counters by name."""


class EactionResetStats(EactionInstance):
    """IP_FW_*_RESET_STATS."""


class EactionStates(EactionInstance):
    """IP_FW_NAT64LSN_LIST_STATES: its states."""
