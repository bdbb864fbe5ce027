"""What an interface has counted of IPv6 and ICMPv6 (in6_ifstat_inc, icmp6_ifstat_inc; netinet6/in6_var.h, netinet/icmp6.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EPFNOSUPPORT, KError
from vshell.abi.in6 import SIOCGIFSTAT_ICMP6, SIOCGIFSTAT_IN6
from vshell.abi.socket import IPPROTO_HOPOPTS, IPPROTO_ICMPV6
from vshell.kernel.net.ifioctl import ifrequest
from vshell.kernel.netinet6.in6_var import In6Ifextra, ext6
from vshell.wire.ip6 import IP6_HLEN, is_multicast

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf

_KINDS = {
    1: "dstunreach", 2: "pkttoobig", 3: "timeexceed", 4: "paramprob", 128: "echo", 129: "echoreply", 130: "mldquery",
    131: "mldreport", 132: "mlddone", 133: "routersolicit", 134: "routeradvert", 135: "neighborsolicit", 136: "neighboradvert",
    137: "redirect", 143: "mldreport",
}  # fmt: skip


def icmp6_ifstat_inc(ifp: Ifnet, way: str, kind: int, code: int) -> None:
    """Count an ICMPv6 message that came "in" or goes "out"."""
    extra = ext6(ifp)
    if extra is None:
        return
    counts = extra.icmp6_ifstat
    counts[f"{way}_msg"] += 1
    if kind < 128:
        counts[f"{way}_error"] += 1
    if kind in _KINDS:
        counts[f"{way}_{_KINDS[kind]}"] += 1
    if kind == 1 and code == 1:
        counts[f"{way}_adminprohib"] += 1


def in6_ifstat_out(ifp: Ifnet, m: Mbuf, dst: bytes) -> None:
    """Count a packet of ours that is about to leave."""
    extra = ext6(ifp)
    if extra is None:
        return
    extra.ifstat["out_request"] += 1
    if is_multicast(dst):
        extra.ifstat["out_mcast"] += 1
    at, nxt = m.off + IP6_HLEN, m.data[m.off + 6]
    if nxt == IPPROTO_HOPOPTS and len(m.data) > at + 1:
        nxt, at = m.data[at], at + (m.data[at + 1] + 1) * 8
    if nxt == IPPROTO_ICMPV6 and len(m.data) > at + 1:
        icmp6_ifstat_inc(ifp, "out", m.data[at], m.data[at + 1])


def _extra(ifp: Ifnet) -> In6Ifextra:
    extra = ext6(ifp)
    if extra is None:
        raise KError(EPFNOSUPPORT)
    return extra


@ifrequest(SIOCGIFSTAT_IN6)
def in6_ifstat(ifp: Ifnet, _req: SIOCGIFSTAT_IN6, _td: Proc) -> tuple[tuple[str, int], ...]:
    """The counters of IPv6."""
    return tuple(_extra(ifp).ifstat.items())


@ifrequest(SIOCGIFSTAT_ICMP6)
def icmp6_ifstat(ifp: Ifnet, _req: SIOCGIFSTAT_ICMP6, _td: Proc) -> tuple[tuple[str, int], ...]:
    """The counters of ICMPv6."""
    return tuple(_extra(ifp).icmp6_ifstat.items())
