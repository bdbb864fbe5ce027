"""Wireless interfaces (ifieee80211.c): its keywords, and what they say where there is no wireless hardware."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from vshell.abi.errno import KError
from vshell.abi.ieee80211 import SIOCG80211, SIOCS80211, WlanParams
from vshell.commands.ifconfig.clone import ifcreate
from vshell.commands.ifconfig.context import Context
from vshell.commands.ifconfig.keywords import Cmd, arg, arg2, flag
from vshell.userland.addr import ether_aton

ORDER = 150

CLONE_PREFIXES = ("wlan",)

Check = Callable[[Context, str], Any]


# parameters ----------------------------------------------------------------------------------------------------
def set80211(ctx: Context, what: str) -> None:
    """set80211."""
    try:
        ctx.ioctl(SIOCS80211(ctx.ifname, what))
    except KError:
        ctx.err("SIOCS80211")


def get80211(ctx: Context, what: str, complaint: str) -> None:
    """Ask for what is there before it is changed."""
    try:
        ctx.ioctl(SIOCG80211(ctx.ifname, what))
    except KError:
        ctx.err(complaint)


def _one_of(words: Iterable[str], complaint: str) -> Check:
    known = frozenset(words)

    def check(ctx: Context, text: str) -> None:
        if text.lower() not in known:
            ctx.errx(complaint)

    return check


def _access_class(ctx: Context, text: str) -> None:
    """getac."""
    if text.lower().removeprefix("ac_") not in ("be", "bk", "vi", "vo"):
        ctx.errx(f"unknown wme access class {text}")


def _address(ctx: Context, text: str) -> None:
    if ether_aton(text) is None:
        ctx.errx("malformed link-level address")


def _bssid(ctx: Context, text: str) -> None:
    if text not in ("-",) and not text.lower().startswith(("any", "undef")):
        _address(ctx, text)


def _setter(name: str, check: Check | None = None) -> Cmd:
    """A keyword with one argument that ends in set80211."""

    def run(ctx: Context, text: str) -> None:
        if check is not None:
            check(ctx, text)
        set80211(ctx, name)

    return arg(name, run, "value")


def _getter(name: str, complaint: str) -> Cmd:
    """A keyword with one argument that asks the kernel first."""

    def run(ctx: Context, text: str) -> None:
        get80211(ctx, name, complaint)

    return arg(name, run, "value")


def _per_class(name: str) -> Cmd:
    def run(ctx: Context, ac: str, text: str) -> None:
        _access_class(ctx, ac)
        set80211(ctx, name)

    return arg2(name, run, "ac", "value")


def _switches(words: str, action: Callable[[Context, str, Any], None], off: bool = True) -> list[Cmd]:
    """Keywords without argument, and their opposites."""
    made = []
    for word in words.split():
        made.append(flag(word, 1, action))
        if off:
            made.append(flag(f"-{word}", 0, action))
    return made


def _asks(complaint: str) -> Callable[[Context, str, Any], None]:
    """The action of a switch that is one bit among others: they are read first."""

    def run(ctx: Context, word: str, value: Any) -> None:
        try:
            ctx.ioctl(SIOCG80211(ctx.ifname, word))
        except KError:
            ctx.p.errx(255, complaint)

    return run


def _amsdu(ctx: Context, word: str, value: Any) -> None:
    try:
        ctx.ioctl(SIOCG80211(ctx.ifname, word))
    except KError:
        ctx.warn("cannot get AMSDU setting")
        ctx.p.exit(255)


def scan(ctx: Context, word: str, value: Any) -> None:
    """scan: nothing is found."""
    try:
        ctx.ioctl(SIOCS80211(ctx.ifname, "scan_req"))
    except KError:
        pass
    list_scan(ctx)


def list_scan(ctx: Context) -> None:
    """list_scan."""
    try:
        ctx.ioctl(SIOCG80211(ctx.ifname, "scan_results"))
    except KError:
        ctx.errx("unable to get scan results")


LISTS = {
    "chan": "unable to get channel information", "channel": "unable to get channel information",
    "active": "unable to get channel information", "freq": "unable to get channel information",
    "caps": "unable to get device capabilities", "mac": "unable to get mac address list",
    "txpow": "unable to get channel information",
}  # fmt: skip


def list_what(ctx: Context, text: str) -> None:
    """list."""
    if text.startswith(("scan", "ap")):
        list_scan(ctx)
    elif text.startswith("sta"):
        try:
            ctx.ioctl(SIOCG80211(ctx.ifname, "sta_info"))
        except KError:
            ctx.errx("unable to get station information")
    else:
        for prefix, complaint in LISTS.items():
            if text.startswith(prefix):
                get80211(ctx, prefix, complaint)
        ctx.errx(f"Don't know how to list {text} for {ctx.ifname}")


# creation ------------------------------------------------------------------------------------------------------
MODES = ("sta", "ahdemo", "adhoc-demo", "ibss", "adhoc", "ap", "host", "wds", "monitor", "tdma", "mesh", "mp")


def _params(ctx: Context) -> dict[str, Any]:
    found: dict[str, Any] = ctx.shared.setdefault("wlan", {})
    return found


def clone_callback(ctx: Context, name: str) -> None:
    """wlan_create."""
    p = _params(ctx)
    if not p.get("parent"):
        ctx.errx("must specify a parent device (wlandev) when creating a wlan device")
    if p.get("opmode") == "wds" and not any(p.get("bssid", b"")):
        ctx.errx("no bssid specified for WDS (use wlanbssid)")
    ifcreate(ctx, name, WlanParams(**p))


def wlandev(ctx: Context, text: str) -> None:
    """wlandev."""
    _params(ctx)["parent"] = text[:15]


def wlanmode(ctx: Context, text: str) -> None:
    """wlanmode."""
    mode = next((m for m in MODES if text.lower().startswith(m)), None)
    if mode is None:
        ctx.errx(f"Don't know to create {text} for {ctx.ifname}")
    _params(ctx)["opmode"] = mode


def wlanbssid(ctx: Context, text: str) -> None:
    """wlanbssid."""
    addr = ether_aton(text)
    if addr is None:
        ctx.errx(f"{text}: cannot parse bssid")
    _params(ctx)["bssid"] = addr


def wlanaddr(ctx: Context, text: str) -> None:
    """wlanaddr."""
    if ether_aton(text) is None:
        ctx.errx(f"{text}: cannot parse address")


def _set(ctx: Context, word: str, value: Any) -> None:
    set80211(ctx, word)


_POWER = ("off", "on", "cam", "psp", "psp-cam")
_ROAM, _TX, _CHAN = (
    "unable to get roaming parameters", "unable to get transmit parameters", "unable to get channel information",
)  # fmt: skip
_REGDOMAIN = "unable to get regulatory domain information"

COMMANDS = (
    *(_setter(w) for w in ("ssid", "nwid", "meshid", "stationname", "station")),
    _getter("channel", _CHAN),
    _setter("authmode", _one_of(("none", "open", "shared", "8021x", "wpa"), "unknown authmode")),
    _setter("powersavemode", _one_of(_POWER, "unknown powersavemode")),
    *_switches("powersave", _set),
    _setter("powersavesleep"),
    _setter("wepmode", _one_of(("off", "on", "mixed"), "unknown wep mode")),
    *_switches("wep", _set),
    *(_setter(w) for w in ("deftxkey", "weptxkey", "wepkey", "nwkey", "rtsthreshold", "txpower")),
    flag("-nwkey", 0, _set),
    _setter("protmode", _one_of(("off", "cts", "rts", "rtscts"), "unknown protection mode")),
    _setter("roaming", _one_of(("device", "auto", "manual"), "unknown roaming mode")),
    *_switches("wme wmm hidessid apbridge", _set),
    _setter("chanlist"),
    _setter("bssid", _bssid),
    _setter("ap", _bssid),
    flag("scan", 0, scan),
    arg("list", list_what, "what"),
    *(_per_class(w) for w in ("cwmin", "cwmax", "aifs", "txoplimit")),
    *(_per_class(f"bss:{w}") for w in ("cwmin", "cwmax", "aifs", "txoplimit")),
    *(_setter(w, _access_class) for w in ("acm", "-acm", "ack", "-ack")),
    _setter("dtimperiod"),
    _setter("bintval"),
    *_switches("mac:open mac:allow mac:deny mac:radius mac:flush mac:detach", _set, off=False),
    *(_setter(f"mac:{w}", _address) for w in ("add", "del", "kick")),
    *_switches("pureg ff dturbo bgscan quiet", _set),
    *(_setter(w) for w in ("bgscanidle", "bgscanintvl", "scanvalid")),
    *(_setter(f"quiet_{w}") for w in ("count", "period", "duration", "offset")),
    _getter("roam:rssi", _ROAM),
    _getter("roam:rate", _ROAM),
    *(_getter(w, _TX) for w in ("mcastrate", "ucastrate", "mgtrate", "mgmtrate", "maxretry")),
    *(_setter(w) for w in ("fragthreshold", "bmiss", "bmissthreshold")),
    *_switches("burst shortgi", _set),
    *_switches("ampdurx ampdutx ampdu", _asks("cannot set AMPDU setting")),
    _setter("ampdulimit"),
    _setter("ampdudensity"),
    *_switches("amsdurx amsdutx amsdu", _amsdu),
    _setter("amsdulimit"),
    *_switches("stbcrx stbctx stbc", _asks("cannot set STBC setting")),
    *_switches("ldpcrx ldpctx ldpc", _asks("cannot set LDPC setting")),
    *_switches("uapsd puren doth dfs htcompat dwds inact tsn dotd ht20 ht40 ht rifs smps", _set),
    flag("smpsdyn", 1, _set),
    _getter("regdomain", _REGDOMAIN),
    _getter("country", _REGDOMAIN),
    *_switches("indoor outdoor ecm", _asks(_REGDOMAIN)),
    flag("anywhere", 0, _asks(_REGDOMAIN)),
    _setter("htprotmode", _one_of(("off", "rts", "rtscts"), "unknown protection mode")),
    *_switches("vht vht40 vht80 vht160 vht80p80 vhtstbctx vhtstbcrx vhtstbc", _asks("cannot set VHT setting")),
    _getter("chanswitch", _CHAN),
    *(_setter(f"tdma{w}") for w in ("slot", "slotcnt", "slotlen", "bintval")),
    _setter("meshttl"),
    *_switches("meshforward meshgate meshpeering", _set),
    _setter("meshmetric"),
    _setter("meshpath"),
    flag("meshrt:flush", 1, _set),
    _setter("meshrt:add", _address),
    _setter("meshrt:del", _address),
    _setter("hwmprootmode"),
    _setter("hwmpmaxhops"),
    arg("wlanaddr", wlanaddr, "address", clone=True),
    arg("wlanbssid", wlanbssid, "address", clone=True),
    arg("wlandev", wlandev, "device", clone=True),
    arg("wlanmode", wlanmode, "mode", clone=True),
    *(
        flag(f"{sign}{word}", 0, lambda ctx, word, value: None, clone=True)
        for word in ("beacons", "bssid", "wdslegacy")
        for sign in ("", "-")
    ),
)
