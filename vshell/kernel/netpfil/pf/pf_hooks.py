"""Where pf(4) looks at packets (hook_pf, hook_pf_eth of netpfil/pf/pf_ioctl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.kernel.net.pfil import Pfil
from vshell.kernel.netinet6.in6_var import Ip6
from vshell.kernel.netpfil.pf.pf_ether import EtherFilter
from vshell.kernel.netpfil.pf.pf_filter import Filter

if TYPE_CHECKING:
    from vshell.kernel.netpfil.pf.pf_ioctl import Pf

NAME = "pf"


def hook(pf: Pf) -> None:
    """hook_pf."""
    pfil = pf.vnet[Pfil]
    look = Filter(pf)
    pfil.inet.link(NAME, look.check)
    pfil.inet6.link(NAME, look.check6)
    _publish(pf)
    hook_eth(pf, bool(pf.eth_main.half.active))


def dehook(pf: Pf) -> None:
    """dehook_pf."""
    pfil = pf.vnet[Pfil]
    pfil.inet.unlink(NAME)
    pfil.inet6.unlink(NAME)
    _publish(pf)
    hook_eth(pf, False)


def _publish(pf: Pf) -> None:
    """The IPv6 data path keeps its head at hand while there is anything in it."""
    head = pf.vnet[Pfil].inet6
    pf.vnet[Ip6].pfil = head if head.input or head.output else None


def hook_eth(pf: Pf, on: bool) -> None:
    """hook_pf_eth, dehook_pf_eth."""
    head = pf.vnet[Pfil].link
    if on != (NAME in head.names()):
        if on:
            head.link(NAME, EtherFilter(pf).check)
        else:
            head.unlink(NAME)
