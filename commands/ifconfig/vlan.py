"""VLAN interfaces (ifvlan.c)."""

from __future__ import annotations

from vshell.abi.errno import KError
from vshell.abi.if_vlan import (
    SIOCGETVLAN,
    SIOCGVLANPCP,
    SIOCSETVLAN,
    SIOCSVLANPCP,
    VlanReq,
)  # fmt: skip
from vshell.abi.record import replace
from vshell.abi.sockio import (
    IFCAP_VLAN_HWCSUM,
    IFCAP_VLAN_HWFILTER,
    IFCAP_VLAN_HWTAGGING,
    IFCAP_VLAN_HWTSO,
    IFCAP_VLAN_MTU,
)  # fmt: skip
from vshell.commands.ifconfig.basic import setifcap
from vshell.commands.ifconfig.clone import ifcreate
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import arg, flag, optarg
from vshell.userland.cnumber import strtol
from vshell.wire.ether import ETHERTYPE_QINQ, ETHERTYPE_VLAN

ORDER = 100

PROTOCOLS = {ETHERTYPE_VLAN: "802.1q", ETHERTYPE_QINQ: "802.1ad"}


class Params:
    """What has been said so far."""

    def __init__(self) -> None:
        self.parent = ""
        self.tag: int | None = None
        self.proto: int | None = None

    def record(self) -> VlanReq:
        """As the kernel wants it."""
        return VlanReq(self.parent, self.tag or 0, self.proto or ETHERTYPE_VLAN)


def params(ctx: Context) -> Params:
    """What has been said so far."""
    found: Params = ctx.shared.setdefault("vlan", Params())
    return found


def status(ctx: Context) -> None:
    """vlan_status."""
    sock = ctx.local_socket()
    try:
        vlan: VlanReq = ctx.ioctl(SIOCGETVLAN(ctx.ifname), sock)
    except KError:
        return
    text = f"\tvlan: {vlan.tag} vlanproto: {PROTOCOLS.get(vlan.proto) or f'0x{vlan.proto:04x}'}"
    try:
        text += f" vlanpcp: {ctx.ioctl(SIOCGVLANPCP(ctx.ifname), sock)}"
    except KError:
        pass
    ctx.out(f"{text} parent interface: {vlan.parent or '<none>'}\n")


# creation ------------------------------------------------------------------------------------------------------
CLONE_PREFIXES = ("vlan",)


def clone_filter(name: str) -> bool:
    """vlan_match_ethervid."""
    return "." in name


def clone_callback(ctx: Context, name: str) -> None:
    """vlan_create."""
    p = params(ctx)
    _parse_ethervid(ctx, p, name)
    if p.tag is None and not p.parent:
        ifcreate(ctx, name)
        return
    if p.tag is None:
        ctx.errx("must specify a tag for vlan create")
    if not p.parent:
        ctx.errx("must specify a parent device for vlan create")
    ifcreate(ctx, name, p.record())


def _parse_ethervid(ctx: Context, p: Params, name: str) -> None:
    parent, dot, tag = name[:15].rpartition(".")
    if not dot:
        return
    if not "1" <= tag[:1] <= "9" or not (tag.isascii() and tag.isdigit()) or int(tag) >= 0xFFF:
        ctx.errx("invalid vlan tag")
    if p.tag not in (None, int(tag)) or p.parent not in ("", parent):
        ctx.errx("ambiguous vlan specification")
    p.tag, p.parent = int(tag), parent


def final(ctx: Context, _: object = None) -> None:
    """vlan_cb: the two go together, whatever the interface is."""
    p = params(ctx)
    if (p.tag is None) != (not p.parent):
        ctx.errx("both vlan and vlandev must be specified")


# keywords ------------------------------------------------------------------------------------------------------
def _current(ctx: Context) -> VlanReq | None:
    try:
        vlan: VlanReq = ctx.ioctl(SIOCGETVLAN(ctx.ifname))
    except KError:
        return None
    return vlan


def _set(ctx: Context, p: Params) -> None:
    """vlan_set."""
    if p.tag is None or not p.parent:
        return
    try:
        ctx.ioctl(SIOCSETVLAN(ctx.ifname, p.record()))
    except KError:
        ctx.err("SIOCSETVLAN")


def _number(ctx: Context, what: str, text: str, most: int) -> int:
    value, rest, _ = strtol(text, 0)
    if rest:
        ctx.errx(f"invalid value for {what}")
    if not 0 <= value <= most:
        ctx.errx(f"value for {what} out of range")
    return value


def setvlantag(ctx: Context, text: str) -> None:
    """vlan."""
    p = params(ctx)
    p.tag = _number(ctx, "vlan", text, 0xFFFF)
    now = _current(ctx)
    if now is not None:
        if now.parent:
            p.parent = p.parent or now.parent
            p.proto = now.proto if p.proto is None else p.proto
        _set(ctx, p)


def setvlandev(ctx: Context, text: str) -> None:
    """vlandev."""
    p = params(ctx)
    p.parent = text[:15]
    if _current(ctx) is not None:
        _set(ctx, p)


def setvlanproto(ctx: Context, text: str) -> None:
    """vlanproto."""
    p = params(ctx)
    word = text.lower()
    if word.startswith("802.1q"):
        p.proto = ETHERTYPE_VLAN
    elif word.startswith(("802.1ad", "qinq")):
        p.proto = ETHERTYPE_QINQ
    else:
        ctx.errx("invalid value for vlanproto")
    now = _current(ctx)
    if now is not None:
        if now.parent:
            p.parent = p.parent or now.parent
            p.tag = now.tag if p.tag is None else p.tag
        _set(ctx, p)


def setvlanpcp(ctx: Context, text: str) -> None:
    """vlanpcp."""
    pcp = _number(ctx, "vlanpcp", text, 7)
    try:
        ctx.ioctl(SIOCSVLANPCP(ctx.ifname, pcp))
    except KError:
        ctx.err("SIOCSVLANPCP")


def unsetvlandev(ctx: Context, text: str | None) -> None:
    """-vlandev."""
    try:
        now: VlanReq = ctx.ioctl(SIOCGETVLAN(ctx.ifname))
    except KError:
        ctx.err("SIOCGETVLAN")
    try:
        ctx.ioctl(SIOCSETVLAN(ctx.ifname, replace(now, parent="", tag=0)))
    except KError:
        ctx.err("SIOCSETVLAN")


_CAPS = {
    "vlanmtu": IFCAP_VLAN_MTU, "vlanhwtag": IFCAP_VLAN_HWTAGGING, "vlanhwfilter": IFCAP_VLAN_HWFILTER,
    "vlanhwtso": IFCAP_VLAN_HWTSO, "vlanhwcsum": IFCAP_VLAN_HWCSUM,
}  # fmt: skip

COMMANDS = (
    arg("vlan", setvlantag, "vlan_tag", clone=True),
    arg("vlandev", setvlandev, "iface", clone=True),
    arg("vlanproto", setvlanproto, "vlan_proto", clone=True),
    arg("vlanpcp", setvlanpcp, "priority_code_point"),
    arg("vlan", setvlantag, "vlan_tag"),
    arg("vlandev", setvlandev, "iface"),
    arg("vlanproto", setvlanproto, "vlan_proto"),
    optarg("-vlandev", unsetvlandev, "iface"),
    *(flag(word, bit, setifcap) for word, bit in _CAPS.items()),
    *(flag(f"-{word}", -bit, setifcap) for word, bit in _CAPS.items()),
)
