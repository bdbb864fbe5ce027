"""ARP for IPv4: resolving, answering, ageing (arp(4), netinet/if_ether.c).

An entry is INCOMPLETE while the answer is awaited (packets wait in it), REACHABLE once it came, VERIFY in the last seconds of
its life, when it is asked for again if somebody used it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EADDRNOTAVAIL, EHOSTDOWN, EHOSTUNREACH, EINVAL
from vshell.abi.inet_stats import Arpstat
from vshell.abi.socket import AF_INET
from vshell.abi.sockio import IFF_NOARP, IFF_STATICARP, IFF_STICKYARP, IFF_UP, IFT_BRIDGE
from vshell.kernel.kern.clock import NS
from vshell.kernel.kern.module import SI_ORDER_SECOND, SI_SUB_PROTO_DOMAIN, KernelModule, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.net import if_ethersubr
from vshell.kernel.net.drops import drop
from vshell.kernel.net.if_ethersubr import ether_output_finished, resolvers
from vshell.kernel.net.ifnet import iflladdr_event
from vshell.kernel.net.mbuf import M_BCAST, M_MCAST, Mbuf, m_get
from vshell.kernel.net.netisr import netisr_handlers
from vshell.kernel.net.route.route_tables import fib_lookup
from vshell.kernel.net.rtmsg import lle_event
from vshell.kernel.netinet.counters import Counters
from vshell.kernel.netinet.in_rtcheck import in_lltable_rtcheck
from vshell.kernel.netinet.in_var import in_addrs, in_linklocal
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netinet.lltable import LLE_DELETED, LLE_IFADDR, LLE_PUB, LLE_STATIC, LLE_VALID, Llentry, Lltable
from vshell.wire.arp import (
    ARPHRD_ETHER,
    ARPHRD_IEEE802,
    ARPHRD_IEEE1394,
    ARPHRD_INFINIBAND,
    ARPOP_REPLY,
    ARPOP_REQUEST,
    Arp,
    arp_pack,
    arp_unpack,
)  # fmt: skip
from vshell.wire.ether import ETHERTYPE_ARP, ETHERTYPE_IP, ether_map_ip_multicast, ether_pack
from vshell.wire.ip import inet_ntoa

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netinet.in_var import InIfaddr

INCOMPLETE, REACHABLE, VERIFY = 0, 1, 2
REXMIT = 1
"""Seconds between two questions (V_arpt_rexmit)."""

LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO = 3, 4, 5, 6


class Arptab(VnetModule, sub=SI_SUB_PROTO_DOMAIN, order=SI_ORDER_SECOND):
    """ARP in one stack."""

    max_age = Sysctl("net.link.ether.inet.max_age", 1200, "ARP entry lifetime in seconds")
    maxtries = Sysctl("net.link.ether.inet.maxtries", 5, "ARP resolution attempts before returning error")
    proxyall = Sysctl("net.link.ether.inet.proxyall", 0, "Enable proxy ARP for all suitable requests")
    wait = Sysctl("net.link.ether.inet.wait", 20, "Incomplete ARP entry lifetime in seconds")
    maxhold = Sysctl("net.link.ether.inet.maxhold", 16, "Number of packets to hold per ARP entry")
    log_level = Sysctl(
        "net.link.ether.arp.log_level",
        6,
        "Minimum log(9) level for recording rate limited arp log messages. "
        "The higher will be log more (emerg=0, info=6 (default), debug=7).",
    )
    garp_rexmit_count = 0

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.stat = Counters(Arpstat)

    @sysctl_proc(
        "net.link.ether.inet.garp_rexmit_count", "Number of times to retransmit GARP packets; 0 to disable, maximum of 16"
    )
    def _garp_rexmit(self, td: Proc, new: Any) -> Any:
        if new is not None:
            self.garp_rexmit_count = min(max(new, 0), 16)
        return self.garp_rexmit_count

    @sysctl_proc("net.link.ether.arp.stats", "ARP statistics (struct arpstat, net/if_arp.h)", fmt="opaque")
    def _stats(self, td: Proc, new: Any) -> Any:
        return self.stat.sysctl(new)


class ArpGlobal(KernelModule, sub=SI_SUB_PROTO_DOMAIN):
    """What all stacks share."""

    allow_multicast = Sysctl("net.link.ether.inet.allow_multicast", 0, "accept multicast addresses")
    log_arp_permanent_modify = Sysctl(
        "net.link.ether.inet.log_arp_permanent_modify",
        1,
        "log arp replies from MACs different than the one in the permanent arp entry",
    )
    log_arp_movements = Sysctl(
        "net.link.ether.inet.log_arp_movements", 1, "log arp replies from MACs different than the one in the cache"
    )
    log_arp_wrong_iface = Sysctl("net.link.ether.inet.log_arp_wrong_iface", 1, "log arp packets arriving on the wrong interface")
    max_log_per_second = Sysctl(
        "net.link.ether.inet.max_log_per_second",
        1,
        "Maximum number of remotely triggered ARP messages that can be logged per second",
    )

    def __init__(self, kernel: Any) -> None:
        super().__init__(kernel)
        self.log_second = -1
        self.logged = 0


def _uptime(ifp: Ifnet) -> int:
    return ifp.kernel.clock.now // NS


def arp_log(ifp: Ifnet, level: int, text: str) -> None:
    """ARP_LOG: a message for the kernel's log, so many per second."""
    shared = ifp.kernel[ArpGlobal]
    if level > ifp.vnet[Arptab].log_level:
        return
    second = _uptime(ifp)
    if second != shared.log_second:
        shared.log_second, shared.logged = second, 0
    shared.logged += 1
    if shared.logged <= shared.max_log_per_second:
        ifp.kernel.log(level, f"arp: {text}")


