"""IGMP of a host: groups are reported to the routers of a link (igmp(4), RFC 3376 and 2236; netinet/igmp.c).

Version 3 tells every change twice and answers queries after a random while.  A query of an older version makes the
interface speak that version until the querier has been silent for long enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, KError
from vshell.abi.in_ import INADDR_ALLHOSTS_GROUP, INADDR_ALLRTRS_GROUP, MCAST_UNDEFINED
from vshell.abi.inet_stats import Igmpstat
from vshell.abi.socket import IPPROTO_IGMP
from vshell.abi.sockio import IFF_LOOPBACK
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.netinet.counters import Counters
from vshell.kernel.netinet.igmp_report import Queue, enqueue_current_state, enqueue_state_change, merge
from vshell.kernel.netinet.igmp_var import (
    AWAKENING,
    G_QUERY_PENDING,
    IDLE,
    IGIF_SILENT,
    IGMP_FASTHZ,
    IGMP_SLOWHZ,
    LAZY,
    LEAVING,
    NOT_MEMBER,
    REPORTING,
    SG_QUERY_PENDING,
    SILENT,
    SLEEPING,
    IgmpIfinfo,
    InMulti,
    igmp_of,
    inm_acquire,
    inm_release,
)
from vshell.wire.cksum import in_cksum
from vshell.wire.ip import HEADER, IP_DF

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet

IGMP_HOST_MEMBERSHIP_QUERY, IGMP_V1_REPORT, IGMP_V2_REPORT, IGMP_LEAVE, IGMP_V3_REPORT = 0x11, 0x12, 0x16, 0x17, 0x22
INADDR_ALLRPTS_GROUP = b"\xe0\0\0\x16"
ROUTER_ALERT = bytes(4) + b"\x94\4\0\0"
"""Options as ip_output takes them: no first hop, and a router alert (RFC 2113)."""
IPTOS_PREC_INTERNETCONTROL = 0xC0

NS = 1_000_000_000
TICK = NS // IGMP_FASTHZ
FIRST_TICK = TICK // 2
"""A change is reported this long after it happened (ns), together with others of that moment: half a tick on average."""
V1V2_MAX_RI = 10
MAX_RESPONSE_BURST = 4
RESPONSE_BURST_INTERVAL = IGMP_FASTHZ // 2


class Igmp(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """IGMP in one stack."""

    legacysupp = Sysctl("net.inet.igmp.legacysupp", 0, "Allow v1/v2 reports to suppress v3 group responses")
    v2enable = Sysctl("net.inet.igmp.v2enable", 1, "Enable backwards compatibility with IGMPv2")
    v1enable = Sysctl("net.inet.igmp.v1enable", 1, "Enable backwards compatibility with IGMPv1")
    sendlocal = Sysctl("net.inet.igmp.sendlocal", 1, "Send IGMP membership reports for 224.0.0.0/24 groups")
    sendra = Sysctl("net.inet.igmp.sendra", 1, "Send IP Router Alert option in IGMPv2/v3 messages")
    recvifkludge = Sysctl("net.inet.igmp.recvifkludge", 1, "Rewrite IGMPv1/v2 reports from 0.0.0.0 to contain subnet address")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.stat = Counters(Igmpstat)
        self.version = 3
        self.gsr = 10

    @sysctl_proc("net.inet.igmp.gsrdelay", "Rate limit for IGMPv3 Group-and-Source queries in seconds")
    def _gsrdelay(self, td: Proc, new: Any) -> int:
        if new is not None:
            if not -1 <= new < 60:
                raise KError(EINVAL)
            self.gsr = new
        return self.gsr

    @sysctl_proc("net.inet.igmp.default_version", "Default version of IGMP to run on each interface")
    def _default_version(self, td: Proc, new: Any) -> int:
        if new is not None:
            if not 1 <= new <= 3:
                raise KError(EINVAL)
            self.version = new
            for ifp in self.vnet.ifnets:
                igi = igmp_of(ifp)
                if igi is not None and igi.version > new:
                    igmp_set_version(ifp, igi, new)
        return self.version

    @sysctl_proc("net.inet.igmp.stats", "IGMP statistics (struct igmpstat, netinet/igmp_var.h)", fmt="opaque")
    def _stats(self, td: Proc, new: Any) -> Any:
        return self.stat.sysctl(new)


def igmp_random(ifp: Ifnet, ticks: int) -> int:
    """IGMP_RANDOM_DELAY: 1..ticks."""
    return 1 + ifp.kernel.random.uniform(ticks)


def igmp_start(ifp: Ifnet, igi: IgmpIfinfo) -> None:
    """Let the timers of an interface run."""
    if not igi.tick.pending and igi.running():
        igi.tick.reset(FIRST_TICK, igmp_fasttimo, ifp, igi)


def _reported(ifp: Ifnet, igi: IgmpIfinfo, group: bytes) -> bool:
    """igmp_isgroupreported, on an interface that reports at all."""
    if ifp.flags & IFF_LOOPBACK or igi.flags & IGIF_SILENT or group == INADDR_ALLHOSTS_GROUP or Igmp not in ifp.vnet:
        return False
    return group[:3] != INADDR_ALLHOSTS_GROUP[:3] or bool(ifp.vnet[Igmp].sendlocal)


# changes --------------------------------------------------------------------------------------------------------
def igmp_change_state(ifp: Ifnet, igi: IgmpIfinfo, inm: InMulti) -> None:
    """The members of a group want something else than before."""
    before, now = inm.st[0].fmode, inm.st[1].fmode
    if before != now and before == MCAST_UNDEFINED:
        _initial_join(ifp, igi, inm)
    elif before != now and now == MCAST_UNDEFINED:
        _final_leave(ifp, igi, inm)
    elif not _reported(ifp, igi, inm.group) or igi.version != 3:
        inm.commit()
    else:
        inm.scq.clear()
        if enqueue_state_change(inm.scq, ifp.mtu, inm):
            inm.scrv, inm.sctimer = igi.rv, 1
            igmp_start(ifp, igi)


def _initial_join(ifp: Ifnet, igi: IgmpIfinfo, inm: InMulti) -> None:
    """igmp_initial_join."""
    if not _reported(ifp, igi, inm.group):
        inm.state, inm.timer = SILENT, 0
        inm.commit()
        return
    if igi.version == 3:
        if inm.state == LEAVING:
            inm_release(ifp, inm.group)
        inm.state = REPORTING
        inm.scq.clear()
        if enqueue_state_change(inm.scq, ifp.mtu, inm):
            inm.scrv, inm.sctimer = igi.rv, 1
    else:
        inm.state = IDLE
        _v1v2_report(ifp, inm, IGMP_V2_REPORT if igi.version == 2 else IGMP_V1_REPORT)
        inm.timer = igmp_random(ifp, V1V2_MAX_RI * IGMP_FASTHZ)
        inm.commit()
    igmp_start(ifp, igi)


def _final_leave(ifp: Ifnet, igi: IgmpIfinfo, inm: InMulti) -> None:
    """igmp_final_leave: those whose reports others have made needless go silently."""
    if inm.state in (REPORTING, IDLE, G_QUERY_PENDING, SG_QUERY_PENDING):
        if igi.version == 3:
            inm.timer = 0
            inm.scq.clear()
            inm_acquire(ifp, inm.group)
            enqueue_state_change(inm.scq, ifp.mtu, inm)
            inm.state, inm.scrv, inm.sctimer = LEAVING, igi.rv, 1
            igmp_start(ifp, igi)
            return
        if igi.version == 2:
            _v1v2_report(ifp, inm, IGMP_LEAVE)
            inm.state = NOT_MEMBER
    inm.commit()


# time -----------------------------------------------------------------------------------------------------------
def igmp_fasttimo(ifp: Ifnet, igi: IgmpIfinfo) -> None:
    """Five times a second while a timer runs: what is due is sent."""
    if igmp_of(ifp) is not igi:
        return
    if igi.v3_timer:
        igi.v3_timer -= 1
        if not igi.v3_timer:
            _general_report(ifp, igi)
    if igi.version == 3:
        _v3_timers(ifp, igi)
    else:
        _v1v2_timers(ifp, igi)
    if igi.running():
        igi.tick.reset(TICK, igmp_fasttimo, ifp, igi)


def _expired(inm: InMulti) -> bool:
    if inm.timer:
        inm.timer -= 1
        return not inm.timer
    return False


def _v1v2_timers(ifp: Ifnet, igi: IgmpIfinfo) -> None:
    for inm in igi.youngest_first():
        if _expired(inm) and inm.state == REPORTING:
            inm.state = IDLE
            _v1v2_report(ifp, inm, IGMP_V2_REPORT if igi.version == 2 else IGMP_V1_REPORT)


def _v3_timers(ifp: Ifnet, igi: IgmpIfinfo) -> None:
    """igmp_v3_process_group_timers of all groups; then the packets that became of it."""
    again = 0
    answers: Queue = []
    changes: Queue = []
    for inm in igi.youngest_first():
        if _expired(inm) and inm.state in (G_QUERY_PENDING, SG_QUERY_PENDING):
            enqueue_current_state(answers, ifp.mtu, inm, True, inm.state == SG_QUERY_PENDING)
            inm.state = REPORTING
            inm.clear_recorded()
            inm.reap()
        if not inm.sctimer:
            continue
        inm.sctimer -= 1
        if inm.sctimer or inm.state not in (REPORTING, LEAVING, G_QUERY_PENDING, SG_QUERY_PENDING):
            continue
        inm.scrv -= 1
        merge(changes, ifp.mtu, inm.scq)
        if inm.scrv > 0:
            again = again or igmp_random(ifp, igi.uri * IGMP_FASTHZ)
            inm.sctimer = again
        else:
            inm.scq.clear()
        inm.commit()
        if inm.state == LEAVING and inm.scrv <= 0:
            inm.state = NOT_MEMBER
            inm_release(ifp, inm.group)
    for packet in answers + changes:
        _v3_report(ifp, packet)


def _general_report(ifp: Ifnet, igi: IgmpIfinfo) -> None:
    """igmp_v3_dispatch_general_query: all groups, in bursts."""
    if not igi.gq:
        for inm in igi.youngest_first():
            if inm.state in (REPORTING, IDLE, LAZY, SLEEPING, AWAKENING):
                inm.state = REPORTING
                enqueue_current_state(igi.gq, ifp.mtu, inm)
    burst, igi.gq = igi.gq[:MAX_RESPONSE_BURST], igi.gq[MAX_RESPONSE_BURST:]
    for packet in burst:
        _v3_report(ifp, packet)
    if igi.gq:
        igi.v3_timer = 1 + igmp_random(ifp, RESPONSE_BURST_INTERVAL)


def igmp_set_version(ifp: Ifnet, igi: IgmpIfinfo, version: int) -> None:
    """A querier of that version has been heard; older ones reign for a while (RFC 3376, 7.2.1)."""
    if version < 3:
        timer = (igi.rv * igi.qi + igi.qri) * IGMP_SLOWHZ
        igi.v1_timer, igi.v2_timer = (timer, 0) if version == 1 else (0, timer)
        if not igi.slow.pending:
            igi.slow.reset(NS // IGMP_SLOWHZ, igmp_slowtimo, ifp, igi)
    now = 1 if igi.v1_timer else 2 if igi.v2_timer else igi.version
    if now != igi.version:
        igi.version = now
        _cancel_link_timers(ifp, igi)


def _cancel_link_timers(ifp: Ifnet, igi: IgmpIfinfo) -> None:
    """igmp_v3_cancel_link_timers: nothing of version 3 is pending any more."""
    igi.v3_timer = 0
    for inm in igi.youngest_first():
        if inm.state == LEAVING:
            inm_release(ifp, inm.group)
        if inm.state in (LEAVING, G_QUERY_PENDING, SG_QUERY_PENDING):
            inm.clear_recorded()
            inm.state = REPORTING
        inm.timer = inm.sctimer = 0
        inm.scq.clear()


def igmp_slowtimo(ifp: Ifnet, igi: IgmpIfinfo) -> None:
    """Twice a second while an old querier is believed to be there (igmp_v1v2_process_querier_timers)."""
    if igmp_of(ifp) is not igi:
        return
    igmp = ifp.vnet[Igmp]
    if igi.v1_timer > 0:
        igi.v2_timer = 0
        if igmp.version == 3 and not igmp.v1enable:
            igi.v1_timer, igi.version = 0, 3
        else:
            igi.v1_timer -= 1
    elif igi.v2_timer > 0:
        if igmp.version == 3 and not igmp.v2enable:
            igi.v2_timer, igi.version = 0, 3
        else:
            igi.v2_timer -= 1
            if igmp.version == 2 and igi.version != 2:
                igi.version = 2
                _cancel_link_timers(ifp, igi)
    else:
        if igmp.version == 3:
            igi.version = 3
        return
    igi.slow.reset(NS // IGMP_SLOWHZ, igmp_slowtimo, ifp, igi)


# output ---------------------------------------------------------------------------------------------------------
class _Moptions:
    """How reports are sent: on that interface, no further than the link, and the host does not hear them itself."""

    __slots__ = ("ifp", "loop", "ttl")

    def __init__(self, ifp: Ifnet) -> None:
        self.ifp, self.ttl, self.loop = ifp, 1, 0


def _v1v2_report(ifp: Ifnet, inm: InMulti, kind: int) -> None:
    body = bytes((kind, 0, 0, 0)) + inm.group
    _send(ifp, INADDR_ALLRTRS_GROUP if kind == IGMP_LEAVE else inm.group, body, 0, 0)


def _v3_report(ifp: Ifnet, packet: list[bytes]) -> None:
    body = bytes((IGMP_V3_REPORT, 0, 0, 0, 0, 0)) + len(packet).to_bytes(2, "big") + b"".join(packet)
    _send(ifp, INADDR_ALLRPTS_GROUP, body, IPTOS_PREC_INTERNETCONTROL, IP_DF)


def _send(ifp: Ifnet, dst: bytes, body: bytes, tos: int, off: int) -> None:
    """igmp_intr."""
    from vshell.kernel.netinet.ip_output import ip_output

    vnet = ifp.vnet
    igmp = vnet[Igmp]
    body = body[:2] + in_cksum(body).to_bytes(2, "big") + body[4:]
    m = m_get(HEADER.pack(0x45, tos, 20 + len(body), 0, off, 1, IPPROTO_IGMP, 0, bytes(4), dst) + body)
    if not ip_output(vnet, m, ROUTER_ALERT if igmp.sendra else None, None, 0, _Moptions(ifp)):
        igmp.stat.snd_reports += 1
