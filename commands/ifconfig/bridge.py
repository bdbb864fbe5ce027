"""Bridges (ifbridge.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vshell.abi.errno import KError
from vshell.abi.if_bridge import (
    BRDG_VLAN_OP_ADD,
    BRDG_VLAN_OP_DEL,
    BRDG_VLAN_OP_SET,
    BRDGADD,
    BRDGADDS,
    BRDGDADDR,
    BRDGDEL,
    BRDGDELS,
    BRDGFLUSH,
    BRDGGCACHE,
    BRDGGDEFPVID,
    BRDGGFLAGS,
    BRDGGIFFLGS,
    BRDGGIFS,
    BRDGGIFVLANSET,
    BRDGGTO,
    BRDGPARAM,
    BRDGRTS,
    BRDGSADDR,
    BRDGSCACHE,
    BRDGSDEFPVID,
    BRDGSFD,
    BRDGSFLAGS,
    BRDGSHT,
    BRDGSIFAMAX,
    BRDGSIFCOST,
    BRDGSIFFLGS,
    BRDGSIFPRIO,
    BRDGSIFPVID,
    BRDGSIFVLANPROTO,
    BRDGSIFVLANSET,
    BRDGSMA,
    BRDGSPRI,
    BRDGSPROTO,
    BRDGSTO,
    BRDGSTXHC,
    BRVLAN_ALL,
    BSTP_PROTO_RSTP,
    BSTP_PROTO_STP,
    DOT1Q_VID_MAX,
    DOT1Q_VID_MIN,
    IFBAF_STATIC,
    IFBAF_STICKY,
    IFBF_FLUSHALL,
    IFBF_FLUSHDYN,
    IFBIF_BSTP_AUTOEDGE,
    IFBIF_BSTP_AUTOPTP,
    IFBIF_BSTP_EDGE,
    IFBIF_BSTP_PTP,
    IFBIF_DISCOVER,
    IFBIF_LEARNING,
    IFBIF_NAMES,
    IFBIF_PRIVATE,
    IFBIF_QINQ,
    IFBIF_SPAN,
    IFBIF_STICKY,
    IFBIF_STP,
    IFBRF_DEFQINQ,
    IFBRF_VLANFILTER,
    STP_PROTOS,
    STP_ROLES,
    STP_STATES,
    BridgeAddress,
    BridgeControl,
    BridgeParam,
    Member,
    ValueControl,
)  # fmt: skip
from vshell.abi.sockio import SIOCGDRVSPEC, SIOCSDRVSPEC
from vshell.commands.ifconfig.bits import printb
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import Cmd, arg, arg2, flag, vector
from vshell.commands.ifconfig.numbers import get_val
from vshell.userland.addr import ether_aton, ether_ntoa
from vshell.userland.cnumber import strtol
from vshell.wire.ether import ETHERTYPE_QINQ, ETHERTYPE_VLAN

ORDER = 190

IFBAF_NAMES = {IFBAF_STATIC: "STATIC", IFBAF_STICKY: "STICKY"}
IFBRF_NAMES = {IFBRF_VLANFILTER: "VLANFILTER", IFBRF_DEFQINQ: "DEFQINQ"}
PROTOCOLS = {0: "none", ETHERTYPE_VLAN: "802.1q", ETHERTYPE_QINQ: "802.1ad"}


def ask(ctx: Context, what: BridgeControl) -> Any:
    """A question to the bridge."""
    return ctx.ioctl(SIOCGDRVSPEC(ctx.ifname, what))


def tell(ctx: Context, what: BridgeControl, label: str) -> None:
    """A change; the program ends if it fails."""
    try:
        ctx.ioctl(SIOCSDRVSPEC(ctx.ifname, what))
    except KError:
        ctx.err(label)


def get_vlan_id(text: str) -> int | None:
    """A VLAN's number."""
    value = get_val(text)
    return value if value is not None and DOT1Q_VID_MIN <= value <= DOT1Q_VID_MAX else None


