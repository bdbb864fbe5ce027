"""Protocol input: from the type in a link-level header to the protocol (netisr(9)).

A protocol registers when its file is imported.  Link layers look up `netisr_handlers` themselves, so that a packet on
its way up is one dictionary access and one call (net.isr.dispatch=direct).  What crosses a cable, or goes back into the
same stack (loopback), waits in `kernel.netisrq` first, so that no stack is entered from within another one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf


Handler = Callable[["Ifnet", "Mbuf"], object]

netisr_handlers: dict[int, Handler] = {}
"""Ethernet type -> f(ifp, m), with `m.off` at the protocol's own header."""
