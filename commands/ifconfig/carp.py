"""Common addresses (carp.c)."""

from __future__ import annotations

from typing import Any

from vshell.abi.carp import (
    CARP_MAXVHID,
    CARP_NL_CMD_GET,
    CARP_NL_CMD_SET,
    CARP_STATES,
    CARP_VERSION_CARP,
    CARP_VERSION_VRRPV3,
    IN6ADDR_CARP_GROUP,
    INADDR_CARP_GROUP,
    VRRP_MAX_INTERVAL,
    CarpInfo,
)  # fmt: skip
from vshell.abi.errno import ENOENT, KError
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import Family, arg, flag
from vshell.userland.addr import inet_aton, inet_ntoa, inet_ntop6, inet_pton6
from vshell.userland.cnumber import atoi

ORDER = 160


def status(ctx: Context) -> None:
    """carp_status."""
    try:
        found: list[CarpInfo] = ctx.netlink(CARP_NL_CMD_GET(ctx.ifname))
    except KError:
        return
    for c in found:
        state = CARP_STATES[c.state or 0]
        if c.version == CARP_VERSION_VRRPV3:
            ctx.out(f"\tvrrp: {state} vrid {c.vhid} prio {c.vrrp_prio} interval {c.vrrp_adv_inter}\n")
            continue
        key = f' key "{c.key}"' if ctx.args.printkeys and c.key else ""
        ctx.out(
            f"\tcarp: {state} vhid {c.vhid} advbase {c.advbase} advskew {c.advskew}{key}\n"
            f"\t      peer {inet_ntoa(c.addr or bytes(4))} peer6 {inet_ntop6(c.addr6 or bytes(16))}\n"
        )


def _wanted(ctx: Context) -> dict[str, Any]:
    found: dict[str, Any] = ctx.shared.setdefault("carp", {})
    return found


def vhid(ctx: Context, text: str) -> None:
    """vhid."""
    number = atoi(text)
    if not 0 < number <= CARP_MAXVHID:
        ctx.errx(f"vhid must be greater than 0 and less than {CARP_MAXVHID}")
    if type(ctx.family).setvhid is Family.setvhid:
        ctx.errx(f"{ctx.family.name} doesn't support carp(4)")
    ctx.family.setvhid(ctx, number)
    _wanted(ctx)["vhid"] = number
    ctx.callback_register(_apply)


def _apply(ctx: Context, _: object) -> None:
    """setcarp_callback."""
    wanted = _wanted(ctx)
    try:
        ctx.netlink(CARP_NL_CMD_GET(ctx.ifname, wanted["vhid"]))
    except KError as e:
        if e.errno != ENOENT:
            return
    try:
        ctx.netlink(CARP_NL_CMD_SET(ctx.ifname, CarpInfo(**wanted)))
    except KError:
        ctx.err("SIOCSVH")


def _needs_vhid(ctx: Context, what: str) -> dict[str, Any]:
    wanted = _wanted(ctx)
    if "vhid" not in wanted:
        ctx.errx(f"{what} requires vhid")
    return wanted


def passwd(ctx: Context, text: str) -> None:
    """pass."""
    _needs_vhid(ctx, "passwd")["key"] = text


def advskew(ctx: Context, text: str) -> None:
    """advskew."""
    wanted, value = _needs_vhid(ctx, "advskew"), atoi(text)
    if value > -1:
        wanted["advskew"] = value


def advbase(ctx: Context, text: str) -> None:
    """advbase."""
    wanted, value = _needs_vhid(ctx, "advbase"), atoi(text)
    if value > -1:
        wanted["advbase"] = value


def state(ctx: Context, text: str) -> None:
    """state."""
    wanted = _needs_vhid(ctx, "state")
    if text.upper() not in CARP_STATES:
        ctx.errx("unknown state")
    wanted["state"] = CARP_STATES.index(text.upper())


def peer(ctx: Context, text: str) -> None:
    """peer."""
    _wanted(ctx)["addr"] = inet_aton(text) or b"\xff" * 4


def peer6(ctx: Context, text: str) -> None:
    """peer6."""
    addr = inet_pton6(text)
    if addr is None:
        ctx.errx(f"Invalid IPv6 address {text}")
    _wanted(ctx)["addr6"] = addr


def mcast(ctx: Context, word: str, _: Any) -> None:
    """mcast."""
    _wanted(ctx)["addr"] = INADDR_CARP_GROUP


def mcast6(ctx: Context, word: str, _: Any) -> None:
    """mcast6."""
    _wanted(ctx)["addr6"] = IN6ADDR_CARP_GROUP


def carpver(ctx: Context, text: str) -> None:
    """carpver."""
    version = atoi(text)
    if version not in (CARP_VERSION_CARP, CARP_VERSION_VRRPV3):
        ctx.errx(f"version must be {CARP_VERSION_CARP} or {CARP_VERSION_VRRPV3}")
    _wanted(ctx)["version"] = version


def vrrpprio(ctx: Context, text: str) -> None:
    """vrrpprio."""
    value = atoi(text) & 0xFF
    if value:
        _wanted(ctx)["vrrp_prio"] = value


def vrrpinterval(ctx: Context, text: str) -> None:
    """vrrpinterval."""
    value = atoi(text) & 0xFFFF
    if not 0 < value <= VRRP_MAX_INTERVAL:
        ctx.errx(f"vrrpinterval must be greater than 0 and less than {VRRP_MAX_INTERVAL}")
    _wanted(ctx)["vrrp_adv_inter"] = value


COMMANDS = (
    arg("advbase", advbase, "seconds"),
    arg("advskew", advskew, "interval"),
    arg("pass", passwd, "phrase"),
    arg("vhid", vhid, "n"),
    arg("state", state, "state"),
    arg("peer", peer, "address"),
    flag("mcast", 0, mcast),
    arg("peer6", peer6, "address"),
    flag("mcast6", 0, mcast6),
    arg("carpver", carpver, "version"),
    arg("vrrpprio", vrrpprio, "priority"),
    arg("vrrpinterval", vrrpinterval, "interval"),
)
