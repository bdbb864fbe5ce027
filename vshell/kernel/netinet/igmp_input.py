"""What others say about group memberships: queries are answered, reports heard (netinet/igmp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.in_ import INADDR_ALLHOSTS_GROUP
from vshell.abi.socket import IPPROTO_IGMP
from vshell.abi.sockio import IFF_LOOPBACK
from vshell.kernel.net.drops import drop
from vshell.kernel.netinet.igmp import (
    IGMP_HOST_MEMBERSHIP_QUERY,
    IGMP_V1_REPORT,
    IGMP_V2_REPORT,
    IGMP_V3_REPORT,
    V1V2_MAX_RI,
    Igmp,
    igmp_random,
    igmp_set_version,
    igmp_start,
)
from vshell.kernel.netinet.igmp_var import (
    AWAKENING,
    G_QUERY_PENDING,
    IDLE,
    IGMP_FASTHZ,
    LAZY,
    LEAVING,
    NOT_MEMBER,
    REPORTING,
    SG_QUERY_PENDING,
    SILENT,
    SLEEPING,
    IgmpIfinfo,
    InMulti,
    Msource,
    igmp_of,
)
from vshell.kernel.netinet.in_proto import IPPROTO_ANY, ip_protox
from vshell.kernel.netinet.in_var import in_addrs, in_multicast
from vshell.kernel.netinet.ip_var import IpGlobal
from vshell.wire.cksum import in_cksum
from vshell.wire.ip import IPOPT_RA, ip_options

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf

IGMP_DVMRP = 0x13
MINLEN, V3_QUERY_MINLEN = 8, 12
TIMER_SCALE = 10
NS = 1_000_000_000


def igmp_input(ifp: Ifnet, m: Mbuf, hlen: int, proto: int) -> None:
    """A message of IGMP; what is valid goes to raw sockets too."""
    stat = ifp.vnet[Igmp].stat
    stat.rcv_total += 1
    body = bytes(m.data[m.off + hlen :])
    if len(body) < MINLEN:
        stat.rcv_tooshort += 1
        drop(ifp, m, "igmp_input", "message of IGMP is too short")
    elif in_cksum(body):
        stat.rcv_badsum += 1
        drop(ifp, m, "igmp_input", "checksum of IGMP is wrong")
    elif body[0] != IGMP_DVMRP and m.data[m.off + 8] != 1:
        stat.rcv_badttl += 1
        drop(ifp, m, "igmp_input", "a message of IGMP must have a time to live of 1")
    elif _process(ifp, m, hlen, body):
        ip_protox[IPPROTO_ANY](ifp, m, hlen, proto)


def _process(ifp: Ifnet, m: Mbuf, hlen: int, body: bytes) -> bool:
    """By type; False if the message is no good."""
    igmp = ifp.vnet[Igmp]
    igi = igmp_of(ifp)
    kind = body[0]
    if igi is None:
        return True
    if kind == IGMP_HOST_MEMBERSHIP_QUERY:
        return _query(ifp, m, igi, bytes(m.data[m.off + 16 : m.off + 20]), body)
    if kind == IGMP_V1_REPORT and igmp.v1enable:
        return _report(ifp, m, igi, body, 1)
    if kind == IGMP_V2_REPORT and igmp.v2enable:
        _check_alert(igmp, m, hlen)
        return _report(ifp, m, igi, body, 2)
    if kind == IGMP_V3_REPORT:
        _check_alert(igmp, m, hlen)
    return True


def _check_alert(igmp: Igmp, m: Mbuf, hlen: int) -> None:
    """ip_checkrouteralert, counted when it is missing."""
    options = bytes(m.data[m.off + 20 : m.off + hlen])
    for kind, at, size in ip_options(options):
        if kind == IPOPT_RA and size == 4:
            if options[at + 2] or options[at + 3]:
                break
            return
    igmp.stat.rcv_nora += 1


# queries --------------------------------------------------------------------------------------------------------
def _query(ifp: Ifnet, m: Mbuf, igi: IgmpIfinfo, dst: bytes, body: bytes) -> bool:
    """A query: its version shows in its length and its code."""
    igmp = ifp.vnet[Igmp]
    group = body[4:8]
    if len(body) == MINLEN:
        igmp.stat.rcv_v1v2_queries += 1
        if not body[1]:
            if igmp.v1enable:
                _v1_query(ifp, igi, dst, group)
        elif igmp.v2enable:
            _v2_query(ifp, igi, dst, group, body[1])
        igmp_start(ifp, igi)
        return True
    if len(body) < V3_QUERY_MINLEN:
        igmp.stat.rcv_tooshort += 1
        drop(ifp, m, "igmp_input", "message of IGMP is too short")
        return False
    igmp.stat.rcv_v3_queries += 1
    if len(body) < V3_QUERY_MINLEN + 4 * int.from_bytes(body[10:12], "big"):
        igmp.stat.rcv_tooshort += 1
        drop(ifp, m, "igmp_input", "message of IGMP is too short")
        return False
    _v3_query(ifp, igi, dst, body)
    igmp_start(ifp, igi)
    return True


def _v1_query(ifp: Ifnet, igi: IgmpIfinfo, dst: bytes, group: bytes) -> None:
    stat = ifp.vnet[Igmp].stat
    if dst != INADDR_ALLHOSTS_GROUP or group != bytes(4):
        stat.rcv_badqueries += 1
        return
    stat.rcv_gen_queries += 1
    igmp_set_version(ifp, igi, 1)
    for inm in igi.youngest_first():
        if not inm.timer and inm.state not in (NOT_MEMBER, SILENT, LEAVING):
            inm.state = REPORTING
            inm.timer = igmp_random(ifp, V1V2_MAX_RI * IGMP_FASTHZ)


def _v2_query(ifp: Ifnet, igi: IgmpIfinfo, dst: bytes, group: bytes, code: int) -> None:
    stat = ifp.vnet[Igmp].stat
    general = group == bytes(4)
    if general:
        if dst != INADDR_ALLHOSTS_GROUP:
            return
        stat.rcv_gen_queries += 1
    else:
        stat.rcv_group_queries += 1
    if igi.version == 1:
        return
    igmp_set_version(ifp, igi, 2)
    timer = max(1, code * IGMP_FASTHZ // TIMER_SCALE)
    for inm in igi.youngest_first():
        if general or inm.group == group:
            _v2_update(ifp, inm, timer)


def _v2_update(ifp: Ifnet, inm: InMulti, timer: int) -> None:
    """igmp_v2_update_group."""
    if inm.state == SLEEPING:
        inm.state = AWAKENING
    elif inm.state not in (NOT_MEMBER, SILENT, LEAVING):
        if inm.state == REPORTING and 0 < inm.timer <= timer:
            return
        inm.state = REPORTING
        inm.timer = igmp_random(ifp, timer)


def _floating(value: int) -> int:
    """Codes of long times: a mantissa and an exponent (RFC 3376, 4.1.1 and 4.1.7)."""
    return value if value < 128 else (value & 0xF | 0x10) << (value >> 4 & 7) + 3


def _v3_query(ifp: Ifnet, igi: IgmpIfinfo, dst: bytes, body: bytes) -> None:
    igmp = ifp.vnet[Igmp]
    group, count = body[4:8], int.from_bytes(body[10:12], "big")
    maxresp = _floating(body[1])
    if group == bytes(4):
        igmp.stat.rcv_gen_queries += 1
        if dst != INADDR_ALLHOSTS_GROUP or count:
            igmp.stat.rcv_badqueries += 1
            return
    elif count:
        igmp.stat.rcv_gsr_queries += 1
    else:
        igmp.stat.rcv_group_queries += 1
    if igi.version != 3:
        return
    igi.rv, igi.qi, igi.qri = body[8] & 7, _floating(body[9]), maxresp
    if igi.rv < 2:
        igi.rv = 2
    timer = max(1, maxresp * IGMP_FASTHZ // TIMER_SCALE)
    sooner = 0 < igi.v3_timer < timer
    if group == bytes(4):
        if not sooner:
            igi.v3_timer = igmp_random(ifp, timer)
        return
    inm = igi.members.get(group)
    if inm is None:
        return
    if count and not _ratecheck(ifp, igmp, inm):
        igmp.stat.drop_gsr_queries += 1
    elif not sooner:
        _group_query(ifp, inm, timer, [body[at : at + 4] for at in range(12, 12 + 4 * count, 4)])


def _ratecheck(ifp: Ifnet, igmp: Igmp, inm: InMulti) -> bool:
    """ratecheck(9): not more often than every gsrdelay seconds."""
    now = ifp.kernel.clock.now
    if inm.lastgsr is not None and now - inm.lastgsr < igmp.gsr * NS:
        return False
    inm.lastgsr = now
    return True


def _group_query(ifp: Ifnet, inm: InMulti, timer: int, sources: list[bytes]) -> None:
    """igmp_input_v3_group_query."""
    if inm.state not in (REPORTING, G_QUERY_PENDING, SG_QUERY_PENDING):
        return
    if not sources:
        if inm.state != REPORTING:
            inm.clear_recorded()
            timer = min(inm.timer, timer)
        inm.state = G_QUERY_PENDING
    elif inm.state == G_QUERY_PENDING:
        timer = min(inm.timer, timer)
    elif not inm.sources or not _record(ifp, inm, sources):
        return
    else:
        inm.state = SG_QUERY_PENDING
    inm.timer = igmp_random(ifp, max(1, timer))


def _record(ifp: Ifnet, inm: InMulti, sources: list[bytes]) -> int:
    """inm_record_source of each: how many are new."""
    new = 0
    for source in sources:
        if source not in inm.sources and len(inm.sources) >= ifp.kernel[IpGlobal].mcast_maxgrpsrc:
            break
        ims = inm.sources.setdefault(source, Msource())
        new += not ims.recorded
        ims.recorded = True
    return new


# reports --------------------------------------------------------------------------------------------------------
def _report(ifp: Ifnet, m: Mbuf, igi: IgmpIfinfo, body: bytes, version: int) -> bool:
    """Another member has reported the group; in the old versions one is enough."""
    igmp = ifp.vnet[Igmp]
    data, off = m.data, m.off
    first = next(iter(in_addrs(ifp)), None)
    if version == 2 and first is not None and data[off + 12 : off + 16] == first.addr:
        return True
    igmp.stat.rcv_reports += 1
    if ifp.flags & IFF_LOOPBACK:
        return True
    group = body[4:8]
    if not in_multicast(group) or group != data[off + 16 : off + 20]:
        igmp.stat.rcv_badreports += 1
        drop(ifp, m, "igmp_input", "report of a group that was not sent to it")
        return False
    if igmp.recvifkludge and first is not None and not any(data[off + 12 : off + 16]):
        data[off + 12 : off + 16] = first.subnet.to_bytes(4, "big")
    inm = igi.members.get(group)
    if inm is None:
        return True
    igmp.stat.rcv_ourreports += 1
    if igi.version == 3:
        return True
    inm.timer = 0
    if version == 1:
        if inm.state in (IDLE, LAZY, AWAKENING, SLEEPING):
            inm.state = SLEEPING
        elif inm.state == REPORTING:
            inm.state = LAZY if igi.version == 1 else SLEEPING
    elif inm.state in (REPORTING, IDLE, AWAKENING, LAZY):
        inm.state = LAZY
    return True


ip_protox[IPPROTO_IGMP] = igmp_input
