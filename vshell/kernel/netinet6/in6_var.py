"""IPv6 state: addresses, what an interface carries for IPv6, prefixes, per-stack variables (netinet6/in6_var.h, nd6.h)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, KError
from vshell.abi.in6 import (
    IN6_IFF_ANYCAST,
    IN6_IFF_DEPRECATED,
    IN6_IFF_NOTREADY,
    ND6_IFF_ACCEPT_RTADV,
    ND6_IFF_AUTO_LINKLOCAL,
    ND6_IFF_IFDISABLED,
    ND6_IFF_NO_RADR,
    ND6_IFF_PERFORMNUD,
    ND6_IFF_STABLEADDR,
    ND6_INFINITE_LIFETIME,
    Icmp6Stat,
    Ip6Stat,
)  # fmt: skip
from vshell.abi.netlink_iface import Address
from vshell.abi.socket import AF_INET6
from vshell.abi.sockio import IFF_LOOPBACK, IFF_POINTOPOINT, IFT_BRIDGE
from vshell.kernel.kern.clock import NS
from vshell.kernel.kern.module import SI_ORDER_SECOND, SI_SUB_PROTO_DOMAIN, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.net.ifnet import Ifaddr, Ifnet
from vshell.kernel.netinet.counters import Counters
from vshell.kernel.netinet.lltable import hash_inet
from vshell.kernel.netinet6.mld6_var import MldIfinfo
from vshell.wire.ip6 import is_linklocal

if TYPE_CHECKING:
    from vshell.kernel.kern.clock import Callout
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netinet6.nd6 import Llentry6
    from vshell.kernel.netinet6.nd6_nbr import Dad

REACHABLE_TIME, RETRANS_TIMER, IPV6_DEFHLIM = 30000, 1000, 64
IPV6_MMTU = 1280
TEMPADDR_REGEN_ADVANCE, TEMP_MAX_DESYNC_FACTOR_BASE = 5, 300
"""Seconds."""
IFT_WIREGUARD = 0xF7


class In6Ifaddr(Ifaddr):
    """An IPv6 address on an interface (struct in6_ifaddr)."""

    family = AF_INET6

    def __init__(self, ifp: Ifnet, addr: bytes, prefixlen: int) -> None:
        super().__init__(ifp)
        self.addr = addr
        self.prefixlen = prefixlen
        self.flags6 = 0
        self.vltime = self.pltime = ND6_INFINITE_LIFETIME
        self.updatetime = self.createtime = ifp.kernel.clock.now
        self.prefix: NdPrefix | None = None
        self.memberships: list[bytes] = []
        self.dad: Dad | None = None
        """Duplicate detection under way."""
        self.rtself = False
        """IFA_RTSELF: the host route through lo0 is in."""
        self.route = False
        """IFA_ROUTE: the route to a point-to-point destination is in."""

    def expire(self) -> int:
        """Uptime at which the address becomes invalid, 0 for never (ns)."""
        return 0 if self.vltime == ND6_INFINITE_LIFETIME else self.updatetime + self.vltime * NS

    def preferred(self) -> int:
        """Uptime at which the address becomes deprecated, 0 for never (ns)."""
        return 0 if self.pltime == ND6_INFINITE_LIFETIME else self.updatetime + self.pltime * NS

    def age(self, now: int) -> int:
        """Seconds since the last change, as a clock of whole seconds has it."""
        return now // NS - self.updatetime // NS

    def left(self, lifetime: int, now: int) -> int | None:
        """What remains of a lifetime, in 32 bits: beyond the end it begins from the top again."""
        return None if lifetime == ND6_INFINITE_LIFETIME else (lifetime - self.age(now)) & 0xFFFFFFFF

    def is_invalid(self, now: int) -> bool:
        """IFA6_IS_INVALID."""
        return self.vltime != ND6_INFINITE_LIFETIME and self.age(now) > self.vltime

    def is_deprecated(self, now: int) -> bool:
        """IFA6_IS_DEPRECATED."""
        return self.pltime != ND6_INFINITE_LIFETIME and self.age(now) > self.pltime

    def avoided(self, now: int) -> bool:
        """Deprecated by time or by hand."""
        return bool(self.flags6 & IN6_IFF_DEPRECATED) or self.is_deprecated(now)

    def usable(self) -> bool:
        """Neither tentative nor duplicated nor anycast."""
        return not self.flags6 & (IN6_IFF_NOTREADY | IN6_IFF_ANYCAST)

    def dump(self) -> Address:
        """What netlink tells about the address; lifetimes in seconds from now."""
        now = self.ifp.kernel.clock.now
        flags = self.flags6 | (IN6_IFF_DEPRECATED if self.is_deprecated(now) else 0)
        vltime, pltime = self.left(self.vltime, now), self.left(self.pltime, now)
        dstaddr = self.dstaddr if self.ifp.flags & IFF_POINTOPOINT else None
        return Address(
            self.ifp.index, self.ifp.xname, AF_INET6, self.addr, self.prefixlen, dstaddr, None, flags,
            vhid=getattr(self.carp, "vhid", 0), vltime=vltime, pltime=pltime,
            ipackets=self.ipackets, ibytes=self.ibytes, opackets=self.opackets, obytes=self.obytes,
        )  # fmt: skip


class NdPrefix:
    """A prefix on a link (struct nd_prefix)."""

    def __init__(self, ifp: Ifnet, prefix: bytes, plen: int) -> None:
        self.ifp = ifp
        self.prefix = prefix
        self.plen = plen
        self.raf_onlink = True
        self.raf_auto = False
        self.vltime = self.pltime = ND6_INFINITE_LIFETIME
        self.lastupdate = ifp.kernel.clock.now
        self.onlink = False
        """NDPRF_ONLINK: its route is in."""
        self.ifa: In6Ifaddr | None = None
        """The address the route was made for."""
        self.detached = False
        self.addrcnt = 0
        self.routers: list[NdDefrouter] = []
        """Those that advertise it, the latest first."""


class NdDefrouter:
    """A router that offers itself as a default one (struct nd_defrouter)."""

    def __init__(self, ifp: Ifnet, rtaddr: bytes, raflags: int, rtlifetime: int) -> None:
        self.ifp = ifp
        self.rtaddr = rtaddr
        self.raflags = raflags
        self.rtlifetime = rtlifetime
        """Seconds."""
        self.expire = ifp.kernel.clock.now // NS + rtlifetime
        """Uptime in seconds."""
        self.installed = False
        """The default route leads to it."""


class NdIfinfo:
    """Neighbour discovery settings of an interface (struct nd_ifinfo); times in ms."""

    def __init__(self, ifp: Ifnet, ip6: Ip6) -> None:
        self.linkmtu = 0
        self.basereachable = REACHABLE_TIME
        self.reachable = compute_rtime(ifp, REACHABLE_TIME)
        self.retrans = RETRANS_TIMER
        self.chlim = IPV6_DEFHLIM
        self.dad_failures = 0
        self.flags = _initial_flags(ifp, ip6)


def _initial_flags(ifp: Ifnet, ip6: Ip6) -> int:
    """IPv6 is off on every interface but loopback until an address says otherwise (nd6_ifattach)."""
    flags = ND6_IFF_PERFORMNUD
    loopback = ifp.flags & IFF_LOOPBACK
    if not loopback:
        flags |= ND6_IFF_IFDISABLED
    if loopback or (ip6.auto_linklocal and ifp.type not in (IFT_BRIDGE, IFT_WIREGUARD)):
        flags |= ND6_IFF_AUTO_LINKLOCAL
    if ip6.accept_rtadv and not loopback and ifp.type != IFT_BRIDGE:
        flags = flags & ~ND6_IFF_IFDISABLED | ND6_IFF_ACCEPT_RTADV
    if ip6.no_radr and not loopback:
        flags |= ND6_IFF_NO_RADR
    if ip6.use_stableaddr and not loopback:
        flags |= ND6_IFF_STABLEADDR
    return flags


def compute_rtime(ifp: Ifnet, base: int) -> int:
    """ND_COMPUTE_RTIME: a reachable time between half and one and a half of the base value, in seconds."""
    return (base // 2 + ifp.kernel.random.uniform(base)) // 1000


class In6Ifextra:
    """What an interface carries for IPv6 (struct in6_ifextra)."""

    def __init__(self, ifp: Ifnet, ip6: Ip6) -> None:
        self.ip6 = ip6
        self.nd = NdIfinfo(ifp, ip6)
        self.lltable: dict[bytes, Llentry6] = {}
        """What a look-up finds: the newest entry of each neighbour."""
        self.llchains: dict[int, list[Llentry6]] = {}
        """All entries, hashed as in FreeBSD's lltable, newest first: the order of listings."""
        self.groups: dict[bytes, int] = {}
        """Multicast groups joined -> references."""
        self.mld = MldIfinfo(ifp)
        self.ifstat: Counter[str] = Counter()
        """struct in6_ifstat: what has been counted of IPv6 on this interface."""
        self.icmp6_ifstat: Counter[str] = Counter()
        """struct icmp6_ifstat."""

    def lle_link(self, ln: Llentry6) -> None:
        """lltable_link_entry."""
        self.lltable[ln.addr] = ln
        self.llchains.setdefault(hash_inet(ln.addr[12:]), []).insert(0, ln)

    def lle_unlink(self, ln: Llentry6) -> None:
        """lltable_unlink_entry: an older entry of the same neighbour comes to light again."""
        chain = self.llchains.get(hash_inet(ln.addr[12:]), [])
        if ln in chain:
            chain.remove(ln)
        if self.lltable.get(ln.addr) is ln:
            del self.lltable[ln.addr]
            for other in chain:
                if other.addr == ln.addr:
                    self.lltable[ln.addr] = other
                    break

    def lles(self) -> list[Llentry6]:
        """All entries in the order of listings."""
        return [ln for bucket in sorted(self.llchains) for ln in self.llchains[bucket]]


