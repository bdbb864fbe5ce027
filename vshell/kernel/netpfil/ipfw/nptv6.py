"""The nptv6 action: one IPv6 prefix for another, without states and without touching checksums (nptv6/nptv6.c, RFC 6296).

The difference the prefixes make in the ones' complement sum of an address is taken back in one of its other words: in the
subnet for prefixes up to 48 bits, else in the first word of the interface part that is not all ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, ESRCH, KError
from vshell.abi.ip_fw_nat64 import NPTV6_DYNAMIC_PREFIX, Nptv6Config
from vshell.abi.socket import AF_INET6, IPPROTO_ICMPV6
from vshell.kernel.kern.module import SI_ORDER_ANY, SI_SUB_PROTO_IFATTACHDOMAIN
from vshell.kernel.net.ifnet import ifaddr_event
from vshell.kernel.netinet6.icmp6 import icmp6_error
from vshell.kernel.netinet6.in6_var import Ip6
from vshell.kernel.netpfil.ipfw.ip_fw_action import DENY, PASS
from vshell.kernel.netpfil.ipfw.ip_fw_eaction import EA_MATCHED, EA_NEXT, NamedObject
from vshell.kernel.netpfil.ipfw.ip_fw_eaction_instance import EactionModule

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.netpfil.ipfw.ip_fw2 import IpFw
    from vshell.kernel.netpfil.ipfw.ip_fw_args import FwArgs

SKIPPED = (0, 43, 60)
"""Hop-by-hop options, routing and destination options headers."""
DST_UNREACH, DST_UNREACH_ADDR, ECHO_REQUEST, ECHO_REPLY = 1, 3, 128, 129
ERRORS = (1, 2, 3, 4)
SRC, DST = 8, 24


def _mask(plen: int) -> int:
    return (1 << 128) - (1 << 128 - plen)


def cksum_add(total: int, word: int) -> int:
    """Ones' complement addition of 16-bit words."""
    total += word
    return (total & 0xFFFF) + (total >> 16)


def _sum(addr: int) -> int:
    total = 0
    for shift in range(112, -1, -16):
        total = cksum_add(total, addr >> shift & 0xFFFF)
    return total


def _unfit(addr: bytes) -> bool:
    """nptv6_check_prefix: not a prefix for this."""
    if addr[0] == 0xFF or (addr[0] == 0xFE and addr[1] & 0xC0 == 0x80):
        return True
    return addr in (bytes(16), bytes(15) + b"\1")


class Nptv6Instance(NamedObject):
    """struct nptv6_cfg; prefixes are numbers."""

    def __init__(self, c: Nptv6Config) -> None:
        super().__init__("nptv6", c.name, c.set)
        self.plen, self.flags, self.if_name = c.plen, c.flags & NPTV6_DYNAMIC_PREFIX, c.if_name
        self.mask = _mask(c.plen)
        self.internal = int.from_bytes(c.internal, "big") & self.mask
        self.external = self.adjustment = 0
        self.ready = False
        self.stats = dict.fromkeys(("in2ex", "ex2in", "dropped"), 0)
        if not self.flags & NPTV6_DYNAMIC_PREFIX:
            self.set_external(c.external)

    def set_external(self, addr: bytes) -> None:
        """The prefix outside."""
        self.external = int.from_bytes(addr, "big") & self.mask
        self.adjustment = cksum_add(~_sum(self.external) & 0xFFFF, _sum(self.internal))
        self.ready = True

    def find_prefix(self, ifp: Ifnet) -> None:
        """The first address of the interface that will do."""
        for ifa in ifp.addrs:
            if ifa.family == AF_INET6 and not self.unsuitable(bytes(ifa.addr)):
                self.set_external(bytes(ifa.addr))
                return

    def unsuitable(self, addr: bytes) -> bool:
        """Is that no address to take the prefix outside from?"""
        return _unfit(addr) or int.from_bytes(addr, "big") & self.mask == self.internal