def _mac(lladdr: bytes) -> str:
    return ":".join(f"{b:02x}" for b in lladdr)


def lltable_of(ifp: Ifnet) -> Lltable | None:
    """LLTABLE(ifp) of IPv4; None while the interface is in no stack."""
    info = ifp.afdata.get(AF_INET)
    return None if info is None else info.lltable


# asking ---------------------------------------------------------------------------------------------------------
def arprequest(ifp: Ifnet, sip: bytes | None, tip: bytes, enaddr: bytes | None = None) -> int:
    """Broadcast a question for `tip`; `sip` None chooses the sender among the interface's addresses."""
    if sip is None:
        for ia in in_addrs(ifp):
            sip = ia.addr
            if ia.covers(tip):
                break
        if sip is None:
            return EADDRNOTAVAIL
    sha = ifp.lladdr if enaddr is None else enaddr
    stat = ifp.vnet[Arptab].stat
    packet = arp_pack(ARPOP_REQUEST, sha, sip, bytes(len(sha)), tip)
    m = m_get(packet)
    m.flags |= M_BCAST
    error = arp_send(ifp, m, ifp.broadcastaddr or b"\xff" * 6)
    stat.txrequests += 1
    if error:
        stat.txerrors += 1
    return error


def arp_send(ifp: Ifnet, m: Mbuf, dst: bytes) -> int:
    """Frame an ARP packet and hand it to the link."""
    m.prepend(ether_pack(dst, ifp.lladdr, ETHERTYPE_ARP))
    return ether_output_finished(ifp, m)


def arpresolve(ifp: Ifnet, is_gw: bool, m: Mbuf | None, dst: bytes) -> bytes | int:
    """The link-level address for a next hop, or an errno: 0 if the packet is held until the answer comes."""
    if m is not None:
        if m.flags & M_BCAST:
            return ifp.broadcastaddr
        if m.flags & M_MCAST:
            return ether_map_ip_multicast(dst)
    info = ifp.afdata.get(AF_INET)
    if info is None:
        return EINVAL
    lle = info.lltable.entries.get(dst)
    if lle is not None and lle.flags & LLE_VALID:
        if lle.skip_req:
            lle_mark_used(lle)
        return lle.lladdr  # type: ignore[no-any-return]
    return arpresolve_full(ifp, is_gw, m, dst, info.lltable, lle)


def arpresolve_full(ifp: Ifnet, is_gw: bool, m: Mbuf | None, dst: bytes, table: Lltable, lle: Llentry | None) -> int:
    """Hold the packet and ask, at most once a second."""
    if lle is None:
        if ifp.flags & (IFF_NOARP | IFF_STATICARP) or in_lltable_rtcheck(ifp, dst):
            if m is not None:
                drop(ifp, m, "arpresolve", "no ARP for the next hop on this interface")
            return EINVAL
        lle = Llentry(table, dst)
        lle.expire = _uptime(ifp)
        table.link(lle)
    arp = ifp.vnet[Arptab]
    now = _uptime(ifp)
    renew = lle.asked == 0 or lle.expire != now
    if m is not None:
        while lle.hold and len(lle.hold) >= arp.maxhold:
            drop(ifp, lle.hold[0], "arpresolve", "too many packets wait for the neighbour's address")
            del lle.hold[0]
            arp.stat.dropped += 1
        lle.hold.append(m)
    error = 0
    if lle.asked >= arp.maxtries:
        error = EHOSTUNREACH if is_gw else EHOSTDOWN
    if renew:
        lle.expire = now
        _arm(lle, ifp, arp.wait)
        lle.asked += 1
        if failed := arprequest(ifp, None, dst):
            return failed
    return error