class Ip6(VnetModule, sub=SI_SUB_PROTO_DOMAIN, order=SI_ORDER_SECOND):
    """IPv6 of one stack."""

    forwarding = Sysctl("net.inet6.ip6.forwarding", 0)
    redirect = Sysctl("net.inet6.ip6.redirect", 1)
    hlim = Sysctl("net.inet6.ip6.hlim", 64)
    accept_rtadv = Sysctl("net.inet6.ip6.accept_rtadv", 0)
    no_radr = Sysctl("net.inet6.ip6.no_radr", 0)
    norbit_raif = Sysctl("net.inet6.ip6.norbit_raif", 0)
    auto_linklocal = Sysctl("net.inet6.ip6.auto_linklocal", 1)
    use_stableaddr = Sysctl("net.inet6.ip6.use_stableaddr", 0)
    use_deprecated = Sysctl("net.inet6.ip6.use_deprecated", 1)
    prefer_tempaddr = Sysctl("net.inet6.ip6.prefer_tempaddr", 0)
    use_tempaddr = Sysctl("net.inet6.ip6.use_tempaddr", 0)
    rfc6204w3 = Sysctl("net.inet6.ip6.rfc6204w3", 0)
    stableaddr_netifsource = Sysctl("net.inet6.ip6.stableaddr_netifsource", 0, minimum=0, maximum=2)
    stableaddr_maxretries = Sysctl("net.inet6.ip6.stableaddr_maxretries", 3, fmt="unsigned integer")
    use_defzone = Sysctl("net.inet6.ip6.use_defaultzone", 0)
    connect_in6addr_wild = Sysctl("net.inet6.ip6.connect_in6addr_wild", 1)
    dad_count = Sysctl("net.inet6.ip6.dad_count", 1)
    dad_enhanced = Sysctl("net.inet6.ip6.dad_enhanced", 1)
    source_address_validation = Sysctl("net.inet6.ip6.source_address_validation", 1)
    nd6_prune = Sysctl("net.inet6.icmp6.nd6_prune", 1)
    nd6_delay = Sysctl("net.inet6.icmp6.nd6_delay", 5)
    nd6_umaxtries = Sysctl("net.inet6.icmp6.nd6_umaxtries", 3)
    nd6_mmaxtries = Sysctl("net.inet6.icmp6.nd6_mmaxtries", 3)
    nd6_useloopback = Sysctl("net.inet6.icmp6.nd6_useloopback", 1)
    nd6_maxqueuelen = Sysctl("net.inet6.icmp6.nd6_maxqueuelen", 16)
    nd6_onlink_ns_rfc4861 = Sysctl("net.inet6.icmp6.nd6_onlink_ns_rfc4861", 0)
    nd6_gctimer = Sysctl("net.inet6.icmp6.nd6_gctimer", 86400)
    rediraccept = Sysctl("net.inet6.icmp6.rediraccept", 1)
    redirtimeout = Sysctl("net.inet6.icmp6.redirtimeout", 600)
    nodeinfo = Sysctl("net.inet6.icmp6.nodeinfo", 0)
    flows: dict[bytes, Any] = {}  # noqa: RUF012 - never filled: replaced by the table's own
    """Plain forwarding decisions of the default routing table (see ip6_input)."""
    temp_preferred_lifetime = 86400
    temp_valid_lifetime = 172800
    _desync_factor = -1
    errppslimit = 100
    lim_jitter = 8
    lim_output = Sysctl("net.inet6.icmp6.icmp6lim_output", 1)

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.ifaddrhead: list[In6Ifaddr] = []
        """Every IPv6 address of the stack, in order of arrival."""
        self.hash: dict[bytes, list[In6Ifaddr]] = {}
        self.prefixes: list[NdPrefix] = []
        """Newest first (V_nd_prefix)."""
        self.defrouters: list[NdDefrouter] = []
        """Default routers, those of a higher preference first (V_nd6_defrouter)."""
        self.ip6stat = Counters(Ip6Stat)
        self.icmp6stat = Counters(Icmp6Stat)
        self.nd6_timer: Callout = vnet.kernel.clock.callout()
        self.pfil: Any = None
        """The pfil head of IPv6, None while nothing is hooked."""
        self.rip6_listeners: list[Any] = []
        """Raw sockets, in order of creation."""
        self.defifindex = 0
        """The default interface (ndp -I), 0 for none."""
        self.rates: dict[str, list[int]] = {}
        """Per kind of answer: second in which it was counted, how many, jitter of the limit."""
        self.flow_id = vnet.kernel.random.arc4random() & 0xFFFFF
        self.frag_id = vnet.kernel.random.arc4random()
        self.hostcache: dict[bytes, int] = {}
        """Path MTUs that routers told us of (tcp_hostcache.c)."""

    def destroy(self) -> None:
        """Stop the timers, take IPv6 off the interfaces (ip6_destroy)."""
        from vshell.kernel.netinet6.in6_ifattach import in6_ifdetach

        for ifp in self.vnet.ifnets:
            in6_ifdetach(ifp)
        self.nd6_timer.stop()

    @property
    def temp_max_desync_factor(self) -> int:
        """The most that temporary addresses of this host differ from others in age (seconds)."""
        return TEMP_MAX_DESYNC_FACTOR_BASE + (self.temp_preferred_lifetime >> 2) + (self.temp_preferred_lifetime >> 3)

    @property
    def desync_factor(self) -> int:
        """How much they do; drawn when it is first needed."""
        if self._desync_factor < 0:
            self._desync_factor = self.vnet.kernel.random.uniform(self.temp_max_desync_factor)
        return self._desync_factor

    @sysctl_proc("net.inet6.ip6.temppltime")
    def _temppltime(self, td: Proc, new: Any) -> Any:
        if new is not None:
            desync = TEMP_MAX_DESYNC_FACTOR_BASE + (new >> 2) + (new >> 3)
            if new < desync + TEMPADDR_REGEN_ADVANCE or new > self.temp_valid_lifetime:
                raise KError(EINVAL)
            self.temp_preferred_lifetime = new
            self._desync_factor = -1
        return self.temp_preferred_lifetime

    @sysctl_proc("net.inet6.ip6.tempvltime")
    def _tempvltime(self, td: Proc, new: Any) -> Any:
        if new is not None:
            if new < self.temp_preferred_lifetime:
                raise KError(EINVAL)
            self.temp_valid_lifetime = new
        return self.temp_valid_lifetime

    @sysctl_proc("net.inet6.ip6.temp_max_desync_factor", flags="r", fmt="unsigned integer")
    def _temp_max_desync_factor(self, td: Proc, new: Any) -> Any:
        return self.temp_max_desync_factor

    @sysctl_proc("net.inet6.icmp6.errppslimit", fmt="unsigned integer")
    def _errppslimit(self, td: Proc, new: Any) -> Any:
        if new is not None:
            if new and new <= self.lim_jitter:
                raise KError(EINVAL)
            self.errppslimit = new
        return self.errppslimit

    @sysctl_proc("net.inet6.icmp6.icmp6lim_jitter", fmt="unsigned integer")
    def _lim_jitter(self, td: Proc, new: Any) -> Any:
        if new is not None:
            if new >= self.errppslimit:
                raise KError(EINVAL)
            self.lim_jitter = new
            self.rates.clear()
        return self.lim_jitter

    @sysctl_proc("net.inet6.ip6.stats", fmt="opaque")
    def _ip6stats(self, td: Proc, new: Any) -> Any:
        return self.ip6stat.sysctl(new)

    @sysctl_proc("net.inet6.icmp6.stats", fmt="opaque")
    def _icmp6stats(self, td: Proc, new: Any) -> Any:
        return self.icmp6stat.sysctl(new)


