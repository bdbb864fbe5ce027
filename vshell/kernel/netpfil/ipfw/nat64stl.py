"""The nat64stl action: stateless translation, addresses paired by two tables (nat64/nat64stl.c, nat64stl_control.c).

table4 has an IPv6 address for each IPv4 destination, table6 an IPv4 address for each IPv6 source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EEXIST, EINVAL, ESRCH, KError
from vshell.abi.ip_fw_nat64 import NAT64_ALLOW_PRIVATE, NAT64_LOG, Nat64StlConfig
from vshell.abi.socket import AF_INET, AF_INET6, IPPROTO_ICMPV6
from vshell.kernel.kern.module import SI_ORDER_ANY, SI_SUB_PROTO_IFATTACHDOMAIN
from vshell.kernel.netpfil.ipfw.ip_fw_action import CONSUMED
from vshell.kernel.netpfil.ipfw.ip_fw_eaction import EA_MATCHED
from vshell.kernel.netpfil.ipfw.ip_fw_eaction_instance import EactionModule
from vshell.kernel.netpfil.ipfw.ip_fw_table import Table, Tables
from vshell.kernel.netpfil.ipfw.nat64_translate import (
    ICMP_LEN,
    IP6_LEN,
    NAT64MFREE,
    NAT64RETURN,
    NAT64SKIP,
    PF_IN,
    Log,
    Nat64Instance,
    check_ip4,
    check_ip6,
    check_prefix6,
    do_handle_ip4,
    do_handle_ip6,
    embed_ip4,
    handle_icmp6,
    last_header,
)

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw
    from vshell.kernel.netpfil.ipfw.ip_fw_args import FwArgs

FLAGS = NAT64_LOG | NAT64_ALLOW_PRIVATE
ERRORS = (1, 2, 0, 4)
"""Messages from routers on the way that are looked into.  "Time exceeded" is missing: its code stands here for its type."""


class Nat64StlInstance(Nat64Instance):
    """struct nat64stl_cfg."""

    def __init__(self, vnet: Vnet, c: Nat64StlConfig, map46: Table, map64: Table) -> None:
        super().__init__(vnet, "nat64stl", c.name, c.set, (c.prefix6, c.plen6), c.flags & FLAGS)
        self.map46, self.map64 = map46, map64
        self.pktid = 0

    def log(self, m: Mbuf, family: int) -> Log | None:
        """nat64stl_log: show the packet as it came."""
        tap = self.tap("NAT64STL", self.kidx, self.pktid + 1)
        if tap is not None:
            self.pktid += 1
            tap(family, PF_IN, m)
        return tap


def inner_packet(cfg: Nat64Instance, m: Mbuf) -> bytes | None:
    """The IPv6 packet that an error of a router on the way is about."""
    packet = m.data[m.off :]
    proto, at = last_header(packet)
    inner = at + ICMP_LEN
    if proto != IPPROTO_ICMPV6 or len(packet) < inner + IP6_LEN + 8 or packet[at] not in ERRORS:
        cfg.stats["dropped"] += 1
        return None
    return bytes(packet[inner:])


class Nat64Stl(EactionModule, sub=SI_SUB_PROTO_IFATTACHDOMAIN, order=SI_ORDER_ANY):
    """The instances of a stack."""

    kind = "nat64stl"
    missing = ESRCH

    def make(self, config: Any) -> Nat64StlInstance:
        """nat64stl_create: both tables must be there."""
        if not isinstance(config, Nat64StlConfig) or not check_prefix6(config.prefix6, config.plen6):
            raise KError(EINVAL)
        if self.srv.find(self.kind, config.name, config.set) is not None:
            raise KError(EEXIST)
        tables: Tables = self.vnet[Tables]
        try:
            found = [tables.get(name, config.set) for name in (config.table4, config.table6)]
        except KError:
            raise KError(EINVAL) from None
        for table in found:
            table.refs += 1
        return Nat64StlInstance(self.vnet, config, *found)

    def free(self, instance: Nat64StlInstance) -> None:
        """nat64stl_detach_config."""
        instance.map46.refs -= 1
        instance.map64.refs -= 1

    def export(self, instance: Nat64StlInstance) -> Nat64StlConfig:
        """nat64stl_export_config."""
        return Nat64StlConfig(
            instance.name,
            instance.set,
            instance.map46.name,
            instance.map64.name,
            instance.plat_prefix,
            instance.plat_plen,
            instance.flags,
        )

    def find_config(self, name: str, which: int) -> Any:
        """The wrong thing is said when there is no instance to be configured."""
        try:
            return self.find(name, which)
        except KError:
            raise KError(EEXIST) from None

    def configure(self, instance: Nat64StlInstance, config: Any) -> None:
        """Only the flags."""
        instance.flags = config.flags & FLAGS

    # packets ---------------------------------------------------------------------------------------------------
    def handle(self, f: IpFw, a: FwArgs, instance: Nat64StlInstance) -> int:
        """ipfw_nat64stl."""
        value = None
        if a.v4:
            value = instance.map46.algo.lookup(a.dst)
        elif a.v6:
            value = instance.map64.algo.lookup(a.src)
        else:
            return EA_MATCHED
        if value is None:
            if a.proto != IPPROTO_ICMPV6:
                return EA_MATCHED
            result = self._icmp6(instance, a.m)
        elif a.v4:
            result = self._ip4(instance, a, value.nh6)
        else:
            result = self._ip6(instance, a, value.nh4.to_bytes(4, "big"))
        return EA_MATCHED if result == NAT64SKIP else CONSUMED

    def _ip4(self, cfg: Nat64StlInstance, a: FwArgs, daddr: bytes) -> int:
        if not (check_ip4(a.src) and check_ip4(a.dst)) or cfg.private(a.src) or cfg.private(a.dst):
            return NAT64SKIP
        if not check_ip6(daddr):
            return NAT64MFREE
        saddr = embed_ip4(cfg.plat_prefix, cfg.plat_plen, a.src)
        return do_handle_ip4(cfg, a.m, saddr, daddr, 0, cfg.log(a.m, AF_INET))

    def _ip6(self, cfg: Nat64StlInstance, a: FwArgs, aaddr: bytes) -> int:
        if cfg.private(aaddr):
            cfg.stats["dropped"] += 1
            return NAT64MFREE
        size = cfg.plat_plen // 8
        if a.dst[:size] != cfg.plat_prefix[:size]:
            return NAT64SKIP
        return do_handle_ip6(cfg, a.m, aaddr, 0, cfg.log(a.m, AF_INET6))

    def _icmp6(self, cfg: Nat64StlInstance, m: Mbuf) -> int:
        inner = inner_packet(cfg, m)
        if inner is None:
            return NAT64MFREE
        value = cfg.map64.algo.lookup(inner[24:40])
        if value is None:
            return NAT64RETURN
        return handle_icmp6(cfg, m, 0, value.nh4.to_bytes(4, "big"), cfg.log(m, AF_INET6))
