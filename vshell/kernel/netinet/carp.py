"""carp(4): several hosts share an address; one of them answers for it (netinet/ip_carp.c), over IPv4.

`ifp.carp` is a CarpIf while the interface has virtual hosts, `ia.carp` the virtual host an address belongs to.
"""

from __future__ import annotations

from hashlib import sha1
from hmac import compare_digest
from hmac import new as hmac_new
from struct import Struct
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
from vshell.abi.socket import IPPROTO_CARP
from vshell.abi.sockio import IFF_RENAMING, IFF_UP, IFT_BRIDGE, IFT_ETHER, IFT_L2VLAN, LINK_STATE_UP
from vshell.kernel.kern.kern_priv import PRIV_NETINET_CARP, priv_check
from vshell.kernel.kern.module import KernelModule, Kld, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.net.ifnet import Ifnet, ifnet_departure_event, ifpromisc
from vshell.kernel.net.mbuf import M_MCAST, m_get
from vshell.kernel.net.netlink import nlrequest
from vshell.kernel.net.route.route_ifaddrs import ifa_add_loopback_route, ifa_del_loopback_route
from vshell.kernel.netinet.counters import Counters
from vshell.kernel.netinet.if_ether import arprequest
from vshell.kernel.netinet.in_ import in_addprefix, in_scrubprefix
from vshell.kernel.netinet.in_mcast import in_joingroup, in_leavegroup
from vshell.kernel.netinet.in_proto import IPPROTO_ANY, ip_protox
from vshell.kernel.netinet.in_var import in_addrs, in_multicast
from vshell.kernel.netinet.ip_output import ip_output
from vshell.kernel.netinet.ip_var import Ip
from vshell.wire.cksum import in_cksum
from vshell.wire.ip import HEADER

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.kern.kernel import Kernel
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netinet.in_var import InIfaddr

KLD = Kld(modules=("carp",), size=0xD000)

SECOND = 1_000_000_000
INIT, BACKUP, MASTER = range(3)
STATES = ("INIT", "BACKUP", "MASTER")
MAXSKEW, TTL = 240, 255
SENDAD_MAX_ERRORS, SENDAD_MIN_SUCCESS = 3, 3
ADVERTISEMENT = 1
LOG_NOTICE, LOG_DEBUG = 5, 7

_HEADER = Struct("!BBBBBBHII20s")
"""Version and type, vhid, skew, length of the authentication, demotion, interval, checksum, counter, digest."""


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


class _Moptions:
    """How advertisements are sent."""

    __slots__ = ("ifp", "loop", "ttl")

    def __init__(self, ifp: Ifnet) -> None:
        self.ifp = ifp
        self.ttl = TTL
        self.loop = 0


