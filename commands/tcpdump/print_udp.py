"""tcpdump: UDP, and which protocol has which port (print-udp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, in_cksum_shouldbe
from vshell.commands.tcpdump.print_ether import find
from vshell.commands.tcpdump.print_ip import nextproto4_cksum
from vshell.commands.tcpdump.print_ip6 import nextproto6_cksum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PORTS: tuple[tuple[tuple[int, ...], tuple[str, str]], ...] = (
    ((53,), ("print_domain", "udp_domain_print")),
    ((68, 67), ("print_bootp", "bootp_print")),
    ((69,), ("print_text", "tftp_print")),
    ((123,), ("print_ntp", "ntp_print")),
    ((161, 162), ("print_snmp", "snmp_print")),
    ((514,), ("print_text", "syslog_print")),
    ((520,), ("print_rip", "rip_print")),
    ((521,), ("print_rip", "ripng_print")),
    ((546, 547), ("print_dhcp6", "dhcp6_print")),
    ((5353,), ("print_domain", "mdns_print")),
    ((1701,), ("print_l2tp", "l2tp_print")),
    ((1812, 1645, 1813, 1646, 1700, 3799), ("print_radius", "radius_print")),
    ((5060,), ("print_text", "sip_print")),
    ((8472, 4789), ("print_vxlan", "vxlan_print")),
)  # fmt: skip
"""Ports of either side -> printer, in the order in which they are asked."""
TYPES = {
    "snmp": ("print_snmp", "snmp_print"), "tftp": ("print_text", "tftp_print"), "radius": ("print_radius", "radius_print"),
    "vxlan": ("print_vxlan", "vxlan_print"), "domain": ("print_domain", "udp_domain_print"),
}  # fmt: skip
"""-T."""


def udp_print(ndo: Ndo, at: int, length: int, ip: int, fragmented: bool, ttl: int) -> None:
    """A datagram."""
    ndo.protocol = "udp"
    six = ndo.u1(ip) >> 4 == 6
    direct = ndo.u1(ip + (6 if six else 9)) == 17
    src, dst = (ndo.ip6addr(ip + 8), ndo.ip6addr(ip + 24)) if six else (ndo.ipaddr(ip + 12), ndo.ipaddr(ip + 16))
    if not ndo.ttest(at + 2, 2):
        if direct:
            ndo.p(f"{src} > {dst}: ")
        ndo.trunc()
        return
    sport, dport = ndo.u2(at), ndo.u2(at + 2)
    if direct:
        ndo.p(f"{src}.{ndo.udpport(sport)} > {dst}.{ndo.udpport(dport)}: ")
    else:
        ndo.p(f"{ndo.udpport(sport)} > {ndo.udpport(dport)}: ")
    if length < 8:
        ndo.p(f"truncated-udp {length}")
        return
    if not ndo.ttest(at + 4, 2):
        ndo.trunc()
        return
    ulen = ndo.u2(at + 4)
    if not ulen and length > 65535:
        ulen = length
    if ulen < 8:
        ndo.p(f"truncated-udplength {ulen}")
        return
    ulen -= 8
    length = min(length - 8, ulen)
    if at + 8 > ndo.snapend:
        ndo.trunc()
        return
    if ndo.packettype:
        where = TYPES.get(ndo.packettype)
        if where is not None:
            find(where)(ndo, at + 8, length)
        return
    if ndo.v and not ndo.K and not fragmented:
        _checksum(ndo, at, length, ip, six)
    printer = None if ndo.q else _printer(sport, dport)
    if printer is not None:
        printer(ndo, at + 8, length)
    elif ulen > length and not fragmented:
        ndo.p(f"UDP, bad length {ulen} > {length}")
    else:
        ndo.p(f"UDP, length {ulen}")


def _printer(sport: int, dport: int) -> Callable[[Ndo, int, int], None] | None:
    """Who prints datagrams of these ports."""
    for ports, where in PORTS:
        if sport in ports or dport in ports:
            return find(where)
    if dport == 6081:
        return find(("print_vxlan", "geneve_print"))
    return None


def _checksum(ndo: Ndo, at: int, length: int, ip: int, six: bool) -> None:
    """IPv4 says it with -vv only."""
    if not six and ndo.v < 2:
        return
    field = ndo.u2(at + 6)
    if not six and not field:
        ndo.p("[no cksum] ")
        return
    if not ndo.ttest(at + 8, length):
        return
    bad = (nextproto6_cksum if six else nextproto4_cksum)(ndo, ip, at, length + 8, 17)
    if bad:
        ndo.p(f"[bad udp cksum 0x{field:04x} -> 0x{in_cksum_shouldbe(field, bad):04x}!] ")
    else:
        ndo.p("[udp sum ok] ")
