"""What the boot scripts have done by the time a user logs in, as far as it is kernel state (rc.d/netif)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.in_ import INADDR_LOOPBACK, SIOCAIFADDR
from vshell.kernel.net.ifioctl import ifioctl_on

if TYPE_CHECKING:
    from vshell.kernel.kern.kernel import Kernel


def configure_lo0(kernel: Kernel) -> None:
    """ifconfig lo0 inet 127.0.0.1/8 up; IPv6 gives it the rest by itself."""
    lo0, init = kernel.vnet0.loif, kernel.initproc
    assert lo0 is not None and init is not None
    ifioctl_on(lo0, SIOCAIFADDR(lo0.xname, INADDR_LOOPBACK, b"\xff\0\0\0"), init)
