"""alias_nbt.ko: NetBIOS over UDP through address translation (libalias/alias_nbt.c; RFC 1002).

Datagrams name the address and port of their sender; packets of the name service carry addresses in their records.  Offsets
are those of the original's structures, which the compiler pads.
"""

from __future__ import annotations

from vshell.kernel.kern.module import Kld
from vshell.kernel.netinet.libalias.alias_db import AliasData, Libalias
from vshell.kernel.netinet.libalias.alias_mod import DIR_IN, DIR_OUT, PROTO_UDP, AliasModule, ProtoHandler
from vshell.kernel.netinet.libalias.alias_util import adjust, get16, put16, words

KLD = Kld(depends=("libalias",), size=0x3000)

NS_PORT, DGM_PORT = 137, 138
UDP_SUM, UDP_HLEN = 6, 8
DGM_HLEN, NS_HLEN, RR_HLEN = 16, 12, 12
DGM_DATA, DGM_ERROR, DGM_QUERIES = (0x10, 0x11, 0x12), 0x13, (0x14, 0x15, 0x16)
TYPE_A, TYPE_NS, TYPE_NULL, TYPE_NB, TYPE_NBSTAT = 0x01, 0x02, 0x0A, 0x20, 0x21
NB_START, NB_ADDR, NB_SIZE, NB_STEP = 8, 4, 8, 6
NONE = -1
"""No place in the packet: it ends too early."""


def _name(data: bytearray, at: int, end: int) -> int:
    """AliasHandleName: what follows a name."""
    if at < 0 or at >= end:
        return NONE
    if data[at] & 0xC0:
        return at + 2 if at + 2 <= end else NONE
    while at < end and data[at] & 0x3F:
        at += (data[at] & 0x3F) + 1
    return at + 1 if at < end else NONE


def _udp(data: bytearray, off: int) -> tuple[int, int]:
    """Where the UDP header is, and where its data ends."""
    uh = off + ((data[off] & 15) << 2)
    return uh, min(uh + get16(data, uh + 4), len(data))


def _datagram(la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    """AliasHandleUdpNbt."""
    uh, end = _udp(data, off)
    at = uh + UDP_HLEN
    if at + DGM_HLEN > end:
        return -1
    kind, after = data[at], NONE
    if kind in DGM_DATA:
        after = _name(data, _name(data, at + 14, end), end)
    elif kind == DGM_ERROR:
        after = at + 11
    elif kind in DGM_QUERIES:
        after = _name(data, at + 10, end)
    if data[uh + UDP_SUM] or data[uh + UDP_SUM + 1]:
        acc = get16(data, at + 8) - ad.aport + words(data[at + 4 : at + 8]) - words(ad.aaddr)
        adjust(data, uh + UDP_SUM, acc)
    data[at + 4 : at + 8] = ad.aaddr
    put16(data, at + 8, ad.aport)
    return 0 if 0 <= after <= end else -1


class _Service:
    """A packet of the name service, in which one address stands for another."""

    def __init__(self, data: bytearray, off: int, old: bytes, new: bytes) -> None:
        self.data, self.old, self.new = data, old, new
        self.uh, self.end = _udp(data, off)

    def translate(self) -> int:
        """AliasHandleUdpNbtNS."""
        header = self.uh + UDP_HLEN
        if header + NS_HLEN > self.end:
            return -1
        at = self._questions(get16(self.data, header + 4), header + NS_HLEN)
        for section in (6, 8, 10):
            at = self._records(get16(self.data, header + section), at)
        return -1 if at < 0 else 0

    def _questions(self, count: int, at: int) -> int:
        for _ in range(count):
            at = _name(self.data, at, self.end)
            if at < 0 or at + 4 > self.end:
                return NONE
            if get16(self.data, at) in (TYPE_NB, TYPE_NBSTAT):
                at += 4
        return at

    def _records(self, count: int, at: int) -> int:
        for _ in range(count):
            at = _name(self.data, at, self.end)
            if at < 0 or at + RR_HLEN > self.end:
                break
            at = self._record(get16(self.data, at), at, get16(self.data, at + 8))
        return at

    def _record(self, kind: int, at: int, length: int) -> int:
        """What follows a record's data, for the original; the record itself if its type is not known."""
        if kind == TYPE_NB:
            return self._addresses(at + NB_START, length, NB_ADDR, NB_SIZE, NB_STEP)
        data = at + RR_HLEN
        if kind == TYPE_A:
            return self._addresses(data, length, 0, 4, 4)
        if kind == TYPE_NULL:
            return self._room(data + length if length % 2 == 0 else NONE, 2)
        if kind == TYPE_NS and _name(self.data, data, self.end) < 0:
            return NONE
        return self._room(data + length, 0) if kind in (TYPE_NS, TYPE_NBSTAT) else at

    def _room(self, at: int, size: int) -> int:
        return at if at + size <= self.end else NONE

    def _addresses(self, at: int, length: int, where: int, size: int, step: int) -> int:
        """AliasHandleResourceNB, AliasHandleResourceA: a length that is no multiple of six goes on to the packet's end."""
        while length:
            if at + size > self.end:
                return NONE
            self._address(at + where)
            at, length = at + step, length - NB_STEP & 0xFFFF
        return self._room(at, size)

    def _address(self, at: int) -> None:
        if self.data[at : at + 4] != self.old:
            return
        checksum = self.uh + UDP_SUM
        if self.data[checksum] or self.data[checksum + 1]:
            adjust(self.data, checksum, words(self.old) - words(self.new))
        self.data[at : at + 4] = self.new


def _service_in(la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    _Service(data, off, ad.aaddr, ad.oaddr).translate()
    return 0


def _service_out(la: Libalias, data: bytearray, off: int, ad: AliasData) -> int:
    return _Service(data, off, bytes(data[off + 12 : off + 16]), ad.aaddr).translate()


def _is_datagram(la: Libalias, ad: AliasData) -> bool:
    return ad.lnk is not None and DGM_PORT in (ad.sport, ad.dport)


def _is_service(la: Libalias, ad: AliasData) -> bool:
    return ad.lnk is not None and NS_PORT in (ad.sport, ad.dport)


class AliasNbt(AliasModule):
    """The handlers."""

    handlers = (
        ProtoHandler(130, DIR_IN | DIR_OUT, PROTO_UDP, _is_datagram, _datagram),
        ProtoHandler(140, DIR_IN, PROTO_UDP, _is_service, _service_in),
        ProtoHandler(140, DIR_OUT, PROTO_UDP, _is_service, _service_out),
    )
