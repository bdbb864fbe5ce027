"""A packet in one line, from its first bytes."""

from __future__ import annotations

from vshell.userland.addr import ether_ntoa, inet_ntop

ETHERTYPES = {
    0x0800: "IPv4",
    0x0806: "ARP",
    0x86DD: "IPv6",
    0x8100: "802.1Q",
    0x88A8: "802.1ad",
    0x8863: "PPPoE",
    0x8864: "PPPoE",
}
PROTOCOLS = {
    1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah", 58: "icmp6", 89: "ospf",
    112: "carp", 132: "sctp", 136: "udplite",
}  # fmt: skip
ICMP = {
    0: "echo reply", 3: "destination unreachable", 4: "source quench", 5: "redirect", 8: "echo request",
    9: "router advertisement", 10: "router solicitation", 11: "time exceeded", 12: "parameter problem",
    13: "timestamp request", 14: "timestamp reply", 17: "mask request", 18: "mask reply",
}  # fmt: skip
ICMP6 = {
    1: "destination unreachable", 2: "packet too big", 3: "time exceeded", 4: "parameter problem", 128: "echo request",
    129: "echo reply", 130: "multicast listener query", 131: "multicast listener report", 132: "multicast listener done",
    133: "router solicitation", 134: "router advertisement", 135: "neighbor solicitation", 136: "neighbor advertisement",
    137: "redirect", 139: "node information query", 140: "node information reply", 143: "multicast listener report v2",
}  # fmt: skip
FLAGS = ((0x02, "S"), (0x10, "."), (0x01, "F"), (0x04, "R"), (0x08, "P"), (0x20, "U"))


def describe(data: bytes, size: int, link: bool) -> str:
    """What it is, from where, to where, and how long."""
    if link:
        if len(data) < 14:
            return f"{size} bytes, no whole Ethernet header"
        etype = data[12] << 8 | data[13]
        ether = f"{ether_ntoa(data[6:12])} > {ether_ntoa(data[:6])}"
        inner = data[14:]
        if etype in (0x8100, 0x88A8) and len(inner) >= 4:
            ether += f" vlan {(inner[0] << 8 | inner[1]) & 0xFFF}"
            etype, inner = inner[2] << 8 | inner[3], inner[4:]
        if etype == 0x0806:
            return f"{ether} {_arp(inner)}"
        if etype in (0x0800, 0x86DD):
            return f"{ether} {_ip(inner, size - 14)}"
        return f"{ether} {ETHERTYPES.get(etype, f'type {etype:#06x}')}, {size} bytes"
    return _ip(data, size)


def _arp(data: bytes) -> str:
    if len(data) < 28 or data[4:6] != b"\6\4":
        return "ARP"
    sender, target = inet_ntop(data[14:18]), inet_ntop(data[24:28])
    if data[7] == 1:
        return f"ARP who-has {target} tell {sender}"
    return f"ARP {sender} is-at {ether_ntoa(data[8:14])}"


def _ip(data: bytes, size: int) -> str:
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= 20:
        hlen = (data[0] & 15) * 4
        offset = (data[6] << 8 | data[7]) & 0x1FFF
        part = f" fragment at {offset * 8}" if offset else " first fragment" if data[6] & 0x20 else ""
        text = _upper(data[9], inet_ntop(data[12:16]), inet_ntop(data[16:20]), b"" if offset else data[hlen:], ICMP)
        return f"{text}{part}, ttl {data[8]}, {size} bytes"
    if version == 6 and len(data) >= 40:
        nxt, rest, part = data[6], data[40:], ""
        while nxt in (0, 43, 44, 60) and len(rest) >= 8:
            length = 8
            if nxt == 44:
                offset = (rest[2] << 8 | rest[3]) & 0xFFF8
                part = f" fragment at {offset}" if offset else " first fragment"
                if offset:
                    nxt, rest = rest[0], b""
                    break
            else:
                length = (rest[1] + 1) * 8
            nxt, rest = rest[0], rest[length:]
        text = _upper(nxt, inet_ntop(data[8:24]), inet_ntop(data[24:40]), rest, ICMP6)
        return f"{text}{part}, hlim {data[7]}, {size} bytes"
    return f"{size} bytes that are no IP packet"


def _upper(proto: int, src: str, dst: str, data: bytes, icmp: dict[int, str]) -> str:
    """The protocol above, with ports or a type."""
    name = PROTOCOLS.get(proto, f"protocol {proto}")
    if proto in (6, 17, 132, 136) and len(data) >= 4:
        sport, dport = data[0] << 8 | data[1], data[2] << 8 | data[3]
        flags = ""
        if proto == 6 and len(data) >= 14:
            flags = " [" + "".join(c for bit, c in FLAGS if data[13] & bit) + "]"
        return f"{name} {src} port {sport} > {dst} port {dport}{flags}"
    what = ""
    if proto in (1, 58) and data and (proto == 58) == (icmp is ICMP6):
        what = f" {icmp.get(data[0], f'type {data[0]}')}"
        if len(data) > 1 and data[1]:
            what += f" code {data[1]}"
    return f"{name} {src} > {dst}{what}"
