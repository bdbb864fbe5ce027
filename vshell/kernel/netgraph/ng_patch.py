"""ng_patch(4): arithmetic on the bytes of packets (netgraph/ng_patch.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi.errno import EINVAL, KError
from vshell.kernel.kern.module import Kld
from vshell.kernel.netgraph.ng_base import LastHook, NgHook, NgMsg, ng_send_data, ngmsg
from vshell.kernel.netgraph.ng_parse import UINT8, UINT16, UINT32, UINT64, Array, NgStruct

if TYPE_CHECKING:
    from collections.abc import Callable

    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.net.vnet import Vnet

KLD = Kld(depends=("netgraph",), size=0x3870)

DLT_EN10MB, DLT_RAW = 1, 12
CSUM_IP, CSUM_UDP, CSUM_TCP, CSUM_SCTP, CSUM_UDP_IPV6, CSUM_TCP_IPV6, CSUM_SCTP_IPV6 = 1, 2, 4, 8, 0x200, 0x400, 0x800
CSUM_ALL = CSUM_IP | CSUM_UDP | CSUM_TCP | CSUM_SCTP | CSUM_UDP_IPV6 | CSUM_TCP_IPV6 | CSUM_SCTP_IPV6
CSUM_TAG = "csum_flags"
"""Where an mbuf has the checksums that are still to be put in (m_pkthdr.csum_flags)."""
VLAN_TYPES = (0x8100, 0x88A8, 0x9100)
MHLEN = 168
"""So far into a packet headers are looked at."""
CONFIG_SIZE, OP_SIZE = 24, 16
MODES: dict[int, Callable[[int, int], int]] = {
    1: lambda old, by: by,
    2: lambda old, by: old + by,
    3: lambda old, by: old - by,
    4: lambda old, by: old * by,
    # DIFFERS: to divide by zero ends a FreeBSD.
    5: lambda old, by: old // by if by else old,
    6: lambda old, by: -old,
    7: lambda old, by: old & by,
    8: lambda old, by: old | by,
    9: lambda old, by: old ^ by,
    10: lambda old, by: old << min(by, 64),
    11: lambda old, by: old >> min(by, 64),
}
"""set, add, sub, mul, div, neg, and, or, xor, shl, shr."""

OP = NgStruct(("offset", UINT32), ("length", UINT16), ("mode", UINT16), ("value", UINT64))


def _count(data: bytes | bytearray, off: int) -> int:
    start = off - CONFIG_SIZE
    return int.from_bytes(data[start : start + 4], "little") if start >= 0 else 0


CONFIG = NgStruct(("count", UINT32), ("csum_flags", UINT64), ("relative_offset", UINT32), ("ops", Array(OP, _count)))
STATS = NgStruct(("Received", UINT64), ("Patched", UINT64), ("Dropped", UINT64))


def network_offset(m: Mbuf, dlt: int) -> tuple[int, int] | None:
    """Where the packet in a frame begins, after any number of VLAN tags, and its type; None if it is cut off."""
    if dlt == DLT_RAW:
        return 0, 0
    size, at = len(m), 14
    while size >= at <= MHLEN:
        etype = int.from_bytes(m.data[m.off + at - 2 : m.off + at], "big")
        if etype not in VLAN_TYPES:
            return at, etype
        at += 4
    return None


class InOut(LastHook):
    """A node with the hooks "in" and "out"; what is not patched goes from one to the other (patch, checksum)."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.input: NgHook | None = None
        self.output: NgHook | None = None
        self.dlt = DLT_RAW
        self.stats = [0, 0, 0]
        """Received, changed, dropped."""

    def newhook(self, hook: NgHook, name: str) -> None:
        """Whatever begins with "in" or "out"; the youngest counts."""
        if name.startswith("in"):
            self.input = hook
        elif name.startswith("out"):
            self.output = hook
        else:
            raise KError(EINVAL)

    def disconnect(self, hook: NgHook) -> None:
        """One less."""
        if hook is self.input:
            self.input = None
        if hook is self.output:
            self.output = None
        super().disconnect(hook)

    def change_dlt(self, dlt: int) -> None:
        """Ethernet or bare packets."""
        if dlt not in (DLT_EN10MB, DLT_RAW):
            raise KError(EINVAL)
        self.dlt = dlt

    def pass_on(self, hook: NgHook, m: Mbuf) -> int:
        """To the other side, or back where there is none."""
        if hook is self.input:
            return ng_send_data(self.output or self.input, m)
        if hook is self.output and self.input is not None:
            return ng_send_data(self.input, m)
        self.stats[2] += 1
        return 0


