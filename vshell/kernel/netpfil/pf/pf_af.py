"""Packets change their family: af-to (pf_get_transaddr_af, pf_translate_af of netpfil/pf)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vshell.kernel.netpfil.pf.pf_ruleset import Krule
    from vshell.kernel.netpfil.pf.pf_test import Test


def get_transaddr_af(t: Test, r: Krule) -> bool:
    """Translation between families is not done yet: such packets are refused, and the counter `translate` says so."""
    return False
