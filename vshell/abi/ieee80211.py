"""Requests of wireless interfaces (net80211/ieee80211_ioctl.h); there is no wireless hardware, so nobody serves them."""

from __future__ import annotations

from vshell.abi.record import Record
from vshell.abi.sockio import IfRequest


class SIOCS80211(IfRequest):
    """Set a parameter."""

    type: str = ""


class SIOCG80211(IfRequest):
    """Ask for one."""

    type: str = ""


class WlanParams(Record):
    """struct ieee80211_clone_params: the device a wlan(4) is to be made on, and its kind."""

    parent: str = ""
    opmode: str = "sta"
    bssid: bytes = bytes(6)
