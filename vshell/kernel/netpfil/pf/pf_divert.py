"""Packets leave the usual way: route-to and the like, dummynet(4), divert(4) (pf_route, pf_dummynet of netpfil/pf/pf.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.socket import AF_INET
from vshell.abi.sockio import IFF_LOOPBACK
from vshell.kernel.net.mbuf import M_SKIP_FIREWALL
from vshell.kernel.net.pfil import PFIL_CONSUMED, PFIL_DROPPED, PFIL_PASS
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet.ip_icmp import icmp_error
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netpfil.pf.pf_pdesc import Pdesc, fix
from vshell.wire.icmp import ICMP_TIMXCEED, ICMP_TIMXCEED_INTRANS

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.netpfil.pf.pf_ruleset import Krule
    from vshell.kernel.netpfil.pf.pf_state import State


def divert(pd: Pdesc, port: int) -> None:
    """To a divert(4) socket."""
    from vshell.kernel.netinet.ip_divert import Divert

    module = pd.pf.vnet.get(Divert)
    if module is not None:
        module.packet(pd.m, port, 0, pd.dir == P.PF_IN)


def dummynet(pd: Pdesc, s: State | None, r: Krule) -> int:
    """pf_dummynet: through a pipe or queue, if the rule has one for this direction."""
    act = pd.act
    if not (act.dnpipe or act.dnrpipe):
        return PFIL_PASS
    io = pd.pf.vnet[Ip].dummynet_io
    if io is None:
        pd.pf.why = "denied by pf: dummynet is not loaded"
        return PFIL_DROPPED
    direction = r.direction or (s.direction if s is not None else pd.dir)
    number = act.dnpipe if pd.dir == direction else act.dnrpipe
    tags = pd.m.tags = dict(pd.m.tags or {})
    if not number or "pf_dummyneted" in tags:
        return PFIL_PASS
    from vshell.kernel.netpfil.ipfw.ip_dummynet_args import DnArgs

    tags["pf_dummynet"] = tags["pf_dummyneted"] = True
    pipe = bool(r.free_flags & P.PFRULE_DN_IS_PIPE or act.flags & P.PFSTATE_DN_IS_PIPE)
    six = pd.af != AF_INET
    flow = (six, int.from_bytes(pd.dst, "big"), int.from_bytes(pd.src, "big"), pd.dport, pd.sport, pd.proto, number, 0)
    if not io(pd.m, DnArgs(number, pipe, pd.dir == P.PF_IN, pd.ifp, flow, None, ip6=six)):
        return PFIL_CONSUMED
    tags.pop("pf_dummynet", None)
    return PFIL_PASS


def _target(pd: Pdesc) -> Ifnet | None:
    act = pd.act
    if act.rt_ifname:
        return next((ifp for ifp in pd.pf.vnet.ifnets if ifp.xname == act.rt_ifname), None)
    nh = fib_lookup(pd.pf.vnet, pd.af, act.rt_addr, pd.m.fib)
    return nh.ifp if nh is not None else None


def route(pd: Pdesc, s: State | None, r: Krule) -> int:
    """pf_route, pf_route6."""
    act, m, data = pd.act, pd.m, pd.m.data
    direction = s.direction if s is not None else r.direction
    if act.rt != P.PF_DUPTO and (act.rt == P.PF_REPLYTO) == (direction == pd.dir):
        return dummynet(pd, s, r)
    tags = m.tags = dict(m.tags or {})
    tags["pf_routed"] = tags.get("pf_routed", 0) + 1
    ifp = _target(pd)
    duplicate = act.rt == P.PF_DUPTO
    if tags["pf_routed"] > 4 or ifp is None:
        return PFIL_PASS if duplicate else _lost(pd)
    if duplicate:
        if "pf_duplicated" in tags:
            return PFIL_PASS if ifp is pd.ifp else _lost(pd)
        tags["pf_duplicated"] = True
        m = m.copy()
        data = m.data
    if pd.dir == P.PF_IN:
        if not _hop(pd, m, data):
            return PFIL_CONSUMED
        if not duplicate:
            from vshell.kernel.netpfil.pf.pf_filter import Filter

            verdict = Filter(pd.pf).test(m, ifp, pd.af, P.PF_OUT, pd.inp)
            if verdict != PFIL_PASS:
                return verdict
    if ifp.flags & IFF_LOOPBACK:
        m.flags |= M_SKIP_FIREWALL
    ifp.output(m, pd.af, act.rt_addr)
    return PFIL_PASS if duplicate else PFIL_CONSUMED


def _lost(pd: Pdesc) -> int:
    pd.pf.why = "dropped by pf: nowhere to send it"
    return PFIL_DROPPED


def _hop(pd: Pdesc, m: Pdesc | object, data: bytearray) -> bool:
    """One hop less; False if that was the last one."""
    off = pd.m.off
    at = off + (8 if pd.af == AF_INET else 7)
    if data[at] <= 1:
        if pd.af == AF_INET:
            icmp_error(pd.pf.vnet, pd.m.copy(), ICMP_TIMXCEED, ICMP_TIMXCEED_INTRANS)
        return False
    old = bytes(data[at : at + 2])
    data[at] -= 1
    if pd.af == AF_INET:
        fix(data, off + 10, old, bytes(data[at : at + 2]))
    return True
