"""Multicast memberships of interfaces and their reports (RFC 2710 and 3810, netinet6/in6_mcast.c, mld6.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.in6 import IN6_IFF_ANYCAST, IN6_IFF_NOTREADY, ND6_IFF_IFDISABLED
from vshell.abi.socket import IPPROTO_ICMPV6
from vshell.abi.sockio import IFF_DRV_RUNNING, IFF_LOOPBACK, IFF_UP
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, Sysctl, VnetModule
from vshell.kernel.net.mbuf import M_MCAST, m_get
from vshell.kernel.netinet6.in6_var import In6Ifextra, Ip6, ext6, in6ifa_ifpforlinklocal
from vshell.kernel.netinet6.mld6_var import GROUP_QUERY_PENDING, IDLE, LAZY, LEAVING, REPORTING, In6Multi
from vshell.wire.ip6 import (
    LINKLOCAL_ALLNODES,
    LINKLOCAL_ALLV2ROUTERS,
    MLD_LISTENER_DONE,
    MLD_LISTENER_REPORT,
    MLDV2_LISTENER_REPORT,
    UNSPECIFIED,
    in6_cksum,
    ip6_header,
)

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet

ROUTER_ALERT = bytes((IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0))
"""Hop-by-hop header with a router alert of MLD and padding (RFC 2711)."""

MODE_IS_EXCLUDE, CHANGE_TO_INCLUDE, CHANGE_TO_EXCLUDE, BLOCK_OLD_SOURCES = 2, 3, 4, 6
FASTHZ = 5
TICK = 1_000_000_000 // FASTHZ
FIRST_TICK = TICK // 2
"""A change is reported this long after it happened (ns), together with others of that moment: half a tick on average."""
V1_MAX_RI = 10
MTUSPACE = 40 + 8 + 8


class Mld(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """MLD in one stack."""

    use_allow = Sysctl("net.inet6.mld.use_allow", 1, "Use ALLOW/BLOCK for RFC 4604 SSM joins/leaves")
    v2enable = Sysctl("net.inet6.mld.v2enable", 1, "Enable MLDv2")
    v1enable = Sysctl("net.inet6.mld.v1enable", 1, "Enable fallback to MLDv1")


def in6_joingroup(ifp: Ifnet, group: bytes) -> None:
    """Join a group, or hold it once more."""
    extra = ext6(ifp)
    if extra is None:
        return
    count = extra.groups.get(group, 0)
    extra.groups[group] = count + 1
    if not count and not _silent(ifp, group):
        _initial_join(ifp, extra, group)


def in6_leavegroup(ifp: Ifnet, group: bytes) -> None:
    """Let go of a group; the last one leaves it."""
    extra = ext6(ifp)
    if extra is None or group not in extra.groups:
        return
    extra.groups[group] -= 1
    if not extra.groups[group]:
        del extra.groups[group]
        if group in extra.mld.members:
            if Mld in ifp.vnet:
                _final_leave(ifp, extra, group)
            else:
                del extra.mld.members[group]  # a socket outlived its stack: there is nobody to tell


def _silent(ifp: Ifnet, group: bytes) -> bool:
    """Groups that are never reported: all-nodes, and scopes that do not leave the host (RFC 3810, 6)."""
    return bool(ifp.flags & IFF_LOOPBACK) or group == LINKLOCAL_ALLNODES or group[1] & 0x0F < 2


def mld_random(ifp: Ifnet, ticks: int) -> int:
    """MLD_RANDOM_DELAY: 1..ticks."""
    return 1 + ifp.kernel.random.uniform(ticks)


def mld_start(ifp: Ifnet, extra: In6Ifextra) -> None:
    """Let the timers of an interface run."""
    if not extra.mld.tick.pending:
        extra.mld.tick.reset(FIRST_TICK, mld_fasttimo, ifp, extra)


def _initial_join(ifp: Ifnet, extra: In6Ifextra, group: bytes) -> None:
    """mld_initial_join."""
    mld = extra.mld
    inm = mld.members.pop(group, None) or In6Multi()
    mld.members[group] = inm
    inm.state = REPORTING
    if mld.version == 1:
        inm.state = IDLE
        _v1_report(ifp, extra, group, MLD_LISTENER_REPORT)
        inm.timer = mld_random(ifp, V1_MAX_RI * FASTHZ)
    else:
        inm.kind, inm.scrv, inm.sctimer = CHANGE_TO_EXCLUDE, mld.rv, 1
    mld_start(ifp, extra)


def _final_leave(ifp: Ifnet, extra: In6Ifextra, group: bytes) -> None:
    """mld_final_leave."""
    mld = extra.mld
    inm = mld.members[group]
    if mld.version == 1:
        if inm.state in (REPORTING, IDLE):
            _v1_report(ifp, extra, group, MLD_LISTENER_DONE)
        del mld.members[group]
    elif inm.state == LAZY:
        del mld.members[group]
    else:
        inm.state = LEAVING
        inm.kind = BLOCK_OLD_SOURCES if ifp.vnet[Mld].use_allow else CHANGE_TO_INCLUDE
        inm.timer, inm.scrv, inm.sctimer = 0, mld.rv, 1
        mld_start(ifp, extra)


def mld_fasttimo(ifp: Ifnet, extra: In6Ifextra) -> None:
    """Five times a second while a timer runs: what is due is sent."""
    mld = extra.mld
    if ext6(ifp) is not extra:
        return
    if mld.v2_timer:
        mld.v2_timer -= 1
        if not mld.v2_timer:
            _general_report(ifp, extra)
    if mld.version == 1:
        _v1_timers(ifp, extra)
    else:
        _v2_timers(ifp, extra)
    if mld.running():
        mld.tick.reset(TICK, mld_fasttimo, ifp, extra)


def _expired(inm: In6Multi) -> bool:
    if inm.timer:
        inm.timer -= 1
        return not inm.timer
    return False


def _v1_timers(ifp: Ifnet, extra: In6Ifextra) -> None:
    for group, inm in list(extra.mld.members.items()):
        if _expired(inm) and inm.state == REPORTING:
            inm.state = IDLE
            _v1_report(ifp, extra, group, MLD_LISTENER_REPORT)


def _v2_timers(ifp: Ifnet, extra: In6Ifextra) -> None:
    """mld_v2_process_group_timers of all groups, the youngest first; then the packets that became of it."""
    mld = extra.mld
    again = 0
    answers, changes = [], []
    for group, inm in reversed(list(mld.members.items())):
        if _expired(inm) and inm.state == GROUP_QUERY_PENDING:
            answers.append((group, MODE_IS_EXCLUDE))
            inm.state = REPORTING
        if not inm.sctimer:
            continue
        inm.sctimer -= 1
        if inm.sctimer:
            continue
        inm.scrv -= 1
        if inm.scrv > 0:
            again = again or mld_random(ifp, mld.uri * FASTHZ)
            inm.sctimer = again
        changes.append((group, inm.kind))
        if inm.state == LEAVING and not inm.scrv:
            del mld.members[group]
    for answer in answers:
        _v2_report(ifp, extra, [answer])
    _v2_report(ifp, extra, changes)


def _general_report(ifp: Ifnet, extra: In6Ifextra) -> None:
    """mld_v2_dispatch_general_query."""
    records = []
    for group, inm in reversed(extra.mld.members.items()):
        if inm.state in (REPORTING, IDLE, LAZY):
            inm.state = REPORTING
            records.append((group, MODE_IS_EXCLUDE))
    _v2_report(ifp, extra, records)


def _v2_report(ifp: Ifnet, extra: In6Ifextra, records: list[tuple[bytes, int]]) -> None:
    """Tell the routers, in as many packets as it takes."""
    fit = max(1, (ifp.mtu - MTUSPACE) // 20)
    for at in range(0, len(records), fit):
        part = records[at : at + fit]
        body = bytes((MLDV2_LISTENER_REPORT, 0, 0, 0, 0, 0)) + len(part).to_bytes(2, "big")
        body += b"".join(bytes((kind, 0, 0, 0)) + group for group, kind in part)
        _dispatch(ifp, extra, LINKLOCAL_ALLV2ROUTERS, body)


def _v1_report(ifp: Ifnet, extra: In6Ifextra, group: bytes, kind: int) -> None:
    _dispatch(ifp, extra, group, bytes((kind, 0, 0, 0, 0, 0, 0, 0)) + group)


def _dispatch(ifp: Ifnet, extra: In6Ifextra, dst: bytes, body: bytes) -> None:
    """mld_dispatch_packet: from the link-local address if there is one already."""
    from vshell.kernel.netinet6.ip6_output import Moptions, ip6_output

    if not (ifp.flags & IFF_UP and ifp.flags & IFF_DRV_RUNNING) or extra.nd.flags & ND6_IFF_IFDISABLED:
        return
    ia = in6ifa_ifpforlinklocal(ifp, IN6_IFF_NOTREADY | IN6_IFF_ANYCAST)
    src = ia.addr if ia is not None else UNSPECIFIED
    cksum = in6_cksum(src, dst, IPPROTO_ICMPV6, body)
    body = body[:2] + cksum.to_bytes(2, "big") + body[4:]
    m = m_get(ip6_header(src, dst, 0, len(ROUTER_ALERT) + len(body), 1) + ROUTER_ALERT + body)
    m.flags |= M_MCAST
    ifp.vnet[Ip6].icmp6stat.outhist[body[0]] += 1
    ip6_output(ifp.vnet, m, moptions=Moptions(ifp, 1, False), ifp=ifp)
