"""What MLD knows of an interface and of its groups (struct mld_ifsoftc, struct in6_multi; netinet6/mld6_var.h, in6_var.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.netlink_iface import Querier
from vshell.abi.sockio import IFF_MULTICAST

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet

MLIF_SILENT, MLIF_USEALLOW = 1, 2
SLOWHZ = 2
NS = 1_000_000_000

REPORTING, IDLE, LAZY, LEAVING, GROUP_QUERY_PENDING = "reporting", "idle", "lazy", "leaving", "group query pending"
"""States of a group that is reported; silent groups have none."""


class In6Multi:
    """Where the reports of one group stand."""

    __slots__ = ("kind", "scrv", "sctimer", "state", "timer")

    def __init__(self) -> None:
        self.state = REPORTING
        self.timer = 0
        """Ticks until a query is answered."""
        self.sctimer = 0
        """Ticks until the change is told (again)."""
        self.scrv = 0
        """How often the change is still to be told."""
        self.kind = 0
        """Record type of the change."""


class MldIfinfo:
    """MLD on one interface."""

    def __init__(self, ifp: Ifnet) -> None:
        self.clock = ifp.kernel.clock
        self.version = 2
        self.flags = MLIF_USEALLOW if ifp.flags & IFF_MULTICAST else MLIF_USEALLOW | MLIF_SILENT
        self.rv = 2
        """Robustness: how often a change is told."""
        self.qi = 125
        self.qri = 10
        self.uri = 3
        self.v2_timer = 0
        """Ticks until a general query is answered."""
        self.members: dict[bytes, In6Multi] = {}
        """Groups that are reported, and those whose end is still to be told."""
        self.tick = ifp.kernel.clock.callout()
        self.v1_timer = ifp.kernel.clock.callout()
        """Runs while there is a querier of version 1."""

    def querier(self) -> Querier:
        """What a user may know of it."""
        left = -(-(self.v1_timer.when - self.clock.now) * SLOWHZ // NS) if self.v1_timer.pending else 0
        return Querier(self.version, self.flags, self.rv, self.qi, self.qri, self.uri, (left, self.v2_timer))

    def running(self) -> bool:
        """Whether any timer counts."""
        return bool(self.v2_timer) or any(inm.timer or inm.sctimer for inm in self.members.values())
