"""The routing tables of a stack, and the look-up the data path makes (net/route/route_tables.c, netinet/in_fib.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

from vshell.abi.errno import EINVAL, ENOTCAPABLE, KError
from vshell.abi.socket import AF_INET, AF_INET6
from vshell.kernel.kern.module import SI_ORDER_THIRD, SI_SUB_PROTO_DOMAIN, Sysctl, VnetModule, sysctl_proc
from vshell.kernel.net.ifnet import ifnet_link_event
from vshell.kernel.net.route.rib import Rib, embed, link_is_up

if TYPE_CHECKING:
    from vshell.kernel.kern.kern_proc import Proc
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.route.nhop import Nhop
    from vshell.kernel.net.vnet import Vnet

RT_MAXFIBS = 65536
FAMILIES = (AF_INET, AF_INET6)
_MISS: Any = object()


class RtStats:
    """struct rtstat."""

    __slots__ = ("add_failure", "badredirect", "dynamic", "newgateway", "unreach", "wildcard")

    def __init__(self) -> None:
        self.badredirect = self.dynamic = self.newgateway = self.unreach = self.wildcard = self.add_failure = 0


class Rtable(VnetModule, sub=SI_SUB_PROTO_DOMAIN, order=SI_ORDER_THIRD):
    """All tables of a stack."""

    multipath = Sysctl("net.route.multipath", 1, "Enable route multipath", fmt="unsigned integer")
    ipv6_nexthop = Sysctl("net.route.ipv6_nexthop", 1, "Enable IPv4 route via IPv6 Next Hop address", fmt="unsigned integer")
    hash_outbound = Sysctl(
        "net.route.hash_outbound", 0, "Compute flowid for locally-originated packets", flags="r", fmt="unsigned integer"
    )
    add_addr_allfibs = Sysctl("net.add_addr_allfibs", 0, "", flags="wt", fmt="unsigned integer")
    fib_max_sync_delay_ms = Sysctl(
        "net.route.algo.fib_max_sync_delay_ms", 1000, "Maximum time to delay sync (ms)", fmt="unsigned integer"
    )
    bucket_time_ms = Sysctl("net.route.algo.bucket_time_ms", 50, "Time interval to calculate update rate", fmt="unsigned integer")
    bucket_change_threshold_rate = Sysctl(
        "net.route.algo.bucket_change_threshold_rate", 500, "Minimum update rate to delay sync", fmt="unsigned integer"
    )
    algo_list = Sysctl(
        "net.route.algo.inet.algo_list", "bsearch4, radix4_lockless, radix4", "List of IPv4 lookup algorithms", flags="r"
    )
    algo6_list = Sysctl("net.route.algo.inet6.algo_list", "radix6_lockless, radix6", "List of IPv6 lookup algorithms", flags="r")

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.tables: dict[tuple[int, int], Rib] = {}
        """(family, fib) -> table."""
        self.stats = RtStats()
        self.algo = {AF_INET: "bsearch4", AF_INET6: "radix6_lockless"}
        for family in FAMILIES:
            self.tables[family, 0] = Rib(vnet, family, 0)

    def destroy(self) -> None:
        """The stack is gone."""
        for rib in self.tables.values():
            rib.dying = True
            if rib.expire_callout is not None:
                rib.expire_callout.stop()

    @sysctl_proc("net.fibs", "set number of fibs", flags="wt", fmt="uint32_t")
    def fibs(self, td: Proc, new: int | None) -> int:
        """Tables can be added, never taken away (sysctl_fibs)."""
        if new is not None:
            count = max(1, min(new, RT_MAXFIBS))
            if count < self.vnet.numfibs:
                raise KError(ENOTCAPABLE)
            self.grow(count)
        return self.vnet.numfibs

    @sysctl_proc("net.my_fibnum", "default FIB of caller", flags="r")
    def my_fibnum(self, td: Proc, new: int | None) -> int:
        """The fib of the process that asks."""
        return td.fibnum

    def _algo(self, family: int, new: str | None) -> str:
        if new is not None:
            names = self.algo_list if family == AF_INET else self.algo6_list
            if new not in names.split(", "):
                from vshell.abi.errno import ESRCH

                raise KError(ESRCH)
            self.algo[family] = new
        return self.algo[family]

    @sysctl_proc("net.route.algo.inet.algo", "Set IPv4 lookup algo", fmt="string")
    def inet_algo(self, td: Proc, new: str | None) -> str:
        """The name of the look-up structure; here it changes nothing but the name."""
        return self._algo(AF_INET, new)

    @sysctl_proc("net.route.algo.inet6.algo", "Set IPv6 lookup algo", fmt="string")
    def inet6_algo(self, td: Proc, new: str | None) -> str:
        """As inet_algo."""
        return self._algo(AF_INET6, new)

    def grow(self, count: int) -> None:
        """grow_rtables: more fibs; with net.add_addr_allfibs they begin with the routes of addresses."""
        old = self.vnet.numfibs
        if count <= old:
            return
        # The dictionary is filled on first use: 65536 fibs may be asked for.
        self.vnet.numfibs = count
        if self.add_addr_allfibs:
            from vshell.kernel.net.route.route_ifaddrs import copy_kernel_routes

            for family in FAMILIES:
                sources = [self.tables[family, fib] for fib in range(old) if (family, fib) in self.tables]
                for fib in range(old, count):
                    for source in sources:
                        copy_kernel_routes(source, self.table(family, fib))

    def table(self, family: int, fib: int) -> Rib:
        """rt_tables_get_rnh for a valid fib and family."""
        rib = self.tables.get((family, fib))
        if rib is None:
            if family not in FAMILIES or not 0 <= fib < self.vnet.numfibs:
                raise KError(EINVAL)
            rib = self.tables[family, fib] = Rib(self.vnet, family, fib)
        return rib


def rt_tables_get_rnh(vnet: Vnet, family: int, fib: int) -> Rib:
    """The table of a family in a fib."""
    rib: Rib = vnet[Rtable].table(family, fib)
    return rib


def outbound_flowid(vnet: Vnet, src: bytes, dst: bytes, ports: bytes | bytearray, proto: int) -> int:
    """Which of several paths a packet of our own takes; `ports` are those of the flow that count, in network order.

    0 until the stack has a route with several paths (fib4_calc_software_hash under V_fib_hash_outbound).
    DIFFERS: a plain checksum; FreeBSD's hash has a key of random numbers, drawn at boot.
    """
    return crc32(src + dst + ports + bytes((proto,))) if vnet[Rtable].hash_outbound else 0


def fib_lookup(vnet: Vnet, family: int, dst: bytes, fib: int = 0, scope: int = 0, flowid: int = 0) -> Nhop | None:
    """The next hop for a destination, None if there is no route (fib4_lookup, fib6_lookup).

    `scope` is the interface of a link-local destination.  Of several paths `flowid` chooses one.  A next hop with
    NHF_REJECT or NHF_BLACKHOLE is returned as such: the caller decides what to say.
    """
    rib = vnet[Rtable].tables.get((family, fib))
    if rib is None:
        return None
    if scope:
        dst = embed(dst, scope)
    nh = rib.cache.get(dst, _MISS)
    if nh is _MISS:
        nh = rib.lookup(dst)
    if nh is not None:
        if nh.slots is None:
            return nh  # type: ignore[no-any-return]
        nh = nh.slots[flowid % len(nh.slots)]
        if link_is_up(nh.ifp):
            return nh  # type: ignore[no-any-return]
    vnet[Rtable].stats.unreach += 1
    return None


def foreach_table(vnet: Vnet, family: int = 0) -> list[Rib]:
    """All existing tables of a family, of all with 0."""
    tables: dict[tuple[int, int], Rib] = vnet[Rtable].tables
    return [rib for key, rib in sorted(tables.items()) if not family or key[0] == family]


def _link_changed(ifp: Ifnet, state: int) -> None:
    """Answers of look-ups depend on the state of links."""
    for rib in foreach_table(ifp.vnet):
        rib.forget()


ifnet_link_event.append(_link_changed)