def lle_mark_used(lle: Llentry) -> None:
    """llentry_mark_used: the data path answers the question whether the entry is in use."""
    lle.skip_req = False
    assert lle.table is not None
    lle.hittime = _uptime(lle.table.ifp) or 1


def _arm(lle: Llentry, ifp: Ifnet, seconds: int) -> None:
    if lle.timer is None:
        lle.timer = ifp.kernel.clock.callout()
    lle.timer.reset(seconds * NS, arptimer, lle)


def arptimer(lle: Llentry) -> None:
    """An entry's time has come: verify it if it is used, else remove it."""
    table = lle.table
    if lle.flags & LLE_STATIC or table is None:
        return
    ifp = table.ifp
    if lle.state == REACHABLE:
        lle.skip_req, lle.hittime = True, 0
        lle.state = VERIFY
        _arm(lle, ifp, REXMIT)
        return
    if lle.state == VERIFY:
        if lle.hittime > 0 and lle.preempt > 0:
            lle.preempt -= 1
            _arm(lle, ifp, REXMIT)
            arprequest(ifp, None, lle.addr)
            return
        if lle.expire > _uptime(ifp):
            _arm(lle, ifp, REXMIT)
            return
    if lle.flags & LLE_VALID:
        lle_event(False, ifp, lle.addr, lle.lladdr)
    lle_free(ifp, lle)
    ifp.vnet[Arptab].stat.timeouts += 1


def lle_free(ifp: Ifnet, lle: Llentry) -> None:
    """Take an entry out of its table; what waited in it is lost."""
    if lle.table is not None:
        lle.table.unlink(lle)
    if lle.hold:
        ifp.vnet[Arptab].stat.dropped += len(lle.hold)
        for m in lle.hold:
            drop(ifp, m, "arptimer", "nobody answered ARP requests for the next hop")
        lle.hold.clear()


# answering ------------------------------------------------------------------------------------------------------
_HARDWARE = {ARPHRD_ETHER: ("ethernet", 6), ARPHRD_IEEE802: ("ieee802", 6), ARPHRD_INFINIBAND: ("infiniband", 20)}


def arpintr(ifp: Ifnet, m: Mbuf) -> None:
    """An ARP packet came in."""
    ah = arp_unpack(m.data, m.off)
    if ah is None:
        arp_log(ifp, LOG_NOTICE, f"short packet received on {ifp.xname}")
        return
    layer, hlen = _HARDWARE.get(ah.hrd, ("", 0))
    if not layer and ah.hrd != ARPHRD_IEEE1394:
        arp_log(ifp, LOG_NOTICE, f"packet with unknown hardware format 0x{ah.hrd:02d} received on {ifp.xname}")
        return
    if hlen and hlen != len(ah.sha):
        arp_log(ifp, LOG_NOTICE, f"packet with invalid {layer} address length {len(ah.sha)} received on {ifp.xname}")
        return
    ifp.vnet[Arptab].stat.received += 1
    if ah.pro == ETHERTYPE_IP:
        in_arpinput(ifp, ah)


def _match(ifp: Ifnet, ah: Arp) -> tuple[Ifnet, InIfaddr | None, bytes]:
    """The address a packet is about, the interface it belongs to, and the link-level address to answer with."""
    inet = ifp.vnet[Ip]
    bridge = ifp.bridge

    def ours(ia: InIfaddr) -> bool:
        return ia.ifp is ifp or (bridge is not None and ia.ifp.bridge is bridge)

    for ia in inet.inaddr_hash.get(ah.tpa, ()):
        if ours(ia):
            if ia.carp is None:
                return ifp, ia, ifp.lladdr
            if carped := ia.carp.iamatch():
                return ifp, ia, carped
    for ia in inet.inaddr_hash.get(ah.spa, ()):
        if ours(ia):
            return ifp, ia, ifp.lladdr
    if ifp.type == IFT_BRIDGE:
        # The bridge may share its address with a member to which the packet is really addressed.
        for ia in inet.inaddr_hash.get(ah.tpa, ()):
            if ia.ifp.bridge is not None and ia.ifp.bridge is ifp and ia.ifp.lladdr == ifp.lladdr:
                return ia.ifp, ia, ia.ifp.lladdr
    for ia in in_addrs(ifp):
        if ia.carp is None or ia.carp.iamatch():
            return ifp, ia, ifp.lladdr
    if bridge is not None and inet.in_ifaddrhead:
        return ifp, inet.in_ifaddrhead[0], ifp.lladdr
    return ifp, None, b""


