"""ICMPv6 messages in words, as ping -6 -v prints them (pr_icmph, pr_retip and pr_iph of sbin/ping/ping6.c)."""

from __future__ import annotations

from vshell.userland.addr import inet_ntop
from vshell.wire.nodeinfo import ICMP6_NI_QUERY, ICMP6_NI_REPLY, ICMP6_NI_SUBJ_FQDN, ICMP6_NI_SUBJ_IPV6, NI_HLEN, dnsdecode

UNREACH = {
    0: "No Route to Destination", 1: "Destination Administratively Unreachable", 2: "Destination Unreachable Beyond Scope",
    3: "Destination Host Unreachable", 4: "Destination Port Unreachable",
}  # fmt: skip
EXCEEDED = {0: "Time to live exceeded", 1: "Frag reassembly time exceeded"}
PROBLEM = {0: "Erroneous Header ", 1: "Unknown Nextheader ", 2: "Unrecognized Option "}
OTHER = {
    128: "Echo Request", 129: "Echo Reply", 130: "Listener Query", 131: "Listener Report", 132: "Listener Done",
    133: "Router Solicitation", 134: "Router Advertisement", 135: "Neighbor Solicitation", 136: "Neighbor Advertisement",
}  # fmt: skip
NI_QTYPES = {0: "NOOP", 1: "Supported qtypes", 2: "DNS name", 3: "nodeaddr", 4: "IPv4 nodeaddr"}
EXTENSIONS = {0: "HBH ", 60: "DSTOPT ", 44: "FRAG ", 43: "RTHDR "}


def pr_icmph(body: bytes) -> str:
    """What a message says; errors bring the header of the packet they are about."""
    kind, code = body[0], body[1]
    value = int.from_bytes(body[4:8], "big")
    if kind == 1:
        return UNREACH.get(code, f"Destination Unreachable, Bad Code: {code}") + "\n" + pr_retip(body[8:])
    if kind == 2:
        return f"Packet too big mtu = {value}\n" + pr_retip(body[8:])
    if kind == 3:
        return EXCEEDED.get(code, f"Time exceeded, Bad Code: {code}") + "\n" + pr_retip(body[8:])
    if kind == 4:
        text = PROBLEM.get(code, f"Bad code({code}) ")
        return f"Parameter problem: {text}pointer = 0x{value:02x}\n" + pr_retip(body[8:])
    if kind == 137 and len(body) >= 40:
        return f"Redirect\nDestination: {inet_ntop(body[24:40])} New Target: {inet_ntop(body[8:24])}"
    if kind in (ICMP6_NI_QUERY, ICMP6_NI_REPLY) and len(body) >= NI_HLEN:
        return _nodeinfo(body)
    return OTHER.get(kind, f"Bad ICMP type: {kind}")


def _nodeinfo(body: bytes) -> str:
    """A query or an answer of the node information protocol."""
    code, subject = body[1], body[NI_HLEN:]
    what = NI_QTYPES.get(int.from_bytes(body[4:6], "big"), "unknown qtype")
    if body[0] == ICMP6_NI_REPLY:
        return f"Node Information Reply, {what}, {('Success', 'Refused', 'Unknown')[code] if code <= 2 else 'invalid'}"
    text = f"Node Information Query, {what}, "
    if code == ICMP6_NI_SUBJ_IPV6:
        return text + (f"subject=IPv6 address({inet_ntop(subject)})" if len(subject) == 16 else "oldfqdn")
    if code == ICMP6_NI_SUBJ_FQDN:
        if not subject:
            return text + "no subject"
        name = dnsdecode(subject, 0)
        return text + f"subject=DNS label({name[0] if name else 'invalid'})"
    return text + (f"subject=IPv4 address({inet_ntop(subject)})" if code == 2 and len(subject) == 4 else "invalid")


def pr_retip(packet: bytes) -> str:
    """The returned packet: its header, then what it carried."""
    if len(packet) < 40:
        return "IP6...\n"
    text = pr_iph(packet)
    nxt, off = packet[6], 40
    while len(packet) - off >= 8:
        if nxt in EXTENSIONS:
            text += EXTENSIONS[nxt]
            size = 8 if nxt == 44 else (packet[off + 1] + 1) * 8
            nxt, off = packet[off], off + size
            continue
        if nxt == 58:
            return text + f"ICMP6: type = {packet[off]}, code = {packet[off + 1]}\n"
        if nxt == 50:
            return text + "ESP\n"
        if nxt in (6, 17):
            ports = int.from_bytes(packet[off : off + 2], "big"), int.from_bytes(packet[off + 2 : off + 4], "big")
            return text + f"{'TCP' if nxt == 6 else 'UDP'}: from port {ports[0]}, to port {ports[1]} (decimal)\n"
        return text + f"Unknown Header({nxt})\n"
    return text + "...\n"


def pr_iph(packet: bytes) -> str:
    """An IPv6 header in hexadecimal."""
    word = int.from_bytes(packet[:4], "big")
    text = "Vr TC  Flow Plen Nxt Hlim\n"
    plen = int.from_bytes(packet[4:6], "big")
    text += f" {word >> 28:1x} {word >> 20 & 0xFF:02x} {word & 0xFFFFF:05x} {plen:04x}  {packet[6]:02x}   {packet[7]:02x}\n"
    return text + f"{inet_ntop(packet[8:24])}->{inet_ntop(packet[24:40])}\n"
