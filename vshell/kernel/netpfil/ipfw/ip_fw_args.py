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

if TYPE_CHECKING:
    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

ETHER_HDR = 14
PORTS = frozenset((6, 17, 132, 136))
ICMP, ICMPV6, TCP = 1, 58, 6
NOTHING = TableValue()


class FwArgs:
    """What is known about a packet; read once, before the first rule."""

    __slots__ = (
        "data", "dport", "dst", "eh", "exthdrs", "flow", "ifp", "iif", "incoming", "inp", "iplen", "layer2", "looked", "m",
        "mark", "off", "offset", "oif", "proto", "short", "sport", "src", "ulp", "v4", "v6", "value", "vnet",
    )  # fmt: skip

    def __init__(self, vnet: Vnet, m: Mbuf, ifp: Ifnet | None, incoming: bool, inp: Any, layer2: bool) -> None:
        self.vnet, self.m, self.ifp, self.incoming, self.inp, self.layer2 = vnet, m, ifp, incoming, inp, layer2
        self.iif: Ifnet | None = ifp if incoming else m.rcvif
        self.oif: Ifnet | None = None if incoming else ifp
        self.data = m.data
        self.eh = m.off
        self.off = m.off + ETHER_HDR if layer2 else m.off
        self.v4 = self.v6 = self.short = False
        self.src = self.dst = b""
        self.proto = self.sport = self.dport = self.offset = self.iplen = self.exthdrs = self.flow = self.mark = 0
        self.ulp = -1
        self.value = NOTHING
        """What the last look-up in a table found: the arguments of actions that take theirs from there (tablearg)."""
        self.looked: tuple[str, ...] = ()
        """Names of states that were looked for: each name once for a packet."""
        etype = (m.data[m.off + 12] << 8 | m.data[m.off + 13]) if layer2 and len(m.data) - m.off >= ETHER_HDR else 0
        room = len(m.data) - self.off
        if room >= 20 and self.data[self.off] >> 4 == 4 and (not layer2 or etype == 0x0800):
            self._ip4()
        elif room >= 40 and self.data[self.off] >> 4 == 6 and (not layer2 or etype == 0x86DD):
            self._ip6()

    def _ip4(self) -> None:
        data, off = self.data, self.off
        hlen = (data[off] & 15) << 2
        if hlen < 20:
            return
        self.v4 = True
        self.src, self.dst = bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20])
        self.iplen = data[off + 2] << 8 | data[off + 3]
        self.offset = (data[off + 6] << 8 | data[off + 7]) & 0x1FFF
        self.proto = data[off + 9]
        if not self.offset:
            self._upper(off + hlen)

    def _ip6(self) -> None:
        data, at = self.data, self.off + 40
        off = self.off
        self.v6 = True
        self.src, self.dst = bytes(data[off + 8 : off + 24]), bytes(data[off + 24 : off + 40])
        self.iplen = 40 + (data[off + 4] << 8 | data[off + 5])
        self.flow = int.from_bytes(data[off : off + 4], "big") & 0xFFFFF
        proto = data[off + 6]
        while proto in _EXTENSIONS and at + 8 <= len(data):
            bit, fixed = _EXTENSIONS[proto]
            if proto == 43:
                bit = {0: EXT_ROUTING | EXT_RTHDR0, 2: EXT_ROUTING | EXT_RTHDR2}.get(data[at + 2], EXT_ROUTING)
            self.exthdrs |= bit
            if proto == 44:
                self.offset = (data[at + 2] << 8 | data[at + 3]) & 0xFFF9
            size = fixed or ((data[at + 1] + 2) * 4 if proto == 51 else (data[at + 1] + 1) * 8)
            proto, at = data[at], at + size
            if self.offset & 0xFFF8:
                break
        if proto == 50:
            self.exthdrs |= EXT_ESP
        self.proto = proto
        if not self.offset & 0xFFF8:
            self._upper(at)

    def _upper(self, at: int) -> None:
        """Ports and the place of the upper header; a packet too short for it is dropped, as is one with none at all."""
        data = self.data
        need = 20 if self.proto == TCP else 8 if self.proto == 17 else 4 if self.proto in (ICMP, ICMPV6) else 0
        if self.proto in PORTS:
            need = max(need, 4)
        if at + need > len(data):
            self.short = True
            return
        self.ulp = at
        if self.proto in PORTS:
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
    0: (EXT_HOPOPTS, 0), 43: (EXT_ROUTING, 0), 44: (EXT_FRAGMENT, 8), 60: (EXT_DSTOPTS, 0), 51: (EXT_AH, 0),
}  # fmt: skip
