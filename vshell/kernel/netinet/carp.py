"""carp(4): several hosts share an address; one of them answers for it (netinet/ip_carp.c).

`ifp.carp` is a CarpIf while the interface has virtual hosts, `ia.carp` the virtual host an address belongs to.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from vshell.abi.carp import (
    CARP_NL_CMD_GET,
    CARP_NL_CMD_SET,
    CARP_VERSION_CARP,
    CARP_VERSION_VRRPV3,
    IN6ADDR_CARP_GROUP,
    INADDR_CARP_GROUP,
    CarpInfo,
    Carpstats,
)  # fmt: skip
from vshell.abi.errno import EBUSY, EINVAL, ENOENT, ENOPROTOOPT, EOPNOTSUPP, KError
from vshell.abi.socket import AF_INET, AF_INET6, IPPROTO_CARP
from vshell.abi.sockio import IFF_RENAMING, IFF_UP, IFT_BRIDGE, IFT_ETHER, IFT_L2VLAN, LINK_STATE_UP
from vshell.kernel.kern.kern_priv import PRIV_NETINET_CARP, priv_check
from vshell.kernel.kern.module import KernelModule, Kld, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.net.ifnet import Ifnet, ifnet_departure_event, ifpromisc
from vshell.kernel.net.netlink import nlrequest
from vshell.kernel.net.route.route_ifaddrs import ifa_add_loopback_route, ifa_del_loopback_route
from vshell.kernel.netinet import carp6
from vshell.kernel.netinet.carp_ad import CARP_HEADER, MINLEN, TTL, VRRP_HEADER, Moptions4, digest, send
from vshell.kernel.netinet.counters import Counters
from vshell.kernel.netinet.if_ether import arprequest
from vshell.kernel.netinet.in_ import in_addprefix, in_scrubprefix
from vshell.kernel.netinet.in_mcast import in_joingroup, in_leavegroup
from vshell.kernel.netinet.in_proto import IPPROTO_ANY, ip_protox
from vshell.kernel.netinet.in_var import in_multicast
from vshell.kernel.netinet.ip_var import Ip
from vshell.kernel.netinet6.ip6_input import ip6_protox
from vshell.kernel.netinet6.raw_ip6 import rip6_input
from vshell.wire.cksum import in_cksum, in_pseudo
from vshell.wire.ip6 import is_multicast

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netinet.in_var import InIfaddr

KLD = Kld(modules=("carp",), size=0xD000)

SECOND = 1_000_000_000
CENTISECOND = SECOND // 100
INIT, BACKUP, MASTER = range(3)
STATES = ("INIT", "BACKUP", "MASTER")
MAXSKEW = 240
SENDAD_MAX_ERRORS, SENDAD_MIN_SUCCESS = 3, 3
LOG_NOTICE, LOG_DEBUG = 5, 7


class CarpModule(VnetModule):
    """CARP in one stack."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.stat = Counters(Carpstats)
        self.demotion = 0
        self._allow = 1

    def init(self) -> None:
        """Addresses may have a virtual host."""
        self.vnet[Ip].carp_attach = _attach

    def destroy(self) -> None:
        """No address has a virtual host any more."""
        self.vnet[Ip].carp_attach = None

    @sysctl_proc("net.inet.carp.stats", "CARP statistics (struct carpstats, netinet/ip_carp.h)", fmt="opaque")
    def _stats(self, td: Any, new: Any) -> Any:
        return self.stat.sysctl(new)

    ifdown_factor = Sysctl("net.inet.carp.ifdown_demotion_factor", 240, "Interface down demotion factor adjustment", flags="wt")
    senderr_factor = Sysctl("net.inet.carp.senderr_demotion_factor", 240, "Send error demotion factor adjustment", flags="wt")

    @sysctl_proc("net.inet.carp.demotion", "Adjust demotion factor (skew of advskew)")
    def _demotion(self, td: Any, new: Any) -> int:
        old = self.demotion
        if new is not None:
            self.demote(new, "sysctl")
            return self.demotion
        return old

    log = Sysctl("net.inet.carp.log", 1, "CARP log level", flags="wt")
    preempt = Sysctl("net.inet.carp.preempt", 0, "High-priority backup preemption mode", flags="wt")
    dscp = Sysctl("net.inet.carp.dscp", 56, "DSCP value for carp packets", flags="wt", minimum=0, maximum=63)

    @sysctl_proc("net.inet.carp.allow", "Accept incoming CARP packets", flags="wt")
    def _allowed(self, td: Any, new: Any) -> int:
        if new is not None and bool(new) != bool(self._allow):
            self._allow = new
            for sc in self.hosts():
                sc.check()
        return self._allow

    @property
    def allow(self) -> bool:
        """May it speak and listen?"""
        return bool(self._allow)

    def hosts(self) -> list[CarpHost]:
        """All virtual hosts of the stack."""
        return [sc for ifp in self.vnet.ifnets if isinstance(ifp.carp, CarpIf) for sc in ifp.carp.hosts]

    def demote(self, adjustment: int, reason: str) -> None:
        """carp_demote_adj: this machine is worth less than it says, in all its virtual hosts."""
        self.demotion += adjustment
        self.note(LOG_NOTICE, f"carp: demoted by {adjustment} to {self.demotion} ({reason})")
        for sc in self.hosts():
            if sc.state == MASTER:
                sc.send_ad()

    def note(self, level: int, text: str) -> None:
        """CARP_LOG."""
        if self.log > (1 if level == LOG_DEBUG else 0):
            self.vnet.kernel.log(level, text)


