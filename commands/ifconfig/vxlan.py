"""Ethernet over UDP (ifvxlan.c)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vshell.abi.errno import KError
from vshell.abi.if_vxlan import VXLAN_CMD_FLUSH, VXLAN_CMD_GET_CONFIG, VXLAN_CMD_SET, VXLAN_VNI_MAX, VxlanConfig, VxlanParams
from vshell.abi.sockio import IFCAP_VXLAN_HWCSUM, IFCAP_VXLAN_HWTSO, SIOCGDRVSPEC, SIOCSDRVSPEC
from vshell.commands.ifconfig.basic import setifcap
from vshell.commands.ifconfig.clone import ifcreate
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import Cmd, arg, arg2, flag
from vshell.commands.ifconfig.numbers import get_val
from vshell.userland.addr import inet_ntop
from vshell.userland.netdb import GaiError, getaddrinfo

ORDER = 110

CLONE_PREFIXES = ("vxlan",)


def _config(ctx: Context, sock: int | None = None) -> VxlanConfig | None:
    try:
        config: VxlanConfig = ctx.ioctl(SIOCGDRVSPEC(ctx.ifname, VXLAN_CMD_GET_CONFIG()), sock)
    except KError:
        return None
    return config


def status(ctx: Context) -> None:
    """vxlan_status."""
    c = _config(ctx, ctx.local_socket())
    if c is None or c.vni >= VXLAN_VNI_MAX:
        return
    left, right = ("[", "]") if len(c.remote) == 16 else ("", "")
    group = c.remote[:1] >= b"\xe0" if len(c.remote) == 4 else c.remote[:1] == b"\xff"
    local = f"{left}{inet_ntop(c.local)}{right}:{c.local_port}" if c.local else ":"
    remote = f"{left}{inet_ntop(c.remote)}{right}:{c.remote_port}" if c.remote else ":"
    text = f"\tvxlan vni {c.vni} local {local} {'group' if group else 'remote'} {remote}"
    if ctx.args.verbose:
        text += (
            f"\n\t\tconfig: {'' if c.learn else 'no'}learning portrange {c.port_min}-{c.port_max} ttl {c.ttl}"
            f"\n\t\tftable: cnt {c.ftable_cnt} max {c.ftable_max} timeout {c.ftable_timeout}"
        )
    ctx.out(text + "\n")


def _params(ctx: Context) -> dict[str, Any]:
    found: dict[str, Any] = ctx.shared.setdefault("vxlan", {})
    return found


def clone_callback(ctx: Context, name: str) -> None:
    """vxlan_create."""
    p = _params(ctx)
    local, remote = p.get("local"), p.get("remote")
    if ctx.shared.get("vxlan_both_local"):
        ctx.errx("cannot specify both local IPv4 and IPv6 addresses")
    if ctx.shared.get("vxlan_both_remote"):
        ctx.errx("cannot specify both remote IPv4 and IPv6 addresses")
    if local and remote and len(local) != len(remote):
        ctx.errx("cannot mix IPv4 and IPv6 addresses")
    ifcreate(ctx, name, VxlanParams(**p))


def _set(ctx: Context, what: str, value: Any, label: str) -> None:
    """Change an interface, or remember the value for one that is to be made."""
    if _config(ctx) is None:
        old = _params(ctx).get(what)
        if what in ("local", "remote") and old is not None and len(old) != len(value):
            ctx.shared[f"vxlan_both_{what}"] = True
        _params(ctx)[what] = value
        return
    try:
        ctx.ioctl(SIOCSDRVSPEC(ctx.ifname, VXLAN_CMD_SET(what, value)))
    except KError:
        ctx.err(f"VXLAN_CMD_SET_{label}")


def _number(what: str, label: str, limit: int, complaint: str) -> Callable[[Context, str], None]:
    def run(ctx: Context, text: str) -> None:
        value = get_val(text)
        if value is None or value >= limit:
            ctx.errx(f"invalid {complaint}: {text}")
        _set(ctx, what, value, label)

    return run


def _address(what: str, label: str, kind: str, multicast: bool) -> Callable[[Context, str], None]:
    def run(ctx: Context, text: str) -> None:
        try:
            addr = getaddrinfo(ctx.p, text)[0].addr.addr
        except GaiError as e:
            ctx.errx(f"error in parsing {kind} address string: {e}")
        group = addr[0] & 0xF0 == 0xE0 if len(addr) == 4 else addr[0] == 0xFF
        if group != multicast:
            ctx.errx(f"{kind} address {'must be' if multicast else 'cannot be'} multicast")
        _set(ctx, what, addr, label)

    return run


def port_range(ctx: Context, first: str, last: str) -> None:
    """vxlanportrange."""
    low, high = get_val(first), get_val(last)
    if low is None or low >= 0xFFFF:
        ctx.errx(f"invalid port range minimum: {first}")
    if high is None or high >= 0xFFFF:
        ctx.errx(f"invalid port range maximum: {last}")
    if high < low:
        ctx.errx("invalid port range")
    _set(ctx, "port_range", (low, high), "PORT_RANGE")


def vxlandev(ctx: Context, text: str) -> None:
    """vxlandev."""
    _set(ctx, "multicast_if", text[:15], "MULTICAST_IF")


def learn(ctx: Context, word: str, on: int) -> None:
    """vxlanlearn."""
    _set(ctx, "learn", bool(on), "LEARN")


def flush(ctx: Context, word: str, everything: int) -> None:
    """vxlanflush, vxlanflushall."""
    try:
        ctx.ioctl(SIOCSDRVSPEC(ctx.ifname, VXLAN_CMD_FLUSH(bool(everything))))
    except KError:
        ctx.err("VXLAN_CMD_FLUSH")


_ARGS: Sequence[tuple[str, Callable[[Context, str], None], str]] = (
    ("vni", _number("vni", "VNI", VXLAN_VNI_MAX, "network identifier"), "identifier"),
    ("vxlanid", _number("vni", "VNI", VXLAN_VNI_MAX, "network identifier"), "identifier"),
    ("vxlanlocal", _address("local", "LOCAL_ADDR", "local", False), "address"),
    ("vxlanremote", _address("remote", "REMOTE_ADDR", "remote", False), "address"),
    ("vxlangroup", _address("remote", "REMOTE_ADDR", "group", True), "address"),
    ("vxlanlocalport", _number("local_port", "LOCAL_PORT", 0xFFFF, "local port"), "port"),
    ("vxlanremoteport", _number("remote_port", "REMOTE_PORT", 0xFFFF, "remote port"), "port"),
    ("vxlantimeout", _number("timeout", "FTABLE_TIMEOUT", 1 << 32, "timeout value"), "timeout"),
    ("vxlanmaxaddr", _number("maxaddr", "FTABLE_MAX", 1 << 32, "maxaddr value"), "max"),
    ("vxlandev", vxlandev, "dev"),
    ("vxlanttl", _number("ttl", "TTL", 257, "TTL value"), "ttl"),
)


def _keywords(clone: bool) -> list[Cmd]:
    """Those that may be said at creation too."""
    ranged = arg2("vxlanportrange", port_range, "low", "high")
    ranged.clone = clone
    words = [arg(name, func, what, clone=clone) for name, func, what in _ARGS]
    return [*words, ranged, flag("vxlanlearn", 1, learn, clone=clone), flag("-vxlanlearn", 0, learn, clone=clone)]


COMMANDS = (
    *_keywords(clone=True),
    *_keywords(clone=False),
    flag("vxlanflush", 0, flush),
    flag("vxlanflushall", 1, flush),
    flag("vxlanhwcsum", IFCAP_VXLAN_HWCSUM, setifcap),
    flag("-vxlanhwcsum", -IFCAP_VXLAN_HWCSUM, setifcap),
    flag("vxlanhwtso", IFCAP_VXLAN_HWTSO, setifcap),
    flag("-vxlanhwtso", -IFCAP_VXLAN_HWTSO, setifcap),
)
