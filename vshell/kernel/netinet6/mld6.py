"""Multicast memberships of interfaces and their reports (RFC 3810, netinet6/in6_mcast.c, mld6.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.in6 import IN6_IFF_NOTREADY, ND6_IFF_IFDISABLED
from vshell.abi.socket import IPPROTO_ICMPV6
from vshell.abi.sockio import IFF_DRV_RUNNING, IFF_LOOPBACK, IFF_UP
from vshell.kernel.net.mbuf import M_MCAST, m_get
from vshell.kernel.netinet6.in6_var import Ip6, ext6, in6ifa_ifpforlinklocal
from vshell.wire.ip6 import LINKLOCAL_ALLNODES, LINKLOCAL_ALLV2ROUTERS, MLDV2_LISTENER_REPORT, UNSPECIFIED, in6_cksum, ip6_header

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet

ROUTER_ALERT = bytes((IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0))
"""Hop-by-hop header with a router alert of MLD and padding (RFC 2711)."""

CHANGE_TO_INCLUDE, CHANGE_TO_EXCLUDE = 3, 4
REPORT_DELAY = 100_000_000
"""A change is reported this long after it happened (ns), together with others of that moment."""


def in6_joingroup(ifp: Ifnet, group: bytes) -> None:
    """Join a group, or hold it once more."""
    extra = ext6(ifp)
    if extra is None:
        return
    count = extra.groups.get(group, 0)
    extra.groups[group] = count + 1
    if not count:
        _state_change(ifp, group, CHANGE_TO_EXCLUDE)


def in6_leavegroup(ifp: Ifnet, group: bytes) -> None:
    """Let go of a group; the last one leaves it."""
    extra = ext6(ifp)
    if extra is None or group not in extra.groups:
        return
    extra.groups[group] -= 1
    if not extra.groups[group]:
        del extra.groups[group]
        _state_change(ifp, group, CHANGE_TO_INCLUDE)


def _silent(ifp: Ifnet, group: bytes) -> bool:
    """Groups that are never reported: all-nodes, and scopes that do not leave the host (RFC 3810, 6)."""
    return bool(ifp.flags & IFF_LOOPBACK) or group == LINKLOCAL_ALLNODES or group[1] & 0x0F < 2


def _state_change(ifp: Ifnet, group: bytes, kind: int) -> None:
    extra = ext6(ifp)
    if extra is None or _silent(ifp, group):
        return
    extra.reports[group] = kind
    if not extra.report_timer.pending:
        extra.report_timer.reset(REPORT_DELAY, mld_report, ifp)


def mld_report(ifp: Ifnet) -> None:
    """Tell the routers what changed (MLDv2 state change report)."""
    from vshell.kernel.netinet6.ip6_output import Moptions, ip6_output

    extra = ext6(ifp)
    if extra is None or not extra.reports:
        return
    reports, extra.reports = extra.reports, {}
    if not (ifp.flags & IFF_UP and ifp.flags & IFF_DRV_RUNNING) or extra.nd.flags & ND6_IFF_IFDISABLED:
        return
    records = b"".join(bytes((kind, 0, 0, 0)) + group for group, kind in reports.items())
    body = bytes((MLDV2_LISTENER_REPORT, 0, 0, 0, 0, 0)) + len(reports).to_bytes(2, "big") + records
    ia = in6ifa_ifpforlinklocal(ifp, IN6_IFF_NOTREADY)
    src = ia.addr if ia is not None else UNSPECIFIED
    cksum = in6_cksum(src, LINKLOCAL_ALLV2ROUTERS, IPPROTO_ICMPV6, body)
    body = body[:2] + cksum.to_bytes(2, "big") + body[4:]
    header = ip6_header(src, LINKLOCAL_ALLV2ROUTERS, 0, len(ROUTER_ALERT) + len(body), 1)
    m = m_get(header + ROUTER_ALERT + body)
    m.flags |= M_MCAST
    ifp.vnet[Ip6].icmp6stat.outhist[MLDV2_LISTENER_REPORT] += 1
    ip6_output(ifp.vnet, m, moptions=Moptions(ifp, 1, False), ifp=ifp)
