"""ng_checksum(4): puts the checksums of IP, TCP and UDP in (netgraph/ng_checksum.c).

Which ones is said by its settings and by nodes before it (ng_patch).  What the settings leave to the hardware is only
prepared: no interface here computes checksums, so the packet leaves with the sum of the pseudo header.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, EOPNOTSUPP
from vshell.abi.socket import (
    IPPROTO_AH,
    IPPROTO_DSTOPTS,
    IPPROTO_FRAGMENT,
    IPPROTO_HOPOPTS,
    IPPROTO_ROUTING,
    IPPROTO_TCP,
    IPPROTO_UDP,
)
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import NgHook, NgMsg, ngmsg
from vshell.kernel.netgraph.ng_parse import UINT8, UINT64, NgStruct
from vshell.kernel.netgraph.ng_patch import (
    CSUM_IP,
    CSUM_TAG,
    CSUM_TCP,
    CSUM_TCP_IPV6,
    CSUM_UDP,
    CSUM_UDP_IPV6,
    DLT_RAW,
    InOut,
    network_offset,
)  # fmt: skip
from vshell.wire.cksum import in_cksum, in_sum
from vshell.wire.ether import ETHERTYPE_IP, ETHERTYPE_IPV6

if TYPE_CHECKING:
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x3868)

CSUM_IPV4, CSUM_IPV6 = CSUM_IP | CSUM_TCP | CSUM_UDP, CSUM_TCP_IPV6 | CSUM_UDP_IPV6
SUM_AT = {IPPROTO_TCP: (16, 20), IPPROTO_UDP: (6, 8)}
"""Protocol -> (where its checksum is, bytes its header has at least)."""

CONFIG = NgStruct(("csum_flags", UINT64), ("csum_offload", UINT64))
STATS = NgStruct(("Received", UINT64), ("Processed", UINT64), ("Dropped", UINT64))


class Checksum(InOut, ngtype="checksum", cookie=439419912):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.conf: dict[str, int] | None = None

    @ngmsg(1, "getdlt", resp=UINT8)
    def getdlt(self, arg: Any, msg: NgMsg) -> int:
        """The link type."""
        return self.dlt

    @ngmsg(2, "setdlt", arg=UINT8)
    def setdlt(self, arg: int, msg: NgMsg) -> None:
        """Change it."""
        self.change_dlt(arg)

    @ngmsg(3, "getconfig", resp=CONFIG)
    def getconfig(self, arg: Any, msg: NgMsg) -> Any:
        """The settings; no answer while there are none."""
        return self.conf

    @ngmsg(4, "setconfig", arg=CONFIG)
    def setconfig(self, arg: dict[str, int], msg: NgMsg) -> None:
        """Which checksums, and which of them are left to the hardware."""
        self.conf = {name: value & (CSUM_IPV4 | CSUM_IPV6) for name, value in arg.items()}

    def _stats(self) -> dict[str, int]:
        return dict(zip(("Received", "Processed", "Dropped"), self.stats, strict=True))

    @ngmsg(5, "getclrstats", resp=STATS)
    def getclrstats(self, arg: Any, msg: NgMsg) -> Any:
        """Both."""
        stats, self.stats = self._stats(), [0, 0, 0]
        return stats

    @ngmsg(6, "getstats", resp=STATS)
    def getstats(self, arg: Any, msg: NgMsg) -> Any:
        """The counters."""
        return self._stats()

    @ngmsg(7, "clrstats")
    def clrstats(self, arg: Any, msg: NgMsg) -> None:
        """Count anew."""
        self.stats = [0, 0, 0]

    # data ------------------------------------------------------------------------------------------------------
    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Work on what comes in by "in"."""
        self.stats[0] += 1
        if self.conf is not None and hook is self.input:
            tags = m.tags or {}
            flags = tags.get(CSUM_TAG, 0) | self.conf["csum_flags"]
            if flags:
                m.tags = {**tags, CSUM_TAG: self._process(m, flags)}
        return self.pass_on(hook, m)

    def _process(self, m: Mbuf, flags: int) -> int:
        """The flags that are left."""
        if not flags & (CSUM_IPV4 | CSUM_IPV6):
            return flags
        found = network_offset(m, self.dlt)
        if found is None:
            return flags
        start, etype = found
        if self.dlt == DLT_RAW:
            left = self._ipv4(m, 0, flags) if flags & CSUM_IPV4 else -EOPNOTSUPP
            if left < 0 and flags & CSUM_IPV6:
                left = self._ipv6(m, 0, flags)
            return left if left >= 0 else flags & ~(CSUM_IPV4 | CSUM_IPV6)
        if etype == ETHERTYPE_IP and flags & CSUM_IPV4:
            left = self._ipv4(m, start, flags)
        elif etype == ETHERTYPE_IPV6 and flags & CSUM_IPV6:
            left = self._ipv6(m, start, flags)
        else:
            return flags & ~(CSUM_IPV4 | CSUM_IPV6)
        return left if left >= 0 else flags

    def _ipv4(self, m: Mbuf, start: int, flags: int) -> int:
        """checksum_ipv4: the flags that are left, or minus an errno."""
        assert self.conf is not None
        at = m.off + start
        data = m.data
        if len(m) < start + 20:
            return -EINVAL
        if data[at] >> 4 != 4:
            return -EOPNOTSUPP
        hlen, plen = (data[at] & 15) * 4, int.from_bytes(data[at + 2 : at + 4], "big")
        if hlen < 20 or len(m) < start + plen:
            return -EINVAL
        processed = False
        if flags & CSUM_IP:
            data[at + 10 : at + 12] = b"\0\0"
            if not self.conf["csum_offload"] & CSUM_IP:
                data[at + 10 : at + 12] = in_cksum(data[at : at + hlen]).to_bytes(2, "big")
                flags &= ~CSUM_IP
            processed = True
        if int.from_bytes(data[at + 6 : at + 8], "big") & 0x3FFF:
            return flags & ~(CSUM_TCP | CSUM_UDP)
        pseudo = bytes(data[at + 12 : at + 20]) + bytes((0, data[at + 9])) + (plen - hlen & 0xFFFF).to_bytes(2, "big")
        wanted = {IPPROTO_TCP: CSUM_TCP, IPPROTO_UDP: CSUM_UDP}
        flags, done = self._upper(m, start + hlen, start + plen, data[at + 9], pseudo, flags, wanted)
        if flags < 0:
            return flags
        self.stats[1] += processed or done
        return flags & ~CSUM_IPV6

    def _ipv6(self, m: Mbuf, start: int, flags: int) -> int:
        """checksum_ipv6: the same."""
        at = m.off + start
        data = m.data
        if len(m) < start + 40:
            return -EINVAL
        if data[at] >> 4 != 6:
            return -EOPNOTSUPP
        plen = int.from_bytes(data[at + 4 : at + 6], "big") + 40
        if len(m) < start + plen:
            return -EINVAL
        proto, hlen = data[at + 6], 40
        while proto in (IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_AH):
            if len(m) < start + hlen + 2:
                return -EINVAL
            length = data[at + hlen + 1]
            after = (length + 2) * 4 if proto == IPPROTO_AH else (length + 1) * 8
            proto, hlen = data[at + hlen], hlen + after
            if not proto:
                return -EINVAL
        if proto == IPPROTO_FRAGMENT:
            return flags & ~(CSUM_TCP_IPV6 | CSUM_UDP_IPV6)
        pseudo = bytes(data[at + 8 : at + 40]) + max(plen - hlen, 0).to_bytes(4, "big") + bytes((0, 0, 0, proto))
        wanted = {IPPROTO_TCP: CSUM_TCP_IPV6, IPPROTO_UDP: CSUM_UDP_IPV6}
        flags, done = self._upper(m, start + hlen, start + plen, proto, pseudo, flags, wanted)
        if flags < 0:
            return flags
        self.stats[1] += done
        return flags & ~CSUM_IPV4

    def _upper(
        self, m: Mbuf, start: int, end: int, proto: int, pseudo: bytes, flags: int, wanted: dict[int, int]
    ) -> tuple[int, bool]:
        """TCP or UDP: (the flags that are left or minus an errno, was there something to do?)."""
        assert self.conf is not None
        bit = wanted.get(proto, 0)
        done = bool(flags & bit)
        if done:
            where, least = SUM_AT[proto]
            if len(m) < start + least:
                return -EINVAL, False
            at = m.off + start + where
            begin = in_sum(pseudo)
            m.data[at : at + 2] = begin.to_bytes(2, "big")
            if not self.conf["csum_offload"] & bit:
                value = in_cksum(m.data[m.off + start : m.off + end])
                if proto == IPPROTO_UDP and not value:
                    value = 0xFFFF
                m.data[at : at + 2] = value.to_bytes(2, "big")
                flags &= ~bit
        for other in wanted.values():
            if other != bit:
                flags &= ~other
        return flags, done