class CarpUsers(KernelModule):
    """Keeps the module in the kernel while there are virtual hosts."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)

    def quiesce(self) -> None:
        """EBUSY while it is used."""
        for vnet in self.kernel.vnets:
            module = vnet.get(CarpModule)
            if module is not None and module.hosts():
                raise KError(EBUSY)


class CarpIf:
    """The virtual hosts on an interface (struct carp_if)."""

    def __init__(self, ifp: Ifnet) -> None:
        self.ifp = ifp
        self.hosts: list[CarpHost] = []
        self.naddrs = {AF_INET: 0, AF_INET6: 0}
        """Addresses that are shared, by family."""
        self.imo = Moptions4(ifp)
        self.promisc = True
        try:
            ifpromisc(ifp, True)
        except KError:
            self.promisc = False

    def release(self) -> None:
        """carp_free_if."""
        self.ifp.carp = None
        if self.promisc:
            try:
                ifpromisc(self.ifp, False)
            except KError:
                pass

    def lookup(self, vhid: int) -> CarpHost | None:
        """The virtual host of that number."""
        return next((sc for sc in self.hosts if sc.vhid == vhid), None)

    def forus(self, ifp: Ifnet, dst: bytes) -> bool:
        """carp_forus: is that the link-level address of a virtual host we are the master of?"""
        return any(sc.lladdr == dst and sc.state == MASTER for sc in self.hosts)

    def output(self, ifp: Ifnet, m: Mbuf, family: int) -> int:
        """carp_output: advertisements come from the virtual host's own link-level address."""
        sc = m.tags.get("carp") if m.tags else None
        if sc is not None:
            m.data[m.off + 6 : m.off + 12] = sc.lladdr
        return 0

    def linkstate(self, ifp: Ifnet) -> None:
        """carp_linkstate."""
        for sc in list(self.hosts):
            sc.check()