def in_arpinput(ifp: Ifnet, ah: Arp) -> None:
    """Learn from a packet, answer it if it asks for us (RFC 826)."""
    arp = ifp.vnet[Arptab]
    shared = ifp.kernel[ArpGlobal]
    if len(ah.spa) != 4:
        arp_log(ifp, LOG_NOTICE, "requested protocol length != 4")
        return
    if not shared.allow_multicast and ah.sha[0] & 1:
        arp_log(ifp, LOG_NOTICE, f"{_mac(ah.sha)} is multicast")
        return
    if ah.op == ARPOP_REPLY:
        arp.stat.rxreplies += 1
    bridged = ifp.bridge is not None
    ifp, ia, enaddr = _match(ifp, ah)
    if ia is None or ah.sha == enaddr:
        return
    if ah.sha == ifp.broadcastaddr:
        arp_log(ifp, LOG_NOTICE, f"link address is broadcast for IP address {inet_ntoa(ah.spa)}!")
        return
    if len(ah.sha) != ifp.addrlen:
        arp_log(ifp, LOG_WARNING, f"from {_mac(ah.sha)}: addr len: new {len(ah.sha)}, i/f {ifp.addrlen} (ignored)")
        return
    target = ah.tpa
    if not bridged and ia.carp is None and ah.spa == ia.addr and ia.addr != b"\0\0\0\0":
        arp_log(ifp, LOG_ERR, f"{_mac(ah.sha)} is using my IP address {inet_ntoa(ah.spa)} on {ifp.xname}!")
        target = ia.addr
        arp.stat.dupips += 1
    elif not ifp.flags & IFF_STATICARP:
        _learn(ifp, ah, ia, bridged)
    if ah.op == ARPOP_REQUEST:
        arp.stat.rxrequests += 1
        _answer(ifp, ah, ia, target, enaddr)


def _learn(ifp: Ifnet, ah: Arp, ia: InIfaddr, bridged: bool) -> None:
    table = lltable_of(ifp)
    if table is None:
        return
    lle = table.entries.get(ah.spa)
    if lle is not None:
        arp_check_update_lle(ifp, ah, lle)
    elif ah.tpa == ia.addr and not in_lltable_rtcheck(ifp, ah.spa):
        lle = Llentry(table, ah.spa)
        _set_addr(lle, ah.sha)
        table.link(lle)
        arp_mark_lle_reachable(ifp, lle)


def _set_addr(lle: Llentry, lladdr: bytes) -> None:
    lle.lladdr = lladdr
    lle.flags |= LLE_VALID


def arp_check_update_lle(ifp: Ifnet, ah: Arp, lle: Llentry) -> None:
    """Compare what a packet says with what is known, and take it over."""
    shared = ifp.kernel[ArpGlobal]
    if lle.flags & LLE_VALID and ah.sha != lle.lladdr:
        if lle.flags & LLE_STATIC:
            if shared.log_arp_permanent_modify:
                where = f"{inet_ntoa(ah.spa)} on {ifp.xname}"
                arp_log(ifp, LOG_ERR, f"{_mac(ah.sha)} attempts to modify permanent entry for {where}")
            return
        if shared.log_arp_movements:
            moved = f"{inet_ntoa(ah.spa)} moved from {_mac(lle.lladdr)} to {_mac(ah.sha)} on {ifp.xname}"
            arp_log(ifp, LOG_INFO, moved)
    if lle.lladdr != ah.sha or not lle.flags & LLE_VALID:
        _set_addr(lle, ah.sha)
        lle_mark_used(lle)
    arp_mark_lle_reachable(ifp, lle)
    if lle.hold:
        held, lle.hold = lle.hold, []
        for m in held:
            ifp.output(m, AF_INET, lle.addr)


def arp_mark_lle_reachable(ifp: Ifnet, lle: Llentry) -> None:
    """The neighbour is known from now on."""
    arp = ifp.vnet[Arptab]
    lle.state = REACHABLE
    lle_event(True, ifp, lle.addr, lle.lladdr)
    if ifp.flags & IFF_STICKYARP:
        lle.flags |= LLE_STATIC
    if not lle.flags & LLE_STATIC:
        lle.expire = _uptime(ifp) + arp.max_age
        wait = arp.max_age - arp.maxtries * REXMIT
        _arm(lle, ifp, arp.max_age if wait < 0 else wait)
    lle.asked = 0
    lle.preempt = arp.maxtries