# display -------------------------------------------------------------------------------------------------------
def status(ctx: Context) -> None:
    """bridge_status."""
    try:
        params: BridgeParam = ask(ctx, BRDGPARAM())
        size, lifetime = ask(ctx, BRDGGCACHE()), ask(ctx, BRDGGTO())
        members: tuple[Member, ...] = ask(ctx, BRDGGIFS())
        flags, defpvid = ask(ctx, BRDGGFLAGS()), ask(ctx, BRDGGDEFPVID())
    except KError:
        return
    ctx.out(
        f"\tid {_address(params.bridgeid)} priority {params.priority} hellotime {params.hellotime} fwddelay {params.fwddelay}\n"
        f"\tmaxage {params.maxage} holdcnt {params.holdcount} proto {STP_PROTOS[params.protocol]} maxaddr {size} "
        f"timeout {lifetime}\n"
        f"\troot id {_address(params.designated_root)} priority {params.designated_root >> 48} "
        f"ifcost {params.root_path_cost} port {params.root_port & 0xFFF}\n\t"
        + printb("bridge flags", flags, IFBRF_NAMES)
        + (f" defuntagged={defpvid}" if defpvid else "")
        + "\n"
    )
    for member in members:
        _print_member(ctx, member)


def _address(bridgeid: int) -> str:
    return ether_ntoa((bridgeid & 0xFFFFFFFFFFFF).to_bytes(6, "big"))


def _print_member(ctx: Context, member: Member) -> None:
    pad = "\n\t        "
    text = f"\tmember: {member.ifname} {printb('flags', member.flags, IFBIF_NAMES)}{pad}"
    if member.addrmax:
        text += f"ifmaxaddr {member.addrmax} "
    text += f"port {member.portno} priority {member.priority} path cost {member.path_cost}"
    if member.flags & IFBIF_STP:
        text += f" proto {STP_PROTOS[member.proto]}{pad}role {STP_ROLES[member.role]} state {STP_STATES[member.state]}"
    if member.vlanproto:
        text += f" vlan protocol {PROTOCOLS.get(member.vlanproto, 'unknown')}"
    if member.pvid:
        text += f" untagged {member.pvid}"
    if not member.flags & IFBIF_SPAN:
        try:
            text += _vlan_text(ask(ctx, BRDGGIFVLANSET(member.ifname)))
        except KError:
            pass
    ctx.out(text + "\n")


def _vlan_text(vlans: int) -> str:
    """print_vlans: ranges."""
    ranges, vlan = [], DOT1Q_VID_MIN
    while vlans >> vlan:
        if vlans >> vlan & 1:
            last = vlan
            while last < DOT1Q_VID_MAX and vlans >> last + 1 & 1:
                last += 1
            ranges.append(str(vlan) if last == vlan else f"{vlan}-{last}")
            vlan = last
        vlan += 1
    return f" tagged {','.join(ranges)}" if ranges else ""


def bridge_addr(ctx: Context, word: str, _: Any) -> None:
    """addr: the forwarding table."""
    try:
        table: tuple[BridgeAddress, ...] = ask(ctx, BRDGRTS())
    except KError:
        ctx.err("unable to get address cache")
    for a in table:
        ctx.out(f"{ether_ntoa(a.addr)} Vlan{a.vlan} {a.ifname} {a.expire} {printb('flags', a.flags, IFBAF_NAMES)}\n")


# members -------------------------------------------------------------------------------------------------------
def addm(ctx: Context, words: list[str]) -> int:
    """addm."""
    if not words:
        ctx.errx("usage: addm <interface> [opts ...]")
    name = words[0][:15]
    pvid, vlans, used = 0, None, 1
    while used < len(words) and words[used] in ("untagged", "tagged"):
        word = words[used]
        if used + 1 >= len(words):
            ctx.errx("usage: untagged <vlan id>" if word == "untagged" else "usage: tagged <vlan set>")
        value = words[used + 1]
        if word == "untagged":
            pvid = _pvid(ctx, value)
        else:
            vlans = (vlans or 0) | _vlan_set(ctx, value)
        used += 2
    tell(ctx, BRDGADD(name), f"BRDGADD {name}")
    if pvid:
        tell(ctx, BRDGSIFPVID(name, pvid), f"BRDGSIFPVID {name} {pvid}")
    if vlans is not None:
        tell(ctx, BRDGSIFVLANSET(name, BRDG_VLAN_OP_SET, vlans), f"BRDGSIFVLANSET {name}")
    return used


def _pvid(ctx: Context, text: str) -> int:
    pvid = get_vlan_id(text)
    if pvid is None:
        ctx.errx(f"invalid VLAN identifier: {text}")
    return pvid


