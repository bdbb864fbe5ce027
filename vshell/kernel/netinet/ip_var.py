"""The state of IPv4 in a stack: addresses, settings, statistics (netinet/ip_var.h, in_var.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, KError
from vshell.abi.inet_stats import Ipstat
from vshell.kernel.kern.module import (
    SI_ORDER_FIRST,
    SI_SUB_PROTO_DOMAIN,
    KernelModule,
    Sysctl,
    SysctlDecl,
    VnetModule,
    sysctl_proc,
)  # fmt: skip
from vshell.kernel.net.pfil import Pfil, PfilHead
from vshell.kernel.netinet.counters import Counters

if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.route.nhop import Nhop
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netinet.in_var import InIfaddr

IP_FORWARDING, IP_RAWOUTPUT, IP_SENDONES, IP_SENDTOIF, IP_ROUTETOIF, IP_ALLOWBROADCAST = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20
"""Flags of ip_output."""


def _port(name: str, attr: str, least: int, most: int) -> SysctlDecl:
    """A port that is drawn into its range when it is set outside (sysctl_net_ipport_check)."""

    def handler(self: Any, td: Any, new: Any) -> Any:
        if new is not None:
            setattr(self, attr, min(max(new, least), most))
        return getattr(self, attr)

    return sysctl_proc(name)(handler)


class Ip(VnetModule, sub=SI_SUB_PROTO_DOMAIN, order=SI_ORDER_FIRST):
    """IPv4 in one stack."""

    forwarding = Sysctl("net.inet.ip.forwarding", 0, "Enable IP forwarding between interfaces")
    redirect = Sysctl("net.inet.ip.redirect", 1, "Enable sending IP redirects")
    ttl = Sysctl("net.inet.ip.ttl", 64, "Maximum TTL on IP packets")
    sourceroute = Sysctl("net.inet.ip.sourceroute", 0, "Enable forwarding source routed IP packets")
    accept_sourceroute = Sysctl("net.inet.ip.accept_sourceroute", 0, "Enable accepting source routed IP packets")
    process_options = Sysctl("net.inet.ip.process_options", 1, "Enable IP options processing ([LS]SRR, RR, TS)")
    source_address_validation = Sysctl(
        "net.inet.ip.source_address_validation",
        1,
        "Drop incoming packets with source address that is a local address",
        fmt="uint8_t",
    )
    strong_es = Sysctl(
        "net.inet.ip.rfc1122_strong_es",
        0,
        "Packet's IP destination address must match address on arrival interface",
        fmt="uint8_t",
    )
    connect_inaddr_wild = Sysctl(
        "net.inet.ip.connect_inaddr_wild", 0, "Allow connecting to INADDR_ANY or INADDR_BROADCAST for connect(2)"
    )
    random_id = Sysctl("net.inet.ip.random_id", 0, "Assign random ip_id values")
    rfc6864 = Sysctl("net.inet.ip.rfc6864", 1, "Use constant IP ID for atomic datagrams")
    allow_net0 = Sysctl(
        "net.inet.ip.allow_net0", 0, "Allow forwarding of and ICMP response to addresses in network 0/8", fmt="uint8_t"
    )
    allow_net240 = Sysctl(
        "net.inet.ip.allow_net240",
        0,
        "Allow forwarding of and ICMP response to Experimental addresses, aka Class E (240/4)",
        fmt="uint8_t",
    )
    broadcast_lowest = Sysctl(
        "net.inet.ip.broadcast_lowest", 0, "Treat lowest address on a subnet (host 0) as broadcast", fmt="uint8_t"
    )
    no_same_prefix = Sysctl("net.inet.ip.no_same_prefix", 0, "Refuse to create same prefixes on different interfaces")
    portrange_first = 10000
    portrange_last = 65535
    portrange_hifirst = 49152
    portrange_hilast = 65535
    portrange_lowfirst = 1023
    portrange_lowlast = 600
    _first = _port("net.inet.ip.portrange.first", "portrange_first", 1024, 65535)
    _last = _port("net.inet.ip.portrange.last", "portrange_last", 1024, 65535)
    _hifirst = _port("net.inet.ip.portrange.hifirst", "portrange_hifirst", 1024, 65535)
    _hilast = _port("net.inet.ip.portrange.hilast", "portrange_hilast", 1024, 65535)
    _lowfirst = _port("net.inet.ip.portrange.lowfirst", "portrange_lowfirst", 1, 1023)
    _lowlast = _port("net.inet.ip.portrange.lowlast", "portrange_lowlast", 1, 1023)
    portrange_reservedhigh = Sysctl("net.inet.ip.portrange.reservedhigh", 1023)
    portrange_randomized = Sysctl("net.inet.ip.portrange.randomized", 1, "Enable random port allocation")
    loopback_plen = 8
    flows: dict[int, Nhop] = {}  # noqa: RUF012 - never filled: replaced by the table's own
    """Plain forwarding decisions of the default routing table (see ip_input); empty while a firewall is hooked in."""
    plain: dict[bytes, Any] = {}  # noqa: RUF012 - in the same way
    """Where packets made here go (see ip_output)."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.stat = Counters(Ipstat)
        self.flowed = 0
        """Packets that ip_input passed on by their flows since `counters` was last called."""
        self.in_ifaddrhead: list[InIfaddr] = []
        """Every address of the stack, in order of assignment."""
        self.carp_attach: Callable[[Any, int], object] | None = None
        """carp(4)'s f(ia, vhid) while that module is in."""
        self.inaddr_hash: dict[bytes, list[InIfaddr]] = {}
        """The same by address, the latest first."""
        self.pfil: PfilHead = vnet[Pfil].inet
        self.pfil.changed = self.forget_flows
        """Packet filter hooks; `input` and `output` are None while there are none."""
        self.pfil_local: PfilHead | None = None
        self.dummynet_io: Callable[[Any, Any], bool] | None = None
        """What takes packets for dummynet (netpfil/ipfw/ip_dummynet_io.py) while that module is in (ip_dn_io_ptr)."""
        self.ip_id = vnet.kernel.random.uniform(65536)

    @sysctl_proc("net.inet.ip.stats", "IP statistics (struct ipstat, netinet/ip_var.h)", fmt="opaque")
    def _stats(self, td: Proc, new: Any) -> Any:
        return self.counters().sysctl(new)

    @sysctl_proc("net.inet.ip.loopback_prefixlen", "Prefix length of address space reserved for loopback")
    def _loopback_prefixlen(self, td: Proc, new: Any) -> Any:
        if new is not None:
            if not 8 <= new <= 31:
                raise KError(EINVAL)
            self.loopback_plen = new
        return self.loopback_plen

    def counters(self) -> Counters:
        """The statistics, with what was forwarded by flows: that is counted twice as received, as ip_tryforward does."""
        done, self.flowed = self.flowed, 0
        stat = self.stat
        if done:
            stat.total += 2 * done
            stat.forward += done
            stat.fastforward += done
        return stat

    def undo_flowed(self) -> None:
        """The interface did not take a packet of a flow."""
        stat = self.counters()
        stat.forward -= 1
        stat.fastforward -= 1
        stat.odropped += 1

    def fillid(self, frag: int) -> bytes:
        """ip_fillid: the identification of a packet with these flags and offset; 0 if it can never be fragmented."""
        if self.rfc6864 and frag & 0x7FFF == 0x4000:
            return b"\0\0"
        return self.next_id().to_bytes(2, "big")

    def forget_flows(self) -> None:
        """A firewall came or went."""
        self.flows = {}

    def next_id(self) -> int:
        """ip_fillid: an identification for a packet that may be fragmented; never 0."""
        if self.random_id:
            return 1 + self.vnet.kernel.random.uniform(65535)
        self.ip_id = (self.ip_id + 1) & 0xFFFF
        return self.ip_id or self.next_id()


class IpGlobal(KernelModule, sub=SI_SUB_PROTO_DOMAIN):
    """What all stacks share."""

    intr_queue_maxlen = Sysctl("net.inet.ip.intr_queue_maxlen", 256, "Maximum size of the IP input queue", minimum=1)
    intr_queue_drops = Sysctl("net.inet.ip.intr_queue_drops", 0, "Number of packets dropped from the IP input queue", flags="r")
    reservedlow = Sysctl("net.inet.ip.portrange.reservedlow", 0)
    mcast_loop = Sysctl("net.inet.ip.mcast.loop", 1, "Loopback multicast datagrams by default", flags="wt")
    mcast_maxsocksrc = Sysctl(
        "net.inet.ip.mcast.maxsocksrc", 128, "Max source filters per socket", flags="wt", fmt="unsigned long"
    )
    mcast_maxgrpsrc = Sysctl("net.inet.ip.mcast.maxgrpsrc", 512, "Max source filters per group", flags="wt", fmt="unsigned long")
