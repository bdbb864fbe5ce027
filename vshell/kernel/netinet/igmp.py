"""IGMP, as far as hosts need it: reports are counted, queries heard (igmp(4), netinet/igmp.c).

DIFFERS: no report is sent when a group is joined; nothing here listens to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.inet_stats import Igmpstat
from vshell.abi.socket import IPPROTO_IGMP
from vshell.kernel.kern.module import SI_SUB_PROTO_DOMAIN, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.netinet.counters import Counters
from vshell.kernel.netinet.in_proto import IPPROTO_ANY, ip_protox
from vshell.wire.cksum import in_cksum

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

IGMP_HOST_MEMBERSHIP_QUERY, IGMP_V1_REPORT, IGMP_V2_REPORT, IGMP_LEAVE, IGMP_V3_REPORT = 0x11, 0x12, 0x16, 0x17, 0x22


class Igmp(VnetModule, sub=SI_SUB_PROTO_DOMAIN):
    """IGMP in one stack."""

    gsrdelay = Sysctl("net.inet.igmp.gsrdelay", 10, "Rate limit for IGMPv3 Group-and-Source queries in seconds")
    default_version = Sysctl("net.inet.igmp.default_version", 3, "Default version of IGMP to run on each interface")
    legacysupp = Sysctl("net.inet.igmp.legacysupp", 0, "Allow v1/v2 reports to suppress v3 group responses")
    v2enable = Sysctl("net.inet.igmp.v2enable", 1, "Enable backwards compatibility with IGMPv2")
    v1enable = Sysctl("net.inet.igmp.v1enable", 1, "Enable backwards compatibility with IGMPv1")
    sendlocal = Sysctl("net.inet.igmp.sendlocal", 1, "Send IGMP membership reports for 224.0.0.0/24 groups")
    sendra = Sysctl("net.inet.igmp.sendra", 1, "Send IP Router Alert option in IGMPv2/v3 messages")
    recvifkludge = Sysctl("net.inet.igmp.recvifkludge", 1, "Rewrite IGMPv1/v2 reports from 0.0.0.0 to contain subnet address")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.stat = Counters(Igmpstat)

    @sysctl_proc("net.inet.igmp.stats", "IGMP statistics (struct igmpstat, netinet/igmp_var.h)", fmt="opaque")
    def _stats(self, td: Proc, new: Any) -> Any:
        return self.stat.sysctl(new)


def igmp_input(ifp: Ifnet, m: Mbuf, hlen: int, proto: int) -> None:
    """Count a message and hand it to raw sockets."""
    stat = ifp.vnet[Igmp].stat
    stat.rcv_total += 1
    body = m.data[m.off + hlen :]
    if len(body) < 8:
        stat.rcv_tooshort += 1
        return
    if in_cksum(body):
        stat.rcv_badsum += 1
        return
    if body[0] != IGMP_V1_REPORT and m.data[m.off + 8] != 1:
        stat.rcv_badttl += 1
        return
    if body[0] == IGMP_HOST_MEMBERSHIP_QUERY:
        if len(body) >= 12:
            stat.rcv_v3_queries += 1
        else:
            stat.rcv_v1v2_queries += 1
        if any(body[4:8]):
            stat.rcv_group_queries += 1
        else:
            stat.rcv_gen_queries += 1
    elif body[0] in (IGMP_V1_REPORT, IGMP_V2_REPORT):
        stat.rcv_reports += 1
    ip_protox[IPPROTO_ANY](ifp, m, hlen, proto)


ip_protox[IPPROTO_IGMP] = igmp_input