class CarpIf:
    """The virtual hosts on an interface (struct carp_if)."""

    def __init__(self, ifp: Ifnet) -> None:
        self.ifp = ifp
        self.hosts: list[CarpHost] = []
        self.naddrs = 0
        self.imo = _Moptions(ifp)
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
        self.addrs: list[InIfaddr] = []
        self.counter = -1
        self.suppress = False
        """Its interface is down, and the machine the less worth for it."""
        self.errors = self.successes = 0
        clock = self.ifp.kernel.clock
        self.advertise, self.master_down = clock.callout(), clock.callout()
        cif.hosts.append(self)

    @property
    def module(self) -> CarpModule:
        """CARP in the stack it is in."""
        found: CarpModule = self.ifp.vnet[CarpModule]
        return found

    # addresses -------------------------------------------------------------------------------------------------
    def attach(self, ia: InIfaddr) -> None:
        """carp_attach."""
        self.addrs.append(ia)
        ia.carp = self
        if not self.cif.naddrs:
            in_joingroup(self.ifp, INADDR_CARP_GROUP)
        self.cif.naddrs += 1
        self.check()

    def detach(self, ia: InIfaddr, keep: bool = False) -> None:
        """carp_detach: the last address takes the virtual host along, unless it comes back at once."""
        self.addrs.remove(ia)
        self.cif.naddrs -= 1
        if not self.cif.naddrs:
            in_leavegroup(self.ifp, INADDR_CARP_GROUP)
        _delroute(ia)
        ia.carp = None
        self.check()
        if not keep and not self.addrs:
            self.destroy()

    def destroy(self) -> None:
        """carp_destroy."""
        self.advertise.stop()
        self.master_down.stop()
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
        self.advertise.stop()
        self.master_down.stop()
        was_master = self.state == MASTER
        self.set_state(INIT, "hardware interface down")
        if was_master:
            self._delroutes()
        if not self.suppress:
            self.suppress = True
            module.demote(module.ifdown_factor, "interface down")

    def run(self) -> None:
        """carp_setrun: wait for what the state waits for."""
        if not self.working() or not self.addrs:
            return
        if self.state == INIT:
            self.set_state(BACKUP, "initialization complete")
        skew = self.advskew * SECOND // 256
        if self.state == BACKUP:
            self.advertise.stop()
            self.master_down.reset(3 * self.advbase * SECOND + skew, self._master_is_down)
        else:
            self.advertise.reset(self.advbase * SECOND + skew, self.send_ad)

    def _master_is_down(self) -> None:
        self.become_master("master timed out")

    def become_master(self, reason: str) -> None:
        """carp_master_down_locked."""
        if self.state != BACKUP:
            return
        self.master_down.stop()
        self.set_state(MASTER, reason)
        self.send_ad()
        for ia in self.addrs:
            arprequest(self.ifp, ia.addr, ia.addr, self.lladdr)
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

    def digest(self, counter: int) -> bytes:
        """carp_hmac_generate."""
        message = bytes((self.version, ADVERTISEMENT, self.vhid)) + b"".join(sorted(ia.addr for ia in self.addrs))
        return hmac_new(self.key.ljust(20, b"\0")[:20], message + counter.to_bytes(8, "big"), sha1).digest()

    def send_ad(self) -> None:
        """carp_send_ad_locked."""
        ifp, module = self.ifp, self.module
        skew = self.skew()
        if self.addrs:
            if self.counter < 0:
                self.counter = int.from_bytes(ifp.kernel.random.bytes(8), "big")
            else:
                self.counter = (self.counter + 1) & 0xFFFFFFFFFFFFFFFF
            demotion = max(0, min(module.demotion, 255))
            high, low = self.counter >> 32, self.counter & 0xFFFFFFFF
            fields = (CARP_VERSION_CARP << 4 | ADVERTISEMENT, self.vhid, skew, 7, demotion, self.advbase)
            body = _HEADER.pack(*fields, 0, high, low, self.digest(self.counter))
            body = body[:6] + in_cksum(body).to_bytes(2, "big") + body[8:]
            src = next((ia.addr for ia in in_addrs(ifp) if ia.carp is None), bytes(4))
            header = HEADER.pack(0x45, module.dscp << 2, 20 + len(body), 0, 0x4000, TTL, IPPROTO_CARP, 0, src, self.peer)
            m = m_get(header + body)
            if in_multicast(self.peer):
                m.flags |= M_MCAST
            m.tags = {"carp": self}
            module.stat.opackets += 1
            self._sent(ip_output(ifp.vnet, m, imo=self.cif.imo))
        self.advertise.reset(self.advbase * SECOND + skew * SECOND // 256, self.send_ad)

    def _sent(self, error: int) -> None:
        """carp_send_ad_error: a master that cannot speak had better not be one."""
        module = self.module
        if error:
            self.errors, self.successes = self.errors + 1, 0
            if self.errors == SENDAD_MAX_ERRORS:
                module.demote(module.senderr_factor, f"send error {error} on {self.ifp.xname}")
        elif self.errors >= SENDAD_MAX_ERRORS:
            self.successes += 1
            if self.successes >= SENDAD_MIN_SUCCESS:
                self.errors = 0
                module.demote(-module.senderr_factor, f"send ok on {self.ifp.xname}")
        else:
            self.errors = 0

    def received(self, advbase: int, advskew: int) -> None:
        """An advertisement of another machine."""
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
                self.run()


def _addroute(ia: InIfaddr) -> None:
    """carp_ifa_addroute."""
    for add in (in_addprefix, _add_loopback):
        try:
            add(ia)
        except KError:
            pass


def _add_loopback(ia: InIfaddr) -> None:
    ifa_add_loopback_route(ia, ia.addr)


def _delroute(ia: InIfaddr) -> None:
    """carp_ifa_delroute."""
    try:
        ifa_del_loopback_route(ia, ia.addr)
    except KError:
        pass
    in_scrubprefix(ia, True)


def _attach(ia: InIfaddr, vhid: int) -> None:
    """carp_attach: an address with a vhid was given to an interface."""
    cif = ia.ifp.carp
    if not isinstance(cif, CarpIf):
        raise KError(ENOPROTOOPT)
    sc = cif.lookup(vhid)
    if sc is None:
        raise KError(ENOENT)
    sc.attach(ia)


def carp_input(ifp: Ifnet, m: Mbuf, hlen: int, proto: int) -> None:
    """A packet of CARP came in."""
    module = ifp.vnet.get(CarpModule)
    if module is None:
        ip_protox[IPPROTO_ANY](ifp, m, hlen, proto)
        return
    stat = module.stat
    stat.ipackets += 1
    if not module.allow:
        return
    cif = ifp.carp
    if not isinstance(cif, CarpIf):
        stat.badif += 1
        return
    packet = m.bytes()
    if packet[8] != TTL:
        stat.badttl += 1
        return
    body = packet[hlen:]
    if len(body) < _HEADER.size:
        stat.badlen += 1
        return
    if in_cksum(body[: _HEADER.size]):
        stat.badsum += 1
        return
    kind, vhid, advskew, _, _, advbase, _, high, low, digest = _HEADER.unpack_from(body)
    sc = cif.lookup(vhid)
    if sc is None or not ifp.flags & IFF_UP:
        stat.badvhid += 1
        return
    if kind >> 4 != CARP_VERSION_CARP:
        stat.badver += 1
        return
    counter = high << 32 | low
    if not compare_digest(sc.digest(counter), digest):
        stat.badauth += 1
        return
    sc.counter = counter
    sc.received(advbase, advskew)


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
    sc = ifp.carp.lookup(info.vhid) or CarpHost(ifp.carp, info.vhid)
    if info.version is not None:
        sc.version = info.version
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
