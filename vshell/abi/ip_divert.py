"""divert(4) as programs see it (netinet/ip_divert.h)."""

from __future__ import annotations

from vshell.abi.socket import SockaddrIn

PF_DIVERT = 44


class SockaddrDivert(SockaddrIn):
    """Where a packet was on its way: the rule that diverted it as `port`, the way in as `addr` (0.0.0.0: it was going out)
    and the name of the interface it came in by, "" if there is none (it lies in sin_zero, which holds seven characters)."""

    iface: str = ""
