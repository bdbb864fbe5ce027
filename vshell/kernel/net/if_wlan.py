"""wlan(4): the type of wireless interfaces; without a wireless device none can be made (net80211/ieee80211_freebsd.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EFAULT, ENXIO, KError
from vshell.abi.ieee80211 import WlanParams
from vshell.kernel.net.if_clone import IfCloner, cloner
from vshell.kernel.net.if_ethersubr import EtherIfnet

if TYPE_CHECKING:
    from vshell.abi.record import Record
    from vshell.kernel.kern.kern_proc import Proc


@cloner("wlan", host_only=True)
class Wlan(EtherIfnet):
    """wlan(4)."""

    @classmethod
    def clone(cls, ifc: IfCloner, name: str, unit: int, params: Record | None, td: Proc | None) -> Wlan:
        """wlan_clone_create: there is no device it could be made on."""
        raise KError(ENXIO if isinstance(params, WlanParams) else EFAULT)
