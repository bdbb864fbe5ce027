"""The nat64clat action: the customer's side of 464XLAT (nat64/nat64clat.c, nat64clat_control.c; RFC 6877).

An IPv4 packet goes from the CLAT prefix with its source to the PLAT prefix with its destination, and the answers come back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, KError
from vshell.abi.ip_fw_nat64 import NAT64_ALLOW_PRIVATE, NAT64_LOG, Nat64ClatConfig
from vshell.abi.socket import AF_INET, AF_INET6, IPPROTO_ICMPV6
from vshell.kernel.kern.module import SI_ORDER_ANY, SI_SUB_PROTO_IFATTACHDOMAIN
from vshell.kernel.netpfil.ipfw.ip_fw_action import CONSUMED
from vshell.kernel.netpfil.ipfw.ip_fw_eaction import EA_MATCHED
from vshell.kernel.netpfil.ipfw.ip_fw_eaction_instance import EactionModule
from vshell.kernel.netpfil.ipfw.nat64_translate import (
    NAT64MFREE,
    NAT64SKIP,
    PF_IN,
    Log,
    Nat64Instance,
    check_ip4,
    check_prefix6,
    do_handle_ip4,
    do_handle_ip6,
    embed_ip4,
    extract_ip4,
    handle_icmp6,
)
from vshell.kernel.netpfil.ipfw.nat64stl import inner_packet

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet
    from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw
    from vshell.kernel.netpfil.ipfw.ip_fw_args import FwArgs

FLAGS = NAT64_LOG | NAT64_ALLOW_PRIVATE


class Nat64ClatInstance(Nat64Instance):
    """struct nat64clat_cfg."""

    def __init__(self, vnet: Vnet, c: Nat64ClatConfig) -> None:
        super().__init__(vnet, "nat64clat", c.name, c.set, (c.plat_prefix, c.plat_plen), c.flags & FLAGS)
        self.clat_prefix, self.clat_plen = c.clat_prefix, c.clat_plen
        self.pktid = 0

    def log(self, m: Mbuf, family: int) -> Log | None:
        """nat64clat_log: show the packet as it came."""
        tap = self.tap("NAT64CLAT", self.kidx, self.pktid + 1)
        if tap is not None:
            self.pktid += 1
            tap(family, PF_IN, m)
        return tap


class Nat64Clat(EactionModule, sub=SI_SUB_PROTO_IFATTACHDOMAIN, order=SI_ORDER_ANY):
    """The instances of a stack."""

    kind = "nat64clat"

    def make(self, config: Any) -> Nat64ClatInstance:
        """nat64clat_create."""
        if not isinstance(config, Nat64ClatConfig):
            raise KError(EINVAL)
        _check(config)
        return Nat64ClatInstance(self.vnet, config)

    def export(self, instance: Nat64ClatInstance) -> Nat64ClatConfig:
        """nat64clat_export_config."""
        return Nat64ClatConfig(
            instance.name,
            instance.set,
            instance.plat_prefix,
            instance.clat_prefix,
            instance.plat_plen,
            instance.clat_plen,
            instance.flags,
        )

    def configure(self, instance: Nat64ClatInstance, config: Any) -> None:
        """Prefixes and flags."""
        _check(config)
        instance.plat_prefix, instance.plat_plen = config.plat_prefix, config.plat_plen
        instance.clat_prefix, instance.clat_plen = config.clat_prefix, config.clat_plen
        instance.flags = config.flags & FLAGS

    def handle(self, f: IpFw, a: FwArgs, instance: Nat64ClatInstance) -> int:
        """ipfw_nat64clat."""
        if a.v4:
            result = self._ip4(instance, a)
        elif a.v6:
            result = self._ip6(instance, a)
        else:
            return EA_MATCHED
        if result == NAT64SKIP and a.proto == IPPROTO_ICMPV6:
            result = self._icmp6(instance, a.m)
        return EA_MATCHED if result == NAT64SKIP else CONSUMED

    def _ip4(self, cfg: Nat64ClatInstance, a: FwArgs) -> int:
        if not (check_ip4(a.src) and check_ip4(a.dst)) or cfg.private(a.dst):
            return NAT64SKIP
        saddr = embed_ip4(cfg.clat_prefix, cfg.clat_plen, a.src)
        daddr = embed_ip4(cfg.plat_prefix, cfg.plat_plen, a.dst)
        return do_handle_ip4(cfg, a.m, saddr, daddr, 0, cfg.log(a.m, AF_INET))

    def _ip6(self, cfg: Nat64ClatInstance, a: FwArgs) -> int:
        clat, plat = cfg.clat_plen // 8, cfg.plat_plen // 8
        if a.dst[:clat] != cfg.clat_prefix[:clat] or a.src[:plat] != cfg.plat_prefix[:plat]:
            return NAT64SKIP
        log = cfg.log(a.m, AF_INET6)
        aaddr = extract_ip4(a.src, cfg.plat_plen)
        # The destination is taken apart by the length of the PLAT prefix, not of the CLAT prefix.
        return do_handle_ip6(cfg, a.m, aaddr or bytes(4), 0, log)

    def _icmp6(self, cfg: Nat64ClatInstance, m: Mbuf) -> int:
        inner = inner_packet(cfg, m)
        daddr = extract_ip4(inner[24:40], cfg.clat_plen) if inner is not None else None
        if inner is None:
            return NAT64MFREE
        if daddr is None:
            cfg.stats["dropped"] += 1
            return NAT64MFREE
        return handle_icmp6(cfg, m, 0, daddr, cfg.log(m, AF_INET6))


def _check(c: Nat64ClatConfig) -> None:
    if not check_prefix6(c.plat_prefix, c.plat_plen) or not check_prefix6(c.clat_prefix, c.clat_plen):
        raise KError(EINVAL)
