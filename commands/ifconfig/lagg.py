"""Link aggregation (iflagg.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.errno import EEXIST, KError, strerror
from vshell.abi.if_lagg import (
    LACP_STATE_NAMES,
    LAGG_F_HASHL2,
    LAGG_F_HASHL3,
    LAGG_F_HASHL4,
    LAGG_F_HASHMASK,
    LAGG_OPT_FLOWIDSHIFT,
    LAGG_OPT_FLOWIDSHIFT_MASK,
    LAGG_OPT_LACP_FAST_TIMO,
    LAGG_OPT_LACP_RXTEST,
    LAGG_OPT_LACP_STRICT,
    LAGG_OPT_LACP_TXTEST,
    LAGG_OPT_NAMES,
    LAGG_OPT_RR_LIMIT,
    LAGG_OPT_USE_FLOWID,
    LAGG_OPT_USE_NUMA,
    LAGG_PORT_NAMES,
    LAGG_PROTO_LACP,
    LAGG_PROTO_ROUNDROBIN,
    LAGG_PROTOS,
    SIOCGLAGG,
    SIOCSLAGG,
    SIOCSLAGGDELPORT,
    SIOCSLAGGHASH,
    SIOCSLAGGOPTS,
    SIOCSLAGGPORT,
    LacpInfo,
    LacpPeer,
    LaggInfo,
    LaggParams,
)  # fmt: skip
from vshell.commands.ifconfig.bits import printb
from vshell.commands.ifconfig.clone import ifcreate
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import arg, flag
from vshell.userland.cnumber import strtol

ORDER = 200

CLONE_PREFIXES = ("lagg",)
HASHES = {"l2": LAGG_F_HASHL2, "l3": LAGG_F_HASHL3, "l4": LAGG_F_HASHL4}
OPTIONS = {
    "use_flowid": LAGG_OPT_USE_FLOWID, "use_numa": LAGG_OPT_USE_NUMA, "lacp_strict": LAGG_OPT_LACP_STRICT,
    "lacp_txtest": LAGG_OPT_LACP_TXTEST, "lacp_rxtest": LAGG_OPT_LACP_RXTEST, "lacp_fast_timeout": LAGG_OPT_LACP_FAST_TIMO,
}  # fmt: skip


# display -------------------------------------------------------------------------------------------------------
def status(ctx: Context) -> None:
    """lagg_status."""
    try:
        lagg: LaggInfo = ctx.ioctl(SIOCGLAGG(ctx.ifname), ctx.local_socket())
    except KError:
        return
    name = next((n for n, number in LAGG_PROTOS.items() if number == lagg.proto), "<unknown>")
    text = f"\tlaggproto {name}"
    if lagg.flags & LAGG_F_HASHMASK:
        text += " lagghash " + ",".join(word for word, bit in HASHES.items() if lagg.flags & bit)
    ctx.out(text + "\n")
    lacp = lagg.proto == LAGG_PROTO_LACP and ctx.args.verbose
    if ctx.args.verbose:
        _print_options(ctx, lagg)
    for port in lagg.ports:
        text = f"\tlaggport: {port.name} {printb('flags', port.flags, LAGG_PORT_NAMES)}"
        if lacp:
            text += printb(" state", port.lacp.actor.state, LACP_STATE_NAMES) + f"\n\t\t{_peers(port.lacp)}"
        ctx.out(text + "\n")


def _print_options(ctx: Context, lagg: LaggInfo) -> None:
    ctx.out(
        f"\tlagg options:\n\t\t{printb('flags', lagg.options, LAGG_OPT_NAMES)}\n\t\tflowid_shift: {lagg.flowid_shift}\n"
        + (f"\t\trr_limit: {lagg.rr_limit}\n" if lagg.proto == LAGG_PROTO_ROUNDROBIN else "")
        + f"\tlagg statistics:\n\t\tactive ports: {lagg.active}\n\t\tflapping: {lagg.flapping}\n"
    )
    if lagg.proto == LAGG_PROTO_LACP:
        ctx.out(f"\tlag id: {_peers(lagg.lacp)}\n")


def _peers(info: LacpInfo) -> str:
    """lacp_format_peer."""
    return f"[({_peer(info.actor)}),\n\t\t ({_peer(info.partner)})]"


def _peer(p: LacpPeer) -> str:
    mac = "-".join(f"{octet:02X}" for octet in p.mac)
    return f"{p.prio:04X},{mac},{p.key:04X},{p.portprio:04X},{p.portno:04X}"


# keywords ------------------------------------------------------------------------------------------------------
def clone_callback(ctx: Context, name: str) -> None:
    """lagg_create."""
    ifcreate(ctx, name, LaggParams(ctx.shared.get("laggtype", "ethernet")))


def laggtype(ctx: Context, text: str) -> None:
    """laggtype."""
    if text not in ("ethernet", "infiniband"):
        ctx.errx(f"invalid lagg type: {text}")
    ctx.shared["laggtype"] = text


def laggport(ctx: Context, text: str) -> None:
    """laggport: a failure does not stop the rest."""
    try:
        ctx.ioctl(SIOCSLAGGPORT(ctx.ifname, text[:15]))
    except KError as e:
        if e.errno != EEXIST:
            ctx.warnx(f"{ctx.ifname} {text}: SIOCSLAGGPORT: {strerror(e.errno)}")
            ctx.exit_code = 1


def unset_laggport(ctx: Context, text: str) -> None:
    """-laggport."""
    try:
        ctx.ioctl(SIOCSLAGGDELPORT(ctx.ifname, text[:15]))
    except KError:
        ctx.err("SIOCSLAGGDELPORT")


def laggproto(ctx: Context, text: str) -> None:
    """laggproto."""
    if text not in LAGG_PROTOS:
        ctx.errx(f"Invalid aggregation protocol: {text}")
    try:
        ctx.ioctl(SIOCSLAGG(ctx.ifname, LAGG_PROTOS[text]))
    except KError:
        ctx.err("SIOCSLAGG")


def lagghash(ctx: Context, text: str) -> None:
    """lagghash."""
    flags = 0
    for word in text.split(","):
        if word not in HASHES:
            ctx.errx(f"Invalid lagghash option: {word}")
        flags |= HASHES[word]
    try:
        ctx.ioctl(SIOCSLAGGHASH(ctx.ifname, flags))
    except KError:
        ctx.err("SIOCSLAGGHASH")


def _setopt(ctx: Context, option: int, value: int = 0) -> None:
    try:
        ctx.ioctl(SIOCSLAGGOPTS(ctx.ifname, option, value))
    except KError:
        ctx.err("SIOCSLAGGOPTS")


def setopt(ctx: Context, word: str, option: Any) -> None:
    """use_flowid and its kin."""
    _setopt(ctx, option)


def flowid_shift(ctx: Context, text: str) -> None:
    """flowid_shift."""
    value = strtol(text)[0]
    if value & ~LAGG_OPT_FLOWIDSHIFT_MASK:
        ctx.errx(f"Invalid flowid_shift option: {text}")
    _setopt(ctx, LAGG_OPT_FLOWIDSHIFT, value)


def rr_limit(ctx: Context, text: str) -> None:
    """rr_limit."""
    value = strtol(text)[0] & 0xFFFFFFFF
    if not value:
        ctx.errx(f"Invalid round-robin stride: {text}")
    _setopt(ctx, LAGG_OPT_RR_LIMIT, value)


COMMANDS = (
    arg("laggtype", laggtype, "type", clone=True),
    arg("laggport", laggport, "interface"),
    arg("-laggport", unset_laggport, "interface"),
    arg("laggproto", laggproto, "proto"),
    arg("lagghash", lagghash, "option"),
    *(flag(word, bit, setopt) for word, bit in OPTIONS.items()),
    *(flag(f"-{word}", -bit, setopt) for word, bit in OPTIONS.items()),
    arg("flowid_shift", flowid_shift, "number"),
    arg("rr_limit", rr_limit, "number"),
)
