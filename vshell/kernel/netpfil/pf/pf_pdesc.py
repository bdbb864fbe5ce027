"""A packet as pf(4) sees it (struct pf_pdesc, pf_setup_pdesc, pf_walk_header of netpfil/pf/pf.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vshell.abi import pf as P
from vshell.abi.socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_ICMP,
    IPPROTO_ICMPV6,
    IPPROTO_IGMP,
    IPPROTO_SCTP,
    IPPROTO_TCP,
    IPPROTO_UDP,
)
from vshell.abi.sockio import IFCAP_TXCSUM, IFCAP_TXCSUM_IPV6, IFF_LOOPBACK
from vshell.kernel.netpfil.pf.pf_actions import Actions
from vshell.kernel.netpfil.pf.pf_if import kif_match
from vshell.wire.cksum import in_cksum, in_pseudo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vshell.kernel.net.ifnet import Ifnet
    from vshell.kernel.net.mbuf import Mbuf
    from vshell.kernel.netpfil.pf.pf_ioctl import Pf
    from vshell.kernel.netpfil.pf.pf_state import Key

ICMP, IGMP, TCP, UDP, ICMPV6, SCTP = IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6, IPPROTO_SCTP
FRAGMENT = 256
"""PF_VPROTO_FRAGMENT: a fragment, of whatever protocol."""
RES_MATCH, RES_BADOFF, RES_FRAG, RES_SHORT, RES_NORM, RES_MEMORY, RES_TS, RES_CONGEST, RES_IPOPTIONS = range(9)
RES_PROTCKSUM, RES_BADSTATE, RES_STATEINS, RES_MAXSTATES, RES_SRCLIMIT, RES_SYNPROXY, RES_MAPFAILED, RES_TRANSLATE = range(9, 17)
RES_MAX = 17
HEADERS = {TCP: 20, UDP: 8, ICMP: 8, ICMPV6: 8, SCTP: 12}
TH_FIN, TH_SYN, TH_RST, TH_PUSH, TH_ACK, TH_URG = 1, 2, 4, 8, 16, 32
CKSUMS = {TCP: 16, UDP: 6, ICMPV6: 2}
"""Where checksums over addresses are in the upper header."""
SIZES = {AF_INET: 4, AF_INET6: 16}


class Pdesc:
    """One packet on its way through the rules."""

    __slots__ = (
        "_reason", "ack", "act", "af", "badopts", "data", "df", "didx", "dir", "dport", "dst", "flags", "fragoff",
        "icmp_dir", "icmpcode", "icmptype", "ifp", "inner", "inp", "kept", "lookup", "m", "naf", "ndaddr", "ndport", "norm",
        "nsaddr", "nsport", "odport", "off", "osport", "p_len", "pf", "proto", "seq", "sidx", "sport", "src", "state_icmp",
        "tag", "tos", "tot_len", "ttl", "virtual_id", "virtual_proto", "virtual_type", "win",
    )  # fmt: skip

    def __init__(self, pf: Pf, m: Mbuf, ifp: Ifnet, af: int, direction: int, inp: Any) -> None:
        self.pf, self.m, self.ifp, self.dir, self.inp = pf, m, ifp, direction, inp
        self.af = self.naf = af
        self.sidx, self.didx = (0, 1) if direction == P.PF_IN else (1, 0)
        self.act = Actions()
        self.badopts = self.norm = self.state_icmp = self.kept = False
        self._reason = RES_MATCH
        self.inner = b""
        """An ICMP error as the other family has it, if it changes its family."""
        self.tot_len = self.proto = self.virtual_proto = self.sport = self.dport = 0
        self.src = self.dst = b""
        self.data = m.data
        self.lookup: tuple[int, int] | None = None
        self.tag: str = (m.tags or {}).get("pf_tag", "")
        self.fragoff = 0
        self.virtual_id = self.virtual_type = self.icmp_dir = self.icmptype = self.icmpcode = 0

    @property
    def reason(self) -> int:
        """PFRES_*: the last thing said about the packet."""
        return self._reason

    @reason.setter
    def reason(self, reason: int) -> None:
        """REASON_SET: each time is counted."""
        self._reason = reason
        self.pf.counters[reason] += 1

    def on(self, name: str) -> bool:
        """pfi_kkif_match."""
        return kif_match(name, self.ifp)

    def parse(self) -> bool:
        """Read the headers; False (and the reason) for what cannot be."""
        m = self.m
        self.data = m.data
        self.flags = self.seq = self.ack = self.win = self.p_len = self.sport = self.dport = 0
        if not (self._ip4() if self.af == AF_INET else self._ip6()):
            return False
        self.nsaddr, self.ndaddr = self.src, self.dst
        if not self._upper():
            return False
        self.osport, self.odport = self.nsport, self.ndport = self.sport, self.dport
        return True

    def _short(self) -> bool:
        self.reason = RES_SHORT
        return False

    def _ip4(self) -> bool:
        data, off = self.data, self.m.off
        hlen = (data[off] & 15) << 2
        self.tot_len = data[off + 2] << 8 | data[off + 3]
        if len(data) - off < self.tot_len or hlen < 20 or hlen > self.tot_len:
            return self._short()
        self.src, self.dst = bytes(data[off + 12 : off + 16]), bytes(data[off + 16 : off + 20])
        self.tos = data[off + 1] & ~3
        self.ttl = data[off + 8]
        frag = data[off + 6] << 8 | data[off + 7]
        self.df = bool(frag & 0x4000)
        self.fragoff = (frag & 0x1FFF) << 3
        self.off = off + hlen
        self.proto = data[off + 9]
        self.virtual_proto = FRAGMENT if frag & 0x3FFF else self.proto
        if hlen > 20:
            self.badopts = True
        if self.proto == IGMP and self.ttl != 1 and self.dst[0] & 0xF0 == 0xE0:
            self.badopts = True
        return True

    def _ip6(self) -> bool:
        data, off = self.data, self.m.off
        plen = data[off + 4] << 8 | data[off + 5]
        self.tot_len = plen + 40
        if len(data) - off < self.tot_len or not plen:
            return self._short()
        self.src, self.dst = bytes(data[off + 8 : off + 24]), bytes(data[off + 24 : off + 40])
        self.tos = ((data[off] << 8 | data[off + 1]) >> 4) & 0xFC
        self.ttl = data[off + 7]
        self.df = False
        proto, at = data[off + 6], off + 40
        end = off + self.tot_len
        fragment = False
        while proto in (0, 43, 44, 60, 51):
            if at + 8 > end:
                return self._short()
            if proto == 44:
                frag = data[at + 2] << 8 | data[at + 3]
                self.fragoff = frag & 0xFFF8
                fragment = bool(frag & 0xFFF9)
                proto, at = data[at], at + 8
                if self.fragoff:
                    break
                continue
            if proto == 43 and data[at + 2] == 0:
                self.reason = RES_IPOPTIONS
                return False
            if proto == 0 and at != off + 40:
                self.reason = RES_IPOPTIONS
                return False
            if proto in (0, 43, 60) and not (proto == 0 and self._harmless(at)):
                self.badopts = True
            size = (data[at + 1] + 2) * 4 if proto == 51 else (data[at + 1] + 1) * 8
            proto, at = data[at], at + size
        self.proto, self.off = proto, at
        self.virtual_proto = FRAGMENT if fragment else proto
        return at <= end or self._short()

    def _harmless(self, at: int) -> bool:
        """A hop-by-hop header of nothing but the router alert of MLD."""
        return self.data[at] == ICMPV6 and self.data[at + 2] == 5

    def _upper(self) -> bool:
        data, at, proto = self.data, self.off, self.virtual_proto
        need = HEADERS.get(proto)
        if need is None:
            return True
        end = self.m.off + self.tot_len
        if at + need > end:
            return self._short()
        if proto in (TCP, UDP, SCTP):
            self.sport, self.dport = data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
        if proto == TCP:
            self.seq, self.ack = int.from_bytes(data[at + 4 : at + 8], "big"), int.from_bytes(data[at + 8 : at + 12], "big")
            self.flags = data[at + 13]
            self.win = data[at + 14] << 8 | data[at + 15]
            self.p_len = end - at - (data[at + 12] >> 4) * 4
        elif proto == UDP:
            size = data[at + 4] << 8 | data[at + 5]
            if not self.dport or size > end - at or size < 8:
                return self._short()
        elif proto == SCTP:
            self.p_len = end - at
            if not self.sport or not self.dport:
                return self._short()
        else:
            self.icmptype, self.icmpcode = data[at], data[at + 1]
            nd = proto == ICMPV6 and 133 <= self.icmptype <= 137
            if nd and self.ttl != 255:
                self.reason = RES_NORM
                return False
            if nd and self.icmptype in (135, 136) and at + 24 > end:
                return self._short()
        return True

    # keys ------------------------------------------------------------------------------------------------------
    def key(self, src: bytes, sport: int, dst: bytes, dport: int) -> Key:
        """The key of a state for a packet from here to there, in this direction."""
        proto = self.proto
        if self.sidx == 0:
            return ((len(src) == 4 and AF_INET) or AF_INET6, proto, src, dst, sport, dport)
        return ((len(src) == 4 and AF_INET) or AF_INET6, proto, dst, src, dport, sport)

    def tcp_options(self) -> Iterator[tuple[int, int]]:
        """(kind, value) of each option; the value is a number where there is one."""
        data, at = self.data, self.off + 20
        end = self.off + (data[self.off + 12] >> 4) * 4
        while at < end:
            kind = data[at]
            if kind == 0:
                yield 0, 0
                return
            if kind == 1:
                yield 1, 0
                at += 1
                continue
            if at + 1 >= end or data[at + 1] < 2 or at + data[at + 1] > end:
                return
            size = data[at + 1]
            value = int.from_bytes(data[at + 2 : at + size], "big") if size <= 4 else 0
            yield kind, value
            at += size

    def wscale(self) -> int:
        """pf_get_wscale."""
        for kind, value in self.tcp_options():
            if kind == 3:
                return min(value, 14) | P.PF_WSCALE_FLAG
        return 0

    def mss(self) -> int:
        """pf_get_mss."""
        return next((value for kind, value in self.tcp_options() if kind == 2), 536)

    # changes ---------------------------------------------------------------------------------------------------
    def set_src(self, addr: bytes, port: int | None) -> None:
        """Another source; `port` is an ICMP identifier for echo."""
        self._change(12 if self.af == AF_INET else 8, self.src, addr, 0, port)
        self.src = addr
        if port is not None:
            self.sport = port

    def set_dst(self, addr: bytes, port: int | None) -> None:
        """Another destination."""
        self._change(16 if self.af == AF_INET else 24, self.dst, addr, 2, port)
        self.dst = addr
        if port is not None:
            self.dport = port

    def _change(self, at: int, old: bytes, new: bytes, port_at: int, port: int | None) -> None:
        data, off = self.data, self.m.off
        data[off + at : off + at + len(new)] = new
        if self.af == AF_INET:
            fix(data, off + 10, old, new)
        sum_at = CKSUMS.get(self.proto)
        if self.fragoff:
            return
        if sum_at is not None and old != new and self.off + sum_at + 2 <= len(data):
            self._fix(sum_at, old, new)
        if port is not None and self.proto in (TCP, UDP, SCTP):
            where = self.off + port_at
            before = bytes(data[where : where + 2])
            after = port.to_bytes(2, "big")
            data[where : where + 2] = after
            if sum_at is not None:
                self._fix(sum_at, before, after)

    def _fix(self, sum_at: int, old: bytes, new: bytes) -> None:
        data, where = self.data, self.off + sum_at
        if self.proto == UDP and not (data[where] or data[where + 1]):
            return
        fix(data, where, old, new)
        if self.proto == UDP and not (data[where] or data[where + 1]):
            data[where] = data[where + 1] = 0xFF

    def set_icmp_id(self, number: int) -> None:
        """Another identifier of an echo."""
        data, at = self.data, self.off
        before = bytes(data[at + 4 : at + 6])
        after = number.to_bytes(2, "big")
        data[at + 4 : at + 6] = after
        fix(data, at + 2, before, after)

    def set_word(self, at: int, value: int) -> None:
        """Another sequence number (4) or acknowledgement (8) of a TCP segment."""
        data, where = self.data, self.off + at
        before = bytes(data[where : where + 4])
        after = (value & 0xFFFFFFFF).to_bytes(4, "big")
        data[where : where + 4] = after
        fix(data, self.off + 16, before, after)

    def bad_cksum(self) -> bool:
        """pf_check_proto_cksum of TCP: what hardware was to complete is not complete."""
        end = self.m.off + self.tot_len
        rcvif = self.m.rcvif
        if self.m.offload and (rcvif is None or not rcvif.flags & IFF_LOOPBACK):
            wanted = IFCAP_TXCSUM if self.af == AF_INET else IFCAP_TXCSUM_IPV6
            if rcvif is None or rcvif.capenable & wanted:
                return True
        segment = bytes(self.data[self.off : end])
        return bool(in_cksum(segment, in_pseudo(self.src, self.dst, self.proto, len(segment))))


def fix(data: bytearray, at: int, old: bytes, new: bytes) -> None:
    """RFC 1624: patch the checksum at a place."""
    total = ~(data[at] << 8 | data[at + 1]) & 0xFFFF
    for i in range(0, len(old), 2):
        total += ~(old[i] << 8 | old[i + 1]) & 0xFFFF
        total += new[i] << 8 | new[i + 1]
    total = (total & 0xFFFF) + (total >> 16)
    total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    data[at], data[at + 1] = total >> 8, total & 0xFF


IN_TYPES4 = {8: 8, 13: 13, 15: 15, 17: 17, 33: 33, 35: 35, 10: 10}
OUT_TYPES4 = {0: 8, 14: 13, 16: 15, 18: 17, 34: 33, 36: 35, 9: 10}
WITH_ID4 = (8, 0, 13, 14, 15, 16, 17, 18)
ERRORS4 = (3, 4, 5, 11, 12)
ERRORS6 = (1, 2, 3, 4)


def icmp_mapping(pd: Pdesc, kind: int, ident: int) -> bool:
    """pf_icmp_mapping: which type asks and which answers; True for errors, which belong to other states."""
    pd.icmp_dir = P.PF_IN
    pd.virtual_id = 0
    pd.virtual_type = kind
    if pd.af == AF_INET:
        if kind in ERRORS4:
            return True
        if kind in OUT_TYPES4:
            pd.icmp_dir, pd.virtual_type = P.PF_OUT, OUT_TYPES4[kind]
        if kind in WITH_ID4:
            pd.virtual_id = ident
        return False
    if kind in ERRORS6:
        return True
    if kind in (128, 129):
        pd.virtual_type, pd.virtual_id = 128, ident
        pd.icmp_dir = P.PF_IN if kind == 128 else P.PF_OUT
    elif kind in (130, 131):
        pd.virtual_type = 130
    elif kind in (135, 136):
        pd.virtual_type = 135
        pd.icmp_dir = P.PF_IN if kind == 135 else P.PF_OUT
    elif kind in (201, 200):
        pd.virtual_type = 201
        pd.icmp_dir = P.PF_IN if kind == 201 else P.PF_OUT
    return False