class Patch(InOut, ngtype="patch", cookie=1262445509):
    """The node."""

    def __init__(self, vnet: Vnet) -> None:
        super().__init__(vnet)
        self.conf: dict[str, Any] | None = None

    @ngmsg(1, "setconfig", arg=CONFIG, size=0)
    def setconfig(self, arg: dict[str, Any], msg: NgMsg) -> None:
        """What to do with each packet."""
        if len(msg.data) < CONFIG_SIZE + OP_SIZE * arg["count"]:
            raise KError(EINVAL)
        for op in arg["ops"]:
            if op["length"] not in (1, 2, 4, 8):
                raise KError(EINVAL)
            op["value"] &= (1 << 8 * op["length"]) - 1
        arg["csum_flags"] &= CSUM_ALL
        arg["relative_offset"] = int(bool(arg["relative_offset"]))
        self.conf = arg

    @ngmsg(2, "getconfig", resp=CONFIG)
    def getconfig(self, arg: Any, msg: NgMsg) -> Any:
        """The same; no answer while there is none."""
        return self.conf

    def _stats(self) -> dict[str, int]:
        return dict(zip(("Received", "Patched", "Dropped"), self.stats, strict=True))

    @ngmsg(3, "getstats", resp=STATS)
    def getstats(self, arg: Any, msg: NgMsg) -> Any:
        """The counters."""
        return self._stats()

    @ngmsg(4, "clrstats")
    def clrstats(self, arg: Any, msg: NgMsg) -> None:
        """Count anew."""
        self.stats = [0, 0, 0]

    @ngmsg(5, "getclrstats", resp=STATS)
    def getclrstats(self, arg: Any, msg: NgMsg) -> Any:
        """Both."""
        stats, self.stats = self._stats(), [0, 0, 0]
        return stats

    @ngmsg(6, "getdlt", resp=UINT8)
    def getdlt(self, arg: Any, msg: NgMsg) -> int:
        """The link type."""
        return self.dlt

    @ngmsg(7, "setdlt", arg=UINT8)
    def setdlt(self, arg: int, msg: NgMsg) -> None:
        """Change it."""
        self.change_dlt(arg)

    def rcvdata(self, hook: NgHook, m: Mbuf) -> int:
        """Patch what comes in by "in"."""
        self.stats[0] += 1
        if self.conf is not None and hook is self.input:
            found = network_offset(m, self.dlt) if self.conf["relative_offset"] else (0, 0)
            if found is not None:
                self._patch(m, found[0])
                if self.conf["csum_flags"]:
                    tags = m.tags or {}
                    m.tags = {**tags, CSUM_TAG: tags.get(CSUM_TAG, 0) | self.conf["csum_flags"]}
        return self.pass_on(hook, m)

    def _patch(self, m: Mbuf, start: int) -> None:
        """do_patch: numbers of packets are big-endian."""
        assert self.conf is not None
        patched = False
        for op in self.conf["ops"]:
            size, at = op["length"], m.off + start + op["offset"]
            if at + size > len(m.data):
                continue
            old = int.from_bytes(m.data[at : at + size], "big")
            action = MODES.get(op["mode"])
            new = old if action is None else action(old, op["value"]) & (1 << 8 * size) - 1
            m.data[at : at + size] = new.to_bytes(size, "big")
            patched = True
        self.stats[1] += patched
