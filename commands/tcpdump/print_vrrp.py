"""tcpdump: VRRP and CARP (print-vrrp.c, print-carp.c)."""

from __future__ import annotations

from vshell.commands.tcpdump.netdissect import Ndo, tok2str
from vshell.commands.tcpdump.print_ip import nextproto4_cksum
from vshell.commands.tcpdump.print_ip6 import nextproto6_cksum
from vshell.wire.cksum import in_cksum


def carp_print(ndo: Ndo, at: int, length: int, ttl: int) -> None:
    """An advertisement of CARP."""
    ndo.protocol = "carp"
    ndo.p("CARP")
    version, kind = ndo.u1(at) >> 4, ndo.u1(at) & 0xF
    ndo.p(f"v{version}-{'advertise' if kind == 1 else 'unknown'} {length}: ")
    if ttl != 255:
        ndo.p(f"[ttl={ttl}!] ")
    if version != 2 or kind != 1:
        return
    ndo.p(f"vhid={ndo.u1(at + 1)} advbase={ndo.u1(at + 5)} advskew={ndo.u1(at + 2)} authlen={ndo.u1(at + 3)} ")
    if ndo.v and ndo.ttest(at, length) and in_cksum(ndo.get(at, length)):
        ndo.p(f" (bad carp cksum {ndo.u2(at + 6):x}!)")
    ndo.p(f"counter={ndo.u8(at + 8)}")


def vrrp_print(ndo: Ndo, at: int, length: int, ip: int, ttl: int, ver: int) -> None:
    """An advertisement of VRRP."""
    ndo.protocol = "vrrp"
    ndo.p("VRRP")
    version, kind = ndo.u1(at) >> 4, ndo.u1(at) & 0xF
    ndo.p(f"v{version}, {tok2str({1: 'Advertisement'}, 'unknown type (%u)', kind)}")
    if ttl != 255:
        ndo.p(f", (ttl {ttl})")
    if version not in (2, 3) or kind != 1:
        return
    ndo.p(f", vrid {ndo.u1(at + 1)}, prio {ndo.u1(at + 2)}")
    auth = 0
    if version == 2:
        auth = ndo.u1(at + 4)
        ndo.p(f", authtype {tok2str({0: 'none', 1: 'simple', 2: 'ah'}, '#%d', auth)}")
        ndo.p(f", intvl {ndo.u1(at + 5)}s, length {length}")
    else:
        ndo.p(f", intvl {ndo.u2(at + 4) & 0xFFF}cs, length {length}")
    if not ndo.v:
        return
    if ndo.ttest(at, length):
        if version == 2:
            bad = in_cksum(ndo.get(at, length))
        else:
            bad = (nextproto4_cksum if ver == 4 else nextproto6_cksum)(ndo, ip, at, length, 112)
        if bad:
            ndo.p(f", (bad vrrp cksum {ndo.u2(at + 6):x})")
    count = ndo.u1(at + 3)
    ndo.p(f", addrs{f'({count})' if count > 1 else ''}:")
    size, sep = 4 if ver == 4 else 16, " "
    for i in range(count):
        ndo.p(f"{sep}{ndo.host(ndo.get(at + 8 + size * i, size))}")
        sep = ","
    if version == 2 and auth == 1:
        ndo.p(' auth "')
        ndo.printjnp(at + 8 + size * count, 8)
        ndo.p('"')
