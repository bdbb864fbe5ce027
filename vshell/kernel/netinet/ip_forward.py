"""The long way of forwarding: packets with options, and what firewalls send on (ip_forward of netinet/ip_input.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi.errno import EACCES, EMSGSIZE, ENOBUFS
from vshell.abi.socket import AF_INET
from vshell.kernel.net.drops import drop
from vshell.kernel.net.mbuf import M_BCAST, M_MCAST, M_SPLIT, Mbuf
from vshell.kernel.net.route.nhop import NHF_BLACKHOLE, NHF_BROADCAST, NHF_DEFAULT, NHF_GATEWAY, NHF_REDIRECT, NHF_REJECT, Nhop
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet.in_var import in_canforward
from vshell.kernel.netinet.ip_icmp import icmp_error
from vshell.kernel.netinet.ip_output import ip_output
from vshell.kernel.netinet.ip_var import IP_FORWARDING, Ip
from vshell.wire.icmp import (
    ICMP_REDIRECT,
    ICMP_REDIRECT_HOST,
    ICMP_TIMXCEED,
    ICMP_TIMXCEED_INTRANS,
    ICMP_UNREACH,
    ICMP_UNREACH_HOST,
    ICMP_UNREACH_NEEDFRAG,
)  # fmt: skip

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet

_MTUS = (65535, 32000, 17914, 8166, 4352, 2002, 1492, 1280, 1006, 508, 296, 68, 0)


def ip_next_mtu(mtu: int) -> int:
    """The next smaller plateau of RFC 1191."""
    return next((step for step in _MTUS if mtu > step), 0)


def ip_forward(ifp: Ifnet, vnet: Vnet, m: Mbuf, srcrt: bool) -> None:
    """Send a packet on; the sender hears of it if that fails.  `srcrt`: it is source routed or its target was changed."""
    ip = vnet[Ip]
    data, off = m.data, m.off
    dst = bytes(data[off + 16 : off + 20])
    if m.flags & (M_BCAST | M_MCAST) or not in_canforward(ip, dst):
        ip.stat.cantforward += 1
        drop(ifp, m, "ip_forward", "not to be forwarded: group, broadcast or special address")
        return
    if data[off + 8] <= 1:
        drop(ifp, m, "ip_forward", "time to live is used up")
        icmp_error(vnet, m, ICMP_TIMXCEED, ICMP_TIMXCEED_INTRANS)
        return
    nh = fib_lookup(vnet, AF_INET, dst, m.fib, 0, m.flowid)
    if nh is not None and nh.flags & (NHF_BLACKHOLE | NHF_BROADCAST | NHF_REJECT):
        ip.stat.cantforward += 1
        drop(ifp, m, "ip_forward", "reject route" if nh.flags & NHF_REJECT else "blackhole route or broadcast")
        if not nh.flags & (NHF_BLACKHOLE | NHF_BROADCAST):
            icmp_error(vnet, m, ICMP_UNREACH, ICMP_UNREACH_HOST)
        return
    copy = m.copy()
    copy.flags &= ~M_SPLIT
    data[off + 8] -= 1
    better = None if srcrt or nh is None else _better(ip, m, nh, dst)
    error = ip_output(vnet, m, None, nh, IP_FORWARDING)
    if not error:
        ip.stat.forward += 1
        if better is not None:
            ip.stat.redirectsent += 1
            icmp_error(vnet, copy, ICMP_REDIRECT, ICMP_REDIRECT_HOST, better)
        return
    ip.stat.cantforward += 1
    if error in (ENOBUFS, EACCES):
        return
    if error == EMSGSIZE:
        ip.stat.cantfrag += 1
        icmp_error(vnet, copy, ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG, mtu=_mtu(nh, copy))
        return
    icmp_error(vnet, copy, ICMP_UNREACH, ICMP_UNREACH_HOST)


def _better(ip: Ip, m: Mbuf, nh: Nhop, dst: bytes) -> bytes | None:
    """The gateway to name in a redirect, None if none is due."""
    ia = nh.ifa
    if not ip.redirect or ia is None or ia.ifp is not m.rcvif or nh.flags & (NHF_REDIRECT | NHF_DEFAULT):
        return None
    if ia.family != AF_INET or not ia.covers(bytes(m.data[m.off + 12 : m.off + 16])):  # type: ignore[attr-defined]
        return None
    if not nh.flags & NHF_GATEWAY:
        return dst
    return nh.gateway if nh.gateway is not None and len(nh.gateway) == 4 else None


def _mtu(nh: Nhop | None, m: Mbuf) -> int:
    if nh is None:
        return ip_next_mtu(m.data[m.off + 2] << 8 | m.data[m.off + 3])
    ifmtu: int = nh.ifa.ifp.mtu if nh.ifa is not None else nh.mtu
    return min(nh.mtu, ifmtu) if nh.mtu else ifmtu