class Nptv6(EactionModule, sub=SI_SUB_PROTO_IFATTACHDOMAIN, order=SI_ORDER_ANY):
    """The instances of a stack."""

    kind = "nptv6"
    missing = ESRCH

    def make(self, config: Any) -> NamedObject:
        """nptv6_create."""
        if not isinstance(config, Nptv6Config) or not 8 <= config.plen <= 64 or _unfit(config.internal):
            raise KError(EINVAL)
        made = Nptv6Instance(config)
        if not made.flags & NPTV6_DYNAMIC_PREFIX:
            if _unfit(config.external) or made.external == made.internal:
                raise KError(EINVAL)
            return made
        ifp = self.vnet.ifnets.named(made.if_name)
        if ifp is not None:
            made.find_prefix(ifp)
        return made

    def export(self, instance: Nptv6Instance) -> Nptv6Config:
        """nptv6_export_config."""
        dynamic = instance.flags & NPTV6_DYNAMIC_PREFIX
        return Nptv6Config(
            instance.name,
            instance.set,
            instance.internal.to_bytes(16, "big"),
            bytes(16) if dynamic else instance.external.to_bytes(16, "big"),
            instance.if_name if dynamic else "",
            instance.plen,
            instance.flags,
        )

    def address_event(self, ifp: Ifnet, addr: bytes, added: bool) -> None:
        """An address came or went: instances that follow the interface look for their prefix again."""
        for each in self.srv.of_type(self.kind):
            if not each.flags & NPTV6_DYNAMIC_PREFIX or each.if_name != ifp.xname:
                continue
            if added:
                if each.ready or each.unsuitable(addr):
                    continue
            else:
                if not each.ready or int.from_bytes(addr, "big") & each.mask != each.external:
                    continue
                each.ready = False
            each.find_prefix(ifp)

    # packets ---------------------------------------------------------------------------------------------------
    def handle(self, f: IpFw, a: FwArgs, instance: Nptv6Instance) -> int:
        """ipfw_nptv6."""
        if not instance.ready or not a.v6 or not self.vnet[Ip6].forwarding:
            return EA_NEXT
        mask = instance.mask
        src, dst = int.from_bytes(a.src, "big") & mask, int.from_bytes(a.dst, "big") & mask
        if src == instance.internal and dst != instance.internal:
            outwards = True
        elif src != instance.internal and dst == instance.external:
            outwards = False
        else:
            return EA_NEXT
        if not self._rewrite(a, instance, outwards):
            instance.stats["dropped"] += 1
            return DENY
        instance.stats["in2ex" if outwards else "ex2in"] += 1
        data, off = a.m.data, a.off
        a.src, a.dst = bytes(data[off + SRC : off + DST]), bytes(data[off + DST : off + 40])
        return PASS if f.one_pass else EA_MATCHED

    def _rewrite(self, a: FwArgs, instance: Nptv6Instance, outwards: bool) -> bool:
        """nptv6_rewrite_internal, nptv6_rewrite_external: the header of the packet, and that of one it carries."""
        data, off = a.m.data, a.off
        if not _translate(data, off + (SRC if outwards else DST), instance, outwards):
            icmp6_error(self.vnet, a.m.copy(), DST_UNREACH, DST_UNREACH_ADDR, 0, a.m.rcvif)
            return False
        proto, at = _last_header(data, off)
        return proto >= 0 and (proto != IPPROTO_ICMPV6 or _icmp6(data, at, instance))


def _search_index(data: bytearray, at: int, plen: int) -> int:
    """Which word of an address takes the difference; -1 if none can."""
    if plen <= 48:
        return 3
    if data[at + 8 : at + 16] == bytes(8):
        return -1
    return next((i for i in range(4, 8) if data[at + 2 * i : at + 2 * i + 2] != b"\xff\xff"), -1)


def _translate(data: bytearray, at: int, instance: Nptv6Instance, outwards: bool) -> bool:
    """The address at data[at]; False if it has no word to take the difference."""
    index = _search_index(data, at, instance.plen)
    if index < 0:
        return False
    where = at + 2 * index
    word = data[where] << 8 | data[where + 1]
    addr = int.from_bytes(data[at : at + 16], "big") & ~instance.mask | (instance.external if outwards else instance.internal)
    data[at : at + 16] = addr.to_bytes(16, "big")
    word = cksum_add(word, instance.adjustment if outwards else ~instance.adjustment & 0xFFFF)
    data[where : where + 2] = (0 if word == 0xFFFF else word).to_bytes(2, "big")
    return True


def _last_header(data: bytearray, off: int) -> tuple[int, int]:
    """nptv6_getlasthdr: the protocol and where its header is; -1 if the packet is cut short."""
    proto, at = data[off + 6], off + 40
    while proto in SKIPPED:
        if at + 2 > len(data):
            return -1, at
        proto, at = data[at], at + (data[at + 1] + 1) * 8
    return proto, at


def _icmp6(data: bytearray, at: int, instance: Nptv6Instance) -> bool:
    """nptv6_translate_icmpv6: the packet an error is about is shown as its sender knows it; neighbours are not for us."""
    if at + 8 > len(data):
        return False
    if data[at] in (ECHO_REQUEST, ECHO_REPLY):
        return True
    inner = at + 8
    if data[at] not in ERRORS or inner + 40 > len(data):
        return False
    if int.from_bytes(data[inner + SRC : inner + DST], "big") & instance.mask == instance.external:
        return _translate(data, inner + SRC, instance, False)
    if int.from_bytes(data[inner + DST : inner + 40], "big") & instance.mask == instance.internal:
        return _translate(data, inner + DST, instance, True)
    return False


def _address_event(ifp: Any, ifa: Any, added: bool) -> None:
    module: Nptv6 | None = ifp.vnet.get(Nptv6)
    if module is not None and ifa.family == AF_INET6:
        module.address_event(ifp, bytes(ifa.addr), added)


ifaddr_event.append(_address_event)