def _vlan_set(ctx: Context, text: str) -> int:
    """parse_vlans."""
    if text == "none":
        return 0
    if text == "all":
        return BRVLAN_ALL
    vlans = 0
    for token in text.split(","):
        low, dash, high = token.partition("-")
        first, rest, _ = strtol(low)
        last = first
        if not rest and dash:
            last, rest, _ = strtol(high)
        if rest or not low or (dash and not high) or not DOT1Q_VID_MIN <= first <= last <= DOT1Q_VID_MAX:
            ctx.errx(f"invalid vlan set: {text}")
        vlans |= (1 << last + 1) - (1 << first)
    return vlans


def _member(name: str, request: type[Any]) -> Cmd:
    """A keyword that hands a member to the kernel."""
    label = request.__name__
    return arg(name, lambda ctx, text: tell(ctx, request(text[:15]), f"{label} {text}"), "interface")


def _member_flag(word: str, bit: int) -> tuple[Cmd, Cmd]:
    """The two keywords of a member's flag."""

    def change(on: bool) -> Callable[[Context, str], None]:
        def run(ctx: Context, name: str) -> None:
            name = name[:15]
            try:
                member: Member = ask(ctx, BRDGGIFFLGS(name))
            except KError:
                ctx.err("unable to get bridge flags")
            tell(ctx, BRDGSIFFLGS(name, member.flags | bit if on else member.flags & ~bit), "unable to set bridge flags")

        return run

    return arg(word, change(True), "interface"), arg(f"-{word}", change(False), "interface")


def _member_value(name: str, request: type[Any], what: str, limit: int | None) -> Cmd:
    """A keyword that sets a number of a member."""

    def run(ctx: Context, ifname: str, text: str) -> None:
        value = get_val(text)
        if value is None or (limit is not None and value > limit):
            ctx.errx(f"invalid value: {text}")
        tell(ctx, request(ifname[:15], value), f"{request.__name__} {text}")

    return arg2(name, run, "interface", what)


def ifuntagged(ctx: Context, name: str, text: str) -> None:
    """ifuntagged."""
    tell(ctx, BRDGSIFPVID(name[:15], _pvid(ctx, text)), f"BRDGSIFPVID {text}")


def _vlanset(op: int) -> Callable[[Context, str, str], None]:
    def run(ctx: Context, name: str, text: str) -> None:
        tell(ctx, BRDGSIFVLANSET(name[:15], op, _vlan_set(ctx, text)), f"BRDGSIFVLANSET {text}")

    return run


def ifvlanproto(ctx: Context, name: str, text: str) -> None:
    """ifvlanproto."""
    proto = {"802.1q": ETHERTYPE_VLAN, "802.1ad": ETHERTYPE_QINQ}.get(text)
    if proto is None:
        ctx.errx(f"unrecognised VLAN protocol: {text}")
    tell(ctx, BRDGSIFVLANPROTO(name[:15], proto), "BRDGSIFVLANPROTO")


# addresses -----------------------------------------------------------------------------------------------------
def _address_and_vlan(ctx: Context, words: list[str], at: int, usage: str) -> tuple[bytes, int, int]:
    """An address, and perhaps a VLAN: (address, vlan, words used)."""
    addr = ether_aton(words[at])
    if addr is None:
        ctx.errx(f"invalid address: {words[at]}")
    if words[at + 1 : at + 2] != ["vlan"]:
        return addr, 0, at + 1
    if len(words) < 3:
        ctx.errx(usage)
    text = words[at + 2] if len(words) > at + 2 else ""
    vlan = get_vlan_id(text)
    if vlan is None:
        ctx.errx(f"invalid vlan id: {text}")
    return addr, vlan, at + 3


def static(ctx: Context, words: list[str]) -> int:
    """static."""
    usage = "usage: static <interface> <address> [vlan <id>]"
    if len(words) < 2:
        ctx.errx(usage)
    addr, vlan, used = _address_and_vlan(ctx, words, 1, usage)
    tell(ctx, BRDGSADDR(words[0][:15], addr, vlan), "BRDGSADDR")
    return used


def deladdr(ctx: Context, words: list[str]) -> int:
    """deladdr."""
    usage = "usage: deladdr <address> [vlan <id>]"
    if not words:
        ctx.errx(usage)
    addr, vlan, used = _address_and_vlan(ctx, words, 0, usage)
    tell(ctx, BRDGDADDR(addr, vlan), "BRDGDADDR")
    return used


def flush(ctx: Context, word: str, how: int) -> None:
    """flush, flushall."""
    tell(ctx, BRDGFLUSH(how), "BRDGFLUSH")


