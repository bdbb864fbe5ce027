"""What others say about multicast listening: queries are answered, reports heard (netinet6/mld6.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.in6 import IN6_IFF_ANYCAST, IN6_IFF_NOTREADY
from vshell.kernel.netinet6.icmp6 import icmp6_handlers
from vshell.kernel.netinet6.in6_var import In6Ifextra, ext6, in6ifa_ifpforlinklocal
from vshell.kernel.netinet6.mld6 import FASTHZ, Mld, mld_random, mld_start
from vshell.kernel.netinet6.mld6_var import GROUP_QUERY_PENDING, IDLE, LAZY, LEAVING, REPORTING
from vshell.wire.ip6 import (
    LINKLOCAL_ALLNODES,
    MLD_LISTENER_QUERY,
    MLD_LISTENER_REPORT,
    UNSPECIFIED,
    is_linklocal,
    is_multicast,
)

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf

MAX_GS_SOURCES = 256


def mld_input(ifp: Ifnet, m: Mbuf, src: bytes, dst: bytes, body: bytes) -> None:
    """A message of MLD: queries are answered, reports of version 1 may make ours needless."""
    extra = ext6(ifp)
    if extra is None or m.data[m.off + 7] != 1 or not _alerted(m):
        return
    if body[0] == MLD_LISTENER_QUERY and is_linklocal(src):
        if len(body) == 24:
            _v1_query(ifp, extra, dst, body)
        elif len(body) >= 28:
            _v2_query(ifp, extra, body)
    elif body[0] == MLD_LISTENER_REPORT and len(body) >= 24:
        _v1_heard(ifp, extra, src, dst, body[8:24])


def _alerted(m: Mbuf) -> bool:
    """M_RTALERT_MLD: the hop-by-hop header asks routers to look."""
    if m.data[m.off + 6] != 0:
        return False
    at, end = m.off + 42, m.off + 40 + 8 * (m.data[m.off + 41] + 1)
    while at < end:
        kind = m.data[at]
        if kind == 5:
            return bytes(m.data[at + 1 : at + 4]) == b"\x02\0\0"
        at += 1 if kind == 0 else 2 + m.data[at + 1]
    return False


def _v1_query(ifp: Ifnet, extra: In6Ifextra, dst: bytes, body: bytes) -> None:
    """mld_v1_input_query."""
    group = body[8:24]
    if not ifp.vnet[Mld].v1enable or (group == UNSPECIFIED and dst != LINKLOCAL_ALLNODES):
        return
    mld = extra.mld
    if mld.version != 1:
        _to_version1(extra)
    mld.v1_timer.reset((mld.rv * mld.qi + mld.qri) * 1_000_000_000, _to_version2, extra)
    timer = max(1, int.from_bytes(body[4:6], "big") * FASTHZ // 1000)
    for member, inm in mld.members.items():
        if group not in (UNSPECIFIED, member) or (inm.state == REPORTING and 0 < inm.timer <= timer):
            continue
        inm.state = REPORTING
        inm.timer = mld_random(ifp, timer)
    mld_start(ifp, extra)


def _to_version1(extra: In6Ifextra) -> None:
    """mld_set_version and mld_v2_cancel_link_timers."""
    mld = extra.mld
    mld.version, mld.v2_timer = 1, 0
    mld.members = {group: inm for group, inm in mld.members.items() if inm.state != LEAVING}
    for inm in mld.members.values():
        inm.state, inm.timer, inm.sctimer, inm.scrv = REPORTING, 0, 0, 0


def _to_version2(extra: In6Ifextra) -> None:
    extra.mld.version = 2


def _floating(value: int, bits: int) -> int:
    """Codes of long times: a mantissa and an exponent (RFC 3810, 5.1.3 and 5.1.9)."""
    if not value >> bits + 3:
        return value
    return (value & (1 << bits) - 1 | 1 << bits) << (value >> bits & 7) + 3


def _v2_query(ifp: Ifnet, extra: In6Ifextra, body: bytes) -> None:
    """mld_v2_input_query."""
    mld = extra.mld
    sources = int.from_bytes(body[26:28], "big")
    group = body[8:24]
    if not ifp.vnet[Mld].v2enable or sources > MAX_GS_SOURCES or len(body) < 28 + 16 * sources or mld.version != 2:
        return
    if group == UNSPECIFIED and sources:
        return
    maxdelay = _floating(int.from_bytes(body[4:6], "big"), 12)
    timer = max(1, maxdelay * FASTHZ // 1000)
    mld.rv, mld.qi, mld.qri = max(2, body[24] & 7), _floating(body[25], 4), maxdelay
    if mld.v2_timer and mld.v2_timer < timer:
        return
    inm = mld.members.get(group)
    if group == UNSPECIFIED:
        mld.v2_timer = mld_random(ifp, timer)
    elif inm is not None and inm.state in (REPORTING, GROUP_QUERY_PENDING) and (not sources or inm.state != REPORTING):
        # Members without source filters have nothing to say to a query for sources.
        if inm.state == GROUP_QUERY_PENDING:
            timer = min(inm.timer, timer)
        inm.state = GROUP_QUERY_PENDING
        inm.timer = mld_random(ifp, timer)
    mld_start(ifp, extra)


def _v1_heard(ifp: Ifnet, extra: In6Ifextra, src: bytes, dst: bytes, group: bytes) -> None:
    """mld_v1_input_report: another member has reported the group; in version 1 that will do."""
    if not ifp.vnet[Mld].v1enable or not (is_linklocal(src) or src == UNSPECIFIED) or not is_multicast(group) or group != dst:
        return
    ia = in6ifa_ifpforlinklocal(ifp, IN6_IFF_NOTREADY | IN6_IFF_ANYCAST)
    inm = extra.mld.members.get(group)
    if inm is None or extra.mld.version != 1 or src == (ia.addr if ia is not None else UNSPECIFIED):
        return
    inm.timer = 0
    if inm.state in (REPORTING, IDLE):
        inm.state = LAZY


for _kind in (MLD_LISTENER_QUERY, MLD_LISTENER_REPORT):
    icmp6_handlers.setdefault(_kind, []).append(mld_input)
