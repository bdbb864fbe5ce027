"""A packet as the rules see it (struct ip_fw_args and the locals of ipfw_chk, netpfil/ipfw/ip_fw2.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.ip_fw import (
    EXT_AH,
    EXT_DSTOPTS,
    EXT_ESP,
    EXT_FRAGMENT,
    EXT_HOPOPTS,
    EXT_ROUTING,
    EXT_RTHDR0,
    EXT_RTHDR2,
    TableValue,
)
from vshell.abi.socket import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE
from vshell.kernel.netinet.ip_rule_ref import RuleRef

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

__all__ = ["FwArgs", "RuleRef"]

ETHER_HDR = 14
PORTS = frozenset((IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_UDPLITE))
NOTHING = TableValue()
UNKNOWN = object()
NEEDS = {IPPROTO_TCP: 20, IPPROTO_UDP: 8, IPPROTO_UDPLITE: 8, IPPROTO_SCTP: 12, IPPROTO_ICMP: 4, IPPROTO_ICMPV6: 8}
"""Octets of the upper header that must be there."""
LONELY, STRANGE = 0x1000, 0x2000
"""Of `exthdrs`: a fragment header of a whole packet; a header nobody knows (both are refused if the sysctls say so)."""


class FwArgs:
    """What is known about a packet; read once, before the first rule."""

    __slots__ = (
        "data", "dport", "dst", "eh", "exthdrs", "flow", "hits", "hlen", "ident", "ifp", "iif", "incoming", "info", "inp",
        "iplen", "layer2", "looked", "m", "mark", "off", "offset", "oif", "owner", "proto", "reverse", "short", "sport", "src",
        "ulp", "v4", "v6", "value", "vnet",
    )  # fmt: skip

    def __init__(self, vnet: Vnet, m: Mbuf, ifp: Ifnet | None, incoming: bool, inp: Any, layer2: bool) -> None:
        self.vnet, self.ifp, self.incoming, self.inp, self.layer2 = vnet, ifp, incoming, inp, layer2
        self.iif: Ifnet | None = ifp if incoming else m.rcvif
        self.oif: Ifnet | None = None if incoming else ifp
        self.mark = self.info = self.hits = 0
        self.parse(m)

    def parse(self, m: Mbuf) -> None:
        """Read the packet (anew, when an action has changed it)."""
        data = self.data = m.data
        off = self.eh = m.off
        self.m = m
        self.v4 = self.v6 = self.short = self.reverse = False
        self.src = self.dst = b""
        self.proto = self.sport = self.dport = self.offset = self.iplen = self.exthdrs = self.flow = self.ident = self.hlen = 0
        self.ulp = -1
        self.value = NOTHING
        """What the last look-up in a table found: the arguments of actions that take theirs from there (tablearg)."""
        self.looked: tuple[str, ...] = ()
        """Names of states that were looked for: each name once for a packet."""
        self.owner: Any = UNKNOWN
        """The credentials of its socket, once somebody asked for them."""
        etype = 0
        if self.layer2:
            self.short = len(data) - off < ETHER_HDR
            etype = -1 if self.short else data[off + 12] << 8 | data[off + 13]
            off += ETHER_HDR
        self.off = off
        room = len(data) - off
        if room >= 20 and data[off] >> 4 == 4 and etype in (0, 0x0800):
            self._ip4()
        elif room >= 40 and data[off] >> 4 == 6 and etype in (0, 0x86DD):
            self._ip6()
        if self.iplen > len(data) - self.eh:
            self.iplen = len(data) - self.eh

    def _ip4(self) -> None:
        data, off = self.data, self.off
        hlen = (data[off] & 15) << 2
        self.v4 = True
        self.hlen = hlen
        self.src, self.dst = bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20])
        self.iplen = data[off + 2] << 8 | data[off + 3]
        self.offset = (data[off + 6] << 8 | data[off + 7]) & 0x1FFF
        self.proto = data[off + 9]
        if not self.offset:
            self._upper(off + hlen)
        elif self.offset == 1 and self.proto == IPPROTO_TCP:
            # RFC 3128: it would change the flags of the first fragment.
            self.short = True

    def _ip6(self) -> None:
        data, at = self.data, self.off + 40
        off = self.off
        self.v6 = True
        self.src, self.dst = bytes(data[off + 8 : off + 24]), bytes(data[off + 24 : off + 40])
        self.iplen = 40 + (data[off + 4] << 8 | data[off + 5])
        self.flow = int.from_bytes(data[off : off + 4], "big") & 0xFFFFF
        proto = data[off + 6]
        while proto in _EXTENSIONS and not self.offset & 0xFFF8:
            bit, fixed = _EXTENSIONS[proto]
            if at + (fixed or 2) > len(data):
                self.short = True
                return
            if proto == 43:
                bit = {0: EXT_ROUTING | EXT_RTHDR0, 2: EXT_ROUTING | EXT_RTHDR2}.get(data[at + 2], EXT_ROUTING | STRANGE)
            self.exthdrs |= bit
            if proto == 44:
                self.offset = (data[at + 2] << 8 | data[at + 3]) & 0xFFF9
                self.ident = int.from_bytes(data[at + 4 : at + 8], "big")
                if not self.offset:
                    self.exthdrs |= LONELY
            size = 8 if proto == 44 else (data[at + 1] + 2) * 4 if proto == 51 else (data[at + 1] + 1) * 8
            proto, at = data[at], at + size
        self.hlen = at - off
        self.proto = proto
        if self.offset & 0xFFF8:
            return
        if proto == 50:
            self.exthdrs |= EXT_ESP
        elif proto not in _UPPER6:
            self.exthdrs |= STRANGE
        self._upper(at)

    def _upper(self, at: int) -> None:
        """Ports and the place of the upper header; a packet too short for it is dropped, as is one with none at all."""
        data, proto = self.data, self.proto
        need = NEEDS.get(proto)
        if need is None:
            self.ulp = at
            if at > len(data):
                self.ulp = -1
            return
        if at + need > len(data):
            self.short = True
            return
        self.ulp = at
        if proto in PORTS:
            self.sport, self.dport = data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]

    @property
    def targ(self) -> int:
        """The value of a table whose values are all the same (IPFW_VTYPE_LEGACY)."""
        return self.value.tag

    @property
    def first(self) -> bool:
        """Not a later fragment."""
        return not (self.offset & 0xFFF8 if self.v6 else self.offset)

    @property
    def tcpflags(self) -> int:
        """Flags of a TCP segment."""
        return self.data[self.ulp + 13]


_EXTENSIONS = {
    0: (EXT_HOPOPTS, 2), 43: (EXT_ROUTING, 4), 44: (EXT_FRAGMENT, 8), 60: (EXT_DSTOPTS, 2), 51: (EXT_AH, 2),
}  # fmt: skip
"""Extension headers: their bit, and how much of them must be there."""
_UPPER6 = frozenset((IPPROTO_ICMPV6, IPPROTO_TCP, 132, 17, 136, 59, 89, 103, 47, 112, 41, 4, 97, 240))
"""What else may follow (OSPF, PIM, GRE, CARP, IPv6, IPv4, EtherIP, pfsync)."""