# the bridge ----------------------------------------------------------------------------------------------------
def _value(name: str, request: type[ValueControl], what: str, limit: int) -> Cmd:
    """A keyword that sets a number."""

    def run(ctx: Context, text: str) -> None:
        value = get_val(text)
        if value is None or value > limit:
            ctx.errx(f"invalid value: {text}")
        tell(ctx, request(value), f"{request.__name__} {text}")

    return arg(name, run, what)


def proto(ctx: Context, text: str) -> None:
    """proto."""
    number = {"stp": BSTP_PROTO_STP, "rstp": BSTP_PROTO_RSTP}.get(text.lower())
    if number is None:
        ctx.errx("unknown stp protocol")
    tell(ctx, BRDGSPROTO(number), f"BRDGSPROTO {text}")


def setflags(ctx: Context, word: str, bit: int) -> None:
    """vlanfilter, defqinq and their opposites (a negative bit)."""
    try:
        flags: int = ask(ctx, BRDGGFLAGS())
    except KError:
        ctx.err("BRDGGFLAGS")
    tell(ctx, BRDGSFLAGS(flags | bit if bit > 0 else flags & ~-bit), "BRDGSFLAGS")


def defuntagged(ctx: Context, text: str) -> None:
    """defuntagged."""
    vlan = get_vlan_id(text)
    if vlan is None:
        ctx.errx(f"invalid vlan id: {text}")
    tell(ctx, BRDGSDEFPVID(vlan), "BRDGSDEFPVID")


COMMANDS = (
    vector("addm", addm, "interface"),
    _member("deletem", BRDGDEL),
    *_member_flag("discover", IFBIF_DISCOVER),
    *_member_flag("learn", IFBIF_LEARNING),
    *_member_flag("sticky", IFBIF_STICKY),
    _member("span", BRDGADDS),
    _member("-span", BRDGDELS),
    *_member_flag("stp", IFBIF_STP),
    *_member_flag("edge", IFBIF_BSTP_EDGE),
    *_member_flag("autoedge", IFBIF_BSTP_AUTOEDGE),
    *_member_flag("ptp", IFBIF_BSTP_PTP),
    *_member_flag("autoptp", IFBIF_BSTP_AUTOPTP),
    flag("flush", IFBF_FLUSHDYN, flush),
    flag("flushall", IFBF_FLUSHALL, flush),
    vector("static", static, "interface-name address"),
    vector("deladdr", deladdr, "address"),
    flag("addr", 1, bridge_addr),
    _value("maxaddr", BRDGSCACHE, "size", 0xFFFFFFFF),
    _value("hellotime", BRDGSHT, "seconds", 0xFF),
    _value("fwddelay", BRDGSFD, "seconds", 0xFF),
    _value("maxage", BRDGSMA, "seconds", 0xFF),
    _value("priority", BRDGSPRI, "value", 0xFFFF),
    arg("proto", proto, "value"),
    _value("holdcnt", BRDGSTXHC, "value", 0xFF),
    _member_value("ifpriority", BRDGSIFPRIO, "value", 0xFF),
    _member_value("ifpathcost", BRDGSIFCOST, "value", None),
    _member_value("ifmaxaddr", BRDGSIFAMAX, "size", 0xFFFFFFFF),
    arg2("ifuntagged", ifuntagged, "interface", "vlan-id"),
    arg("-ifuntagged", lambda ctx, name: tell(ctx, BRDGSIFPVID(name[:15], 0), "BRDGSIFPVID"), "interface"),
    arg2("iftagged", _vlanset(BRDG_VLAN_OP_SET), "interface", "vlan-list"),
    arg2("+iftagged", _vlanset(BRDG_VLAN_OP_ADD), "interface", "vlan-list"),
    arg2("-iftagged", _vlanset(BRDG_VLAN_OP_DEL), "interface", "vlan-list"),
    arg2("ifvlanproto", ifvlanproto, "interface", "proto"),
    _value("timeout", BRDGSTO, "seconds", 0xFFFFFFFF),
    *_member_flag("private", IFBIF_PRIVATE),
    flag("vlanfilter", IFBRF_VLANFILTER, setflags),
    flag("-vlanfilter", -IFBRF_VLANFILTER, setflags),
    arg("defuntagged", defuntagged, "vlan-id"),
    flag("-defuntagged", 0, lambda ctx, word, _: tell(ctx, BRDGSDEFPVID(0), "BRDGSDEFPVID")),
    flag("defqinq", IFBRF_DEFQINQ, setflags),
    flag("-defqinq", -IFBRF_DEFQINQ, setflags),
    *_member_flag("qinq", IFBIF_QINQ),
)
