"""tcpdump: IPv4, and the protocols over IP (print-ip.c, print-ip-demux.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.ipproto import IPPROTOS
from vshell.commands.tcpdump.netdissect import Invalid, Ndo, Trunc, bittok2str, in_cksum_shouldbe, tok2str
from vshell.commands.tcpdump.print_ether import ether_within, find
from vshell.wire.cksum import in_cksum, in_pseudo

OPTIONS = {
    0: "EOL", 1: "NOP", 68: "timestamp", 130: "security", 7: "RR", 137: "SSRR", 131: "LSRR", 148: "RA", 82: "traceroute",
}  # fmt: skip
ECN = {0: "", 1: ",ECT(1)", 2: ",ECT(0)", 3: ",CE"}
FRAGS = ((0x2000, "+"), (0x4000, "DF"), (0x8000, "rsvd"))
PORTED = (6, 17, 132, 33)
"""Protocols whose printers show the addresses, together with the ports."""

SIMPLE = {2: ("print_igmp", "igmp_print"), 47: ("print_gre", "gre_print")}


def nextproto4_cksum(ndo: Ndo, ip: int, at: int, length: int, proto: int) -> int:
    """The checksum of a transport packet; 0 if it is right."""
    hlen = (ndo.u1(ip) & 0xF) * 4
    dst = ndo.get(ip + 16, 4) if hlen == 20 else finddst(ndo, ip, hlen)
    return in_cksum(ndo.get(at, length), in_pseudo(ndo.get(ip + 12, 4), dst, proto, length))


def finddst(ndo: Ndo, ip: int, hlen: int) -> bytes:
    """ip_finddst: the last hop of a source route is the destination."""
    at, end = ip + 20, ip + hlen
    while at < end:
        option = ndo.u1(at)
        if option == 0:
            break
        size = 1 if option == 1 else ndo.u1(at + 1)
        if size < 1 or (option != 1 and size < 2) or at + size > end:
            break
        if option in (131, 137) and size >= 7:
            return ndo.get(at + size - 4, 4)
        at += size
    return ndo.get(ip + 16, 4)


def _route(ndo: Ndo, at: int, length: int) -> None:
    """ip_printroute."""
    if length < 3:
        ndo.p(f" [bad length {length}]")
        return
    if (length + 1) & 3:
        ndo.p(f" [bad length {length}]")
    pointer = ndo.u1(at + 2) - 1
    if pointer < 3 or (pointer + 1) & 3 or pointer > length + 1:
        ndo.p(f" [bad ptr {pointer + 1}]")
    for i in range(3, length, 4):
        ndo.p(f" {ndo.ipaddr(at + i)}{',' if pointer > i else ''}")


def _timestamps(ndo: Ndo, at: int, length: int) -> None:
    """ip_printts."""
    if length < 4:
        ndo.p(f"[bad length {length}]")
        return
    ndo.p(" TS{")
    kind = ndo.u1(at + 3) & 0xF
    hoplen = 8 if kind != 0 else 4
    if (length - 4) & (hoplen - 1):
        ndo.p(f"[bad length {length}]")
    pointer = ndo.u1(at + 2) - 1
    if pointer < 4 or (pointer - 4) & (hoplen - 1) or pointer > length + 1:
        ndo.p(f"[bad ptr {pointer + 1}]")
    names = {0: "TSONLY", 1: "TS+ADDR", 3: "PRESPEC"}
    i = 0
    if kind not in names:
        ndo.p(f"[bad ts type {kind}]")
    else:
        ndo.p(names[kind])
        sep = " "
        i = 4
        while i < length:
            if pointer == i:
                sep = " ^ "
            ndo.tcheck(at + i, hoplen)
            where = ndo.ipaddr(at + i) if hoplen == 8 else ""
            ndo.p(f"{sep}{ndo.u4(at + i + hoplen - 4)}@{where}")
            sep = " "
            i += hoplen
    ndo.p(" ^ " if pointer == i else "")
    missed = ndo.u1(at + 3) >> 4
    ndo.p(f" [{missed} hops not recorded]}} " if missed else "}")


class Cut(Exception):
    """An option is longer than what was captured."""


def optprint(ndo: Ndo, at: int, length: int) -> None:
    """ip_optprint.  Cut if an option was not captured as a whole."""
    sep = ""
    while length > 0:
        ndo.p(sep)
        code = ndo.u1(at)
        ndo.p(tok2str(OPTIONS, "unknown %u", code))
        sep = ","
        size = 1
        if code > 1:
            size = ndo.u1(at + 1)
            if size < 2:
                ndo.p(f" [bad length {size}]")
                return
        if size > length:
            ndo.p(f" [bad length {size}]")
            return
        if not ndo.ttest(at, size):
            raise Cut
        if code == 0:
            return
        if code == 68:
            _timestamps(ndo, at, size)
        elif code in (7, 137, 131):
            _route(ndo, at, size)
        elif code == 148:
            if size < 4:
                ndo.p(f" [bad length {size}]")
            elif ndo.u2(at + 2):
                ndo.p(f" value {ndo.u2(at + 2)}")
        at += size
        length -= size


def ip_print(ndo: Ndo, at: int, length: int) -> None:
    """A packet."""
    ndo.protocol = "ip"
    if not ndo.e:
        ndo.p("IP ")
    saved = ndo.snapend
    try:
        _ip_print(ndo, at, length)
    except Invalid:
        ndo.invalid()
    ndo.snapend = saved


def _ip_print(ndo: Ndo, at: int, length: int) -> None:
    ndo.check("length", length, "<", 20)
    ndo.check("version", ndo.u1(at) >> 4, "!=", 4)
    hlen = (ndo.u1(at) & 0xF) * 4
    ndo.check("header length", hlen, "<", 20)
    size = ndo.u2(at + 2)
    if size > length:
        ndo.p(f"[total length {size} > length {length}]")
        ndo.invalid()
        ndo.p(" ")
    tso = not size
    if tso:
        size = length
    if size < hlen:
        ndo.p(f"[total length {size} < header length {hlen}]")
        raise Invalid
    if not ndo.ttest(at, 20):
        ndo.trunc()
        return
    ndo.snapend = min(ndo.snapend, at + min(length, size))
    off = ndo.u2(at + 6)
    if ndo.v and not _verbose(ndo, at, hlen, off, length if tso else -1):
        return
    proto = ndo.u1(at + 9)
    if off & 0x1FFF:
        if ndo.q > 1:
            return
        name = None if ndo.n else ndo.protoname(proto)
        ndo.p(f"{ndo.ipaddr(at + 12)} > {ndo.ipaddr(at + 16)}: {name or f'ip-proto-{proto}'}")
        return
    if proto not in PORTED:
        ndo.p(f"{ndo.ipaddr(at + 12)} > {ndo.ipaddr(at + 16)}: ")
    if not ndo.ttest(at, hlen):
        ndo.p(f" [remaining caplen({ndo.avail(at)}) < header length({hlen})]")
        raise Trunc
    ip_demux(ndo, at + hlen, size - hlen, 4, bool(off & 0x2000), ndo.u1(at + 8), proto, at)


def _verbose(ndo: Ndo, at: int, hlen: int, off: int, presumed: int) -> bool:
    """The line of -v about the header; False if its options were cut off, which ends the packet."""
    tos, ttl, proto = ndo.u1(at + 1), ndo.u1(at + 8), ndo.u1(at + 9)
    ndo.p(f"(tos 0x{tos:x}{ECN[tos & 3]}")
    if ttl:
        ndo.p(f", ttl {ttl}")
    ndo.p(
        f", id {ndo.u2(at + 4)}, offset {(off & 0x1FFF) * 8}, flags [{bittok2str(FRAGS, 'none', off & 0xE000)}], "
        f"proto {IPPROTOS.get(proto, 'unknown')} ({proto})"
    )
    ndo.p(f", length {ndo.u2(at + 2)}" if presumed < 0 else f", length {presumed} [was 0, presumed TSO]")
    truncated = False
    if hlen > 20:
        ndo.p(", options (")
        try:
            optprint(ndo, at + 20, hlen - 20)
        except Cut:
            ndo.p(" [truncated-option]")
            truncated = True
        ndo.p(")")
    if not ndo.K and ndo.ttest(at, hlen):
        bad = in_cksum(ndo.get(at, hlen))
        if bad:
            field = ndo.u2(at + 10)
            ndo.p(f", bad cksum {field:x} (->{in_cksum_shouldbe(field, bad):x})!")
    ndo.p(") " if ndo.g else ")\n    ")
    if truncated:
        ndo.p(f"{ndo.ipaddr(at + 12)} > {ndo.ipaddr(at + 16)}: ")
        ndo.trunc()
    return not truncated


def ip_demux(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    """What a protocol over IP has to say."""
    while nh == 51:
        from vshell.commands.tcpdump.print_esp import ah_print

        if not ndo.ttest(at, 1):
            ndo.protocol = "ah"
            ndo.trunc()
            return
        nh = ndo.u1(at)
        advance = ah_print(ndo, at)
        if advance <= 0:
            return
        at += advance
        length -= advance
    if nh in SPECIAL:
        SPECIAL[nh](ndo, at, length, ver, fragmented, ttl, nh, ip)
    elif nh in SIMPLE:
        find(SIMPLE[nh])(ndo, at, length)
    else:
        name = None if ndo.n else ndo.protoname(nh)
        ndo.p(f" {name or f'ip-proto-{nh}'} {length}")


def ipn_print(ndo: Ndo, at: int, length: int) -> None:
    """ipN_print: whichever version it is."""
    ndo.protocol = "ipn"
    if length < 1:
        ndo.p(f"truncated-ip {length}")
        return
    version = ndo.u1(at) >> 4
    if version == 4:
        ip_print(ndo, at, length)
    elif version == 6:
        find(("print_ip6", "ip6_print"))(ndo, at, length)
    else:
        ndo.p(f"unknown ip {version}")


def _requires(ndo: Ndo, nh: int, version: int) -> None:
    ndo.p(f"[{IPPROTOS.get(nh, 'unknown')} requires IPv{version}]")
    ndo.invalid()


def _tcp(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    from vshell.commands.tcpdump.print_tcp import tcp_print

    tcp_print(ndo, at, length, ip, fragmented)


def _udp(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    from vshell.commands.tcpdump.print_udp import udp_print

    udp_print(ndo, at, length, ip, fragmented, ttl)


def _icmp(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    from vshell.commands.tcpdump.print_icmp import icmp_print

    if ver == 4:
        icmp_print(ndo, at, length, ip, fragmented)
    else:
        _requires(ndo, nh, 4)


def _icmp6(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    from vshell.commands.tcpdump.print_icmp6 import icmp6_print

    if ver == 6:
        icmp6_print(ndo, at, length, ip, fragmented)
    else:
        _requires(ndo, nh, 6)


def _igmp(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    if ver == 4:
        find(SIMPLE[2])(ndo, at, length)
    else:
        _requires(ndo, nh, 4)


def _ip4(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    ip_print(ndo, at, length)


def _ip6(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    find(("print_ip6", "ip6_print"))(ndo, at, length)


def _esp(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    from vshell.commands.tcpdump.print_esp import esp_print, ipcomp_print

    if nh == 50:
        esp_print(ndo, at, length, ip)
    else:
        ipcomp_print(ndo, at)


def _ospf(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    from vshell.commands.tcpdump.print_ospf import ospf6_print, ospf_print

    (ospf6_print if ver == 6 else ospf_print)(ndo, at, length)


def _vrrp(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    from vshell.commands.tcpdump.print_vrrp import carp_print, vrrp_print

    if ndo.packettype == "carp":
        carp_print(ndo, at, length, ttl)
    else:
        vrrp_print(ndo, at, length, ip, ttl, ver)


def _ethernet(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    if ver == 6:
        ether_within(ndo, at, length)
    else:
        _requires(ndo, nh, 6)


def _pim(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    from vshell.commands.tcpdump.print_pim import pim_print

    pim_print(ndo, at, length, ip, ver)


def _sctp(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    from vshell.commands.tcpdump.print_sctp import sctp_print

    sctp_print(ndo, at, ip, length)


def _pfsync(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    from vshell.commands.tcpdump.print_pfsync import pfsync_ip_print

    pfsync_ip_print(ndo, at, length)


def _none(ndo: Ndo, at: int, length: int, ver: int, fragmented: bool, ttl: int, nh: int, ip: int) -> None:
    ndo.p("no next header" if nh == 59 else f" nd {length}")


SPECIAL = {
    1: _icmp, 2: _igmp, 4: _ip4, 6: _tcp, 17: _udp, 41: _ip6, 50: _esp, 58: _icmp6, 59: _none, 77: _none, 89: _ospf,
    103: _pim, 108: _esp, 112: _vrrp, 132: _sctp, 143: _ethernet, 240: _pfsync,
}  # fmt: skip
