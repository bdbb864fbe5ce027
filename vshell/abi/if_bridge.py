"""Requests of bridge(4) (net/if_bridgevar.h): the `arg` of SIOCSDRVSPEC and SIOCGDRVSPEC."""

from __future__ import annotations

from vshell.abi.record import Record

IFBIF_LEARNING, IFBIF_DISCOVER, IFBIF_STP, IFBIF_SPAN, IFBIF_STICKY = 0x1, 0x2, 0x4, 0x8, 0x10
IFBIF_BSTP_EDGE, IFBIF_BSTP_AUTOEDGE, IFBIF_BSTP_PTP, IFBIF_BSTP_AUTOPTP = 0x20, 0x40, 0x80, 0x100
IFBIF_BSTP_ADMEDGE, IFBIF_BSTP_ADMCOST, IFBIF_PRIVATE, IFBIF_QINQ = 0x200, 0x400, 0x800, 0x1000
"""Flags of a member."""

IFBIF_NAMES = {
    IFBIF_LEARNING: "LEARNING", IFBIF_DISCOVER: "DISCOVER", IFBIF_STP: "STP", IFBIF_SPAN: "SPAN", IFBIF_STICKY: "STICKY",
    IFBIF_PRIVATE: "PRIVATE", IFBIF_BSTP_EDGE: "EDGE", IFBIF_BSTP_AUTOEDGE: "AUTOEDGE", IFBIF_BSTP_PTP: "PTP",
    IFBIF_BSTP_AUTOPTP: "AUTOPTP", IFBIF_QINQ: "QINQ",
}  # fmt: skip

IFBF_FLUSHDYN, IFBF_FLUSHALL = 0, 1
IFBAF_DYNAMIC, IFBAF_STATIC, IFBAF_STICKY, IFBAF_TYPEMASK = 0, 1, 2, 3
"""Kinds of addresses."""
IFBRF_VLANFILTER, IFBRF_DEFQINQ = 1, 2
"""Flags of a bridge."""

BRDG_VLAN_OP_SET, BRDG_VLAN_OP_ADD, BRDG_VLAN_OP_DEL = 1, 2, 3
DOT1Q_VID_MIN, DOT1Q_VID_MAX, DOT1Q_VID_RSVD_IMPL = 1, 0xFFE, 0xFFF
BRVLAN_ALL = ((1 << 4096) - 1) & ~1 & ~(1 << 4095)
"""A set of VLANs is an int with their bits; this one has all that exist."""

BSTP_PROTO_STP, BSTP_PROTO_RSTP = 0, 2
STP_STATES = ("disabled", "listening", "learning", "forwarding", "blocking", "discarding")
STP_PROTOS = ("stp", "-", "rstp")
STP_ROLES = ("disabled", "root", "designated", "alternate", "backup", "master")


class BridgeControl(Record):
    """A request to a bridge."""


class MemberControl(BridgeControl):
    """One that is about a member."""

    ifname: str = ""


class BRDGADD(MemberControl):
    """Add a member.  ENOENT, EINVAL, EBUSY, EEXIST."""


class BRDGDEL(MemberControl):
    """Remove one.  ENOENT."""


class BRDGADDS(MemberControl):
    """Add a span port."""


class BRDGDELS(MemberControl):
    """Remove one."""


class BRDGGIFFLGS(MemberControl):
    """Answers a Member."""


class BRDGSIFFLGS(MemberControl):
    """Set a member's flags."""

    flags: int = 0


class BRDGSIFPRIO(MemberControl):
    """Set a port's priority in the spanning tree."""

    value: int = 0


class BRDGSIFCOST(MemberControl):
    """Set a port's path cost, 0 for that of the medium."""

    value: int = 0


class BRDGSIFAMAX(MemberControl):
    """Limit the addresses learnt from a member."""

    value: int = 0


class BRDGSIFPVID(MemberControl):
    """Set the VLAN of untagged frames."""

    value: int = 0


class BRDGSIFVLANPROTO(MemberControl):
    """Set the Ethernet type of tagged frames."""

    value: int = 0


class BRDGSIFVLANSET(MemberControl):
    """Set, extend or reduce the VLANs a member may have tagged."""

    op: int = BRDG_VLAN_OP_SET
    vlans: int = 0


class BRDGGIFVLANSET(MemberControl):
    """Answers that set."""


class BRDGGIFS(BridgeControl):
    """Answers a tuple of Member: members, then span ports."""


class BRDGRTS(BridgeControl):
    """Answers a tuple of BridgeAddress."""


class BRDGSADDR(MemberControl):
    """Enter an address by hand."""

    addr: bytes = b""
    vlan: int = 0
    flags: int = IFBAF_STATIC


class BRDGDADDR(BridgeControl):
    """Delete an address; VLAN 0 stands for all.  ENOENT."""

    addr: bytes = b""
    vlan: int = 0


class BRDGFLUSH(BridgeControl):
    """Delete addresses, the learnt ones or all."""

    how: int = IFBF_FLUSHDYN


class BRDGPARAM(BridgeControl):
    """Answers a BridgeParam."""


class BRDGGCACHE(BridgeControl):
    """Answers how many addresses fit."""


class BRDGGTO(BridgeControl):
    """Answers for how many seconds addresses stay."""


class BRDGGFLAGS(BridgeControl):
    """Answers the bridge's flags."""


class BRDGGDEFPVID(BridgeControl):
    """Answers the VLAN of untagged frames of new members."""


class ValueControl(BridgeControl):
    """A request that sets one number."""

    value: int = 0


class BRDGSCACHE(ValueControl):
    """How many addresses fit."""


class BRDGSTO(ValueControl):
    """How long they stay."""


class BRDGSPRI(ValueControl):
    """The bridge's priority in the spanning tree."""


class BRDGSHT(ValueControl):
    """Hello time; EPERM unless the protocol is STP."""


class BRDGSFD(ValueControl):
    """Forward delay."""


class BRDGSMA(ValueControl):
    """Maximum age."""


class BRDGSTXHC(ValueControl):
    """Transmit hold count."""


class BRDGSPROTO(ValueControl):
    """STP or RSTP."""


class BRDGSFLAGS(ValueControl):
    """Set the bridge's flags."""


class BRDGSDEFPVID(ValueControl):
    """Set the VLAN of untagged frames of new members, 0 for none."""


class Member(Record):
    """A member or span port (struct ifbreq)."""

    ifname: str = ""
    flags: int = 0
    state: int = 0
    priority: int = 0
    path_cost: int = 0
    portno: int = 0
    proto: int = 0
    role: int = 0
    addrcnt: int = 0
    addrmax: int = 0
    addrexceeded: int = 0
    pvid: int = 0
    vlanproto: int = 0


class BridgeAddress(Record):
    """An address in the forwarding table (struct ifbareq)."""

    ifname: str = ""
    addr: bytes = b""
    vlan: int = 0
    expire: int = 0
    """Seconds from now, 0 if never."""
    flags: int = 0


class BridgeParam(Record):
    """The bridge in the spanning tree (struct ifbropreq); identifiers are 16 bit of priority and a link-level address."""

    maxage: int = 0
    hellotime: int = 0
    fwddelay: int = 0
    root_port: int = 0
    holdcount: int = 0
    priority: int = 0
    protocol: int = 0
    root_path_cost: int = 0
    bridgeid: int = 0
    designated_root: int = 0
