"""Flows: masks, comparing, hashing (the flow_id functions of netpfil/ipfw/ip_dummynet.c).

A flow is a tuple (IPv6?, destination, source, destination port, source port, protocol, extra, flow label); a masked one is a
key of the hash tables.
"""

from __future__ import annotations

from vshell.abi.dummynet import FlowId

Flow = tuple[bool, int, int, int, int, int, int, int]
NO_FLOW: Flow = (False, 0, 0, 0, 0, 0, 0, 0)
_M32 = 0xFFFFFFFF


def mask_flow(mask: FlowId, flow: Flow) -> Flow:
    """flow_id_mask."""
    v6, dst, src, dport, sport, proto, extra, label = flow
    if v6:
        dst, src, label = dst & mask.dst_ip6, src & mask.src_ip6, label & mask.flow_id6
    else:
        dst, src, label = dst & mask.dst_ip, src & mask.src_ip, 0
    return v6, dst, src, dport & mask.dst_port, sport & mask.src_port, proto & mask.proto, extra & mask.extra, label


def or_masks(one: FlowId, other: FlowId) -> FlowId:
    """flow_id_or: the second mask with what the first one has, in the addresses the second one is about."""
    v6 = other.addr_type == 6
    return FlowId(
        other.addr_type,
        other.dst_ip if v6 else other.dst_ip | one.dst_ip,
        other.src_ip if v6 else other.src_ip | one.src_ip,
        other.dst_port | one.dst_port,
        other.src_port | one.src_port,
        other.proto | one.proto,
        other.extra | one.extra,
        other.dst_ip6 | one.dst_ip6 if v6 else other.dst_ip6,
        other.src_ip6 | one.src_ip6 if v6 else other.src_ip6,
        other.flow_id6 | one.flow_id6 if v6 else other.flow_id6,
    )


def nonzero_mask(mask: FlowId) -> bool:
    """Does it tell flows apart?"""
    if mask.dst_port or mask.src_port or mask.proto or mask.extra:
        return True
    if mask.addr_type == 6:
        return bool(mask.dst_ip6 or mask.src_ip6 or mask.flow_id6)
    return bool(mask.dst_ip or mask.src_ip)


def _words(address: int) -> tuple[int, ...]:
    """An IPv6 address as its four words lie in the memory of an amd64."""
    octets = address.to_bytes(16, "big")
    return tuple(int.from_bytes(octets[i : i + 4], "little") for i in (0, 4, 8, 12))


def flow_hash(flow: Flow) -> int:
    """flow_id_hash."""
    v6, dst, src, dport, sport, proto, extra, label = flow
    value = extra ^ dport << 1 ^ sport ^ proto
    if not v6:
        return (value ^ dst ^ dst >> 15 ^ src << 1 ^ src >> 16) & _M32
    for word in _words(dst):
        value ^= word ^ word >> 15
    for word in _words(src):
        value ^= word << 1 ^ word << 16
    return (value ^ label) & _M32


def flow_id(flow: Flow) -> FlowId:
    """A flow as programs see it."""
    v6, dst, src, dport, sport, proto, extra, label = flow
    if v6:
        return FlowId(6, 0, 0, dport, sport, proto, extra, dst, src, label)
    return FlowId(4, dst, src, dport, sport, proto, extra)