class CarpHost:
    """A virtual host (struct carp_softc)."""

    def __init__(self, cif: CarpIf, vhid: int) -> None:
        self.cif = cif
        self.ifp = cif.ifp
        self.vhid = vhid
        self.lladdr = b"\x00\x00\x5e\x00\x01" + bytes((vhid,))
        self.state = INIT
        self.advbase, self.advskew = 1, 0
        self.key = b""
        self.peer, self.peer6 = INADDR_CARP_GROUP, IN6ADDR_CARP_GROUP
        self.version = CARP_VERSION_CARP
        self.vrrp_prio, self.vrrp_adv_inter = 100, 100
        self.vrrp_master_inter = 100
        """The interval of the master, centiseconds."""
        self.addrs: list[Any] = []
        self.counter = -1
        self.suppress = False
        """Its interface is down, and the machine the less worth for it."""
        self.errors = self.successes = 0
        clock = self.ifp.kernel.clock
        self.advertise = clock.callout()
        self.master_down = {AF_INET: clock.callout(), AF_INET6: clock.callout()}
        cif.hosts.append(self)

    @property
    def module(self) -> CarpModule:
        """CARP in the stack it is in."""
        found: CarpModule = self.ifp.vnet[CarpModule]
        return found

    # addresses -------------------------------------------------------------------------------------------------
    def attach(self, ia: Any) -> None:
        """carp_attach."""
        if not self.cif.naddrs[ia.family]:
            if ia.family == AF_INET:
                in_joingroup(self.ifp, INADDR_CARP_GROUP)
            else:
                carp6.join(self.ifp)
        self.cif.naddrs[ia.family] += 1
        self.addrs.append(ia)
        ia.carp = self
        self.check()

    def detach(self, ia: Any, keep: bool = False) -> None:
        """carp_detach: the last address takes the virtual host along, unless it comes back at once."""
        self.addrs.remove(ia)
        self.cif.naddrs[ia.family] -= 1
        if not self.cif.naddrs[ia.family]:
            if ia.family == AF_INET:
                in_leavegroup(self.ifp, INADDR_CARP_GROUP)
            else:
                carp6.leave(self.ifp)
        _delroute(ia)
        ia.carp = None
        self.check()
        if not keep and not self.addrs:
            self.destroy()

    def destroy(self) -> None:
        """carp_destroy."""
        self._stop()
        if self.suppress:
            self.module.demote(-self.module.ifdown_factor, "vhid removed")
        self.cif.hosts.remove(self)
        if not self.cif.hosts:
            self.cif.release()

    def master(self) -> bool:
        """carp_master."""
        return self.state == MASTER

    def iamatch(self) -> bytes | None:
        """carp_iamatch: the link-level address to answer with, None if another one has to answer."""
        return self.lladdr if self.state == MASTER else None

    # states ----------------------------------------------------------------------------------------------------
    def working(self) -> bool:
        """Is the interface there, and are we allowed?"""
        return self.ifp.link_state == LINK_STATE_UP and bool(self.ifp.flags & IFF_UP) and self.module.allow

    def set_state(self, state: int, reason: str) -> None:
        """carp_set_state."""
        if self.state != state:
            text = f"carp: {self.vhid}@{self.ifp.xname}: {STATES[self.state]} -> {STATES[state]} ({reason})"
            self.module.note(LOG_NOTICE, text)
            self.state = state

    def check(self) -> None:
        """carp_sc_state: begin anew, or stop."""
        module = self.module
        if self.working():
            was_master = self.state == MASTER
            self.set_state(INIT, "hardware interface up")
            if was_master:
                self._delroutes()
            self.run()
            if self.suppress:
                self.suppress = False
                module.demote(-module.ifdown_factor, "interface up")
            return
        self._stop()
        was_master = self.state == MASTER
        self.set_state(INIT, "hardware interface down")
        if was_master:
            self._delroutes()
        if not self.suppress:
            self.suppress = True
            module.demote(module.ifdown_factor, "interface down")

    def _stop(self) -> None:
        self.advertise.stop()
        for timer in self.master_down.values():
            timer.stop()

    def _patience(self) -> int:
        """After what time without an advertisement the master is gone, ns."""
        if self.version == CARP_VERSION_VRRPV3:
            inter = self.vrrp_master_inter
            return ((256 - self.vrrp_prio) * inter // 256 + 3 * inter) * CENTISECOND
        return 3 * self.advbase * SECOND + self.advskew * SECOND // 256

    def _interval(self, skew: int) -> int:
        """Between two advertisements, ns."""
        if self.version == CARP_VERSION_VRRPV3:
            return self.vrrp_adv_inter * CENTISECOND
        return self.advbase * SECOND + skew * SECOND // 256

    def run(self, family: int = 0) -> None:
        """carp_setrun: wait for what the state waits for; as a backup, for the master in one family or in all."""
        if not self.working() or not self.addrs:
            return
        if self.state == INIT:
            self.set_state(BACKUP, "initialization complete")
        if self.state == BACKUP:
            self.advertise.stop()
            for each, timer in self.master_down.items():
                if family == each or (not family and any(ia.family == each for ia in self.addrs)):
                    timer.reset(self._patience(), self._master_is_down)
        else:
            self.advertise.reset(self._interval(self.advskew), self.send_ad)

    def _master_is_down(self) -> None:
        self.become_master("master timed out")

    def become_master(self, reason: str) -> None:
        """carp_master_down_locked."""
        if self.state != BACKUP:
            return
        for timer in self.master_down.values():
            timer.stop()
        self.set_state(MASTER, reason)
        self.send_ad()
        for ia in self.addrs:
            if ia.family == AF_INET:
                arprequest(self.ifp, ia.addr, ia.addr, self.lladdr)
        if any(ia.family == AF_INET6 for ia in self.addrs):
            carp6.send_na(self)
        self.run()
        for ia in self.addrs:
            _addroute(ia)

    def become_backup(self, reason: str) -> None:
        """Somebody else is the master."""
        self.advertise.stop()
        self.set_state(BACKUP, reason)
        self.run()
        self._delroutes()

    def _delroutes(self) -> None:
        for ia in self.addrs:
            _delroute(ia)

    # advertisements --------------------------------------------------------------------------------------------
    def skew(self) -> int:
        """DEMOTE_ADVSKEW."""
        return max(0, min(self.advskew + self.module.demotion, MAXSKEW))

    def send_ad(self) -> None:
        """send_ad_locked."""
        send(self)
        self.advertise.reset(self._interval(self.skew()), self.send_ad)

    def sent(self, error: int) -> None:
        """carp_send_ad_error: a master that cannot speak had better not be one."""
        module = self.module
        if error:
            self.errors, self.successes = self.errors + 1, 0
            if self.errors == SENDAD_MAX_ERRORS:
                module.demote(module.senderr_factor, f"send error {error} on {self.ifp.xname}")
        elif self.errors:
            self.successes += 1
            if self.successes >= SENDAD_MIN_SUCCESS:
                if self.errors >= SENDAD_MAX_ERRORS:
                    module.demote(-module.senderr_factor, f"send ok on {self.ifp.xname}")
                self.errors = 0

    def received(self, advbase: int, advskew: int, family: int) -> None:
        """An advertisement of another machine (carp_input_c)."""
        mine, theirs = (self.advbase, self.skew()), (advbase, advskew)
        if self.state == MASTER:
            if mine >= theirs:
                self.become_backup("more frequent advertisement received")
        elif self.state == BACKUP:
            if self.module.preempt and mine < theirs:
                self.become_master("preempting a slower master")
            elif (self.advbase * 3, mine[1]) < theirs:
                self.become_master("master will time out")
            else:
                self.run(family)

    def received_vrrp(self, interval: int, prio: int, family: int) -> None:
        """The same with VRRP (vrrp_input_c)."""
        if self.vrrp_prio == 255:
            return
        self.vrrp_master_inter = interval
        if self.state == MASTER:
            if interval < self.vrrp_adv_inter or prio > self.vrrp_prio:
                self.become_backup("more frequent advertisement received")
        elif self.state == BACKUP:
            if self.module.preempt and (interval > self.vrrp_adv_inter or prio < self.vrrp_prio):
                self.become_master("preempting a slower master")
            else:
                self.run(family)


def _addroute(ia: Any) -> None:
    """carp_ifa_addroute."""
    if ia.family == AF_INET6:
        carp6.addroute(ia)
        return
    for add in (in_addprefix, _add_loopback):
        try:
            add(ia)
        except KError:
            pass


def _add_loopback(ia: InIfaddr) -> None:
    ifa_add_loopback_route(ia, ia.addr)


def _delroute(ia: Any) -> None:
    """carp_ifa_delroute."""
    if ia.family == AF_INET6:
        carp6.delroute(ia)
        return
    try:
        ifa_del_loopback_route(ia, ia.addr)
    except KError:
        pass
    in_scrubprefix(ia, True)


def _attach(ia: Any, vhid: int) -> None:
    """carp_attach: an address with a vhid was given to an interface."""
    cif = ia.ifp.carp
    if not isinstance(cif, CarpIf):
        raise KError(ENOPROTOOPT)
    sc = cif.lookup(vhid)
    if sc is None:
        raise KError(ENOENT)
    sc.attach(ia)


def carp_input(ifp: Ifnet, m: Mbuf, hlen: int, proto: int) -> None:
    """A packet of CARP or VRRP came in over IPv4."""
    module = ifp.vnet.get(CarpModule)
    if module is None:
        ip_protox[IPPROTO_ANY](ifp, m, hlen, proto)
        return
    module.stat.ipackets += 1
    packet = m.bytes()
    pseudo = in_pseudo(packet[12:16], packet[16:20], IPPROTO_CARP, len(packet) - hlen)
    _input(module, ifp, packet[hlen:], packet[8], AF_INET, pseudo)


def carp6_input(ifp: Ifnet, m: Mbuf, off: int) -> None:
    """The same over IPv6."""
    module = ifp.vnet.get(CarpModule)
    if module is None:
        rip6_input(ifp, m, off, IPPROTO_CARP)
        return
    module.stat.ipackets6 += 1
    packet = m.bytes()
    body = packet[off:]
    pseudo = int.from_bytes(packet[8:40], "big") + len(body) + IPPROTO_CARP
    _input(module, ifp, body, packet[7], AF_INET6, pseudo)


def _input(module: CarpModule, ifp: Ifnet, body: bytes, ttl: int, family: int, pseudo: int) -> None:
    """What both have in common; `pseudo` is the sum of the pseudo header."""
    stat = module.stat
    if not module.allow:
        return
    cif = ifp.carp
    if not isinstance(cif, CarpIf):
        stat.badif += 1
        return
    if len(body) < VRRP_HEADER.size:
        stat.badlen += 1
        return
    version = body[0] >> 4
    if version not in MINLEN:
        stat.badver += 1
        return
    if len(body) < MINLEN[version]:
        stat.badlen += 1
        return
    if version == CARP_VERSION_CARP and in_cksum(body[: CARP_HEADER.size] if family == AF_INET6 else body):
        stat.badsum += 1
        return
    sc = next((ia.carp for ia in ifp.addrs if ia.family == family and ia.carp is not None and ia.carp.vhid == body[1]), None)
    if sc is None:
        stat.badvhid += 1
        return
    if version != sc.version:
        stat.badver += 1
        return
    multicast = in_multicast(sc.peer) if family == AF_INET else is_multicast(sc.peer6)
    if ttl != TTL and (multicast or version == CARP_VERSION_VRRPV3):
        stat.badttl += 1
        return
    if version == CARP_VERSION_VRRPV3:
        if in_cksum(body, pseudo):
            stat.badsum += 1
        else:
            _, _, prio, _, interval, _ = VRRP_HEADER.unpack_from(body)
            sc.received_vrrp(interval, prio, family)
        return
    _, _, advskew, _, _, advbase, _, high, low, told = CARP_HEADER.unpack_from(body)
    counter = high << 32 | low
    if not compare_digest(digest(sc, counter), told):
        stat.badauth += 1
        return
    sc.counter = counter
    sc.received(advbase, advskew, family)


# requests ------------------------------------------------------------------------------------------------------
def _interface(vnet: Vnet, name: str) -> Ifnet:
    """The interface of a request, if it can have virtual hosts."""
    if vnet.get(CarpModule) is None:
        raise KError(EOPNOTSUPP)
    ifp = next((i for i in vnet.ifnets if i.xname == name), None)
    if ifp is None:
        raise KError(EINVAL)
    return ifp


def _info(sc: CarpHost) -> CarpInfo:
    return CarpInfo(
        sc.vhid, sc.state, sc.advbase, sc.advskew, sc.key.decode(errors="surrogateescape"), sc.peer, sc.peer6, sc.version,
        sc.vrrp_prio, sc.vrrp_adv_inter,
    )  # fmt: skip


@nlrequest(CARP_NL_CMD_GET)
def _get(vnet: Vnet, request: CARP_NL_CMD_GET, td: Proc) -> list[CarpInfo]:
    ifp = _interface(vnet, request.ifname)
    hosts = ifp.carp.hosts if isinstance(ifp.carp, CarpIf) else []
    found = [_info(sc) for sc in hosts if request.vhid in (0, sc.vhid)]
    if not found:
        raise KError(ENOENT)
    return found


@nlrequest(CARP_NL_CMD_SET)
def _set(vnet: Vnet, request: CARP_NL_CMD_SET, td: Proc) -> None:
    """carp_ioctl_set."""
    ifp, info = _interface(vnet, request.ifname), request.info
    priv_check(td, PRIV_NETINET_CARP)
    if ifp.type not in (IFT_ETHER, IFT_L2VLAN, IFT_BRIDGE):
        raise KError(EOPNOTSUPP)
    if not 0 < info.vhid <= 255 or (info.version or CARP_VERSION_CARP) not in (CARP_VERSION_CARP, CARP_VERSION_VRRPV3):
        raise KError(EINVAL)
    if not isinstance(ifp.carp, CarpIf):
        ifp.carp = CarpIf(ifp)
    sc = ifp.carp.lookup(info.vhid)
    if sc is None:
        sc = CarpHost(ifp.carp, info.vhid)
        sc.version = info.version or CARP_VERSION_CARP
    elif sc.version != (info.version or CARP_VERSION_CARP):
        raise KError(EINVAL)
    if info.advbase:
        if info.advbase > 255:
            raise KError(EINVAL)
        sc.advbase = info.advbase
    if info.advskew is not None:
        if info.advskew >= 255:
            raise KError(EINVAL)
        sc.advskew = info.advskew
    sc.peer = info.addr or sc.peer
    sc.peer6 = info.addr6 or sc.peer6
    if info.key:
        sc.key = info.key.encode(errors="surrogateescape")[:20]
    if info.vrrp_prio is not None:
        sc.vrrp_prio = info.vrrp_prio
    if info.vrrp_adv_inter is not None:
        sc.vrrp_adv_inter = info.vrrp_adv_inter
    if sc.state != INIT and info.state is not None and info.state != sc.state:
        if info.state == BACKUP:
            sc.become_backup("user requested via ifconfig")
        elif info.state == MASTER:
            sc.become_master("user requested via ifconfig")


def carp_ifdetach(ifp: Ifnet) -> None:
    """The interface leaves its stack."""
    cif = ifp.carp
    if isinstance(cif, CarpIf) and not ifp.flags & IFF_RENAMING:
        for sc in list(cif.hosts):
            for ia in list(sc.addrs):
                ia.carp = None
            sc.addrs.clear()
            sc.destroy()


ifnet_departure_event.append(carp_ifdetach)
ip_protox[IPPROTO_CARP] = carp_input
ip6_protox[IPPROTO_CARP] = carp6_input