def _answer(ifp: Ifnet, ah: Arp, ia: InIfaddr, target: bytes, enaddr: bytes) -> None:
    sha = enaddr
    if target != ia.addr:
        table = lltable_of(ifp)
        lle = table.entries.get(target) if table is not None else None
        if lle is not None and lle.flags & LLE_PUB:
            sha = lle.lladdr
        elif not _proxyall(ifp, ah, target):
            return
    m = m_get(arp_pack(ARPOP_REPLY, sha, target, ah.sha, ah.spa, ah.hrd))
    dst = ah.sha
    if target == ia.addr and in_linklocal(target):
        m.flags |= M_BCAST  # RFC 3927: always by broadcast
        dst = ifp.broadcastaddr
    arp_send(ifp, m, dst)
    ifp.vnet[Arptab].stat.txreplies += 1


def _proxyall(ifp: Ifnet, ah: Arp, target: bytes) -> bool:
    """net.link.ether.inet.proxyall: answer for whom a route leads to elsewhere."""
    if not ifp.vnet[Arptab].proxyall:
        return False
    nh = fib_lookup(ifp.vnet, AF_INET, target, ifp.fib)
    if nh is None or nh.ifp is ifp:
        return False
    nh = fib_lookup(ifp.vnet, AF_INET, ah.spa, ifp.fib)
    if nh is None:
        return False
    if nh.ifp is not ifp:
        arp_log(ifp, LOG_INFO, f"proxy: ignoring request from {inet_ntoa(ah.spa)} via {ifp.xname}")
        return False
    return True


# addresses of one's own -----------------------------------------------------------------------------------------
def arp_ifinit(ifp: Ifnet, ia: InIfaddr) -> None:
    """An address was put on the interface: announce it and make its permanent entry."""
    if ia.carp is not None or ia.addr == b"\0\0\0\0":
        return
    arprequest(ifp, ia.addr, ia.addr)
    if ifp.vnet[Arptab].garp_rexmit_count > 0:
        ia.garp_count = 0
        ia.garp_timer = ia.garp_timer or ifp.kernel.clock.callout()
        ia.garp_timer.reset(NS, garp_rexmit, ia)
    arp_add_ifa_lle(ifp, ia)


def garp_rexmit(ia: InIfaddr) -> None:
    """Announce again, with ever longer pauses."""
    arprequest(ia.ifp, ia.addr, ia.addr)
    ia.garp_count += 1
    if ia.garp_count < ia.ifp.vnet[Arptab].garp_rexmit_count and ia.garp_timer is not None:
        ia.garp_timer.reset((1 << ia.garp_count) * NS, garp_rexmit, ia)


def arp_add_ifa_lle(ifp: Ifnet, ia: InIfaddr) -> None:
    """The permanent entry of an address of one's own; replaces any other."""
    table = lltable_of(ifp)
    if table is None:
        return
    old = table.entries.get(ia.addr)
    if old is not None:
        lle_free(ifp, old)
    lle = Llentry(table, ia.addr, LLE_IFADDR | LLE_STATIC)
    _set_addr(lle, ifp.lladdr)
    table.link(lle)
    lle_event(True, ifp, lle.addr, lle.lladdr)


def arp_iflladdr(ifp: Ifnet) -> None:
    """The link-level address changed: tell the neighbours."""
    table = lltable_of(ifp)
    if table is None:
        return
    for lle in table:
        if lle.flags & LLE_IFADDR:
            lle.lladdr = ifp.lladdr
    if ifp.flags & IFF_UP:
        for ia in in_addrs(ifp):
            arp_ifinit(ifp, ia)


def lltable_prefix_free(vnet: Vnet, addr: bytes, mask: int, static: bool) -> None:
    """Remove the entries of a subnet on every interface; permanent ones only with `static`."""
    want = int.from_bytes(addr, "big") & mask
    for ifp in vnet.ifnets:
        table = lltable_of(ifp)
        for lle in table or ():
            if int.from_bytes(lle.addr, "big") & mask != want:
                continue
            if lle.flags & LLE_IFADDR:
                if not static or lle.addr != addr:
                    continue
            elif lle.flags & LLE_STATIC and not static:
                continue
            lle_free(ifp, lle)


def lltable_free(ifp: Ifnet, table: Lltable) -> None:
    """The interface leaves: every entry goes."""
    for lle in table:
        table.unlink(lle)
        lle.flags |= LLE_DELETED
        lle.hold.clear()


netisr_handlers[ETHERTYPE_ARP] = arpintr
resolvers[AF_INET] = arpresolve
if_ethersubr.arp_ifinit.append(arp_ifinit)  # type: ignore[arg-type]  # an IPv4 address is an InIfaddr
iflladdr_event.append(arp_iflladdr)