def ext6(ifp: Ifnet) -> In6Ifextra | None:
    """The IPv6 part of an interface, None if it has none."""
    found: In6Ifextra | None = ifp.afdata.get(AF_INET6)
    return found


def in6ifa_ifpwithaddr(ifp: Ifnet, addr: bytes) -> In6Ifaddr | None:
    """The address structure of `addr` on this very interface."""
    for ia in ifp.vnet[Ip6].hash.get(addr, ()):
        if ia.ifp is ifp:
            found: In6Ifaddr = ia
            return found
    return None


def in6ifa_ifwithaddr(vnet: Vnet, addr: bytes, scope: int = 0) -> In6Ifaddr | None:
    """The address structure of `addr` anywhere in the stack; a link-local one on interface `scope`."""
    for ia in vnet[Ip6].hash.get(addr, ()):
        if not scope or not is_linklocal(addr) or ia.ifp.index == scope:
            found: In6Ifaddr = ia
            return found
    return None


def in6ifa_ifpforlinklocal(ifp: Ifnet, ignoreflags: int = 0) -> In6Ifaddr | None:
    """The first link-local address of an interface that has none of the flags."""
    for ia in ifp.addrs:
        if isinstance(ia, In6Ifaddr) and is_linklocal(ia.addr) and not ia.flags6 & ignoreflags:
            return ia
    return None


def in6_linkmtu(ifp: Ifnet) -> int:
    """IN6_LINKMTU: what a router said, if the interface can do it."""
    extra = ext6(ifp)
    told: int = extra.nd.linkmtu if extra is not None else 0
    return told if told and told < ifp.mtu else ifp.mtu


def in6_localip(vnet: Vnet, addr: bytes, ifp: Ifnet) -> bool:
    """in6_localip_fib: an address of ours, in the table the interface routes by; a link-local one on that link."""
    return any(ia.ifp.fib == ifp.fib and (ia.ifp is ifp or not is_linklocal(addr)) for ia in vnet[Ip6].hash.get(addr, ()))
