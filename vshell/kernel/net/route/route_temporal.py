"""Routes that expire (net/route/route_temporal.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.kernel.kern.clock import NS
from vshell.kernel.net.route.route_ctl import rib_walk_del

if TYPE_CHECKING:
    from vshell.kernel.net.route.nhop import Nhop
    from vshell.kernel.net.route.rib import Rib, Rtentry


def tmproutes_update(rib: Rib, when: int) -> None:
    """A route that ends at uptime `when` (seconds) was added: see that the timer goes off by then."""
    if rib.next_expire and rib.next_expire <= when:
        return
    clock = rib.vnet.kernel.clock
    if rib.expire_callout is None:
        rib.expire_callout = clock.callout()
    rib.expire_callout.reset(max(0, when - clock.now // NS) * NS, _expire, rib)
    rib.next_expire = when


def _expire(rib: Rib) -> None:
    """Delete what has expired and wait for the next (expire_callout)."""
    if rib.dying:
        return
    now = rib.vnet.kernel.clock.now // NS
    pending: list[int] = []

    def expired(rt: Rtentry, nh: Nhop) -> bool:
        if not nh.expire:
            return False
        if nh.expire <= now:
            return True
        pending.append(nh.expire)
        return False

    rib.next_expire = 0
    rib_walk_del(rib, expired)
    if pending:
        tmproutes_update(rib, min(pending))
