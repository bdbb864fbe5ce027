"""Does a rule match a packet? (pf_match_rule and PF_MISMATCHAW, netpfil/pf/pf.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vshell.abi import pf as P
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.abi.sockio import IFF_LOOPBACK
from vshell.kernel.net.route.nhop import NHF_BLACKHOLE, NHF_REJECT
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.netinet.tcp_var import Tcp
from vshell.kernel.netinet.udp_usrreq import Udp
from vshell.kernel.netpfil.pf.pf_osfp import osfp_match
from vshell.kernel.netpfil.pf.pf_pdesc import FRAGMENT, ICMP, ICMPV6, SCTP, TCP, UDP

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Ucred
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.netpfil.pf.pf_pdesc import Pdesc
    from vshell.kernel.netpfil.pf.pf_ruleset import Krule, Side
    from vshell.kernel.netpfil.pf.pf_test import Test

NS = 1_000_000_000


def match_port(op: int, a: int, b: int, port: int) -> bool:
    """pf_match_port, pf_match."""
    if op == P.PF_OP_EQ:
        return port == a
    if op == P.PF_OP_RRG:
        return a <= port <= b
    if op == P.PF_OP_IRG:
        return a < port < b
    if op == P.PF_OP_XRG:
        return port < a or port > b
    if op == P.PF_OP_NE:
        return port != a
    if op == P.PF_OP_LT:
        return port < a
    if op == P.PF_OP_LE:
        return port <= a
    return port > a if op == P.PF_OP_GT else port >= a


def match_id(op: int, a: int, b: int, number: int) -> bool:
    """pf_match_uid: nobody has only the operators = and !=."""
    if number == -1 and op not in (P.PF_OP_EQ, P.PF_OP_NE):
        return False
    return match_port(op, a, b, number)


def routable(pd: Pdesc, addr: bytes, ifp: Ifnet | None) -> bool:
    """pf_routable: is there a route (through an interface, if one is given)?"""
    af = AF_INET if len(addr) == 4 else AF_INET6
    if af == AF_INET6 and addr[0] == 0xFE and addr[1] & 0xC0 == 0x80:
        return True
    if ifp is not None and ifp.flags & IFF_LOOPBACK:
        return True
    nh = fib_lookup(pd.pf.vnet, af, addr, pd.m.fib)
    if nh is None or nh.flags & (NHF_REJECT | NHF_BLACKHOLE):
        return False
    return ifp is None or nh.ifp is ifp


def mismatch(pd: Pdesc, side: Side, addr: bytes, source: bool) -> bool:
    """PF_MISMATCHAW; reverse paths are looked at for sources only."""
    kind = side.type
    if kind == P.PF_ADDR_ADDRMASK:
        if side.any:
            return side.neg
        wrong = (int.from_bytes(addr, "big") & side.mask) != side.low
    elif kind == P.PF_ADDR_TABLE:
        af = AF_INET if len(addr) == 4 else AF_INET6
        wrong = side.table is None or not side.table.match(af, int.from_bytes(addr, "big"))
    elif kind == P.PF_ADDR_DYNIFTL:
        af = AF_INET if len(addr) == 4 else AF_INET6
        number = int.from_bytes(addr, "big")
        wrong = not any(number & mask == low for low, mask in pd.pf.kifs.dynaddrs(side.addr, af))
    elif kind == P.PF_ADDR_RANGE:
        wrong = not side.addr.addr[: len(addr)] <= addr <= side.addr.mask[: len(addr)]
    elif kind == P.PF_ADDR_NOROUTE:
        wrong = routable(pd, addr, None)
    else:
        wrong = source and routable(pd, addr, pd.ifp)
    return wrong != side.neg


def socket_ids(pd: Pdesc) -> tuple[int, int]:
    """pf_socket_lookup: user and group of the socket here that sends or gets the packet, -1 if there is none."""
    if pd.lookup is None:
        pd.lookup = (-1, -1)
        owner = _owner(pd)
        if owner is not None:
            pd.lookup = (owner.uid, owner.gid)
    return pd.lookup


def _owner(pd: Pdesc) -> Ucred | None:
    inp = pd.inp
    if inp is None and pd.virtual_proto in (TCP, UDP):
        vnet = pd.pf.vnet
        info = vnet[Tcp].info if pd.virtual_proto == TCP else vnet[Udp].info
        if pd.dir == P.PF_OUT:
            inp = info.lookup(pd.dst, pd.dport, pd.src, pd.sport)
        else:
            inp = info.lookup(pd.src, pd.sport, pd.dst, pd.dport)
    return inp.cred if inp is not None else None


def over_rate(r: Krule, now: int) -> bool:
    """pf_check_threshold of max-pkt-rate: True while it is not exceeded, since only then the rule does not match."""
    limit, seconds = r.pktrate
    t = now // NS
    diff = t - r.rate_last
    if diff >= seconds:
        r.rate_count = 0
    else:
        r.rate_count -= r.rate_count * diff // max(1, seconds)
    r.rate_count += 1000
    r.rate_last = t
    return bool(r.rate_count > limit * 1000)


def upper_mismatch(t: Test, r: Krule) -> int | None:
    """The tests behind the addresses: a skip step (6, 7), -1 to go to the next rule, None if all is well."""
    pd = t.pd
    proto = pd.virtual_proto
    if proto == FRAGMENT:
        bad = r.src.op or r.dst.op or (pd.proto == TCP and r.flagset) or r.type or r.code or r.gid[2] or r.uid[2]
        return -1 if bad else None
    if proto == TCP and r.flagset & pd.flags != r.flags:
        return -1
    if proto in (TCP, UDP, SCTP):
        if r.src.op and not match_port(r.src.op, r.src.port0, r.src.port1, pd.nsport):
            return 6
        if r.dst.op and not match_port(r.dst.op, r.dst.port0, r.dst.port1, pd.ndport):
            return 7
        wanted = ((r.uid, 0), (r.gid, 1))
        return -1 if any(op and not match_id(op, a, b, socket_ids(pd)[at]) for (a, b, op), at in wanted) else None
    if proto in (ICMP, ICMPV6) and ((r.type and r.type != pd.icmptype + 1) or (r.code and r.code != pd.icmpcode + 1)):
        return -1
    return None


def other_mismatch(t: Test, r: Krule) -> bool:
    """The rest of the tests."""
    pd = t.pd
    if r.tos and r.tos != pd.tos:
        return True
    if r.prio and ((pd.m.tags or {}).get("pcp_in", -1) != (0 if r.prio == P.PF_PRIO_ZERO else r.prio)):
        return True
    if r.prob and r.prob <= t.pf.vnet.kernel.random.arc4random():
        return True
    if r.match_tagname and (t.current_tag() == r.match_tagname) == r.match_tag_not:
        return True
    if r.rcv_ifname:
        rcvif = pd.m.rcvif
        if (rcvif is not None and t.kif_match(r.rcv_ifname, rcvif)) == r.rcvifnot:
            return True
    if r.rule_flag & P.PFRULE_FRAGMENT and pd.virtual_proto != FRAGMENT:
        return True
    if r.os_fingerprint and (pd.virtual_proto != TCP or not osfp_match(t.pf.fingerprints, pd, r.os_fingerprint)):
        return True
    return bool(r.pktrate[0]) and over_rate(r, t.pf.vnet.kernel.clock.now)
