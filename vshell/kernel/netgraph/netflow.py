"""The flow cache of ng_netflow(4) and its export, versions 5 and 9 (netgraph/netflow/netflow.c, netflow_v9.c).

A flow is found by a hash; within a bucket the flow used last comes last.  Only what is looked at expires: the bucket of
each packet, and once a second all of them.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from vshell.abi.netgraph import NGM_HASREPLY, NGM_READONLY
from vshell.abi.socket import AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP
from vshell.kernel.net.mbuf import m_get
from vshell.kernel.net.route.route_tables import rt_tables_get_rnh
from vshell.kernel.netgraph.ng_base import NgHook, ng_send_data

if TYPE_CHECKING:
    from vshell.kernel.net.route.rib import Rtentry
    from vshell.kernel.net.vnet import Vnet

BUCKETS = 65536
SMALL = 4
SECOND = 1_000_000_000
COUNTER_MAX, MAX_MTU = 0xFFFFFFFF, 65535
TH_FIN, TH_RST = 0x01, 0x04
NOSRCLOOKUP, NODSTLOOKUP, IS_FRAG = 0x10, 0x20, 0x01

V5_HEADER, V5_RECORD, V5_RECORDS = Struct("!HHIIIIBBH"), Struct("!4s4s4sHHIIII2s2sBBBBHHBBH"), 30
V9_HEADER = Struct("!HHIIII")
V9_RECORDS = {4: Struct("!4s4s4sHHIIIIII2s2sBBBIIBB"), 6: Struct("!16s16s16sHHIIIIII2s2sBBBIIBB")}
V9_FLOWSETS = {4: 256, 6: 259}
V9_FIELDS = (
    (10, 2),
    (14, 2),
    (2, 4),
    (1, 4),
    (24, 4),
    (23, 4),
    (22, 4),
    (21, 4),
    (7, 2),
    (11, 2),
    (6, 1),
    (4, 1),
    (5, 1),
    (16, 4),
    (17, 4),
)
V9_ADDRESSES = {4: ((8, 4), (12, 4), (15, 4)), 6: ((27, 16), (28, 16), (62, 16))}
V9_MASKS = ((9, 1), (13, 1))
V9_MTU, V9_TIME, V9_PACKETS = 1500, 600, 500
V9_OVERHEAD = 40 + 8 + 16
ENTRIES = {4: Struct("<H2xHH4s4s2s2sBBH4sHBBQQQQH6x"), 6: Struct("<H2xHH16s16s2s2sBBH16sHBB4xQQQQH6x")}
FLOW_TYPES = {4: 1, 6: 4}
NGM_SHOW = 3 | NGM_READONLY | NGM_HASREPLY
SHOW_HEADER = Struct("<B3xIII")
SHOW_MOST = {4: 1000, 6: 1000 * 72 // 112}
FAMILIES = {4: AF_INET, 6: AF_INET6}

Key = tuple[int, int, bytes, bytes, bytes, bytes, int, int, int]
"""(version, fib, source, destination, ports, protocol, type of service, interface)."""


class Flow:
    """struct flow_entry."""

    __slots__ = ("bytes", "dst_mask", "first", "key", "last", "nexthop", "oif", "packets", "src_mask", "tcp_flags")

    def __init__(self, key: Key, now: int, size: int, tcp_flags: int) -> None:
        self.key = key
        self.bytes = size
        self.packets = 1
        self.tcp_flags = tcp_flags
        self.first = self.last = now
        """Seconds since boot."""
        self.nexthop = bytes(len(key[2]))
        self.oif = self.dst_mask = self.src_mask = 0

    def entry(self) -> bytes:
        """struct flow_entry_data."""
        version, fib, src, dst, sport, dport, proto, tos, iif = self.key
        return ENTRIES[version].pack(
            version, FLOW_TYPES[version], fib, src, dst, sport, dport, proto, tos, iif, self.nexthop, self.oif, self.dst_mask,
            self.src_mask, self.packets, self.bytes, self.first, self.last, self.tcp_flags,
        )  # fmt: skip


class Export:
    """What was collected for a fib (struct fib_export)."""

    def __init__(self, fib: int) -> None:
        self.fib = fib
        self.v5: list[bytes] = []
        self.v9: bytearray | None = None
        self.v9_count = self.v9_version = self.v9_start = self.v9_mtu = 0
        self.flow_seq = self.flow9_seq = 0
        self.template_time = self.template_packet = self.sent = 0


class FlowCache:
    """The flows of a node."""

    def __init__(self, vnet: Vnet) -> None:
        self.vnet = vnet
        self.clock = vnet.kernel.clock
        self.tables: dict[int, dict[int, list[Flow]]] = {4: {}, 6: {}}
        """Version -> hash -> flows."""
        self.used = {4: 0, 6: 0}
        self.fibs: dict[int, Export] = {}
        self.export: NgHook | None = None
        self.export9: NgHook | None = None
        self.inactive, self.active = 15, 1800
        self.template_time, self.template_packets, self.mtu = V9_TIME, V9_PACKETS, V9_MTU
        self.packets, self.bytes = {4: 0, 6: 0}, {4: 0, 6: 0}
        self.active_expired = self.inactive_expired = 0

    @property
    def uptime(self) -> int:
        """time_uptime."""
        return self.clock.now // SECOND

    def fib(self, fib: int) -> Export:
        """ng_netflow_fib_init."""
        found = self.fibs.get(fib)
        if found is None:
            found = self.fibs[fib] = Export(fib)
        return found

    # accounting ------------------------------------------------------------------------------------------------
    def add(self, key: Key, size: int, flags: int, tcp_flags: int) -> None:
        """ng_netflow_flow_add: count a packet."""
        version = key[0]
        self.packets[version] += 1
        self.bytes[version] += size
        now = self.uptime
        table = self.tables[version]
        number = _hash(key)
        bucket = table.setdefault(number, [])
        flow = None
        for each in reversed(bucket[:]):
            if each.key == key:
                flow = each
                break
            if (self._idle(each, now) and each.packets <= SMALL) or self._aged(each, now):
                self._expire(bucket, each, version)
                self.active_expired += 1
        if flow is None:
            flow = Flow(key, now, size, tcp_flags)
            self._routes(flow, flags)
            bucket.append(flow)
            self.used[version] += 1
            return
        flow.bytes += size
        flow.packets += 1
        flow.tcp_flags |= tcp_flags
        flow.last = now
        if tcp_flags & (TH_FIN | TH_RST) or self._aged(flow, now) or flow.bytes >= COUNTER_MAX - MAX_MTU:
            self._expire(bucket, flow, version)
            self.active_expired += 1
        else:
            bucket.remove(flow)
            bucket.append(flow)

    def _idle(self, flow: Flow, now: int) -> bool:
        return now - flow.last > self.inactive

    def _aged(self, flow: Flow, now: int) -> bool:
        return now - flow.first > self.active

    def _routes(self, flow: Flow, flags: int) -> None:
        """Where it goes, and the prefixes of both ends."""
        version, fib, src, dst = flow.key[:4]
        if not flags & NODSTLOOKUP and (rt := self._route(version, fib, dst)) is not None:
            nexthop = rt.nhop if rt.nhop.slots is None else rt.nhop.slots[0]
            flow.oif = nexthop.ifp.index
            if nexthop.gateway and len(nexthop.gateway) == len(dst):
                flow.nexthop = nexthop.gateway
            flow.dst_mask = rt.plen
        if not flags & NOSRCLOOKUP and (rt := self._route(version, fib, src)) is not None:
            flow.src_mask = rt.plen

    def _route(self, version: int, fib: int, addr: bytes) -> Rtentry | None:
        return rt_tables_get_rnh(self.vnet, FAMILIES[version], fib).match(addr)

    # expiry ----------------------------------------------------------------------------------------------------
    def expire(self) -> None:
        """ng_netflow_expire: once a second."""
        now = self.uptime
        for version, table in self.tables.items():
            crowded = self.used[version] > BUCKETS * 2
            for number in sorted(table):
                bucket = table[number]
                for flow in bucket[:]:
                    idle = self._idle(flow, now)
                    if not crowded and not idle:
                        break
                    if (idle and (flow.packets <= SMALL or crowded)) or self._aged(flow, now):
                        self._expire(bucket, flow, version)
                        self.inactive_expired += 1
                        crowded = self.used[version] > BUCKETS * 2
                if not bucket:
                    del table[number]

    def _expire(self, bucket: list[Flow], flow: Flow, version: int) -> None:
        """expire_flow."""
        bucket.remove(flow)
        self.used[version] -= 1
        fib = self.fib(flow.key[1])
        if self.export is not None and version == 4:
            self._add5(fib, flow)
        if self.export9 is not None:
            self._add9(fib, flow)

    def flush(self) -> None:
        """ng_netflow_cache_flush: everything goes out."""
        for version, table in self.tables.items():
            for _, bucket in sorted(table.items()):
                for flow in bucket[:]:
                    self._expire(bucket, flow, version)
            table.clear()
        for _, fib in sorted(self.fibs.items()):
            if fib.v5:
                self._send5(fib)
            if fib.v9 is not None:
                self._send9(fib)

    # version 5 -------------------------------------------------------------------------------------------------
    def _add5(self, fib: Export, flow: Flow) -> None:
        _, _, src, dst, sport, dport, proto, tos, iif = flow.key
        record = V5_RECORD.pack(
            src, dst, flow.nexthop, iif, flow.oif, flow.packets & COUNTER_MAX, flow.bytes & COUNTER_MAX, _ms(flow.first),
            _ms(flow.last), sport, dport, 0, flow.tcp_flags & 0xFF, proto, tos, 0, 0, flow.src_mask, flow.dst_mask, 0,
        )  # fmt: skip
        fib.v5.append(record)
        if len(fib.v5) == V5_RECORDS:
            self._send5(fib)

    def _send5(self, fib: Export) -> None:
        """export_send."""
        records, fib.v5 = fib.v5, []
        real = self.clock.realtime()
        head = V5_HEADER.pack(
            5, len(records), _ms(self.uptime), real // SECOND & COUNTER_MAX, real % SECOND, fib.flow_seq, 0, fib.fib & 0xFF, 0
        )
        fib.flow_seq = fib.flow_seq + len(records) & COUNTER_MAX
        if self.export is not None:
            ng_send_data(self.export, m_get(head + b"".join(records)))

    # version 9 -------------------------------------------------------------------------------------------------
    def _begin9(self, fib: Export) -> bytearray:
        """get_export9_dgram: a new datagram, with the templates if it is time for them."""
        data = bytearray(V9_HEADER.size)
        fib.v9_count = fib.v9_version = 0
        fib.v9_mtu = self.mtu
        now = self.uptime
        if now >= self.template_time + fib.template_time or fib.sent >= self.template_packets + fib.template_packet:
            fib.template_time, fib.template_packet = now, fib.sent
            data += TEMPLATES
            fib.v9_count = len(V9_FLOWSETS)
        fib.v9_start = len(data)
        fib.v9 = data
        return data

    def _add9(self, fib: Export, flow: Flow) -> None:
        """export9_add."""
        data = fib.v9 if fib.v9 is not None else self._begin9(fib)
        version, _, src, dst, sport, dport, proto, tos, iif = flow.key
        if version != fib.v9_version:
            if fib.v9_version:
                _close9(fib, data)
            fib.v9_version, fib.v9_start = version, len(data)
            data += V9_FLOWSETS[version].to_bytes(2, "big") + b"\0\0"
        data += V9_RECORDS[version].pack(
            src, dst, flow.nexthop, iif, flow.oif, flow.packets & COUNTER_MAX, flow.bytes & COUNTER_MAX, 0, 0, _ms(flow.first),
            _ms(flow.last), sport, dport, flow.tcp_flags & 0xFF, proto, tos, 0, 0, flow.src_mask, flow.dst_mask,
        )  # fmt: skip
        fib.v9_count += 1
        if len(data) + V9_RECORDS[6].size + 4 >= fib.v9_mtu - V9_OVERHEAD:
            self._send9(fib)

    def _send9(self, fib: Export) -> None:
        """export9_send."""
        data = fib.v9
        assert data is not None
        fib.v9 = None
        if len(data) != fib.v9_start:
            _close9(fib, data)
        seconds = self.clock.realtime() // SECOND & COUNTER_MAX
        V9_HEADER.pack_into(data, 0, 9, fib.v9_count, _ms(self.uptime), seconds, fib.flow9_seq, fib.fib)
        fib.flow9_seq = fib.flow9_seq + 1 & COUNTER_MAX
        fib.sent += 1
        if self.export9 is not None:
            ng_send_data(self.export9, m_get(data))

    # showing ---------------------------------------------------------------------------------------------------
    def show(self, version: int, start: int, skip: int) -> bytes | None:
        """ng_netflow_flow_show: flows from a bucket on, as many as fit; None for nonsense."""
        if version not in self.tables or start >= BUCKETS:
            return None
        found: list[bytes] = []
        for number, bucket in sorted(self.tables[version].items()):
            if number < start:
                continue
            for at, flow in enumerate(bucket, 1):
                if skip > at:
                    continue
                skip = 0
                found.append(flow.entry())
                if len(found) == SHOW_MOST[version]:
                    return SHOW_HEADER.pack(version, number, at + 1, len(found)) + b"".join(found)
        return SHOW_HEADER.pack(version, 0, 0, len(found)) + b"".join(found)


def _ms(seconds: int) -> int:
    return seconds * 1000 & COUNTER_MAX


def _close9(fib: Export, data: bytearray) -> None:
    """close_flowset: its length, a multiple of four."""
    data += bytes(-(len(data) - fib.v9_start) % 4)
    data[fib.v9_start + 2 : fib.v9_start + 4] = (len(data) - fib.v9_start).to_bytes(2, "big")


def _hash(key: Key) -> int:
    """ip_hash: of numbers as they lie in memory."""
    one, two = int.from_bytes(key[2][-4:], "little"), int.from_bytes(key[3][-4:], "little")
    value = one ^ one >> 16 ^ _swap(two ^ two >> 16)
    if key[6] in (IPPROTO_TCP, IPPROTO_UDP):
        value ^= int.from_bytes(key[4], "little") ^ _swap(int.from_bytes(key[5], "little"))
    return value % BUCKETS


def _swap(value: int) -> int:
    """htons."""
    return (value & 0xFF) << 8 | value >> 8 & 0xFF


def _templates() -> bytes:
    """generate_v9_templates: one flowset with both."""
    out = b""
    for version, number in V9_FLOWSETS.items():
        fields = (*V9_ADDRESSES[version], *V9_FIELDS, *V9_MASKS)
        out += number.to_bytes(2, "big") + len(fields).to_bytes(2, "big")
        out += b"".join(kind.to_bytes(2, "big") + size.to_bytes(2, "big") for kind, size in fields)
    return b"\0\0" + (len(out) + 4).to_bytes(2, "big") + out


TEMPLATES = _templates()
