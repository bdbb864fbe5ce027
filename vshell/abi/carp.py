"""carp(4) as ifconfig(8) sees it (netinet/ip_carp_nl.h): netlink messages of the family "carp"."""

from __future__ import annotations

from vshell.abi.record import Record

CARP_MAXVHID = 255
CARP_STATES = ("INIT", "BACKUP", "MASTER")
CARP_VERSION_CARP, CARP_VERSION_VRRPV3 = 2, 3
VRRP_MAX_INTERVAL = 0x1000 - 1
INADDR_CARP_GROUP = bytes((224, 0, 0, 18))
IN6ADDR_CARP_GROUP = b"\xff\x02" + bytes(13) + b"\x12"


class CarpInfo(Record):
    """A virtual host on an interface (struct ifconfig_carp); in a change, None leaves a value alone."""

    vhid: int = 0
    state: int | None = None
    advbase: int | None = None
    advskew: int | None = None
    key: str | None = None
    addr: bytes | None = None
    addr6: bytes | None = None
    version: int | None = None
    vrrp_prio: int | None = None
    vrrp_adv_inter: int | None = None


class CARP_NL_CMD_GET(Record):
    """Answers CarpInfo records: of one vhid, or with 0 of all.  ENOENT if there is no such vhid."""

    ifname: str = ""
    vhid: int = 0


class CARP_NL_CMD_SET(Record):
    """Change or make a virtual host."""

    ifname: str = ""
    info: CarpInfo = CarpInfo()


class Carpstats(Record):
    """struct carpstats."""

    ipackets: int = 0
    ipackets6: int = 0
    badif: int = 0
    badttl: int = 0
    hdrops: int = 0
    badsum: int = 0
    badver: int = 0
    badlen: int = 0
    badauth: int = 0
    badvhid: int = 0
    badaddrs: int = 0
    opackets: int = 0
    opackets6: int = 0
    onomem: int = 0
    ostates: int = 0
    preempt: int = 0
